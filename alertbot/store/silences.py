"""The table of silences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from alertbot.incidents.orders import Person, Silence
from alertbot.incidents.silences import StoredSilence

_COLUMNS = (
    "id, target, begins, min(ends, coalesce(cancelled, ends)), author, reason, channel, pairs, cancelled_by, reminded"
)


def not_ended(db: Database, since: float) -> list[StoredSilence]:
    """The silences that are in force or to come, and those that ended at ``since`` (epoch seconds) or later."""
    rows = db.conn.execute(
        f"SELECT {_COLUMNS} FROM silences WHERE ends >= ? ORDER BY id",
        (since,),
    )
    return [silence for silence in map(_silence, rows) if silence.ends >= since]


def load(db: Database, number: int) -> StoredSilence | None:
    """One silence."""
    row = db.conn.execute(f"SELECT {_COLUMNS} FROM silences WHERE id = ?", (number,)).fetchone()
    return None if row is None else _silence(row)


def _silence(row: tuple[Any, ...]) -> StoredSilence:
    number, target, begins, ends, author, reason, channel, pairs, cancelled_by, reminded = row
    meant = None if pairs is None else _pairs(pairs)
    return StoredSilence(number, target, begins, ends, author, reason, channel, meant, cancelled_by, bool(reminded))


def _pairs(text: str) -> frozenset[tuple[str, str]]:
    return frozenset((rule, series) for rule, series in json.loads(text))


def add(
    db: Database, silence: Silence, who: Person, channel: str, pairs: Sequence[tuple[str, str]] | None, now: float
) -> int:
    """Write a new silence; its number. ``pairs``: rule and series of the alerts meant, where it is of an incident."""
    cursor = db.conn.execute(
        "INSERT INTO silences (target, pairs, begins, ends, author_id, author, reason, channel, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            silence.target,
            None if pairs is None else json.dumps(pairs),
            silence.begins,
            silence.ends,
            who.id,
            who.name,
            silence.reason,
            channel,
            now,
        ),
    )
    return int(cursor.lastrowid or 0)


def cancel(db: Database, number: int, who: Person, now: float) -> None:
    """End a silence now."""
    db.conn.execute(
        "UPDATE silences SET cancelled = ?, cancelled_by = ? WHERE id = ? AND cancelled IS NULL",
        (now, who.name, number),
    )


def extend(db: Database, number: int, ends: float, reason: str) -> None:
    """Have a silence end at ``ends``; a ``reason`` replaces the former one."""
    db.conn.execute(
        "UPDATE silences SET ends = ?, reason = coalesce(nullif(?, ''), reason), reminded = 0 WHERE id = ?",
        (ends, reason, number),
    )


def mark_reminded(db: Database, numbers: Iterable[int]) -> None:
    """Note that the end of these silences was announced."""
    db.conn.executemany("UPDATE silences SET reminded = 1 WHERE id = ?", ((number,) for number in numbers))


def forget(db: Database, before: float) -> int:
    """Delete the silences that ended before a time, epoch seconds; how many."""
    return db.conn.execute("DELETE FROM silences WHERE ends < ?", (before,)).rowcount


@dataclass(frozen=True)
class ListedSilence:
    """A silence as it was asked for, and who ended it early and when; times are epoch seconds."""

    number: int
    target: str
    author: str
    reason: str
    begins: float
    ends: float
    cancelled: float | None
    cancelled_by: str | None


def as_asked(db: Database, since: float) -> list[ListedSilence]:
    """The silences that had not ended at ``since``, as they were asked for and in that order."""
    rows: list[tuple[Any, ...]] = db.conn.execute(
        "SELECT id, target, author, reason, begins, ends, cancelled, cancelled_by FROM silences"
        " WHERE ends >= ? AND coalesce(cancelled, ends) >= ? ORDER BY id",
        (since, since),
    ).fetchall()
    return [ListedSilence(*row) for row in rows]
