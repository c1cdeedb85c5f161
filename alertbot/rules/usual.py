"""What a rule may take as usual: the same time of day on earlier days, without what alerts and mutes set aside.

Set aside is a preference, never a gap: where nothing else is in reach, the slots set aside count, but for their zeros.
And what recurs is usual: set-aside slots count again where three separate alerts of the last seven days agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

import numpy as np
from numpy.typing import NDArray

from alertbot.rules.arrays import known_median
from alertbot.rules.base import Array, Marks, Mask, Offsets, Past
from alertbot.rules.civil import readings
from alertbot.rules.episodes import ASIDE, FALL, HANDLED, MUTE
from alertbot.units import DAY, DAY_SLOTS, SLOT

WEEK = tuple(range(1, 8))
"""The days that are usual at this time."""

WEEKDAYS = (7, 14, 21)
"""The last three of these weekdays."""

REACH = 25 * DAY_SLOTS
"""Slots back to the oldest of these days, and three more: a silent weekend is no time before the first traffic."""

AGREE = 1.5
"""The factor within which the same time of several days is the same level."""

_NEAR = 6
"""Slots within which a neighbour of a usually silent slot may be silent as well: half an hour."""

SPREAD = 1
"""Slots by which a night may begin sooner, or end later, than any that it is compared with."""

_MOST_SILENT_DAY, _MOST_SILENT_WEEKEND = 20 * 12, 3 * DAY_SLOTS
"""Slots that an alert may have lasted to teach silence: on days, on weekdays."""

Cells = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows and columns, side by side."""


@dataclass(frozen=True)
class Usual:
    """What is usual at the time of each slot, by its lowest and its highest reading; NaN where unknown."""

    low: Array
    high: Array


def usual(past: Past, zone: tzinfo, days: Sequence[int] = WEEK) -> Usual:
    """The median of the same time on these days, and what recurs on this weekday."""
    count = len(past.now)
    found = []
    for offsets in readings(zone, past.first, count, days):
        values, marks = past.earlier(offsets)
        found.append(typical(values, marks, past, offsets))
    found.append(weekly(past, zone))
    return Usual(np.fmin.reduce(found), np.fmax.reduce(found))


def typical(values: Array, marks: Marks | None, past: Past, offsets: Offsets, back: int = 0) -> Array:
    """The median over the first axis, the days, of what may serve; NaN where nothing does."""
    if marks is None or not (marks & ASIDE).any():
        return known_median(np.moveaxis(values, 0, -1), least=1)
    good = preferred(values, marks, past, offsets, back)
    return known_median(np.moveaxis(good, 0, -1), least=1)


def preferred(values: Array, marks: Marks, past: Past, offsets: Offsets, back: int = 0) -> Array:
    """What may serve of the same time on several days, days x slots x series; the rest is NaN.

    What a mute covers serves nobody but what it covers itself.
    """
    aside, muted = (marks & ASIDE) > 0, (marks & MUTE) > 0
    good = np.where(aside, np.nan, values)
    taught = aside & ~muted & (values > 0)
    rows, columns = np.nonzero(taught.sum(axis=0) >= 3)
    if len(rows):
        some = values[:, rows, columns]
        counted = _agreeing(some, taught[:, rows, columns], _runs_of(past, (rows, columns), offsets, back))
        good[:, rows, columns] = np.where(counted, some, good[:, rows, columns])
    rows, columns = np.nonzero(np.isnan(good).all(axis=0))
    if len(rows):
        some = values[:, rows, columns]
        good[:, rows, columns] = np.where((some > 0) & ~muted[:, rows, columns], some, np.nan)
    return good


def weekly(past: Past, zone: tzinfo) -> Array:
    """The median of the last three of these weekdays where they agree; else NaN."""
    offsets = readings(zone, past.first, len(past.now), WEEKDAYS)[0]
    values, marks = past.earlier(offsets)
    least, most = values.min(axis=0), values.max(axis=0)
    agree = (least > 0) & (most <= AGREE * least)
    level = np.where(agree, np.median(values, axis=0), np.nan)
    if marks is not None:
        aside = (marks & ASIDE) > 0
        rows, columns = np.nonzero(agree & (aside.sum(axis=0) > 1))
        if len(rows):
            cells = (rows, columns)
            apart = _separate(aside[:, rows, columns], _runs_of(past, cells, offsets, 0))
            together = (aside[:, rows, columns] & ~apart).any(axis=0)
            level[rows[together], columns[together]] = np.nan
    return level


def silent(past: Past, zone: tzinfo, cells: Cells, *, learn: bool = True) -> Mask:
    """Which of these slots are usually silent, or lie near one that is and were silent on one of the days.

    ``learn``: whether days with an alert say so as well.
    """
    columns, place = np.unique(cells[1], return_inverse=True)
    if not len(columns):
        return np.zeros(0, dtype=bool)
    here = past.only(columns)
    clocks = (zone, UTC) if zone is not UTC and _clocks_changed(here, zone) else (zone,)
    found = np.zeros(here.now.shape, dtype=bool)
    for clock in clocks:
        # Nearly never, and what follows looks at 25 days.
        asked = np.flatnonzero(_was_zero(here, clock) & ~here.kept_posted)
        if len(asked):
            found[:, asked] |= _silent(here.only(asked), clock, learn=learn)
    return np.asarray(found[cells[0], place])


def _was_zero(past: Past, zone: tzinfo) -> Mask:
    """Which of the series carried nothing at about this time on one of the days."""
    first, rows = past.first - _NEAR * SLOT, len(past.now) + 2 * _NEAR
    values = [past.earlier(readings(zone, first, rows, days)[0], back=_NEAR)[0] for days in (WEEK, WEEKDAYS)]
    return np.asarray((np.concatenate(values) == 0).any(axis=(0, 1)))


def _clocks_changed(past: Past, zone: tzinfo) -> bool:
    """Whether the same time on one of these weekdays was another by UTC: traffic may follow either."""
    offsets = readings(zone, past.first, len(past.now), WEEKDAYS)[0]
    return bool((offsets != DAY * np.array(WEEKDAYS)[:, None]).any())


def _silent(past: Past, zone: tzinfo, *, learn: bool) -> Mask:
    """Whether each slot of each series is usually silent."""
    by_days = _silent_days(past, zone, WEEK, _MOST_SILENT_DAY if learn else 0)
    by_weekdays = _silent_days(past, zone, WEEKDAYS, _MOST_SILENT_WEEKEND if learn else 0)
    mostly, every = _mostly(*by_days), by_weekdays[0].all(axis=0)
    once: Mask = np.logical_or(by_days[0].any(axis=0), by_weekdays[0].any(axis=0))
    count = len(mostly) - 2 * _NEAR
    window = np.lib.stride_tricks.sliding_window_view
    near = window(mostly | every, 2 * _NEAR + 1, axis=0).any(axis=-1)
    spread = window(once[_NEAR - SPREAD : _NEAR + count + SPREAD], 2 * SPREAD + 1, axis=0).any(axis=-1)
    nights = np.where(mostly, by_days[0].sum(axis=0), 0)
    again = _as_far_again(nights, once) | _as_far_again(every.astype(nights.dtype), once)
    return np.asarray(near & (spread | again))


def _as_far_again(nights: NDArray[np.int64], once: Mask) -> Mask:
    """Where what strays may begin or end: as far again as one of the days strayed from where the most were silent.

    Of the slots without the half hour around. ``nights``: how many of the days were silent, where that is usual.
    """
    count = len(nights) - 2 * _NEAR
    most = np.lib.stride_tricks.sliding_window_view(nights, 2 * _NEAR + 1, axis=0).max(axis=-1)
    found = np.zeros(most.shape, dtype=bool)
    for way in (-1, 1):
        nearer = most == 0
        for far in range(1, _NEAR + 1):
            whole, half = _NEAR + way * far, _NEAR + way * (far // 2)
            there = nights[whole : whole + count] == most
            found |= there & ~nearer & once[half : half + count]
            nearer |= there
    return found


def silent_lately(past: Past, zone: tzinfo) -> tuple[int, int]:
    """On how many of the last 7 days, and of the last 3 of these weekdays, a series was silent about a slot.

    ``past`` is one slot of one series.
    """
    days, weekdays = (_silent_days(past, zone, which, REACH)[0] for which in (WEEK, WEEKDAYS))
    return int(days.any(axis=1).sum()), int(weekdays.any(axis=1).sum())


def no_silence(past: Past, zone: tzinfo, breach: Mask, *, learn: bool) -> Mask:
    """The breaches without those at 0 where it is usually silent."""
    rows, columns = np.nonzero(breach & (past.now == 0))
    if len(rows):
        breach[rows, columns] = ~silent(past, zone, (rows, columns), learn=learn)
    return breach


def over_unless_silent(past: Past, zone: tzinfo, over: Mask, *, learn: bool) -> Mask:
    """Where a fall is over: never at 0, unless it is usually silent then."""
    empty = past.now == 0
    rows, columns = np.nonzero(empty)
    over = over & ~empty
    if len(rows):
        over[rows, columns] = silent(past.without(None), zone, (rows, columns), learn=learn)
    return over


def nearest(values: Array, marks: Marks | None, size: int, count: int, bits: int) -> Array:
    """The ``size`` values before each of the last ``count`` rows, along one more axis, without those marked so.

    It looks past marked ones, as many rows back as there are before the first of these; NaN where there are no more.
    """
    view = np.lib.stride_tricks.sliding_window_view
    reach = len(values) - count
    window = view(values[reach - size : len(values) - 1], size, axis=0)[:count]
    left_out = None if marks is None else (marks[: len(values) - 1] & bits) > 0
    if left_out is None or not left_out[reach - size :].any():
        return window
    window = window.copy()
    for column in np.flatnonzero(left_out[reach - size :].any(axis=0)).tolist():
        kept = ~left_out[:, column]
        rank = np.concatenate([[0], np.cumsum(kept)])[reach : reach + count]
        padded = np.concatenate([np.full(size, np.nan), values[: len(values) - 1, column][kept]])
        places = np.concatenate([np.full(size, -1), np.flatnonzero(kept)])
        within = view(places, size)[rank] >= np.arange(count)[:, None]
        window[:, column] = np.where(within, view(padded, size)[rank], np.nan)
    return window


def recent(past: Past, size: int) -> Array:
    """The median of the ``size`` slots before each, falls and mutes left out; NaN where less than half is known."""
    count = len(past.now)
    marks = past.marks(size, size + count - 1)
    level = known_median(past.window(size))
    if marks is None:
        return level
    columns = np.flatnonzero(((marks & (FALL | MUTE)) > 0).any(axis=0))
    if len(columns):
        some = past.only(columns)
        window = nearest(some.span(REACH, REACH + count), some.marks(REACH, REACH + count), size, count, FALL | MUTE)
        level[:, columns] = known_median(window)
    return level


def _agreeing(values: Array, taught: Mask, runs: NDArray[np.int64]) -> Mask:
    """Which of what alerts carried (days x cells) count again: three separate alerts agree."""
    taught = _separate(taught, runs)
    ordered = np.sort(np.where(taught, values, np.nan), axis=0)
    counted = np.zeros(values.shape, dtype=bool)
    for low, high in zip(ordered[:-2], ordered[2:], strict=True):
        agree = high <= AGREE * low
        counted |= taught & agree & (values >= low) & (values <= high)
    return counted


def _separate(aside: Mask, runs: NDArray[np.int64]) -> Mask:
    """Of the days that one alert passed through, the nearest alone."""
    separate = aside.copy()
    for day in range(1, len(aside)):
        for nearer in range(day):
            separate[day] &= ~(aside[nearer] & (runs[nearer] == runs[day]))
    return separate


def _runs_of(past: Past, cells: Cells, offsets: Offsets, back: int) -> NDArray[np.int64]:
    """In which run of set-aside slots the earlier days (days x cells) of some cells lie, as a number."""
    rows, columns = cells
    apart, place = np.unique(columns, return_inverse=True)
    before, _ = _bounds(past.only(apart), back, offsets.shape[1])
    return np.asarray(before[REACH + rows - offsets[:, rows] // SLOT, place])


def _bounds(past: Past, back: int, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The last row before each that is not set aside, and the next after it, from ``REACH`` before the first on."""
    marks = past.marks(REACH + back, REACH + rows)
    width = past.now.shape[1]
    clear = np.ones((REACH + rows, width), dtype=bool) if marks is None else (marks & ASIDE) == 0
    place = np.arange(len(clear))[:, None]
    before = np.maximum.accumulate(np.where(clear, place, -1), axis=0)
    after = np.minimum.accumulate(np.where(clear, place, len(clear))[::-1], axis=0)[::-1]
    return before, after


def _silent_days(past: Past, zone: tzinfo, days: Sequence[int], most: int) -> tuple[Mask, Mask]:
    """Of each day and slot, half an hour around included: whether it teaches silence, and whether it is known."""
    rows = len(past.now) + 2 * _NEAR
    offsets = readings(zone, past.first - _NEAR * SLOT, rows, days)[0]
    values, marks = past.earlier(offsets, back=_NEAR)
    places = REACH + np.arange(rows) - offsets // SLOT
    held = past.span(REACH + _NEAR, REACH + rows)
    known = ~np.isnan(values) & _after_first_traffic(held, places)
    zero = known & (values == 0)
    if marks is None:
        return zero, known
    aside = (marks & ASIDE) > 0
    before, after = (bound[places] for bound in _bounds(past, _NEAR, rows))
    # What is shorter than this has ended by now; what is firing still is not.
    teaches = (after - before - 1 < most) & ((marks & HANDLED) == 0) & _separate(aside, before)
    return zero & (~aside | teaches), known & (~aside | teaches | (values > 0))


def _after_first_traffic(held: Array, places: NDArray[np.int64]) -> Mask:
    """Whether the series had carried anything by then, as far back as is looked."""
    carried, rows = held > 0, places.shape[1]
    following = np.where(carried[:rows], np.arange(rows)[:, None], len(held))
    later = carried[rows - 1 :]
    following[-1] = np.where(later.any(axis=0), rows - 1 + later.argmax(axis=0), len(held))
    first = np.minimum.accumulate(following[::-1], axis=0)[::-1]
    return np.asarray(first <= places[..., None])


def _mostly(zero: Mask, known: Mask) -> Mask:
    """Zero on five of the days and on the newest known one; where fewer are known, on all of at least three."""
    zeros, count = zero.sum(axis=0), known.sum(axis=0)
    newest = np.take_along_axis(zero, np.argmax(known, axis=0)[None], axis=0)[0]
    enough = (zeros >= 5) | ((count < 5) & (count >= 3) & (zeros == count))
    return np.asarray(newest & enough)
