"""Incidents: what is posted. An incident is one message, whatever the number of alerts in it.

``grouping`` decides which alerts belong together, ``suppression`` what is not posted for now, ``account_incident`` what
is a part of a fall of the whole account, ``paging`` what is to be said; ``decision`` puts these together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from alertbot.alerts.lifecycle import Alert, Reason
from alertbot.incidents.moved import APART, Moved
from alertbot.rules.base import Direction, Severity
from alertbot.rules.selection import is_domain
from alertbot.units import NEVER, SLOT

SEVERITY_RANK = {Severity.INFO.value: 0, Severity.WARNING.value: 1, Severity.CRITICAL.value: 2}
"""The highest has the highest rank."""


AGAIN_WITHIN = 3600
"""Seconds of slots after the end of an outage within which the next one of its series belongs to the same incident."""


UNKNOWN_FOR = 1800
"""Seconds for which a series must be unknown, while others are not, before its incident says so."""


DOMAIN_LIST = "domain/list"
"""What stands among the series of a feed incident while the account's domains cannot be asked for."""


USEFUL, NOISE = "useful", "noise"
"""What a vote says of an incident."""


class IncidentKind(StrEnum):
    """What an incident is about."""

    ALERT = "alert"
    SUMMARY = "summary"  # it was in breach already when it was first judged
    UPGRADE = "upgrade"  # it was in breach before an upgrade, by what the rules mean since
    PASSED = "passed"  # it came and went before anything could be posted
    DARK = "dark"  # nothing new is published
    FEED = "feed"  # calls fail
    VANISHED = "vanished"  # a domain left the account


FEED_SEVERITY = {
    IncidentKind.DARK: Severity.CRITICAL.value,
    IncidentKind.FEED: Severity.WARNING.value,
    IncidentKind.VANISHED: Severity.WARNING.value,
}
"""The severity of incidents about the feed itself, which have no rule."""


@dataclass(frozen=True)
class FiredAlert:
    """An alert that fired at some time; ``number`` is its row's, ``resolved`` a slot.

    ``incident``: the one it is posted in; ``None`` where it was not posted. ``noted``: 1 once its firing stands in the
    message or its thread, 2 once its end does. ``fires``: how often this rule fired on this series in the six hours up
    to this firing.
    """

    number: int
    alert: Alert
    severity: str
    resolved: int | None
    reason: str | None
    incident: int | None = None
    noted: int = 0
    fires: int = 1

    @property
    def key(self) -> tuple[str, str]:
        """Rule and series."""
        return self.alert.rule, self.alert.series


@dataclass(frozen=True)
class AccountFall:
    """Half of the account or more fell together: ``fell`` of the ``carried`` domains that carried traffic.

    ``since``: the slot it began with. ``severity``: the highest of the rules that say so. ``over``: the slot from which
    on it no longer holds.
    """

    since: int
    fell: int
    carried: int
    severity: str = Severity.CRITICAL.value
    over: int | None = None


@dataclass(frozen=True)
class Progress:
    """What the readers of an incident know, and who acknowledged it. Times in epoch seconds, ``paged_slot`` is a slot.

    ``paged_*``: when they were last paged, and with what. ``unacked_since``: since when nobody acknowledges it;
    ``acked_note``: what whoever did said, ``acked_id``: that user's id in Slack, ``acked_until``: when they are asked
    whether they still are at it, ``asked_at``: when they were.
    ``escalated``: to whom, since then; ``copies``: the channels that have a message of it for that reason.
    ``silences``: those over some of what fires; ``muted``: whether a mute is. ``steady``: alerts that flapped and were
    posted again since they stayed. ``parent``: the account-wide incident that this one is a part of. ``without_data``:
    the series that fire and of which nothing is known for half an hour. ``checking``: it is of the whole account, and
    not every domain was judged since it began. ``moved``: where its traffic went, if that is known.
    """

    paged_at: float | None = None
    paged_slot: int | None = None
    paged_severity: str | None = None
    paged_series: int = 0
    paged_wide: bool = False
    unacked_since: float | None = None
    acked_at: float | None = None
    acked_by: str | None = None
    acked_note: str = ""
    acked_id: str | None = None
    acked_until: float | None = None
    asked_at: float | None = None
    escalated: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    silences: tuple[int, ...] = ()
    muted: bool = False
    steady: tuple[int, ...] = ()
    wide: AccountFall | None = None
    parent: int | None = None
    without_data: tuple[str, ...] = ()
    checking: bool = False
    moved: Moved | None = None


@dataclass(frozen=True)
class Vote:
    """Whether somebody found an incident useful to know of; ``who``: their name."""

    who: str
    useful: bool

    @property
    def word(self) -> str:
        """What it says, as it is typed."""
        return USEFUL if self.useful else NOISE


@dataclass(frozen=True)
class Incident:
    """An incident with all that its message says; ``facts`` are those of its kind. ``since`` is a slot.

    A number below 0 is that of one which is about to be opened.
    """

    number: int
    kind: IncidentKind
    channel: str
    since: int
    opened: float
    closed: float | None
    alerts: tuple[FiredAlert, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress = Progress()
    votes: tuple[Vote, ...] = ()

    @property
    def firing(self) -> tuple[FiredAlert, ...]:
        """Its alerts that still fire."""
        return tuple(each for each in self.alerts if each.resolved is None)

    @property
    def falling(self) -> tuple[FiredAlert, ...]:
        """Its falls of domains that still fire."""
        return tuple(
            each for each in self.firing if each.alert.direction is Direction.FALL and is_domain(each.alert.series)
        )

    def explains(self, fired: FiredAlert) -> bool:
        """Whether an alert is of a rise that is the other side of what fell: then it pages nobody by itself."""
        moved, alert = self.progress.moved, fired.alert
        if moved is None or moved.over or alert.direction is Direction.FALL:
            return False
        return alert.series in moved.risen and abs(alert.since - moved.since) <= (APART + 1) * SLOT

    def without_data(self, known_to: int) -> Mapping[str, int]:
        """The series of it that fire and are not known any more, with the end of their last slot, epoch seconds.

        ``known_to``: up to when others are known.
        """
        ends = {fired.alert.series: fired.alert.slot + SLOT for fired in self.firing}
        return {series: end for series, end in ends.items() if end + UNKNOWN_FOR <= known_to}

    @property
    def feed_severity(self) -> str | None:
        """The severity of an incident about the feed itself; ``None`` where it has alerts, whose rules decide it.

        A silence at an hour that is usually silent is a warning, which mentions nobody.
        """
        return Severity.WARNING.value if self.usually_silent else FEED_SEVERITY.get(self.kind)

    @property
    def usually_silent(self) -> bool:
        """Whether the account carries nothing at an hour at which it usually carries nothing."""
        return bool(self.facts.get("usually_silent"))

    @property
    def reminds(self) -> bool:
        """Whether people are reminded of it while it lasts: not of what is posted once."""
        once = {IncidentKind.SUMMARY, IncidentKind.UPGRADE, IncidentKind.PASSED, IncidentKind.VANISHED}
        return self.kind not in once and not self.usually_silent

    @property
    def account_wide(self) -> bool:
        """Whether it is of the account as a whole."""
        return self.progress.wide is not None or bool(self.facts.get("account_wide"))

    @cached_property
    def outages(self) -> Mapping[int, tuple[int, ...]]:
        """Of each alert, by its row, the first slots of the outages of its series that it has, up to its own."""
        of: dict[tuple[str, Direction], list[FiredAlert]] = {}
        for fired in self.alerts:
            of.setdefault(_what(fired), []).append(fired)
        return {number: begun for alike in of.values() for number, begun in _outages(alike)}

    @property
    def falls(self) -> bool:
        """Whether it is of something that carries too little."""
        return self.kind is IncidentKind.DARK or any(each.alert.direction is Direction.FALL for each in self.alerts)


def series_of(alerts: Iterable[FiredAlert]) -> frozenset[str]:
    """The series these alerts are of."""
    return frozenset(each.alert.series for each in alerts)


def highest_severity(alerts: Iterable[FiredAlert]) -> str | None:
    """The highest severity among them."""
    return max((each.severity for each in alerts), key=SEVERITY_RANK.__getitem__, default=None)


def cleared_at(fired: FiredAlert) -> int:
    """The slot from which on it was no longer in breach."""
    return fired.alert.slot - max(fired.alert.clear_run - 1, 0) * SLOT


def follows(fired: FiredAlert, earlier: FiredAlert) -> bool:
    """Whether an alert began within the hour after an earlier one of its series and direction was over by itself."""
    over = earlier.resolved is not None and earlier.reason == Reason.CLEARED
    return (
        _what(fired) == _what(earlier)
        and over
        and cleared_at(earlier) <= fired.alert.since <= (earlier.resolved or 0) + AGAIN_WITHIN
    )


def _outages(alerts: Iterable[FiredAlert]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The row of each alert, and the first slots of the outages up to its own; all are of one series and direction."""
    begun: tuple[int, ...] = ()
    over = -1
    for fired in sorted(alerts, key=lambda each: each.alert.since):
        if fired.reason in {None, Reason.CLEARED.value}:
            begun = begun if begun and fired.alert.since < over else (*begun, fired.alert.since)
            over = max(over, NEVER if fired.resolved is None else cleared_at(fired))
        yield fired.number, begun


def worst_of_each(alerts: Sequence[FiredAlert]) -> list[FiredAlert]:
    """One alert of each series' last outage, the worst of what fires first."""
    begun: dict[tuple[str, Direction], int] = {}
    for fired in alerts:
        what = _what(fired)
        begun[what] = max(fired.alert.since, begun.get(what, fired.alert.since))
    best: dict[str, FiredAlert] = {}
    last = (each for each in alerts if each.resolved is None or each.resolved >= begun[_what(each)])
    for fired in sorted(last, key=_weight):
        best[fired.alert.series] = fired
    return sorted(best.values(), key=_weight, reverse=True)


def _what(fired: FiredAlert) -> tuple[str, Direction]:
    return fired.alert.series, fired.alert.direction


def _weight(fired: FiredAlert) -> tuple[bool, int, float, float]:
    alert = fired.alert
    off = abs(alert.worst - (alert.reference or 0.0))
    return fired.resolved is None, SEVERITY_RANK[fired.severity], off, -alert.since
