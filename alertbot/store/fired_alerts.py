"""What is stored of alerts that fired: reads for incidents, questions and metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlite_utils import Database

from alertbot.alerts.lifecycle import Alert
from alertbot.incidents.flapping import WITHIN
from alertbot.incidents.incident import FiredAlert
from alertbot.store.alerts import _COLUMNS, _OWN, _alert

_FIRED_COLUMNS = f"{_COLUMNS}, id, severity, resolved, reason, incident, noted"
_SINCE = "fired IS NOT NULL AND (phase = 'firing' OR resolved >= ?)"


def _fired_alert(row: tuple[Any, ...], fires: int = 1) -> FiredAlert:
    number, severity, resolved, reason, incident, noted = row[_OWN : _OWN + 6]
    return FiredAlert(number, _alert(row[:_OWN]), severity, resolved, reason, incident, noted, fires)


def fired_since(db: Database, since: int, most: int) -> list[FiredAlert]:
    """The alerts that fire now or resolved since the slot ``since``, newest first, ``most`` of them at most."""
    rows = db.conn.execute(
        f"SELECT {_FIRED_COLUMNS} FROM alerts WHERE {_SINCE} ORDER BY phase = 'resolved', fired DESC, id DESC LIMIT ?",
        (since, most),
    )
    return [_fired_alert(row) for row in rows]


def fired_between(db: Database, series: str, first: int, last: int) -> list[FiredAlert]:
    """The alerts of a series that fired and were under way between two slots, the oldest first."""
    rows = db.conn.execute(
        f"SELECT {_FIRED_COLUMNS} FROM alerts"
        " WHERE series = ? AND fired IS NOT NULL AND slot >= ? AND since <= ? ORDER BY id",
        (series, first, last),
    )
    return [_fired_alert(row) for row in rows]


def open_alert(db: Database, rule: str, series: str) -> Alert | None:
    """The alert under way of a rule on a series."""
    row = db.conn.execute(
        f"SELECT {_COLUMNS} FROM alerts WHERE rule = ? AND series = ? AND phase <> 'resolved'",
        (rule, series),
    ).fetchone()
    return None if row is None else _alert(row)


def last_fired(db: Database, rule: str, series: str) -> FiredAlert | None:
    """The alert of a rule on a series that fired last, whatever became of it."""
    row = db.conn.execute(
        f"SELECT {_FIRED_COLUMNS} FROM alerts WHERE rule = ? AND series = ? AND fired IS NOT NULL"
        " ORDER BY fired DESC, id DESC LIMIT 1",
        (rule, series),
    ).fetchone()
    return None if row is None else _fired_alert(row)


def firing(db: Database) -> list[FiredAlert]:
    """All alerts that fire, the oldest first."""
    rows = db.conn.execute(f"SELECT {_FIRED_COLUMNS} FROM alerts WHERE phase = 'firing' ORDER BY id")
    return [_fired_alert(row) for row in rows]


def count_fired_since(db: Database, since: int) -> int:
    """How many alerts ``fired_since`` would list without a limit."""
    return int(db.conn.execute(f"SELECT count(*) FROM alerts WHERE {_SINCE}", (since,)).fetchone()[0])


def count_fired(db: Database, first: int = 0) -> int:
    """How many alerts of those that are kept fired in the slot ``first`` or later."""
    return int(db.conn.execute("SELECT count(*) FROM alerts WHERE fired >= ?", (first,)).fetchone()[0])


def counts(db: Database) -> dict[str, int]:
    """How many alerts are pending, fire, or fire in an incident that somebody acknowledged (``acked``)."""
    return dict(
        db.conn.execute(
            """
            SELECT CASE WHEN phase = 'firing' AND json_extract(standing, '$.acked_at') IS NOT NULL
                THEN 'acked' ELSE phase END AS state, count(*)
            FROM alerts LEFT JOIN incidents ON incidents.id = alerts.incident
            WHERE phase IN ('pending', 'firing') GROUP BY state
            """
        )
    )


def count_firing(db: Database) -> int:
    """How many alerts fire now."""
    return int(db.conn.execute("SELECT count(*) FROM alerts WHERE phase = 'firing'").fetchone()[0])


def of_incidents(db: Database, incidents: Iterable[int]) -> dict[int, list[FiredAlert]]:
    """The alerts of these incidents, the oldest first."""
    alerts: dict[int, list[FiredAlert]] = {number: [] for number in incidents}
    for number in alerts:
        rows = db.conn.execute(
            f"SELECT {_FIRED_COLUMNS} FROM alerts WHERE incident = ? ORDER BY id",
            (number,),
        )
        alerts[number] += [_fired_alert(row) for row in rows]
    return alerts


def unposted(db: Database, resolved: Iterable[int]) -> list[FiredAlert]:
    """The alerts in no incident: of those that fire and of these that ``resolved``, by number, the oldest first."""
    numbers = list(resolved)
    marks = ", ".join("?" * len(numbers))
    rows = db.conn.execute(
        f"""
        SELECT {_FIRED_COLUMNS}, (
            SELECT count(*) FROM alerts AS earlier WHERE earlier.rule = alerts.rule AND earlier.series = alerts.series
            AND earlier.fired > alerts.fired - {WITHIN} AND earlier.fired <= alerts.fired)
        FROM alerts WHERE incident IS NULL AND (phase = 'firing' OR id IN ({marks})) ORDER BY id
        """,
        numbers,
    )
    return [_fired_alert(row, row[_OWN + 6]) for row in rows]
