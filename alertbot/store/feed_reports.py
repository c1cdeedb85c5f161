"""Incidents about the feed itself, which are not made of alerts: opened, changed and closed as it is reported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlite_utils import Database

from alertbot.incidents.acknowledgement import unacknowledged
from alertbot.incidents.decision import IncidentChange
from alertbot.incidents.incident import Incident, IncidentKind, Progress
from alertbot.incidents.notes import Note, NoteKind
from alertbot.store import alerts, incidents
from alertbot.store.mentions import enqueue_calling
from alertbot.store.turns import Decider


@dataclass(frozen=True)
class FeedReport:
    """News about the feed itself, beside any alert: opens an incident, or changes or closes that of ``number``."""

    kind: IncidentKind
    channel: str
    since: int
    facts: Mapping[str, Any]
    number: int | None = None
    closes: bool = False


def report(db: Database, reports: Iterable[FeedReport], decider: Decider, now: float) -> None:
    """Open, change and close incidents that are not made of alerts, with their messages."""
    for each in reports:
        number = each.number
        before = None if number is None else incidents.load(db, number)
        if number is None:
            number = incidents.create(db, each.kind, each.channel, each.since, now, each.facts)
        incidents.write_facts(db, number, each.facts, now if each.closes else None)
        incident = incidents.load(db, number)
        if incident is not None:
            change = _reported(incident, each, now, left=_left_since(before, each))
            change = replace(change, edited=before is not None and before.facts != incident.facts)
            incidents.write_progress(db, change.incident)
            enqueue_calling(db, decider.compose(change), decider, now)
        if each.closes:
            alerts.release(db, number)


def _left_since(before: Incident | None, report: FeedReport) -> bool:
    """Whether domains left the account beside those of which an incident says so already."""
    if before is None or report.kind is not IncidentKind.VANISHED:
        return False
    return not set(report.facts["series"]) <= set(before.facts["series"])


def _reported(incident: Incident, report: FeedReport, now: float, *, left: bool) -> IncidentChange:
    """The change of an incident about the feed itself: opened, changed, grown, or closed.

    It grows to the whole account, or by domains that ``left`` it.
    """
    progress = incident.progress
    if report.number is None:
        progress = Progress(paged_at=now, unacked_since=now)
        return IncidentChange(replace(incident, progress=progress), (), (), {}, closed=False, opened=True)
    notes: tuple[Note, ...] = ()
    if report.closes:
        notes = (Note(NoteKind.RESOLVED),)
    elif left or incident.facts.get("account_wide"):
        notes = (Note(NoteKind.GREW, page=True),)
        progress = replace(unacknowledged(progress, now), paged_at=now)
    ends_wide = report.closes and incident.account_wide
    return IncidentChange(
        replace(incident, progress=progress), (), notes, {}, closed=report.closes, ends_account_wide=ends_wide
    )
