"""Delivery: posts what waits in the outbox and sees that each message stands in Slack once.

Slack knows no idempotency key. So a row is marked before Slack is asked; where the answer is lost, or we died in
between, the channel's history is searched for the row's id before it is posted again. Edits can be repeated at will.
Each channel has a queue for its messages, one for edits and one for lookups; none of them holds up another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from alertbot.clock import Clock, wait
from alertbot.errors import DeliveryError, StoreError
from alertbot.messages.slack import mentions_in, without_mentions
from alertbot.ops.liveness import Liveness
from alertbot.ops.outage import Outage
from alertbot.slack.channel_queue import ChannelQueue, ChannelQueues
from alertbot.slack.client import Posted
from alertbot.slack.lookups import Lookups
from alertbot.slack.poster import Poster, post_of
from alertbot.slack.refusals import Refusals
from alertbot.store import edits, outbox, parked
from alertbot.store.keeper import Storekeeper
from alertbot.store.outbox import OutboxRow

log = logging.getLogger(__name__)

PACE = 1.05
"""Seconds between two messages to a channel: Slack takes about one a second."""

STORE_PAUSE = 10.0
"""Seconds until a database that failed is tried again."""

LATE = 120.0
"""Seconds after which a reply that still waits may have been overtaken by what was written since."""

_Work = Callable[[ChannelQueue, OutboxRow], Awaitable[float]]


class Delivery:
    """Drains the outbox until stopped; ``wake`` it after a commit. ``fallback``: the channel for refused messages.

    ``delivered`` is called with when a message was written and the seconds after which Slack took it. ``dated_by`` is
    the clock by which messages are dated when they are written: the machine's own may be years off. ``attempted`` is
    set once the next message was sent or looked up. What is kept in memory may be lost.
    """

    def __init__(
        self,
        keeper: Storekeeper,
        poster: Poster,
        clock: Clock,
        fallback: str | None = None,
        delivered: Callable[[float, float], None] = lambda _created, _seconds: None,
        dated_by: Callable[[], float] | None = None,
    ) -> None:
        self._keeper = keeper
        self._poster = poster
        self._clock = clock
        self._dated_by = dated_by or clock.time
        self._delivered = delivered
        self._queues = ChannelQueues(clock)
        self._lookups = Lookups(keeper, poster, clock)
        self._refusals = Refusals(keeper, clock, self._dated_by, fallback)
        self._must_recover = True  # rows may stand as being sent though nobody sends them
        self._unmarked = Outage()
        self._oldest: float | None = None  # when the oldest row that waits was written, epoch seconds
        self._woken = asyncio.Event()
        self.attempted = asyncio.Event()
        self._liveness = Liveness(clock.monotonic)

    @property
    def under_way(self) -> tuple[asyncio.Task[None], ...]:
        """What is being sent or looked for just now."""
        return self._queues.tasks

    @property
    def stuck(self) -> bool:
        """Whether delivery makes no progress; a Slack or a database that fails is no reason, since attempts go on."""
        return self._liveness.stalled or self._queues.stuck

    @property
    def owed_for(self) -> float:
        """Seconds for which the oldest message waits to be delivered; 0 where none does."""
        return 0.0 if self._oldest is None else max(self._dated_by() - self._oldest, 0.0)

    @property
    def trouble(self) -> str | None:
        """For which channel messages were refused within the last hour, and Slack's word for it."""
        return self._refusals.trouble

    def wake(self) -> None:
        """Look into the outbox now: there may be something to deliver."""
        self._woken.set()

    def reconsider(self, fallback: str | None) -> None:
        """Try again what was refused, and from now on use this channel for what is refused again."""
        self._refusals.fallback = fallback
        self.retry()

    def retry(self) -> None:
        """Try again at once what was refused: Slack, or a channel, takes messages again."""
        self._must_recover = True
        self.wake()

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            while True:
                self._woken.clear()
                self._liveness.beat()
                pause = await self.begin()
                if pause is None:
                    self._liveness.idle()
                else:
                    self._liveness.beat(within=pause)
                await wait(self._clock, self._woken, pause)
        finally:
            for task in self.under_way:
                task.cancel()
            await asyncio.gather(*self.under_way, return_exceptions=True)

    async def begin(self) -> float | None:
        """Begin what is due and in no queue yet; each task wakes ``run`` when it ends.

        Returns the seconds until more is due, ``None`` where nothing waits for time to pass.
        """
        try:
            if self._must_recover and self.under_way:
                return None
            if self._must_recover:
                await self._recover()
            await self._tidy()
            self._oldest = await self._keeper.do(outbox.oldest_owed)
            uncertain, waiting = await self._keeper.do(outbox.uncertain), await self._keeper.do(outbox.waiting)
        except StoreError as error:
            self._stall(error)
            return STORE_PAUSE
        pauses = [self._start("find", each, self._look_up, self._lookups.due(each)) for each in uncertain]
        pauses += [
            self._start("update" if each.action == "update" else "post", each, self._attempt) for each in waiting
        ]
        pauses.append(self._refusals.retry_in())
        return min((pause for pause in pauses if pause is not None), default=None)

    async def _tidy(self) -> None:
        """Try one refused message of each channel again every few minutes, and drop what was overtaken."""
        await self._refusals.retry_when_due()
        await self._keeper.do(edits.to_threads, without_mentions)
        await self._keeper.do(parked.drop_late_replies, self._dated_by() - LATE, mentions_in)

    async def _recover(self) -> None:
        lost, retried = await self._keeper.do(outbox.recover), await self._keeper.do(parked.unpark)
        if lost:
            log.info("%d messages may have arrived before the last stop: looking for them", lost)
        if retried:
            log.info("%d messages that Slack refused are tried again", retried)
        self._must_recover = False
        self._refusals.forget_parked()

    def _start(self, method: str, row: OutboxRow, work: _Work, due: float = 0.0) -> float | None:
        """Begin the work if its queue is free; else the seconds until it will be, ``None`` while a task holds it."""
        queue = self._queues.of(method, row.channel)
        if queue.task is not None:
            return None
        if (seconds := self._queues.free_in(queue, due)) > 0:
            return seconds
        self._queues.claim(queue)
        queue.task = asyncio.create_task(self._work(queue, row, work))
        return None

    async def _work(self, queue: ChannelQueue, row: OutboxRow, work: _Work) -> None:
        pause = STORE_PAUSE
        try:
            pause = await work(queue, row)
        except StoreError as error:
            self._must_recover = True
            self._stall(error)
        except Exception as error:  # one message that breaks something must not end the delivery of all others
            self._must_recover = True
            if queue.failures.is_news(f"{type(error).__name__}: {error}"):
                log.exception("the delivery of a message for %s failed", row.channel)
        finally:
            queue.free_at = self._clock.monotonic() + pause
            queue.task = None
            self.wake()
            self.attempted.set()
            self.attempted = asyncio.Event()

    def _stall(self, error: StoreError) -> None:
        if self._unmarked.is_news(str(error)):
            log.error("delivery paused: the database cannot be written: %s", error)

    async def _attempt(self, queue: ChannelQueue, row: OutboxRow) -> float:
        """Try once to send a row; the seconds for which its queue then waits."""
        since = row.attempted if self._lookups.is_doubtful(row) else None
        if not await self._keeper.do(outbox.mark_sending, row.number, since or self._clock.time()):
            return 0.0
        try:
            posted = await self._send(row)
        except DeliveryError as error:
            return await self._failed(queue, row, error)
        now = self._dated_by()
        await self._keeper.do(outbox.mark_sent, row, posted.channel_id, posted.ts, now)
        self._delivered(row.created, max(now - row.created, 0.0))
        self._lookups.arrived(row)
        if self._refusals.taken(row.channel):
            self.retry()
        if times := queue.succeeded():
            log.info("Slack takes messages for %s again, after %d attempts that failed", row.channel, times)
        if times := self._unmarked.ended():
            log.info("the database takes marks again, after %d that failed: messages go out", times)
        return PACE

    async def _send(self, row: OutboxRow) -> Posted:
        post = post_of(row)
        if row.action == "post":
            return await self._poster.post(post)
        if row.channel_id is None or row.ts is None:
            raise DeliveryError("message_not_found", permanent=True)
        if row.action == "reply":
            return await self._poster.post(post)
        await self._poster.update(row.channel_id, row.ts, post.message)
        return Posted(row.channel_id, row.ts)

    async def _failed(self, queue: ChannelQueue, row: OutboxRow, error: DeliveryError) -> float:
        if error.permanent:
            await self._refusals.refused(queue, row, error)
            return PACE
        if (error.unknown or self._lookups.is_doubtful(row)) and row.action != "update":
            self._lookups.attempted(row)
            await self._keeper.do(outbox.mark_unknown, row.number, error.code)
        else:
            await self._keeper.do(outbox.requeue, row.number, error.code)
        return self._back_off(queue, row, error)

    def _back_off(self, queue: ChannelQueue, row: OutboxRow, error: DeliveryError) -> float:
        """The seconds for which a queue waits after a failure that passes."""
        if queue.failures.is_news(error.code):
            what = "say what became of" if queue.method == "find" else "confirm"
            log.warning("Slack did not %s a message for %s (%s)", what, row.channel, error.code)
        return self._queues.back_off(queue, error.retry_after)

    async def _look_up(self, queue: ChannelQueue, row: OutboxRow) -> float:
        """Look up a message whose answer was lost; the seconds for which its queue then waits."""
        try:
            await self._lookups.look_up(row)
        except DeliveryError as error:
            left = await self._lookups.failed(row, error)
            return 0.0 if left is None else min(self._back_off(queue, row, error), left)
        queue.succeeded()
        return 0.0
