"""``drop``: fallen to next to nothing, or by a share, from what was normal just before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

import numpy as np

from alertbot.rules.arrays import at_the_same_time, window_max
from alertbot.rules.base import ROUNDING, Array, Direction, Judged, Kind, Limit, Mask, Past, Shown
from alertbot.rules.knobs import Knob, floor, share
from alertbot.rules.terms import NO_REFERENCE, RECENT, USUAL, References, Term, compared
from alertbot.rules.usual import REACH, no_silence, over_unless_silent, recent, usual
from alertbot.rules.wording import AlertFacts, Listed, Outlook
from alertbot.units import DAY_SLOTS, SLOT, format_rate, format_share
from alertbot.words import at


@dataclass(frozen=True)
class Drop(Kind):
    """Fallen to ``to`` bit/s or less, or by the share ``by``, from a reference of at least ``from_`` bit/s.

    The reference is the median of the ``window`` slots before the breach began, frozen until it is over: measured
    against a moving one, an outage longer than the window would end by itself. Falls are left out of the window.
    """

    to: float | None = None
    by: float | None = None
    from_: float = 1e6
    window: int = 12
    clear: float = 0.5
    zone: tzinfo = UTC
    learn_silence: bool = True

    frozen = True
    reference_name = RECENT

    @property
    def depth(self) -> int:
        """The window, and the same slot a day earlier, which may show that the level is normal for this hour."""
        return max(self.window, DAY_SLOTS)

    @property
    def reach(self) -> int:
        """What is usual at this time looks weeks back."""
        return max(self.window, REACH)

    def without_learned_silence(self) -> Kind | None:
        return replace(self, learn_silence=False) if self.learn_silence else None

    def looks_for(self, direction: Direction) -> bool:
        """Falls alone."""
        return direction is Direction.FALL

    def sets_aside(self, direction: Direction) -> bool:
        """A fall is no measure of what is usual."""
        return True

    def possible(self, past: Past) -> Mask | None:
        """At or under what would be allowed if the reference were the most that the window holds."""
        if self.to is not None:
            return np.asarray(past.now <= self.to)
        window = past.window(self.window)
        possible = np.asarray(past.now <= (1 - (self.by or 0)) * window_max(window) * (1 + ROUNDING))
        marks = past.marks(self.window, self.window + len(possible) - 1)
        if marks is not None:  # where the window reaches further back, it may hold more
            possible |= np.lib.stride_tricks.sliding_window_view(marks, self.window, axis=0).any(axis=-1)
        return possible

    def reference(self, past: Past) -> Array:
        """The median of the window before each slot, falls left out."""
        return recent(past, self.window)

    def breach(self, value: Array, reference: Array | None) -> Mask:
        """At or under what is allowed, where the reference was worth watching; a reference of 0 is no breach."""
        if reference is None:
            raise TypeError("a drop is judged against a reference")
        allowed = self.to if self.to is not None else (1 - (self.by or 0)) * reference * (1 + ROUNDING)
        return (value <= allowed) & (reference >= self.from_) & (reference > 0)

    def judge(self, past: Past, fixed: Array | None = None) -> Judged:
        """``to``: fallen from what it carried, or usually does. ``by``: fallen, and under the usual as well."""
        now, reference = past.now, self._fixed(past, fixed)
        usually = np.full(now.shape, np.nan)
        by_usual = np.zeros(now.shape, dtype=bool)
        if self.to is not None:
            asked = np.flatnonzero(((now <= self.to) & ~(reference >= self.from_)).any(axis=0))
            if len(asked):
                low = usual(past.only(asked), self.zone).low
                carried = reference[:, asked]
                by_usual[:, asked] = ~(carried >= self.from_) & (low >= self.from_)
                reference[:, asked] = np.where(by_usual[:, asked], low, carried)
            breach = self.breach(now, reference)
        else:
            breach = self.breach(now, reference)
            asked = np.flatnonzero(breach.any(axis=0))
            if len(asked):
                low = usual(past.only(asked), self.zone).low
                usually[:, asked] = low
                breach[:, asked] &= np.isnan(low) | (now[:, asked] < self.clear * low * (1 - ROUNDING))
        breach = no_silence(past, self.zone, breach, learn=self.learn_silence)
        return Judged(reference, breach, usually, by_usual)

    def _fixed(self, past: Past, fixed: Array | None) -> Array:
        """The reference of each slot, where it is not frozen the window's."""
        if fixed is None:
            return np.array(self.reference(past))
        reference = np.repeat(fixed[None, :], len(past.now), axis=0)
        moving = np.flatnonzero(np.isnan(fixed))
        if len(moving):
            reference[:, moving] = self.reference(past.only(moving))
        return reference

    def over(self, past: Past, fired: Array) -> Mask:
        """The share ``clear`` is back, of what it fell from or of what is usual at this time."""
        now, low = past.now, usual(past, self.zone).low
        share = self.clear * (1 - ROUNDING)
        back = (now >= share * fired) | ((low > 0) & (now >= share * low))
        fallen = now <= (self.to if self.to is not None else (1 - (self.by or 0)) * low * (1 + ROUNDING))
        return over_unless_silent(past, self.zone, back & ~fallen, learn=self.learn_silence)

    def usual_level(self, past: Past) -> Array:
        return usual(past, self.zone).low

    def is_back(self, value: float, level: float) -> bool:
        """The share ``clear`` of it is."""
        return value >= self.clear * level * (1 - ROUNDING)

    def direction(self, value: float, reference: float | None) -> Direction:
        """Always a fall."""
        return Direction.FALL

    def describe(self) -> str:
        fallen = f"by {format_share(self.by)}" if self.by is not None else f"to {format_rate(self.to or 0)}"
        return f"fallen {fallen} from {format_rate(self.from_)} or more"

    @property
    def looks_at(self) -> tuple[int, ...]:
        return tuple(range(1, self.window + 1))

    def depends_on(self, back: int) -> bool:
        return back <= self.window or at_the_same_time(back)

    @property
    def least(self) -> float:
        return self.from_

    @property
    def knobs(self) -> tuple[Knob, ...]:
        # Below half, what is over depends on ``by`` too.
        return (floor("from", "from_"), *((share("by"),) if self.by is not None and self.by >= 0.5 else ()))

    def size(self, value: Array, reference: Array | None) -> Array:
        """What was carried before."""
        return np.full_like(value, np.nan) if reference is None else reference

    def comparisons(self, value: float, references: References, outlook: Outlook | None) -> tuple[Term, ...]:
        reference = _before(references)
        if self.to is not None:
            fallen = value <= self.to
            first = Term(compared(value, "<=" if fallen else ">", self.to), fallen)
        else:
            share = 1 - (self.by or 0)
            fallen = value <= share * reference * (1 + ROUNDING)
            of_what = f"{format_share(share)} of {format_rate(reference)} = "
            first = Term(compared(value, "<=" if fallen else ">", share * reference, of_what), fallen)
        enough = reference >= self.from_
        name = "usual" if USUAL in references else "reference"
        second = Term(f"{name} {compared(reference, '>=' if enough else '<', self.from_)}", enough)
        return (first, second) if reference > 0 else (first, second, NO_REFERENCE)

    def in_breach(self, value: float, references: References) -> bool:
        return bool(self.breach(np.asarray(value), np.asarray(_before(references))))

    def firing(self, facts: AlertFacts) -> str:
        before = _before(facts.references)
        if USUAL in facts.references:
            state = "dark" if facts.value == 0 else "low"
            lasting = f"was {state} from" if facts.back else f"has been {state} since"
            level = f"{format_rate(facts.value)}, usually {format_rate(before)} at this time"
            return f"{facts.series} {lasting} {facts.since} or earlier: {level}"
        carried = f"{format_rate(facts.value)}, was {format_rate(before)}"
        again = " again" if facts.again else ""
        if facts.value == 0:
            return f"{facts.series} went dark{again} {at(facts.since)}: {carried}"
        fallen = format_share(1 - facts.value / before) if before else "far"
        return f"{facts.series} fell{again} by {fallen} {at(facts.since)}: {carried}"

    def in_a_list(self, facts: AlertFacts) -> Listed:
        """What it carried before; of what is not dark, what it carries still as well."""
        before, dark = _before(facts.references), facts.value == 0
        earlier = " or earlier" if USUAL in facts.references else ""
        if dark:
            return Listed(f"Dark since {facts.since}{earlier}; {'usually' if earlier else 'before that'}", (before,))
        usual = ", of what is usual" if earlier else ""
        return Listed(f"Down since {facts.since}{earlier}{usual}", (facts.value, before))

    def limits_to_draw(self, shown: Shown) -> Iterator[Limit]:
        """What it carried before, from what that was taken from up to the end of the breach."""
        return shown.reference_line(RECENT, "before", before=self.window * SLOT)


def _before(references: References) -> float:
    """What was carried before, or what usually is where that was too little; 0 where neither is known."""
    return references.get(RECENT, references.get(USUAL, 0.0))
