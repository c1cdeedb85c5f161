"""Why an alert that fires is not posted for now. It is judged all the same, and posted if it outlives that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from alertbot.alerts.lifecycle import AlertKey, Reason
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

    TRIAL = "trial"
    """Its rule is on trial: judged, stored and listed, never posted."""
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
    """What is stored that may suppress alerts. ``flapping``: what was posted as flapping. ``darkness``: of late."""

    silences: Sequence[StoredSilence] = ()
    flapping: Mapping[AlertKey, Flap] = field(default_factory=dict)
    darkness: Sequence[Darkness] = ()


@dataclass(frozen=True)
class Suppression:
    """All that may suppress an alert, at ``now`` (epoch seconds) with data up to the slot ``frontier``.

    ``flapping``: what flaps, and was posted as such. ``darkness``: of late.
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
        return tuple(key for key, flap in self.flapping.items() if flap.has_ended(self.frontier))

    def without_steadied(self) -> Suppression:
        """The same, with only what flaps still."""
        gone = set(self.steadied)
        return replace(self, flapping={key: flap for key, flap in self.flapping.items() if key not in gone})

    def suppressed(self, fired: FiredAlert) -> Suppressed | None:
        """Why this alert is not to be posted; ``None``: it is."""
        rule = self.rules.get(fired.alert.rule)
        if rule is not None and rule.trial:
            return Suppressed.TRIAL
        if self.silence(fired) is not None:
            return Suppressed.SILENCED
        if self.mute(fired) is not None:
            return Suppressed.MUTED
        if rule is not None and rule.active is not None and not rule.active.holds_at(fired.alert.slot):
            return Suppressed.INACTIVE
        if fired.alert.clear_run:
            return Suppressed.CLEARING
        return Suppressed.DARKNESS if self._in_darkness(fired) else None

    def page_suppressed(self, fired: FiredAlert) -> Suppressed | None:
        """Why nobody is paged for this alert, posted or not."""
        why = self.suppressed(fired)
        return Suppressed.FLAPPING if why is None and fired.key in self.flapping and not stays(fired) else why

    def was_missed(self, fired: FiredAlert) -> bool:
        """Whether an alert that resolved was not posted for no other reason than that several slots came at once."""
        if fired.reason not in {Reason.CLEARED, Reason.NEW_NORMAL, Reason.MONTH_OVER}:
            return False  # it did not come and go: its rule was taken away, or the CDN took back what it had said
        alert, first = fired.alert, fired.alert.slot if fired.alert.fired is None else fired.alert.fired
        since = (each for each in self.silences if each.begins <= self.now and each.ends > first)
        if any(each.matches(alert.rule, alert.series, self.groups) for each in since):
            return False
        firing = range(first, max(first, alert.slot - alert.clear_run * SLOT) + SLOT, SLOT)
        return any(replace(self, frontier=slot).suppressed(_as_at(fired, slot)) is None for slot in firing)

    def covers(self, rule: str, series: str, slot: int) -> bool:
        """Whether a silence or a mute covers what a rule says of a series in a slot."""
        silence = silences.in_force(self.silences, rule, series, self.groups, self.now)
        return silence is not None or muted(self.mutes, rule, series, slot) is not None

    def silence(self, fired: FiredAlert) -> StoredSilence | None:
        """The silence in force over it."""
        return silences.in_force(self.silences, fired.alert.rule, fired.alert.series, self.groups, self.now)

    def mute(self, fired: FiredAlert) -> Mute | None:
        """The mute over it: over any of the slots that must show it, which count afresh after a mute."""
        rule = self.rules.get(fired.alert.rule)
        for back in range(1 if rule is None else rule.for_slots):
            if mute := muted(self.mutes, fired.alert.rule, fired.alert.series, fired.alert.slot - back * SLOT):
                return mute
        return None

    def _in_darkness(self, fired: FiredAlert) -> bool:
        """Whether it fell with the whole account, whose data is back for too short a time for it to have ended."""
        return fired.alert.direction is Direction.FALL and any(
            each.since <= fired.alert.since < each.closed and self.frontier <= slot_at(each.closed)
            for each in self.darkness
        )


def _as_at(fired: FiredAlert, slot: int) -> FiredAlert:
    """The alert as it fired in an earlier slot."""
    return replace(fired, alert=replace(fired.alert, slot=slot, clear_run=0))
