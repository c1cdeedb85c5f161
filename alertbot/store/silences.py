"""Silences at rest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from alertbot.incidents.orders import Person, Silence
from alertbot.incidents.silences import HeldSilence


def held(db: Database, since: float) -> list[HeldSilence]:
    """The silences that are in force or to come, and those that ended at ``since`` (epoch seconds) or later."""
    rows = db.conn.execute(
        "SELECT id, target, begins, min(ends, coalesce(cancelled, ends)), author, reason, channel, pairs,"
        " cancelled_by, reminded FROM silences WHERE ends >= ? ORDER BY id",
        (since,),
    )
    silences = [_silence(row) for row in rows]
    return [silence for silence in silences if silence.ends >= since]


def _silence(row: tuple[Any, ...]) -> HeldSilence:
    number, target, begins, ends, author, reason, channel, pairs, cancelled_by, reminded = row
    meant = None if pairs is None else _pairs(pairs)
    return HeldSilence(number, target, begins, ends, author, reason, channel, meant, cancelled_by, bool(reminded))


def _pairs(text: str) -> frozenset[tuple[str, str]]:
    return frozenset((rule, series) for rule, series in json.loads(text))


def add(
    db: Database, silence: Silence, who: Person, channel: str, pairs: Sequence[tuple[str, str]] | None, now: float
) -> int:
    """A new silence's number."""
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


def mark_reminded(db: Database, numbers: Iterable[int]) -> None:
    """The end of these was announced."""
    db.conn.executemany("UPDATE silences SET reminded = 1 WHERE id = ?", ((number,) for number in numbers))


def forget(db: Database, before: float) -> int:
    """Delete those that ended before, and say how many."""
    return db.conn.execute("DELETE FROM silences WHERE ends < ?", (before,)).rowcount


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
