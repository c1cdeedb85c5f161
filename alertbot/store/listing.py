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
