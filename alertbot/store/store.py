"""The database and its one writer: each piece of work is a transaction of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlite_utils import Database

from alertbot.errors import StoreError
from alertbot.store import schema
from alertbot.store.files import OpenFiles

P = ParamSpec("P")
T = TypeVar("T")


class Store:
    """The open database, made where there is none. It must not be used by two threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = schema.open_database(path)
        self._files = OpenFiles(path)

    def do(self, work: Callable[Concatenate[Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``work(database, ...)`` in one transaction: all of it, or an exception and nothing.

        Where SQLite fails that is a ``StoreError``, or a ``StoreUnusable`` where the file is damaged.
        """
        try:
            if self._db.conn.in_transaction:
                self._db.conn.rollback()  # something failed amid it: whatever joined it would never be stored
            with self._db.atomic():
                return work(self._db, *args, **kwargs)
        except sqlite3.Error as error:
            if schema.is_damage(error):
                raise schema.damaged(self._path, error) from error
            raise StoreError(f"{self._path}: {error}") from error

    def loss(self) -> str | None:
        """What became of its files, in words; ``None`` while they lie where they were opened."""
        try:
            return self._files.loss()
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}") from error

    def abandon(self) -> None:
        """Close a database whose files are lost, and leave what lies in their place as it is."""
        with suppress(OSError, sqlite3.Error):
            self._files.discard_log()
            self._db.close()

    def close(self) -> None:
        """Close the database; the journal is folded back into the file."""
        self._db.close()
