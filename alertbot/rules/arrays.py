"""Arithmetic over arrays of slots that several kinds need, and which days and series of a grid are asked for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from alertbot.rules.base import Array
from alertbot.units import DAY, DAY_SLOTS, SLOT

Columns = slice | NDArray[np.intp]
"""Which series: those side by side as a slice, which copies nothing, or their positions, ascending."""

EVERY = slice(None)

_HOUR = 12


def width(columns: Columns, series: int) -> int:
    """How many of so many series are asked for."""
    return len(range(series)[columns]) if isinstance(columns, slice) else len(columns)


def by_day(first: int, count: int) -> Iterator[tuple[int, int, int, int]]:
    """(day, row in the day, offset in the range, rows) for each day that ``count`` slots from ``first`` on touch."""
    done = 0
    while done < count:
        day, second = divmod(first + done * SLOT, DAY)
        row = second // SLOT
        rows = min(count - done, DAY_SLOTS - row)
        yield day, row, done, rows
        done += rows


def at_the_same_time(back: int) -> bool:
    """Whether so many slots back is the same time of an earlier day, by a clock that may have changed by an hour."""
    return back > _HOUR and (back + _HOUR) % DAY_SLOTS in {0, _HOUR, 2 * _HOUR}


def window_max(window: Array) -> Array:
    """The most of what is known over the last axis of ``Past.window``; NaN where nothing is.

    Windows overlap, so the most of 2, 4, 8 slots is told by that of half as many.
    """
    size = window.shape[-1]
    most, reach = np.concatenate([window[0].T, window[1:, :, -1]]), 1
    while 2 * reach <= size:
        most, reach = np.fmax(most[:-reach], most[reach:]), 2 * reach
    rest = size - reach
    return np.fmax(most[: len(most) - rest], most[rest:]) if rest else most


def known_median(values: Array, least: int | NDArray[np.int64] | None = None) -> Array:
    """The median over the last axis of what is known; NaN where less than ``least`` of it is, or less than half."""
    ordered = np.sort(values, axis=-1)  # NaN sorts last
    size = ordered.shape[-1]
    needed = (size + 1) // 2 if least is None else least
    if not np.isnan(ordered[..., -1]).any():
        return _between(ordered[..., (size - 1) // 2], ordered[..., size // 2])
    known = size - np.isnan(ordered).sum(axis=-1)
    lower = np.take_along_axis(ordered, (np.maximum(known - 1, 0) // 2)[..., None], axis=-1)[..., 0]
    upper = np.take_along_axis(ordered, np.minimum(known // 2, size - 1)[..., None], axis=-1)[..., 0]
    return np.where(known >= needed, _between(lower, upper), np.nan)


def _between(lower: Array, upper: Array) -> Array:
    return lower + (upper - lower) / 2
