"""What is wrong with the feed just now; the log says each cause once, and once more when it has ended."""

from __future__ import annotations

import logging
from collections.abc import Collection

from alertbot.clock import Clock
from alertbot.errors import FeedError, FeedRefused
from alertbot.ops.outage import Outage
from alertbot.units import format_duration

log = logging.getLogger(__name__)

REPEAT_AFTER = 3600.0
"""Seconds after which the log repeats a cause that comes and goes."""

FORGET_AFTER = 3600.0
"""Seconds after which a failure is no longer shown: what still fails has failed since."""

SAME_OUTAGE = 600.0
"""Seconds within which a failed fan-out and then a failed probe are one outage; one that lasts for as long is said."""

SAME_CAUSE = 120.0
"""Seconds without a cause after which the next one is given: of two that take turns, the first."""


class FeedOutages:
    """Keeps why the whole feed fails, or single series do.

    ``first_answer``: when a probe first succeeded, monotonic seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._probes = Outage(clock.monotonic)
        self._causes: dict[str, float] = {}  # of the present outage, and when each was seen last
        self._said: set[str] = set()  # those of them that the log has
        self._warned_at: dict[str, float] = {}  # by cause
        self._last: tuple[str, float] | None = None  # why a call failed last, and when
        self.first_answer: float | None = None
        self._unreadable: dict[str, tuple[str, float]] = {}  # why, and since when
        self._refused: dict[str, float] = {}  # since when
        self._failed_calls = 0
        self._warned = False

    @property
    def cause(self) -> str | None:
        """Why the feed gives no answers now; ``None`` while it does."""
        return next(iter(self._causes), None)

    @property
    def unreadable(self) -> dict[str, str]:
        """The series whose last call failed, and why."""
        return {series: cause for series, (cause, _) in self._unreadable.items()}

    @property
    def last_failure(self) -> str | None:
        """How long ago a call failed last, and why; ``None`` where that is over an hour ago."""
        if self._last is None or (ago := self._clock.monotonic() - self._last[1]) > FORGET_AFTER:
            return None
        return f"{format_duration(ago)} ago: {self._last[0]}"

    def failing_for(self) -> float | None:
        """Seconds for which every probe failed; ``None`` while they succeed."""
        return self._probes.seconds

    def unreadable_for(self) -> dict[str, float]:
        """Seconds for which single series could not be read."""
        now = self._clock.monotonic()
        return {series: now - since for series, (_, since) in self._unreadable.items()}

    def refused_for(self) -> dict[str, float]:
        """Seconds for which single series have been refused, whatever else failed of them meanwhile."""
        now = self._clock.monotonic()
        return {series: now - since for series, since in self._refused.items()}

    def probe_failed(self, error: FeedError) -> None:
        """Note that a probe failed: nothing can be known until one succeeds."""
        now = self._clock.monotonic()
        self._last = error.cause, now
        self._probes.is_news(error.cause)
        self._causes = {cause: at for cause, at in self._causes.items() if at > now - SAME_CAUSE} | {error.cause: now}
        # What comes and goes is said once an hour; but an outage that lasts, once for itself.
        lasts = (self._probes.seconds or 0.0) >= SAME_OUTAGE
        if error.cause in self._said or self._warned_within(error.cause, SAME_OUTAGE if lasts else REPEAT_AFTER):
            return
        self._said.add(error.cause)
        self._warned_at[error.cause] = now
        _warn(error)

    def probe_succeeded(self) -> None:
        """Note that a probe succeeded, and log the end of an outage."""
        if self.first_answer is None:
            self.first_answer = self._clock.monotonic()
        lasted = format_duration(self._probes.seconds or 0.0)
        times = self._probes.ended()
        if times and self._said:
            log.info("the CDN's API answers again after %s and %d failed probes", lasted, times)
        self._said.clear()
        self._causes.clear()

    def series_failed(self, series: str, error: FeedError) -> None:
        """Note that a series could not be read; it stays unknown until it can."""
        now = self._clock.monotonic()
        self._last = error.cause, now
        _, since = self._unreadable.get(series, ("", now))
        self._unreadable[series] = error.cause, since
        if isinstance(error, FeedRefused):
            self._refused.setdefault(series, now)
        self._failed_calls += 1
        if not self._warned_within(error.cause, REPEAT_AFTER):
            self._warned_at[error.cause] = now
            self._warned = True
            _warn(error)

    def series_read(self, series: str) -> None:
        """Note that a series was read, and log where it was the last that could not be."""
        self._refused.pop(series, None)
        if self._unreadable.pop(series, None) is None or self._unreadable:
            return
        if self._warned:
            log.info(
                "the CDN's API answers for all that is watched again, after %d calls that failed", self._failed_calls
            )
        self._failed_calls, self._warned = 0, False

    def forget_others(self, series: Collection[str]) -> None:
        """Keep only what is wrong with these series: no others are asked for any more."""
        self._unreadable = {name: what for name, what in self._unreadable.items() if name in series}
        self._refused = {name: since for name, since in self._refused.items() if name in series}

    def _warned_within(self, cause: str, seconds: float) -> bool:
        """Whether the log said within so many seconds that something fails from this cause."""
        return self._clock.monotonic() - self._warned_at.get(cause, -seconds) < seconds


def _warn(error: FeedError) -> None:
    log.warning("the CDN's API: %s; what it would have shown stays unknown: no alert fires or resolves for it", error)
