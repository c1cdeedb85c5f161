"""The usual: the median of the same time on the seven days before."""

from __future__ import annotations

from datetime import UTC

import numpy as np

from alertbot.rules.grid import Grid
from alertbot.rules.usual import usual
from alertbot.units import DAY

NOON = 20_000 * DAY + DAY // 2


def test_each_of_the_seven_days_before_counts_and_no_other():
    grid = Grid(["a"])
    for day, value in enumerate([10, 10, 10, 20, 20, 20, 40, 900, 900], start=1):
        grid.put("a", NOON - day * DAY, np.array([value], dtype=float))
    found = usual(grid.past(NOON, 1), UTC)
    assert (found.low[0, 0], found.high[0, 0]) == (20, 20)
