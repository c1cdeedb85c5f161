"""Incidents at rest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlite_utils import Database

from alertbot.alerts.incidents import Incident, IncidentKind, OpenIncident, Placement
from alertbot.alerts.lifecycle import Change
from alertbot.store import state


def open_incidents(db: Database) -> list[OpenIncident]:
    """What alerts may join: what is open, and the latest summaries, which close as they are made."""
    rows = db.conn.execute(
        "SELECT id, kind, channel, since, opened FROM incidents WHERE closed IS NULL"
        " OR id IN (SELECT max(id) FROM incidents WHERE kind IN ('passed', 'summary') GROUP BY kind, channel)"
        " ORDER BY id"
    )
    return [OpenIncident(row[0], IncidentKind(row[1]), *row[2:]) for row in rows]


def create(
    db: Database, kind: IncidentKind, channel: str, since: int, now: float, facts: Mapping[str, Any] | None = None
) -> int:
    """A new incident's number; to be called within a transaction."""
    cursor = db.conn.execute(
        "INSERT INTO incidents (kind, channel, since, opened, facts) VALUES (?, ?, ?, ?, ?)",
        (kind.value, channel, since, now, json.dumps(dict(facts or {}))),
    )
    return int(cursor.lastrowid or 0)


def assign(
    db: Database, changes: Sequence[Change], numbers: Sequence[int], places: Sequence[Placement | None], now: float
) -> dict[int, bool]:
    """Put the alerts of these changes into their incidents; to be called within a transaction.

    Returns the incidents that the changes touch, in order, each with whether it is new.
    """
    made: dict[tuple[str, ...], int] = {}
    touched: dict[int, bool] = {}
    for change, number, placement in zip(changes, numbers, places, strict=True):
        if placement is None:
            incident = _incident_of(db, number)
        else:
            incident = placement.joins or made.get(placement.key)
            if incident is None:
                incident = create(db, placement.kind, placement.channel, placement.since, now)
                made[placement.key] = incident
                touched[incident] = True
            db.conn.execute("UPDATE alerts SET incident = ? WHERE id = ?", (incident, number))
        if incident is not None:
            touched.setdefault(incident, False)
        if change.fired and placement is not None:
            _reopen(db, incident)
    _close_cleared(db, touched, now)
    return touched


def _incident_of(db: Database, alert: int) -> int | None:
    row = db.conn.execute("SELECT incident FROM alerts WHERE id = ?", (alert,)).fetchone()
    return None if row is None else row[0]


def _reopen(db: Database, incident: int | None) -> None:
    db.conn.execute("UPDATE incidents SET closed = NULL WHERE id = ?", (incident,))


def _close_cleared(db: Database, numbers: Iterable[int], now: float) -> None:
    """An incident made of alerts ends with the last of them."""
    db.conn.executemany(
        "UPDATE incidents SET closed = ? WHERE id = ? AND kind IN ('alert', 'summary', 'passed') AND closed IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM alerts WHERE incident = incidents.id AND phase <> 'resolved')",
        [(now, number) for number in numbers],
    )


def change(db: Database, number: int, facts: Mapping[str, Any], closed: float | None) -> None:
    """New facts of an incident, and whether it is over; to be called within a transaction."""
    db.conn.execute(
        "UPDATE incidents SET facts = ?, closed = ? WHERE id = ?", (json.dumps(dict(facts)), closed, number)
    )


def load(db: Database, number: int) -> Incident:
    """An incident with its alerts."""
    row = db.conn.execute(
        "SELECT id, kind, channel, since, opened, closed, facts FROM incidents WHERE id = ?", (number,)
    ).fetchone()
    alerts = tuple(state.told_in(db, number))
    return Incident(row[0], IncidentKind(row[1]), row[2], row[3], row[4], row[5], alerts, json.loads(row[6]))


def of_kinds(db: Database, kinds: Iterable[IncidentKind]) -> list[Incident]:
    """The open incidents of these kinds."""
    wanted = {kind.value for kind in kinds}
    rows = db.conn.execute("SELECT id, kind FROM incidents WHERE closed IS NULL ORDER BY id").fetchall()
    return [load(db, number) for number, kind in rows if kind in wanted]


def count_open(db: Database) -> int:
    """How many incidents are open."""
    return int(db.conn.execute("SELECT count(*) FROM incidents WHERE closed IS NULL").fetchone()[0])
