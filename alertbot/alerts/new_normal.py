"""After a new normal the old level is remembered for a week: its return is no breach, and ends the new normal.

What was taken as usual meanwhile is then set aside again. Until then a rule that compares with earlier days, which are
at the new level only later, compares with that as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alertbot.alerts.judged_block import AppliedRule, over
from alertbot.rules.base import Array, Kind, Mask, Rule
from alertbot.rules.episodes import REMEMBERED, Episode
from alertbot.rules.grid import Grid
from alertbot.units import DAY, SLOT


def old_level(rule: Rule, grid: Grid, episode: Episode, first: int, count: int) -> tuple[Mask, int | None]:
    """Which of ``count`` slots from ``first`` on carry the level from before, and the first to end the new normal.

    That level is what was usual before the episode began, at the same time of day, or what the alert fired on.
    """
    begin = first - (max(rule.clear_slots, 1) - 1) * SLOT
    rows = (first - begin) // SLOT + count
    column = np.array([grid.column[episode.series]], dtype=np.intp)
    past = grid.past(begin, rows, column).without(np.array([episode.first]))
    reference = np.nan if episode.reference is None else episode.reference
    slots = begin + SLOT * np.arange(rows)
    back = over(rule, past, np.array([reference]))[:, 0] & (past.now[:, 0] > 0)
    back &= (slots > episode.last + SLOT) & (slots <= episode.last + REMEMBERED)
    ends = np.flatnonzero(_lasting(back, rows - count + 1))
    return back[rows - count :], int(ends[0]) if len(ends) else None


def new_level(grid: Grid, episode: Episode, first: int, count: int) -> Array:
    """The level that was accepted, bit/s of ``count`` slots from ``first`` on; NaN where it is no longer remembered.

    It is what was carried at the same time a day before, and where that was earlier, what made it the new normal.
    """
    column, accepted = np.array([grid.column[episode.series]], dtype=np.intp), episode.accepted or episode.last
    carried = grid.values(accepted, (episode.last - accepted) // SLOT + 1, column)[:, 0]
    carried = carried[carried > 0]
    level = float(np.median(carried)) if len(carried) else np.nan
    slots = first + SLOT * np.arange(count)
    yesterday = grid.values(first - DAY, count, column)[:, 0]
    found = np.where((slots - DAY >= accepted) & (yesterday > 0), yesterday, level)
    return np.where((slots > episode.last) & (slots <= episode.last + REMEMBERED), found, np.nan)


def ended(rule: Rule, episode: Episode, slot: int) -> Episode:
    """The episode once the old level has been back for ``clear_for``, in the slot ``slot``: set aside until then."""
    return replace(episode, last=slot - max(rule.clear_slots, 1) * SLOT, accepted=None)


def _lasting(holds: Mask, slots: int) -> Mask:
    """Where it has held for so many slots in a row; the first that can say so comes first."""
    return np.asarray(np.lib.stride_tricks.sliding_window_view(holds, slots).all(axis=-1))


class OldLevels:
    """Where in a block the level from before a new normal is back, of each series that is judged and has one.

    ``first`` is the block's first slot; ``due`` says which slots x series are judged. It is no breach of any rule
    there.
    """

    def __init__(self, applied: Mapping[str, AppliedRule], grid: Grid, first: int, due: Mask) -> None:
        self._applied = applied
        self._grid = grid
        self._first = first
        self._rows = len(due)
        self._ends: dict[str, dict[int, list[Episode]]] = {}
        self._back: dict[int, Mask] = {}
        self._levels: dict[int, list[Array]] = {}
        for column in np.flatnonzero(due.any(axis=0)).tolist():
            self.look_again(grid.series[column], 0)

    def forgive(
        self, kind: Kind, now: Array, breach: Mask, columns: Sequence[int] | NDArray[np.intp], row: int
    ) -> None:
        """Clear the breaches (slots from ``row`` on x ``columns`` of the grid) where the old level is back.

        And those of a ``kind`` that lags behind, where what is carried ``now`` is none against the new level.
        """
        if not self._back:
            return
        for place, column in enumerate(columns):
            back = self._back.get(int(column))
            if back is not None:
                breach[:, place] &= ~back[row:]
            for level in self._levels.get(int(column), ()) if kind.lags else ():
                breach[:, place] &= np.isnan(level[row:]) | kind.breach(now[:, place], level[row:])

    def ended(self, row: int) -> list[Episode]:
        """The new normals that are over with this row, as they are from then on."""
        found = [episode for ends in self._ends.values() for episode in ends.get(row, ())]
        return sorted(found, key=lambda each: (each.series, each.key))

    def look_again(self, series: str, row: int) -> None:
        """Find anew, from a row on, where the old level of a series is back, if it has one."""
        if series in self._ends or next(self._grid.aside.episodes.accepted_of(series, self._first), None):
            self._look(series, row)

    def _look(self, series: str, row: int) -> None:
        count, first = self._rows - row, self._first + row * SLOT
        if count <= 0:
            return
        ends: dict[int, list[Episode]] = {}
        forgiven = np.zeros(self._rows, dtype=bool)
        levels: list[Array] = []
        for episode in self._grid.aside.episodes.accepted_of(series, first):
            levels.append(np.append(np.full(row, np.nan), new_level(self._grid, episode, first, count)))
            applied = self._applied.get(episode.rule)
            if applied is not None:
                back, place = old_level(applied.rule, self._grid, episode, first, count)
                if place is not None:
                    back[place + 1 :] = False
                    ends.setdefault(row + place, []).append(ended(applied.rule, episode, first + place * SLOT))
                forgiven[row:] |= back
        self._ends[series] = ends
        self._back[self._grid.column[series]] = forgiven
        self._levels[self._grid.column[series]] = levels
