"""What time it is for the feed: the API's own clock as its answers show it, since the machine's may step.

An answer's Date header sets it, and a clock that never steps carries it on. Where the two clocks are more than a day
apart, the data decides which of them counts: none can be newer than the clock of whoever publishes it, and what is
published is of lately. Where there is none, each of them has its turn.
"""

from __future__ import annotations

import logging

from alertbot.clock import Clock
from alertbot.units import SLOT, format_duration

log = logging.getLogger(__name__)

BELIEVABLE = 26 * 3600
"""Seconds between two clocks beyond which one of them is wrong: no zone mistake is larger."""

STEP = 60.0
"""Seconds by which the machine's clock has to move, beside the one that never steps, to have stepped."""

TURN = 300.0
"""Seconds for which one of two clocks is gone by that are apart, while no data says which is right."""

_BEFORE_ALERTBOT = 1_735_689_600
"""2025: a clock that shows less was never set."""


class ApiTime:
    """A ``Clock`` by the API's time, as far as it is known.

    ``jumps`` counts how often the reckoning turned out to be wrong by more than a day: what was made of it is void.
    """

    def __init__(self, clock: Clock) -> None:
        self.jumps = 0
        self._clock = clock
        self._reading = clock.time(), clock.monotonic()  # epoch seconds, and the monotonic time they were read at
        self._is_by_date = False
        self._trusts_date = True
        self._offset = clock.time() - clock.monotonic()
        self._newest: int | None = None
        self._apart: float | None = None
        self._turned: float | None = None

    def time(self) -> float:
        """Epoch seconds by the API's clock; where that is not known, by the machine's as it stood."""
        self._notice_step()
        return self._reckoned()

    def latest(self) -> float:
        """The later of the two clocks: what is asked for up to here misses nothing that is published."""
        return self.time() if self._is_machine_off() else max(self.time(), self._clock.time())

    def earliest(self) -> float:
        """The earlier of the two clocks: what closed by it has closed, whichever of them is wrong."""
        return self.time() if self._is_machine_off() else min(self.time(), self._clock.time())

    def monotonic(self) -> float:
        """Seconds on a clock that never steps."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        await self._clock.sleep(seconds)

    @property
    def skew(self) -> float:
        """How many seconds the machine's clock is ahead of the one gone by."""
        return self._clock.time() - self.time()

    @property
    def apart(self) -> float | None:
        """How many seconds the machine's clock is ahead of the API's, where it is by more than a day."""
        return self._apart

    @property
    def behind(self) -> float | None:
        """How many seconds the API says that it is later than the time gone by, where that is over a day.

        Older data is there at any time: that it shows up to the machine's time does not say that this is now.
        """
        return None if self._apart is None or self._is_by_date or self._apart > 0 else -self._apart

    def learn(self, server_time: float | None, newest: int | None) -> None:
        """Set the clock by an answer that bore this Date and showed traffic up to the slot ``newest``."""
        self._notice_step()
        if newest is not None:
            self._newest = newest
        machine = self._clock.time()
        if server_time is not None:
            self._compare(machine, server_time)
            self._trusts_date = self._believes(server_time, machine, newest)
            if self._trusts_date:
                self._set(server_time, is_by_date=True)
                return
        if self._is_by_date and server_time is not None:
            self._set(machine, is_by_date=False)
        if newest is not None and newest > self._reckoned():
            # The machine slept, or its clock is behind.
            is_right = newest <= machine <= newest + BELIEVABLE
            self._set(machine if is_right else float(newest + SLOT), is_by_date=False)

    def _believes(self, server_time: float, machine: float, newest: int | None) -> bool:
        """Whether an answer's Date is the API's time, and no proxy's or test's."""
        if newest is not None and newest > server_time + SLOT:
            return False
        if abs(server_time - machine) <= BELIEVABLE:
            return self._trusts_date
        if min(server_time, machine) < _BEFORE_ALERTBOT:
            return server_time > machine
        if newest is not None:
            return abs(server_time - newest) < abs(machine - newest)
        return self._has_turn()

    def _has_turn(self) -> bool:
        """Whether the API's clock is the one to be gone by where nothing shows which is right."""
        now = self._clock.monotonic()
        if self._turned is None:
            self._turned = now
            return True
        if now - self._turned < TURN:
            return self._trusts_date
        self._turned = now
        return not self._trusts_date

    def _notice_step(self) -> None:
        """Begin anew where the machine's clock stepped: by it, unless the API's or data bears the reckoning out."""
        offset = self._clock.time() - self._clock.monotonic()
        if abs(offset - self._offset) < STEP:
            return
        self._offset = offset
        self._trusts_date, self._turned = True, None
        is_borne_out = self._newest is not None and abs(self._newest - self._reckoned()) <= BELIEVABLE
        if not (self._is_by_date or is_borne_out):
            self._set(self._clock.time(), is_by_date=False)

    def _set(self, epoch: float, *, is_by_date: bool) -> None:
        self.jumps += abs(epoch - self._reckoned()) > BELIEVABLE
        self._reading, self._is_by_date = (epoch, self._clock.monotonic()), is_by_date

    def _reckoned(self) -> float:
        epoch, at = self._reading
        return epoch + self._clock.monotonic() - at

    def _is_machine_off(self) -> bool:
        """Whether the machine's clock says nothing, since the API's is believed instead."""
        return self._is_by_date and abs(self._reckoned() - self._clock.time()) > BELIEVABLE

    def _compare(self, machine: float, server_time: float) -> None:
        """Log once that the two clocks are apart, and once that they agree again."""
        ahead, before = machine - server_time, self._apart
        self._apart = ahead if abs(ahead) > BELIEVABLE else None
        if self._apart is not None and before is None:
            where = f"{format_duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'}"
            log.warning("this machine's clock is %s the CDN's: set it right", where)
        elif self._apart is None and before is not None:
            log.info("this machine's clock and the CDN's agree again")
