"""What every rule has in common, and what a rule kind must be able to say.

Values are float64 arrays in bit/s of any one shape, usually slots x series; NaN is a slot of which nothing is known.
A kind never sees a clock, a database or an alert: the lifecycle hands it values and a reference, and the same kind
decides live, over a few slots, and in a replay, over weeks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from alertbot.rules.knobs import Knob
from alertbot.rules.schedule import Schedule
from alertbot.rules.terms import References
from alertbot.rules.wording import Worded
from alertbot.units import SLOT, format_duration, format_rate

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Marks = NDArray[np.uint8]
Offsets = NDArray[np.int64]

ROUNDING = 1e-9
"""Relative slack at a limit, so that 20 of 100 counts as fallen by 80 % although 1 - 0.8 is not quite 0.2."""


class Severity(StrEnum):
    """How loud an alert is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Direction(StrEnum):
    """Which way a breach went."""

    FALL = "fall"
    RISE = "rise"


class Past(Protocol):
    """The slots being judged, and what lay before them; slots x series."""

    @property
    def first(self) -> int:
        """The first of the slots being judged."""

    @property
    def now(self) -> Array:
        """The values being judged."""

    @property
    def kept_posted(self) -> NDArray[np.bool_]:
        """Of which of the series people want each silence posted, however usual it is."""

    def held(self, first: int, count: int) -> Array:
        """``count`` slots from the slot ``first`` on, of the same series, whatever passed through them."""

    def at_least(self, limit: float, begins: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each slot, how many from its own beginning up to itself are known and ``limit`` or more."""

    def span(self, back: int, slots: int) -> Array:
        """So many slots from ``back`` slots before the first on, whether set aside or not."""

    def marks(self, back: int, slots: int) -> Marks | None:
        """Why each of these is set aside, as the bits of ``episodes``; None where none is."""

    def earlier(self, offsets: Offsets, back: int = 0) -> tuple[Array, Marks | None]:
        """Values and marks that lie ``offsets`` seconds (days x slots) before each slot, days x slots x series.

        Counted from ``back`` slots before the first slot on; no marks where nothing is set aside.
        """

    def only(self, positions: NDArray[np.intp]) -> Past:
        """The same of some of the series."""

    def without(self, cuts: NDArray[np.int64] | None) -> Past:
        """The same without what each series carried from its own slot of ``cuts`` on; None: with all of it."""

    def back(self, slots: int) -> Array:
        """The values that many slots earlier, of the same shape; NaN where they are set aside."""

    def window(self, slots: int) -> Array:
        """The values of that many slots before each, along one more axis, the last."""


@dataclass(frozen=True)
class Judged:
    """What a kind makes of some slots, slots x series.

    ``reference``: what each is compared with, as a sentence cites it, NaN where unknown; None for a kind that compares
    with fixed numbers. ``usual``: what is usual at this time, where the kind knows. ``by_usual``: where the reference
    is what is usual, for want of anything carried just before.
    """

    reference: Array | None
    breach: Mask
    usual: Array | None = None
    by_usual: Mask | None = None


@dataclass(frozen=True)
class Breach:
    """A breach that made an alert fire: its first and its last slot, and what it was compared with then."""

    since: int
    last: int
    references: References


@dataclass(frozen=True)
class Expectation:
    """What is expected of each slot, and from where to where it is usual (bit/s, slots x series); NaN where unknown."""

    expected: Array
    low: Array
    high: Array


Limit = tuple[str, Array]
"""What a chart shows values to be held against: a label, and bit/s of each slot, NaN where it says nothing."""


@dataclass(frozen=True)
class Shown:
    """What a chart shows of one series under a rule: slots, the breaches among them, and what lay before them."""

    slots: NDArray[np.int64]
    breaches: Sequence[Breach]
    past: Callable[[], Past]

    def reference_line(self, name: str, word: str, before: int = 0) -> Iterator[Limit]:
        """The last breach's reference, from so many seconds before the breach up to its end; none without it."""
        last = self.breaches[-1] if self.breaches else None
        if last is not None and name in last.references:
            within = (self.slots >= last.since - before) & (self.slots <= last.last)
            level = last.references[name]
            yield f"{format_rate(level)} {word}", np.where(within, level, np.nan)


class Kind(Worded, Protocol):
    """A rule kind: two pure functions, what the lifecycle needs to know about them, and its own words and limits."""

    @property
    def frozen(self) -> bool:
        """Whether the reference stays what it was when the breach began."""

    @property
    def lags(self) -> bool:
        """Whether it compares with days alone, so that a level is days old before it is what it compares with."""
        return False

    @property
    def depth(self) -> int:
        """How many slots back the kind has to look."""

    @property
    def reach(self) -> int:
        """How many slots back the kind looks where so much is known."""
        return self.depth

    @property
    def zone(self) -> tzinfo:
        """Where its days begin and end."""
        return UTC

    def possible(self, past: Past) -> Mask | None:
        """Where a breach is possible, told at less cost than a reference is; None where only that tells."""

    def judge(self, past: Past, fixed: Array | None = None) -> Judged:
        """Which slots are in breach, and of what; ``fixed``: the reference of each series that is frozen, else NaN."""
        reference = self.reference(past)
        if reference is not None and fixed is not None:
            reference = np.where(np.isnan(fixed), reference, fixed)
        return Judged(reference, self.breach(past.now, reference))

    def over(self, past: Past, fired: Array) -> Mask:
        """Where a breach is over that fired against these references, one of each series.

        Either these or the present one say so, ``past`` being without the slots of the breach.
        """
        reference = self.reference(past)
        if reference is not None:
            reference = np.where(np.isnan(reference) | self.frozen, fired, reference)
        return ~self.breach(past.now, reference) & ~np.isnan(past.now)

    def usual_level(self, past: Past) -> Array | None:
        """What is usual of each slot, NaN where unknown, as a resolution cites it; None: the kind does not know."""
        return None

    def is_back(self, value: float, level: float) -> bool:
        """Whether a value that is over is so near to a level (bit/s) that it may be called normal."""
        return True

    def without_learned_silence(self) -> Kind | None:
        """The same, as if no alert had taught that silence is usual; None for a kind that learns none."""
        return None

    def looks_for(self, direction: Direction) -> bool:
        """Whether a breach may go this way."""
        return True

    def sets_aside(self, direction: Direction) -> bool:
        """Whether the slots of an alert in this direction are no measure of what is usual."""
        return False

    def reference(self, past: Past) -> Array | None:
        """What each slot is compared with, NaN where unknown; None for a kind that compares with fixed numbers."""

    def breach(self, value: Array, reference: Array | None) -> Mask:
        """Where the value is in breach by its reference alone; never where anything is NaN."""

    def direction(self, value: float, reference: float | None) -> Direction:
        """Which way a breach with this value went."""

    @property
    def looks_at(self) -> tuple[int, ...]:
        """How many slots back lie those that the reference is made of; none where that cannot be listed."""
        return ()

    def depends_on(self, back: int) -> bool:
        """Whether the reference of a slot may be made of the one that lies ``back`` slots before it."""
        return back <= self.reach

    @property
    def least(self) -> float | None:
        """Its ``from`` or ``floor``: the size (bit/s) below which nothing is a breach; None: it has none."""
        return None

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """The numbers that, changed, make it fire less often; none where nobody should change one for that."""
        return ()

    def size(self, value: Array, reference: Array | None) -> Array:
        """What ``least`` is held against: the larger of the value and its reference, as far as they are known."""
        return value if reference is None else np.fmax(value, reference)

    def expect(self, past: Past) -> Expectation | None:
        """What is usual of each slot, for a kind that goes by that."""
        return None

    def begins(self, first: int) -> int | None:
        """The first slot it can judge of what is known from the slot ``first`` on; None: its reference tells."""
        return None

    def limits_to_draw(self, shown: Shown) -> Iterator[Limit]:
        """What the values shown are held against: the reference of the last breach, unless the kind draws more."""
        return shown.reference_line(self.reference_name, "expected")


@dataclass(frozen=True)
class Rule:
    """One ``[[rule]]``: a kind, the series it judges, when, and how much data must show a breach or its end.

    ``repeat``, ``ack_expires`` and ``escalate_after`` are seconds; without ``repeat`` what fires is never posted again,
    without ``ack_expires`` an acknowledgement holds until the end, without ``active`` every slot is judged.
    """

    name: str
    kind_name: str
    kind: Kind
    severity: Severity
    domains: tuple[str, ...] = ("*",)
    except_: tuple[str, ...] = ()
    enabled: bool = True
    channel: str | None = None
    runbook: str | None = None
    for_slots: int = 2
    clear_slots: int = 2
    within_slots: int | None = None
    accept_slots: int | None = None
    trial: bool = False
    active: Schedule | None = None
    repeat: int | None = None
    ack_expires: int | None = None
    escalate_after: int | None = None
    escalate_to: tuple[str, ...] = ()

    def describe(self) -> str:
        """What must be seen, for how long, and when."""
        lasting = format_duration(self.for_slots * SLOT)
        if self.within_slots is not None:
            lasting += f" within {format_duration(self.within_slots * SLOT)}"
        when = "" if self.active is None else f", only {self.active}"
        return f"{self.kind.describe()} for {lasting}{when}"
