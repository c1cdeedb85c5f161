"""``baseline``: far off what this time of day usually carries, scaled to today's level. No threshold to tune.

All it knows of a series is the series itself. ``shape`` is the median of the same slot of earlier days and weeks;
``level`` is how the last two hours stood to their shape; ``shape x level`` is what is expected. ``spread`` is how far,
at this time of day, earlier days strayed from their own expectation; where they always stray far, more is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

import numpy as np

from alertbot.rules.arrays import known_median
from alertbot.rules.base import ROUNDING, Array, Direction, Expectation, Judged, Kind, Limit, Mask, Offsets, Past, Shown
from alertbot.rules.civil import readings
from alertbot.rules.episodes import ASIDE, FALL, MUTE, RISE
from alertbot.rules.knobs import Knob, factor, floor
from alertbot.rules.terms import USUAL, References, Term, compared, floor_term
from alertbot.rules.usual import REACH, nearest, no_silence, over_unless_silent, preferred, weekly
from alertbot.rules.wording import AlertFacts, Outlook
from alertbot.units import DAY_SLOTS, SLOT, format_rate, format_share

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

    zone: tzinfo = UTC
    learn_silence: bool = True

    frozen = False

    @property
    def backs(self) -> tuple[int, ...]:
        """The days before that the shape is made of."""
        return tuple(sorted({*range(1, self.days + 1), *(7 * week for week in range(1, self.weeks + 1))}))

    @property
    def depth(self) -> int:
        """Two hours before the same slot of the oldest day."""
        return DAY_SLOTS * max(self.days, 7 * self.weeks) + LEVEL

    @property
    def reach(self) -> int:
        """The last of these weekdays, too, say what recurs."""
        return max(self.depth + DAY_SLOTS, REACH)

    def without_learned_silence(self) -> Kind | None:
        return replace(self, learn_silence=False) if self.learn_silence else None

    def sets_aside(self, direction: Direction) -> bool:
        """What is far off is no measure of what is usual."""
        return True

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

    def judge(self, past: Past, fixed: Array | None = None) -> Judged:
        """As ``breach`` says, but for silence where it is usual."""
        reference = self.reference(past)
        breach = self.breach(past.now, reference)
        return Judged(
            reference,
            no_silence(past, self.zone, breach, learn=self.learn_silence) if self.zeros else breach,
            reference,
        )

    def over(self, past: Past, fired: Array) -> Mask:
        """No more than half as far off as makes a breach, from what it fired on or from what is usual now."""
        now, present = past.now, self.reference(past)
        back = self._eased(now, present) | self._eased(now, np.broadcast_to(fired, now.shape))
        over = back & ~(self._beyond(now, present, self.factor) & ((now >= self.floor) | (present >= self.floor)))
        return (
            over if self.only is Direction.RISE else over_unless_silent(past, self.zone, over, learn=self.learn_silence)
        )

    def breach(self, value: Array, reference: Array | None) -> Mask:
        """Past the factor on a side that is judged, with at least one of the two at the floor or more."""
        if reference is None:
            raise TypeError("a baseline is judged against a reference")
        past = self._beyond(value, reference, self.factor) & (reference > 0)
        past &= (value >= self.floor) | (reference >= self.floor)
        return past if self.zeros else past & (value != 0)

    def _eased(self, value: Array, reference: Array) -> Mask:
        """Not half as far off as makes a breach, or of no weight any more."""
        known = ~np.isnan(value) & ~np.isnan(reference)
        weightless = (value < self.floor) & (reference < self.floor)
        return known & (weightless | ~self._beyond(value, reference, self.easing))

    def usual_level(self, past: Past) -> Array:
        return self.reference(past)

    def is_back(self, value: float, level: float) -> bool:
        """Not half as far off as makes a breach."""
        return bool(self._eased(np.asarray(value), np.asarray(level)))

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

    @property
    def knobs(self) -> tuple[Knob, ...]:
        return floor("floor", "floor"), factor("factor")

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
        again = "again " if facts.again else ""
        return f"{facts.series} {again}carries {format_rate(value)}{against} {usual}, since {facts.since}"

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
        level = known_median(ratios, LEVEL // 2)
        plain = shape[LEVEL : LEVEL + count]
        expected = plain * np.where(np.isnan(level), 1.0, level)
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
        """The earlier days that may serve (days x slots x series), and their shape, NaN where that is 0."""
        days, marks = past.earlier(offsets, back)
        if marks is not None and (marks & ASIDE).any():
            days = preferred(days, marks, past, offsets, back)
        shape = known_median(np.moveaxis(days, 0, -1), least=1)
        return days, np.where(shape > 0, shape, np.nan)

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
