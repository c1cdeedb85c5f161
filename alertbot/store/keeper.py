"""The store's one thread: whoever writes hands its work in here, so that SQLite never holds up the event loop.

Before each piece of work it is seen that the database is still there. One that was deleted, emptied or replaced is not
opened again: what is in memory does not fit to what lies there now, so that only a new start can go on with that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlite_utils import Database

from alertbot.errors import StoreLost
from alertbot.store.schema import Lock
from alertbot.store.store import Store

P = ParamSpec("P")
T = TypeVar("T")


class Storekeeper:
    """Owns the store and its thread; whatever is handed in is done in that order. ``StoreError`` where SQLite fails.

    ``StoreLost``, from then on, where the database is not there any more.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._path: Path | None = None
        self._lock: Lock | None = None
        self._store: Store | None = None
        self._loss: str | None = None

    async def open(self, path: Path, lock: Lock | None = None) -> None:
        """Open or make the database once its lock is taken; where that fails, whatever is done next tries again."""
        self._path, self._lock = path, lock
        await self._run(self._opened)

    async def do(self, work: Callable[Concatenate[Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``work(database, ...)`` in one transaction of the store's thread."""
        return await self._run(lambda: self._opened().do(work, *args, **kwargs))

    async def close(self) -> None:
        """Finish what was handed in, and close the database."""
        await self._run(self._closed)
        self._thread.shutdown()

    def _closed(self) -> None:
        """Close it in its own thread, where it may still be being opened."""
        if self._store is not None:
            self._store.close()

    def _opened(self) -> Store:
        if self._path is None:
            raise RuntimeError("no store was ever opened")
        if self._loss is not None:
            raise StoreLost(self._loss)
        if self._lock is not None:
            self._lock.take()
        if self._store is None:
            self._store = Store(self._path)
        elif (loss := self._store.loss()) is not None:
            self._store.abandon()
            self._store, self._loss = None, loss
            raise StoreLost(loss)
        return self._store

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
