"""Grouping: which alerts are one incident.

Alerts of one channel and one direction that begin within three slots of each other belong together where they share a
rule, a series or a group, or where one of them is of a group's sum or the total that holds the series of the other.
An outage within an hour of the end of the last one of its series comes into the incident of that, and reopens it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from alertbot.alerts.lifecycle import AlertKey
from alertbot.incidents.incident import AccountFall, FiredAlert, Incident, IncidentKind, follows
from alertbot.rules.base import Direction
from alertbot.rules.selection import TOTAL, Group
from alertbot.units import SLOT

TOGETHER = 3
"""Slots within which alerts begin together."""

JOIN_WITHIN = 3600
"""Seconds for which alerts join a summary: a first fan-out over many domains, and their hold-back, take their time."""

_ANY = ("any", "")
_TOTAL = ("total", "")

_Trait = tuple[str, str]
_Place = tuple[str, Direction, _Trait]


@dataclass(frozen=True)
class Placing:
    """What placing needs to know, at ``now``: each alert's channel, when its rule and series were first judged.

    ``passed``: the alerts that fired and resolved before anything could be posted. ``flapping``: the keys that flap.
    ``upgraded``: whether an alert was in breach before an upgrade already, by what its rule means since.
    """

    channel: Callable[[FiredAlert], str]
    begun: Callable[[FiredAlert], int]
    groups: Sequence[Group]
    now: float
    passed: frozenset[int] = frozenset()
    flapping: frozenset[AlertKey] = frozenset()
    upgraded: Callable[[FiredAlert], bool] = lambda _: False


@dataclass(frozen=True)
class Placed:
    """Alerts that belong into one incident: an open one, by its ``number``, or a new one, where that is ``None``."""

    number: int | None
    kind: IncidentKind
    channel: str
    since: int
    alerts: tuple[FiredAlert, ...]


def place(alerts: Sequence[FiredAlert], incidents: Sequence[Incident], placing: Placing) -> list[Placed]:
    """The incidents of alerts that are to be posted; ``incidents`` are those that may be joined, the oldest first."""
    special: dict[tuple[IncidentKind, str, int | None], list[FiredAlert]] = {}
    ordinary = []
    for fired in alerts:
        where = _special(fired, incidents, placing)
        if where is None:
            ordinary.append(fired)
        else:
            special.setdefault(where, []).append(fired)
    placed = [_placed(number, kind, channel, fired) for (kind, channel, number), fired in special.items()]
    joined = {each.number: each.alerts for each in placed if each.number is not None}
    return [*placed, *_grouped(ordinary, incidents, joined, placing)]


def _placed(number: int | None, kind: IncidentKind, channel: str, alerts: Sequence[FiredAlert]) -> Placed:
    return Placed(number, kind, channel, min(fired.alert.since for fired in alerts), tuple(alerts))


def _special(
    fired: FiredAlert, incidents: Sequence[Incident], placing: Placing
) -> tuple[IncidentKind, str, int | None] | None:
    """The incident an alert joins for another reason than that it is like others; ``None`` where there is none."""
    channel = placing.channel(fired)
    if fired.resolved is not None:
        if (under_way := _under_way(fired, channel, incidents)) is not None:
            return under_way.kind, channel, under_way.number
        return IncidentKind.PASSED, channel, _recent(IncidentKind.PASSED, channel, incidents, placing.now)
    if fired.alert.since <= placing.begun(fired):
        return IncidentKind.SUMMARY, channel, _recent(IncidentKind.SUMMARY, channel, incidents, placing.now)
    if placing.upgraded(fired):
        return IncidentKind.UPGRADE, channel, _recent(IncidentKind.UPGRADE, channel, incidents, placing.now)
    of_account = {one.number: one.progress.wide for one in incidents if one.closed is None and one.progress.wide}
    here = [one for one in incidents if one.closed is None and one.channel == channel]
    for incident in sorted(here, key=lambda one: one.number not in of_account):
        fall = of_account.get(incident.number) or of_account.get(incident.progress.parent or 0)
        if _takes_in(incident, fall, fired, placing):
            return incident.kind, channel, incident.number
    return _again(fired, channel, incidents)


def _under_way(fired: FiredAlert, channel: str, incidents: Sequence[Incident]) -> Incident | None:
    """The open incident that tells of the same series already, by another rule: what came and went belongs to it."""
    for incident in incidents:
        if incident.kind is IncidentKind.ALERT and incident.closed is None and incident.channel == channel:
            alike = (each.alert for each in incident.alerts if _is_like(fired, each))
            if any(abs(each.since - fired.alert.since) <= TOGETHER * SLOT for each in alike):
                return incident
    return None


def _again(
    fired: FiredAlert, channel: str, incidents: Sequence[Incident]
) -> tuple[IncidentKind, str, int | None] | None:
    """The newest incident that tells of an earlier outage of its series which it follows, open or closed."""
    ordinary = (one for one in reversed(incidents) if one.kind is IncidentKind.ALERT and one.channel == channel)
    found = next((one for one in ordinary if any(follows(fired, each) for each in one.alerts)), None)
    return None if found is None else (found.kind, channel, found.number)


def _recent(kind: IncidentKind, channel: str, incidents: Sequence[Incident], now: float) -> int | None:
    recent = (
        one.number for one in incidents if (one.kind, one.channel) == (kind, channel) and now - one.opened < JOIN_WITHIN
    )
    return next(recent, None)


def _takes_in(incident: Incident, fall: AccountFall | None, fired: FiredAlert, placing: Placing) -> bool:
    """Whether an incident takes in all that falls with the account, or this alert's series while that flaps.

    ``fall``: the account's fall that the incident is of, or is a part of.
    """
    falls = fired.alert.direction is Direction.FALL
    if incident.kind is IncidentKind.DARK:
        return falls and fired.alert.since >= incident.since
    if falls and fall is not None and fired.alert.since >= fall.since - TOGETHER * SLOT:
        return True
    return any(other.key in placing.flapping and _is_like(fired, other) for other in incident.alerts)


def _is_like(fired: FiredAlert, other: FiredAlert) -> bool:
    """Whether they are the same alert again, or say the same of one series."""
    alike = (fired.alert.series, fired.alert.direction) == (other.alert.series, other.alert.direction)
    return fired.key == other.key or alike


def _grouped(
    alerts: Sequence[FiredAlert],
    incidents: Sequence[Incident],
    joined: Mapping[int, Sequence[FiredAlert]],
    placing: Placing,
) -> list[Placed]:
    """``joined``: what has just come into incidents for another reason."""
    links = _Links(placing.groups)
    joinable = [
        one for one in incidents if one.kind is IncidentKind.ALERT and (one.closed is None or one.number in joined)
    ]
    for incident in joinable:
        for fired in (*incident.alerts, *joined.get(incident.number, ())):
            if not incident.explains(fired):
                links.add(fired, incident.channel, incident.number)
    for fired in alerts:
        links.add(fired, placing.channel(fired), None)
    return [
        _placed(number, IncidentKind.ALERT, placing.channel(members[0]), members)
        for number, members in links.sets([fired.number for fired in alerts])
    ]


class _Links:
    """Alerts that belong together, as a union-find over their rows' numbers."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._of: dict[str, list[str]] = {}
        for group in groups:
            for series in (*group.members, group.series):
                self._of.setdefault(series, []).append(group.name)
        # The slot that alerts with a trait began with -> these alerts, but for those that are linked with one of them.
        self._begun: dict[_Place, dict[int, list[int]]] = {}
        self._above: dict[int, int] = {}
        self._alerts: dict[int, FiredAlert] = {}
        self._incident: dict[int, int] = {}

    def add(self, fired: FiredAlert, channel: str, incident: int | None) -> None:
        """Link an alert with those it belongs to; with the others of its ``incident`` in any case."""
        self._above[fired.number] = fired.number
        self._alerts[fired.number] = fired
        if incident is not None:
            self._incident[fired.number] = incident
        own, looked_for = self._traits(fired)
        for trait in looked_for:
            begun = self._begun.get((channel, fired.alert.direction, trait), {})
            for offset in range(-TOGETHER, TOGETHER + 1):
                others = begun.get(fired.alert.since + offset * SLOT, [])
                for other in others:
                    self._unite(fired.number, other)
                del others[1:]
        for trait in own:
            alike = self._begun.setdefault((channel, fired.alert.direction, trait), {})
            alike.setdefault(fired.alert.since, []).append(fired.number)

    def sets(self, fresh: Sequence[int]) -> Iterator[tuple[int | None, list[FiredAlert]]]:
        """The sets that hold fresh alerts: the incident they belong to, and the fresh ones, in their order.

        That is the oldest of the set, or, where fresh alerts link several, the one that has the series already.
        """
        oldest: dict[int, int] = {}
        of_series: dict[tuple[int, str], int] = {}
        for number, incident in self._incident.items():
            root, series = self._root(number), self._alerts[number].alert.series
            oldest[root] = min(oldest.get(root, incident), incident)
            of_series[root, series] = min(of_series.get((root, series), incident), incident)
        members: dict[tuple[int, int | None], list[FiredAlert]] = {}
        for number in fresh:
            root, fired = self._root(number), self._alerts[number]
            incident_of = of_series.get((root, fired.alert.series), oldest.get(root))
            members.setdefault((root, incident_of), []).append(fired)
        for (_, joined), alerts in members.items():
            yield joined, alerts

    def _traits(self, fired: FiredAlert) -> tuple[list[_Trait], list[_Trait]]:
        """What an alert has that another may look for, and what it looks for in others."""
        series = fired.alert.series
        shared = [("rule", fired.alert.rule), ("series", series)]
        shared += [("group", name) for name in self._of.get(series, ())]
        if series == TOTAL:
            return [*shared, _ANY, _TOTAL], [*shared, _ANY]
        return [*shared, _ANY], [*shared, _TOTAL]

    def _root(self, number: int) -> int:
        while (above := self._above[number]) != number:
            self._above[number] = number = self._above[above]
        return number

    def _unite(self, one: int, other: int) -> None:
        self._above[self._root(one)] = self._root(other)
