"""Which incidents are open and which ended, a line each, and what fires without being posted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlite_utils import Database

from alertbot.incidents.incident import (
    SEVERITY_RANK,
    FiredAlert,
    Incident,
    IncidentKind,
    highest_severity,
    series_of,
    worst_of_each,
)
from alertbot.incidents.silences import StoredSilence
from alertbot.query.scope import Scope
from alertbot.query.silent import SilentDomain, silent_now
from alertbot.query.suppressed import SuppressedBy, WhySuppressed
from alertbot.rules.base import Severity
from alertbot.store import incidents
from alertbot.store.fired_alerts import count_fired_since, fired_since, firing
from alertbot.store.schema import reading

MOST_ALERTS = 20
MOST_ENDED = 20
MOST_LISTED = 200
"""Incidents of a span that are listed, the newest of them."""


@dataclass(frozen=True)
class IncidentLine:
    """An incident as a line of a list; times are epoch seconds, ``since`` a slot.

    ``domains``: how many of its series still fire, or fired. ``acked_by``, ``silenced_by``: whose word keeps it from
    paging; ``silenced_in_part``: the silence covers only some of what fires.
    """

    number: int
    kind: IncidentKind
    severity: str
    channel: str
    since: int
    opened: float
    closed: float | None
    account_wide: bool
    domains: int
    acked_by: str | None
    acked_at: float | None
    silenced_by: str | None
    silenced_until: float | None
    silenced_in_part: bool
    incident: Incident = field(metadata={"json": False}, repr=False)


@dataclass(frozen=True)
class Unposted:
    """An alert that fires and is in no incident, and what keeps it from being posted; ``None``: it is due."""

    alert: FiredAlert
    suppressed_by: SuppressedBy | None


@dataclass(frozen=True)
class Alerts:
    """The open incidents, the loudest first, then what ended within ``span`` seconds, the newest first.

    ``firing`` and ``resolved`` are the newest 20 of their alerts; ``more`` counts those that are not among them.
    ``unposted``: what fires and is in no incident. ``ended_more`` counts the incidents that ended and are not listed.
    ``silent``: the domains at 0 as they usually are at this time.
    """

    firing: tuple[FiredAlert, ...]
    resolved: tuple[FiredAlert, ...]
    more: int
    incidents: tuple[IncidentLine, ...]
    unposted: tuple[Unposted, ...]
    ended_more: int
    alerts_firing: int
    span: int
    silent: tuple[SilentDomain, ...] = ()

    @property
    def open(self) -> tuple[IncidentLine, ...]:
        """The incidents that are open."""
        return tuple(line for line in self.incidents if line.closed is None)

    @property
    def ended(self) -> tuple[IncidentLine, ...]:
        """Those that ended."""
        return tuple(line for line in self.incidents if line.closed is not None)


@dataclass(frozen=True)
class Incidents:
    """The incidents that were open within ``span`` seconds, the oldest first; ``more`` are older still."""

    incidents: tuple[IncidentLine, ...]
    more: int
    span: int


def alerts(scope: Scope, span: int) -> Alerts:
    """What is open and what fires, and what ended within ``span`` seconds."""
    since = scope.now - span
    with reading(scope.path) as db:
        fired = fired_since(db, int(since), MOST_ALERTS)
        total = count_fired_since(db, int(since))
        suppressed = WhySuppressed(db, scope)
        lines = _lines(incidents.open_since(db, since), suppressed)
        now = firing(db)
        unposted = tuple(Unposted(each, suppressed.of_firing(each)) for each in now if each.incident is None)
        silent = silent_now(db, scope.watch, scope.live.frontier)
    opened = sorted((line for line in lines if line.closed is None), key=_loudness, reverse=True)
    ended = sorted((line for line in lines if line.closed is not None), key=lambda line: -(line.closed or 0))
    return Alerts(
        firing=tuple(each for each in fired if each.resolved is None),
        resolved=tuple(each for each in fired if each.resolved is not None),
        more=total - len(fired),
        incidents=(*opened, *ended[:MOST_ENDED]),
        unposted=tuple(sorted(unposted, key=_weight, reverse=True)),
        ended_more=max(len(ended) - MOST_ENDED, 0),
        alerts_firing=len(now),
        span=span,
        silent=silent,
    )


def within(scope: Scope, span: int) -> Incidents:
    """What was open at some time within the last ``span`` seconds."""
    with reading(scope.path) as db:
        lines = _lines(incidents.open_since(db, scope.now - span), WhySuppressed(db, scope))
    return Incidents(tuple(lines[-MOST_LISTED:]), max(len(lines) - MOST_LISTED, 0), span)


def numbers_open(db: Database) -> tuple[int, ...]:
    """The numbers of the open incidents, the loudest first."""
    opened = incidents.open_incidents(db)
    return tuple(one.number for one in sorted(opened, key=_size, reverse=True))


def _lines(found: Iterable[Incident], suppressed: WhySuppressed) -> list[IncidentLine]:
    return [_line(one, {} if one.closed is not None else suppressed.silences(one.firing)) for one in found]


def _line(one: Incident, silences: Mapping[int, StoredSilence]) -> IncidentLine:
    """``silences``: those over what still fires, by the row of the alert."""
    last = max(silences.values(), key=lambda each: each.ends, default=None)
    return IncidentLine(
        number=one.number,
        kind=one.kind,
        severity=severity_of(one),
        channel=one.channel,
        since=one.since,
        opened=one.opened,
        closed=one.closed,
        account_wide=one.account_wide,
        domains=_domains(one),
        acked_by=one.progress.acked_by,
        acked_at=one.progress.acked_at,
        silenced_by=None if last is None else last.author,
        silenced_until=None if last is None else last.ends,
        silenced_in_part=0 < len(silences) < len(one.firing),
        incident=one,
    )


def severity_of(one: Incident) -> str:
    """The highest severity of what fires in an incident; of all its alerts where nothing does.

    A rise that is the other side of what fell counts as that does.
    """
    wide = None if one.progress.wide is None else one.progress.wide.severity
    heard = [each for each in one.alerts if not one.explains(each)]
    of_alerts = highest_severity(each for each in heard if each.resolved is None) or highest_severity(heard)
    return one.feed_severity or of_alerts or wide or Severity.INFO.value


def _domains(one: Incident) -> int:
    fell = 0 if one.progress.wide is None or one.closed is not None else one.progress.wide.fell
    return max(len(series_of(one.firing or one.alerts)), fell)


_Size = tuple[int, bool, bool, int, float]


def _loudness(line: IncidentLine) -> _Size:
    return _size(line.incident)


def _size(one: Incident) -> _Size:
    """What is loudest sorts last: by severity, the whole account, how many domains, how much they carry too little."""
    alone = one.progress.parent is None
    off = sum(abs(each.alert.worst - (each.alert.reference or 0.0)) for each in worst_of_each(one.firing))
    return SEVERITY_RANK[severity_of(one)], one.account_wide, alone, _domains(one), off


def _weight(each: Unposted) -> tuple[int, float]:
    alert = each.alert.alert
    return SEVERITY_RANK[each.alert.severity], abs(alert.worst - (alert.reference or 0.0))
