"""Reading what stands in the database, for those who ask for a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database


@dataclass(frozen=True)
class StoredSilence:
    """A silence as it was asked for, and who ended it early and when; times are epoch seconds."""

    number: int
    target: str
    author: str
    reason: str
    begins: float
    ends: float
    cancelled: float | None
    cancelled_by: str | None


def silences(db: Database, since: float) -> list[StoredSilence]:
    """The silences that are not over, or were not at ``since``; in the order in which they were asked for."""
    rows: list[tuple[Any, ...]] = db.conn.execute(
        "SELECT id, target, author, reason, begins, ends, cancelled, cancelled_by FROM silences"
        " WHERE ends >= ? AND coalesce(cancelled, ends) >= ? ORDER BY id",
        (since, since),
    ).fetchall()
    return [StoredSilence(*row) for row in rows]


@dataclass(frozen=True)
class StoredWords:
    """What was said of an incident: ``text`` as mrkdwn, ``shown``: in the channel rather than its thread alone.

    ``at`` is when it was written, epoch seconds; ``sent``: whether Slack took it.
    """

    at: float
    text: str
    shown: bool
    sent: bool


def words_about(db: Database, incident: int, most: int) -> list[StoredWords]:
    """The messages and replies about an incident, ``most`` of the newest at most, the oldest first; no edits."""
    rows: list[tuple[Any, ...]] = db.conn.execute(
        "SELECT created, coalesce(json_extract(body, '$.text'), ''), action = 'post' OR broadcast, state = 'sent'"
        " FROM outbox WHERE subject = ? AND action <> 'update' ORDER BY number DESC LIMIT ?",
        (f"incident:{incident}", most),
    ).fetchall()
    return [StoredWords(at, text, bool(shown), bool(sent)) for at, text, shown, sent in reversed(rows)]
