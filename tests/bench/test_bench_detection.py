"""The bench of detection counts what it says it counts, on traffic and with a scorer made up here."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from bench.detection import Dataset, ablation, cost, history, sources

from alertbot.config import load
from alertbot.rules.baseline import Baseline
from alertbot.units import DAY, DAY_SLOTS, SLOT

EXAMPLE = Path(__file__).parents[2] / "rules.example.toml"
MONDAY = 20_000 * DAY
FALL = 6 * DAY_SLOTS + 150
SCORER = """
def evaluate(path, alarms, groups=None):
    count = sum(len(each) for each in alarms.values())
    score = {"labels": 1, "precision": float(count), "recall": None, "f1": 0.5, "fa_sw": 0.0, "delay_med": None}
    return {"INJECTED": score, "CLEAN": {"labels": 0, "fa": count}}
"""


@pytest.fixture
def data(tmp_path):
    """Two series of eight days; one falls to a third for two hours, then for half an hour to nothing."""
    (tmp_path / "score.py").write_text(SCORER)
    slots = np.arange(8 * DAY_SLOTS)
    steady = 5 + np.sin(2 * np.pi * slots / DAY_SLOTS)
    falling = steady.copy()
    falling[FALL : FALL + 24] /= 3
    falling[FALL + 100 : FALL + 106] = 0
    path = tmp_path / "set.jsonl.gz"
    with gzip.open(path, "wt") as lines:
        for name, values in (("steady", steady), ("falling", falling)):
            held = {"name": name, "group": "x-inj", "step": SLOT, "v": values.tolist()}
            lines.write(json.dumps(held | {"ts": (MONDAY + SLOT * slots).tolist()}) + "\n")
    return Dataset(path)


def rules():
    return [rule for rule in load(EXAMPLE).rules if rule.domains == ("*",)]


def test_the_ablation_counts_what_each_rule_alone_and_all_but_it_would_have_told(data):
    told = {line[:28].strip(): line[28:].split() for line in ablation(data, rules())}

    counts = {label: float(words[1].split("/")[0]) for label, words in told.items() if words[0] == "INJECTED"}
    assert counts["only went-dark"] == 1
    assert counts["only far-off"] == 1
    assert counts["without far-off"] == counts["together"] - 1
    assert set(counts) == {
        "together",
        *(f"{word} {rule.name}" for rule in rules() for word in ("only", "without")),
    }
    assert told["together"][-2:] == [str(int(counts["together"])), "false"]


@pytest.mark.slow
def test_each_source_is_scored_by_what_is_best_elsewhere_and_by_what_the_file_says(data):
    lines = list(sources(data, rules()))

    assert [line.split(":")[0] for line in lines] == [name for name in ("isp", "wsd", "aiops", "ms") for _ in "12"]
    assert sum("as in the file" in line for line in lines) == 4


def test_the_history_says_from_which_day_on_slots_are_judged(data):
    lines = list(history(data, Baseline()))

    assert lines[0].startswith("day 1:   0.00% of 576 slots")
    assert lines[1].startswith("day 2:  95.83% of 576 slots")
    assert all(line.split(":")[1].split("%")[0].strip() == "100.00" for line in lines[2:])


def test_the_cost_is_that_of_the_series_and_rules_asked_for():
    far_off = next(rule for rule in rules() if isinstance(rule.kind, Baseline))

    live, day = cost(far_off, series=3, rules=2)

    assert live.endswith("s for 3 series x 2 baseline rules")
    assert day.endswith("s for 3 series x 1 baseline rules")
