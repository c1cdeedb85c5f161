"""The outbox: messages that are owed to Slack, written in the transaction that caused them.

A message is about a *subject* (``alert:12``). Its first row posts; later rows edit what that one posted, and wait
until it stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database


@dataclass(frozen=True)
class Draft:
    """A message to be written into the outbox; ``body`` is what the Slack side made of it, as JSON."""

    id: str
    subject: str
    action: str  # "post" or "update"
    channel: str
    body: str


@dataclass(frozen=True)
class Envelope:
    """A message that waits for delivery; an edit carries where the message it edits stands."""

    number: int
    id: str
    subject: str
    action: str
    channel: str
    body: str
    created: float
    channel_id: str | None
    ts: str | None


def enqueue(db: Database, drafts: Iterable[Draft], now: float) -> None:
    """Write messages, in their order; to be called within a transaction."""
    db.conn.executemany(
        "INSERT INTO outbox (id, subject, action, channel, body, created) VALUES (?, ?, ?, ?, ?, ?)",
        ((draft.id, draft.subject, draft.action, draft.channel, draft.body, now) for draft in drafts),
    )


def waiting(db: Database) -> list[Envelope]:
    """What may go out now, the oldest of each channel: posts, and the newest edit of a message that stands."""
    rows = db.conn.execute(
        """
        SELECT min(o.number), o.id, o.subject, o.action, o.channel, o.body, o.created, first.channel_id, first.ts
        FROM outbox AS o
        LEFT JOIN outbox AS first ON o.action = 'update' AND first.number = (
            SELECT min(number) FROM outbox WHERE subject = o.subject AND action = 'post')
        WHERE o.state = 'queued' AND (o.action = 'post' OR first.state = 'sent')
        AND NOT EXISTS (
            SELECT 1 FROM outbox AS later
            WHERE later.subject = o.subject AND later.action = 'update' AND o.action = 'update'
            AND later.number > o.number)
        GROUP BY o.channel ORDER BY o.number
        """
    )
    return [Envelope(*row) for row in rows]


def mark_sent(db: Database, envelope: Envelope, channel_id: str, ts: str, now: float) -> None:
    """Slack took it; edits that this one overtook are dropped."""
    with db.atomic():
        db.conn.execute(
            "UPDATE outbox SET state = 'sent', sent = ?, channel_id = ?, ts = ?, error = NULL WHERE number = ?",
            (now, channel_id, ts, envelope.number),
        )
        if envelope.action == "update":
            db.conn.execute(
                "UPDATE outbox SET state = 'dropped' WHERE subject = ? AND action = 'update' AND state = 'queued'"
                " AND number < ?",
                (envelope.subject, envelope.number),
            )


def mark_failed(db: Database, envelope: Envelope, error: str, *, park: bool) -> None:
    """Slack did not take it: kept for another try, or parked where trying again changes nothing."""
    with db.atomic():
        db.conn.execute(
            "UPDATE outbox SET error = ?, state = ? WHERE number = ?",
            (error, "parked" if park else "queued", envelope.number),
        )


def unpark(db: Database) -> int:
    """Try again what was parked, as after a restart with mended settings; how many rows that is."""
    with db.atomic():
        return db.conn.execute("UPDATE outbox SET state = 'queued' WHERE state = 'parked'").rowcount


def counts(db: Database) -> dict[str, int]:
    """How many messages stand in each state."""
    return dict(db.conn.execute("SELECT state, count(*) FROM outbox GROUP BY state"))


def trouble(db: Database) -> list[tuple[str, str]]:
    """(channel, error) of the messages that are parked or were refused last time."""
    rows = db.conn.execute("SELECT DISTINCT channel, error FROM outbox WHERE error IS NOT NULL AND state <> 'sent'")
    return rows.fetchall()
