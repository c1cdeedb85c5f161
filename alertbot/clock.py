"""The clock as an argument: what needs time is handed one of these, and only the shell makes the real one."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for slots and people, monotonic time for durations, and waiting."""

    def time(self) -> float:
        """Seconds since the epoch; may step."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never steps."""

    async def sleep(self, seconds: float) -> None:
        """Wait that many of this clock's seconds."""


class SystemClock:
    """The machine's own clocks."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


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
