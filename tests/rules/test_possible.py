"""What is told cheaply of a breach: it may be too much, never too little."""

from __future__ import annotations

import numpy as np
from fakes.rigs.effort import examples
from hypothesis import given
from hypothesis import strategies as st

from alertbot.rules.arrays import window_max
from alertbot.rules.base import Direction
from alertbot.rules.drop import Drop
from alertbot.rules.episodes import Episode
from alertbot.rules.grid import Grid
from alertbot.units import SLOT

RATES = st.sampled_from([np.nan, 0.0, 1e6, 2e6, 5e6, 1e7, 5e7, 1e8])


@given(st.lists(RATES, min_size=14, max_size=40), st.integers(1, 13))
def test_the_most_of_a_window_is_that_of_its_slots(values, size):
    series = np.array([values, values[::-1]]).T
    window = np.lib.stride_tricks.sliding_window_view(series, size, axis=0)
    expected = np.array([[_most(cell) for cell in row] for row in window])
    np.testing.assert_array_equal(window_max(window), expected)


def _most(cell):
    known = cell[~np.isnan(cell)]
    return known.max() if len(known) else np.nan


@examples(60, 400)
@given(
    st.lists(RATES, min_size=20, max_size=60),
    st.sampled_from([Drop(to=0.0), Drop(to=1e6), Drop(by=0.8), Drop(by=0.5, window=7), Drop(by=0.2, window=1)]),
    st.lists(st.integers(0, 19), max_size=6),
)
def test_a_breach_is_always_possible_whatever_is_set_aside(values, kind, fallen):
    grid = Grid(("a",))
    grid.put("a", 0, np.array(values))
    past = grid.past(kind.window * SLOT, len(values) - kind.window)
    for slot in fallen:
        grid.aside.record(Episode("r", "a", slot * SLOT, slot * SLOT, Direction.FALL))
    assert not (kind.judge(past).breach & ~kind.possible(past)).any()
