"""A threshold: strict limits, and hysteresis on the quiet side."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alertbot.rules.base import Direction
from alertbot.rules.grid import Grid
from alertbot.rules.threshold import Threshold

GBPS = 1e9


@pytest.mark.parametrize(
    ("rule", "value", "breach"),
    [
        (Threshold(above=8 * GBPS), 8 * GBPS, False),  # strict
        (Threshold(above=8 * GBPS), np.nextafter(8 * GBPS, math.inf), True),
        (Threshold(below=1 * GBPS), 1 * GBPS, False),  # strict
        (Threshold(below=1 * GBPS), np.nextafter(1 * GBPS, 0), True),
        (Threshold(above=8 * GBPS, below=GBPS), 4 * GBPS, False),
        (Threshold(above=8 * GBPS, below=GBPS), 9 * GBPS, True),
        (Threshold(above=8 * GBPS, below=GBPS), 0, True),
        (Threshold(above=0), 0, False),
        (Threshold(above=0), 1, True),
        (Threshold(above=8 * GBPS, clear=7 * GBPS), 7.5 * GBPS, False),  # clear has no say in what is a breach
        (Threshold(above=8 * GBPS), math.nan, False),
        (Threshold(below=8 * GBPS), math.nan, False),
    ],
)
def test_a_breach_is_strictly_beyond_a_limit_and_never_unknown(rule, value, breach):
    assert bool(rule.breach(np.asarray(value), None)) is breach


@pytest.mark.parametrize(
    ("rule", "value", "cleared"),
    [
        (Threshold(above=8 * GBPS), 8 * GBPS, True),  # clear defaults to the threshold itself
        (Threshold(above=8 * GBPS), np.nextafter(8 * GBPS, math.inf), False),
        (Threshold(above=8 * GBPS, clear=7 * GBPS), 7.5 * GBPS, False),  # between clear and threshold: neither
        (Threshold(above=8 * GBPS, clear=7 * GBPS), 7 * GBPS, True),
        (Threshold(above=8 * GBPS, clear=0), 0, True),
        (Threshold(above=8 * GBPS, clear=0), 1, False),
        (Threshold(below=1 * GBPS), 1 * GBPS, True),
        (Threshold(below=1 * GBPS, clear=2 * GBPS), 1.5 * GBPS, False),
        (Threshold(below=1 * GBPS, clear=2 * GBPS), 2 * GBPS, True),
        (Threshold(above=8 * GBPS, below=GBPS), 8 * GBPS, True),
        (Threshold(above=8 * GBPS, below=GBPS), 9 * GBPS, False),
        (Threshold(above=8 * GBPS, below=GBPS), 0, False),
    ],
)
def test_a_breach_is_over_once_clear_is_reached_again(rule, value, cleared):
    grid = Grid(["a"])
    grid.put("a", 0, np.array([value], dtype=float))
    assert bool(rule.over(grid.past(0, 1), np.array([math.nan]))[0, 0]) is cleared


@pytest.mark.parametrize(
    ("rule", "value", "direction"),
    [
        (Threshold(above=8 * GBPS), 9 * GBPS, Direction.RISE),
        (Threshold(below=GBPS), 0, Direction.FALL),
        (Threshold(above=8 * GBPS, below=GBPS), 9 * GBPS, Direction.RISE),
        (Threshold(above=8 * GBPS, below=GBPS), 0, Direction.FALL),
    ],
)
def test_the_direction_is_that_of_the_limit_passed(rule, value, direction):
    assert rule.direction(value, None) is direction


def test_a_threshold_compares_with_fixed_numbers_and_looks_back_on_nothing():
    rule = Threshold(above=8 * GBPS)
    assert rule.reference(None) is None
    assert (rule.depth, rule.frozen, rule.sets_aside(Direction.RISE)) == (0, False, False)


def test_a_grid_of_values_is_judged_in_one_go():
    values = np.array([[0.0, math.nan], [2 * GBPS, 9 * GBPS]])
    assert Threshold(above=8 * GBPS, below=GBPS).breach(values, None).tolist() == [[True, False], [False, True]]
