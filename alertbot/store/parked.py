"""Messages that Slack refused: kept, tried again, and dropped once something newer says what they said.

A message may be *overtaken* while it waits, refused or not: by a newer edit, by its copy in the fallback channel, by a
newer reminder, by an acknowledgement, or by the end of the incident it is about.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from sqlite_utils import Database

from alertbot.store.outbox import NewMessage, OutboxRow, enqueue

_UNDER_WAY = "('queued', 'sending', 'unknown')"
_TRIED_ELSEWHERE = f"SELECT twin FROM outbox WHERE twin IS NOT NULL AND state IN {_UNDER_WAY}"
_SAID_ELSEWHERE = "SELECT twin FROM outbox WHERE twin IS NOT NULL AND state = 'sent'"


def park(db: Database, row: OutboxRow, error: str, copy: NewMessage | None, now: float) -> None:
    """Keep a row that Slack refuses, and queue its ``copy`` for another channel, where there is one.

    A copy that was queued for the same channel before, and refused as well, is queued again instead.
    """
    db.conn.execute("UPDATE outbox SET state = 'parked', error = ? WHERE number = ?", (error, row.number))
    if copy is None:
        return
    again = db.conn.execute(
        "UPDATE outbox SET state = 'queued', body = ?"
        " WHERE twin = ? AND channel = ? AND state IN ('parked', 'dropped')",
        (copy.body, row.number, copy.channel),
    )
    if not again.rowcount:
        enqueue(db, [copy], now)
        db.conn.execute("UPDATE outbox SET twin = ? WHERE id = ?", (row.number, copy.id))


def unpark(db: Database) -> int:
    """Queue again all that was parked and neither overtaken nor said elsewhere; how many rows that is."""
    db.conn.execute(f"UPDATE outbox SET state = 'dropped' WHERE state = 'parked' AND number IN ({_SAID_ELSEWHERE})")
    _drop_overtaken(db)
    return db.conn.execute(
        f"UPDATE outbox SET state = 'queued' WHERE state = 'parked' AND number NOT IN ({_TRIED_ELSEWHERE})"
    ).rowcount


def retry(db: Database) -> bool:
    """Queue again one parked row of each channel, the one that was not tried for longest; whether there was any.

    One is enough to learn whether Slack takes them again, and none that is refused for itself holds up the others. What
    was said elsewhere stays parked, so that the refusal is seen.
    """
    _drop_overtaken(db)
    rows = db.conn.execute(
        f"""
        UPDATE outbox SET state = 'queued' WHERE number IN (
            SELECT number FROM (
                SELECT number, row_number() OVER (PARTITION BY channel ORDER BY attempted, number) AS turn
                FROM outbox AS o WHERE state = 'parked' AND number NOT IN ({_TRIED_ELSEWHERE} UNION {_SAID_ELSEWHERE})
                AND NOT EXISTS (
                    SELECT 1 FROM outbox AS older WHERE o.action = 'reply' AND older.subject = o.subject
                    AND older.action = 'reply' AND older.state = 'parked' AND older.number < o.number))
            WHERE turn = 1)
        """
    ).rowcount
    return rows > 0


def _drop_overtaken(db: Database) -> None:
    """Drop what is parked though it is an older state of the same message.

    A copy is dropped with the others, since its original makes it anew where that is refused again.
    """
    db.conn.execute(
        f"""
        UPDATE outbox SET state = 'dropped' WHERE state = 'parked' AND (
            (twin IS NOT NULL AND twin NOT IN (SELECT number FROM outbox WHERE state IN {_UNDER_WAY}))
            OR (action = 'update' AND EXISTS (
                SELECT 1 FROM outbox AS newer WHERE newer.subject = outbox.subject AND newer.action = 'update'
                AND newer.number > outbox.number AND newer.state <> 'dropped')))
        """
    )


_LATE_REPLIES = """
    SELECT o.number, o.broadcast, coalesce(json_extract(o.body, '$.text'), ''), incidents.closed IS NOT NULL,
        json_extract(incidents.standing, '$.acked_at') IS NOT NULL, (
            SELECT json_group_array(coalesce(json_extract(newer.body, '$.text'), '')) FROM outbox AS newer
            WHERE newer.subject = o.subject AND newer.number > o.number AND newer.created <> o.created
            AND newer.action = 'reply' AND newer.broadcast AND newer.state <> 'dropped')
    FROM outbox AS o JOIN incidents ON o.subject GLOB 'incident:*'
        AND incidents.id = CAST(substr(o.subject, 10) AS INTEGER)
    WHERE o.state IN ('queued', 'sending', 'unknown', 'parked') AND o.state IN ('queued', 'parked')
    AND o.action = 'reply' AND o.created < ? AND EXISTS (
        SELECT 1 FROM outbox AS newer
        WHERE newer.subject = o.subject AND newer.number > o.number AND newer.created <> o.created)
"""
"""Replies that wait, and of whose incident something was written in a later turn."""


def drop_late_replies(db: Database, before: float, called: Callable[[str], AbstractSet[str]]) -> int:
    """Drop the replies that were written ``before`` (epoch seconds), wait, and are overtaken; how many that is.

    Of an incident that is over all but its last words go, of one that is acknowledged the reminders, and any page after
    which another one calls the same people: ``called`` says whom a text calls.
    """
    late = db.conn.execute(_LATE_REPLIES, (before,)).fetchall()
    overtaken = [
        (number,)
        for number, broadcast, text, over, acked, newer in late
        if over or (broadcast and (acked or any(called(text) <= called(other) for other in json.loads(newer))))
    ]
    db.conn.executemany("UPDATE outbox SET state = 'dropped' WHERE number = ?", overtaken)
    return len(overtaken)
