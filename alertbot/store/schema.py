"""Opening the SQLite database: its settings, its tables, and the lock that keeps a second service away."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from alertbot.errors import StoreError, StoreTaken, StoreUnusable

migrations = Migrations("alertbot")

PAGE_SIZE = 16_384
"""Seven days' arrays of 2,304 bytes fit a page; SQLite's 4,096 would hold one and waste the rest."""

LOCK_WAIT_MS = 5_000


@migrations()
def the_first_tables(db: Database) -> None:
    """Series with their cursors, samples, alerts, outbox."""
    for statement in _FIRST_TABLES:
        db.conn.execute(statement)


_FIRST_TABLES = (
    # cursor: the last slot judged; NULL before the first. begun: the frontier when the series was first judged.
    "CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, cursor INTEGER, begun INTEGER) STRICT",
    # begun: the frontier when a rule of this name was first at work.
    "CREATE TABLE rules (name TEXT PRIMARY KEY, begun INTEGER NOT NULL) STRICT",
    # seconds: how long after the frontier reached it the slot of the series was complete.
    """
    CREATE TABLE lateness (
        series TEXT NOT NULL, slot INTEGER NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (series, slot)
    ) STRICT
    """,
    # shown: when the total first showed traffic in the slot, epoch seconds by the API's clock.
    "CREATE TABLE publications (slot INTEGER PRIMARY KEY, shown REAL NOT NULL) STRICT",
    # What the running service knows, for the shell's commands: JSON.
    "CREATE TABLE live (one INTEGER PRIMARY KEY CHECK (one = 1), written REAL NOT NULL, facts TEXT NOT NULL) STRICT",
    # since: the slot the trouble began with; opened, closed: epoch seconds. facts: JSON, by kind.
    """
    CREATE TABLE incidents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        channel TEXT NOT NULL,
        since INTEGER NOT NULL,
        opened REAL NOT NULL,
        closed REAL,
        facts TEXT NOT NULL DEFAULT '{}'
    ) STRICT
    """,
    "CREATE INDEX incidents_open ON incidents (id) WHERE closed IS NULL",
    # slots: 288 little-endian float64 of one UTC day (days since the epoch): bit/s, 0 a true zero, NaN unknown.
    """
    CREATE TABLE samples (
        day INTEGER NOT NULL,
        series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
        slots BLOB NOT NULL CHECK (length(slots) = 2304),
        UNIQUE (day, series)
    ) STRICT
    """,
    # since, slot, fired, resolved: slots. bars: whether its slots may serve as a reference again.
    """
    CREATE TABLE alerts (
        id INTEGER PRIMARY KEY,
        rule TEXT NOT NULL,
        series TEXT NOT NULL,
        phase TEXT NOT NULL CHECK (phase IN ('pending', 'firing', 'resolved')),
        severity TEXT NOT NULL,
        direction TEXT NOT NULL,
        since INTEGER NOT NULL,
        slot INTEGER NOT NULL,
        fired INTEGER,
        resolved INTEGER,
        reason TEXT,
        value REAL NOT NULL,
        reference REAL,
        worst REAL NOT NULL,
        "window" TEXT NOT NULL,
        clear_run INTEGER NOT NULL,
        bars INTEGER NOT NULL,
        incident INTEGER REFERENCES incidents (id)
    ) STRICT
    """,
    "CREATE UNIQUE INDEX alerts_open ON alerts (rule, series) WHERE phase <> 'resolved'",
    "CREATE INDEX alerts_fired ON alerts (fired)",
    "CREATE INDEX alerts_incident ON alerts (incident) WHERE incident IS NOT NULL",
    # number: the order of writing. subject: what the message is about; its first post is what later edits change.
    # attempted: epoch seconds of the last try. plain: Slack refused the blocks, so only the text goes out.
    # twin: the row of which this is a copy for the fallback channel.
    """
    CREATE TABLE outbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        subject TEXT NOT NULL,
        action TEXT NOT NULL CHECK (action IN ('post', 'update', 'reply')),
        channel TEXT NOT NULL,
        body TEXT NOT NULL,
        broadcast INTEGER NOT NULL DEFAULT 0,
        state TEXT NOT NULL DEFAULT 'queued'
            CHECK (state IN ('queued', 'sending', 'sent', 'unknown', 'parked', 'dropped')),
        plain INTEGER NOT NULL DEFAULT 0,
        created REAL NOT NULL,
        attempted REAL,
        sent REAL,
        error TEXT,
        channel_id TEXT,
        ts TEXT,
        twin INTEGER REFERENCES outbox (number)
    ) STRICT
    """,
    "CREATE INDEX outbox_waiting ON outbox (state, number) WHERE state IN ('queued', 'sending', 'unknown', 'parked')",
    "CREATE INDEX outbox_subject ON outbox (subject, number)",
)


@migrations()
def what_people_do_about_incidents(db: Database) -> None:
    """Where an incident stands with its readers; silences; alerts that flap; what the shell asks of the service."""
    for statement in _PEOPLE:
        db.conn.execute(statement)


_PEOPLE = (
    # standing: JSON, what its readers know of the incident (Progress), and who acknowledged it.
    "ALTER TABLE incidents ADD COLUMN standing TEXT NOT NULL DEFAULT '{}'",
    # noted: 1 once its firing stands in the incident's message or thread, 2 once its end does.
    "ALTER TABLE alerts ADD COLUMN noted INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX alerts_untold ON alerts (id) WHERE incident IS NULL AND phase = 'firing'",
    "CREATE INDEX alerts_history ON alerts (rule, series, fired)",
    # target: as it was typed; pairs: JSON, the rule and series of each alert where the target was an incident.
    # begins, ends, created, cancelled: epoch seconds. reminded: whether its end was announced.
    """
    CREATE TABLE silences (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        target TEXT NOT NULL,
        pairs TEXT,
        begins REAL NOT NULL,
        ends REAL NOT NULL,
        author_id TEXT,
        author TEXT NOT NULL,
        reason TEXT NOT NULL,
        channel TEXT NOT NULL,
        created REAL NOT NULL,
        cancelled REAL,
        cancelled_by TEXT,
        reminded INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    "CREATE INDEX silences_ends ON silences (ends)",
    # since: the slot of the first of the firings that made it flap.
    """
    CREATE TABLE flapping (
        rule TEXT NOT NULL, series TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (rule, series)
    ) STRICT
    """,
    # What the shell's commands ask of the running service. words: JSON, the command's words. done: epoch seconds.
    """
    CREATE TABLE requests (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        author TEXT NOT NULL,
        words TEXT NOT NULL,
        created REAL NOT NULL,
        done REAL,
        refused INTEGER,
        answer TEXT
    ) STRICT
    """,
    "CREATE INDEX requests_waiting ON requests (id) WHERE done IS NULL",
)


@migrations()
def which_messages_were_charted(db: Database) -> None:
    """The one attempt at a chart that each incident and each digest gets."""
    for statement in _CHARTS:
        db.conn.execute(statement)


_CHARTS = (
    # subject: that of the message in the outbox. tried: when, epoch seconds; the row is there before the chart is.
    "CREATE TABLE charts (subject TEXT PRIMARY KEY, tried REAL NOT NULL) STRICT",
    "CREATE INDEX incidents_closed ON incidents (closed)",
)


@migrations()
def what_alertmanagers_were_told(db: Database) -> None:
    """The alerts that Alertmanagers take to be firing because we said so, and those whose end they are still sent."""
    db.conn.execute(_RELAYED)


# labels, annotations: JSON. starts, ends: epoch seconds. rule and series, or incident: what it is made of.
_RELAYED = """
    CREATE TABLE relayed (
        labels TEXT PRIMARY KEY,
        annotations TEXT NOT NULL,
        link TEXT,
        starts REAL NOT NULL,
        ends REAL,
        rule TEXT,
        series TEXT,
        incident INTEGER
    ) STRICT
"""


@migrations()
def what_lets_old_messages_go(db: Database) -> None:
    """Finding the copies of a refused message, without which neither may be deleted."""
    db.conn.execute("CREATE INDEX outbox_twin ON outbox (twin) WHERE twin IS NOT NULL")


@migrations()
def what_a_percentile_comes_to(db: Database) -> None:
    """The figures of an alert on a month's percentile: JSON, as they stood with its last slot."""
    db.conn.execute("ALTER TABLE alerts ADD COLUMN outlook TEXT")


@migrations()
def who_changed_what(db: Database) -> None:
    """What people changed, from where and in which words, and what was refused to them."""
    for statement in _CHANGES:
        db.conn.execute(statement)


_CHANGES = (
    # at: epoch seconds. who_id: a Slack user's. words: as typed. before, after: what stood there, in words.
    """
    CREATE TABLE changes (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        who TEXT NOT NULL,
        who_id TEXT,
        place TEXT NOT NULL,
        kind TEXT NOT NULL,
        words TEXT NOT NULL,
        "before" TEXT,
        "after" TEXT
    ) STRICT
    """,
    "CREATE INDEX changes_at ON changes (at)",
)


@migrations()
def what_alerts_set_aside(db: Database) -> None:
    """What is no measure of what is usual: kind and reference of each alert, and what became of a new normal."""
    for statement in _MEMORY:
        db.conn.execute(statement)


_MEMORY = (
    # kind: that of the rule; fired_on: the reference it fired against, bit/s. levels: JSON, how long it has been at
    # one level. accepted: the first slot of a level taken as the new normal; restored: the last slot set aside again.
    "ALTER TABLE alerts ADD COLUMN kind TEXT",
    "ALTER TABLE alerts ADD COLUMN fired_on REAL",
    "ALTER TABLE alerts ADD COLUMN levels TEXT",
    "ALTER TABLE alerts ADD COLUMN accepted INTEGER",
    "ALTER TABLE alerts ADD COLUMN restored INTEGER",
    # What was taken as the new normal before anybody remembered where it began counts from its beginning.
    "UPDATE alerts SET accepted = since WHERE reason = 'new normal'",
)


@migrations()
def what_is_usual_beside_alerts(db: Database) -> None:
    """What an alert was compared with, and what was usual when it was over: its sentences say so."""
    for statement in _USUAL:
        db.conn.execute(statement)


_USUAL = (
    # by_usual: whether the reference is what is usual, not what was carried just before; usual: bit/s when it was over.
    "ALTER TABLE alerts ADD COLUMN by_usual INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE alerts ADD COLUMN usual REAL",
)


@migrations()
def who_took_care_of_an_alert(db: Database) -> None:
    """Whether somebody acknowledged an alert while it fired: so it stays when its incident is reopened."""
    db.conn.execute("ALTER TABLE alerts ADD COLUMN acknowledged INTEGER NOT NULL DEFAULT 0")
    db.conn.execute(
        "UPDATE alerts SET acknowledged = 1 WHERE incident IN"
        " (SELECT id FROM incidents WHERE json_extract(standing, '$.acked_at') IS NOT NULL)"
    )


@migrations()
def what_silence_alerts_taught(db: Database) -> None:
    """Which series are silent as usual since alerts taught that, and which are to be posted all the same."""
    db.conn.execute(_LEARNED_SILENCES)


# announced: the slot in which it was posted that this is usual now; seen: in which it last was. kept_by, kept_at: who
# wants it posted all the same, and since when, epoch seconds.
_LEARNED_SILENCES = """
    CREATE TABLE learned_silences (
        series TEXT PRIMARY KEY,
        announced INTEGER,
        seen INTEGER,
        kept_by TEXT,
        kept_at REAL
    ) STRICT
"""


@migrations()
def since_when_rules_mean_what_they_do(db: Database) -> None:
    """The last slot that was judged by what a rule meant before an upgrade; NULL for rules that came later."""
    db.conn.execute("ALTER TABLE rules ADD COLUMN meant_since INTEGER")
    db.conn.execute("UPDATE rules SET meant_since = (SELECT max(cursor) FROM series)")


@migrations()
def when_late_slots_showed_less(db: Database) -> None:
    """How long after the frontier reached it a slot still showed less than all of it: ``seconds`` is at most that."""
    db.conn.execute("ALTER TABLE lateness ADD COLUMN less REAL NOT NULL DEFAULT 0")


def open_database(path: Path) -> Database:
    """The database for its one writer, made or brought up to date; ``StoreError`` says why it cannot be had."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The file is made with its mode: it tells which domains an account has, so it is its owner's alone.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        database = _connect(f"{path.resolve().as_uri()}?mode=rw")
        with _closed_on_failure(database):
            database.conn.execute(f"PRAGMA page_size = {PAGE_SIZE}")
            database.conn.execute("PRAGMA journal_mode = WAL")
            database.conn.execute("PRAGMA synchronous = FULL")
            _refuse_newer(database, path)
            _copy_before_migration(database, path)
            migrations.apply(database)
    except (OSError, sqlite3.Error) as error:
        if is_damage(error):
            raise damaged(path, error) from error
        raise StoreError(f"{path}: {error}: {_mend(error)}") from error
    return database


def _copy_before_migration(database: Database, path: Path) -> None:
    """Put a copy beside a database that is about to be brought up to date, named after the first step."""
    pending = migrations.pending(database)
    if not pending or not migrations.applied(database):
        return  # up to date, or new
    target = path.with_name(f"{path.name}.before-{pending[0].name}")
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_RDWR | os.O_CREAT, 0o600))
    with closing(sqlite3.connect(part)) as copy:
        database.conn.backup(copy)
    part.replace(target)


def is_damage(error: Exception) -> bool:
    """Whether the file itself is not what it should be."""
    return _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def damaged(path: Path, error: Exception) -> StoreUnusable:
    """What that means, and how to mend it."""
    return StoreUnusable(f"{path}: {error}: put a backup in its place, or move it away to begin with a new one")


def _mend(error: Exception) -> str:
    if _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return "another program holds it: end that first"
    return "check the file, its folder's permissions and the space left"


def _code(error: Exception) -> int:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF  # the rest of it says more of the same


def open_for_reading(path: Path) -> Database:
    """The database for questions, beside a running service; ``StoreError`` where there is none yet."""
    return _open_beside(path, "PRAGMA query_only = ON")


@contextmanager
def reading(path: Path) -> Iterator[Database]:
    """The database for a question, closed once it is answered; ``StoreError`` whatever SQLite finds wrong."""
    with closing(open_for_reading(path)) as database:
        try:
            yield database
        except sqlite3.Error as error:
            raise StoreError(f"{path}: {error}") from error


def open_for_requests(path: Path) -> Database:
    """The database for a short transaction beside a running service; ``StoreError`` where there is none yet."""
    return _open_beside(path)


def _open_beside(path: Path, *settings: str) -> Database:
    try:
        if not path.exists():
            what = "there is no database yet: start `alertbot run` first, or name another [store] path"
            raise StoreError(f"{path}: {what}")
        database = _connect(f"{path.resolve().as_uri()}?mode=rw")
        with _closed_on_failure(database):
            for setting in settings:
                database.conn.execute(setting)
            if migrations.pending(database):
                raise StoreError(f"{path}: its tables are not up to date: start `alertbot run` once")
            _refuse_newer(database, path)
    except sqlite3.Error as error:
        if is_damage(error):
            raise damaged(path, error) from error
        raise StoreError(f"{path}: {error}") from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}: run this as the service's user, or with sudo") from error
    return database


def _connect(uri: str) -> Database:
    # One thread at a time uses a connection; the service gives its writer a thread of its own.
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_MS}")
    connection.execute("PRAGMA foreign_keys = ON")
    return Database(connection, execute_plugins=False)


@contextmanager
def _closed_on_failure(database: Database) -> Iterator[None]:
    try:
        yield
    except BaseException:
        database.close()
        raise


def _refuse_newer(database: Database, path: Path) -> None:
    with closing(Database(memory=True)) as empty:
        known = {migration.name for migration in migrations.pending(empty)}
    newer = [migration.name for migration in migrations.applied(database) if migration.name not in known]
    if newer:
        raise StoreUnusable(f"{path}: written by a newer alertbot ({', '.join(newer)}): install that version again")


def lock_path(path: Path) -> Path:
    """The file whose lock says that a service runs on the database ``path``, by whatever name it is called."""
    path = path.resolve()
    return path.with_name(path.name + ".lock")


class Lock:
    """Held by the one service that writes a database, beside it, so that SQLite's own locks are left alone."""

    def __init__(self, path: Path) -> None:
        self._path = lock_path(path)
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Take the lock, unless we have it; ``StoreTaken`` where another process has it.

        Where its file was deleted meanwhile, it is made and taken again.
        """
        try:
            if self._file is not None and self._is_there(self._file):
                return
            self.release()
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="ascii")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            raise StoreTaken(f"{self._path}: another alertbot runs on this database: stop it first") from error
        except OSError as error:
            self.release()
            raise StoreError(f"{self._path}: {error.strerror}: the service must be able to write there") from error

    def _is_there(self, file: IO[str]) -> bool:
        """Whether the file that we hold is the one that others find."""
        try:
            return os.path.samestat(os.fstat(file.fileno()), self._path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let the lock go; harmless where we do not have it."""
        if self._file is not None:
            self._file.close()
            self._file = None
