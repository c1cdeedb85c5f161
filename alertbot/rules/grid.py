"""The grid: what is known of every series, slot by slot, as arrays, a block of 288 rows for each UTC day.

A number is what the slot carried, 0 is a true zero, NaN is unknown: the three can never be confused. A slot may also
be *set aside*: judged like any other, but no measure of what is usual where others are, as ``set_aside.py`` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from alertbot.rules.arrays import EVERY, Columns, by_day, width
from alertbot.rules.base import Array, Marks, Mask, Offsets
from alertbot.rules.set_aside import AsideSlots
from alertbot.units import DAY, DAY_SLOTS, SLOT

T = TypeVar("T", bound=np.generic)


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
        self.aside = AsideSlots(self.column)
        self._room = room
        self._values: dict[int, Array] = {}
        self._counts: dict[int, dict[float, NDArray[np.int64]]] = {}

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
        for day, row, offset, count in by_day(first, len(values)):
            target = self.day(day)[row : row + count, column]
            fresh = values[offset : offset + count]
            np.copyto(target, fresh, where=~np.isnan(fresh))

    def forget(self, before: int) -> None:
        """Let go of the days that end at or before the slot ``before``."""
        for held in (self._values, self._counts):
            for day in [day for day in held if (day + 1) * DAY <= before]:
                del held[day]
        self.aside.forget(before)

    def values(self, first: int, count: int, columns: Columns = EVERY) -> Array:
        """``count`` slots from ``first`` on, slots x series, NaN where unknown."""
        parts = [self._held(day, row, rows, columns) for day, row, _, rows in by_day(first, count)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def past(self, first: int, count: int, columns: Columns = EVERY) -> GridPast:
        """The slots from ``first`` on as a rule kind sees them."""
        return GridPast(self, first, count, columns)

    def _held(self, day: int, row: int, rows: int, columns: Columns) -> Array:
        block = self._values.get(day)
        if block is None:
            return np.full((rows, width(columns, len(self.series))), np.nan)
        return block[row : row + rows, columns]


@dataclass(frozen=True)
class GridPast:
    """``Past`` over a grid: slots x series."""

    grid: Grid
    first: int
    count: int
    columns: Columns
    mutes: bool = True
    cuts: NDArray[np.int64] | None = None

    @property
    def now(self) -> Array:
        """The values being judged."""
        return self.grid.values(self.first, self.count, self.columns)

    @property
    def muted(self) -> Mask | None:
        """Which of them lie under a one-off mute."""
        return self.grid.aside.muted(self.first, self.count, self.columns)

    @property
    def kept_posted(self) -> NDArray[np.bool_]:
        """Of which of the series people want each silence posted, however usual it is."""
        columns, teaches = np.arange(len(self.grid.series))[self.columns], self.grid.aside.episodes.teaches
        return np.array([not teaches(self.grid.series[column]) for column in columns.tolist()], dtype=bool)

    def meanwhile(self) -> GridPast:
        """The same as slots under a mute see it: what a mute covers counts as well."""
        return replace(self, mutes=False)

    def without(self, cuts: NDArray[np.int64] | None) -> GridPast:
        """The same without what each series carried from its own slot of ``cuts`` on; None: with all of it."""
        return replace(self, cuts=cuts)

    def only(self, positions: NDArray[np.intp]) -> GridPast:
        """The same of some of the series."""
        columns = np.arange(len(self.grid.series))[self.columns][positions]
        cuts = None if self.cuts is None else self.cuts[positions]
        return replace(self, columns=columns, cuts=cuts)

    def span(self, back: int, slots: int) -> Array:
        """So many slots from ``back`` slots before the first on, slots x series."""
        first = self.first - back * SLOT
        return self._cut(self.grid.values(first, slots, self.columns), first)

    def marks(self, back: int, slots: int) -> Marks | None:
        """Likewise, why each of these is set aside; None where none is."""
        return self.grid.aside.marks(self.first - back * SLOT, slots, self.columns, mutes=self.mutes)

    def earlier(self, offsets: Offsets, back: int = 0) -> tuple[Array, Marks | None]:
        """What lies ``offsets`` seconds (days x slots) before each slot from ``back`` slots before the first on.

        Values and marks, days x slots x series; None for the marks where nothing is set aside.
        """
        count, first = offsets.shape[1], self.first - back * SLOT
        parts: list[Array] = []
        marks: list[Marks | None] = []
        for day in offsets:
            apart = np.unique(day)
            found = [self._at(first - int(offset), count) for offset in apart.tolist()]
            parts.append(_pick([values for values, _ in found], day, apart))
            some = any(each is not None for _, each in found)
            marks.append(_pick([_zeros(each, parts[-1]) for _, each in found], day, apart) if some else None)
        if all(each is None for each in marks):
            return np.stack(parts), None
        return np.stack(parts), np.stack([_zeros(each, parts[0]) for each in marks])

    def _at(self, first: int, count: int) -> tuple[Array, Marks | None]:
        values = self._cut(self.grid.values(first, count, self.columns), first)
        return values, self.grid.aside.marks(first, count, self.columns, mutes=self.mutes)

    def _cut(self, values: Array, first: int) -> Array:
        if self.cuts is None:
            return values
        slots = first + SLOT * np.arange(len(values), dtype=np.int64)
        return np.where(slots[:, None] >= self.cuts, np.nan, values)

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
        """The values so many slots earlier; NaN where they are set aside."""
        values, marks = self.span(slots, self.count), self.marks(slots, self.count)
        return values if marks is None else np.where(marks > 0, np.nan, values)

    def window(self, slots: int) -> Array:
        """The values of that many slots before each, along one more axis, whatever passed through them."""
        return np.lib.stride_tricks.sliding_window_view(self.span(slots, self.count + slots - 1), slots, axis=0)


def _pick(found: Sequence[NDArray[T]], day: Offsets, apart: Offsets) -> NDArray[T]:
    """Of what was found at each offset, row by row that of the row's own."""
    if len(found) == 1:
        return found[0]
    picked = found[0].copy()
    for offset, values in zip(apart.tolist()[1:], found[1:], strict=True):
        picked[day == offset] = values[day == offset]
    return picked


def _zeros(marks: Marks | None, like: Array) -> Marks:
    return np.zeros(like.shape, dtype=np.uint8) if marks is None else marks
