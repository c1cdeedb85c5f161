"""``baseline``: far off what this time of day usually carries, scaled to today's level. No threshold to tune.

All it knows of a series is the series itself. ``shape`` is the median of the same slot of earlier days and weeks;
``level`` is how the last two hours stood to their shape; ``shape x level`` is what is expected. ``spread`` is how far,
at this time of day, earlier days strayed from their own expectation; where they always stray far, more is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alertbot.rules.base import (
    ROUNDING,
    Array,
    Bars,
    Direction,
    Expectation,
    Kind,
    Limit,
    Mask,
    Past,
    Shown,
    known_median,
)
from alertbot.rules.terms import USUAL, References, Term, compared, floor_term
from alertbot.rules.wording import AlertFacts, Outlook
from alertbot.units import DAY_SLOTS, SLOT, format_rate, format_share

LEVEL = 24
"""Slots that say how today stands to its shape: two hours."""

HOUR = 12
NEAR = 6
"""Slots on either side of a time of day that count as the same: half an hour."""

SPREADS = 6.0
"""So many times the usual straying is still usual."""

_CELLS = 4096
"""Slots x series worked on at a time."""

_AS_SIGMA = 1.4826
"""The median of how far normal noise strays, as its standard deviation."""

_HEADROOM = 1.2
"""A chart leaves out where an upper limit lies beyond so many times the most that was carried."""

_FEWEST_DAYS = 3
"""With fewer, days cannot be told to stray from their own median, and the last two hours say how far today does."""


@dataclass(frozen=True)
class Baseline(Kind):
    """At least ``factor`` times what is usual at this time, or at most that part of it.

    The reference is the usual value nearest to now. Usual is from what is expected to what the last hour carried,
    wider where the series strays by more than ``factor`` anyway. Under ``floor`` bit/s on both sides nothing is a
    breach. ``only``: judge rises or falls alone. Without ``zeros`` an empty slot is left to other rules.
    """

    factor: float = 1.8
    floor: float = 1e7
    only: Direction | None = None
    days: int = 7
    weeks: int = 2
    zeros: bool = True

    frozen = False
    bars = Bars.BASELINE

    @property
    def backs(self) -> tuple[int, ...]:
        """The days before that the shape is made of."""
        return tuple(sorted({*range(1, self.days + 1), *(7 * week for week in range(1, self.weeks + 1))}))

    @property
    def depth(self) -> int:
        """Two hours before the same slot of the oldest day."""
        return DAY_SLOTS * max(self.days, 7 * self.weeks) + LEVEL

    @property
    def easing(self) -> float:
        """The factor within which a breach is over: half as far off."""
        return 1 + (self.factor - 1) / 2

    def begins(self, first: int) -> int:
        """The first slot that is judged where ``first`` is the first that is known, and no later one is missing."""
        return first + (DAY_SLOTS * self.backs[0] + HOUR) * SLOT

    def possible(self, past: Past) -> Mask | None:
        """Only what is usual tells."""
        return None

    def reference(self, past: Past) -> Array:
        """The usual value nearest to now, which is the value itself where it is usual."""
        usual = self.expect(past)
        return np.clip(past.now, usual.low, usual.high)

    def expect(self, past: Past) -> Expectation:
        """What is usual; for slots under a ban by what the ban covers as well."""
        usual, under = self._expect(past, bans=True), past.banned
        if under is None or not under.any():
            return usual
        meanwhile = self._expect(past, bans=False)
        return Expectation(
            *(
                np.where(under, inside, outside)
                for inside, outside in (
                    (meanwhile.expected, usual.expected),
                    (meanwhile.low, usual.low),
                    (meanwhile.high, usual.high),
                )
            )
        )

    def breach(self, value: Array, reference: Array | None) -> Mask:
        """Past the factor on a side that is judged, with at least one of the two at the floor or more."""
        if reference is None:
            raise TypeError("a baseline is judged against a reference")
        past = self._beyond(value, reference, self.factor) & (reference > 0)
        past &= (value >= self.floor) | (reference >= self.floor)
        return past if self.zeros else past & (value != 0)

    def cleared(self, value: Array, reference: Array | None, day_before: Array) -> Mask:
        """No more than half as far off as makes a breach, or of no weight any more."""
        if reference is None:
            raise TypeError("a baseline is judged against a reference")
        known = ~np.isnan(value) & ~np.isnan(reference)
        weightless = (value < self.floor) & (reference < self.floor)
        return known & (weightless | ~self._beyond(value, reference, self.easing))

    def direction(self, value: float, reference: float | None) -> Direction:
        """A fall where less is carried than is usual."""
        return Direction.FALL if reference is not None and value < reference else Direction.RISE

    def describe(self) -> str:
        up, down = f"at least {self.factor:g} times", f"at most 1/{self.factor:g} of"
        sides = {None: f"{up} or {down}", Direction.RISE: up, Direction.FALL: down}
        return f"{sides[self.only]} what is usual at this time, from {format_rate(self.floor)} on"

    @property
    def looks_at(self) -> tuple[int, ...]:
        return tuple(DAY_SLOTS * day for day in self.backs)

    @property
    def least(self) -> float:
        return self.floor

    def comparisons(self, value: float, references: References, outlook: Outlook | None) -> tuple[Term, ...]:
        reference = references[USUAL]
        if reference <= 0:
            return (Term("where nothing is usual, nothing is unusual", holds=False),)
        if value == reference:
            return (Term(f"{format_rate(value)} is usual at this time", holds=False),)
        if value == 0 and not self.zeros:
            return (Term("an empty slot is left to other rules, since zeros = false", holds=False),)
        way, usual = self.direction(value, reference), f"the usual {format_rate(reference)}"
        if self.only not in {None, way}:
            return (Term(f"{format_rate(value)} is no {self.only} from {usual}", holds=False),)
        if way is Direction.RISE:
            limit = self.factor * reference
            past = value >= limit * (1 - ROUNDING)
            first = compared(value, ">=" if past else "<", limit, f"{self.factor:g} x {usual} = ")
        else:
            limit = reference / self.factor
            past = value <= limit * (1 + ROUNDING)
            first = compared(value, "<=" if past else ">", limit, f"{usual} / {self.factor:g} = ")
        return (Term(first, past), floor_term(value, reference, self.floor))

    def firing(self, facts: AlertFacts) -> str:
        value, reference = facts.value, facts.references.get(USUAL, 0.0)
        against = " against"
        if value != 0 and reference != 0:
            share = value / reference
            against = f", only {format_share(share)} of" if facts.falls else f", {share:.3g} times"
        usual = f"the {format_rate(reference)} usual at this time"
        return f"{facts.series} carries {format_rate(value)}{against} {usual}, since {facts.since}"

    def limits_to_draw(self, shown: Shown) -> Iterator[Limit]:
        """From where on it is too much, and too little."""
        if not shown.breaches:
            return
        seen = shown.past()
        usual = self.expect(seen)
        if self.only is not Direction.FALL:
            # Where the series strays far, it lies so high that nothing else could be made out.
            above, most = self.factor * usual.high[:, 0], _HEADROOM * float(np.nanmax(seen.now, initial=0.0))
            yield f"{self.factor:g} times what is usual", np.where(above <= most, above, np.nan)
        if self.only is not Direction.RISE:
            yield f"1/{self.factor:g} of what is usual", usual.low[:, 0] / self.factor

    def _beyond(self, value: Array, reference: Array, factor: float) -> Mask:
        rises = value >= factor * reference * (1 - ROUNDING)
        falls = value <= reference / factor * (1 + ROUNDING)
        if self.only is None:
            return rises | falls
        return rises if self.only is Direction.RISE else falls

    def _expect(self, past: Past, *, bans: bool) -> Expectation:
        """Some series at a time, so that what is worked on fits a processor's cache whatever their number."""
        now = past.now
        usual = Expectation(*(np.full(now.shape, np.nan) for _ in range(3)))
        known = np.flatnonzero(~np.isnan(now).all(axis=0))
        step = max(_CELLS // len(now), 1)
        for first in range(0, len(known), step):
            some = known[first : first + step]
            part = self._expect_of(past.only(some), bans=bans)
            usual.expected[:, some], usual.low[:, some], usual.high[:, some] = part.expected, part.low, part.high
        return usual

    def _expect_of(self, past: Past, *, bans: bool) -> Expectation:
        count = past.now.shape[0]
        days, shape = self._days(past, LEVEL, count + LEVEL + NEAR, bans=bans)
        today = past.span(LEVEL, LEVEL + count, bans=bans) / shape[: LEVEL + count]
        now = shape[LEVEL : LEVEL + count]
        level = _before(today, LEVEL, count, least=1)
        for back in range(LEVEL, DAY_SLOTS, LEVEL):  # an alert that burns leaves nothing of the last two hours
            missing = np.flatnonzero((np.isnan(level) & ~np.isnan(now)).any(axis=0))
            if not len(missing):
                break
            earlier = self._level(past.only(missing), back, count, bans=bans)
            level[:, missing] = np.where(np.isnan(level[:, missing]), earlier, level[:, missing])
        expected = now * level
        hour = _before(past.span(HOUR, HOUR + count, bans=bans), HOUR, count, least=HOUR // 2)
        spread = _spread(days / shape, today, count)
        # Rounded, since a logarithm's last digit may depend on how many are taken at once.
        margin = np.round(np.maximum(np.exp(SPREADS * np.round(spread, 9)) / self.factor, 1), 9)
        low, high = np.fmin(expected, hour) / margin, np.fmax(expected, hour) * margin
        known = (expected > 0) & ~np.isnan(margin)
        return Expectation(*(np.where(known, each, np.nan) for each in (expected, low, high)))

    def _days(self, past: Past, back: int, rows: int, *, bans: bool) -> tuple[Array, Array]:
        """``rows`` slots from ``back`` before the first, of each earlier day (days x rows x series); their shape."""
        days = np.stack([past.span(DAY_SLOTS * day + back, rows, bans=bans) for day in self.backs])
        shape = known_median(np.moveaxis(days, 0, -1), least=1)
        return days, np.where(shape > 0, shape, np.nan)

    def _level(self, past: Past, back: int, count: int, *, bans: bool) -> Array:
        """The level as it stood so many slots before each."""
        _, shape = self._days(past, LEVEL + back, LEVEL + count, bans=bans)
        return _before(past.span(LEVEL + back, LEVEL + count, bans=bans) / shape, LEVEL, count, least=1)


def _before(values: Array, size: int, count: int, least: int) -> Array:
    """The median of the ``size`` rows before each of ``count``; NaN where fewer than ``least`` are known."""
    windows = np.lib.stride_tricks.sliding_window_view(values, size, axis=-2)
    return known_median(windows[..., :count, :, :], least)


def _spread(days: Array, today: Array, count: int) -> Array:
    """How far the ratios around this time of day usually stray from the level of their day, as a share (log)."""
    days = _log(days)
    level = _before(days, LEVEL, count, least=LEVEL // 2)
    around = np.lib.stride_tricks.sliding_window_view(days[:, LEVEL - NEAR :], 2 * NEAR + 1, axis=1)[:, :count, :, ::2]
    strayed = np.moveaxis(np.abs(around - level[..., None]), 0, -1)
    spread = known_median(strayed.reshape(*strayed.shape[:2], -1), least=_FEWEST_DAYS * NEAR // 2)
    whole = (~np.isnan(level)).sum(axis=0)
    few = np.flatnonzero((whole < _FEWEST_DAYS).any(axis=0))
    if len(few):
        windows = np.lib.stride_tricks.sliding_window_view(_log(today[:, few]), LEVEL, axis=0)[:count]
        lately = known_median(np.abs(windows - known_median(windows, least=1)[..., None]), least=HOUR)
        spread[:, few] = np.where(whole[:, few] < _FEWEST_DAYS, lately, spread[:, few])
    return _AS_SIGMA * spread


def _log(ratio: Array) -> Array:
    """The logarithm; NaN for what carried nothing."""
    return np.log(ratio, out=np.full_like(ratio, np.nan), where=ratio > 0)
