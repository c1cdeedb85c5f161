"""Virtual time for everything that runs in an event loop: sleeps, time-outs, polls and pings take no time at all.

The loop's clock stands still while anything real is under way: a callback that is ready, bytes on a loopback socket,
work in a thread, a child process. Only once nothing is left to do does it jump to the next timer. So what a test sees
depends on what it does and never on how fast the machine is.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

START = 1_793_613_600.0
_ORIGIN = 1000.0

_PATIENCE = 15.0
"""Real seconds without any event after which a test is stuck: what it waits for will never come."""

_LOOK = 0.01
"""Real seconds between two looks at what a test waits for while something real is under way."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time; threads and child processes that it starts hold its clock until they end."""

    def __init__(self) -> None:
        self._virtual = _ORIGIN
        self._under_way = 0
        self._goes_on = False
        self._awaited: list[tuple[Callable[[], object], asyncio.Future[None]]] = []
        self._news = 0
        self._instants: list[tuple[int, asyncio.Future[None]]] = []
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self._virtual

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future = super().run_in_executor(executor, func, *args)
        self._begun()
        future.add_done_callback(lambda _: self._ended())
        return future

    async def subprocess_exec(self, protocol_factory: Callable[[], Any], *args: Any, **options: Any) -> Any:
        self._begun()
        try:
            transport, protocol = await super().subprocess_exec(protocol_factory, *args, **options)
        except BaseException:
            self._ended()
            raise
        self.create_task(self._until_exit(transport))
        return transport, protocol

    async def shutdown_default_executor(self, *timeout: Any) -> None:
        """Wait for the threads as long as they take: Python 3.12 and later would else give them up at once."""
        self._begun()
        try:
            await super().shutdown_default_executor(*timeout)
        finally:
            self._ended()

    async def until(self, holds: Callable[[], object]) -> None:
        """Return once ``holds()`` is true; it is asked each time nothing is left to do, before any time passes."""
        if holds():
            return
        awaited = (holds, self.create_future())
        self._awaited.append(awaited)
        try:
            await awaited[1]
        finally:
            self._awaited.remove(awaited)

    async def after_news(self, count: int) -> None:
        """Return once sockets and threads brought news so many times, or nothing is left to do: an instant amid it."""
        instant = (self._news + count, self.create_future())
        self._instants.append(instant)
        await instant[1]

    def brought_news(self) -> None:
        """A socket or a thread has something for somebody."""
        self._news += 1
        self.reach(self._news)

    def reach(self, news: float) -> bool:
        """Let go on who waits for an instant up to this one."""
        reached = [future for number, future in self._instants if number <= news]
        self._instants = [each for each in self._instants if each[0] > news]
        for future in reached:
            future.set_result(None)
        return bool(reached)

    def seen(self) -> bool:
        """Whether something that is waited for has come about; who waits for it then runs."""
        for holds, future in self._awaited:
            if future.done():
                continue
            try:
                if holds():
                    future.set_result(None)
                    return True
            except Exception as error:  # noqa: BLE001 - it is raised where the test waits
                future.set_exception(error)
                return True
        return False

    @property
    def standing_still(self) -> bool:
        """Whether something real is under way."""
        return self._under_way > 0 and not self._goes_on

    @contextmanager
    def waiting_for_no_thread(self) -> Iterator[None]:
        """While this is entered time passes beside threads and processes: one that never ends is what is tested."""
        self._goes_on = True
        try:
            yield
        finally:
            self._goes_on = False

    @property
    def waited_for(self) -> bool:
        return bool(self._awaited)

    def stand_still(self, seconds: float) -> None:
        """Let time pass for all at once, as on a machine that was suspended: what was due meanwhile is late."""
        self.jump(seconds)

    def jump(self, seconds: float) -> None:
        self._virtual += seconds

    async def _until_exit(self, transport: Any) -> None:
        try:
            await transport._wait()
        finally:
            self._ended()

    def _begun(self) -> None:
        self._under_way += 1

    def _ended(self) -> None:
        self._under_way -= 1


class _Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Asked to wait, it lets virtual time pass instead, unless something real is under way."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if events := super().select(0):
            self._loop.brought_news()
            return events
        if (timeout is not None and timeout <= 0) or self._loop.seen():
            return []
        if self._loop.standing_still:
            return self._really()
        if self._loop.reach(math.inf):
            return []
        if timeout is None:
            return self._really()
        self._loop.jump(timeout)
        return []

    def _really(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for a thread, a process or a socket, as long as it takes."""
        for _ in range(int(_PATIENCE / _LOOK) if self._loop.waited_for else 1):
            if events := super().select(_LOOK if self._loop.waited_for else _PATIENCE):
                self._loop.brought_news()
                return events
            if self._loop.seen():
                return []
        raise RuntimeError("nothing will ever happen: each task waits for something that nobody does")


def run(work: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


async def passes(seconds: float) -> None:
    """Let so much of the loop's time pass, which takes none: nobody waits for it on the machine's clock by mistake."""
    assert isinstance(asyncio.get_running_loop(), VirtualLoop), "this loop runs on real time: wait for an event"
    await asyncio.sleep(seconds)


def wall_time() -> float:
    """Epoch seconds by the running loop, and where that runs on real time by the machine."""
    loop = asyncio.get_running_loop()
    return VirtualClock().time() if isinstance(loop, VirtualLoop) else time.time()


class VirtualClock:
    """The running loop's time as alertbot's clock, from ``start`` (epoch seconds); ``step`` moves the wall alone."""

    def __init__(self, start: float = START) -> None:
        self._loop = asyncio.get_running_loop()
        self._offset = start - _ORIGIN

    def time(self) -> float:
        return self._offset + self._loop.time()

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def step(self, seconds: float) -> None:
        self._offset += seconds
