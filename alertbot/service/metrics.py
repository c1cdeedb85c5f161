"""Gathers the figures of a service at work for its metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from alertbot.clock import Clock
from alertbot.errors import FeedError, FeedGarbled, FeedRefused, FeedThrottled, StoreError
from alertbot.feed.budget import Budget
from alertbot.ops.metrics import Counts, Gauges, exposition
from alertbot.query.live import Live
from alertbot.query.status import AlertCounts, tally
from alertbot.service.series import SeriesMetrics
from alertbot.units import SLOT

_OUTCOMES = (
    (FeedThrottled, "throttled"),
    (FeedGarbled, "garbled"),
    (FeedRefused, "refused"),
    (FeedError, "unreachable"),
)


class Metrics:
    """Counts what happens, and shows it with what stands in the database ``path``.

    ``series``: those whose bandwidth is shown; none where it is not. ``max_lag``: by how many seconds one may be late.
    """

    def __init__(
        self,
        path: Path,
        budget: Budget,
        live: Callable[[], Live],
        series: Callable[[], Sequence[str]],
        max_lag: Callable[[], int],
        why_unhealthy: Callable[[], str | None],
        owed_for: Callable[[], float],
        clock: Clock,
    ) -> None:
        self.counts = Counts()
        self._path = path
        self._budget = budget
        self._live = live
        self._series = series
        self._bandwidth = SeriesMetrics(path, max_lag)
        self._why_unhealthy = why_unhealthy
        self._owed_for = owed_for
        self._clock = clock
        self._started = clock.time()

    def called(self, error: FeedError | None) -> None:
        """The API was called."""
        outcome = "answered" if error is None else next(name for kind, name in _OUTCOMES if isinstance(error, kind))
        self.counts.calls.labels(outcome).inc()

    async def metrics(self) -> bytes:
        """The text that Prometheus scrapes; what cannot be read from the database just now is left out."""
        stored: AlertCounts | None = None
        bandwidth = b""
        with suppress(StoreError):
            stored = await asyncio.to_thread(tally, self._path)
            if series := self._series():
                bandwidth = await self._bandwidth.text(series, self._live().now, self._clock.monotonic())
        return exposition(self.counts, self._standing(stored)) + bandwidth

    def _standing(self, stored: AlertCounts | None) -> Gauges:
        live = self._live()
        return Gauges(
            healthy=self._why_unhealthy() is None,
            feed_up=live.trouble is None and live.frontier is not None,
            data_to=None if live.frontier is None else live.frontier + SLOT,
            calls_left=self._budget.left(),
            domains=live.domains,
            series=live.series,
            waiting=live.behind,
            misconfigured=bool(live.misconfigured),
            alerts=None if stored is None else stored.alerts,
            incidents=None if stored is None else stored.incidents,
            outbox=None if stored is None else stored.outbox,
            outbox_oldest=None if stored is None else self._owed_for(),
            database=sum(_sizes(self._path)) or None,
            started=self._started,
        )


def _sizes(path: Path) -> Iterator[int]:
    for name in (path, path.with_name(f"{path.name}-wal")):
        with suppress(OSError):
            yield name.stat().st_size
