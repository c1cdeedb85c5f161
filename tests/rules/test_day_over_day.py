"""Day over day: so many times the same slot earlier, where either side is worth watching."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alertbot.rules.base import Direction
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.episodes import Episode
from alertbot.rules.grid import Grid
from alertbot.units import DAY, DAY_SLOTS, SLOT

NOON = 20_000 * DAY + DAY // 2
NAN = math.nan
MBPS = 1e6


def reference(rule, now, earlier, aside=()):
    """The reference of the slot at noon, where ``earlier`` holds the value of so many days before."""
    grid = Grid(["a"])
    grid.put("a", NOON, np.array([now], dtype=float))
    for days, value in earlier.items():
        grid.put("a", NOON - days * DAY, np.array([value], dtype=float))
    for days in aside:
        grid.aside.record(Episode("r", "a", NOON - days * DAY, NOON - days * DAY, Direction.FALL))
    return float(rule.reference(grid.past(NOON, 1))[0, 0])


@pytest.mark.parametrize(
    ("days", "weeks", "now", "earlier", "expected"),
    [
        (1, 0, 9, {1: 5}, 5),
        (1, 0, 9, {}, NAN),
        (1, 0, 9, {1: 0}, 0),
        (3, 0, 9, {1: 1, 2: 9, 3: 5}, 5),
        (3, 0, 9, {1: 1, 3: 5}, 3),  # two of three are known
        (3, 0, 9, {3: 5}, NAN),  # one of three is less than half
        (2, 0, 9, {1: 5}, 5),  # one of two is half
        (0, 1, 9, {1: 1, 7: 4}, 4),
        (0, 2, 9, {7: 4, 14: 8}, 6),
        (0, 2, 9, {}, NAN),
        (1, 1, 9, {1: 8, 7: 4}, 8),  # both: the one nearest to now
        (1, 1, 3, {1: 8, 7: 4}, 4),
        (1, 1, 6, {1: 8, 7: 4}, 8),  # as near: the day
        (1, 1, 9, {1: 8}, 8),  # only one is known: that one
        (1, 1, 9, {7: 4}, 4),
        (1, 1, 9, {}, NAN),
        (2, 1, 9, {1: 8, 2: 12, 7: 4}, 10),
    ],
)
def test_the_reference_is_the_same_slot_of_earlier_days_or_weeks(days, weeks, now, earlier, expected):
    assert reference(DayOverDay(2.0, days, weeks), now, earlier) == pytest.approx(expected, nan_ok=True)


def test_a_day_is_86400_seconds_whatever_a_clock_on_a_wall_does():
    grid = Grid(["a"])
    grid.put("a", NOON - DAY - 2 * SLOT, np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert float(DayOverDay(2.0).reference(grid.past(NOON, 1))[0, 0]) == 3


def test_days_set_aside_are_passed_over_where_there_are_others_in_reach():
    assert reference(DayOverDay(2.0), 9, {1: 5, 2: 7}, aside=(1,)) == 7
    assert math.isnan(reference(DayOverDay(2.0), 9, {1: 5, 3: 8}, aside=(1,))), "a day that is not known is a hole"
    assert reference(DayOverDay(2.0), 9, {1: 5, 2: 5, 7: 8}, aside=(1, 2, 3, 4, 5, 6)) == 8
    assert reference(DayOverDay(2.0, days=3), 9, {1: 5, 2: 7, 3: 9, 4: 9}, aside=(1,)) == 9
    assert reference(DayOverDay(2.0, days=0, weeks=1), 9, {7: 1, 14: 4}, aside=(7,)) == 4


def test_where_all_days_in_reach_are_set_aside_they_count_but_for_their_zeros():
    assert reference(DayOverDay(2.0), 9, {1: 0, 2: 6, 3: 9}, aside=range(1, 8)) == 6
    assert math.isnan(reference(DayOverDay(2.0), 9, {1: 0}, aside=range(1, 8)))


def test_what_agrees_on_three_days_of_separate_alerts_counts_again():
    earlier = {1: 5, 2: 6, 3: 7, 4: 20}
    assert reference(DayOverDay(2.0), 9, earlier, aside=(1, 2, 3)) == 5
    assert reference(DayOverDay(2.0), 9, {**earlier, 3: 9}, aside=(1, 2, 3)) == 20, "9 is more than 1.5 times 5"


def test_one_alert_teaches_one_day_however_long_it_lasted():
    grid = Grid(["a"])
    grid.put("a", NOON - 4 * DAY, np.array([20.0]))
    for days in (1, 2, 3):
        grid.put("a", NOON - days * DAY, np.array([5.0]))
    grid.aside.record(Episode("r", "a", NOON - 3 * DAY, NOON - DAY, Direction.FALL))
    assert float(DayOverDay(2.0).reference(grid.past(NOON, 1))[0, 0]) == 20


@pytest.mark.parametrize(("now", "expected"), [(51e6, True), (49e6, False), (0, False)])
def test_it_is_over_when_it_is_no_longer_in_breach(now, expected):
    grid = Grid(["a"])
    grid.put("a", NOON - DAY, np.array([100e6]))
    grid.put("a", NOON, np.array([now], dtype=float))
    assert bool(DayOverDay(0.5).over(grid.past(NOON, 1), np.array([NAN]))[0, 0]) is expected


def test_the_slot_itself_is_judged_though_it_is_set_aside():
    assert reference(DayOverDay(2.0, days=1, weeks=1), 9, {1: 8, 7: 4}, aside=(0,)) == 8


@pytest.mark.parametrize(
    ("rule", "value", "against", "breach"),
    [
        (DayOverDay(2.0), 100 * MBPS, 50 * MBPS, True),  # at least
        (DayOverDay(2.0), 99.9 * MBPS, 50 * MBPS, False),
        (DayOverDay(0.5), 50 * MBPS, 100 * MBPS, True),  # under 1: at most
        (DayOverDay(0.5), 50.1 * MBPS, 100 * MBPS, False),
        (DayOverDay(0.5), 0, 100 * MBPS, True),
        (DayOverDay(2.0), 9.9 * MBPS, 1 * MBPS, False),  # both under the floor of 10 Mbps
        (DayOverDay(2.0), 10 * MBPS, 1 * MBPS, True),  # now is at the floor
        (DayOverDay(0.5), 1 * MBPS, 9.9 * MBPS, False),
        (DayOverDay(0.5), 1 * MBPS, 10 * MBPS, True),  # the reference is
        (DayOverDay(2.0, floor=0), 100 * MBPS, 0, False),  # a reference of 0 is no breach
        (DayOverDay(0.5, floor=0), 0, 0, False),
        (DayOverDay(2.0), NAN, 50 * MBPS, False),
        (DayOverDay(0.5), NAN, 50 * MBPS, False),
        (DayOverDay(2.0), 100 * MBPS, NAN, False),
        (DayOverDay(0.5), 100 * MBPS, NAN, False),
    ],
)
def test_a_breach_is_past_the_ratio_with_either_side_at_the_floor(rule, value, against, breach):
    against, value = np.asarray(against, dtype=float), np.asarray(value, dtype=float)
    assert bool(rule.breach(value, against)) is breach


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.7, 1.1, 2.2, 3.3])
@pytest.mark.parametrize("level", [3e7, 123_456_789.0])
def test_exactly_the_ratio_counts_whatever_floats_make_of_it(ratio, level):
    for value in (level * ratio, np.nextafter(level * ratio, 0), np.nextafter(level * ratio, 1e12)):
        assert DayOverDay(ratio).breach(np.asarray(value), np.asarray(level))


def test_the_direction_is_that_of_the_ratio():
    assert DayOverDay(2.0).direction(0, 1.0) is Direction.RISE
    assert DayOverDay(0.5).direction(0, 1.0) is Direction.FALL


def test_the_reference_moves_on_and_its_slots_are_set_aside():
    assert not DayOverDay(2.0).frozen
    assert DayOverDay(2.0).sets_aside(Direction.RISE)


@pytest.mark.parametrize(("days", "weeks", "depth"), [(1, 0, 1), (3, 0, 3), (0, 1, 7), (8, 1, 8), (1, 2, 14)])
def test_it_looks_back_to_the_oldest_day_or_week(days, weeks, depth):
    assert DayOverDay(2.0, days, weeks).depth == depth * DAY_SLOTS


def test_it_cannot_be_judged_without_a_reference():
    with pytest.raises(TypeError, match="reference"):
        DayOverDay(2.0).breach(np.zeros(1), None)
