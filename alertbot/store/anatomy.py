"""Of which incidents the anatomy is due, and what the API refuses to be asked for it."""

from __future__ import annotations

from sqlite_utils import Database

from alertbot.incidents.incident import Incident
from alertbot.store import incidents


def due(db: Database, since: float) -> list[Incident]:
    """The open incidents of alerts that were first posted after ``since`` (epoch seconds) and not looked into yet.

    What is a part of an incident about the whole account is left to that.
    """
    rows = db.conn.execute(
        """
        SELECT id FROM incidents WHERE closed IS NULL AND kind = 'alert' AND parts_asked IS NULL
        AND json_extract(standing, '$.parent') IS NULL AND ? < (
            SELECT min(coalesce(sent, 0)) FROM outbox WHERE subject = 'incident:' || incidents.id AND action = 'post')
        ORDER BY id
        """,
        (since,),
    )
    return [one for (number,) in rows.fetchall() if (one := incidents.load(db, number)) is not None]


def mark_asked(db: Database, incident: int, now: float) -> None:
    """Note that an incident is about to be looked into, which is done once."""
    db.conn.execute("UPDATE incidents SET parts_asked = ? WHERE id = ?", (now, incident))


def refused(db: Database) -> dict[str, str]:
    """The parameters that the API refuses, and its words for it."""
    return dict(db.conn.execute("SELECT parameter, cause FROM refused_parts"))


def write_refused(db: Database, parameter: str, cause: str) -> None:
    """Note that the API refuses a parameter."""
    db.conn.execute("INSERT OR REPLACE INTO refused_parts (parameter, cause) VALUES (?, ?)", (parameter, cause))


def forget_refused(db: Database) -> None:
    """Have all of them asked again."""
    db.conn.execute("DELETE FROM refused_parts")
