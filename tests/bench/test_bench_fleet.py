"""The bench of a fleet makes the traffic it says it makes, and counts what was posted for nothing."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from bench import fleet as bench
from bench.fleet import EXAMPLE, FIRST, HISTORY, ZONE, Fleet, Post, fleet, measured, table, true_of
from bench.traffic import Event, labelled, local, silent_nights, silent_weekends

from alertbot.rules.base import Direction
from alertbot.units import DAY, DAY_SLOTS, SLOT

WEEK = 7 * DAY_SLOTS
SLOTS = FIRST * DAY + SLOT * np.arange((HISTORY + 28) * DAY_SLOTS)


@pytest.mark.parametrize(("silence", "share"), [(silent_nights, (4 / 24, 9.5 / 24)), (silent_weekends, (0.3, 0.4))])
def test_a_third_is_silent_by_the_clock_on_the_wall(silence, share):
    silent = silence(np.random.default_rng(1), local(SLOTS, ZONE))
    assert share[0] <= silent.mean() <= share[1]
    assert not silent[(local(SLOTS, ZONE) // 3600 % 24 == 15) & (local(SLOTS, ZONE) // DAY % 7 < 1)].any()


def test_what_is_labelled_or_missing_is_taken_from_another_week_at_its_own_level(tmp_path):
    values = np.repeat([100.0, 200.0, 400.0], WEEK)
    values[WEEK + 500 : WEEK + 520] = 0
    kept = np.r_[: 2 * WEEK + 30, 2 * WEEK + 60 : 3 * WEEK]
    label = {"start": (WEEK + 500) * SLOT, "end": (WEEK + 519) * SLOT}
    each = {"name": "a", "group": "x", "step": SLOT, "ts": (kept * SLOT).tolist(), "v": values[kept].tolist()}
    with gzip.open(tmp_path / "set.jsonl.gz", "wt") as file:
        file.write(json.dumps({**each, "labels": [label]}))
    (found,) = labelled(tmp_path / "set.jsonl.gz")
    assert found == pytest.approx(np.repeat([100.0, 200.0, 400.0], WEEK))


def test_incidents_are_on_domains_of_their_own_that_carry_enough():
    it = fleet(40, 5, 1)
    assert len({event.series for event in it.events}) == 5
    assert {event.direction for event in it.events} <= set(Direction)
    assert all(it.values[event.first - 1, event.series] > bench.DARK for event in it.events)


def alert(series, row, direction="fall"):
    return {"series": series, "since": (FIRST * DAY_SLOTS + row) * SLOT, "direction": direction, "rule": "went-dark"}


def test_a_post_is_false_that_tells_of_nothing_that_happened():
    it = Fleet(("a", "b"), np.zeros((0, 2)), [Event(0, 9000, 9010, 0.0)])
    told = [
        Post("one", SLOTS[9001], [alert("a", 9000), alert("b", 9000)], 1, 0),
        Post("two", SLOTS[9001], [alert("a", 9000, "rise")], 1, 0),
        Post("three", SLOTS[9100], [alert("a", 9100)], 0, 0),
    ]
    assert [len(true_of(post, it)) for post in told] == [1, 0, 0]
    lines = list(table(told, it))
    assert lines[5].split() == ["on", "average", "0.8", "0.50", "0.25"]
    assert "true incidents posted 1 of 1" in lines


@pytest.mark.slow
async def test_a_small_fleet_is_told_of_its_incidents_and_of_little_else():
    it = fleet(40, 6, 1)
    found = await measured(it, EXAMPLE, 1)
    assert set[Event]().union(*(true_of(post, it) for post in found)) == set(it.events)
    assert sum(not true_of(post, it) for post in found) <= 2
