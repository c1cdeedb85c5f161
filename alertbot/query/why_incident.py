"""``why #N``: what an incident is about, what was posted of it when, and what keeps it from paging."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlite_utils import Database

from alertbot.errors import UsageError
from alertbot.incidents.incident import FiredAlert, Incident, worst_of_each
from alertbot.query.scope import Scope
from alertbot.query.suppressed import SuppressedBy, incident_suppressed_by
from alertbot.query.trend import MOST, Trend
from alertbot.query.why import Inquiry, last_trend
from alertbot.query.why_facts import RuleWhy
from alertbot.store import incidents, outbox, samples
from alertbot.store.outbox import StoredMessage
from alertbot.store.schema import reading
from alertbot.units import SLOT

MOST_EXPLAINED = 3
MOST_ALERTS = 5
MOST_MESSAGES = 12


@dataclass(frozen=True)
class Part:
    """An alert of an incident, what made it fire by present values, and what keeps it from being posted now."""

    told: FiredAlert
    why: RuleWhy | None
    suppressed_by: SuppressedBy | None


@dataclass(frozen=True)
class IncidentStory:
    """An incident: the worst of its alerts, ``more`` beside them, and what was posted; ``earlier``: some is left out.

    ``suppressed_by``: what keeps the whole of it from paging.
    """

    incident: Incident
    parts: tuple[Part, ...]
    more: int
    said: tuple[StoredMessage, ...]
    earlier: bool
    suppressed_by: SuppressedBy | None
    trend: Trend | None = field(default=None, metadata={"json": False})


def story(scope: Scope, number: int) -> IncidentStory:
    """Everything about one incident; ``UsageError`` where there is none of that number."""
    with reading(scope.path) as db:
        incident = incidents.load(db, number)
        if incident is None:
            raise UsageError(f"there is no incident #{number}: `alerts` lists those of the last day")
        worst = worst_of_each(incident.alerts)
        said = outbox.messages_about(db, number, MOST_MESSAGES + 1)
        return IncidentStory(
            incident=incident,
            parts=tuple(_parts(db, scope, worst[:MOST_ALERTS])),
            more=max(len(worst) - MOST_ALERTS, 0),
            said=tuple(said[-MOST_MESSAGES:]),
            earlier=len(said) > MOST_MESSAGES,
            suppressed_by=None if incident.closed is not None else incident_suppressed_by(incident),
            trend=_trend(db, worst),
        )


def _trend(db: Database, worst: list[FiredAlert]) -> Trend | None:
    """The worst series around the beginning of its breach, as far as it was judged."""
    cursor = samples.cursor(db, worst[0].alert.series) if worst else None
    if cursor is None:
        return None
    return last_trend(db, worst[0].alert.series, min(cursor, worst[0].alert.since + MOST // 2 * SLOT))


def _parts(db: Database, scope: Scope, worst: list[FiredAlert]) -> Iterator[Part]:
    inquiry = Inquiry(db, scope)
    for place, fired in enumerate(worst):
        found = inquiry.why_it_fired(fired) if place < MOST_EXPLAINED else None
        yield Part(fired, found, inquiry.suppressed.of_firing(fired) if fired.resolved is None else None)
