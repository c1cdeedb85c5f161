"""``drop``: fallen to next to nothing, or by a share, from what was normal just before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alertbot.rules.base import (
    ROUNDING,
    Array,
    Bars,
    Direction,
    Kind,
    Limit,
    Mask,
    Past,
    Shown,
    known_median,
    window_max,
)
from alertbot.rules.terms import NO_REFERENCE, RECENT, References, Term, compared
from alertbot.rules.wording import AlertFacts, Outlook
from alertbot.units import DAY_SLOTS, SLOT, format_rate, format_share


@dataclass(frozen=True)
class Drop(Kind):
    """Fallen to ``to`` bit/s or less, or by the share ``by``, from a reference of at least ``from_`` bit/s.

    The reference is the median of the ``window`` slots before the breach began, frozen until it is over: measured
    against a moving one, an outage longer than the window would end by itself.
    """

    to: float | None = None
    by: float | None = None
    from_: float = 1e6
    window: int = 12
    clear: float = 0.5

    frozen = True
    bars = Bars.ALL
    reference_name = RECENT

    @property
    def depth(self) -> int:
        """The window, and the same slot a day earlier, which may show that the level is normal for this hour."""
        return max(self.window, DAY_SLOTS)

    def possible(self, past: Past) -> Mask | None:
        """At or under what would be allowed if the reference were the most that the window holds."""
        if self.to is not None:
            return np.asarray(past.now <= self.to)
        return np.asarray(past.now <= (1 - (self.by or 0)) * window_max(past.window(self.window)) * (1 + ROUNDING))

    def reference(self, past: Past) -> Array:
        """The median of the window before each slot."""
        return known_median(past.window(self.window))

    def breach(self, value: Array, reference: Array | None) -> Mask:
        """At or under what is allowed, where the reference was worth watching; a reference of 0 is no breach."""
        if reference is None:
            raise TypeError("a drop is judged against a reference")
        allowed = self.to if self.to is not None else (1 - (self.by or 0)) * reference * (1 + ROUNDING)
        return (value <= allowed) & (reference >= self.from_) & (reference > 0)

    def cleared(self, value: Array, reference: Array | None, day_before: Array) -> Mask:
        """The share ``clear`` is back, of the frozen reference or of the same slot a day earlier.

        A day earlier at 0 says nothing: a domain that is dark is not over its outage because it is night.
        """
        share = self.clear * (1 - ROUNDING)
        return (value >= share * np.asarray(reference)) | ((day_before > 0) & (value >= share * day_before))

    def direction(self, value: float, reference: float | None) -> Direction:
        """Always a fall."""
        return Direction.FALL

    def describe(self) -> str:
        fallen = f"by {format_share(self.by)}" if self.by is not None else f"to {format_rate(self.to or 0)}"
        return f"fallen {fallen} from {format_rate(self.from_)} or more"

    @property
    def looks_at(self) -> tuple[int, ...]:
        return tuple(range(1, self.window + 1))

    @property
    def least(self) -> float:
        return self.from_

    def size(self, value: Array, reference: Array | None) -> Array:
        """What was carried before."""
        return np.full_like(value, np.nan) if reference is None else reference

    def comparisons(self, value: float, references: References, outlook: Outlook | None) -> tuple[Term, ...]:
        reference = references[RECENT]
        if self.to is not None:
            fallen = value <= self.to
            first = Term(compared(value, "<=" if fallen else ">", self.to), fallen)
        else:
            share = 1 - (self.by or 0)
            fallen = value <= share * reference * (1 + ROUNDING)
            of_what = f"{format_share(share)} of {format_rate(reference)} = "
            first = Term(compared(value, "<=" if fallen else ">", share * reference, of_what), fallen)
        enough = reference >= self.from_
        second = Term(f"reference {compared(reference, '>=' if enough else '<', self.from_)}", enough)
        return (first, second) if reference > 0 else (first, second, NO_REFERENCE)

    def firing(self, facts: AlertFacts) -> str:
        before = facts.references.get(RECENT, 0.0)
        carried = f"{format_rate(facts.value)}, it carried {format_rate(before)}"
        if facts.value == 0:
            return f"{facts.series} went dark at {facts.since}: {carried}"
        fallen = format_share(1 - facts.value / before) if before else "far"
        return f"{facts.series} fell by {fallen} at {facts.since}: {carried}"

    def limits_to_draw(self, shown: Shown) -> Iterator[Limit]:
        """What it carried before, from what that was taken from up to the end of the breach."""
        return shown.reference_line(RECENT, "before", before=self.window * SLOT)
