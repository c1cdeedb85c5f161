"""The outbox: messages that are to be posted in Slack, written in the transaction that caused them.

A message is about a *subject* (``incident:12``). Its first row posts; later rows edit what that one posted, or reply in
its thread, and wait until it stands. A row is ``queued``, then ``sending`` while Slack is asked, then ``sent``; it is
``unknown`` where the answer was lost, and ``parked`` where Slack refuses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database


@dataclass(frozen=True)
class NewMessage:
    """A message to be written into the outbox; ``body`` is what the Slack side made of it, as JSON.

    ``calls``: whom it mentions, as they stand in its text.
    """

    id: str
    subject: str
    action: str  # "post", "update" or "reply"
    channel: str
    body: str
    broadcast: bool = False
    calls: tuple[str, ...] = ()


@dataclass(frozen=True)
class OutboxRow:
    """A message that waits for delivery. An edit or a reply has the place of the message it belongs to.

    That is ``channel_id`` and ``ts``; its ``channel`` may be another than the edit was written for. A post has the body
    of its ``newest_edit``, where what it announces changed before it went out. ``text_only``: Slack refused the blocks.
    The ``broadcast`` of an edit is that of the reply it becomes where its message takes no edits.
    ``created``, ``attempted``: epoch seconds; the last attempt, or the first one of which it is not known what became.
    """

    number: int
    id: str
    subject: str
    action: str
    channel: str
    body: str
    broadcast: bool
    text_only: bool
    created: float
    attempted: float | None
    channel_id: str | None
    ts: str | None
    newest_edit: int | None


# The message that edits and replies belong to: the latest post, which may replace one that can no longer be edited.
_JOIN_POST = """
    LEFT JOIN outbox AS post ON o.action <> 'post' AND post.number = (
        SELECT max(number) FROM outbox
        WHERE subject = o.subject AND action = 'post' AND state NOT IN ('parked', 'dropped'))
"""
_JOIN_NEWEST_EDIT = """
    LEFT JOIN outbox AS edit ON o.action = 'post' AND edit.number = (
        SELECT max(number) FROM outbox WHERE subject = o.subject AND action = 'update' AND state = 'queued')
"""
_COLUMNS = """
    o.number, o.id, o.subject, o.action, coalesce(post.channel, o.channel), coalesce(edit.body, o.body), o.broadcast,
    o.plain, o.created, o.attempted, post.channel_id, post.ts, edit.number AS newest_edit
"""


def enqueue(db: Database, drafts: Iterable[NewMessage], now: float) -> None:
    """Queue messages, in their order."""
    db.conn.executemany(
        "INSERT INTO outbox (id, subject, action, channel, body, broadcast, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((d.id, d.subject, d.action, d.channel, d.body, d.broadcast, now) for d in drafts),
    )


def has_message_about(db: Database, subject: str) -> bool:
    """Whether anything was ever written about this subject."""
    return db.conn.execute("SELECT 1 FROM outbox WHERE subject = ? LIMIT 1", (subject,)).fetchone() is not None


def unattempted(db: Database) -> set[int]:
    """The incidents whose message Slack was not given yet."""
    rows = db.conn.execute(
        "SELECT incidents.id FROM outbox JOIN incidents ON subject = 'incident:' || incidents.id"
        " WHERE action = 'post' AND state = 'queued' AND attempted IS NULL"
    )
    return {number for (number,) in rows}


def editable(db: Database, incident: int) -> list[tuple[str, str, str]]:
    """Subject, channel and newest body of an incident's message and its copies, but for those that take no edits."""
    rows = db.conn.execute(
        "SELECT subject, channel, body, max(number) FROM outbox WHERE (subject = :subject OR subject GLOB :copies)"
        " AND action <> 'reply' GROUP BY subject HAVING subject NOT IN ("
        "SELECT subject FROM outbox WHERE action = 'post' AND state = 'sent' AND error IS NOT NULL)",
        {"subject": f"incident:{incident}", "copies": f"incident:{incident} *"},
    )
    return [row[:3] for row in rows]


def waiting(db: Database) -> list[OutboxRow]:
    """The rows that may go out now: of each channel one message and the oldest edit.

    Posts and broadcast replies go before replies that only stand in a thread, then the oldest first. A post takes up
    its newest edit; of several edits only the newest goes out; replies keep their order, but for broadcast ones; an
    edit or a reply waits until the message it belongs to is sent.
    """
    rows = db.conn.execute(
        f"""
        SELECT * FROM (
            SELECT {_COLUMNS}, row_number() OVER (
                PARTITION BY coalesce(post.channel, o.channel), o.action = 'update'
                ORDER BY o.action = 'reply' AND NOT o.broadcast, o.number) AS turn
            FROM outbox AS o {_JOIN_POST} {_JOIN_NEWEST_EDIT}
            WHERE o.state = 'queued' AND (o.action = 'post' OR post.state = 'sent')
            AND NOT EXISTS (
                SELECT 1 FROM outbox AS other WHERE other.subject = o.subject AND other.action = o.action AND (
                    (o.action = 'update' AND other.number > o.number AND other.state = 'queued')
                    OR (o.action = 'reply' AND other.number < o.number AND other.broadcast >= o.broadcast
                        AND other.state IN ('queued', 'sending', 'unknown'))))
        ) WHERE turn = 1 ORDER BY number
        """
    )
    return [_row(row[:-1]) for row in rows]


def uncertain(db: Database) -> list[OutboxRow]:
    """The messages of which it is not known whether they arrived, oldest first."""
    rows = db.conn.execute(
        f"SELECT {_COLUMNS} FROM outbox AS o {_JOIN_POST} {_JOIN_NEWEST_EDIT}"
        " WHERE o.state = 'unknown' ORDER BY o.number"
    )
    return [_row(row) for row in rows]


def _row(row: tuple[object, ...]) -> OutboxRow:
    number, id_, subject, action, channel, body, broadcast, text_only, *rest = row
    return OutboxRow(number, id_, subject, action, channel, body, bool(broadcast), bool(text_only), *rest)  # type: ignore[arg-type]


def mark_sending(db: Database, number: int, now: float) -> bool:
    """Note that Slack is about to be asked, since after a crash the message may stand there; false if not queued."""
    cursor = db.conn.execute(
        "UPDATE outbox SET state = 'sending', attempted = ? WHERE number = ? AND state = 'queued'", (now, number)
    )
    return cursor.rowcount > 0


def mark_sent(db: Database, row: OutboxRow, channel_id: str, ts: str, now: float) -> None:
    """Note that Slack took a row; edits that it overtook or took up are dropped, and the replies before these."""
    db.conn.execute(
        "UPDATE outbox SET state = 'sent', sent = ?, channel_id = ?, ts = ?, error = NULL WHERE number = ?",
        (now, channel_id, ts, row.number),
    )
    newest = row.newest_edit if row.action == "post" else row.number - 1
    if newest is not None and row.action != "reply":
        drop_edits(db, row.subject, newest)
    if row.newest_edit is not None:
        db.conn.execute(
            "UPDATE outbox SET state = 'dropped' WHERE subject = ? AND action = 'reply' AND state = 'queued'"
            " AND number < ?",
            (row.subject, row.newest_edit),
        )


def drop_edits(db: Database, subject: str, newest: int) -> None:
    """Drop the edits up to this row, whatever became of them: a newer one is in Slack."""
    db.conn.execute(
        "UPDATE outbox SET state = 'dropped' WHERE subject = ? AND action = 'update'"
        " AND state IN ('queued', 'sending', 'parked') AND number <= ?",
        (subject, newest),
    )


def mark_found(db: Database, row: OutboxRow, channel_id: str, ts: str, now: float) -> None:
    """Note that a row of unknown fate was found in Slack, as it was when it was tried: newer edits still go out."""
    db.conn.execute(
        "UPDATE outbox SET state = 'sent', sent = ?, channel_id = ?, ts = ?, error = NULL"
        " WHERE number = ? AND state = 'unknown'",
        (now, channel_id, ts, row.number),
    )


def requeue(db: Database, number: int, error: str | None, *, text_only: bool = False) -> None:
    """Queue a row again that did not arrive, as ``text_only`` where Slack refused its blocks."""
    db.conn.execute(
        "UPDATE outbox SET state = 'queued', error = ?, plain = max(plain, ?)"
        " WHERE number = ? AND state IN ('sending', 'unknown')",
        (error, text_only, number),
    )


def mark_unknown(db: Database, number: int, error: str) -> None:
    """Note that Slack's answer was lost, so that the message may have arrived."""
    db.conn.execute("UPDATE outbox SET state = 'unknown', error = ? WHERE number = ?", (error, number))


def recover(db: Database) -> int:
    """After a crash, note that what was being sent may have arrived; how many rows. Edits are just queued again."""
    db.conn.execute("UPDATE outbox SET state = 'queued' WHERE state = 'sending' AND action = 'update'")
    return db.conn.execute("UPDATE outbox SET state = 'unknown' WHERE state = 'sending'").rowcount


def oldest_owed(db: Database) -> float | None:
    """When the oldest row was written that could go out now, epoch seconds; ``None`` where nothing waits.

    What belongs to a message that is refused waits with that, and does not count.
    """
    (created,) = db.conn.execute(
        f"SELECT min(o.created) FROM outbox AS o {_JOIN_POST} WHERE o.state IN ('queued', 'sending', 'unknown')"
        " AND (o.action = 'post' OR post.state = 'sent')"
    ).fetchone()
    return None if created is None else float(created)


def counts(db: Database) -> dict[str, int]:
    """How many rows are in each state."""
    return dict(db.conn.execute("SELECT state, count(*) FROM outbox GROUP BY state"))


def refusals(db: Database) -> list[tuple[str, str]]:
    """(channel, error) of the messages that are parked or were refused last time."""
    rows = db.conn.execute(
        "SELECT DISTINCT channel, error FROM outbox WHERE error IS NOT NULL AND state NOT IN ('sent', 'dropped')"
    )
    return rows.fetchall()


@dataclass(frozen=True)
class StoredMessage:
    """A message about an incident: ``text`` as mrkdwn; ``shown`` in the channel rather than in its thread alone.

    ``at`` is when it was written, epoch seconds; ``sent``: whether Slack took it.
    """

    at: float
    text: str
    shown: bool
    sent: bool


def messages_about(db: Database, incident: int, most: int) -> list[StoredMessage]:
    """The messages and replies about an incident, ``most`` of the newest at most, the oldest first; no edits."""
    rows: list[tuple[Any, ...]] = db.conn.execute(
        "SELECT created, coalesce(json_extract(body, '$.text'), ''), action = 'post' OR broadcast, state = 'sent'"
        " FROM outbox WHERE subject = ? AND action <> 'update' ORDER BY number DESC LIMIT ?",
        (f"incident:{incident}", most),
    ).fetchall()
    return [StoredMessage(at, text, bool(shown), bool(sent)) for at, text, shown, sent in reversed(rows)]
