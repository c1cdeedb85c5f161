"""What Alertmanagers were sent, and what there is to send them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlite_utils import Database

from alertbot.incidents.relayed import AlertmanagerAlert, Labels, RelayFacts, RelayPlan
from alertbot.incidents.suppression import Suppressors
from alertbot.store import fired_alerts, incidents
from alertbot.store.suppressors import suppressors

_COLUMNS = "labels, annotations, link, starts, ends, rule, series, incident"


def to_relay(db: Database, now: float) -> tuple[RelayFacts, Suppressors]:
    """What there is to send to Alertmanagers, and what may suppress any of it."""
    return _facts(db), suppressors(db, now)


def _facts(db: Database) -> RelayFacts:
    firing = fired_alerts.firing(db)
    opened = incidents.open_incidents(db)
    sent = [_alert(row) for row in db.conn.execute(f"SELECT {_COLUMNS} FROM relayed")]
    unresolved = [each for each in sent if each.ends is None]
    keys = {each.key for each in unresolved if each.key is not None} - {each.key for each in firing}
    ended = {key: fired for key in keys if (fired := fired_alerts.last_fired(db, *key)) is not None}
    numbers = {each.incident for each in unresolved if each.incident is not None}
    closed = {number: one for number in numbers if (one := incidents.load(db, number)) is not None}
    return RelayFacts(firing, opened, sent, ended, closed)


def write(db: Database, plan: RelayPlan) -> None:
    """Store what is sent from now on; to be called before it is."""
    _forget(db, [*plan.to_forget, *(each.labels for each in plan.to_store)])
    db.conn.executemany(
        f"INSERT INTO relayed ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (_row(each) for each in plan.to_store),
    )


def _forget(db: Database, labels: Iterable[Labels]) -> None:
    db.conn.executemany("DELETE FROM relayed WHERE labels = ?", ((_text(each),) for each in labels))


def _text(labels: Labels) -> str:
    return json.dumps(dict(labels), ensure_ascii=False)


def _row(each: AlertmanagerAlert) -> tuple[Any, ...]:
    rule, series = each.key or (None, None)
    annotations = json.dumps(dict(each.annotations), ensure_ascii=False)
    return _text(each.labels), annotations, each.link, each.starts, each.ends, rule, series, each.incident


def _alert(row: tuple[Any, ...]) -> AlertmanagerAlert:
    labels, annotations, link, starts, ends, rule, series, incident = row
    key = None if rule is None else (rule, series)
    names = tuple(json.loads(labels).items())
    return AlertmanagerAlert(names, json.loads(annotations), link, starts, ends, key, incident)
