"""Which slots of a grid are set aside, and why: an alert or a one-off mute passed through them.

Which it was is kept as marks. A mute says so beforehand of a whole span, held or not; but slots under a mute may be
compared with each other, or what happens meanwhile would go unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from alertbot.rules.arrays import EVERY, Columns, by_day, width
from alertbot.rules.base import Marks, Mask
from alertbot.rules.episodes import MUTE, Episode, Episodes
from alertbot.units import DAY, DAY_SLOTS, SLOT


@dataclass(frozen=True)
class _Mute:
    """The slots ``first`` to ``last``, both included, of the series where ``columns`` says so."""

    first: int
    last: int
    columns: Mask


class AsideSlots:
    """The slots set aside of some series; ``column`` is where in the grid each of them stands."""

    def __init__(self, column: Mapping[str, int]) -> None:
        self._column = column
        self._marks: dict[int, Marks] = {}
        self._marked: dict[int, Mask] = {}
        self._mutes: list[_Mute] = []
        self._episodes = Episodes()

    @property
    def episodes(self) -> Episodes:
        """What set slots aside; to be changed through ``record`` alone."""
        return self._episodes

    def record(self, episode: Episode) -> None:
        """Set aside the slots of an alert, or do so anew where the same alert is recorded already."""
        before = self._episodes.put(episode)
        first, last = episode.first, episode.last
        if before is not None:
            first, last = min(first, before.first), max(last, before.last)
        self._paint(episode.series, first, last)

    def teach(self, series: str, *, silence: bool) -> None:
        """Whether alerts of a series may teach that it is usually silent, from now on and of those there were."""
        self._episodes.teach(series, silence=silence)
        for episode in self._episodes.of(series):
            self._paint(series, episode.first, episode.last)

    def take(self, other: AsideSlots, series: str, before: int) -> None:
        """What another grid set aside of a series before a slot, and its mutes."""
        self.teach(series, silence=other.episodes.teaches(series))
        for episode in other.episodes.of(series):
            if episode.first < before:
                self.record(replace(episode, last=min(episode.last, before - SLOT)))
        for mute in other._mutes:
            if mute.columns[other._column[series]]:
                self.mute((series,), mute.first, mute.last)

    def erase(self, series: str, rule: str, first: int) -> None:
        """The slots of an alert count again, unless another covers them."""
        episode = self._episodes.remove(series, rule, first)
        if episode is not None:
            self._paint(series, episode.first, episode.last)

    def _paint(self, series: str, first: int, last: int) -> None:
        marks = self._episodes.marks(series, first, last)
        column = self._column[series]
        for day, row, offset, count in by_day(first, (last - first) // SLOT + 1):
            fresh = marks[offset : offset + count]
            held = self._marks.get(day)
            if held is None:
                if not fresh.any():
                    continue
                held = self._marks[day] = np.zeros((DAY_SLOTS, len(self._column)), dtype=np.uint8)
                self._marked[day] = np.zeros(len(self._column), dtype=bool)
            held[row : row + count, column] = fresh
            self._marked[day][column] |= bool(fresh.any())

    def mute(self, series: Iterable[str], first: int, last: int) -> None:
        """Set aside a span of many series, known here or not: of days not held it takes no memory.

        The slots within it may still look back on what it covers.
        """
        columns = np.zeros(len(self._column), dtype=bool)
        columns[[self._column[name] for name in series if name in self._column]] = True
        if columns.any():
            self._mutes.append(_Mute(first, last, columns))

    def forget(self, before: int) -> None:
        """Let go of the days that end at or before the slot ``before``."""
        for day in [day for day in self._marks if (day + 1) * DAY <= before]:
            del self._marks[day], self._marked[day]
        self._episodes.forget(before)

    def marks(self, first: int, count: int, columns: Columns = EVERY, *, mutes: bool = True) -> Marks | None:
        """Why each of these slots is set aside, as bits; None where none is. ``mutes``: whether those count."""
        touching = self._touching(first, count) if mutes else []
        days = [
            (day, row, offset, rows)
            for day, row, offset, rows in by_day(first, count)
            if day in self._marked and self._marked[day][columns].any()
        ]
        if not days and not touching:
            return None
        marks = np.zeros((count, width(columns, len(self._column))), dtype=np.uint8)
        for day, row, offset, rows in days:
            marks[offset : offset + rows] = self._marks[day][row : row + rows, columns]
        for rows_muted, mute in touching:
            marks[rows_muted, mute.columns[columns]] |= np.uint8(MUTE)
        return marks if marks.any() else None

    def muted(self, first: int, count: int, columns: Columns = EVERY) -> Mask | None:
        """Which of these slots lie under a one-off mute; None where none does."""
        touching = self._touching(first, count)
        if not touching:
            return None
        muted = np.zeros((count, width(columns, len(self._column))), dtype=bool)
        for rows, mute in touching:
            muted[rows] |= mute.columns[columns]
        return muted if muted.any() else None

    def _touching(self, first: int, count: int) -> list[tuple[slice, _Mute]]:
        """The one-off mutes that touch these slots, with the rows they do."""
        last = first + (count - 1) * SLOT
        return [
            (slice(max(mute.first - first, 0) // SLOT, (mute.last - first) // SLOT + 1), mute)
            for mute in self._mutes
            if mute.first <= last and mute.last >= first
        ]
