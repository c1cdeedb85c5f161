"""The table of alerts: those under way, which a restart goes on with, and those that are resolved."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass
from typing import Any

from sqlite_utils import Database

from alertbot.alerts.lifecycle import Alert, AlertKey, Change, Level, Phase, Reason
from alertbot.rules.base import Direction, Rule
from alertbot.rules.episodes import Episode
from alertbot.rules.wording import Outlook
from alertbot.units import SLOT

_COLUMNS = (
    'rule, series, since, slot, value, reference, worst, direction, fired, "window", clear_run, outlook,'
    " fired_on, levels, by_usual, usual, acknowledged"
)
_OWN = 17
"""How many these are."""

_SETS_ASIDE = "(kind IN ('drop', 'day_over_day', 'baseline') OR kind = 'threshold' AND direction = 'fall')"
"""Alerts whose slots are no measure of what is usual; of a rule that is gone the kind is not known, and none is."""


def open_alerts(db: Database) -> dict[AlertKey, Alert]:
    """The alerts under way, pending and firing."""
    rows = db.conn.execute(f"SELECT {_COLUMNS} FROM alerts WHERE phase <> 'resolved'")
    alerts = (_alert(row) for row in rows)
    return {(alert.rule, alert.series): alert for alert in alerts}


def foreign_alerts(db: Database, kinds: Mapping[str, str]) -> frozenset[AlertKey]:
    """The alerts under way of rules that are of another kind now; ``kinds``: the present kind of each rule."""
    rows = db.conn.execute("SELECT rule, series, kind FROM alerts WHERE phase <> 'resolved' AND kind IS NOT NULL")
    return frozenset((rule, series) for rule, series, kind in rows if kinds.get(rule, kind) != kind)


def episodes(db: Database, since: int) -> list[Episode]:
    """The alerts that set aside slots from ``since`` on."""
    # The slot that resolved an alert counts again; one that ended otherwise still fired in its last.
    rows = db.conn.execute(
        "SELECT rule, series, since, CASE WHEN restored IS NOT NULL THEN restored"
        " WHEN phase = 'resolved' AND reason <> ? THEN resolved - ? ELSE slot END,"
        " direction, fired_on, CASE WHEN restored IS NULL THEN accepted END, phase = 'resolved', acknowledged"
        f" FROM alerts WHERE fired IS NOT NULL AND {_SETS_ASIDE} AND coalesce(reason, '') <> ?"
        " AND coalesce(restored, slot) >= ?",
        (Reason.RULE_CHANGED.value, SLOT, Reason.REVISED.value, since),
    )
    return [
        Episode(rule, series, first, last, Direction(direction), fired_on, accepted, bool(handled), bool(ended))
        for rule, series, first, last, direction, fired_on, accepted, ended, handled in rows
    ]


@dataclass(frozen=True)
class Traits:
    """What is stored of a rule beside its alerts."""

    severity: str
    kind: str


def traits_of(rules: Mapping[str, Rule]) -> dict[str, Traits]:
    """What is stored of each rule beside its alerts, by the rule's name."""
    return {name: Traits(rule.severity.value, rule.kind_name) for name, rule in rules.items()}


def write(
    db: Database, alerts: Mapping[AlertKey, Alert], changes: Iterable[Change], traits: Mapping[str, Traits]
) -> list[int]:
    """Make the stored alerts those under way, and close what resolved.

    Returns the number of the alert of each change, in their order. An alert may fire, resolve and fire again within
    one call, after downtime.
    """
    rows = _open_rows(db)
    numbers = []
    for change in changes:
        key = (change.alert.rule, change.alert.series)
        # What a changed rule is now says nothing of what fired before.
        told = {} if change.reason is Reason.RULE_CHANGED else traits
        numbers.append(_put(db, rows.pop(key, _NO_ROW)[0], change.alert, told))
        if change.fired:
            rows[key] = (numbers[-1], None, None, None)
        else:
            _close(db, numbers[-1], change)
    for key, alert in alerts.items():
        number, *stored = rows.pop(key, _NO_ROW)
        known = traits.get(alert.rule)
        # An alert changes only with the slots that are judged of it: in a storm thousands need not be written again.
        if number is None or stored != [alert.slot, *(stored[1:] if known is None else (known.severity, known.kind))]:
            _put(db, number, alert, traits)
    db.conn.executemany("DELETE FROM alerts WHERE id = ?", [(row[0],) for row in rows.values()])
    return numbers


_Row = tuple[int | None, int | None, str | None, str | None]
_NO_ROW: _Row = (None, None, None, None)


def _open_rows(db: Database) -> dict[AlertKey, _Row]:
    """Number, slot, severity and kind of each alert under way."""
    rows = db.conn.execute("SELECT rule, series, id, slot, severity, kind FROM alerts WHERE phase <> 'resolved'")
    return {(rule, series): (number, slot, severity, kind) for rule, series, number, slot, severity, kind in rows}


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
        "outlook": None if alert.outlook is None else json.dumps(asdict(alert.outlook)),
        "fired_on": alert.fired_on,
        "levels": json.dumps([None if each is None else astuple(each) for each in alert.levels]),
        "by_usual": alert.by_usual,
        "usual": alert.usual,
        "bars": 0,
    }
    if known is not None:  # a rule that is gone leaves what was stored of it
        row |= {"severity": known.severity, "kind": known.kind}
    names = ", ".join(f'"{name}"' for name in row)
    values = ", ".join(f":{name}" for name in row)
    changed = ", ".join(f'"{name}" = :{name}' for name in row if name != "id")
    if number is not None:
        db.conn.execute(f"UPDATE alerts SET {changed} WHERE id = :id", row)
        return number
    return int(db.conn.execute(f"INSERT INTO alerts ({names}) VALUES ({values})", row).lastrowid or 0)


def _close(db: Database, number: int, change: Change) -> None:
    db.conn.execute(
        "UPDATE alerts SET phase = 'resolved', resolved = ?, reason = ?, accepted = ? WHERE id = ?",
        (change.alert.slot, change.reason.value, _accepted(change), number),
    )


def name_kinds(db: Database, kinds: Mapping[str, str]) -> None:
    """Note of alerts from before kinds were stored the kind that the rule of their name has now."""
    rows = ((kind, rule) for rule, kind in kinds.items())
    db.conn.executemany("UPDATE alerts SET kind = ? WHERE rule = ? AND kind IS NULL", rows)


def _accepted(change: Change) -> int | None:
    """The first slot of the level that was taken as the new normal."""
    settled = change.alert.settled if change.reason is Reason.NEW_NORMAL else None
    return None if settled is None else settled.since


def restore(db: Database, restored: Iterable[Episode]) -> None:
    """These new normals are over, and their slots set aside again; to be called within a transaction."""
    db.conn.executemany(
        "UPDATE alerts SET restored = ? WHERE rule = ? AND series = ? AND since = ? AND reason = ?",
        ((each.last, each.rule, each.series, each.first, Reason.NEW_NORMAL.value) for each in restored),
    )


def _alert(row: tuple[Any, ...]) -> Alert:
    rule, series, since, slot, value, reference, worst, direction, fired, window, clear_run, outlook = row[:12]
    by_value, by_share = (None if each is None else Level(*each) for each in json.loads(row[13] or "[null, null]"))
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
        outlook=None if outlook is None else Outlook(**json.loads(outlook)),
        fired_on=row[12],
        levels=(by_value, by_share),
        by_usual=bool(row[14]),
        usual=row[15],
        acknowledged=bool(row[16]),
    )


def assign(db: Database, incident: int, numbers: Iterable[int]) -> None:
    """Put these alerts into that incident."""
    db.conn.executemany("UPDATE alerts SET incident = ? WHERE id = ?", ((incident, number) for number in numbers))


def release(db: Database, incident: int) -> None:
    """Take what still fires out of an incident that is closed, so that it may come into another."""
    db.conn.execute("UPDATE alerts SET incident = NULL, noted = 0 WHERE incident = ? AND phase = 'firing'", (incident,))


def mark_acknowledged(db: Database, incident: int) -> None:
    """Note that somebody acknowledged what fires in an incident and in its parts; that outlives the incident."""
    db.conn.execute(
        "UPDATE alerts SET acknowledged = 1 WHERE phase = 'firing' AND (incident = :incident OR incident IN"
        " (SELECT id FROM incidents WHERE json_extract(standing, '$.parent') = :incident))",
        {"incident": incident},
    )


def acknowledged(db: Database) -> list[tuple[AlertKey, int]]:
    """What fires and was acknowledged, each by its key and its first slot."""
    rows = db.conn.execute("SELECT rule, series, since FROM alerts WHERE phase = 'firing' AND acknowledged")
    return [((rule, series), since) for rule, series, since in rows]


def write_noted(db: Database, noted: Mapping[int, int]) -> None:
    """Write how much the incident's message or thread says of these alerts: 1 the firing, 2 the resolution too."""
    db.conn.executemany(
        "UPDATE alerts SET noted = ? WHERE id = ?", ((known, number) for number, known in noted.items())
    )
