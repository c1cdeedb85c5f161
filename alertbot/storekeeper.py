"""The store's one thread: whoever writes hands its work in here, so that SQLite never holds up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from alertbot.store.outbox import Envelope
from alertbot.store.store import Store

T = TypeVar("T")


class Storekeeper:
    """Owns the store and its thread. Every method raises ``StoreError`` where SQLite fails."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._store: Store | None = None

    async def open(self, path: Path) -> None:
        """Open or make the database."""
        self._store = await self._run(lambda: Store(path))

    async def do(self, work: Callable[[Store], T]) -> T:
        """Do something with the store, after all that was handed in before."""
        store = self._store
        if store is None:
            raise RuntimeError("the store is not open")
        return await self._run(lambda: work(store))

    async def close(self) -> None:
        """Finish what was handed in, and close the database."""
        if self._store is not None:
            await self.do(lambda store: store.close())
        self._thread.shutdown()

    async def waiting(self) -> Sequence[Envelope]:
        """The messages that may go out now, the oldest of each channel."""
        return await self.do(lambda store: store.waiting())

    async def mark_sent(self, envelope: Envelope, channel_id: str, ts: str, now: float) -> None:
        """Slack took this message."""
        await self.do(lambda store: store.mark_sent(envelope, channel_id, ts, now))

    async def mark_failed(self, envelope: Envelope, error: str, *, park: bool) -> None:
        """Slack did not take it."""
        await self.do(lambda store: store.mark_failed(envelope, error, park=park))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
