"""The table of alerts: those under way, which a restart goes on with, and those that are resolved."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass
from typing import Any

from sqlite_utils import Database

from alertbot.alerts.lifecycle import Alert, AlertKey, Change, Level, Phase, Reason
from alertbot.incidents.flapping import WITHIN, Flap
from alertbot.incidents.incident import FiredAlert
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
        numbers.append(_put(db, rows.pop(key, _NO_ROW)[0], change.alert, traits))
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


def flapping(db: Database) -> dict[AlertKey, Flap]:
    """What flaps: since which slot, and the slot of its last change."""
    rows = db.conn.execute(
        "SELECT rule, series, since, (SELECT max(coalesce(resolved, fired)) FROM alerts"
        " WHERE alerts.rule = flapping.rule AND alerts.series = flapping.series AND fired IS NOT NULL) FROM flapping"
    )
    return {(rule, series): Flap(since, since if last is None else last) for rule, series, since, last in rows}


def write_flapping(db: Database, begun: Iterable[AlertKey], steadied: Iterable[AlertKey]) -> None:
    """Write what begins to flap, and delete what no longer does."""
    db.conn.executemany("DELETE FROM flapping WHERE rule = ? AND series = ?", steadied)
    db.conn.executemany(
        "INSERT OR IGNORE INTO flapping (rule, series, since) SELECT rule, series, min(fired) FROM alerts"
        " WHERE rule = :rule AND series = :series AND fired >"
        " (SELECT max(fired) FROM alerts WHERE rule = :rule AND series = :series) - :within GROUP BY rule, series",
        ({"rule": rule, "series": series, "within": WITHIN} for rule, series in begun),
    )


def rules_begun(db: Database) -> dict[str, int]:
    """The frontier when each rule was first at work."""
    return dict(db.conn.execute("SELECT name, begun FROM rules"))


def rules_meant_since(db: Database) -> dict[str, int]:
    """The last slot that was judged by what each rule meant before an upgrade, of those that there were then."""
    return dict(db.conn.execute("SELECT name, meant_since FROM rules WHERE meant_since IS NOT NULL"))


def write_rules_begun(db: Database, begun: Mapping[str, int]) -> None:
    """Write the frontier when a rule was first at work, unless it is known from before."""
    db.conn.executemany("INSERT INTO rules (name, begun) VALUES (?, ?) ON CONFLICT DO NOTHING", begun.items())
