"""The grid: what is known of every series, slot by slot, as arrays, a block of 288 rows for each UTC day.

A number is what the slot carried, 0 is a true zero, NaN is unknown: the three can never be confused. A slot may also
be *barred*: judged like any other, but never used as a reference, because an incident passed through it. A *ban* says
so beforehand of a whole span, held or not; but slots under a ban may be compared with each other, or what happens
meanwhile would go unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from alertbot.rules.base import Array, Bars, Mask
from alertbot.units import DAY, DAY_SLOTS, SLOT

Columns = slice | NDArray[np.intp]
"""Which series: those side by side as a slice, which copies nothing, or their positions, ascending."""

EVERY = slice(None)

_Part = Callable[[int, int, int, Columns], Array]
"""Reads the rows of one day: the day, the first row, how many, and which columns."""


@dataclass(frozen=True)
class _Ban:
    """The slots ``first`` to ``last``, both included, of the series where ``columns`` says so."""

    first: int
    last: int
    columns: Mask


class Room(Protocol):
    """Where the blocks of a grid lie."""

    def __call__(self, rows: int, columns: int) -> Array:
        """An array of that shape, of any content."""

    def rest(self) -> None:
        """The blocks are not needed for a while."""


class Grid:
    """The slots held of ``series``; a day that is not held reads as unknown. ``room``: where they are not in memory."""

    def __init__(self, series: Sequence[str], room: Room | None = None) -> None:
        self.series = tuple(series)
        self.column = {name: position for position, name in enumerate(self.series)}
        self._room = room
        self._values: dict[int, Array] = {}
        self._barred: dict[int, Mask] = {}
        self._strange: dict[int, Mask] = {}
        self._counts: dict[int, dict[float, NDArray[np.int64]]] = {}
        self._bans: list[_Ban] = []

    @property
    def days(self) -> tuple[int, ...]:
        """The days held, as days since the epoch, oldest first."""
        return tuple(sorted(self._values))

    def day(self, day: int) -> Array:
        """The block of one day, 288 slots x series, made unknown where it was not held; writing to it is keeping."""
        self._counts.pop(day, None)
        block = self._values.get(day)
        if block is None:
            shape = DAY_SLOTS, len(self.series)
            block = self._values[day] = np.empty(shape) if self._room is None else self._room(*shape)
            block.fill(np.nan)
        return block

    def rest(self) -> None:
        """Nothing is read for a while."""
        if self._room is not None:
            self._room.rest()

    def count(self, day: int, limit: float) -> NDArray[np.int64]:
        """How many slots of a day are known and ``limit`` or more, of each series; kept until the day is written to."""
        counts = self._counts.setdefault(day, {})
        if limit not in counts:
            counts[limit] = (self.values(day * DAY, DAY_SLOTS) >= limit).sum(axis=0, dtype=np.int64)
        return counts[limit]

    def put(self, series: str, first: int, values: Array) -> None:
        """Keep the values of one series from the slot ``first`` on; a NaN leaves what was known."""
        column = self.column[series]
        for day, row, offset, count in _spans(first, len(values)):
            target = self.day(day)[row : row + count, column]
            fresh = values[offset : offset + count]
            np.copyto(target, fresh, where=~np.isnan(fresh))

    def bar(self, series: str, first: int, last: int, bars: Bars = Bars.ALL) -> None:
        """Never again use the slots ``first`` to ``last``, both included, as a reference, of all kinds or of some."""
        masks = self._barred if bars is Bars.ALL else self._strange
        for day, row, _, count in _spans(first, (last - first) // SLOT + 1):
            mask = masks.get(day)
            if mask is None:
                mask = masks[day] = np.zeros((DAY_SLOTS, len(self.series)), dtype=bool)
            mask[row : row + count, self.column[series]] = True

    def ban(self, series: Iterable[str], first: int, last: int) -> None:
        """Likewise for many series, known here or not, and any span: of days not held it takes no memory.

        The slots within it may still look back on what is banned.
        """
        columns = np.zeros(len(self.series), dtype=bool)
        columns[[self.column[name] for name in series if name in self.column]] = True
        if columns.any():
            self._bans.append(_Ban(first, last, columns))

    def forget(self, before: int) -> None:
        """Let go of the days that end at or before the slot ``before``."""
        for held in (self._values, self._barred, self._strange, self._counts):
            for day in [day for day in held if (day + 1) * DAY <= before]:
                del held[day]

    def values(self, first: int, count: int, columns: Columns = EVERY) -> Array:
        """``count`` slots from ``first`` on, slots x series, NaN where unknown."""
        return self._read(first, count, columns, self._held)

    def references(self, first: int, count: int, columns: Columns = EVERY, *, bans: bool = True) -> Array:
        """Likewise, with the barred slots unknown as well, and the banned ones unless ``bans`` do not count."""
        return self._read(first, count, columns, self._usable if bans and self._bans else self._unbarred)

    def steady(self, first: int, count: int, columns: Columns = EVERY, *, bans: bool = True) -> Array:
        """Likewise, without the slots that are barred for ``baseline`` alone."""
        return self._read(first, count, columns, self._steady_usable if bans and self._bans else self._steady)

    def banned(self, first: int, count: int, columns: Columns = EVERY) -> Mask | None:
        """Which of these slots lie under a ban; None where none does."""
        touching = self._touching(first, count)
        if not touching:
            return None
        banned = np.zeros((count, len(self.series)), dtype=bool)
        for rows, ban in touching:
            banned[rows] |= ban.columns
        return banned[:, columns]

    def past(self, first: int, count: int, columns: Columns = EVERY) -> GridPast:
        """The slots from ``first`` on as a rule kind sees them."""
        return GridPast(self, first, count, columns)

    def _read(self, first: int, count: int, columns: Columns, part: _Part) -> Array:
        parts = [part(day, row, rows, columns) for day, row, _, rows in _spans(first, count)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _held(self, day: int, row: int, rows: int, columns: Columns) -> Array:
        block = self._values.get(day)
        if block is None:
            return np.full((rows, self._width(columns)), np.nan)
        return block[row : row + rows, columns]

    def _width(self, columns: Columns) -> int:
        return len(range(len(self.series))[columns]) if isinstance(columns, slice) else len(columns)

    def _unbarred(self, day: int, row: int, rows: int, columns: Columns) -> Array:
        part, barred = self._held(day, row, rows, columns), self._barred.get(day)
        return part if barred is None else np.where(barred[row : row + rows, columns], np.nan, part)

    def _steady(self, day: int, row: int, rows: int, columns: Columns) -> Array:
        part, strange = self._unbarred(day, row, rows, columns), self._strange.get(day)
        return part if strange is None else np.where(strange[row : row + rows, columns], np.nan, part)

    def _usable(self, day: int, row: int, rows: int, columns: Columns) -> Array:
        return self._unbanned(self._unbarred(day, row, rows, columns), day, row, rows, columns)

    def _steady_usable(self, day: int, row: int, rows: int, columns: Columns) -> Array:
        return self._unbanned(self._steady(day, row, rows, columns), day, row, rows, columns)

    def _unbanned(self, part: Array, day: int, row: int, rows: int, columns: Columns) -> Array:
        touching = self._touching(day * DAY + row * SLOT, rows)
        part = part.copy() if touching else part
        for banned, ban in touching:
            part[banned, ban.columns[columns]] = np.nan
        return part

    def _touching(self, first: int, count: int) -> list[tuple[slice, _Ban]]:
        """The bans that touch these slots, with the rows they do."""
        last = first + (count - 1) * SLOT
        return [
            (slice(max(ban.first - first, 0) // SLOT, (ban.last - first) // SLOT + 1), ban)
            for ban in self._bans
            if ban.first <= last and ban.last >= first
        ]


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

    @property
    def banned(self) -> Mask | None:
        """Which of them lie under a ban."""
        return self.grid.banned(self.first, self.count, self.columns)

    def span(self, back: int, slots: int, *, bans: bool = True) -> Array:
        """So many slots from ``back`` slots before the first on, without those that no ``baseline`` may use."""
        return self.grid.steady(self.first - back * SLOT, slots, self.columns, bans=bans)

    def only(self, positions: NDArray[np.intp]) -> GridPast:
        """The same of some of the series."""
        columns = np.arange(len(self.grid.series))[self.columns][positions]
        return GridPast(self.grid, self.first, self.count, columns)

    def held(self, first: int, count: int) -> Array:
        """Other slots of the same series, whatever passed through them."""
        return self.grid.values(first, count, self.columns)

    def at_least(self, limit: float, begins: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each slot, how many from its own beginning up to itself are known and ``limit`` or more."""
        ends = self.first + SLOT * np.arange(1, self.count + 1)
        base = int(begins.min()) // DAY
        return self._before(ends, base, limit) - self._before(begins, base, limit)

    def _before(self, moments: NDArray[np.int64], base: int, limit: float) -> NDArray[np.int64]:
        """How many of the slots since the day ``base`` and before each of these are ``limit`` or more."""
        apart, place = np.unique(moments, return_inverse=True)
        days, rows = apart // DAY, apart % DAY // SLOT
        counts = [self._in_day(day, rows[days == day], base, limit) for day in np.unique(days).tolist()]
        return np.concatenate(counts)[place]

    def _in_day(self, day: int, rows: NDArray[np.int64], base: int, limit: float) -> NDArray[np.int64]:
        """Likewise, before these rows of one day, ascending."""
        earlier = np.zeros(len(self.grid.series), dtype=np.int64)
        for before in range(base, day):
            earlier += self.grid.count(before, limit)
        reached = self.grid.values(day * DAY, int(rows[-1]), self.columns) >= limit if rows[-1] else None
        if reached is None:
            return np.repeat(earlier[self.columns][None, :], len(rows), axis=0)
        if len(rows) == 1:
            return np.asarray(earlier[self.columns] + reached.sum(axis=0, dtype=np.int64))[None, :]
        sums = np.zeros((len(reached) + 1, reached.shape[1]), dtype=np.int64)
        np.cumsum(reached, axis=0, out=sums[1:])
        return np.asarray(sums[rows] + earlier[self.columns])

    def back(self, slots: int) -> Array:
        """The same so many slots earlier, without those that may not serve."""
        return self._usable(slots, self.count, lambda before: before)

    def window(self, slots: int) -> Array:
        """The same of that many slots before each, along one more axis."""
        view = np.lib.stride_tricks.sliding_window_view
        return self._usable(slots, self.count + slots - 1, lambda before: view(before, slots, axis=0))

    def _usable(self, back: int, count: int, shape: Callable[[Array], Array]) -> Array:
        """``count`` slots from so many earlier on; for the slots under a ban, bans do not count."""
        first = self.first - back * SLOT
        usable = shape(self.grid.references(first, count, self.columns))
        under = self.banned
        if under is None:
            return usable
        meanwhile = shape(self.grid.references(first, count, self.columns, bans=False))
        return np.where(under if usable.ndim == under.ndim else under[..., None], meanwhile, usable)


def _spans(first: int, count: int) -> Iterator[tuple[int, int, int, int]]:
    """(day, row in the day, offset in the range, rows) for each day that ``count`` slots from ``first`` on touch."""
    done = 0
    while done < count:
        day, second = divmod(first + done * SLOT, DAY)
        row = second // SLOT
        rows = min(count - done, DAY_SLOTS - row)
        yield day, row, done, rows
        done += rows
