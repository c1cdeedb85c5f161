"""One rule on one series, slot after slot: inactive -> pending -> firing -> resolved.

``step`` takes what was and what one slot showed and says what is. It is called once for each slot, in order, and not
at all for slots of which nothing is known yet; a slot passed over for good (the API refuses it, or its reference
cannot be known) is shown to it as unknown. An unknown slot neither fires nor resolves anything: what is pending drops,
since its evidence no longer hangs together, and what is firing stays and counts its clear slots afresh.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from alertbot.rules.base import Direction
from alertbot.rules.wording import Outlook
from alertbot.units import SLOT

AlertKey = tuple[str, str]
"""Rule name and series."""


class Phase(StrEnum):
    """Where an alert stands; one that is inactive or resolved is not kept."""

    PENDING = "pending"
    FIRING = "firing"


class Reason(StrEnum):
    """Why an alert fired or resolved, as the journal, ``why`` and the replay name it."""

    BREACH = "breach"
    CLEARED = "cleared"
    NEW_NORMAL = "new normal"
    RULE_CHANGED = "rule changed"
    REVISED = "revised"
    MONTH_OVER = "month over"


@dataclass(frozen=True)
class Policy:
    """How much data must show a breach or its end, in slots."""

    for_slots: int = 2
    clear_slots: int = 2
    within_slots: int | None = None
    accept_slots: int | None = None

    @property
    def without_acceptance(self) -> Policy:
        """The same, but nothing is taken as the new normal."""
        return replace(self, accept_slots=None)


@dataclass(frozen=True, slots=True)
class Seen:
    """One slot under one rule: the value (bit/s), what it was compared with, and what the rule says of it.

    ``usual``: what is usual at this time, where the rule knows. ``by_usual``: whether the reference is just that.
    """

    value: float
    reference: float | None
    breach: bool
    cleared: bool
    direction: Direction
    outlook: Outlook | None = None
    usual: float | None = None
    by_usual: bool = False

    @property
    def unknown(self) -> bool:
        """Whether the slot says nothing: its value or its reference is not known."""
        return math.isnan(self.value) or (self.reference is not None and math.isnan(self.reference))


AGREE = 1.5
"""The factor within which values are one level."""


@dataclass(frozen=True, slots=True)
class Level:
    """Slots in breach that agree with each other: the first, how many, the least and the most."""

    since: int
    slots: int
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a value belongs to it."""
        return max(self.high, value) <= AGREE * min(self.low, value)


Levels = tuple[Level | None, Level | None]
"""The level a breach has come to, in bit/s, and as a share of what is usual at the time."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A breach under way.

    ``since`` is its first slot, ``fired`` the slot that completed ``for``, ``slot`` the last one judged; ``window``
    holds a bit for each of the last slots, set where in breach, the newest lowest, and once it fires those in a row
    that are in breach the other way; ``clear_run`` counts the clear slots in a row, those among them; ``worst`` is the
    value farthest off since the breach began; ``outlook`` goes with a percentile.
    ``fired_on`` is the reference that it fired against; ``levels`` say how long it has been at one level. ``by_usual``:
    the reference is what is usual, since too little was carried just before. ``usual``: what was so when it was over.
    ``acknowledged``: somebody did so while it fired, whatever became of the incident since.
    """

    rule: str
    series: str
    phase: Phase
    since: int
    slot: int
    value: float
    reference: float | None
    worst: float
    direction: Direction
    fired: int | None = None
    window: int = 1
    clear_run: int = 0
    outlook: Outlook | None = None
    fired_on: float | None = None
    levels: Levels = (None, None)
    by_usual: bool = False
    usual: float | None = None
    acknowledged: bool = False

    @property
    def settled(self) -> Level | None:
        """The level it has been at for longest."""
        return max((each for each in self.levels if each is not None), key=lambda each: each.slots, default=None)


@dataclass(frozen=True, slots=True)
class Change:
    """An alert fired or resolved at ``alert.slot``; ``alert`` is as it stood then."""

    alert: Alert
    fired: bool
    reason: Reason


Outcome = tuple[Alert | None, Change | None]
"""What a slot makes of an alert (``None``: inactive), and the change it is told by, if any."""


def begin(policy: Policy, rule: str, series: str, slot: int, seen: Seen) -> Outcome:
    """What the first slot in breach makes of an inactive alert."""
    return fire_if_shown(policy, _begun(rule, series, slot, seen))


def _begun(rule: str, series: str, slot: int, seen: Seen) -> Alert:
    value, reference = seen.value, seen.reference
    alert = Alert(
        rule, series, Phase.PENDING, slot, slot, value, reference, value, seen.direction, outlook=seen.outlook
    )
    return replace(alert, levels=_levels(alert, slot, seen), by_usual=seen.by_usual)


def step(policy: Policy, alert: Alert, slot: int, seen: Seen) -> Outcome:
    """What the next slot makes of a pending or firing alert.

    Where one resolves and another is left, that is a breach the other way, which may fire at once.
    """
    if alert.phase is Phase.FIRING:
        return _step_firing(policy, alert, slot, seen)
    return _step_pending(policy, alert, slot, seen)


def _step_pending(policy: Policy, alert: Alert, slot: int, seen: Seen) -> Outcome:
    breach = seen.breach and not seen.unknown
    if breach and seen.direction is not alert.direction:  # a rise is no evidence of a fall
        return begin(policy, alert.rule, alert.series, slot, seen)
    within = policy.within_slots or policy.for_slots
    passed = (slot - alert.slot) // SLOT
    window = (alert.window << passed | breach) & ((1 << within) - 1)
    if not window or (within == policy.for_slots and not breach):
        return None, None
    since = slot - (window.bit_length() - 1) * SLOT
    if not breach:
        return replace(alert, window=window, since=since, slot=slot), None
    return fire_if_shown(
        policy,
        replace(
            alert,
            window=window,
            since=since,
            slot=slot,
            value=seen.value,
            reference=seen.reference,
            worst=_worse(alert, seen),
            outlook=seen.outlook,
            levels=_levels(alert, slot, seen),
        ),
    )


def fire_if_shown(policy: Policy, alert: Alert) -> Outcome:
    """What the slots in breach so far make of a pending alert."""
    if alert.window.bit_count() < policy.for_slots:
        return alert, None
    alert = replace(alert, phase=Phase.FIRING, fired=alert.slot, fired_on=alert.reference, window=0)
    return alert, Change(alert, fired=True, reason=Reason.BREACH)


def _step_firing(policy: Policy, alert: Alert, slot: int, seen: Seen) -> Outcome:
    if math.isnan(seen.value):
        return replace(alert, slot=slot, clear_run=0, window=0), None
    turned = seen.breach and not seen.unknown and seen.direction is not alert.direction
    clear_run = alert.clear_run + 1 if seen.cleared or turned else 0
    alert = replace(
        alert,
        slot=slot,
        value=seen.value,
        reference=alert.reference if seen.unknown else seen.reference,
        worst=_worse(alert, seen),
        clear_run=clear_run,
        # An older version left the slots of the breach itself in here.
        window=(alert.window << 1 | 1) & ((1 << clear_run) - 1) if turned else 0,
        outlook=seen.outlook,
        levels=(None, None) if turned else _levels(alert, slot, seen),
    )
    if alert.clear_run >= policy.clear_slots or alert.window.bit_count() >= policy.for_slots:
        return _turned(alert, slot, seen) if turned else None, Change(alert, fired=False, reason=Reason.CLEARED)
    settled = alert.settled
    if policy.accept_slots is not None and settled is not None and settled.slots >= policy.accept_slots:
        return None, Change(alert, fired=False, reason=Reason.NEW_NORMAL)
    return alert, None


def _turned(alert: Alert, slot: int, seen: Seen) -> Alert:
    """The breach the other way that an alert ends with, pending."""
    since = slot - (alert.window.bit_count() - 1) * SLOT
    return replace(_begun(alert.rule, alert.series, slot, seen), since=since, window=alert.window)


def _levels(alert: Alert, slot: int, seen: Seen) -> Levels:
    """How long it has been at one level, with this slot: only what is in breach counts, and 0 bps is no level."""
    if seen.value == 0:
        return None, None
    if not seen.breach or seen.unknown:
        return alert.levels
    share = seen.value / seen.usual if seen.usual is not None and seen.usual > 0 else None
    by_value, by_share = alert.levels
    return _grown(by_value, slot, seen.value), _grown(by_share, slot, share)


def _grown(level: Level | None, slot: int, value: float | None) -> Level | None:
    if value is None:
        return level
    if level is None or not level.holds(value):
        return Level(slot, 1, value, value)
    return Level(level.since, level.slots + 1, min(level.low, value), max(level.high, value))


def _worse(alert: Alert, seen: Seen) -> float:
    return min(alert.worst, seen.value) if alert.direction is Direction.FALL else max(alert.worst, seen.value)
