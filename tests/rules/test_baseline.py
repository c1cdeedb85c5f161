"""Baseline: far off what this time of day usually carries, whatever the size, and only where enough is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fakes.judges.oracle import Oracle, Spell, baseline
from fakes.rigs.effort import examples
from hypothesis import given
from hypothesis import strategies as st

from alertbot.rules.base import Direction
from alertbot.rules.baseline import Baseline
from alertbot.rules.episodes import Episode
from alertbot.rules.grid import Grid
from alertbot.units import DAY, DAY_SLOTS, SLOT

MONDAY = 20_000 * DAY
NAN = math.nan
MBPS = 1e6
LEVEL = 100 * MBPS


def wave(days, noise=0.02, seed=1, level=LEVEL):
    """Days of traffic from Monday 00:00 on: three times as much in the afternoon as before dawn."""
    slots = np.arange(days * DAY_SLOTS)
    shape = 1 - 0.5 * np.cos(2 * np.pi * slots / DAY_SLOTS)
    return level * shape * np.exp(np.random.default_rng(seed).normal(0, noise, len(slots)))


def grid_of(values):
    grid = Grid(["a"])
    grid.put("a", MONDAY, np.asarray(values, dtype=float))
    return grid


def usual(rule, values, row):
    """(expected, low, high) of one slot."""
    found = rule.expect(grid_of(values).past(MONDAY + row * SLOT, 1))
    return tuple(float(each[0, 0]) for each in (found.expected, found.low, found.high))


def breaches(rule, values, first=0, count=None):
    """The rows in breach."""
    count = len(values) - first if count is None else count
    past = grid_of(values).past(MONDAY + first * SLOT, count)
    return (first + np.flatnonzero(rule.breach(past.now, rule.reference(past))[:, 0])).tolist()


def test_what_is_expected_is_the_time_of_day_scaled_to_todays_level():
    values = wave(9, noise=0)
    values[8 * DAY_SLOTS :] *= 1.4  # a busier day
    row = 8 * DAY_SLOTS + 200

    expected, low, high = usual(Baseline(), values, row)

    assert expected == pytest.approx(values[row])
    hour = np.median(values[row - 12 : row])
    assert (low, high) == pytest.approx((min(expected, hour), max(expected, hour)))


def aside(grid, first, last):
    """An alert passed through these rows."""
    begin, end = MONDAY + first * SLOT, MONDAY + last * SLOT
    grid.aside.record(Episode(f"r{first}", "a", begin, end, Direction.FALL))


@pytest.mark.parametrize(("factor", "found"), [(0.0, True), (0.4, True), (0.8, False), (1.3, False), (2.5, True)])
@pytest.mark.parametrize("level", [20 * MBPS, 40e9])
def test_a_fall_and_a_rise_are_seen_at_once_at_any_hour_and_any_size(factor, found, level):
    for clock in range(0, DAY_SLOTS, 36):
        values = wave(9, level=level)[: 8 * DAY_SLOTS + clock + 1]
        values[-1] *= factor
        assert breaches(Baseline(), values, len(values) - 1) == ([len(values) - 1] if found else [])


def test_neither_the_hours_of_a_day_nor_a_weekend_are_a_breach():
    values = wave(28)
    for day in (5, 6, 12, 13, 19, 20, 26, 27):
        values[day * DAY_SLOTS : (day + 1) * DAY_SLOTS] *= 0.7
    assert breaches(Baseline(), values) == []


def test_a_series_that_always_strays_far_needs_more_and_the_time_of_day_counts():
    quiet, loud = wave(10, noise=0.02), wave(10, noise=0.5)
    mixed = np.where(np.arange(len(quiet)) % DAY_SLOTS < 100, loud, quiet)
    night, day = 9 * DAY_SLOTS + 60, 9 * DAY_SLOTS + 200

    for row, found in ((night, False), (day, True)):
        values = mixed[: row + 1].copy()
        values[row] = 2 * usual(Baseline(), values, row)[0]
        assert breaches(Baseline(), values, row) == ([row] if found else [])


def test_an_incident_of_an_earlier_day_is_no_part_of_what_is_expected():
    values = wave(9, noise=0)
    untouched = usual(Baseline(), values, 8 * DAY_SLOTS + 150)
    values[7 * DAY_SLOTS + 100 : 7 * DAY_SLOTS + 250] = 0
    values[5 * DAY_SLOTS + 100 : 5 * DAY_SLOTS + 250] *= 5

    assert usual(Baseline(), values, 8 * DAY_SLOTS + 150) == pytest.approx(untouched)


def test_what_an_alert_passed_through_is_left_out_and_the_level_is_that_of_before():
    values = wave(9, noise=0)
    begun, row = 8 * DAY_SLOTS + 100, 8 * DAY_SLOTS + 180
    values[begun : row + 1] *= 0.3
    past = grid_of(values)
    aside(past, begun, row - 1)

    found = Baseline().expect(past.past(MONDAY + row * SLOT, 1))

    assert float(found.expected[0, 0]) == pytest.approx(values[row] / 0.3)


def test_set_aside_is_a_preference_and_never_a_gap():
    values = wave(3, noise=0)
    row = 2 * DAY_SLOTS + 100
    values[row - DAY_SLOTS] *= 0.3
    grid = grid_of(values)
    aside(grid, row - DAY_SLOTS, row - DAY_SLOTS)
    assert float(Baseline().expect(grid.past(MONDAY + row * SLOT, 1)).expected[0, 0]) == pytest.approx(values[row])
    aside(grid, row - 2 * DAY_SLOTS, row - 2 * DAY_SLOTS)
    assert np.isfinite(Baseline().reference(grid.past(MONDAY + row * SLOT, 1)))[0, 0]


def test_coming_back_to_what_was_usual_is_no_rise_after_a_fall():
    values = wave(9, noise=0)
    begun, row = 8 * DAY_SLOTS + 100, 8 * DAY_SLOTS + 200
    values[begun : row - 20] = 0
    values[row - 20 : row] *= 0.4  # half back for a while, so that today's level is low
    grid = grid_of(values)
    aside(grid, begun, row - 21)
    found = Baseline().expect(grid.past(MONDAY + row * SLOT, 1))
    assert float(found.high[0, 0]) >= 0.99 * values[row]
    assert float(found.low[0, 0]) <= 0.5 * values[row]


def test_it_judges_from_a_day_and_an_hour_of_history_on():
    known = ~np.isnan(Baseline().reference(grid_of(wave(3)).past(MONDAY, 3 * DAY_SLOTS))[:, 0])

    assert np.flatnonzero(known)[0] == DAY_SLOTS + 12
    assert known[DAY_SLOTS + 12 :].all()
    assert Baseline().begins(MONDAY) == MONDAY + (DAY_SLOTS + 12) * SLOT


@pytest.mark.parametrize(("rule", "days"), [(Baseline(days=0, weeks=1), 7), (Baseline(days=2, weeks=0), 1)])
def test_it_judges_from_its_first_day_of_comparison_on(rule, days):
    known = ~np.isnan(rule.reference(grid_of(wave(9)).past(MONDAY, 9 * DAY_SLOTS))[:, 0])

    assert np.flatnonzero(known)[0] == days * DAY_SLOTS + 12
    assert rule.begins(MONDAY) == MONDAY + (days * DAY_SLOTS + 12) * SLOT


@pytest.mark.parametrize("silent", [0.0, NAN])
def test_a_time_of_day_that_is_always_silent_or_never_known_is_not_judged(silent):
    values = wave(9)
    night = np.arange(len(values)) % DAY_SLOTS < 60
    values[night] = silent
    values[-DAY_SLOTS + 30] = LEVEL

    assert -DAY_SLOTS + 30 + len(values) not in breaches(Baseline(), values)


def test_holes_are_neither_a_breach_nor_an_obstacle():
    values = wave(10)
    values[np.random.default_rng(3).random(len(values)) < 0.2] = NAN
    row = 9 * DAY_SLOTS + 150
    values[row : row + 3] = [NAN, LEVEL / 10, LEVEL * 5]

    assert breaches(Baseline(), values) == [row + 1, row + 2]


@pytest.mark.parametrize(
    ("rule", "value", "against", "breach", "cleared"),
    [
        (Baseline(2.0), 200, 100, True, False),  # at least the factor
        (Baseline(2.0), 199, 100, False, False),
        (Baseline(2.0), 151, 100, False, False),  # over when half as far off
        (Baseline(2.0), 149, 100, False, True),
        (Baseline(2.0), 50, 100, True, False),
        (Baseline(2.0), 51, 100, False, False),
        (Baseline(2.0), 66, 100, False, False),
        (Baseline(2.0), 67, 100, False, True),
        (Baseline(2.0), 100, 100, False, True),
        (Baseline(2.0), 0, 100, True, False),
        (Baseline(2.0, zeros=False), 0, 100, False, False),
        (Baseline(2.0, zeros=False), 1, 100, True, False),
        (Baseline(2.0, only=Direction.RISE), 40, 100, False, True),
        (Baseline(2.0, only=Direction.RISE), 200, 100, True, False),
        (Baseline(2.0, only=Direction.FALL), 200, 100, False, True),
        (Baseline(2.0, only=Direction.FALL), 40, 100, True, False),
        (Baseline(2.0, floor=150 * MBPS), 40, 100, False, True),  # both under the floor
        (Baseline(2.0, floor=150 * MBPS), 40, 160, True, False),
        (Baseline(2.0, floor=150 * MBPS), 250, 100, True, False),
        (Baseline(2.0), NAN, 100, False, False),
        (Baseline(2.0), 100, NAN, False, False),
    ],
)
def test_a_breach_is_past_the_factor_and_over_when_half_as_far_off(rule, value, against, breach, cleared):
    value, against = np.array(value * MBPS), np.array(against * MBPS)

    assert bool(rule.breach(value, against)) is breach
    grid = Grid(["a"])
    grid.put("a", MONDAY, np.array([value]))
    assert bool(rule.over(grid.past(MONDAY, 1), np.array([against]))[0, 0]) is cleared


def test_what_is_little_beside_what_is_usual_now_is_not_over_whatever_it_fired_on():
    values = wave(9, noise=0)
    row = 8 * DAY_SLOTS + 144
    values[row - 30 : row + 1] = 8 * MBPS  # under the floor, as what it fired on before dawn was
    grid = grid_of(values)
    aside(grid, row - 30, row - 1)
    rule, fired = Baseline(floor=10 * MBPS), np.array([9 * MBPS])
    assert rule.over(grid_of(np.full(2, 8 * MBPS)).past(MONDAY + SLOT, 1), fired)[0, 0]
    assert not rule.over(grid.past(MONDAY + row * SLOT, 1), fired)[0, 0]


def test_which_way_it_went_and_what_it_sets_aside():
    assert Baseline().direction(1.0, 2.0) is Direction.FALL
    assert Baseline().direction(3.0, 2.0) is Direction.RISE
    assert Baseline().sets_aside(Direction.RISE)
    assert not Baseline().frozen
    assert Baseline(days=3, weeks=0).depth == 3 * DAY_SLOTS + 24
    assert Baseline(days=3, weeks=1).depth == 7 * DAY_SLOTS + 24


def test_a_reference_is_needed():
    with pytest.raises(TypeError):
        Baseline().breach(np.array(1.0), None)


@examples(12, 60)
@given(
    seed=st.integers(0, 2**32 - 1),
    rule=st.builds(
        Baseline,
        factor=st.sampled_from([1.2, 1.8]),
        days=st.integers(0, 8),
        weeks=st.integers(1, 2),
        zeros=st.booleans(),
    ),
    row=st.integers(DAY_SLOTS, 16 * DAY_SLOTS - 1),
)
def test_what_is_usual_is_what_the_oracle_says_slowly(seed, rule, row):
    rng = np.random.default_rng(seed)
    values = wave(16, noise=rng.choice([0, 0.02, 0.3]), seed=seed)
    values *= np.repeat(rng.choice([0, 0.5, 1, 1, 1, 1, 2], len(values) // 12), 12)
    values[rng.random(len(values)) < rng.choice([0, 0.1, 0.7])] = NAN
    grid = grid_of(values)
    oracle = Oracle([], {}, {"a": dict(zip((MONDAY + SLOT * np.arange(len(values))).tolist(), values, strict=True))})
    for number, first in enumerate(rng.integers(0, len(values), 6).tolist()):
        last, way = min(first + int(rng.integers(1, 400)), row - 1), rng.choice(list(Direction))
        if first <= last:
            begin, end = MONDAY + first * SLOT, MONDAY + last * SLOT
            grid.aside.record(Episode(f"r{number}", "a", begin, end, Direction(way)))
            oracle.spells["a"].append(Spell(f"r{number}", begin, end, Direction(way), None))
    slot = MONDAY + row * SLOT

    found = rule.expect(grid.past(slot, 1))
    expected = baseline(rule, oracle.view("a", slot))

    got = tuple(float(each[0, 0]) for each in (found.expected, found.low, found.high))
    if math.isnan(values[row]) or expected is None:
        assert all(map(math.isnan, got))
    else:
        assert got == pytest.approx(expected)


@examples(8, 40)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-6, 3.7, 1e9]))
def test_twice_the_traffic_is_judged_alike(seed, scale):
    rng = np.random.default_rng(seed)
    values = wave(4, seed=seed) * rng.choice([0.3, 1, 1, 1, 1, 2.5], 4 * DAY_SLOTS)
    rule = Baseline(floor=0)

    assert breaches(rule, values * scale) == breaches(rule, values)


@examples(8, 40)
@given(seed=st.integers(0, 2**32 - 1), series=st.integers(1, 70), rows=st.integers(1, 200))
def test_neither_the_slots_nor_the_series_judged_at_a_time_decide_anything(seed, series, rows):
    rng = np.random.default_rng(seed)
    grid = Grid([f"s{number}" for number in range(series)])
    for number in range(series):
        values = wave(3, seed=seed % 1000 + number) * rng.choice([0, 0.4, 1, 1, 1, 3], 3 * DAY_SLOTS)
        values[: rng.integers(0, 2 * DAY_SLOTS)] = NAN
        grid.put(f"s{number}", MONDAY, values)
    first = MONDAY + 2 * DAY + int(rng.integers(0, 80)) * SLOT
    whole = Baseline().reference(grid.past(first, rows))
    row, column = int(rng.integers(0, rows)), int(rng.integers(0, series))

    one = Baseline().reference(grid.past(first + row * SLOT, 1, np.array([column])))

    np.testing.assert_array_equal(one, whole[row : row + 1, [column]])


def test_no_series_at_all_are_judged_as_well():
    assert Baseline().reference(Grid([]).past(MONDAY, 3)).shape == (3, 0)


def test_slots_under_a_mute_are_compared_with_each_other():
    values = wave(3, noise=0)
    values[DAY_SLOTS:] *= 4  # a launch, announced as two days
    grid = grid_of(values)
    grid.aside.mute(["a"], MONDAY + DAY, MONDAY + 3 * DAY - SLOT)
    row = 2 * DAY_SLOTS + 100

    inside = Baseline().expect(grid.past(MONDAY + row * SLOT, 1).meanwhile())

    assert float(inside.expected[0, 0]) == pytest.approx(values[row])
