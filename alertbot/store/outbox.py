"""The outbox: messages that are owed to Slack, written in the transaction that caused them.

A message is about a *subject* (``incident:12``). Its first row posts; later rows edit what that one posted, or reply in
its thread, and wait until it stands. A row is ``queued``, then ``sending`` while Slack is asked, then ``sent``; it is
``unknown`` where the answer was lost, and ``parked`` where Slack refuses it for good.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database


@dataclass(frozen=True)
class NewMessage:
    """A message to be written into the outbox; ``body`` is what the Slack side made of it, as JSON."""

    id: str
    subject: str
    action: str  # "post", "update" or "reply"
    channel: str
    body: str
    broadcast: bool = False


@dataclass(frozen=True)
class Envelope:
    """A message that waits for delivery; an edit or reply carries where the message it belongs to stands.

    ``channel``: for an edit or a reply, where the message it belongs to was posted, which may be another channel.
    ``folded``: the newest edit that a post takes up, since what it announces has changed before it went out.
    ``attempted``: epoch seconds of the last try.
    """

    number: int
    id: str
    subject: str
    action: str
    channel: str
    body: str
    broadcast: bool
    plain: bool
    created: float
    attempted: float | None
    channel_id: str | None
    ts: str | None
    folded: int | None


# The message a subject has now: the latest of its posts, which replaces one that could not be edited any more.
_STANDING = """
    LEFT JOIN outbox AS standing ON o.action <> 'post' AND standing.number = (
        SELECT max(number) FROM outbox
        WHERE subject = o.subject AND action = 'post' AND state NOT IN ('parked', 'dropped'))
"""
_NEWEST_EDIT = """
    LEFT JOIN outbox AS edit ON o.action = 'post' AND edit.number = (
        SELECT max(number) FROM outbox WHERE subject = o.subject AND action = 'update' AND state = 'queued')
"""
_ENVELOPE = """
    o.id, o.subject, o.action, coalesce(standing.channel, o.channel), coalesce(edit.body, o.body), o.broadcast,
    o.plain, o.created, o.attempted, standing.channel_id, standing.ts, edit.number AS folded
"""


def enqueue(db: Database, drafts: Iterable[NewMessage], now: float) -> None:
    """Write messages, in their order."""
    db.conn.executemany(
        "INSERT INTO outbox (id, subject, action, channel, body, broadcast, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((d.id, d.subject, d.action, d.channel, d.body, d.broadcast, now) for d in drafts),
    )


def is_owed(db: Database, subject: str) -> bool:
    """Whether anything was ever written about this subject."""
    return db.conn.execute("SELECT 1 FROM outbox WHERE subject = ? LIMIT 1", (subject,)).fetchone() is not None


def waiting(db: Database) -> list[Envelope]:
    """What may go out now: of each channel one message and the oldest edit.

    What wakes people goes before what only stands in threads, then the oldest first. A post takes up the newest edit of
    it; of several edits only the newest goes out; replies keep their order, but for those that wake people; an edit or
    a reply waits until the message it belongs to stands.
    """
    rows = db.conn.execute(
        f"""
        SELECT * FROM (
            SELECT o.number, {_ENVELOPE}, row_number() OVER (
                PARTITION BY coalesce(standing.channel, o.channel), o.action = 'update'
                ORDER BY o.action = 'reply' AND NOT o.broadcast, o.number) AS turn
            FROM outbox AS o {_STANDING} {_NEWEST_EDIT}
            WHERE o.state = 'queued' AND (o.action = 'post' OR standing.state = 'sent')
            AND NOT EXISTS (
                SELECT 1 FROM outbox AS other WHERE other.subject = o.subject AND other.action = o.action AND (
                    (o.action = 'update' AND other.number > o.number AND other.state = 'queued')
                    OR (o.action = 'reply' AND other.number < o.number AND other.broadcast >= o.broadcast
                        AND other.state IN ('queued', 'sending', 'unknown'))))
        ) WHERE turn = 1 ORDER BY number
        """  # noqa: S608 - own constants
    )
    return [_envelope(row[:-1]) for row in rows]


def uncertain(db: Database) -> list[Envelope]:
    """The messages of which it is not known whether they arrived, oldest first."""
    rows = db.conn.execute(
        f"SELECT o.number, {_ENVELOPE} FROM outbox AS o {_STANDING} {_NEWEST_EDIT}"  # noqa: S608 - own constants
        " WHERE o.state = 'unknown' ORDER BY o.number"
    )
    return [_envelope(row) for row in rows]


def _envelope(row: tuple[object, ...]) -> Envelope:
    number, id_, subject, action, channel, body, broadcast, plain, *rest = row
    return Envelope(number, id_, subject, action, channel, body, bool(broadcast), bool(plain), *rest)  # type: ignore[arg-type]


def mark_sending(db: Database, number: int, now: float) -> bool:
    """Slack is about to be asked: should we die now, it may or may not stand there. False where it is not queued."""
    cursor = db.conn.execute(
        "UPDATE outbox SET state = 'sending', attempted = ? WHERE number = ? AND state = 'queued'", (now, number)
    )
    return cursor.rowcount > 0


def mark_sent(db: Database, envelope: Envelope, channel_id: str, ts: str, now: float) -> None:
    """Slack took it; edits that it overtook or took up are dropped, and replies about the time before these."""
    db.conn.execute(
        "UPDATE outbox SET state = 'sent', sent = ?, channel_id = ?, ts = ?, error = NULL WHERE number = ?",
        (now, channel_id, ts, envelope.number),
    )
    newest = envelope.folded if envelope.action == "post" else envelope.number - 1
    if newest is not None and envelope.action != "reply":
        _overtake(db, envelope.subject, newest)
    if envelope.folded is not None:
        db.conn.execute(
            "UPDATE outbox SET state = 'dropped' WHERE subject = ? AND action = 'reply' AND state = 'queued'"
            " AND number < ?",
            (envelope.subject, envelope.folded),
        )


def _overtake(db: Database, subject: str, newest: int) -> None:
    """Edits up to this row need not go out any more, whatever became of them."""
    db.conn.execute(
        "UPDATE outbox SET state = 'dropped' WHERE subject = ? AND action = 'update'"
        " AND state IN ('queued', 'sending', 'parked') AND number <= ?",
        (subject, newest),
    )


def mark_found(db: Database, envelope: Envelope, channel_id: str, ts: str, now: float) -> None:
    """It does stand in Slack, as it was when it was tried: edits since then still go out."""
    db.conn.execute(
        "UPDATE outbox SET state = 'sent', sent = ?, channel_id = ?, ts = ?, error = NULL"
        " WHERE number = ? AND state = 'unknown'",
        (now, channel_id, ts, envelope.number),
    )


def mark_again(db: Database, number: int, error: str | None, *, plain: bool = False) -> None:
    """It did not arrive and is to be tried again, as ``plain`` text where Slack refused its blocks."""
    db.conn.execute(
        "UPDATE outbox SET state = 'queued', error = ?, plain = max(plain, ?)"
        " WHERE number = ? AND state IN ('sending', 'unknown')",
        (error, plain, number),
    )


def mark_unknown(db: Database, number: int, error: str) -> None:
    """The answer was lost."""
    db.conn.execute("UPDATE outbox SET state = 'unknown', error = ? WHERE number = ?", (error, number))


def mark_replaced(db: Database, envelope: Envelope, error: str) -> None:
    """An edit that is refused for good becomes a message of its own, and takes the place of the edits before it."""
    db.conn.execute(
        "UPDATE outbox SET action = 'post', state = 'queued', error = ? WHERE number = ?", (error, envelope.number)
    )
    _overtake(db, envelope.subject, envelope.number)


def park(db: Database, envelope: Envelope, error: str, twin: NewMessage | None, now: float) -> None:
    """Slack refuses it for good: kept, and said elsewhere by its ``twin``."""
    db.conn.execute("UPDATE outbox SET state = 'parked', error = ? WHERE number = ?", (error, envelope.number))
    if twin is not None:
        enqueue(db, [twin], now)
        db.conn.execute("UPDATE outbox SET twin = ? WHERE id = ?", (envelope.number, twin.id))


def recover(db: Database) -> int:
    """After a crash: what was being sent may have arrived. An edit is simply sent again. How many that is."""
    db.conn.execute("UPDATE outbox SET state = 'queued' WHERE state = 'sending' AND action = 'update'")
    return db.conn.execute("UPDATE outbox SET state = 'unknown' WHERE state = 'sending'").rowcount


def unpark(db: Database) -> int:
    """Try again what was parked, unless it was said elsewhere or is about to be; how many rows that is."""
    db.conn.execute(
        "UPDATE outbox SET state = 'dropped' WHERE state = 'parked' AND ("
        "number IN (SELECT twin FROM outbox WHERE state = 'sent')"
        " OR twin IN (SELECT number FROM outbox WHERE state = 'parked'))"
    )
    return db.conn.execute(
        "UPDATE outbox SET state = 'queued' WHERE state = 'parked' AND number NOT IN"
        " (SELECT twin FROM outbox WHERE twin IS NOT NULL AND state IN ('queued', 'sending', 'unknown'))"
    ).rowcount


def counts(db: Database) -> dict[str, int]:
    """How many messages stand in each state."""
    return dict(db.conn.execute("SELECT state, count(*) FROM outbox GROUP BY state"))


def trouble(db: Database) -> list[tuple[str, str]]:
    """(channel, error) of the messages that are parked or were refused last time."""
    rows = db.conn.execute(
        "SELECT DISTINCT channel, error FROM outbox WHERE error IS NOT NULL AND state NOT IN ('sent', 'dropped')"
    )
    return rows.fetchall()


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
