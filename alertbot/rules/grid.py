"""The grid: what is known of every series, slot by slot, as arrays, a block of 288 rows for each UTC day.

A number is what the slot carried, 0 is a true zero, NaN is unknown: the three can never be confused. A slot may also
be *barred*: judged like any other, but never used as a reference, because an incident passed through it. A *ban* says
so beforehand of a whole span, held or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alertbot.rules.base import Array, Mask
from alertbot.units import DAY, DAY_SLOTS, SLOT

Columns = slice | NDArray[np.intp]
"""Which series: all of them as a slice, which copies nothing, or their positions."""

EVERY = slice(None)


@dataclass(frozen=True)
class _Ban:
    """The slots ``first`` to ``last``, both included, of the series where ``columns`` says so."""

    first: int
    last: int
    columns: Mask


class Grid:
    """The slots held of ``series``; a day that is not held reads as unknown."""

    def __init__(self, series: Sequence[str]) -> None:
        self.series = tuple(series)
        self.column = {name: position for position, name in enumerate(self.series)}
        self._values: dict[int, Array] = {}
        self._barred: dict[int, Mask] = {}
        self._bans: list[_Ban] = []

    @property
    def days(self) -> tuple[int, ...]:
        """The days held, as days since the epoch, oldest first."""
        return tuple(sorted(self._values))

    def day(self, day: int) -> Array:
        """The block of one day, 288 slots x series, made unknown where it was not held; writing to it is keeping."""
        block = self._values.get(day)
        if block is None:
            block = self._values[day] = np.full((DAY_SLOTS, len(self.series)), np.nan)
        return block

    def put(self, series: str, first: int, values: Array) -> None:
        """Keep the values of one series from the slot ``first`` on; a NaN leaves what was known."""
        column = self.column[series]
        for day, row, offset, count in _spans(first, len(values)):
            target = self.day(day)[row : row + count, column]
            fresh = values[offset : offset + count]
            np.copyto(target, fresh, where=~np.isnan(fresh))

    def bar(self, series: str, first: int, last: int) -> None:
        """Never again use the slots ``first`` to ``last``, both included, as a reference."""
        for day, row, _, count in _spans(first, (last - first) // SLOT + 1):
            mask = self._barred.get(day)
            if mask is None:
                mask = self._barred[day] = np.zeros((DAY_SLOTS, len(self.series)), dtype=bool)
            mask[row : row + count, self.column[series]] = True

    def ban(self, series: Iterable[str], first: int, last: int) -> None:
        """Likewise for many series, known here or not, and any span: of days not held it takes no memory."""
        columns = np.zeros(len(self.series), dtype=bool)
        columns[[self.column[name] for name in series if name in self.column]] = True
        if columns.any():
            self._bans.append(_Ban(first, last, columns))

    def forget(self, before: int) -> None:
        """Let go of the days that end at or before the slot ``before``."""
        for held in (self._values, self._barred):
            for day in [day for day in held if (day + 1) * DAY <= before]:
                del held[day]

    def values(self, first: int, count: int, columns: Columns = EVERY) -> Array:
        """``count`` slots from ``first`` on, slots x series, NaN where unknown."""
        return self._read(first, count, columns, usable=False)

    def references(self, first: int, count: int, columns: Columns = EVERY) -> Array:
        """Likewise, with the barred slots unknown as well."""
        return self._read(first, count, columns, usable=True)

    def past(self, first: int, count: int, columns: Columns = EVERY) -> GridPast:
        """The slots from ``first`` on as a rule kind sees them."""
        return GridPast(self, first, count, columns)

    def _read(self, first: int, count: int, columns: Columns, *, usable: bool) -> Array:
        parts = [self._part(day, row, rows, columns, usable=usable) for day, row, _, rows in _spans(first, count)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _part(self, day: int, row: int, rows: int, columns: Columns, *, usable: bool) -> Array:
        block = self._values.get(day)
        if block is None:
            width = len(self.series) if isinstance(columns, slice) else len(columns)
            return np.full((rows, width), np.nan)
        part = block[row : row + rows, columns]
        barred = self._barred.get(day) if usable else None
        part = part if barred is None else np.where(barred[row : row + rows, columns], np.nan, part)
        return self._without_banned(part, day * DAY + row * SLOT, columns) if usable and self._bans else part

    def _without_banned(self, part: Array, first: int, columns: Columns) -> Array:
        last = first + (len(part) - 1) * SLOT
        touching = [ban for ban in self._bans if ban.first <= last and ban.last >= first]
        part = part.copy() if touching else part
        for ban in touching:
            begin, end = max(ban.first - first, 0) // SLOT, (ban.last - first) // SLOT + 1
            part[begin:end, ban.columns[columns]] = np.nan
        return part


@dataclass(frozen=True)
class GridPast:
    """``Past`` over a grid: slots x series."""

    grid: Grid
    first: int
    count: int
    columns: Columns

    @property
    def now(self) -> Array:
        """The values being judged."""
        return self.grid.values(self.first, self.count, self.columns)

    def back(self, slots: int) -> Array:
        """The same so many slots earlier, without the barred ones."""
        return self.grid.references(self.first - slots * SLOT, self.count, self.columns)

    def window(self, slots: int) -> Array:
        """The same of that many slots before each, along one more axis."""
        before = self.grid.references(self.first - slots * SLOT, self.count + slots - 1, self.columns)
        return np.lib.stride_tricks.sliding_window_view(before, slots, axis=0)


def _spans(first: int, count: int) -> Iterator[tuple[int, int, int, int]]:
    """(day, row in the day, offset in the range, rows) for each day that ``count`` slots from ``first`` on touch."""
    done = 0
    while done < count:
        day, second = divmod(first + done * SLOT, DAY)
        row = second // SLOT
        rows = min(count - done, DAY_SLOTS - row)
        yield day, row, done, rows
        done += rows
