"""Polling: a cheap look at the total every few seconds, and a fan-out over the series once a slot is new.

An answer counts only up to the frontier as it stood before the call began; within that an absent bucket is a true
zero. What a failed call would have told stays unknown, and is asked for first the next time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from alertbot.alerts.ledger import Entry, Ledger
from alertbot.clock import Clock
from alertbot.errors import FeedBadRequest, FeedError, FeedGarbled, FeedUnauthorised, FeedUnknownDomain
from alertbot.feed.api import ALL, Answer, CdnApi
from alertbot.feed.budget import Lane
from alertbot.feed.frontier import Frontier, Probe, advance, broken
from alertbot.rules.base import Array
from alertbot.troubles import Troubles
from alertbot.units import DAY, DAY_SLOTS, SLOT, format_iso, slot_at
from alertbot.watch import Watch

log = logging.getLogger(__name__)

REREAD = 24
"""Slots that every fan-out reads again: values may be revised."""

MOST_SLOTS = 10 * DAY_SLOTS
"""The API's limit for a call at this grain."""

HISTORY = 8 * DAY_SLOTS
"""Slots fetched at a first start at least: a week back to compare with, still one call a series."""

FIRST_LOOK = 9 * DAY
"""Seconds the first probe looks back for traffic."""

AT_ONCE = 8
BATCH = 40
"""Series asked for before what they showed is judged and committed."""

GIVE_UP_AFTER = 5
"""Calls in a row without an answer after which a fan-out waits for the next probe."""


@dataclass(frozen=True)
class Pace:
    """``max_lag``: seconds after which silence counts; ``keep``: slots of history at most."""

    max_lag: int
    keep: int


class Poller:
    """Reads the feed into a ledger; ``commit`` stores what a batch came to, ``progress`` hears of history."""

    def __init__(
        self,
        api: CdnApi,
        watch: Watch,
        ledger: Ledger,
        *,
        pace: Pace,
        clock: Clock,
        troubles: Troubles,
        frontier: Frontier,
        commit: Callable[[Entry], Awaitable[None]],
        progress: Callable[[int, int], None],
    ) -> None:
        self.frontier = frontier
        self._api = api
        self._watch = watch
        self._ledger = ledger
        self._pace = pace
        self._clock = clock
        self._troubles = troubles
        self._commit = commit
        self._progress = progress
        self._covered = {series: ledger.cursor(series) for series in watch.series}
        self._lacks_history = set(watch.series)
        self._api_time: tuple[float, float] | None = None  # the API's clock, and the monotonic time it was read at

    async def cycle(self) -> None:
        """One look at the total and, where it proves a new slot, at every series that lags behind."""
        try:
            await self._probe()
        except FeedError as error:
            self.frontier = broken(self.frontier)
            self._troubles.down(error)
            return
        self._troubles.up()
        if self.frontier.slot is not None:
            await self._fan_out(self.frontier.slot)

    def behind(self) -> list[str]:
        """The series of which the frontier's slot is not known yet, the farthest behind first."""
        frontier = self.frontier.slot
        lagging = [(covered or 0, series) for series, covered in self._covered.items()]
        return [series for covered, series in sorted(lagging, key=lambda one: one[0]) if covered < (frontier or 0)]

    def time(self) -> float:
        """Epoch seconds by the API's own clock once it told it, carried on by a clock that does not step."""
        if self._api_time is None:
            return self._clock.time()
        told, at = self._api_time
        return told + self._clock.monotonic() - at

    async def _probe(self) -> None:
        now = slot_at(self.time())
        first = max(self.frontier.newest or 0, now - FIRST_LOOK)
        answer = await self._api.bandwidth(ALL, first, max(first, now))
        if answer.server_time is not None:
            self._api_time = answer.server_time, self._clock.monotonic()
        newest = max((slot for slot, value in answer.values.items() if value > 0), default=None)
        self.frontier = advance(self.frontier, Probe(newest, self.time(), self._clock.monotonic()), self._pace.max_lag)

    async def _fan_out(self, frontier: int) -> None:
        behind = self.behind()
        first_time = [series for series in behind if self._ledger.cursor(series) is None]
        done, silent = 0, 0
        for start in range(0, len(behind), BATCH):
            batch = behind[start : start + BATCH]
            outcomes = await self._read_batch(batch, frontier)
            answered = await self._judge(batch, outcomes, frontier)
            silent = 0 if answered else silent + len(batch)
            done += len(batch)
            if first_time:
                self._progress(min(done, len(first_time)), len(first_time))
            if silent >= GIVE_UP_AFTER or any(isinstance(outcome, FeedUnauthorised) for outcome in outcomes):
                return

    async def _read_batch(self, batch: Sequence[str], frontier: int) -> list[tuple[int, Array] | FeedError]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def read(series: str) -> tuple[int, Array] | FeedError:
            async with gate:
                try:
                    return await self._read(series, frontier)
                except FeedError as error:
                    return error

        return await asyncio.gather(*(read(series) for series in batch))

    async def _judge(
        self, batch: Sequence[str], outcomes: Sequence[tuple[int, Array] | FeedError], frontier: int
    ) -> int:
        """Take what a batch of calls showed, judge and commit it; how many calls were answered."""
        answered = 0
        for series, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, FeedError):
                self._troubles.missed(series, outcome)
                continue
            first, values = outcome
            answered += 1
            self._troubles.read(series)
            self._ledger.take(series, first, values)
            self._lacks_history.discard(series)
            self._covered[series] = frontier
            if self._ledger.cursor(series) is None:
                self._ledger.start(series, frontier - self._watch.patience * SLOT)
        if answered:
            await self._commit(self._ledger.judge(frontier))
            self._ledger.trim()
        return answered

    async def _read(self, series: str, frontier: int) -> tuple[int, Array]:
        """First slot and values of one series up to the frontier; in them an absent bucket is a zero."""
        recent = frontier - (REREAD - 1) * SLOT
        first = min(self._first_wanted(series, frontier), recent)
        try:
            return first, await self._read_span(series, first, frontier)
        except FeedUnknownDomain:
            raise
        except FeedBadRequest as error:
            if first == recent:
                raise
            log.warning("history before %s cannot be had: %s", format_iso(recent), error)
        values = await self._read_span(series, recent, frontier)
        self._ledger.give_up(series, recent - SLOT)
        return recent, values

    def _first_wanted(self, series: str, frontier: int) -> int:
        """The slot after the last known one, or where history begins, once."""
        covered = self._covered[series]
        oldest = frontier - self._pace.keep * SLOT
        if series not in self._lacks_history:
            return max(oldest, (covered or 0) + SLOT)
        needed = self._watch.engine.depth + self._watch.patience
        first = max(oldest, frontier - (max(HISTORY, needed) if covered is None else needed) * SLOT)
        column = np.array([self._ledger.grid.column[series]])
        held = self._ledger.grid.values(first, (frontier - first) // SLOT, column)[:, 0]
        unknown = np.flatnonzero(np.isnan(held))
        begin = first + SLOT * int(unknown[0]) if len(unknown) else frontier
        return begin if covered is None else max(oldest, min(begin, covered + SLOT))

    async def _read_span(self, series: str, first: int, last: int) -> Array:
        values = np.zeros((last - first) // SLOT + 1)
        for domains in self._watch.plan[series]:
            for start in range(first, last + SLOT, MOST_SLOTS * SLOT):
                end = min(last, start + (MOST_SLOTS - 1) * SLOT)
                answer = await self._api.bandwidth(domains, start, end, lane=_lane(first, last))
                for slot, value in answer.values.items():
                    values[(slot - first) // SLOT] += value
                self._check(series, values[(start - first) // SLOT : (end - first) // SLOT + 1], answer)
        return values

    def _check(self, series: str, values: Array, answer: Answer) -> None:
        """An answer that shows nothing where traffic was seen before is a failure, not a revision to zero."""
        column = np.array([self._ledger.grid.column[series]])
        held = self._ledger.grid.values(answer.start, len(values), column)[:, 0] > 0
        if held.any() and not (values[held] > 0).any():
            call = f"stat/bandwidth of {series} {format_iso(answer.start)}..{format_iso(answer.end)}"
            raise FeedGarbled(call, f"shows none of the {int(held.sum())} slots with traffic seen there before")


def _lane(first: int, last: int) -> Lane:
    return Lane.HISTORY if last - first > DAY else Lane.POLL
