"""Why an alert that fires is not posted for now. It is judged all the same, and posted if it outlives that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from alertbot.alerts.engine import AlertKey
from alertbot.alerts.lifecycle import Reason
from alertbot.alerts.mutes import Mute, muted
from alertbot.incidents import silences
from alertbot.incidents.flapping import Flap, stays
from alertbot.incidents.incident import FiredAlert
from alertbot.incidents.silences import StoredSilence
from alertbot.rules.base import Direction, Rule
from alertbot.rules.selection import Group
from alertbot.units import SLOT, slot_at


class Suppressed(StrEnum):
    """Why an alert is not posted just now, or pages nobody; the values stand in the JSON of ``why``."""

    SILENCED = "silenced"
    MUTED = "muted"
    INACTIVE = "inactive"
    """Outside its rule's hours."""
    CLEARING = "clearing"
    """About to be over."""
    FLAPPING = "flapping"
    DARKNESS = "darkness"
    """It fell with the whole account, and may be over with it."""
    PART_OF = "part of"
    """An incident of the whole account covers it."""
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True)
class Darkness:
    """A time in which nothing was published of the account: its first slot, and when it was over, epoch seconds."""

    since: int
    closed: float


@dataclass(frozen=True)
class Suppressors:
    """What is stored that may suppress an alert. ``flapping``: what flaps, and was said to. ``darkness``: of late."""

    silences: Sequence[StoredSilence] = ()
    flapping: Mapping[AlertKey, Flap] = field(default_factory=dict)
    darkness: Sequence[Darkness] = ()


@dataclass(frozen=True)
class Suppression:
    """What may hold an alert, at ``now`` (epoch seconds) with data up to the slot ``frontier``.

    ``flapping``: what flaps, and was said to. ``darkness``: of late.
    """

    now: float
    frontier: int
    rules: Mapping[str, Rule]
    groups: Sequence[Group] = ()
    silences: Sequence[StoredSilence] = ()
    mutes: Sequence[Mute] = ()
    flapping: Mapping[AlertKey, Flap] = field(default_factory=dict)
    darkness: Sequence[Darkness] = ()

    @property
    def steadied(self) -> tuple[AlertKey, ...]:
        """What flapped, and has been steady for long enough."""
        return tuple(key for key, flap in self.flapping.items() if flap.over(self.frontier))

    def without_steadied(self) -> Suppression:
        """The same, with only what flaps still."""
        gone = set(self.steadied)
        return replace(self, flapping={key: flap for key, flap in self.flapping.items() if key not in gone})

    def suppressed(self, told: FiredAlert) -> Suppressed | None:
        """Why this alert is not to be posted; ``None``: it is."""
        if self.silence(told) is not None:
            return Suppressed.SILENCED
        if self.mute(told) is not None:
            return Suppressed.MUTED
        rule = self.rules.get(told.alert.rule)
        if rule is not None and rule.active is not None and not rule.active.holds_at(told.alert.slot):
            return Suppressed.INACTIVE
        if told.alert.clear_run:
            return Suppressed.CLEARING
        return Suppressed.DARKNESS if self._in_darkness(told) else None

    def page_suppressed(self, told: FiredAlert) -> Suppressed | None:
        """Why nobody is paged for this alert, posted or not."""
        why = self.suppressed(told)
        return Suppressed.FLAPPING if why is None and told.key in self.flapping and not stays(told) else why

    def was_missed(self, told: FiredAlert) -> bool:
        """Whether an alert that is over was not told for no other reason than that several slots came at once."""
        if told.reason not in {Reason.CLEARED, Reason.NEW_NORMAL, Reason.MONTH_OVER}:
            return False  # it did not come and go: its rule was taken away, or the CDN took back what it had said
        alert, first = told.alert, told.alert.slot if told.alert.fired is None else told.alert.fired
        lately = (each for each in self.silences if each.begins <= self.now and each.ends > first)
        if any(each.matches(alert.rule, alert.series, self.groups) for each in lately):
            return False
        firing = range(first, max(first, alert.slot - alert.clear_run * SLOT) + SLOT, SLOT)
        return any(replace(self, frontier=slot).suppressed(_as_at(told, slot)) is None for slot in firing)

    def silence(self, told: FiredAlert) -> StoredSilence | None:
        """The silence that holds it now."""
        return silences.in_force(self.silences, told.alert.rule, told.alert.series, self.groups, self.now)

    def mute(self, told: FiredAlert) -> Mute | None:
        """The mute that holds it: one over any of the slots that must show it, which count afresh after a mute."""
        rule = self.rules.get(told.alert.rule)
        for back in range(1 if rule is None else rule.for_slots):
            if mute := muted(self.mutes, told.alert.rule, told.alert.series, told.alert.slot - back * SLOT):
                return mute
        return None

    def _in_darkness(self, told: FiredAlert) -> bool:
        """Whether it fell with the whole account, whose data came again too lately for it to be over."""
        return told.alert.direction is Direction.FALL and any(
            each.since <= told.alert.since < each.closed and self.frontier <= slot_at(each.closed)
            for each in self.darkness
        )


def _as_at(told: FiredAlert, slot: int) -> FiredAlert:
    """The alert as it burned in an earlier slot."""
    return replace(told, alert=replace(told.alert, slot=slot, clear_run=0))
