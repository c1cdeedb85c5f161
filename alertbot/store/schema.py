"""Opening the SQLite database: its settings, and the lock that keeps a second service away."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from sqlite_utils import Database

from alertbot.errors import StoreError, StoreTaken, StoreUnusable
from alertbot.store.tables import migrations

PAGE_SIZE = 16_384
"""Seven days' arrays of 2,304 bytes fit a page; SQLite's 4,096 would hold one and waste the rest."""

LOCK_WAIT_MS = 5_000
AS_THE_SERVICE = "run this as the service's user, or with sudo"


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
    except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
        if is_damage(error):
            raise damaged(path, error) from error
        what = error.strerror if isinstance(error, OSError) else error
        raise StoreError(f"{path}: {what}: {_mend(error)}") from error
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
    """Whether the file itself is not what it should be, SQLite's words for that, which quote it, being no text."""
    return isinstance(error, UnicodeDecodeError) or _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def damaged(path: Path, error: Exception) -> StoreUnusable:
    """What that means, and how to mend it."""
    what = "it is damaged" if isinstance(error, UnicodeDecodeError) else error
    return StoreUnusable(f"{path}: {what}: put a backup in its place, or move it away to begin with a new one")


def is_denied(error: Exception) -> bool:
    """Whether this process may not do with the file what even reading beside a writer takes."""
    return _code(error) in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}


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
            raise _failed(path, error) from error


def _failed(path: Path, error: Exception) -> StoreError:
    """What went wrong beside the service, and how to mend it."""
    if is_damage(error):
        return damaged(path, error)
    return StoreError(f"{path}: {error}: {AS_THE_SERVICE if is_denied(error) else _mend(error)}")


def open_for_requests(path: Path) -> Database:
    """The database for a short transaction beside a running service; ``StoreError`` where there is none yet."""
    return _open_beside(path)


def _open_beside(path: Path, *settings: str) -> Database:
    try:
        if not path.exists():
            what = "there is no database yet: start `alertbot run` first, or name another [store] path"
            raise StoreError(f"{path}: {what}")
        if path.is_dir():
            raise StoreError(f"{path}: is a folder: name a file as [store] path")
        database = _connect(f"{path.resolve().as_uri()}?mode=rw")
        with _closed_on_failure(database):
            for setting in settings:
                database.conn.execute(setting)
            if migrations.pending(database):
                raise StoreError(f"{path}: its tables are not up to date: start `alertbot run` once")
            _refuse_newer(database, path)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _failed(path, error) from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}: {AS_THE_SERVICE}") from error
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
