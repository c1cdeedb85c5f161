"""``why #N``: what an incident is about, what was said of it when, and what keeps it quiet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlite_utils import Database

from alertbot.errors import UsageError
from alertbot.incidents.incident import FiredAlert, Incident, worst_of_each
from alertbot.query.scope import Scope
from alertbot.query.why import Inquiry, RuleWhy, SuppressedBy, of_incident
from alertbot.store import incidents, outbox
from alertbot.store.outbox import StoredMessage
from alertbot.store.schema import reading

MOST_EXPLAINED = 3
MOST_TOLD = 5
MOST_SAID = 12


@dataclass(frozen=True)
class Part:
    """An alert of an incident, what made it fire by present values, and why nothing is said of it now."""

    told: FiredAlert
    why: RuleWhy | None
    suppressed_by: SuppressedBy | None


@dataclass(frozen=True)
class IncidentStory:
    """An incident: the worst of its alerts, ``more`` beside them, and what was said, ``earlier`` left out.

    ``suppressed_by``: what keeps the whole of it from paging.
    """

    incident: Incident
    parts: tuple[Part, ...]
    more: int
    said: tuple[StoredMessage, ...]
    earlier: bool
    suppressed_by: SuppressedBy | None


def story(scope: Scope, number: int) -> IncidentStory:
    """Everything about one incident; ``UsageError`` where there is none of that number."""
    with reading(scope.path) as db:
        incident = incidents.load(db, number)
        if incident is None:
            raise UsageError(f"there is no incident #{number}: `alerts` lists those of the last day")
        worst = worst_of_each(incident.alerts)
        said = outbox.messages_about(db, number, MOST_SAID + 1)
        return IncidentStory(
            incident=incident,
            parts=tuple(_parts(db, scope, worst[:MOST_TOLD])),
            more=max(len(worst) - MOST_TOLD, 0),
            said=tuple(said[-MOST_SAID:]),
            earlier=len(said) > MOST_SAID,
            suppressed_by=None if incident.closed is not None else of_incident(incident),
        )


def _parts(db: Database, scope: Scope, worst: list[FiredAlert]) -> Iterator[Part]:
    inquiry = Inquiry(db, scope)
    for place, told in enumerate(worst):
        found = inquiry.why_it_fired(told) if place < MOST_EXPLAINED else None
        yield Part(told, found, inquiry.suppressed_by(told) if told.resolved is None else None)
