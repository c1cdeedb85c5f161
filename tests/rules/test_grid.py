"""The grid: zero, unknown and set aside are three things, and days are joined without a seam."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alertbot.rules.arrays import known_median
from alertbot.rules.base import Direction
from alertbot.rules.episodes import Episode
from alertbot.rules.grid import Grid
from alertbot.units import DAY, DAY_SLOTS, SLOT

TODAY = 20_000
MIDNIGHT = TODAY * DAY
NAN = math.nan
SERIES = ("a", "b", "c")

values = st.sampled_from([NAN, 0.0, 1.0, 2.5])
runs = st.tuples(
    st.sampled_from(SERIES), st.integers(-400, 400), st.lists(values, min_size=1, max_size=5), st.integers(1, 100)
)


def column(grid, first, values, name="a"):
    grid.put(name, first, np.array(values, dtype=float))


def read(grid, first, count, name="a"):
    return grid.values(first, count, np.array([grid.column[name]]))[:, 0].tolist()


def aside(grid, name, first, last):
    grid.aside.record(Episode("r", name, first, last, Direction.FALL))


def usable(grid, first, count, columns=slice(None)):
    """The values, NaN where they are set aside."""
    values, marks = grid.values(first, count, columns), grid.aside.marks(first, count, columns)
    return values if marks is None else np.where(marks > 0, NAN, values)


def test_what_was_never_put_is_unknown_and_not_zero():
    grid = Grid(SERIES)
    assert np.isnan(grid.values(MIDNIGHT, 3)).all()
    assert grid.values(MIDNIGHT, 3).shape == (3, 3)
    assert grid.aside.marks(MIDNIGHT, 3) is None
    assert grid.days == ()


def test_a_zero_is_known():
    grid = Grid(SERIES)
    column(grid, MIDNIGHT, [0])
    np.testing.assert_array_equal(read(grid, MIDNIGHT - SLOT, 3), [NAN, 0, NAN])


def test_a_run_over_midnight_reads_back_in_one_piece():
    grid = Grid(SERIES)
    column(grid, MIDNIGHT - 2 * SLOT, [1, 2, 3, 4])
    assert read(grid, MIDNIGHT - 2 * SLOT, 4) == [1, 2, 3, 4]
    assert grid.days == (TODAY - 1, TODAY)


def test_a_run_longer_than_a_day_reads_back_in_one_piece():
    grid = Grid(SERIES)
    column(grid, MIDNIGHT - 5 * SLOT, range(700))
    assert read(grid, MIDNIGHT - 5 * SLOT, 700) == list(range(700))
    assert len(grid.days) == 4


def test_a_revised_value_replaces_the_old_one_and_an_unknown_one_leaves_it():
    grid = Grid(SERIES)
    column(grid, MIDNIGHT, [1, 2, 3])
    column(grid, MIDNIGHT, [5, NAN, 0])
    assert read(grid, MIDNIGHT, 3) == [5, 2, 0]


def test_series_do_not_touch_one_another():
    grid = Grid(SERIES)
    column(grid, MIDNIGHT, [1], "a")
    column(grid, MIDNIGHT, [3], "c")
    np.testing.assert_array_equal(grid.values(MIDNIGHT, 1), [[1, NAN, 3]])
    np.testing.assert_array_equal(grid.values(MIDNIGHT, 1, np.array([2, 0])), [[3, 1]])


def test_a_slot_set_aside_is_judged_and_marked():
    grid = Grid(SERIES)
    column(grid, MIDNIGHT - SLOT, [1, 2, 3])
    aside(grid, "a", MIDNIGHT - SLOT, MIDNIGHT)
    assert read(grid, MIDNIGHT - SLOT, 3) == [1, 2, 3]
    np.testing.assert_array_equal(usable(grid, MIDNIGHT - SLOT, 3)[:, 0], [NAN, NAN, 3])


def test_a_mark_outlives_a_revision():
    grid = Grid(SERIES)
    aside(grid, "a", MIDNIGHT, MIDNIGHT)
    column(grid, MIDNIGHT, [7])
    assert np.isnan(usable(grid, MIDNIGHT, 1)[0, 0])


def test_an_alert_that_is_recorded_anew_or_erased_leaves_no_marks_but_those_of_others():
    grid = Grid(SERIES)
    aside(grid, "a", MIDNIGHT, MIDNIGHT + 5 * SLOT)
    grid.aside.record(Episode("other", "a", MIDNIGHT + SLOT, MIDNIGHT + 2 * SLOT, Direction.RISE))
    aside(grid, "a", MIDNIGHT, MIDNIGHT + 3 * SLOT)
    assert grid.aside.marks(MIDNIGHT, 6)[:, 0].tolist() == [1, 3, 3, 1, 0, 0]
    grid.aside.erase("a", "r", MIDNIGHT)
    assert grid.aside.marks(MIDNIGHT, 6)[:, 0].tolist() == [0, 2, 2, 0, 0, 0]


def test_of_a_new_normal_only_what_came_before_its_level_is_set_aside():
    grid = Grid(SERIES)
    grid.aside.record(Episode("r", "a", MIDNIGHT, MIDNIGHT + 5 * SLOT, Direction.FALL, accepted=MIDNIGHT + 2 * SLOT))
    assert grid.aside.marks(MIDNIGHT, 6)[:, 0].tolist() == [1, 1, 0, 0, 0, 0]


def test_a_one_off_mute_sets_slots_aside_before_and_after_they_are_known():
    grid = Grid(SERIES)
    grid.aside.mute(["a", "c", "unheard of"], MIDNIGHT - SLOT, MIDNIGHT)
    for name in SERIES:
        column(grid, MIDNIGHT - 2 * SLOT, [1, 2, 3, 4], name)
    left = usable(grid, MIDNIGHT - 2 * SLOT, 4)
    np.testing.assert_array_equal(left[:, 0], [1, NAN, NAN, 4])
    np.testing.assert_array_equal(left[:, 1], [1, 2, 3, 4])
    np.testing.assert_array_equal(left[:, 2], left[:, 0])
    assert read(grid, MIDNIGHT - 2 * SLOT, 4) == [1, 2, 3, 4], "what is judged and stored stays as it is"


def test_slots_under_a_mute_may_look_back_on_each_other():
    grid = Grid(["a", "b"])
    for name in grid.series:
        column(grid, MIDNIGHT - 4 * SLOT, range(8), name)
    grid.aside.mute(["a"], MIDNIGHT - 2 * SLOT, MIDNIGHT)
    past = grid.past(MIDNIGHT - SLOT, 4)
    np.testing.assert_array_equal(past.back(1), [[NAN, 2], [NAN, 3], [NAN, 4], [5, 5]])
    np.testing.assert_array_equal(past.meanwhile().back(1), [[2, 2], [3, 3], [4, 4], [5, 5]])
    np.testing.assert_array_equal(past.muted, [[True, False], [True, False], [False, False], [False, False]])


def test_a_mute_of_years_holds_no_days_and_outlives_those_that_are_let_go_of():
    grid = Grid(SERIES)
    grid.aside.mute(SERIES, MIDNIGHT - 4000 * DAY, MIDNIGHT + 4000 * DAY)
    assert grid.days == ()
    grid.forget(MIDNIGHT)
    column(grid, MIDNIGHT - SLOT, [1, 2])
    assert np.isnan(usable(grid, MIDNIGHT - SLOT, 2)[:, 0]).all()


def test_days_are_let_go_of_only_once_all_of_them_is_past():
    grid = Grid(SERIES)
    column(grid, MIDNIGHT - DAY, np.ones(2 * DAY_SLOTS))
    aside(grid, "a", MIDNIGHT - DAY, MIDNIGHT - SLOT)
    grid.forget(MIDNIGHT - SLOT)
    assert grid.days == (TODAY - 1, TODAY)
    grid.forget(MIDNIGHT)
    assert grid.days == (TODAY,)
    assert np.isnan(read(grid, MIDNIGHT - SLOT, 1)).all()
    column(grid, MIDNIGHT - SLOT, [4])
    assert grid.aside.marks(MIDNIGHT - SLOT, 1) is None, "the marks of a day go with it"


def test_a_days_block_can_be_written_to():
    grid = Grid(SERIES)
    grid.day(TODAY)[3, 1] = 9
    assert read(grid, MIDNIGHT + 3 * SLOT, 1, "b") == [9]


def test_the_past_looks_back_from_each_slot():
    grid = Grid(["a"])
    column(grid, MIDNIGHT - 4 * SLOT, range(8))
    past = grid.past(MIDNIGHT, 3)
    assert past.now[:, 0].tolist() == [4, 5, 6]
    assert past.back(2)[:, 0].tolist() == [2, 3, 4]
    assert past.window(3)[:, 0].tolist() == [[1, 2, 3], [2, 3, 4], [3, 4, 5]]


@settings(max_examples=100, deadline=None)
@given(
    puts=st.lists(runs, max_size=6),
    alerts=st.lists(st.tuples(st.sampled_from(SERIES), st.integers(-400, 400), st.integers(0, 300)), max_size=3),
    mutes=st.lists(
        st.tuples(st.sets(st.sampled_from(SERIES)), st.integers(-900, 400), st.sampled_from([0, 3, 400, 2000])),
        max_size=2,
    ),
    start=st.integers(-400, 300),
    count=st.integers(1, 600),
    picked=st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True),
)
def test_a_grid_reads_as_a_dictionary_of_slots_would(puts, alerts, mutes, start, count, picked):
    grid, plain, aside_slots = Grid(SERIES), {}, set()
    for name, offset, pattern, repeats in puts:
        run = pattern * repeats
        column(grid, MIDNIGHT + offset * SLOT, run, name)
        plain |= {(name, offset + i): value for i, value in enumerate(run) if not math.isnan(value)}
    for number, (name, offset, length) in enumerate(alerts):
        begin = MIDNIGHT + offset * SLOT
        grid.aside.record(Episode(f"r{number}", name, begin, begin + length * SLOT, Direction.FALL))
        aside_slots |= {(name, offset + i) for i in range(length + 1)}
    for names, offset, length in mutes:
        grid.aside.mute(names, MIDNIGHT + offset * SLOT, MIDNIGHT + (offset + length) * SLOT)
        aside_slots |= {(name, offset + i) for name in names for i in range(length + 1)}
    names = [SERIES[position] for position in picked]
    slots = range(start, start + count)
    judged = [[plain.get((name, slot), NAN) for name in names] for slot in slots]
    left = [[NAN if (name, slot) in aside_slots else plain.get((name, slot), NAN) for name in names] for slot in slots]
    first = MIDNIGHT + start * SLOT
    np.testing.assert_array_equal(grid.values(first, count, np.array(picked)), judged)
    np.testing.assert_array_equal(usable(grid, first, count, np.array(picked)), left)
    np.testing.assert_array_equal(usable(grid, first, count)[:, picked], left)


@settings(deadline=None)
@given(rows=st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(values, min_size=n, max_size=n), min_size=1)))
def test_the_median_is_of_what_is_known_where_that_is_half_at_least(rows):
    expected = [
        np.nanmedian(row) if 2 * np.count_nonzero(~np.isnan(row)) >= len(row) else NAN for row in map(np.array, rows)
    ]
    np.testing.assert_array_equal(known_median(np.array(rows)), expected)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_median_of_nothing_known_is_unknown(size):
    assert np.isnan(known_median(np.full((2, size), NAN))).all()
