"""The clock as an argument: what needs time is handed one of these, and only the shell makes the real one."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Protocol


class Clock(Protocol):
    """Wall time for slots and people, monotonic time for durations, and waiting."""

    def time(self) -> float:
        """Seconds since the epoch; may step."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never steps."""

    async def sleep(self, seconds: float) -> None:
        """Wait that many of this clock's seconds."""


async def wait(clock: Clock, event: asyncio.Event, seconds: float | None) -> None:
    """Wait until the event is set, at most so many of the clock's seconds where they are given."""
    waits: list[asyncio.Task[Any]] = [asyncio.create_task(event.wait())]
    if seconds is not None:
        waits.append(asyncio.ensure_future(clock.sleep(seconds)))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


class SystemClock:
    """The machine's own clocks."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


SYSTEM = SystemClock()


class FastClock:
    """Runs ``speed`` times as fast as the machine's, from ``start``: the demo's."""

    def __init__(self, start: float, speed: float) -> None:
        self._start = start
        self._speed = speed
        self._origin = time.monotonic()

    def time(self) -> float:
        return self._start + self.monotonic()

    def monotonic(self) -> float:
        return (time.monotonic() - self._origin) * self._speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)
