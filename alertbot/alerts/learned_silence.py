"""Silence that alerts taught: a domain that went dark on so many nights that it is taken as usual from now on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from alertbot.alerts.judged_block import AppliedRule, judge
from alertbot.rules.base import Mask, Rule
from alertbot.rules.grid import Grid, GridPast
from alertbot.rules.usual import silent_lately
from alertbot.units import SLOT


@dataclass(frozen=True)
class LearnedSilence:
    """A series fell silent, and a rule did not fire for the one reason that earlier alerts taught that this is usual.

    ``since``: its first slot at 0. ``days``: on how many of the last 7 days it was silent about then; ``weekdays``: on
    how many of the last 3 of these weekdays.
    """

    rule: str
    series: str
    since: int
    days: int
    weekdays: int


def learned_silences(applied: Iterable[AppliedRule], grid: Grid, first: int, due: Mask) -> Iterator[LearnedSilence]:
    """Those that begin in the slots from ``first`` on where ``due`` (slots x series) says so, under each rule."""
    for each in applied:
        rule, untaught = each.rule, each.rule.kind.without_learned_silence()
        if untaught is None:
            continue
        for slot, column in _fell_silent(each, grid, first, due):
            since = slot - (rule.for_slots - 1) * SLOT
            past = grid.past(since, 1, np.array([column], dtype=np.intp))
            if _breaches(replace(rule, kind=untaught), past) and not _breaches(rule, past):
                days, weekdays = silent_lately(past, rule.kind.zone)
                yield LearnedSilence(rule.name, grid.series[column], since, days, weekdays)


def _fell_silent(applied: AppliedRule, grid: Grid, first: int, due: Mask) -> Iterator[tuple[int, int]]:
    """Where so many slots at 0 are complete as the rule asks for, after one that was not: slot and column."""
    slots, columns = applied.rule.for_slots, applied.columns
    zero = grid.values(first - slots * SLOT, len(due) + slots, columns) == 0
    runs = np.lib.stride_tricks.sliding_window_view(zero, slots + 1, axis=0)
    begun = runs[..., 1:].all(axis=-1) & ~runs[..., 0] & due[:, columns]
    for row, position in np.argwhere(begun).tolist():
        yield first + row * SLOT, int(columns[position])


def _breaches(rule: Rule, past: GridPast) -> bool:
    """Whether the one slot of one series is in breach."""
    return bool(judge(rule, past, None).breach[0, 0])
