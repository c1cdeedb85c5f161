"""A disk that fails under SQLite: what the store's thread asks of its connection goes wrong, all else does not."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE")
_connect = sqlite3.connect


class Disk:
    """``mode``: how it fails, "" for not at all; every ``every``-th call that this concerns does."""

    def __init__(self) -> None:
        self.mode = ""
        self.every = 1
        self.struck = 0
        self.calls = 0
        self.only: int | None = None
        """Where given, only the call of this number fails, whatever it is; where ``done``, after it was done."""
        self.done = False
        self._matching = 0

    def fail(self, mode: str, every: int = 1) -> None:
        """Fail so from now on."""
        self.mode, self.every = mode, every

    def mend(self) -> None:
        """Fail no more."""
        self.mode = ""

    def run(self, statement: str, work: Callable[[], Any]) -> Any:
        """Do what is asked, or fail before, or after."""
        word = statement.lstrip().split(None, 1)[0].upper().rstrip(";") if statement.strip() else ""
        if not threading.current_thread().name.startswith("store") or word == "ROLLBACK":
            return work()
        self.calls += 1
        if not self._strikes(word):
            return work()
        self.struck += 1
        if self.done or self.mode == "commit was done":
            work()
        raise _error(self.mode)

    def _strikes(self, word: str) -> bool:
        if self.only is not None:
            return self.calls == self.only
        concerned = {
            "full": word in _WRITES or word == "COMMIT",
            "write fails": word in _WRITES,
            "read fails": word in {"SELECT", "WITH", "PRAGMA"},
            "commit fails": word == "COMMIT",
            "commit was done": word == "COMMIT",
        }
        if not concerned.get(self.mode, False):
            return False
        self._matching += 1
        return self._matching % self.every == 0


def _error(mode: str) -> sqlite3.OperationalError:
    full = mode == "full"
    error = sqlite3.OperationalError("database or disk is full" if full else "disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_IOERR
    return error


@contextmanager
def failing_disk(disk: Disk | None = None) -> Iterator[Disk]:
    """While this is entered, databases are opened on a disk that can be told to fail."""
    disk = disk or Disk()

    class Connection(sqlite3.Connection):
        def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
            return disk.run(statement, lambda: super(Connection, self).execute(statement, *arguments))

        def executemany(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
            return disk.run(statement, lambda: super(Connection, self).executemany(statement, *arguments))

        def commit(self) -> None:
            disk.run("COMMIT", super().commit)

    with patch.object(sqlite3, "connect", lambda *given, **more: _connect(*given, **{"factory": Connection} | more)):
        yield disk
