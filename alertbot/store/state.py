"""Alerts at rest: those under way, which a restart takes up again, and those that were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from alertbot.alerts.engine import AlertKey
from alertbot.alerts.incidents import ToldAlert
from alertbot.alerts.lifecycle import Alert, Change, Phase, Reason
from alertbot.rules.base import Direction
from alertbot.units import SLOT

_COLUMNS = 'rule, series, since, slot, value, reference, worst, direction, fired, "window", clear_run'


def open_alerts(db: Database) -> dict[AlertKey, Alert]:
    """The alerts under way, pending and firing."""
    rows = db.conn.execute(f"SELECT {_COLUMNS} FROM alerts WHERE phase <> 'resolved'")  # noqa: S608 - own constant
    alerts = (_alert(row) for row in rows)
    return {(alert.rule, alert.series): alert for alert in alerts}


def barred(db: Database, since: int) -> list[tuple[str, int, int]]:
    """(series, first, last) of the slots from ``since`` on that may not serve as a reference."""
    # The slot that resolved an alert serves again; one that ended otherwise still fired in its last.
    rows = db.conn.execute(
        "SELECT series, since, CASE WHEN phase = 'resolved' AND reason NOT IN (?, ?) THEN resolved - ? ELSE slot END"
        " FROM alerts WHERE bars AND fired IS NOT NULL AND slot >= ?",
        (Reason.RULE_CHANGED.value, Reason.REVISED.value, SLOT, since),
    )
    return rows.fetchall()


@dataclass(frozen=True)
class Traits:
    """What is stored of a rule beside its alerts."""

    severity: str
    bars: bool


def write(
    db: Database, alerts: Mapping[AlertKey, Alert], changes: Iterable[Change], traits: Mapping[str, Traits]
) -> list[int]:
    """Make the stored alerts those under way, and close what resolved; to be called within a transaction.

    Returns the number of the alert of each change, in their order. An alert may fire, resolve and fire again within
    one call, after downtime.
    """
    rows = _open_rows(db)
    numbers = []
    for change in changes:
        key = (change.alert.rule, change.alert.series)
        numbers.append(_put(db, rows.pop(key, None), change.alert, traits))
        if change.fired:
            rows[key] = numbers[-1]
        else:
            _close(db, numbers[-1], change)
    for key, alert in alerts.items():
        _put(db, rows.pop(key, None), alert, traits)
    db.conn.executemany("DELETE FROM alerts WHERE id = ?", [(number,) for number in rows.values()])
    return numbers


def _open_rows(db: Database) -> dict[AlertKey, int]:
    rows = db.conn.execute("SELECT rule, series, id FROM alerts WHERE phase <> 'resolved'")
    return {(rule, series): number for rule, series, number in rows}


def _put(db: Database, number: int | None, alert: Alert, traits: Mapping[str, Traits]) -> int:
    known = traits.get(alert.rule)
    row = {
        "id": number,
        "rule": alert.rule,
        "series": alert.series,
        "phase": alert.phase.value,
        "since": alert.since,
        "slot": alert.slot,
        "fired": alert.fired,
        "value": alert.value,
        "reference": alert.reference,
        "worst": alert.worst,
        "direction": alert.direction.value,
        "window": hex(alert.window),
        "clear_run": alert.clear_run,
    }
    if known is not None:  # a rule that is gone leaves what was stored of it
        row |= {"severity": known.severity, "bars": known.bars}
    names = ", ".join(f'"{name}"' for name in row)
    values = ", ".join(f":{name}" for name in row)
    changed = ", ".join(f'"{name}" = :{name}' for name in row if name != "id")
    if number is not None:
        db.conn.execute(f"UPDATE alerts SET {changed} WHERE id = :id", row)  # noqa: S608 - own column names
        return number
    return int(db.conn.execute(f"INSERT INTO alerts ({names}) VALUES ({values})", row).lastrowid or 0)  # noqa: S608


def _close(db: Database, number: int, change: Change) -> None:
    db.conn.execute(
        "UPDATE alerts SET phase = 'resolved', resolved = ?, reason = ? WHERE id = ?",
        (change.alert.slot, change.reason.value, number),
    )


def _alert(row: tuple[Any, ...]) -> Alert:
    rule, series, since, slot, value, reference, worst, direction, fired, window, clear_run = row
    return Alert(
        rule=rule,
        series=series,
        phase=Phase.PENDING if fired is None else Phase.FIRING,  # a resolved one as it last stood
        since=since,
        slot=slot,
        value=value,
        reference=reference,
        worst=worst,
        direction=Direction(direction),
        fired=fired,
        window=int(window, 16),
        clear_run=clear_run,
    )


_TOLD = "fired IS NOT NULL AND (phase = 'firing' OR resolved >= ?)"


def told_alerts(db: Database, since: int, most: int) -> list[ToldAlert]:
    """The alerts that fire now or resolved since the slot ``since``, newest first, ``most`` of them at most."""
    rows = db.conn.execute(
        f"SELECT {_COLUMNS}, id, severity, resolved, reason FROM alerts WHERE {_TOLD}"  # noqa: S608 - own constants
        " ORDER BY phase = 'resolved', fired DESC, id DESC LIMIT ?",
        (since, most),
    )
    return [ToldAlert(row[11], _alert(row[:11]), *row[12:]) for row in rows]


def count_told(db: Database, since: int) -> int:
    """How many alerts ``told_alerts`` would list without a limit."""
    return int(db.conn.execute(f"SELECT count(*) FROM alerts WHERE {_TOLD}", (since,)).fetchone()[0])  # noqa: S608


def count_firing(db: Database) -> int:
    """How many alerts fire now."""
    return int(db.conn.execute("SELECT count(*) FROM alerts WHERE phase = 'firing'").fetchone()[0])


def told_in(db: Database, incident: int) -> list[ToldAlert]:
    """The alerts of an incident, the oldest first."""
    rows = db.conn.execute(
        f"SELECT {_COLUMNS}, id, severity, resolved, reason FROM alerts WHERE incident = ? ORDER BY id",  # noqa: S608
        (incident,),
    )
    return [ToldAlert(row[11], _alert(row[:11]), *row[12:]) for row in rows]


def rules_begun(db: Database) -> dict[str, int]:
    """The frontier when each rule was first at work."""
    return dict(db.conn.execute("SELECT name, begun FROM rules"))


def write_rules_begun(db: Database, begun: Mapping[str, int]) -> None:
    """Keep it, where it is not kept yet; to be called within a transaction."""
    db.conn.executemany("INSERT INTO rules (name, begun) VALUES (?, ?) ON CONFLICT DO NOTHING", begun.items())
