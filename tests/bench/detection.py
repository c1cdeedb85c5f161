"""How well the starter rules tell what is wrong from what is not, and what each of them adds.

    python tests/bench/detection.py DATASET [--rules rules.example.toml] [--only ablation,sources,history,cost]

DATASET is a file of labelled series (``*.jsonl.gz``) with the ``score.py`` that reads it beside it; neither is part of
this repository. Each series is scaled to a median of 1 Gbps and replayed by the code that judges live. Printed are:

- ``ablation``: the rules together, each alone, and each left out;
- ``sources``: for each source of data, the factor of the ``baseline`` rules that is best on all other sources, and how
  it, and the one in the file, do on this one: whether what was tuned holds elsewhere;
- ``history``: which share of the slots a ``baseline`` judges, by how much history there is;
- ``cost``: seconds of a processor for 1,000 series. It needs no data: ``-`` will do for DATASET.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import numpy as np

from alertbot.alerts.engine import Engine
from alertbot.alerts.replay import Span, replay
from alertbot.cli.csv_history import CsvHistory, SeriesHistory
from alertbot.config import load
from alertbot.rules.base import Rule, Severity
from alertbot.rules.baseline import Baseline
from alertbot.rules.grid import Grid
from alertbot.units import DAY, DAY_SLOTS, SLOT

FACTORS = (1.5, 1.7, 1.8, 1.9, 2.0, 2.2)
SOURCES = {
    "isp": ("isp-inj", "isp-clean"),
    "wsd": ("wsd-inj", "wsd"),
    "aiops": ("nic-eth1out", "kpi-aiops"),
    "ms": ("ms-ingress", "ms-rps"),
}
TOGETHER = ("INJECTED", "CLEAN", "ANNOTATED")
ORDER = ("precision", "recall", "f1", "fa_sw")

Alarms = dict[str, list[list[int]]]


class Dataset:
    """The labelled series in slots of five minutes, and their scorer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.score = _scorer(path.with_name("score.py"))
        with gzip.open(path, "rt") as lines:
            held = [each for each in map(json.loads, lines) if each["step"] == SLOT and each["group"][:4] != "nab-"]
        self.series = {each["name"]: each for each in held}
        self.histories = {each["name"]: _scaled(each) for each in held}
        self.history = CsvHistory(self.histories)

    def alarms(self, rules: Sequence[Rule]) -> Alarms:
        """(fired, resolved) of every alert that wakes somebody, by series."""
        names = self.history.series
        engine = Engine(rules, {rule.name: names for rule in rules}, names)
        loud = {rule.name for rule in rules if rule.severity is not Severity.INFO}
        begun, found = dict[tuple[str, str], int](), Alarms()
        for change in replay(engine, self.history, Span()):
            key = (change.alert.series, change.alert.rule)
            if change.fired:
                begun[key] = change.alert.slot
            elif change.alert.rule in loud:
                found.setdefault(key[0], []).append([begun.pop(key), change.alert.slot])
        for (series, rule), slot in begun.items():
            if rule in loud:
                found.setdefault(series, []).append([slot, self.series[series]["ts"][-1]])
        return found

    def scored(self, alarms: Alarms, groups: Sequence[str] | None = None) -> Mapping[str, Any]:
        """The scorer's figures, of all groups or of some."""
        result: Mapping[str, Any] = self.score.evaluate(str(self.path), alarms, groups and set(groups))
        return result


def _scorer(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("score", path)
    if spec is None or spec.loader is None or not path.exists():
        sys.exit(f"{path}: the scorer is missing: put it beside the data")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _scaled(series: Mapping[str, Any]) -> SeriesHistory:
    slots, values = np.array(series["ts"], dtype=np.int64) // SLOT * SLOT, np.array(series["v"], dtype=float)
    some = values > 0
    return SeriesHistory(slots[some], values[some] * (1e9 / np.median(values[some])))


def _row(label: str, scores: Mapping[str, Any], kinds: Sequence[str] = TOGETHER) -> str:
    cells = []
    for kind in kinds:
        found = scores.get(kind)
        if found is not None and found["labels"]:
            figures = "/".join("  - " if found[key] is None else f"{found[key]:.3f}" for key in ORDER)
            delay = "-" if found["delay_med"] is None else f"{found['delay_med']:.1f}"
            cells.append(f"{kind} {figures} d{delay}")
        elif found is not None:
            cells.append(f"{kind} {found['fa']} false")
    return f"{label:28} " + " | ".join(cells)


def ablation(data: Dataset, rules: Sequence[Rule]) -> Iterator[str]:
    """Together, alone, left out."""
    yield "precision/recall/F1/false alarms per series-week, median delay in slots"
    yield _row("together", data.scored(data.alarms(rules)))
    for rule in rules:
        yield _row(f"only {rule.name}", data.scored(data.alarms([rule])))
    for rule in rules:
        yield _row(f"without {rule.name}", data.scored(data.alarms([each for each in rules if each is not rule])))


def sources(data: Dataset, rules: Sequence[Rule]) -> Iterator[str]:
    """What is best on all but one source, on that one."""
    found = {factor: data.alarms([_with_factor(rule, factor) for rule in rules]) for factor in FACTORS}
    found[0.0] = data.alarms(rules)
    for source, groups in SOURCES.items():
        others = [group for name, some in SOURCES.items() if name != source for group in some]
        best = max(FACTORS, key=lambda factor: _worth(data.scored(found[factor], others)))
        yield _row(f"{source}: tuned elsewhere {best:g}", data.scored(found[best], groups))
        yield _row(f"{source}: as in the file", data.scored(found[0.0], groups))


def _with_factor(rule: Rule, factor: float) -> Rule:
    return replace(rule, kind=replace(rule.kind, factor=factor)) if isinstance(rule.kind, Baseline) else rule


def _worth(scores: Mapping[str, Any]) -> float:
    """Injected events count most: what is exactly known of them is exactly known."""
    weights = {"INJECTED": 4.0, "ANNOTATED": 1.0}
    clean = scores["CLEAN"]["fa"] if "CLEAN" in scores else 0
    return sum(weight * (scores[kind]["f1"] or 0) for kind, weight in weights.items() if kind in scores) - 0.1 * clean


def history(data: Dataset, rule: Baseline) -> Iterator[str]:
    """The share of known slots that are judged, by the age of the series."""
    held, judged = np.zeros(16), np.zeros(16)
    grid, starts = Grid(data.history.series), np.full(len(data.history.series), -1)
    for day in data.history.days():
        grid.day(day)[:], _ = data.history.day(day)
        values = grid.values(day * DAY, DAY_SLOTS)
        slots = day * DAY + SLOT * np.arange(DAY_SLOTS)
        known = ~np.isnan(values)
        new = known.any(axis=0) & (starts < 0)
        starts[new] = slots[known[:, new].argmax(axis=0)]
        reference = ~np.isnan(rule.reference(grid.past(day * DAY, DAY_SLOTS)))
        age = np.clip((slots[:, None] - starts) // DAY, 0, len(held) - 1)
        held += np.bincount(age[known], minlength=len(held))
        judged += np.bincount(age[known & reference], minlength=len(held))
        grid.forget((day + 1) * DAY - rule.depth * SLOT)
    for age in np.flatnonzero(held):
        more = " or more" if age == len(held) - 1 else ""
        yield f"day {age + 1}{more}: {judged[age] / held[age]:7.2%} of {held[age]:,.0f} slots are judged"


def cost(rule: Rule, series: int = 1000, rules: int = 10) -> Iterator[str]:
    """Seconds of a processor: a slot live, and a day of replay."""
    if not isinstance(rule.kind, Baseline):
        raise TypeError("what a baseline costs is measured")
    names = [f"s{number}" for number in range(series)]
    grid, noise, days = Grid(names), np.random.default_rng(1), rule.kind.depth // DAY_SLOTS + 3
    shape = 2 - np.cos(2 * np.pi * np.arange(DAY_SLOTS) / DAY_SLOTS)
    for day in range(20_000, 20_000 + days):
        grid.day(day)[:] = 1e8 * shape[:, None] * np.exp(noise.normal(0, 0.05, (DAY_SLOTS, series)))
    several = [replace(rule, name=f"{rule.name}-{number}") for number in range(rules)]
    first = (20_000 + days - 1) * DAY
    for label, judging, slots in (("a slot, live", several, 1), ("a day of replay", several[:1], DAY_SLOTS)):
        engine = Engine(judging, {each.name: names for each in judging}, names)
        due = np.ones((slots, series), dtype=bool)
        engine.judge(grid, first, due, {})
        begun = time.process_time()
        engine.judge(grid, first, due, {})
        spent = time.process_time() - begun
        yield f"{label}: {spent:.3f} s for {series:,} series x {len(judging)} baseline rules"


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--rules", type=Path, default=Path("rules.example.toml"))
    parser.add_argument("--only", default="ablation,sources,history,cost")
    given = parser.parse_args()
    rules = [rule for rule in load(given.rules).rules if rule.domains == ("*",)]
    baseline = next((rule for rule in rules if isinstance(rule.kind, Baseline)), None)
    wanted = given.only.split(",")
    data = Dataset(given.dataset) if set(wanted) - {"cost"} else None
    parts: dict[str, Iterator[str]] = {}
    if data is not None:
        parts = {"ablation": ablation(data, rules), "sources": sources(data, rules)}
    if baseline is not None and isinstance(baseline.kind, Baseline):
        parts |= {"cost": cost(baseline)} | ({} if data is None else {"history": history(data, baseline.kind)})
    for name in wanted:
        click.echo(f"\n{name}")
        for line in parts[name]:
            click.echo(line)


if __name__ == "__main__":
    main()
