"""Which alerts flap, and since when."""

from __future__ import annotations

from collections.abc import Iterable

from sqlite_utils import Database

from alertbot.alerts.lifecycle import AlertKey
from alertbot.incidents.flapping import WITHIN, Flap


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
