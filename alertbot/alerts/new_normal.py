"""After a new normal the old level is remembered for a week: its return is no breach, and ends the new normal.

What was taken as usual meanwhile is then set aside again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from alertbot.rules.base import Mask, Rule
from alertbot.rules.episodes import REMEMBERED, Episode
from alertbot.rules.grid import Grid
from alertbot.units import SLOT


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
    back = rule.kind.over(past, np.array([reference]))[:, 0] & (past.now[:, 0] > 0)
    back &= (slots > episode.last + SLOT) & (slots <= episode.last + REMEMBERED)
    ends = np.flatnonzero(_lasting(back, rows - count + 1))
    return back[rows - count :], int(ends[0]) if len(ends) else None


def ended(rule: Rule, episode: Episode, slot: int) -> Episode:
    """The episode once the old level has been back for ``clear_for``, in the slot ``slot``: set aside until then."""
    return replace(episode, last=slot - max(rule.clear_slots, 1) * SLOT, accepted=None)


def _lasting(holds: Mask, slots: int) -> Mask:
    """Where it has held for so many slots in a row; the first that can say so comes first."""
    return np.asarray(np.lib.stride_tricks.sliding_window_view(holds, slots).all(axis=-1))
