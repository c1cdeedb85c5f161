"""The table of changes: who changed what, when and from where, for whoever asks afterwards. Rows are never changed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlite_utils import Database

from alertbot.incidents.orders import Requester
from alertbot.units import DAY

KEPT = 400 * DAY
"""Seconds for which a change is kept: over a year, so that a yearly review sees all of it."""

_LONGEST = 4000


class ChangeKind(StrEnum):
    """What was done; ``REFUSED`` is what was asked for and not done."""

    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    SILENCED = "silenced"
    UNSILENCED = "unsilenced"
    KEEPS_POSTING = "keeps posting"
    LEARNS_SILENCE = "learns silence"
    VOTED = "voted"
    RELOADED = "reloaded"
    REFUSED = "refused"


@dataclass(frozen=True)
class RecordedChange:
    """One change: ``at`` in epoch seconds, by whom (``who_id`` is a Slack user's), from where, in which words.

    ``before`` and ``after`` say in words what stood there; ``after`` of a refusal is its reason.
    """

    at: float
    who: str
    who_id: str | None
    place: str
    kind: str
    words: str
    before: str | None
    after: str | None


def record(db: Database, change: RecordedChange) -> None:
    """Write a change; long texts are cut."""
    words, before, after = (
        text if text is None else text[:_LONGEST] for text in (change.words, change.before, change.after)
    )
    db.conn.execute(
        'INSERT INTO changes (at, who, who_id, place, kind, words, "before", "after") VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
        (change.at, change.who, change.who_id, change.place, change.kind, words, before, after),
    )


def ordered_by(
    requester: Requester, at: float, kind: ChangeKind, *, before: str | None, after: str | None
) -> RecordedChange:
    """The change that somebody ordered from Slack or the shell."""
    who = requester.person
    place = requester.channel or ("the shell" if who.id is None else "Slack")
    return RecordedChange(at, who.name, who.id, place, kind, requester.words, before, after)


def since(db: Database, at: float) -> list[RecordedChange]:
    """The changes from a time on, epoch seconds, in the order in which they were made."""
    rows = db.conn.execute(
        'SELECT at, who, who_id, place, kind, words, "before", "after" FROM changes WHERE at >= ? ORDER BY id', (at,)
    )
    return [RecordedChange(*row) for row in rows]


def first_acknowledged(db: Database, since: float) -> dict[int, float]:
    """When each incident was acknowledged first, of those that somebody acknowledged from a time on, epoch seconds."""
    rows = db.conn.execute(
        "SELECT CAST(substr(before, 2) AS INTEGER), min(at) FROM changes"
        " WHERE at >= ? AND kind = ? AND before GLOB '#* open' GROUP BY 1",
        (since, ChangeKind.ACKNOWLEDGED.value),
    )
    return dict(rows.fetchall())


def forget(db: Database, before: float) -> int:
    """Delete the changes that were made before a time, epoch seconds; how many."""
    return db.conn.execute("DELETE FROM changes WHERE at < ?", (before,)).rowcount
