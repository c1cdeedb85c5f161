"""What is wrong with the feed just now, told in the log once for each cause, and once more when it is over."""

from __future__ import annotations

import logging
from collections.abc import Collection

from alertbot.clock import Clock
from alertbot.errors import FeedError
from alertbot.ops.outage import Outage
from alertbot.units import format_duration

log = logging.getLogger(__name__)

AGAIN_AFTER = 3600.0
"""Seconds after which a cause that comes and goes is told again."""

SAME_OUTAGE = 600.0
"""Seconds within which a failed fan-out and then a failed probe are one outage."""


class SeriesOutages:
    """Keeps the present failure of the whole feed, and of single series; ``last`` is the last one in words."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._probes = Outage(clock.monotonic)
        self._told: dict[str, float] = {}
        self.last: str | None = None
        self._unreadable: dict[str, tuple[str, float]] = {}
        self._missed = 0  # calls since a warning told of them
        self._warned = False

    @property
    def cause(self) -> str | None:
        """Why the feed gives no answers now; ``None`` while it does."""
        return self._probes.cause

    @property
    def unreadable(self) -> dict[str, str]:
        """The series whose last call failed, and why."""
        return {series: cause for series, (cause, _) in self._unreadable.items()}

    def failing_for(self) -> float | None:
        """Seconds for which every probe failed; ``None`` while they succeed."""
        return self._probes.seconds

    def unreadable_for(self) -> dict[str, float]:
        """Seconds for which single series could not be read."""
        now = self._clock.monotonic()
        return {series: now - since for series, (_, since) in self._unreadable.items()}

    def down(self, error: FeedError) -> None:
        """The probe failed: nothing can be known until one succeeds."""
        self.last = str(error)
        if self._probes.is_news(error.cause) and not self._told_within(error.cause, SAME_OUTAGE):
            _tell(error)

    def up(self) -> None:
        """The probe succeeded."""
        lasted = format_duration(self._probes.seconds or 0.0)
        if times := self._probes.ended():
            log.info("the CDN's API answers again after %s and %d failed probes", lasted, times)

    def missed(self, series: str, error: FeedError) -> None:
        """One series could not be read; it stays unknown and is asked for first the next time."""
        self.last = str(error)
        now = self._clock.monotonic()
        told = self._told_within(error.cause, AGAIN_AFTER)
        _, since = self._unreadable.get(series, ("", now))
        self._unreadable[series] = error.cause, since
        self._missed += 1
        if not told:
            self._told[error.cause] = now
            self._warned = True
            _tell(error)

    def read(self, series: str) -> None:
        """One series was read."""
        if self._unreadable.pop(series, None) is None or self._unreadable:
            return
        if self._warned:
            log.info("the CDN's API answers for all that is watched again, after %d calls that failed", self._missed)
        self._missed, self._warned = 0, False

    def forget_others(self, series: Collection[str]) -> None:
        """Nothing but these is asked for any more."""
        self._unreadable = {name: what for name, what in self._unreadable.items() if name in series}

    def _told_within(self, cause: str, seconds: float) -> bool:
        """Whether a series was lately said to fail from the same cause."""
        return self._clock.monotonic() - self._told.get(cause, -seconds) < seconds


def _tell(error: FeedError) -> None:
    log.warning("the CDN's API: %s; what it would have told stays unknown, and alerts hold", error)
