"""What is done again and again: polls, deletion of what is old, the digest; and a look at the machine's clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from alertbot.clock import Clock
from alertbot.errors import ServiceBroken, StoreError
from alertbot.ops.outage import Outage
from alertbot.ops.systemd import Notifier
from alertbot.service.wiring import Wiring
from alertbot.store import retention

log = logging.getLogger(__name__)

_POLL = "poll"

SOON = 0.2
"""Seconds after a reload at which the first turn of the new configuration begins: the last one has ended by then."""

CLOCK_CHECK = 5.0
CLOCK_STEP = 10.0
"""Seconds by which the wall clock may leave the monotonic one between two checks before that is called a step."""

LET_END = 10.0
"""Seconds that a reload gives the turn under way to end; one that takes longer, over a long history, is cut short."""


class Jobs:
    """Runs the jobs, each once at a time. ``speed``: how many of the clock's seconds pass in a real one.

    ``broken`` is called once polling can do nothing any more.
    """

    def __init__(
        self,
        wiring: Wiring,
        clock: Clock,
        notifier: Notifier,
        speed: float,
        broken: Callable[[ServiceBroken], None],
    ) -> None:
        self._broken = broken
        self._wiring = wiring
        self._clock = clock
        self._notifier = notifier
        self._speed = speed
        # A run that is late runs once, at once.
        defaults = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=defaults)
        self._turn: asyncio.Task[None] | None = None
        self._digest_outage = Outage()

    def start(self) -> None:
        """Poll at once, and then at the pace of the configuration."""
        self._scheduler.add_job(self._poll, self._pace(), id=_POLL, next_run_time=datetime.now(UTC))
        self._scheduler.add_job(self._delete_old, "interval", hours=1)
        self._scheduler.add_job(self._post_digest_and_review, "interval", seconds=max(60 / self._speed, 0.01))
        self._scheduler.start()

    async def stop(self) -> None:
        """Begin no more, and cut short the turn under way."""
        if self._scheduler.running:
            self._scheduler.pause()
            await asyncio.sleep(0)  # cancelled before it has begun, a job could not say that this is no failure
            self._scheduler.shutdown(wait=False)
        if self._turn is not None:
            self._turn.cancel()
            await asyncio.gather(self._turn, return_exceptions=True)

    async def end_turn(self) -> None:
        """Let the turn under way end, and cut it short where it takes long."""
        while self._turn is not None and not self._turn.done():
            await asyncio.wait({self._turn}, timeout=LET_END)
            self._turn.cancel()
            await asyncio.wait({self._turn})

    def reschedule(self) -> None:
        """Poll soon, and then at the pace of the configuration."""
        self._scheduler.reschedule_job(_POLL, trigger=self._pace())
        self._poll_in(SOON)

    async def watch_clock(self) -> None:
        """APScheduler waits for a wall clock that stepped back to catch up: run its jobs at once instead."""
        offset = self._clock.time() - self._clock.monotonic()
        while True:
            await self._clock.sleep(CLOCK_CHECK)
            moved = self._clock.time() - self._clock.monotonic() - offset
            if abs(moved) >= CLOCK_STEP:
                offset += moved
                log.warning("the machine's clock moved by %+d s: polling goes on", round(moved))
                for job in self._scheduler.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))

    def _pace(self) -> IntervalTrigger:
        return IntervalTrigger(seconds=max(self._wiring.parts.config.feed.probe / self._speed, 0.01))

    def _poll_in(self, seconds: float) -> None:
        self._scheduler.modify_job(_POLL, next_run_time=datetime.now(UTC) + timedelta(seconds=seconds))

    async def _poll(self) -> None:
        """One turn of the watcher; the next comes early where a slot is about to be published."""
        health, watcher = self._wiring.health, self._wiring.watcher
        health.polls.beat()
        self._turn = asyncio.create_task(watcher.tick())
        try:
            await self._turn
        except asyncio.CancelledError:
            return  # we are stopping, or reloading: passed on, APScheduler would print it as a job that failed
        parts = self._wiring.parts
        probe = parts.config.feed.probe
        health.turned(probe)
        self._notifier.status(health.line())
        parts.heartbeat.cycle(health.report())
        if (hopeless := watcher.hopeless) is not None:
            self._broken(ServiceBroken(hopeless))
        if (due := watcher.due_in()) < probe:
            self._poll_in(due / self._speed)

    async def _delete_old(self) -> None:
        """Delete what is older than it is to be kept, a few rows at a time, between which all else has its turn."""
        keep, now, deleted = self._wiring.parts.config.store.keep, self._clock.time(), 0
        try:
            while rows := await self._wiring.keeper.do(retention.forget, keep, now):
                deleted += rows
        except asyncio.CancelledError:
            return  # we are stopping, as above
        except StoreError as error:
            log.error("old data was not deleted: %s", error)  # noqa: TRY400 - the text says it all
        if deleted:
            log.debug("forgot %d rows older than %d s", deleted, keep)

    async def _post_digest_and_review(self) -> None:
        """Post yesterday's digest, and the week's review, where they are due."""
        try:
            for each in (self._wiring.parts.digest, self._wiring.parts.review):
                if await each.post_if_due():
                    self._wiring.wake()
            self._digest_outage.ended()
        except asyncio.CancelledError:
            return  # likewise
        except StoreError as error:
            if self._digest_outage.is_news(str(error)):
                log.error("the digest or the review is not posted: %s", error)  # noqa: TRY400 - the text says it all
