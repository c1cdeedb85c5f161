"""Databases of every version there was are brought up to date, with all that stands in them.

``versions/N.sql`` holds the tables as the first N migrations made them, which never change again.
``ALERTBOT_VERSIONS=write`` writes the file of a new one.
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from alertbot.errors import StoreError, StoreUnusable
from alertbot.store import alerts, incidents, outbox, restart, retention, samples, schema, tables
from alertbot.store.checkup import find_fault
from alertbot.store.store import Store
from alertbot.units import DAY, SLOT

VERSIONS = Path(__file__).with_name("versions")
with closing(Database(memory=True)) as _empty:
    NAMES = [migration.name for migration in tables.migrations.pending(_empty)]
NUMBERS = range(1, len(NAMES) + 1)
DAYS = 20_000

# A row of each of the first version's tables; each later version's files are read by it as well.
ROWS = f"""
INSERT INTO series VALUES (1, 'video.example.com', {DAYS * DAY + 3 * SLOT}, {DAYS * DAY}), (2, 'total', NULL, NULL);
INSERT INTO samples VALUES ({DAYS}, 1, zeroblob(2304));
INSERT INTO rules (name, begun) VALUES ('went-dark', {DAYS * DAY});
INSERT INTO lateness (series, slot, seconds) VALUES ('video.example.com', {DAYS * DAY}, 300.0);
INSERT INTO publications VALUES ({DAYS * DAY}, 1.0);
INSERT INTO live VALUES (1, 5.0, '{{}}');
INSERT INTO incidents (id, kind, channel, since, opened) VALUES (7, 'alert', '#cdn', {DAYS * DAY}, 5.0);
INSERT INTO alerts (id, rule, series, phase, severity, direction, since, slot, fired, value, worst, "window", clear_run,
    bars, incident) VALUES (3, 'went-dark', 'video.example.com', 'firing', 'critical', 'fall', {DAYS * DAY},
    {DAYS * DAY + SLOT}, {DAYS * DAY + SLOT}, 0.0, 0.0, '0x3', 0, 1, 7);
INSERT INTO outbox (id, subject, action, channel, body, created)
    VALUES ('one', 'incident:7', 'post', '#cdn', '{{}}', 5.0);
"""


def schema_of(connection):
    """The statements that make its tables and indexes, each as SQLite keeps it, in an order of their names."""
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
    return sorted(re.sub(r"\s+", " ", sql) for (sql,) in rows)


def schema_as_of(number):
    """What the first ``number`` migrations make of a database today."""
    with closing(Database(memory=True)) as database:
        tables.migrations.apply(database, stop_before=NAMES[number] if number < len(NAMES) else None)
        return schema_of(database.conn)


def stored(number):
    return (VERSIONS / f"{number}.sql").read_text(encoding="utf-8")


older = pytest.mark.parametrize("old", NUMBERS[:-1], indirect=True, ids=lambda number: f"version {number}")


@pytest.fixture(params=NUMBERS, ids=lambda number: f"version {number}")
def old(request, tmp_path):
    """The file of a version that was, with a row in each of its first tables."""
    path = tmp_path / "alertbot.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA synchronous = OFF")  # it waits for the disk after every table otherwise
        tables_first = sorted(stored(request.param).splitlines(), key=lambda line: not line.startswith("CREATE TABLE"))
        for statement in tables_first:
            db.execute(statement)
        db.executescript(ROWS)
        done = [("alertbot", name, "2026-01-01") for name in NAMES[: request.param]]
        db.executemany("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, ?, ?)", done)
        db.commit()
    return path


@pytest.mark.parametrize("number", NUMBERS)
def test_what_a_migration_did_never_changes(number):
    statements = schema_as_of(number)
    if os.environ.get("ALERTBOT_VERSIONS") == "write" and not (VERSIONS / f"{number}.sql").exists():
        (VERSIONS / f"{number}.sql").write_text("\n".join(statements) + "\n", encoding="utf-8")

    assert stored(number).splitlines() == statements, "a database of that version exists: write a new migration instead"


def test_an_old_database_becomes_like_a_new_one(old, tmp_path):
    Store(old).close()
    Store(tmp_path / "new.db").close()
    with closing(sqlite3.connect(old)) as one, closing(sqlite3.connect(tmp_path / "new.db")) as other:
        assert schema_of(one) == schema_of(other)
    assert find_fault(old, 10) is None


def test_what_an_old_database_holds_is_taken_up(old):
    store = Store(old)

    assert store.do(samples.cursors) == {"video.example.com": DAYS * DAY + 3 * SLOT}
    assert [alert.fired for alert in store.do(alerts.open_alerts).values()] == [DAYS * DAY + SLOT]
    (incident,) = store.do(incidents.open_incidents)
    assert (incident.number, [told.number for told in incident.alerts]) == (7, [3])
    assert [envelope.subject for envelope in store.do(outbox.waiting)] == ["incident:7"]
    assert store.do(samples.series_between, "video.example.com", DAYS * DAY, DAYS * DAY + DAY - SLOT).sum() == 0
    memory = store.do(restart.memory, 0)
    assert (memory.rules_begun, len(memory.late), len(memory.published)) == ({"went-dark": DAYS * DAY}, 1, 1)
    assert store.do(restart.grid, ("video.example.com",), DAYS * DAY, DAYS * DAY).days == (DAYS,)
    # What is open stays, the clock is ahead of the samples.
    assert store.do(retention.forget, 2 * DAY, DAYS * DAY + 9 * DAY) == 0
    store.close()


def test_a_copy_of_a_database_is_put_beside_it_before_it_is_brought_up_to_date(old):
    was = done(old)
    with closing(sqlite3.connect(old)) as db:
        before = list(db.iterdump())
    Store(old).close()
    Store(old).close()
    copies = sorted(path.name for path in old.parent.glob("*.before-*"))
    if len(was) == len(NAMES):
        assert copies == []
        return
    assert copies == [f"{old.name}.before-{NAMES[len(was)]}"]
    with closing(sqlite3.connect(old.parent / copies[0])) as db:
        assert list(db.iterdump()) == before
    assert (old.parent / copies[0]).stat().st_mode & 0o077 == 0


def test_an_alert_of_an_old_database_sets_its_slots_aside_once_its_kind_is_known(old):
    store = Store(old)
    store.do(alerts.name_kinds, {"went-dark": "drop"})
    (episode,) = store.do(alerts.episodes, 0)
    assert (episode.first, episode.last) == (DAYS * DAY, DAYS * DAY + SLOT)
    store.close()


@pytest.mark.parametrize("standing", ["{}", '{"acked_at": 5.0}'])
def test_that_somebody_acknowledged_an_alert_of_an_old_database_is_known(tmp_path, standing):
    path = tmp_path / "alertbot.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(";".join(sorted(stored(9).splitlines(), key=lambda line: not line.startswith("CREATE TABLE"))))
        db.executescript(ROWS)
        db.execute("UPDATE incidents SET standing = ?", (standing,))
        done = [("alertbot", name, "2026-01-01") for name in NAMES[:9]]
        db.executemany("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, ?, ?)", done)
    store = Store(path)
    (alert,) = store.do(alerts.open_alerts).values()
    assert alert.acknowledged == (standing != "{}")
    store.close()


def test_a_database_brought_up_to_date_twice_stays_as_it_is(old):
    Store(old).close()
    before = old.read_bytes()
    Store(old).close()

    assert old.read_bytes() == before


@older
def test_a_migration_that_is_cut_short_leaves_the_version_before(old, monkeypatch):
    """Each is one transaction, with the word that it was done: a crash in it changes nothing."""
    with closing(sqlite3.connect(old)) as db:
        before = schema_of(db)
    pending = [migration for migration in tables.migrations._migrations if migration.name not in done(old)]

    def torn(db):
        inner(db)
        raise sqlite3.OperationalError("disk I/O error")

    inner = pending[0].fn
    monkeypatch.setattr(pending[0], "fn", torn)
    with pytest.raises(StoreError, match="disk I/O error"):
        Store(old)
    with closing(sqlite3.connect(old)) as db:
        assert schema_of(db) == before


def done(path):
    with closing(sqlite3.connect(path)) as db:
        return {name for (name,) in db.execute("SELECT name FROM _sqlite_migrations")}


@older
def test_a_question_beside_an_old_database_says_what_to_do(old):
    with pytest.raises(StoreError, match="its tables are not up to date: start `alertbot run` once"):
        schema.open_for_reading(old)


@pytest.mark.parametrize("opened", [Store, schema.open_for_reading, schema.open_for_requests])
def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path, opened):
    path = tmp_path / "alertbot.db"
    Store(path).close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE of_the_future (thing)")
        db.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('alertbot', 'next', '')")
    with pytest.raises(StoreUnusable, match=r"written by a newer alertbot \(next\): install that version again"):
        opened(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM of_the_future").fetchone() == (0,)
