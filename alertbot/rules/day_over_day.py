"""``day_over_day``: so many times the same slot on earlier days or weeks, or only a fraction of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

import numpy as np

from alertbot.rules.arrays import at_the_same_time, known_median
from alertbot.rules.base import ROUNDING, Array, Direction, Judged, Kind, Limit, Mask, Offsets, Past, Shown
from alertbot.rules.civil import readings
from alertbot.rules.episodes import ASIDE
from alertbot.rules.knobs import Knob, factor, floor
from alertbot.rules.terms import NO_REFERENCE, USUAL, References, Term, compared, floor_term
from alertbot.rules.usual import REACH, no_silence, over_unless_silent, preferred
from alertbot.rules.wording import AlertFacts, Outlook
from alertbot.units import DAY_SLOTS, format_rate, format_share


@dataclass(frozen=True)
class DayOverDay(Kind):
    """At least ``ratio`` times the reference, or at most where ``ratio`` is under 1.

    The reference is the median of the same slot of the last ``days`` days, likewise of the last ``weeks`` weeks; with
    both, the one nearest in value to now counts. Below ``floor`` bit/s on both sides nothing is a breach: a percentage
    of next to nothing is noise (sentry #45489).
    """

    ratio: float
    days: int = 1
    weeks: int = 0
    floor: float = 1e7

    zone: tzinfo = UTC
    learn_silence: bool = True

    frozen = False
    lags = True

    @property
    def depth(self) -> int:
        """Back to the oldest day or week compared with."""
        return DAY_SLOTS * max(self.days, 7 * self.weeks)

    @property
    def reach(self) -> int:
        """Days and weeks set aside are passed over, and a fall may be usual silence."""
        return max(self.depth, REACH, DAY_SLOTS * (max(self._days, default=0) + 1), DAY_SLOTS * self._weekly[-1])

    @property
    def _days(self) -> tuple[int, ...]:
        """The days among which the nearest are looked for."""
        return tuple(range(1, max(self.days, 7) + 1)) if self.days else ()

    @property
    def _weekly(self) -> tuple[int, ...]:
        """Likewise of the weeks, as days."""
        return tuple(7 * week for week in range(1, max(self.weeks, 4) + 1)) if self.weeks else (0,)

    def without_learned_silence(self) -> Kind | None:
        return replace(self, learn_silence=False) if self.learn_silence else None

    def looks_for(self, direction: Direction) -> bool:
        """Rises alone, or falls alone for a ratio under 1."""
        return (direction is Direction.RISE) == (self.ratio >= 1)

    def sets_aside(self, direction: Direction) -> bool:
        """What is far off is no measure of what is usual."""
        return True

    @property
    def compared_with(self) -> str:
        """The reference as the object of a sentence."""
        days = "a day earlier" if self.days == 1 else f"the median of the last {self.days} days"
        weeks = "a week earlier" if self.weeks == 1 else f"the median of the last {self.weeks} weeks"
        if self.days and self.weeks:
            return f"{days} or {weeks}, whichever is nearer"
        return days if self.days else weeks

    def possible(self, past: Past) -> Mask | None:
        """Its reference costs next to nothing."""
        return None

    def reference(self, past: Past) -> Array:
        """The same time of day, earlier: of all readings the one nearest in value to now."""
        found = []
        for count, among in ((self.days, self._days), (self.weeks, self._weekly)):
            if count:
                clocks = readings(self.zone, past.first, len(past.now), among)
                found += [_nearest_days(past, offsets, count) for offsets in clocks]
        return nearest_value(past.now, found)

    def breach(self, value: Array, reference: Array | None) -> Mask:
        """Past the ratio, with at least one side at the floor or more; a reference of 0 is no breach."""
        if reference is None:
            raise TypeError("day over day is judged against a reference")
        limit = self.ratio * reference
        past = value >= limit * (1 - ROUNDING) if self.ratio >= 1 else value <= limit * (1 + ROUNDING)
        return past & (reference > 0) & ((value >= self.floor) | (reference >= self.floor))

    def judge(self, past: Past, fixed: Array | None = None) -> Judged:
        """As ``breach`` says, but for silence where it is usual."""
        reference = self.reference(past)
        breach = self.breach(past.now, reference)
        return Judged(
            reference,
            breach if self.ratio >= 1 else no_silence(past, self.zone, breach, learn=self.learn_silence),
            reference,
        )

    def over(self, past: Past, fired: Array) -> Mask:
        """No longer in breach; where the present days are unknown, by the reference it fired on."""
        now, present = past.now, self.reference(past)
        over = np.where(np.isnan(present), ~self.breach(now, fired), ~self.breach(now, present)) & ~np.isnan(now)
        return over if self.ratio >= 1 else over_unless_silent(past, self.zone, over, learn=self.learn_silence)

    def usual_level(self, past: Past) -> Array:
        return self.reference(past)

    def is_back(self, value: float, level: float) -> bool:
        """It would be no breach."""
        return not self.in_breach(value, {USUAL: level})

    def direction(self, value: float, reference: float | None) -> Direction:
        """A rise, or a fall for a ratio under 1."""
        return Direction.RISE if self.ratio >= 1 else Direction.FALL

    def describe(self) -> str:
        side = "at least" if self.ratio >= 1 else "at most"
        return f"{side} {self.ratio:g} times as much as {self.compared_with}, from {format_rate(self.floor)} on"

    @property
    def looks_at(self) -> tuple[int, ...]:
        days = {DAY_SLOTS * day for day in range(1, self.days + 1)}
        return tuple(sorted(days | {7 * DAY_SLOTS * week for week in range(1, self.weeks + 1)}))

    def depends_on(self, back: int) -> bool:
        return at_the_same_time(back)

    @property
    def least(self) -> float:
        return self.floor

    @property
    def knobs(self) -> tuple[Knob, ...]:
        return floor("floor", "floor"), factor("ratio")

    def comparisons(self, value: float, references: References, outlook: Outlook | None) -> tuple[Term, ...]:
        reference = references[USUAL]
        if reference <= 0:
            return (NO_REFERENCE,)
        limit, rises = self.ratio * reference, self.ratio >= 1
        past = value >= limit * (1 - ROUNDING) if rises else value <= limit * (1 + ROUNDING)
        sign = (">=" if past else "<") if rises else ("<=" if past else ">")
        first = Term(compared(value, sign, limit, f"{self.ratio:g} x {format_rate(reference)} = "), past)
        return (first, floor_term(value, reference, self.floor))

    def firing(self, facts: AlertFacts) -> str:
        reference = facts.references.get(USUAL, 0.0)
        share = facts.value / reference if reference else 0.0
        much = f"{share:.3g} times" if self.ratio >= 1 else f"only {format_share(share)}"
        against = f"{format_rate(facts.value)} against {format_rate(reference)}"
        again = "again " if facts.again else ""
        compared = f"{facts.carries} {much} as much as {self.compared_with}"
        return f"{facts.series} {again}{compared}, since {facts.since}: {against}"

    def limits_to_draw(self, shown: Shown) -> Iterator[Limit]:
        if shown.breaches:
            yield f"{self.ratio:g} times {self.compared_with}", self.ratio * self.reference(shown.past())[:, 0]


def nearest_value(now: Array, found: Sequence[Array]) -> Array:
    """Of several references of each slot the one nearest to it, the first where two are; NaN where none is known."""
    best = found[0]
    for other in found[1:]:
        nearer = np.abs(now - other) < np.abs(now - best)
        best = np.where(nearer | np.isnan(best), other, best)
    return best


def _nearest_days(past: Past, offsets: Offsets, count: int) -> Array:
    """The median of the ``count`` nearest days that are not set aside; of fewer where there are no more."""
    values, marks = past.earlier(offsets[:count])
    if marks is None or not (marks & ASIDE).any():
        return values[0] if count == 1 else known_median(np.moveaxis(values, 0, -1))
    values, marks = past.earlier(offsets)
    if marks is None:
        raise AssertionError("the nearest days are among all of them")
    aside = (marks & ASIDE) > 0
    good = preferred(values, marks, past, offsets)
    # A day that is unknown though nothing set it aside counts as one: it is a hole, not a choice.
    serves = ~np.isnan(good) | (np.isnan(values) & ~aside)
    chosen = serves & (np.cumsum(serves, axis=0) <= count)
    least = np.maximum((chosen.sum(axis=0) + 1) // 2, 1)
    return known_median(np.moveaxis(np.where(chosen, good, np.nan), 0, -1), least)
