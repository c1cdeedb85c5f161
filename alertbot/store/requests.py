"""The table of requests: what the shell's commands ask of the running service, and its answers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from alertbot.errors import StoreError
from alertbot.store import schema
from alertbot.units import DAY

KEPT = DAY
"""Seconds for which a request is kept; what has waited longer is not done any more."""


@dataclass(frozen=True)
class Request:
    """A command's words, who gave it and when, epoch seconds by the machine's clock."""

    number: int
    author: str
    words: tuple[str, ...]
    created: float


@dataclass(frozen=True)
class RequestOutcome:
    """The answer to a request: what has been done, as mrkdwn, or why it was ``refused``, in plain text."""

    answer: str
    refused: bool = False


def leave(path: Path, author: str, words: Sequence[str], now: float) -> int:
    """Leave a request beside the running service, in a transaction of its own; its number."""
    try:
        with closing(schema.open_for_requests(path)) as db, db.atomic():
            row = (author, json.dumps(list(words), ensure_ascii=False), now)
            cursor = db.conn.execute("INSERT INTO requests (author, words, created) VALUES (?, ?, ?)", row)
            return int(cursor.lastrowid or 0)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}: run this as the service's user, or with sudo") from error


def waiting(db: Database, now: float) -> list[Request]:
    """The requests that are to be carried out, the oldest first."""
    rows = db.conn.execute(
        "SELECT id, author, words, created FROM requests WHERE done IS NULL AND created >= ? ORDER BY id", (now - KEPT,)
    )
    return [Request(number, author, _words(words), created) for number, author, words, created in rows]


def _words(text: str) -> tuple[str, ...]:
    """The words that ``leave`` wrote; none where somebody else wrote something else."""
    try:
        words = json.loads(text)
    except ValueError:
        return ()
    return tuple(map(str, words)) if isinstance(words, list) else ()


def finish(db: Database, number: int, outcome: RequestOutcome, now: float) -> None:
    """Answer a request, and forget those that are too old to matter."""
    row = (now, int(outcome.refused), outcome.answer, number)
    db.conn.execute("UPDATE requests SET done = ?, refused = ?, answer = ? WHERE id = ?", row)
    forget(db, now)


def forget(db: Database, now: float) -> int:
    """Delete the requests that are too old to be done or read; how many."""
    return db.conn.execute("DELETE FROM requests WHERE created < ?", (now - KEPT,)).rowcount


def outcome(db: Database, number: int) -> RequestOutcome | None:
    """The answer to a request, once there is one."""
    row = db.conn.execute(
        "SELECT answer, refused FROM requests WHERE id = ? AND done IS NOT NULL", (number,)
    ).fetchone()
    return None if row is None else RequestOutcome(row[0], bool(row[1]))
