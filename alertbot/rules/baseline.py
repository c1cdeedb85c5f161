"""``baseline``: far off what this time of day usually carries, as ``daily_shape.py`` says. No threshold to tune."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

import numpy as np

from alertbot.rules.base import ROUNDING, Array, Direction, Expectation, Judged, Kind, Limit, Mask, Past, Shown
from alertbot.rules.daily_shape import HOUR, LEVEL, DailyShape
from alertbot.rules.knobs import Knob, factor, floor
from alertbot.rules.terms import USUAL, References, Term, compared, floor_term
from alertbot.rules.usual import REACH, no_silence, over_unless_silent
from alertbot.rules.wording import AlertFacts, Outlook
from alertbot.units import DAY_SLOTS, SLOT, format_rate, format_share

_HEADROOM = 1.2
"""A chart leaves out where an upper limit lies beyond so many times the most that was carried."""


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

    def looks_for(self, direction: Direction) -> bool:
        """Both, or one alone."""
        return self.only in {None, direction}

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
            return (Term("5 minutes without traffic are left to other rules, since zeros = false", holds=False),)
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
        return f"{facts.series} {again}{facts.carries} {format_rate(value)}{against} {usual}, since {facts.since}"

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
        return DailyShape(self.zone, self.backs, self.factor).expect(past)
