"""A rule that looks both ways: what turns from a rise to a fall is two alerts, one after the other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fakes.rigs.house import House, database
from fakes.rigs.night import config_for, far_off

from alertbot.alerts.engine import Engine
from alertbot.rules.base import Rule, Severity
from alertbot.rules.baseline import Baseline
from alertbot.rules.grid import Grid
from alertbot.rules.threshold import Threshold
from alertbot.units import DAY, DAY_SLOTS, SLOT

START = 20_000 * DAY
MBPS = 1e6
NAN = math.nan
WITHIN = Threshold(above=8 * MBPS, below=2 * MBPS)


def story(kind, values, *, deep=False, **keys):
    """Each change as direction, event, first slot and slot; ``deep``: slot by slot, as live."""
    rule = Rule("rule", "kind", kind, Severity.WARNING, **keys)
    engine, grid = Engine((rule,), {"rule": ("a",)}, ("a",)), Grid(["a"])
    grid.put("a", START - 3 * DAY, np.full(3 * DAY_SLOTS, 5 * MBPS))
    grid.put("a", START, MBPS * np.array(values, dtype=float))
    alerts, found, step = {}, [], 1 if deep else len(values)
    for first in range(0, len(values), step):
        judged = engine.judge(grid, START + first * SLOT, np.ones((step, 1), dtype=bool), alerts)
        alerts = judged.alerts
        found += judged.changes
    return [
        f"{each.alert.direction} {'fired' if each.fired else each.reason}"
        f" {(each.alert.since - START) // SLOT}>{(each.alert.slot - START) // SLOT}"
        for each in found
    ]


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("keys", "values", "expected"),
    [
        ({}, [9, 9, 1, 1, 5, 5], ["rise fired 0>1", "rise cleared 0>3", "fall fired 2>3", "fall cleared 2>5"]),
        ({}, [1, 1, 9, 9, 5, 5], ["fall fired 0>1", "fall cleared 0>3", "rise fired 2>3", "rise cleared 2>5"]),
        ({}, [9, 9, 1, 9, 9, 5, 5], ["rise fired 0>1", "rise cleared 0>6"]),
        ({}, [9, 1, 1], ["fall fired 1>2"]),
        ({}, [9, 1, 9, 1], []),
        ({}, [9, 9, 5, 1, 1], ["rise fired 0>1", "rise cleared 0>3", "fall fired 3>4"]),
        ({}, [9, 9, 1, NAN, 1, 1], ["rise fired 0>1", "rise cleared 0>5", "fall fired 4>5"]),
        ({"clear_slots": 12}, [9, 9, 1, 1], ["rise fired 0>1", "rise cleared 0>3", "fall fired 2>3"]),
        ({"clear_slots": 1}, [9, 9, 1, 1], ["rise fired 0>1", "rise cleared 0>2", "fall fired 2>3"]),
        ({"for_slots": 1}, [9, 1, 5, 5], ["rise fired 0>0", "rise cleared 0>1", "fall fired 1>1", "fall cleared 1>3"]),
        ({"for_slots": 2, "within_slots": 4}, [9, 5, 1, 5, 1], ["fall fired 2>4"]),
    ],
)
def test_what_turns_ends_and_the_other_way_fires_as_soon_as_it_would_by_itself(keys, values, expected, deep):
    assert story(WITHIN, values, deep=deep, **keys) == expected


def test_a_spike_that_ends_in_the_dark_is_an_outage_to_a_baseline():
    assert story(Baseline(floor=MBPS), [15, 15, 15, 0, 0, 0, 5, 5]) == [
        "rise fired 0>1",
        "rise cleared 0>4",
        "fall fired 3>4",
        "fall cleared 3>7",
    ]


def test_a_rise_is_over_at_0_where_that_is_of_no_weight():
    assert story(Baseline(floor=9 * MBPS), [15, 15, 0, 0, 0]) == ["rise fired 0>1", "rise cleared 0>3"]


@pytest.fixture
async def home(tmp_path):
    house = House(config_for(database(tmp_path), ("a.com", "b.com"), [far_off()]), ("a.com", "b.com"))
    yield house
    await house.end()


async def test_both_are_posted_and_nothing_is_called_normal_in_between(home):
    await home.begin({"a.com": 1e8, "b.com": 1e9, "total": 1.1e9})
    for value in (3e8, 3e8, 1e3, 1e3):
        await home.judge({"a.com": value, "b.com": 1e9, "total": value + 1e9})
    assert [row.text for row in home.outbox() if row.action in {"post", "reply"}] == [
        "`a.com` carries 300 Mbps, 3 times the 100 Mbps usual at this time, since 00:00.",
        "Resolved: `a.com` is back at 1 kbps since 00:10 (usually 100 Mbps), after 10m.",
        "`a.com` carries 1 kbps, only 0.001% of the 100 Mbps usual at this time, since 00:10.",
    ]
