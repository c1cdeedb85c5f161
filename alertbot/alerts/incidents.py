"""Incidents: what people are told of. An incident is one message, whatever the number of alerts in it.

Most alerts are an incident of their own. What already burned when watching began is one summary, what came and went
while alertbot was away is another, and the zeros of an account of which nothing is published any more belong to the
incident that said so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from alertbot.alerts.lifecycle import Alert, Change
from alertbot.rules.base import Direction


class IncidentKind(StrEnum):
    """What an incident is about."""

    ALERT = "alert"
    SUMMARY = "summary"  # it burned already when it was first judged
    PASSED = "passed"  # it came and went before anybody could be told
    DARK = "dark"  # nothing new is published
    FEED = "feed"  # calls fail
    VANISHED = "vanished"  # a domain left the account


JOIN_WITHIN = 3600
"""Seconds for which alerts join a summary: a first fan-out over many domains, and their hold-back, take their time."""


@dataclass(frozen=True)
class OpenIncident:
    """An incident that alerts may join; ``since`` is the slot its trouble began with, ``opened`` epoch seconds."""

    number: int
    kind: IncidentKind
    channel: str
    since: int
    opened: float


@dataclass(frozen=True)
class Placement:
    """The incident a firing alert belongs to: ``joins`` an open one, or shares a new one by ``key``."""

    kind: IncidentKind
    channel: str
    since: int
    joins: int | None
    key: tuple[str, ...]


@dataclass(frozen=True)
class ToldAlert:
    """An alert that fired at some time; ``number`` is its row's."""

    number: int
    alert: Alert
    severity: str
    resolved: int | None
    reason: str | None


@dataclass(frozen=True)
class Incident:
    """An incident with all that its message says; ``facts`` are those of its kind."""

    number: int
    kind: IncidentKind
    channel: str
    since: int
    opened: float
    closed: float | None
    alerts: tuple[ToldAlert, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def burning(self) -> tuple[ToldAlert, ...]:
        """The alerts of it that still fire."""
        return tuple(told for told in self.alerts if told.resolved is None)


@dataclass(frozen=True)
class Placing:
    """What placing needs to know: the channel of a change, and when its rule and series were first judged."""

    channel: Callable[[Change], str]
    begun: Callable[[Change], int]
    now: float


def place(changes: Sequence[Change], incidents: Sequence[OpenIncident], placing: Placing) -> list[Placement | None]:
    """The incident of each change, in their order; ``None`` for resolutions, which stay where they fired."""
    passed = _passed(changes)
    return [
        _placement(change, index, incidents, placing, passed=index in passed) if change.fired else None
        for index, change in enumerate(changes)
    ]


def _passed(changes: Sequence[Change]) -> set[int]:
    """The positions of alerts that fired and resolved within these changes."""
    fired: dict[tuple[str, str], int] = {}
    passed = set()
    for index, change in enumerate(changes):
        key = (change.alert.rule, change.alert.series)
        if change.fired:
            fired[key] = index
        elif key in fired:
            passed.add(fired.pop(key))
    return passed


def _placement(
    change: Change, index: int, incidents: Sequence[OpenIncident], placing: Placing, *, passed: bool
) -> Placement:
    channel = placing.channel(change)
    since = change.alert.since
    kind = IncidentKind.ALERT
    dark = next((one for one in incidents if one.kind is IncidentKind.DARK), None)
    if passed:
        kind = IncidentKind.PASSED
    elif since <= placing.begun(change):
        kind = IncidentKind.SUMMARY
    elif dark is not None and change.alert.direction is Direction.FALL and since >= dark.since:
        return Placement(IncidentKind.DARK, dark.channel, since, dark.number, (IncidentKind.DARK.value,))
    if kind is IncidentKind.ALERT:
        return Placement(kind, channel, since, None, (kind.value, str(index)))
    open_one = (one for one in incidents if (one.kind, one.channel) == (kind, channel) and _joinable(one, placing.now))
    joined = next(open_one, None)
    return Placement(kind, channel, since, None if joined is None else joined.number, (kind.value, channel))


def _joinable(incident: OpenIncident, now: float) -> bool:
    return now - incident.opened < JOIN_WITHIN
