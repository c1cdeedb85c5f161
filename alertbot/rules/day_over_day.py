"""``day_over_day``: so many times the same slot on earlier days or weeks, or only a fraction of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alertbot.rules.base import ROUNDING, Array, Bars, Direction, Kind, Limit, Mask, Past, Shown, known_median
from alertbot.rules.terms import NO_REFERENCE, USUAL, References, Term, compared, floor_term
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

    frozen = False
    bars = Bars.NOBODY

    @property
    def depth(self) -> int:
        """Back to the oldest day or week compared with."""
        return DAY_SLOTS * max(self.days, 7 * self.weeks)

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
        """The same time of day, earlier; where only one of days and weeks is known, that one."""
        days = _median_back(past, DAY_SLOTS, self.days)
        weeks = _median_back(past, 7 * DAY_SLOTS, self.weeks)
        if days is None or weeks is None:
            return weeks if days is None and weeks is not None else np.asarray(days)
        week_nearer = np.abs(past.now - weeks) < np.abs(past.now - days)
        return np.where(week_nearer | np.isnan(days), weeks, days)

    def breach(self, value: Array, reference: Array | None) -> Mask:
        """Past the ratio, with at least one side at the floor or more; a reference of 0 is no breach."""
        if reference is None:
            raise TypeError("day over day is judged against a reference")
        limit = self.ratio * reference
        past = value >= limit * (1 - ROUNDING) if self.ratio >= 1 else value <= limit * (1 + ROUNDING)
        return past & (reference > 0) & ((value >= self.floor) | (reference >= self.floor))

    def cleared(self, value: Array, reference: Array | None, day_before: Array) -> Mask:
        """No longer in breach."""
        return ~self.breach(value, reference)

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

    @property
    def least(self) -> float:
        return self.floor

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
        return f"{facts.series} carries {much} as much as {self.compared_with}, since {facts.since}: {against}"

    def limits_to_draw(self, shown: Shown) -> Iterator[Limit]:
        if shown.breaches:
            yield f"{self.ratio:g} times {self.compared_with}", self.ratio * self.reference(shown.past())[:, 0]


def _median_back(past: Past, step: int, count: int) -> Array | None:
    if count == 0:
        return None
    if count == 1:
        return past.back(step)
    return known_median(np.stack([past.back(step * number) for number in range(1, count + 1)], axis=-1))
