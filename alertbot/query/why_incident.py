"""``why #N``: what an incident is about, what was said of it when, and what keeps it quiet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlite_utils import Database

from alertbot.errors import UsageError
from alertbot.incidents.incident import FiredAlert, Incident, worst_of_each
from alertbot.query.scope import Scope
from alertbot.query.why import Hush, Inquiry, RuleWhy, of_incident
from alertbot.store import incidents, outbox
from alertbot.store.outbox import StoredWords
from alertbot.store.schema import reading

MOST_EXPLAINED = 3
MOST_TOLD = 5
MOST_SAID = 12


@dataclass(frozen=True)
class Part:
    """An alert of an incident, what made it fire by present values, and why nothing is said of it now."""

    told: FiredAlert
    why: RuleWhy | None
    hush: Hush | None


@dataclass(frozen=True)
class IncidentStory:
    """An incident: the worst of its alerts, ``more`` beside them, and what was said, ``earlier`` left out.

    ``hush``: why the whole of it wakes nobody.
    """

    incident: Incident
    parts: tuple[Part, ...]
    more: int
    said: tuple[StoredWords, ...]
    earlier: bool
    hush: Hush | None


def story(scope: Scope, number: int) -> IncidentStory:
    """Everything about one incident; ``UsageError`` where there is none of that number."""
    with reading(scope.path) as db:
        incident = incidents.load(db, number)
        if incident is None:
            raise UsageError(f"there is no incident #{number}: `alerts` lists those of the last day")
        worst = worst_of_each(incident.alerts)
        said = outbox.words_about(db, number, MOST_SAID + 1)
        return IncidentStory(
            incident=incident,
            parts=tuple(_parts(db, scope, worst[:MOST_TOLD])),
            more=max(len(worst) - MOST_TOLD, 0),
            said=tuple(said[-MOST_SAID:]),
            earlier=len(said) > MOST_SAID,
            hush=None if incident.closed is not None else of_incident(incident),
        )


def _parts(db: Database, scope: Scope, worst: list[FiredAlert]) -> Iterator[Part]:
    inquiry = Inquiry(db, scope)
    for place, told in enumerate(worst):
        found = inquiry.why_it_fired(told) if place < MOST_EXPLAINED else None
        yield Part(told, found, inquiry.hush(told) if told.resolved is None else None)
