"""What becomes of edits that Slack refuses: a new message where the old one is gone, else replies in its thread.

A sent message that takes no edits keeps in ``error`` Slack's word for it. ``unmentioned`` is the body of a message that
calls nobody: whom a change of state is to wake is called by the note that belongs to it.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlite_utils import Database

from alertbot.store.outbox import OutboxRow, drop_edits

Unmentioned = Callable[[str], str]


def post_anew(db: Database, row: OutboxRow, error: str, new_id: str, unmentioned: Unmentioned) -> None:
    """Post once more what a message says that is gone, where that is not under way; ``row`` was to edit it or reply.

    A reply waits until the new message stands; ``new_id`` is that of a new row, where one is needed.
    """
    db.conn.execute("UPDATE outbox SET state = 'queued', error = ? WHERE number = ?", (error, row.number))
    number, action, state, body = db.conn.execute(
        "SELECT number, action, state, body FROM outbox WHERE subject = ? AND action <> 'reply' AND state <> 'parked'"
        " ORDER BY number DESC LIMIT 1",
        (row.subject,),
    ).fetchone()
    if state == "queued" and action == "update":
        db.conn.execute(
            "UPDATE outbox SET action = 'post', broadcast = 0, channel = ?, body = ? WHERE number = ?",
            (row.channel, unmentioned(body), number),
        )
        drop_edits(db, row.subject, number)
    elif state in {"sent", "dropped"}:
        db.conn.execute(
            "INSERT INTO outbox (id, subject, action, channel, body, created)"
            " SELECT ?, subject, 'post', ?, ?, created FROM outbox WHERE number = ?",
            (new_id, row.channel, unmentioned(body), row.number),
        )


def refuse_edits(db: Database, row: OutboxRow, error: str, unmentioned: Unmentioned) -> None:
    """Note that the message of this edit takes none, and let what it says go to the thread."""
    db.conn.execute("UPDATE outbox SET state = 'queued' WHERE number = ?", (row.number,))
    db.conn.execute(
        "UPDATE outbox SET error = ? WHERE number = ("
        "SELECT max(number) FROM outbox WHERE subject = ? AND action = 'post' AND state = 'sent')",
        (error, row.subject),
    )
    to_threads(db, unmentioned)


_REFUSED_EDITS = """
    SELECT max(edit.number), edit.subject, edit.broadcast, edit.created, edit.body
    FROM outbox AS edit JOIN outbox AS post ON post.number = (
        SELECT max(number) FROM outbox
        WHERE subject = edit.subject AND action = 'post' AND state NOT IN ('parked', 'dropped'))
    WHERE edit.state IN ('queued', 'sending', 'unknown', 'parked') AND edit.state = 'queued'
    AND edit.action = 'update' AND post.state = 'sent' AND post.error IS NOT NULL
    GROUP BY edit.subject
"""


def to_threads(db: Database, unmentioned: Unmentioned) -> None:
    """Make replies of the newest edits of messages that take none; what a note of the same turn says is not repeated.

    Where the edit is to be seen in the channel, that note is shown there, if it is not out yet.
    """
    for number, subject, broadcast, created, body in db.conn.execute(_REFUSED_EDITS).fetchall():
        if not _said_by_a_note(db, subject, created, broadcast=bool(broadcast)):
            db.conn.execute(
                "UPDATE outbox SET action = 'reply', body = ? WHERE number = ?", (unmentioned(body), number)
            )
        drop_edits(db, subject, number)


def _said_by_a_note(db: Database, subject: str, created: float, *, broadcast: bool) -> bool:
    """Whether a note of the same turn says what an edit does, and is seen where that is to be seen."""
    of_the_turn = "subject = ? AND created = ? AND action = 'reply' AND state <> 'dropped'"
    if broadcast:
        db.conn.execute(
            f"UPDATE outbox SET broadcast = 1 WHERE state = 'queued' AND {of_the_turn}",
            (subject, created),
        )
    noted = db.conn.execute(
        f"SELECT 1 FROM outbox WHERE broadcast >= ? AND {of_the_turn}",
        (broadcast, subject, created),
    )
    return noted.fetchone() is not None and not _is_over_with_gaps(db, subject, created)


def _is_over_with_gaps(db: Database, subject: str, created: float) -> bool:
    """Whether an incident is over of which an earlier note never came out: which domains joined stands there alone."""
    gaps = db.conn.execute(
        "SELECT 1 FROM outbox JOIN incidents ON subject = 'incident:' || incidents.id WHERE subject = ?"
        " AND action = 'reply' AND outbox.created < ? AND state IN ('queued', 'parked', 'dropped')"
        " AND incidents.closed IS NOT NULL",
        (subject, created),
    )
    return gaps.fetchone() is not None
