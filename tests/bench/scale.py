"""How much one process bears: a table of what a slot, a replay and a start cost, each measured in a process of its own.

    python tests/bench/scale.py [live|replay|csv|store|start|imports ...] [--series N] [--rules N] ...

Without arguments every table is printed, which takes some minutes. Wall and CPU seconds and the peak of resident
memory are the whole process's; nothing is asserted.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.night import config_for

from alertbot.alerts.ledger import Ledger
from alertbot.clock import SystemClock
from alertbot.config import Config
from alertbot.desk import Desk
from alertbot.rules.base import Array, Rule, Severity
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.grid import Grid
from alertbot.rules.threshold import Threshold
from alertbot.scratch import MANY, Scratch
from alertbot.storekeeper import Storekeeper
from alertbot.units import DAY, DAY_SLOTS, SLOT
from alertbot.watch import Watch, lay_out

START = 1_793_577_600
"""Midnight UTC, the first day of the made-up history."""

HISTORY_DAYS = 8
BATCH = 400
_NOISE = 0.02

KINDS = (
    ("dark", Drop(to=0.0, from_=5e6)),
    ("fell", Drop(by=0.8, from_=2e7)),
    ("doubled", DayOverDay(2.5, days=1, weeks=1, floor=5e7)),
    ("ceiling", Threshold(above=5e10)),
    ("half", Drop(by=0.5, from_=1e8)),
    ("week", DayOverDay(0.4, days=0, weeks=1, floor=5e7)),
    ("median", DayOverDay(3.0, days=3, floor=5e7)),
    ("long", Drop(by=0.9, from_=1e7, window=36)),
    ("floor", Threshold(below=1.0)),
    ("tenfold", DayOverDay(10.0, days=1, floor=1e7)),
)


@dataclass(frozen=True)
class Cost:
    """What a process took."""

    wall: float
    cpu: float
    peak: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s wall, {self.cpu:.2f} s CPU, {self.peak:.0f} MB"


def rules_of(count: int) -> list[Rule]:
    return [Rule(name, "kind", kind, Severity.WARNING) for name, kind in KINDS[:count]]


def names_of(count: int) -> tuple[str, ...]:
    return tuple(f"video-{number:05}.example.com" for number in range(count))


def day_of(levels: Array, day: int) -> Array:
    """288 slots x series: a daily wave and noise, the same every time."""
    rng = np.random.default_rng(day)
    slots = day * DAY + SLOT * np.arange(DAY_SLOTS)
    wave = 1 + 0.3 * np.sin(slots / DAY * 2 * np.pi)
    return wave[:, None] * levels * rng.normal(1, _NOISE, (DAY_SLOTS, len(levels)))


def levels_of(count: int) -> Array:
    return np.random.default_rng(7).lognormal(18, 1.2, count)


def peak() -> float:
    """Megabytes of resident memory at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def configured(folder: Path, series: int, rules: int) -> tuple[Config, Watch]:
    config = config_for(folder / "alertbot.db", names_of(series), rules_of(rules))
    return config, lay_out(config, config.watched())


# -- live


async def live(series: int, rules: int, slots: int) -> dict[str, Any]:
    """A day ends, slot after slot, in batches as the poller judges them: what each takes."""
    with tempfile.TemporaryDirectory() as folder:
        config, watch = configured(Path(folder), series, rules)
        levels = levels_of(series)
        today = START // DAY + HISTORY_DAYS
        grid = Grid(watch.series, Scratch(Path(folder)) if series >= MANY else None)
        for day in range(today - HISTORY_DAYS, today):
            grid.day(day)[:, :series] = day_of(levels, day)
        keeper = Storekeeper()
        await keeper.open(config.store.path)
        ledger = Ledger(watch.engine, grid, dict.fromkeys(watch.series, today * DAY - SLOT), {})
        desk = Desk(watch, ledger, keeper, config.slack, SystemClock(), series_begun=dict.fromkeys(watch.series, 0),
                    rules_begun=dict.fromkeys(watch.rules, 0), wake=lambda: None)  # fmt: skip
        values = day_of(levels, today)
        judged, committed, taken = [], [], []
        cpu = time.process_time()
        for row in range(slots):
            slot = today * DAY + row * SLOT
            spent = [0.0, 0.0, 0.0]
            for first in range(0, series, BATCH):
                began = time.perf_counter()
                for column in range(first, min(first + BATCH, series)):
                    ledger.take(watch.series[column], slot, values[row : row + 1, column])
                took = time.perf_counter()
                entry = ledger.judge(slot)
                done = time.perf_counter()
                await desk.commit(entry, slot)
                ledger.trim()
                spent = [spent[0] + took - began, spent[1] + done - took, spent[2] + time.perf_counter() - done]
            taken.append(spent[0])
            judged.append(spent[1])
            committed.append(spent[2])
        cpu = (time.process_time() - cpu) / slots
        await keeper.close()
        medians = [1000 * float(np.median(each)) for each in (taken, judged, committed)]
        return dict(zip(("take_ms", "judge_ms", "commit_ms"), medians, strict=True)) | {"cpu_s": cpu, "peak": peak()}


MEASURES = {"live": live}


@click.command()
@click.argument("what")
@click.option("--series", default=1500)
@click.option("--rules", default=3)
@click.option("--slots", default=12)
def main(what: str, **options: int) -> None:
    """One measurement, as JSON."""
    click.echo(json.dumps(asyncio.run(MEASURES[what](**options))))


if __name__ == "__main__":
    main()
