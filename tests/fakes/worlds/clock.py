"""A clock whose time passes only by sleeping on it, in no real time at all."""

from __future__ import annotations

import asyncio
import heapq
import itertools


class FakeClock:
    """Virtual time from ``start`` (epoch seconds). Concurrent sleepers wake in the order in which they are due."""

    def __init__(self, start: float = 1_793_613_600.0) -> None:
        self._wall_offset = start
        self._now = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int]] = []

    def time(self) -> float:
        return self._wall_offset + self._now

    def monotonic(self) -> float:
        return self._now

    def step_wall(self, seconds: float) -> None:
        """Step the wall clock, forwards or back, as an administrator or NTP would: monotonic time goes on."""
        self._wall_offset += seconds

    def advance(self, seconds: float) -> None:
        """Let time pass at once, waking nobody before they next look."""
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        """Yield to the loop until nobody is due earlier, then jump to the time at which this sleep ends."""
        sleeper = (self._now + max(seconds, 0.0), next(self._order))
        heapq.heappush(self._sleepers, sleeper)
        try:
            await asyncio.sleep(0)
            while self._sleepers[0] != sleeper:  # noqa: ASYNC110 - the earliest sleeper moves the time, the others look on
                await asyncio.sleep(0)
            self._now = max(self._now, sleeper[0])
        finally:
            self._sleepers.remove(sleeper)
            heapq.heapify(self._sleepers)
