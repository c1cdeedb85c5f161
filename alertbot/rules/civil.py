"""The same time of day on earlier days, by the clock on the wall of a zone.

Of an hour that came twice the first is meant; of one that did not come, an hour later. For a week after a change of
clocks there are two readings, since traffic may follow another zone: the same wall clock, and the same UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

import numpy as np

from alertbot.rules.base import Offsets
from alertbot.units import DAY, SLOT

UNSETTLED = 7 * DAY
"""Seconds after a change of clocks in which both readings count."""

_STRIDE = 6 * 3600
"""Seconds within which no zone changes its clocks twice."""

_LONGEST = 30
"""Days that anything looks back at most, and somewhat more."""


def readings(zone: tzinfo, first: int, count: int, days: Sequence[int]) -> tuple[Offsets, ...]:
    """How many seconds before each of ``count`` slots the same time lies, days x slots: one reading, or two."""
    plain = np.repeat(DAY * np.array(days, dtype=np.int64)[:, None], count, axis=1)
    changes = _changes(zone, (first - 2 * DAY) // DAY)
    if not changes:
        return (plain,)
    slots = first + SLOT * np.arange(count, dtype=np.int64)
    start = _offset(zone, changes[0][0] - 1)
    wall = slots + _in_force(slots, changes, start)
    targets = wall - plain
    offset = np.full(targets.shape, start, dtype=np.int64)
    before = start
    for moment, after in changes:
        offset = np.where(targets >= moment + max(before, after), after, offset)
        before = after
    by_wall = slots - (targets - offset)
    if (by_wall == plain).all():
        return (plain,)
    unsettled = np.zeros(count, dtype=bool)
    for moment, _ in changes:
        unsettled |= (slots >= moment) & (slots < moment + UNSETTLED)
    if not unsettled.any():
        return (by_wall,)
    return by_wall, np.where(unsettled, plain, by_wall)


def _in_force(moments: Offsets, changes: Sequence[tuple[int, int]], start: int) -> Offsets:
    offset = np.full(moments.shape, start, dtype=np.int64)
    for moment, after in changes:
        offset = np.where(moments >= moment, after, offset)
    return offset


@lru_cache(maxsize=256)
def _changes(zone: tzinfo, day: int) -> tuple[tuple[int, int], ...]:
    """(moment, seconds ahead of UTC from then on) of the changes from 30 days before a day to two weeks after it."""
    if zone is UTC:
        return ()
    begin, end = (day - _LONGEST) * DAY, (day + 14) * DAY
    found, before = [], _offset(zone, begin)
    for moment in range(begin + _STRIDE, end + 1, _STRIDE):
        after = _offset(zone, moment)
        if after != before:
            found.append((_moment(zone, moment - _STRIDE, moment), after))
            before = after
    return tuple(found)


def _moment(zone: tzinfo, before: int, after: int) -> int:
    """The first second of the offset that holds at ``after`` and not yet at ``before``."""
    old = _offset(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(zone, middle) == old else (before, middle)
    return after


def _offset(zone: tzinfo, moment: int) -> int:
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
