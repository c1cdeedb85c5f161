"""Virtual time for a whole service: a clock that moves on only when nothing real is under way.

Calls over loopback and the store's thread take real time, during which the virtual clock stands still. Once the event
loop has nothing left to run and nothing is in flight, the clock jumps to the moment at which the next sleeper is due.
So the time that passes is the time that was slept, whatever the machine is busy with.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import selectors
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from alertbot.feed.api import CdnApi
from alertbot.store.keeper import Storekeeper

T = TypeVar("T")

# httpcore looks for sniffio anew at every call; where it is not installed that is a fifth of the call's time.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]


class VirtualClock:
    """Time from ``start`` (epoch seconds). Sleepers wake one by one, in the order in which they are due."""

    def __init__(self, start: float) -> None:
        self._start = start
        self._now = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self.in_flight = 0

    def time(self) -> float:
        return self._start + self._now

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + max(seconds, 0.0), next(self._order), woken))
        await woken

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """While something real is under way."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    def jump(self) -> bool:
        """Wake the next sleeper; false where nobody sleeps."""
        while self._sleepers:
            due, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self._now = max(self._now, due)
                woken.set_result(None)
                return True
        return False


class _Selector(selectors.EpollSelector):
    """Asked to wait, it lets virtual time pass instead, unless something real is under way."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        if events := super().select(0):
            return events
        if not self._clock.in_flight and self._clock.jump():
            return []  # the sleeper is ready to run
        return super().select(timeout)


def run(clock: VirtualClock, work: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` in virtual time."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_Selector(clock))) as runner:
        return runner.run(work)


class TimedApi(CdnApi):
    """The client as it is; each call takes ``seconds`` of virtual time, half of them before it is answered."""

    def __init__(self, *args: Any, clock: VirtualClock, seconds: float, **others: Any) -> None:
        super().__init__(*args, clock=clock, **others)
        self._virtual = clock
        self._seconds = seconds

    async def _fetch(self, *request: Any) -> Any:
        await self._virtual.sleep(self._seconds / 2)
        try:
            with self._virtual.standing_still():
                return await super()._fetch(*request)
        finally:
            await self._virtual.sleep(self._seconds / 2)


class TimedKeeper(Storekeeper):
    """The store's thread as it is; virtual time waits for it."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._virtual = clock

    async def open(self, path: Any, lock: Any = None) -> None:
        with self._virtual.standing_still():
            await super().open(path, lock)

    async def do(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        with self._virtual.standing_still():
            return await super().do(work, *args, **kwargs)
