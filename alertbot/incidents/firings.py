"""The alerts that a replay fires, the pages they would make, and what differs between two replays.

A page is an incident that is more than information, as the service groups alerts into incidents. Silences, mutes,
flapping and falls of the whole account are not considered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from alertbot.alerts.lifecycle import Alert, AlertKey, Change
from alertbot.alerts.mutes import Mute, muted
from alertbot.incidents.grouping import Placed, Placing, place
from alertbot.incidents.incident import SEVERITY_RANK, FiredAlert
from alertbot.incidents.routing import channel_for
from alertbot.rules.base import Rule, Severity
from alertbot.rules.selection import Group
from alertbot.units import DAY, SLOT


@dataclass(frozen=True)
class Firing:
    """An alert of a replay: as it ``fired`` and as it stood ``last``.

    ``ended``: the slot that resolved it, for this ``reason``; both are None while it fires. ``outages``: the first
    slots of those of its series that its incident has, up to this one.
    """

    fired: Alert
    last: Alert
    severity: Severity
    ended: int | None = None
    reason: str | None = None
    outages: tuple[int, ...] = ()

    @property
    def rule(self) -> str:
        """The rule's name."""
        return self.fired.rule

    @property
    def series(self) -> str:
        """The series that it fired for."""
        return self.fired.series

    @property
    def since(self) -> int:
        """The first slot of the breach."""
        return self.fired.since

    @property
    def until(self) -> int:
        """The last slot in which it is known to have fired."""
        return self.last.slot if self.ended is None else self.ended - SLOT

    @property
    def off(self) -> float:
        """Bit/s between the worst value and what that was compared with."""
        return abs(self.last.worst - (self.fired.reference or 0.0))

    @property
    def weight(self) -> tuple[int, float, int]:
        """Sorts the most severe last, then what was farthest off, then what began first."""
        return SEVERITY_RANK[self.severity], self.off, -self.since

    def overlaps(self, other: Firing) -> bool:
        """Whether there is a slot that is within both, each from its breach's first slot on."""
        return self.since <= other.until and other.since <= self.until


def is_muted(firing: Firing, mutes: Sequence[Mute]) -> bool:
    """Whether mutes hold for as long as it fires, so that it is not posted."""
    slots = range(firing.fired.slot, max(firing.until, firing.fired.slot) + SLOT, SLOT)
    return all(muted(mutes, firing.rule, firing.series, slot) for slot in slots)


class FiringRecord:
    """Makes firings of the changes of a replay, which it is given one by one."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = rules
        self._firings: list[Firing] = []
        self._open: dict[AlertKey, int] = {}

    def add(self, change: Change, outages: tuple[int, ...] = ()) -> None:
        """Take the next change, with its outages; the end of an alert that was not seen to fire is ignored."""
        alert, key = change.alert, (change.alert.rule, change.alert.series)
        if change.fired:
            self._open[key] = len(self._firings)
            self._firings.append(Firing(alert, alert, self._rules[alert.rule].severity, outages=outages))
        elif (at := self._open.pop(key, None)) is not None:
            self._firings[at] = replace(self._firings[at], last=alert, ended=alert.slot, reason=change.reason.value)

    def close(self, last: Callable[[str], int]) -> None:
        """Let what still fires fire up to the ``last`` slot of its series."""
        for (_, series), at in self._open.items():
            alert = self._firings[at].last
            self._firings[at] = replace(self._firings[at], last=replace(alert, slot=max(last(series), alert.slot)))

    @property
    def firings(self) -> list[Firing]:
        """All of them, in the order in which they fired."""
        return list(self._firings)


def pages(firings: Sequence[Firing], rules: Mapping[str, Rule], groups: Sequence[Group], channel: str) -> list[Placed]:
    """The incidents that these alerts would be posted in, without those that are information only.

    ``channel``: the default one.
    """
    fired = [
        FiredAlert(number, each.fired, each.severity.value, None, None)
        for number, each in enumerate(firings)
        if each.severity is not Severity.INFO
    ]
    placing = Placing(
        channel=lambda each: channel_for(rules[each.alert.rule], each.alert.series, groups, channel),
        begun=lambda _: -1,
        groups=groups,
        now=0.0,
    )
    return place(fired, (), placing)


@dataclass(frozen=True)
class Difference:
    """An alert that only one of two configurations fires.

    ``new``: it is the one that is tried. ``covered_by``: rules of the other that fire for the series meanwhile.
    """

    firing: Firing
    new: bool
    covered_by: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """The alerts that only one of two configurations fires, by time; ``same``: how many both fire."""

    differences: tuple[Difference, ...]
    same: int


def compare(now: Sequence[Firing], before: Sequence[Firing]) -> Comparison:
    """Compare the firings of two configurations: ``now`` that of the one that is tried.

    Two are the same where rule and series are, and there is a slot within both.
    """
    fresh, gone = _unmatched(now, before), _unmatched(before, now)
    differences = [Difference(each, new=True, covered_by=others) for each, others in fresh]
    differences += [Difference(each, new=False, covered_by=others) for each, others in gone]
    ordered = sorted(
        differences, key=lambda each: (each.firing.fired.slot, each.firing.rule, each.firing.series, each.new)
    )
    return Comparison(tuple(ordered), len(now) - len(fresh))


def _unmatched(own: Sequence[Firing], other: Sequence[Firing]) -> list[tuple[Firing, tuple[str, ...]]]:
    """The firings that match none of the other's, each with the other's rules that fire on its series meanwhile."""
    of_series: dict[str, list[Firing]] = {}
    for each in other:
        of_series.setdefault(each.series, []).append(each)
    found = []
    for each in own:
        meanwhile = {like.rule for like in of_series.get(each.series, ()) if each.overlaps(like)}
        if each.rule not in meanwhile:
            found.append((each, tuple(sorted(meanwhile))))
    return found


def days_between(days: Iterable[int], first: int, last: int) -> int:
    """How many of these UTC days have a slot from ``first`` to ``last``."""
    return sum(first < (day + 1) * DAY and last >= day * DAY for day in days)
