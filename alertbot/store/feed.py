"""What is known of the feed itself: when slots were published, and which were late."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlite_utils import Database

from alertbot.units import DAY

LateSlot = tuple[str, int, float, float]
"""Series, slot, and the seconds from the frontier reaching it until it was complete, and until it still showed less."""


def late_slots(db: Database, since: int) -> list[LateSlot]:
    """The late slots from ``since`` on."""
    rows = db.conn.execute("SELECT series, slot, seconds, less FROM lateness WHERE slot >= ?", (since,))
    return rows.fetchall()


def write_late(db: Database, late: Iterable[LateSlot]) -> None:
    """Write late slots, and delete those over two days older."""
    rows = list(late)
    if rows:
        statement = "INSERT OR REPLACE INTO lateness (series, slot, seconds, less) VALUES (?, ?, ?, ?)"
        db.conn.executemany(statement, rows)
        newest = max(slot for _, slot, _, _ in rows)
        db.conn.execute("DELETE FROM lateness WHERE slot < ?", (newest - 2 * DAY,))


def publications(db: Database, since: int) -> dict[int, float]:
    """When the total first showed each slot from ``since`` on, epoch seconds."""
    return dict(db.conn.execute("SELECT slot, shown FROM publications WHERE slot >= ?", (since,)))


def write_publications(db: Database, shown: Mapping[int, float]) -> None:
    """Write when the total first showed these slots, and delete those over two days older."""
    if shown:
        db.conn.executemany("INSERT OR IGNORE INTO publications (slot, shown) VALUES (?, ?)", shown.items())
        db.conn.execute("DELETE FROM publications WHERE slot < ?", (max(shown) - 2 * DAY,))


def write_live(db: Database, facts: str, now: float) -> None:
    """Write what only the running service knows, as JSON, for the shell's commands."""
    db.conn.execute("INSERT OR REPLACE INTO live (one, written, facts) VALUES (1, ?, ?)", (now, facts))


def live(db: Database) -> tuple[float, str] | None:
    """When the service last wrote what it knows, epoch seconds, and what."""
    row: tuple[float, str] | None = db.conn.execute("SELECT written, facts FROM live").fetchone()
    return row
