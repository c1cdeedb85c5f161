"""How often somebody is mentioned: who is called again and again does not look any more, and misses what matters.

Nothing is stored for it: the outbox knows what called whom. A pause begins with the message that announces it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Protocol

from sqlite_utils import Database

from alertbot.store.outbox import NewMessage, enqueue

MOST = 10
"""Mentions of one audience in one channel within ``WITHIN`` seconds; the next one says that they pause."""

WITHIN = 3600.0
"""Seconds, and those for which nobody of that audience is mentioned there then; all is posted as ever."""

SUBJECT = "mentions"
"""The subject of the messages that announce a pause."""


class Speaker(Protocol):
    """Words what is called, and what is not."""

    def uncalled(self, draft: NewMessage, calls: Iterable[str]) -> NewMessage:
        """Take these calls out of a message."""

    def pause(self, channel: str, call: str, until: float) -> NewMessage:
        """Write the message that says until when (epoch seconds) nobody is called so any more."""


def enqueue_calling(db: Database, drafts: Iterable[NewMessage], speaker: Speaker, now: float) -> None:
    """Queue messages in their order, with no more mentions than people can heed."""
    for draft in drafts:
        if draft.action == "update":
            enqueue(db, [_as_posted(db, draft, speaker)], now)
            continue
        paused, notices = set(), []
        for call in draft.calls:
            count, is_paused = _lately(db, draft.channel, call, now)
            if is_paused or count >= MOST:
                paused.add(call)
            if not is_paused and count >= MOST:
                notices.append(speaker.pause(draft.channel, call, now + WITHIN))
        enqueue(db, [speaker.uncalled(draft, paused) if paused else draft, *notices], now)


def of_incidents(db: Database, numbers: Iterable[int]) -> dict[int, int]:
    """How many messages about each of these incidents mentioned somebody; none of those that none did."""
    rows = db.conn.execute(
        "SELECT CAST(substr(subject, 10) AS INTEGER), count(*) FROM outbox WHERE subject GLOB 'incident:*'"
        " AND CAST(substr(subject, 10) AS INTEGER) IN (SELECT value FROM json_each(?))"
        " AND (action = 'post' OR (action = 'reply' AND broadcast)) AND state NOT IN ('parked', 'dropped')"
        " AND (instr(json_extract(body, '$.text'), '<!') OR instr(json_extract(body, '$.text'), '<@')) GROUP BY 1",
        (json.dumps(list(numbers)),),
    )
    return dict(rows.fetchall())


def _as_posted(db: Database, draft: NewMessage, speaker: Speaker) -> NewMessage:
    """An edit that mentions whom its message mentioned: nobody is called by an edit, nor was by one that paused."""
    posted = db.conn.execute(
        "SELECT json_extract(body, '$.text') FROM outbox WHERE subject = ? AND action = 'post'"
        " ORDER BY number DESC LIMIT 1",
        (draft.subject,),
    ).fetchone()
    missing = [] if posted is None else [call for call in draft.calls if call not in posted[0]]
    return speaker.uncalled(draft, missing) if missing else draft


def _lately(db: Database, channel: str, call: str, now: float) -> tuple[int, bool]:
    """How often these people were called in a channel within the hour, and whether that pauses."""
    count, pauses = db.conn.execute(
        "SELECT count(*), coalesce(sum(subject = ?), 0) FROM outbox"
        " WHERE created > ? AND created <= ? AND channel = ? AND (action = 'post' OR (action = 'reply' AND broadcast))"
        " AND state NOT IN ('parked', 'dropped') AND instr(json_extract(body, '$.text'), ?)",
        (SUBJECT, now - WITHIN, now, channel, call),
    ).fetchone()
    return count, pauses > 0
