"""A baseline's alerts over hours and days: they last as long as what is unusual does, and what lasts becomes usual."""

from __future__ import annotations

import numpy as np
import pytest

from alertbot.alerts.engine import Engine
from alertbot.rules.base import Direction, Rule, Severity
from alertbot.rules.baseline import Baseline
from alertbot.rules.drop import Drop
from alertbot.rules.grid import Grid
from alertbot.units import DAY, DAY_SLOTS, SLOT

MONDAY = 20_000 * DAY
FAR_OFF = Rule(
    "far-off", "baseline", Baseline(factor=1.9, zeros=False), Severity.WARNING, for_slots=1, accept_slots=288
)
DARK = Rule("went-dark", "drop", Drop(to=0.0), Severity.CRITICAL)
BEGUN = 8 * DAY_SLOTS + 100


def traffic(days=12):
    slots = np.arange(days * DAY_SLOTS)
    noise = np.random.default_rng(4).normal(0, 0.03, len(slots))
    return 1e9 * (1 - 0.6 * np.cos(2 * np.pi * slots / DAY_SLOTS)) * np.exp(noise)


def story(values, *rules, block=DAY_SLOTS):
    """(rule, slots since the incident began, reason) of each change."""
    grid = Grid(["a"])
    grid.put("a", MONDAY, values)
    engine, alerts, told = Engine(rules, {rule.name: ["a"] for rule in rules}, ["a"]), {}, []
    for row in range(0, len(values), block):
        due = np.ones((min(block, len(values) - row), 1), dtype=bool)
        judgement = engine.judge(grid, MONDAY + row * SLOT, due, alerts)
        alerts = judgement.alerts
        told += judgement.changes
    return [(each.alert.rule, (each.alert.slot - MONDAY) // SLOT - BEGUN, each.reason.value) for each in told]


@pytest.mark.parametrize("factor", [0.3, 3.0])
@pytest.mark.parametrize("hours", [1, 3, 8, 23])
def test_it_burns_from_the_first_slot_to_the_last_whatever_the_hour_makes_of_the_traffic(factor, hours):
    values = traffic()
    values[BEGUN : BEGUN + 12 * hours] *= factor

    assert story(values, FAR_OFF) == [("far-off", 0, "breach"), ("far-off", 12 * hours + 1, "cleared")]


@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_what_lasts_a_day_is_the_new_normal_and_is_not_told_again(factor):
    values = traffic()
    values[BEGUN:] *= factor

    assert story(values, FAR_OFF) == [("far-off", 0, "breach"), ("far-off", 287, "new normal")]


def test_the_day_after_an_incident_is_a_day_like_any_other():
    values = traffic(11)
    values[BEGUN : BEGUN + 60] *= 4
    told = story(values, FAR_OFF)

    assert [slot for _, slot, _ in told] == [0, 61]


def test_a_domain_that_goes_dark_while_it_is_far_off_is_told_as_dark():
    values = traffic()
    values[BEGUN : BEGUN + 60] *= 0.3
    values[BEGUN + 40 : BEGUN + 60] = 0

    assert story(values, FAR_OFF, DARK) == [
        ("far-off", 0, "breach"),
        ("went-dark", 41, "breach"),
        ("far-off", 61, "cleared"),
        ("went-dark", 61, "cleared"),
    ]


@pytest.mark.slow
def test_one_slot_after_the_other_comes_to_the_same_as_a_day_at_once():
    values = traffic(10)
    values[BEGUN : BEGUN + 30] *= 0.3
    values[BEGUN + 60 : BEGUN + 63] *= 5

    assert story(values, FAR_OFF, block=1) == story(values, FAR_OFF)


def test_it_is_described_in_words():
    assert (
        FAR_OFF.describe()
        == "at least 1.9 times or at most 1/1.9 of what is usual at this time, from 10 Mbps on for 5m"
    )
    assert Baseline(only=Direction.RISE).easing == pytest.approx(1.4)


def test_a_morning_that_begins_late_is_no_rise():
    values = np.where(np.arange(10 * DAY_SLOTS) % DAY_SLOTS < 66, 0, traffic(10))
    values[8 * DAY_SLOTS : 8 * DAY_SLOTS + 72] = 0

    assert story(values, FAR_OFF) == []


def test_days_of_silence_are_no_measure_of_what_the_others_carry():
    values = traffic(10)
    values[5 * DAY_SLOTS : 8 * DAY_SLOTS] = 0
    for day in (1, 2, 3):
        values[day * DAY_SLOTS + 200 : day * DAY_SLOTS + 206] *= 2.2
    values[8 * DAY_SLOTS + 200 : 8 * DAY_SLOTS + 206] *= 2.2

    assert [each for each in story(values, FAR_OFF) if each[1] > 0] == []
