"""What time it is for the feed: the API's own clock as its answers show it, since the machine's may step.

An answer's Date header sets it, and a clock that never steps carries it on. A Date that cannot be the API's (a proxy's,
or a test's) shows itself: no data can be newer than the clock of whoever publishes it.
"""

from __future__ import annotations

from alertbot.clock import Clock
from alertbot.units import SLOT

BELIEVABLE = 26 * 3600
"""Seconds between the two clocks beyond which the Date is not the API's time: no zone mistake is larger."""


class ApiTime:
    """A ``Clock`` by the API's time, as far as it is known."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._reading: tuple[float, float] | None = None  # epoch seconds, and the monotonic time they were read at
        self._trusted = True

    def time(self) -> float:
        """Epoch seconds by the API's clock; where that is not known, by the machine's as it stood when first asked."""
        if self._reading is None:
            self._reading = self._clock.time(), self._clock.monotonic()
        epoch, at = self._reading
        return epoch + self._clock.monotonic() - at

    def latest(self) -> float:
        """The later of the two clocks: what is asked for up to here misses nothing that is published."""
        return max(self.time(), self._clock.time())

    def earliest(self) -> float:
        """The earlier of the two clocks: what closed by it has closed, whichever of them is wrong."""
        return min(self.time(), self._clock.time())

    def monotonic(self) -> float:
        """Seconds on a clock that never steps."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        await self._clock.sleep(seconds)

    @property
    def skew(self) -> float:
        """How many seconds the machine's clock is ahead of the API's."""
        return self._clock.time() - self.time()

    def learn(self, server_time: float | None, newest: int | None) -> None:
        """Set the clock by an answer that bore this Date and showed traffic up to the slot ``newest``."""
        if server_time is None or not self._trusted:
            if newest is not None and newest > self.time():
                # The machine slept, or its clock is behind.
                self._reading = max(self._clock.time(), float(newest + SLOT)), self._clock.monotonic()
            return
        impossible = newest is not None and newest > server_time + SLOT
        if impossible or abs(server_time - self._clock.time()) > BELIEVABLE:
            self._reading, self._trusted = None, False
            return
        self._reading = server_time, self._clock.monotonic()
