"""A drop: against the median just before, of slots that are known and that no incident passed through."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alertbot.rules.base import Direction
from alertbot.rules.drop import Drop
from alertbot.rules.episodes import Episode
from alertbot.rules.grid import Grid
from alertbot.rules.usual import REACH
from alertbot.units import DAY, DAY_SLOTS, SLOT

NOON = 20_000 * DAY + DAY // 2
MBPS = 1e6
NAN = math.nan


def reference(rule, before, fallen=(), way=Direction.FALL):
    """The reference of the slot at noon after these values; alerts passed through those at the positions ``fallen``."""
    grid = Grid(["a"])
    first = NOON - len(before) * SLOT
    grid.put("a", first, np.array(before, dtype=float))
    for position in fallen:
        slot = first + position * SLOT
        grid.aside.record(Episode("r", "a", slot, slot, way))
    return float(rule.reference(grid.past(NOON, 1))[0, 0])


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([1, 2, 3, 4], 2.5),
        ([4, 1, 3, 2], 2.5),
        ([99, 4, 1, 3, 2], 2.5),  # beyond the window of four
        ([NAN, 1, 9, 5], 5),
        ([NAN, NAN, 1, 3], 2),  # half is known: enough
        ([NAN, NAN, NAN, 3], NAN),  # less than half: unknown
        ([NAN, NAN, NAN, NAN], NAN),
        ([0, 0, 5, NAN], 0),  # a zero is a value
        ([2, 3], 2.5),  # history begins here
        ([3], NAN),
    ],
)
def test_the_reference_is_the_median_of_the_window_and_needs_half_of_it_known(before, expected):
    assert reference(Drop(to=0, window=4), before) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(("before", "expected"), [([NAN, 1, 3], 2), ([NAN, NAN, 3], NAN)])
def test_half_of_an_odd_window_is_rounded_up(before, expected):
    assert reference(Drop(to=0, window=3), before) == pytest.approx(expected, nan_ok=True)


def test_a_window_of_one_slot_is_the_slot_before():
    assert reference(Drop(to=0, window=1), [7, 9]) == 9


def test_falls_are_left_out_of_the_window_which_reaches_further_back_for_it():
    assert reference(Drop(to=0, window=4), [9, 9, 1, 1], fallen=(2, 3)) == 9
    assert reference(Drop(to=0, window=4), [7, 7, 9, 9, 1, 1, 1], fallen=(4, 5, 6)) == 8
    assert math.isnan(reference(Drop(to=0, window=4), [9, 1, 1, 1], fallen=(1, 2, 3))), "one of four is known"


def test_what_a_rise_carried_was_carried():
    assert reference(Drop(to=0, window=4), [1, 1, 9, 9, 9], fallen=(2, 3, 4), way=Direction.RISE) == 9


def test_a_window_keeps_its_last_reference_through_days_of_nothing_else():
    days = 3 * DAY_SLOTS
    assert reference(Drop(to=0, window=4), [5] * 4 + [0] * days, fallen=range(4, 4 + days)) == 5


def test_the_slot_itself_is_no_part_of_its_reference():
    grid = Grid(["a"])
    grid.put("a", NOON - SLOT, np.array([5.0, 0.0]))
    assert float(Drop(to=0, window=1).reference(grid.past(NOON, 1))[0, 0]) == 5


@pytest.mark.parametrize(
    ("rule", "value", "against", "breach"),
    [
        (Drop(to=0), 0, 5 * MBPS, True),
        (Drop(to=0), 1, 5 * MBPS, False),
        (Drop(to=2 * MBPS), 2 * MBPS, 5 * MBPS, True),  # at or under
        (Drop(by=0.8), 20, 100, False),  # under `from`
        (Drop(by=0.8, from_=100), 20, 100, True),  # at least `by`, at least `from`
        (Drop(by=0.8, from_=100), 20.001, 100, False),
        (Drop(by=0.8, from_=100), 20, 99.99, False),
        (Drop(by=1.0), 0, 5 * MBPS, True),
        (Drop(by=1.0), 1, 5 * MBPS, False),
        (Drop(to=0), 0, 1 * MBPS, True),  # `from` defaults to 1 Mbps
        (Drop(to=0), 0, 0.99 * MBPS, False),
        (Drop(to=0, from_=0), 0, 0, False),  # a reference of 0 is no breach
        (Drop(by=0.8, from_=0), 0, 0, False),
        (Drop(to=0), NAN, 5 * MBPS, False),  # unknown is no breach
        (Drop(to=0), 0, NAN, False),
        (Drop(by=0.8), NAN, NAN, False),
    ],
)
def test_a_breach_is_a_fall_from_a_reference_worth_watching(rule, value, against, breach):
    assert bool(rule.breach(np.asarray(value, dtype=float), np.asarray(against, dtype=float))) is breach


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("level", [3.0, 1e6, 123_456_789.0])
def test_exactly_fallen_by_the_share_counts_whatever_floats_make_of_it(share, level):
    left = level - share * level
    assert Drop(by=share, from_=0).breach(np.asarray(left), np.asarray(level))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("level", [3.0, 1e6, 123_456_789.0])
def test_exactly_the_share_is_back_whatever_floats_make_of_it(share, level):
    assert over(Drop(to=0, clear=share), level - (1 - share) * level, level)


def over(rule, now, fired, usual=NAN, *, silent=False):
    """Whether a breach that fired on a reference is over at noon, with what the same slot usually carries."""
    grid = Grid(["a"])
    grid.put("a", NOON - 8 * DAY, np.full(8 * DAY_SLOTS + 1, NAN))
    for day in range(1, 8):
        grid.put("a", NOON - day * DAY, np.array([usual], dtype=float))
    grid.put("a", NOON - 21 * DAY, np.array([1.0 if silent else NAN]))
    grid.put("a", NOON, np.array([now], dtype=float))
    return bool(rule.over(grid.past(NOON, 1), np.array([fired], dtype=float))[0, 0])


@pytest.mark.parametrize(
    ("rule", "value", "fired", "usual", "expected"),
    [
        (Drop(to=0), 50, 100, NAN, True),  # half by default
        (Drop(to=0), 49.9, 100, NAN, False),
        (Drop(to=0, clear=0.9), 89, 100, NAN, False),
        (Drop(to=0), 20, 100, 40, True),  # half of what is usual at this time
        (Drop(to=0), 19, 100, 40, False),
        (Drop(to=0), 60, 100, 1000, True),  # either is enough
        (Drop(to=0), 0, 100, NAN, False),
        (Drop(to=0), NAN, 100, 40, False),
        (Drop(by=0.8), 60, 100, 400, False),  # back by the level it fell from, but still fallen from the usual one
        (Drop(by=0.8), 60, 100, 250, True),
    ],
)
def test_it_is_over_when_the_share_is_back_of_what_it_fired_on_or_of_the_usual(rule, value, fired, usual, expected):
    assert over(rule, value, fired, usual) is expected


def test_at_0_it_is_over_only_where_it_is_usually_silent():
    assert not over(Drop(to=0), 0, 100, usual=0)  # it never carried anything, as far as is known
    assert over(Drop(to=0), 0, 100, usual=0, silent=True)


def test_a_drop_is_a_fall_freezes_its_reference_and_sets_its_slots_aside():
    rule = Drop(to=0)
    assert rule.direction(0, 1.0) is Direction.FALL
    assert rule.frozen
    assert rule.sets_aside(Direction.FALL)
    assert rule.reach == REACH


@pytest.mark.parametrize(("window", "depth"), [(12, DAY_SLOTS), (288, 288), (400, 400)])
def test_it_looks_back_over_its_window_and_at_least_a_day(window, depth):
    assert Drop(to=0, window=window).depth == depth


def test_a_drop_cannot_be_judged_without_a_reference():
    with pytest.raises(TypeError, match="reference"):
        Drop(to=0).breach(np.zeros(1), None)
