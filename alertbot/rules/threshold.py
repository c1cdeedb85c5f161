"""``threshold``: above or below a fixed bit rate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

import numpy as np

from alertbot.rules.arrays import at_the_same_time
from alertbot.rules.base import Array, Direction, Judged, Kind, Limit, Mask, Past, Shown
from alertbot.rules.knobs import Knob, floor, low_limit
from alertbot.rules.terms import References, Term, compared
from alertbot.rules.usual import REACH, no_silence, over_unless_silent
from alertbot.rules.wording import AlertFacts, Listed, Outlook
from alertbot.units import format_rate
from alertbot.words import at


@dataclass(frozen=True)
class Threshold(Kind):
    """In breach strictly above ``above`` or strictly below ``below`` (bit/s); over once ``clear`` is reached again.

    ``clear`` goes with only one of the two limits and defaults to it.
    """

    above: float | None = None
    below: float | None = None
    clear: float | None = None

    zone: tzinfo = UTC
    learn_silence: bool = True

    frozen = False
    depth = 0

    @property
    def reach(self) -> int:
        """Where it looks for falls, whether it is usually silent then."""
        return 0 if self.below is None else REACH

    def without_learned_silence(self) -> Kind | None:
        return replace(self, learn_silence=False) if self.learn_silence else None

    def depends_on(self, back: int) -> bool:
        """On nothing but itself, where silence is not in question."""
        return self.below is not None and at_the_same_time(back)

    def looks_for(self, direction: Direction) -> bool:
        """Where there is a limit on that side."""
        return (self.above if direction is Direction.RISE else self.below) is not None

    def sets_aside(self, direction: Direction) -> bool:
        """Only a fall is no measure of what is usual."""
        return direction is Direction.FALL and self.below is not None

    def possible(self, past: Past) -> Mask | None:
        """Its reference costs next to nothing."""
        return None

    def reference(self, past: Past) -> Array | None:
        """Nothing: a threshold compares with fixed numbers."""
        return None

    def breach(self, value: Array, reference: Array | None) -> Mask:
        """Above ``above`` or below ``below``, both strict."""
        return (value > _or(self.above, math.inf)) | (value < _or(self.below, -math.inf))

    def judge(self, past: Past, fixed: Array | None = None) -> Judged:
        """As ``breach`` says, but for silence where it is usual."""
        breach = self.breach(past.now, None)
        return Judged(
            None, breach if self.below is None else no_silence(past, self.zone, breach, learn=self.learn_silence)
        )

    def over(self, past: Past, fired: Array) -> Mask:
        """Back at ``clear``, or at the limit itself; or silent, where that is usual."""
        upper = math.inf if self.above is None else _or(self.clear, self.above)
        lower = -math.inf if self.below is None else _or(self.clear, self.below)
        now = past.now
        within = (now <= upper) & (now >= lower)
        return within if self.below is None else over_unless_silent(past, self.zone, within, learn=self.learn_silence)

    def direction(self, value: float, reference: float | None) -> Direction:
        """A fall where the lower limit was passed."""
        return Direction.FALL if self.below is not None and value < self.below else Direction.RISE

    def describe(self) -> str:
        return " or ".join(label for label, _ in self._limits)

    def comparisons(self, value: float, references: References, outlook: Outlook | None) -> tuple[Term, ...]:
        if self.above is not None and value > self.above:
            return (Term(compared(value, ">", self.above), holds=True),)
        if self.below is not None and value < self.below:
            return (Term(compared(value, "<", self.below), holds=True),)
        above = () if self.above is None else (Term(compared(value, "<=", self.above), holds=False),)
        below = () if self.below is None else (Term(compared(value, ">=", self.below), holds=False),)
        return (*above, *below)

    def firing(self, facts: AlertFacts) -> str:
        side, limit = ("under", self.below) if facts.falls else ("above", self.above)
        again = " again" if facts.again else ""
        return (
            f"{facts.series} went {side} {format_rate(limit or 0)}{again} {at(facts.since)}: {format_rate(facts.value)}"
        )

    def in_a_list(self, facts: AlertFacts) -> Listed:
        """What it carries."""
        side, limit = ("Under", self.below) if facts.falls else ("Above", self.above)
        return Listed(f"{side} {format_rate(limit or 0)} since {facts.since}", (facts.value,))

    @property
    def knobs(self) -> tuple[Knob, ...]:
        return floor("above", "above"), low_limit("below")

    def limits_to_draw(self, shown: Shown) -> Iterator[Limit]:
        return ((label, np.full(len(shown.slots), limit)) for label, limit in self._limits)

    @property
    def _limits(self) -> list[tuple[str, float]]:
        limits = (("above", self.above), ("below", self.below))
        return [(f"{side} {format_rate(limit)}", limit) for side, limit in limits if limit is not None]


def _or(limit: float | None, otherwise: float) -> float:
    return otherwise if limit is None else limit
