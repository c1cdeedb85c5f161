"""What Alertmanagers were told, and what there is to tell them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlite_utils import Database

from alertbot.incidents.relayed import Bulletin, Facts, Labels, Relayed
from alertbot.incidents.suppression import Suppressors
from alertbot.store import alerts, incidents
from alertbot.store.suppressors import suppressors

_COLUMNS = "labels, annotations, link, starts, ends, rule, series, incident"


def to_relay(db: Database, now: float) -> tuple[Facts, Suppressors]:
    """What there is to tell Alertmanagers, and what may suppress any of it."""
    return _facts(db), suppressors(db, now)


def _facts(db: Database) -> Facts:
    """All that fires, the incidents that are open, what was relayed, and how of that ended what ended."""
    firing = alerts.firing(db)
    opened = incidents.open_incidents(db)
    known = [_relayed(row) for row in db.conn.execute(f"SELECT {_COLUMNS} FROM relayed")]  # noqa: S608 - own constant
    burns = {told.key for told in firing}
    lasting = [each for each in known if each.ends is None]
    keys = {each.key for each in lasting if each.key is not None} - burns
    ended = {key: told for key in keys if (told := alerts.last_told(db, *key)) is not None}
    numbers = {each.incident for each in lasting if each.incident is not None}
    closed = {number: one for number in numbers if (one := incidents.load(db, number)) is not None}
    return Facts(firing, opened, known, ended, closed)


def write(db: Database, bulletin: Bulletin) -> None:
    """Keep what is told from now on; to be called before it is."""
    _forget(db, [*bulletin.forgotten, *(each.labels for each in bulletin.written)])
    db.conn.executemany(
        f"INSERT INTO relayed ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - own constant
        (_row(each) for each in bulletin.written),
    )


def _forget(db: Database, labels: Iterable[Labels]) -> None:
    db.conn.executemany("DELETE FROM relayed WHERE labels = ?", ((_text(each),) for each in labels))


def _text(labels: Labels) -> str:
    return json.dumps(dict(labels), ensure_ascii=False)


def _row(each: Relayed) -> tuple[Any, ...]:
    rule, series = each.key or (None, None)
    annotations = json.dumps(dict(each.annotations), ensure_ascii=False)
    return _text(each.labels), annotations, each.link, each.starts, each.ends, rule, series, each.incident


def _relayed(row: tuple[Any, ...]) -> Relayed:
    labels, annotations, link, starts, ends, rule, series, incident = row
    key = None if rule is None else (rule, series)
    return Relayed(tuple(json.loads(labels).items()), json.loads(annotations), link, starts, ends, key, incident)
