"""Delivery: takes what the outbox owes to Slack and sees that each message stands there once.

Slack knows no idempotency key. So a row is marked before Slack is asked; where the answer is lost, or we died in
between, the channel's history is searched for the row's id before it is posted again. Edits can be repeated at will.
Each channel has a lane for its messages, one for edits and one for looking; none of them holds up another.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from alertbot.clock import Clock
from alertbot.errors import DeliveryError, StoreError
from alertbot.messages.blocks import Message
from alertbot.messages.slack import from_json
from alertbot.ops.liveness import Liveness
from alertbot.ops.outage import Outage
from alertbot.slack.channel_queue import FIRST_PAUSE, LONGEST_PAUSE, LOOKS, ChannelQueue, Search
from alertbot.slack.client import DEAD_TOKEN, REFUSED_TOKEN, Post, Posted
from alertbot.slack.poster import Poster
from alertbot.store import outbox
from alertbot.store.keeper import Storekeeper
from alertbot.store.outbox import Envelope, NewMessage

log = logging.getLogger(__name__)

PACE = 1.05
"""Seconds between two messages to a channel: Slack takes about one a second."""

SPACING = {"update": 1.2, "find": 1.2}
"""Seconds between two calls of a method, whatever the channel: Slack takes 50 edits and 50 looks a minute."""

STORE_PAUSE = 10.0
"""Seconds until a database that failed is tried again."""

MARGIN = 3600.0
"""Seconds of history before the attempt that are searched: more than any clock is off."""

_BLOCKS_REFUSED = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "invalid_attachments", "msg_blocks_too_long", "msg_too_long"}
)
_LATELY = 3600.0  # seconds
_GONE = frozenset({"message_not_found", "thread_not_found"})


_Work = Callable[[ChannelQueue, Envelope], Awaitable[float]]


class Delivery:
    """Drains the outbox until stopped; ``wake`` it after a commit. ``fallback``: the channel for refused messages.

    ``delivered`` hears after how many seconds Slack took each. What it keeps in memory may all be lost.
    """

    def __init__(
        self,
        keeper: Storekeeper,
        poster: Poster,
        clock: Clock,
        fallback: str | None = None,
        delivered: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._keeper = keeper
        self._poster = poster
        self._clock = clock
        self._fallback = fallback
        self._delivered = delivered
        self._lanes: dict[tuple[str, str], ChannelQueue] = {}
        self._methods: dict[str, float] = {}  # when each may be called again
        self._searches: dict[int, Search] = {}
        self._unreadable: set[str] = set()
        self._owing: dict[str, tuple[str, float]] = {}  # channels that are owed something: why, and since when at last
        self._astray = True  # rows may stand as being sent though nobody sends them
        self._unmarked = Outage()
        self._woken = asyncio.Event()
        self._liveness = Liveness(clock.monotonic)

    @property
    def under_way(self) -> tuple[asyncio.Task[None], ...]:
        """What is being sent or looked for just now."""
        return tuple(lane.task for lane in self._lanes.values() if lane.task is not None)

    @property
    def stuck(self) -> bool:
        """Whether it makes no progress; that Slack or the database fails is none of it, since attempts go on."""
        now = self._clock.monotonic()
        return self._liveness.stalled or any(lane.stuck(now) for lane in self._lanes.values())

    @property
    def trouble(self) -> str | None:
        """For which channel messages wait, or were refused within the last hour, and Slack's word for it."""
        oldest = self._clock.monotonic() - _LATELY
        lately = ((channel, code) for channel, (code, at) in self._owing.items() if at > oldest)
        return next((f"messages for {channel}: {code}" for channel, code in lately), None)

    def wake(self) -> None:
        """There may be something to deliver."""
        self._woken.set()

    def reconsider(self, fallback: str | None) -> None:
        """Try again what was refused, and from now on use this channel for what is refused again."""
        self._fallback = fallback
        self._astray = True
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
                await _either(self._woken.wait(), None if pause is None else self._clock.sleep(pause))
        finally:
            for task in self.under_way:
                task.cancel()
            await asyncio.gather(*self.under_way, return_exceptions=True)

    async def begin(self) -> float | None:
        """Begin what is due and in no lane yet; what ends wakes ``run``.

        Returns the seconds until more is due, ``None`` where nothing waits for time to pass.
        """
        try:
            if self._astray and self.under_way:
                return None
            if self._astray:
                await self._recover()
            uncertain, waiting = await self._keeper.do(outbox.uncertain), await self._keeper.do(outbox.waiting)
        except StoreError as error:
            self._stall(error)
            return STORE_PAUSE
        pauses = [self._start("find", each, self._look, self._search(each).due) for each in uncertain]
        pauses += [self._start("update" if each.action == "update" else "post", each, self._try) for each in waiting]
        return min((pause for pause in pauses if pause is not None), default=None)

    async def _recover(self) -> None:
        lost, retried = await self._keeper.do(outbox.recover), await self._keeper.do(outbox.unpark)
        if lost:
            log.info("%d messages may have arrived before the last stop: looking for them", lost)
        if retried:
            log.info("%d messages that Slack refused are tried again", retried)
        self._astray = False

    def _start(self, method: str, envelope: Envelope, work: _Work, due: float = 0.0) -> float | None:
        """Put it into its lane; the seconds until that can be done, ``None`` where a lane's end will tell."""
        lane = self._lanes.setdefault((method, envelope.channel), ChannelQueue(method))
        if lane.task is not None:
            return None
        now = self._clock.monotonic()
        due = max(due, lane.free_at, self._methods.get(method, 0.0))
        if due > now:
            return due - now
        self._methods[method] = now + SPACING.get(method, 0.0)
        lane.began = now
        lane.task = asyncio.create_task(self._work(lane, envelope, work))
        return None

    async def _work(self, lane: ChannelQueue, envelope: Envelope, work: _Work) -> None:
        pause = STORE_PAUSE
        try:
            pause = await work(lane, envelope)
        except StoreError as error:
            self._astray = True
            self._stall(error)
        except Exception as error:  # one message that breaks something must not end the delivery of all others
            self._astray = True
            if lane.failures.is_news(f"{type(error).__name__}: {error}"):
                log.exception("the delivery of a message for %s failed", envelope.channel)
        finally:
            lane.free_at = self._clock.monotonic() + pause
            lane.task = None
            self.wake()

    def _stall(self, error: StoreError) -> None:
        if self._unmarked.is_news(str(error)):
            log.error("messages wait, since what becomes of them cannot be stored: %s", error)

    async def _try(self, lane: ChannelQueue, envelope: Envelope) -> float:
        """One attempt; the seconds for which the lane then waits."""
        if not await self._keeper.do(outbox.mark_sending, envelope.number, self._clock.time()):
            return 0.0
        try:
            posted = await self._send(envelope)
        except DeliveryError as error:
            return await self._failed(lane, envelope, error)
        now = self._clock.time()
        await self._keeper.do(outbox.mark_sent, envelope, posted.channel_id, posted.ts, now)
        self._delivered(max(now - envelope.created, 0.0))
        self._owing.pop(envelope.channel, None)
        if times := lane.failures.ended():
            log.info("Slack takes messages for %s again, after %d attempts that failed", envelope.channel, times)
        if times := self._unmarked.ended():
            log.info("the database takes marks again, after %d that failed: messages go out", times)
        lane.pause = FIRST_PAUSE
        return PACE

    async def _send(self, envelope: Envelope) -> Posted:
        post = _post_of(envelope)
        if envelope.action == "post":
            return await self._poster.post(post)
        if envelope.channel_id is None or envelope.ts is None:
            raise DeliveryError("message_not_found", permanent=True)
        if envelope.action == "reply":
            return await self._poster.post(post)
        await self._poster.update(envelope.channel_id, envelope.ts, post.message)
        return Posted(envelope.channel_id, envelope.ts)

    async def _failed(self, lane: ChannelQueue, envelope: Envelope, error: DeliveryError) -> float:
        self._owing[envelope.channel] = error.code, self._clock.monotonic()
        if error.permanent:
            await self._refused(lane, envelope, error)
            return PACE
        if error.unknown and envelope.action != "update":
            self._searches[envelope.number] = Search(self._clock.monotonic())
            await self._keeper.do(outbox.mark_unknown, envelope.number, error.code)
        else:
            await self._keeper.do(outbox.mark_again, envelope.number, error.code)
        return self._hold(lane, envelope, error)

    def _hold(self, lane: ChannelQueue, envelope: Envelope, error: DeliveryError) -> float:
        """The seconds a lane waits after a failure that passes; Slack's own word holds for the whole method."""
        if lane.failures.is_news(error.code):
            what = "say what became of" if lane.method == "find" else "confirm"
            log.warning("Slack did not %s a message for %s (%s)", what, envelope.channel, error.code)
        if error.retry_after is not None:
            self._methods[lane.method] = self._clock.monotonic() + error.retry_after
            return error.retry_after
        pause, lane.pause = lane.pause, min(2 * lane.pause, LONGEST_PAUSE)
        return pause

    async def _refused(self, lane: ChannelQueue, envelope: Envelope, error: DeliveryError) -> None:
        """What trying again as it is cannot mend is said otherwise: as plain text, as a new message, elsewhere."""
        if error.code in _BLOCKS_REFUSED and not envelope.plain:
            log.error("Slack refuses the blocks of a message (%s): it goes out as plain text", error.code)
            await self._keeper.do(outbox.mark_again, envelope.number, error.code, plain=True)
        elif envelope.action == "update" and error.code not in REFUSED_TOKEN:
            log.warning("a message in %s cannot be edited (%s): a new one says it", envelope.channel, error.code)
            await self._keeper.do(outbox.mark_replaced, envelope, error.code)
        else:
            await self._park(lane, envelope, error)

    async def _park(self, lane: ChannelQueue, envelope: Envelope, error: DeliveryError) -> None:
        """Keep it, and have a post said in the fallback channel, where the same token may do."""
        twin = None
        elsewhere = self._fallback
        if (
            envelope.action == "post"
            and elsewhere not in {None, envelope.channel}
            and error.code not in REFUSED_TOKEN - {"no_permission"}
        ):
            twin = NewMessage(uuid.uuid4().hex, envelope.subject, "post", str(elsewhere), envelope.body)
            self._owing.pop(envelope.channel, None)
        if lane.failures.is_news(error.code):
            where = f"they go to {elsewhere}" if twin else "they are kept, and tried again at the next start or reload"
            log.error("Slack refuses messages for %s (%s): %s", envelope.channel, error.code, where)
        await self._keeper.do(outbox.park, envelope, error.code, twin, self._clock.time())

    def _search(self, envelope: Envelope) -> Search:
        """The search for it, begun after a restart by what the row tells, whose clock may have stepped since."""
        if envelope.number not in self._searches:
            ago = self._clock.time() - (envelope.attempted or envelope.created)
            tried = self._clock.monotonic() - min(max(ago, 0.0), LOOKS[-1])
            self._searches[envelope.number] = Search(tried)
        return self._searches[envelope.number]

    async def _look(self, lane: ChannelQueue, envelope: Envelope) -> float:
        """Look whether a message arrived whose answer was lost; post it again only if it is not there."""
        search = self._search(envelope)
        looked = self._clock.monotonic()
        try:
            found = await self._find(envelope, looked - search.tried)
        except DeliveryError as error:
            return await self._cannot_look(lane, envelope, error)
        lane.failures.ended()
        lane.pause = FIRST_PAUSE
        # The looks that are overdue by now, after a restart or an outage, are made by this one.
        search.looks = sum(looked - search.tried >= seconds for seconds in LOOKS)
        if found is not None:
            await self._keeper.do(outbox.mark_found, envelope, found.channel_id, found.ts, self._clock.time())
            self._owing.pop(envelope.channel, None)
        elif search.looks == len(LOOKS):
            await self._keeper.do(outbox.mark_again, envelope.number, None)
        else:
            return 0.0
        del self._searches[envelope.number]
        return 0.0

    async def _find(self, envelope: Envelope, ago: float) -> Posted | None:
        passed = max(ago, self._clock.time() - (envelope.attempted or envelope.created))
        return await self._poster.find(_post_of(envelope), since=passed + MARGIN)

    async def _cannot_look(self, lane: ChannelQueue, envelope: Envelope, error: DeliveryError) -> float:
        if not error.permanent or error.code in DEAD_TOKEN:
            return self._hold(lane, envelope, error)
        if envelope.channel not in self._unreadable and error.code not in _GONE:
            self._unreadable.add(envelope.channel)
            log.warning(
                "the history of %s cannot be read (%s): a message whose answer was lost is posted again, and may then"
                " stand there twice; invite the bot to the channel",
                envelope.channel,
                error.code,
            )
        await self._keeper.do(outbox.mark_again, envelope.number, error.code)
        del self._searches[envelope.number]
        return 0.0


def _post_of(envelope: Envelope) -> Post:
    """What a row posts: a message of its own, or a reply in the thread of the message it belongs to."""
    message = from_json(envelope.body)
    if envelope.plain:
        message = Message(message.text)
    if envelope.action == "post":
        return Post(envelope.channel, message, envelope.id)
    return Post(envelope.channel_id or envelope.channel, message, envelope.id, envelope.ts, envelope.broadcast)


async def _either(woken: Coroutine[Any, Any, Any], slept: Coroutine[Any, Any, Any] | None) -> None:
    """Wait for the first of the two."""
    tasks = [asyncio.ensure_future(waiting) for waiting in (woken, slept) if waiting is not None]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
