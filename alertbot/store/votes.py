"""The table of votes: who found an incident useful to know of, and who found it noise."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlite_utils import Database

from alertbot.incidents.incident import Vote
from alertbot.incidents.orders import Person


def of_incidents(db: Database, numbers: Iterable[int]) -> dict[int, tuple[Vote, ...]]:
    """The votes on these incidents, the oldest first; nothing of those that nobody voted on."""
    rows = db.conn.execute(
        "SELECT incident, name, useful FROM votes WHERE incident IN (SELECT value FROM json_each(?)) ORDER BY at",
        (json.dumps(list(numbers)),),
    )
    votes: dict[int, tuple[Vote, ...]] = {}
    for incident, name, useful in rows:
        votes[incident] = (*votes.get(incident, ()), Vote(name, bool(useful)))
    return votes


def of_person(db: Database, incident: int, who: Person) -> bool | None:
    """Whether somebody found an incident useful; ``None`` where they have not voted."""
    row = db.conn.execute(
        "SELECT useful FROM votes WHERE incident = ? AND voter = ?", (incident, who.id or who.name)
    ).fetchone()
    return None if row is None else bool(row[0])


def cast(db: Database, incident: int, who: Person, *, useful: bool, now: float) -> None:
    """Write somebody's vote, in the place of an earlier one."""
    db.conn.execute(
        "INSERT OR REPLACE INTO votes (incident, voter, name, useful, at) VALUES (?, ?, ?, ?, ?)",
        (incident, who.id or who.name, who.name, useful, now),
    )
