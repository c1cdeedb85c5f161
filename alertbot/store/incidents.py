"""The table of incidents; each is read with its alerts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlite_utils import Database

from alertbot.incidents.grouping import JOIN_WITHIN
from alertbot.incidents.incident import AGAIN_WITHIN, AccountFall, Incident, IncidentKind, Progress, Vote
from alertbot.incidents.moved import Moved
from alertbot.incidents.suppression import Darkness
from alertbot.rules.selection import TOTAL
from alertbot.store import samples, votes
from alertbot.store.fired_alerts import of_incidents

_COLUMNS = "id, kind, channel, since, opened, closed, facts, standing"

_FIELDS = {"untaken": "unacked_since"}
"""What is called otherwise in the database than in ``Progress``."""
# Incidents are closed after the last slot of theirs, by the clock: that leaves few to be looked at.
_FOLLOWED = f"""
    SELECT incident FROM alerts AS ended WHERE incident IN (
        SELECT id FROM incidents WHERE kind = 'alert' AND closed >= (
            SELECT min(since) - {AGAIN_WITHIN} FROM alerts WHERE incident IS NULL AND phase = 'firing'))
    AND reason = 'cleared' AND EXISTS (
        SELECT 1 FROM alerts AS fresh WHERE fresh.incident IS NULL AND fresh.phase = 'firing'
        AND fresh.series = ended.series AND fresh.direction = ended.direction
        AND fresh.since <= ended.resolved + {AGAIN_WITHIN})
"""
"""The incidents that tell of an earlier outage of what fires and was not posted yet."""

DARKNESS_REMEMBERED = 6 * 3600
"""Seconds for which it counts that nothing was published."""


def open_or_joinable(db: Database, now: float) -> list[Incident]:
    """The incidents that are open, and the closed ones that alerts may still join, the oldest first."""
    listed = "kind IN ('passed', 'summary', 'upgrade') AND opened > ?"
    return _incidents(db, f"closed IS NULL OR ({listed}) OR id IN ({_FOLLOWED}) ORDER BY id", (now - JOIN_WITHIN,))


def load(db: Database, number: int) -> Incident | None:
    """One incident with its alerts."""
    return next(iter(_incidents(db, "id = ?", (number,))), None)


def open_incidents(db: Database, kinds: Iterable[IncidentKind] = IncidentKind) -> list[Incident]:
    """The open incidents of these kinds, the oldest first."""
    wanted = set(kinds)
    return [one for one in _incidents(db, "closed IS NULL ORDER BY id", ()) if one.kind in wanted]


def opened_between(db: Database, first: float, last: float) -> list[Incident]:
    """The incidents that were opened from ``first`` on and before ``last``, epoch seconds."""
    return _incidents(db, "opened >= ? AND opened < ? ORDER BY id", (first, last))


def open_since(db: Database, since: float) -> list[Incident]:
    """The incidents that are open, or were at ``since`` (epoch seconds) or later, the oldest first."""
    return _incidents(db, "closed IS NULL OR closed >= ? ORDER BY id", (since,))


def _incidents(db: Database, where: str, values: tuple[Any, ...]) -> list[Incident]:
    rows = db.conn.execute(f"SELECT {_COLUMNS} FROM incidents WHERE {where}", values).fetchall()
    numbers = [row[0] for row in rows]
    alerts, cast = of_incidents(db, numbers), votes.of_incidents(db, numbers)
    return [_incident(row, alerts[row[0]], cast.get(row[0], ())) for row in rows]


def _incident(row: tuple[Any, ...], alerts: Iterable[Any], cast: tuple[Vote, ...]) -> Incident:
    number, kind, channel, since, opened, closed, facts, progress = row
    return Incident(
        number,
        IncidentKind(kind),
        channel,
        since,
        opened,
        closed,
        tuple(alerts),
        json.loads(facts),
        _progress(progress),
        cast,
    )


def _progress(text: str) -> Progress:
    stored = {_FIELDS.get(key, key): value for key, value in json.loads(text).items()}
    wide = stored.pop("wide", None)
    moved = stored.pop("moved", None)
    lists = {key: tuple(value) for key, value in stored.items() if isinstance(value, list)}
    fall = None if wide is None else AccountFall(**wide)
    return Progress(**{**stored, **lists}, wide=fall, moved=None if moved is None else _moved(moved))


def _moved(stored: Mapping[str, Any]) -> Moved:
    shares = {key: tuple((series, bps) for series, bps in stored[key]) for key in ("fell", "rose")}
    return Moved(**{**stored, **shares})


def _to_json(progress: Progress) -> str:
    keys = {field: key for key, field in _FIELDS.items()}
    return json.dumps({keys.get(field, field): value for field, value in asdict(progress).items()})


def darkness(db: Database, now: float) -> list[Darkness]:
    """The recent times in which nothing was published of the account.

    One of which data came later, with traffic from its first slot on, was none: what fell then did so by itself.
    """
    rows = db.conn.execute(
        "SELECT since, closed FROM incidents WHERE kind = ? AND closed > ?",
        (IncidentKind.DARK.value, now - DARKNESS_REMEMBERED),
    )
    return [Darkness(since, closed) for since, closed in rows if not _carried(db, since)]


def _carried(db: Database, slot: int) -> bool:
    """Whether the account is known to have carried something in that slot."""
    return bool((samples.series_between(db, TOTAL, slot, slot) > 0).any())


def create(
    db: Database, kind: IncidentKind, channel: str, since: int, now: float, facts: Mapping[str, Any] | None = None
) -> int:
    """Open an incident; its number."""
    cursor = db.conn.execute(
        "INSERT INTO incidents (kind, channel, since, opened, facts) VALUES (?, ?, ?, ?, ?)",
        (kind.value, channel, since, now, json.dumps(dict(facts or {}))),
    )
    return int(cursor.lastrowid or 0)


def write_progress(db: Database, incident: Incident) -> None:
    """Write what the readers of an incident know by now, since when it lasts, and whether it is closed."""
    db.conn.execute(
        "UPDATE incidents SET since = ?, closed = ?, standing = ? WHERE id = ?",
        (incident.since, incident.closed, _to_json(incident.progress), incident.number),
    )


def write_facts(db: Database, number: int, facts: Mapping[str, Any], closed: float | None) -> None:
    """Write the facts of an incident about the feed, and when it was closed, if it was."""
    db.conn.execute(
        "UPDATE incidents SET facts = ?, closed = ? WHERE id = ?", (json.dumps(dict(facts)), closed, number)
    )


def count_open(db: Database) -> int:
    """How many incidents are open."""
    return int(db.conn.execute("SELECT count(*) FROM incidents WHERE closed IS NULL").fetchone()[0])
