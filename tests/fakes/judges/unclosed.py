"""Objects where a database is left open: Python says so from 3.13 on alone, and only when it is found by chance."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

_connect = sqlite3.connect


class Connection(sqlite3.Connection):
    """One that says whether it was closed."""

    closed = False

    def close(self) -> None:
        super().close()
        self.closed = True


@contextmanager
def nothing_unclosed() -> Iterator[None]:
    """Every database that is opened while this is entered is closed by its end: whoever opens it closes it."""
    opened: list[tuple[Connection, str]] = []

    def connect(database: Any, *arguments: Any, **options: Any) -> Connection:
        connection = _connect(database, *arguments, **{"factory": Connection} | options)
        opened.append((connection, str(database)))
        return connection

    with patch("sqlite3.connect", connect):
        yield
    # They are not closed here: a thread that is left may be at work with one, and the whole process would end.
    left = [name for connection, name in opened if not connection.closed]
    assert not left, f"left open: {', '.join(left)}"
