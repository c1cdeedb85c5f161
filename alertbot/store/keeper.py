"""The store's one thread: whoever writes hands its work in here, so that SQLite never holds up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from alertbot.store import outbox
from alertbot.store.outbox import Envelope, NewMessage
from alertbot.store.schema import Lock
from alertbot.store.store import Store

T = TypeVar("T")


class Storekeeper:
    """Owns the store and its thread; is the outbox that delivery is handed. ``StoreError`` where SQLite fails."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._path: Path | None = None
        self._lock: Lock | None = None
        self._store: Store | None = None

    async def open(self, path: Path, lock: Lock | None = None) -> None:
        """Open or make the database once its lock is taken; where that fails, whatever is done next tries again."""
        self._path, self._lock = path, lock
        await self._run(self._opened)

    async def do(self, work: Callable[[Store], T]) -> T:
        """Do something with the store, after all that was handed in before."""
        return await self._run(lambda: work(self._opened()))

    async def close(self) -> None:
        """Finish what was handed in, and close the database."""
        if self._store is not None:
            await self.do(lambda store: store.close())
        self._thread.shutdown()

    async def recover(self) -> tuple[int, int]:
        """How many messages were being sent and may have arrived, and how many refused ones are tried again."""
        lost = await self.do(lambda store: store.mark(outbox.recover))
        return lost, await self.do(lambda store: store.mark(outbox.unpark))

    async def waiting(self) -> Sequence[Envelope]:
        """The messages that may go out now: of each channel the oldest message and the oldest edit."""
        return await self.do(lambda store: store.waiting())

    async def uncertain(self) -> Sequence[Envelope]:
        """The messages of which it is not known whether they arrived."""
        return await self.do(lambda store: store.uncertain())

    async def mark_sending(self, envelope: Envelope, now: float) -> bool:
        """Slack is about to be asked; false where it need not be, since the row has moved on."""
        return await self.do(lambda store: store.mark(lambda db: outbox.mark_sending(db, envelope.number, now)))

    async def mark_sent(self, envelope: Envelope, channel_id: str, ts: str, now: float) -> None:
        """Slack took it."""
        await self.do(lambda store: store.mark(lambda db: outbox.mark_sent(db, envelope, channel_id, ts, now)))

    async def mark_found(self, envelope: Envelope, channel_id: str, ts: str, now: float) -> None:
        """It was found in Slack."""
        await self.do(lambda store: store.mark(lambda db: outbox.mark_found(db, envelope, channel_id, ts, now)))

    async def mark_again(self, envelope: Envelope, error: str | None, *, plain: bool = False) -> None:
        """It did not arrive and is to be tried again."""
        await self.do(lambda store: store.mark(lambda db: outbox.mark_again(db, envelope.number, error, plain=plain)))

    async def mark_unknown(self, envelope: Envelope, error: str) -> None:
        """The answer was lost."""
        await self.do(lambda store: store.mark(lambda db: outbox.mark_unknown(db, envelope.number, error)))

    async def mark_replaced(self, envelope: Envelope, error: str) -> None:
        """An edit that is refused for good becomes a message of its own."""
        await self.do(lambda store: store.mark(lambda db: outbox.mark_replaced(db, envelope, error)))

    async def park(self, envelope: Envelope, error: str, twin: NewMessage | None, now: float) -> None:
        """Slack refuses it for good."""
        await self.do(lambda store: store.mark(lambda db: outbox.park(db, envelope, error, twin, now)))

    def _opened(self) -> Store:
        if self._path is None:
            raise RuntimeError("no store was ever opened")
        if self._store is None:
            if self._lock is not None:
                self._lock.take()
            self._store = Store(self._path)
        return self._store

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
