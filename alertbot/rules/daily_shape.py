"""What a series is expected to carry at this time of day, scaled to today's level.

All that is known of a series is the series itself. ``shape`` is the median of the same slot of earlier days and weeks;
``level`` is how the last two hours stood to their shape; ``shape x level`` is what is expected. ``spread`` is how far,
at this time of day, earlier days strayed from their own expectation; where they always stray far, more is usual.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

import numpy as np

from alertbot.rules.arrays import known_median
from alertbot.rules.base import Array, Expectation, Mask, Offsets, Past
from alertbot.rules.civil import readings
from alertbot.rules.episodes import ASIDE, FALL, MUTE, RISE
from alertbot.rules.usual import nearest, preferred, weekly
from alertbot.units import SLOT

LEVEL = 24
"""Slots that say how today stands to its shape: two hours."""

HOUR = 12
NEAR = 6
"""Slots on either side of a time of day that count as the same: half an hour."""

LOOK_PAST = 72
"""Slots further back that the level looks past what is set aside: six hours."""

LOOK_HOUR = 12
"""Likewise for the level of the last hour."""

DISTURBED = 25 * 12
"""Slots for which an alert's mark on today's level is reckoned with."""

SPREADS = 6.0
"""So many times the usual straying is still usual."""

_CELLS = 4096
"""Slots x series worked on at a time."""

_AS_SIGMA = 1.4826
"""The median of how far normal noise strays, as its standard deviation."""

_FEWEST_DAYS = 3
"""With fewer, days cannot be told to stray from their own median, and the last two hours say how far today does."""


@dataclass(frozen=True)
class DailyShape:
    """The days before that a shape is made of, by the clocks of a zone.

    Where a series strays by more than ``factor`` anyway, more is usual.
    """

    zone: tzinfo
    backs: tuple[int, ...]
    factor: float

    def expect(self, past: Past) -> Expectation:
        """What is usual; some series at a time, so that what is worked on fits a processor's cache."""
        now = past.now
        usual = Expectation(*(np.full(now.shape, np.nan) for _ in range(3)))
        known = np.flatnonzero(~np.isnan(now).all(axis=0))
        step = max(_CELLS // len(now), 1)
        for first in range(0, len(known), step):
            some = known[first : first + step]
            part = self._expect_of(past.only(some))
            usual.expected[:, some], usual.low[:, some], usual.high[:, some] = part.expected, part.low, part.high
        return usual

    def _expect_of(self, past: Past) -> Expectation:
        """By every reading of the clocks there is, from the lowest to the highest."""
        rows = LEVEL + len(past.now) + NEAR
        clocks = readings(self.zone, past.first - LEVEL * SLOT, rows, self.backs)
        found = [self._read(past, offsets, reading) for reading, offsets in enumerate(clocks)]
        low = np.fmin.reduce([each.low for each in found])
        high = np.fmax.reduce([each.high for each in found])
        return Expectation(found[0].expected, low, high)

    def _read(self, past: Past, offsets: Offsets, reading: int) -> Expectation:
        """By one reading of the clocks, the one of that number."""
        count = len(past.now)
        days, shape = self._days(past, offsets, LEVEL)
        ratios = self._lately(past, shape, count, reading)
        plain = shape[LEVEL : LEVEL + count]
        expected = plain * _level(ratios)
        # Coming back to what was usual is never a rise after a fall, nor a fall after a rise.
        fell, rose = _disturbed(past, count)
        around = [expected, self._hour(past, count), weekly(past, self.zone)]
        spread = _spread(days / shape, ratios, count)
        # Rounded, since a logarithm's last digit may depend on how many are taken at once.
        margin = np.round(np.maximum(np.exp(SPREADS * np.round(spread, 9)) / self.factor, 1), 9)
        low = np.fmin.reduce([*around, np.where(rose, plain, np.nan)]) / margin
        high = np.fmax.reduce([*around, np.where(fell, plain, np.nan)]) * margin
        known = (expected > 0) & ~np.isnan(margin)
        return Expectation(*(np.where(known, each, np.nan) for each in (expected, low, high)))

    def _days(self, past: Past, offsets: Offsets, back: int) -> tuple[Array, Array]:
        """The earlier days that may serve (days x slots x series), and their shape, NaN where most were silent."""
        days, marks = past.earlier(offsets, back)
        if marks is not None and (marks & ASIDE).any():
            days = preferred(days, marks, past, offsets, back)
        shape = known_median(np.moveaxis(days, 0, -1), least=1)
        columns = np.flatnonzero((days == 0).any(axis=(0, 1)))
        if len(columns):  # days of silence, such as weekends, are no measure of the others
            carried = known_median(np.moveaxis(_carried(days[:, :, columns]), 0, -1), least=1)
            shape[:, columns] = np.where(shape[:, columns] > 0, carried, np.nan)
        return days, shape

    def _lately(self, past: Past, shape: Array, count: int, reading: int) -> Array:
        """How each of the last two hours' slots stood to its shape; slots set aside are looked past."""
        marks = past.marks(LEVEL, LEVEL + count)
        ratios = nearest(past.span(LEVEL, LEVEL + count) / shape[: LEVEL + count], None, LEVEL, count, ASIDE)
        if marks is None:
            return ratios
        columns = np.flatnonzero((marks & ASIDE).any(axis=0))
        if not len(columns):
            return ratios
        some, back = past.only(columns), LEVEL + LOOK_PAST
        clocks = readings(self.zone, past.first - back * SLOT, back + count, self.backs)
        _, further = self._days(some, clocks[min(reading, len(clocks) - 1)], back)
        ratios = ratios.copy()
        ratios[:, columns] = nearest(
            some.span(back, back + count) / further, some.marks(back, back + count), LEVEL, count, ASIDE
        )
        return ratios

    def _hour(self, past: Past, count: int) -> Array:
        """The level of the last hour; slots set aside are looked past."""
        back = HOUR + LOOK_HOUR
        window = nearest(past.span(back, back + count), past.marks(back, back + count), HOUR, count, ASIDE)
        return known_median(window, HOUR // 2)


def _level(ratios: Array) -> Array:
    """The median along the last axis of what is known and carried something; 1 where that is too little.

    0, which expects nothing, where silence makes it too little: a morning's silence says nothing of how high the day
    stands, and with it a late start would look like a rise.
    """
    level = known_median(ratios, LEVEL // 2)
    columns = np.flatnonzero((ratios[0] == 0).any(axis=-1) | (ratios[..., -1] == 0).any(axis=0))
    some = ratios[:, columns]
    carried = known_median(_carried(some), LEVEL // 2)
    silent = np.isnan(carried) & (some == 0).any(axis=-1)
    level[:, columns] = np.where(silent, 0.0, carried)
    return np.where(np.isnan(level), 1.0, level)


def _carried(values: Array) -> Array:
    """NaN for what is nothing."""
    return np.where(values > 0, values, np.nan)


def _disturbed(past: Past, count: int) -> tuple[Mask, Mask]:
    """Where a fall, and where a rise, of the last day and an hour disturbed today's level."""
    marks = past.marks(DISTURBED, DISTURBED + count - 1)
    if marks is None:
        nowhere = np.zeros((count, past.now.shape[1]), dtype=bool)
        return nowhere, nowhere
    return _any_before((marks & (FALL | MUTE)) > 0, count), _any_before((marks & (RISE | MUTE)) > 0, count)


def _any_before(marked: Mask, count: int) -> Mask:
    """Whether any of the rows before each of the last ``count`` is marked, as far back as there are rows."""
    back = len(marked) - count + 1
    passed = np.cumsum(np.concatenate([np.zeros((1, marked.shape[1]), dtype=np.int32), marked]), axis=0)
    return np.asarray(passed[back:] > passed[:-back])


def _before(values: Array, size: int, count: int, least: int) -> Array:
    """The median of the ``size`` rows before each of ``count``; NaN where fewer than ``least`` are known."""
    windows = np.lib.stride_tricks.sliding_window_view(values, size, axis=-2)
    return known_median(windows[..., :count, :, :], least)


def _spread(days: Array, lately: Array, count: int) -> Array:
    """How far the ratios around this time of day usually stray from the level of their day, as a share (log).

    ``lately``: the last two hours' ratios of each slot, along the last axis.
    """
    days = _log(days)
    level = _before(days, LEVEL, count, least=LEVEL // 2)
    around = np.lib.stride_tricks.sliding_window_view(days[:, LEVEL - NEAR :], 2 * NEAR + 1, axis=1)[:, :count, :, ::2]
    strayed = np.moveaxis(np.abs(around - level[..., None]), 0, -1)
    spread = known_median(strayed.reshape(*strayed.shape[:2], -1), least=_FEWEST_DAYS * NEAR // 2)
    whole = (~np.isnan(level)).sum(axis=0)
    few = np.flatnonzero((whole < _FEWEST_DAYS).any(axis=0))
    if len(few):
        windows = _log(lately[:, few])
        strays = known_median(np.abs(windows - known_median(windows, least=1)[..., None]), least=HOUR)
        spread[:, few] = np.where(whole[:, few] < _FEWEST_DAYS, strays, spread[:, few])
    return _AS_SIGMA * spread


def _log(ratio: Array) -> Array:
    """The logarithm; NaN for what carried nothing."""
    return np.log(ratio, out=np.full_like(ratio, np.nan), where=ratio > 0)
