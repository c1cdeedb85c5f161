"""Delivery: takes what the outbox owes to Slack and sees that each message stands there once.

Slack knows no idempotency key. So a row is marked before Slack is asked; where the answer is lost, or we died in
between, the channel's history is searched for the row's id before it is posted again. Edits can be repeated at will.
One message a second a channel; a channel that fails waits by itself and holds up no other.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from alertbot.clock import Clock
from alertbot.errors import DeliveryError, StoreError
from alertbot.slack.blocks import Message
from alertbot.slack.client import Posted
from alertbot.slack.messages import from_json, plain
from alertbot.store.outbox import Draft, Envelope

log = logging.getLogger(__name__)

PACE = 1.05
"""Seconds between two messages to a channel: Slack takes about one a second."""

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0

LOOKS = (2.0, 10.0, 30.0, 60.0, 75.0)
"""Seconds after an attempt at which its message is looked for; after the last it counts as not posted.

A lost message was never seen to appear later than a minute after; the last look is the margin.
"""

MARGIN = 3600.0
"""Seconds of history before the attempt that are searched: more than any clock is off."""

_BLOCKS_REFUSED = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "invalid_attachments", "msg_blocks_too_long", "msg_too_long"}
)


class Outbox(Protocol):
    """What delivery needs of the store; each method may raise ``StoreError``."""

    async def waiting(self) -> Sequence[Envelope]:
        """What may go out now, the oldest of each channel."""

    async def uncertain(self) -> Sequence[Envelope]:
        """What may have arrived."""

    async def mark_sending(self, envelope: Envelope, now: float) -> None:
        """Slack is about to be asked."""

    async def mark_sent(self, envelope: Envelope, channel_id: str, ts: str, now: float) -> None:
        """Slack took it."""

    async def mark_found(self, envelope: Envelope, channel_id: str, ts: str, now: float) -> None:
        """It was found in Slack."""

    async def mark_again(self, envelope: Envelope, error: str | None, *, plain: bool = False) -> None:
        """It is to be tried again."""

    async def mark_unknown(self, envelope: Envelope, error: str) -> None:
        """The answer was lost."""

    async def mark_replaced(self, envelope: Envelope, error: str) -> None:
        """An edit becomes a message of its own."""

    async def park(self, envelope: Envelope, error: str, twin: Draft | None, now: float) -> None:
        """Slack refuses it for good; ``twin`` says it elsewhere."""


class Poster(Protocol):
    """Where messages go: Slack, or the log. Every method raises ``DeliveryError``."""

    async def post(
        self,
        channel: str,
        message: Message,
        *,
        metadata_id: str,
        thread_ts: str | None = None,
        broadcast: bool = False,
    ) -> Posted:
        """Post a message, or a reply."""

    async def update(self, channel_id: str, ts: str, message: Message) -> None:
        """Edit one."""

    async def find(self, channel: str, metadata_id: str, *, since: float, thread_ts: str | None) -> Posted | None:
        """The message of this id, if it was posted at most ``since`` seconds ago."""


class LogPoster:
    """Prints messages to the log: what ``run`` does without Slack tokens."""

    def __init__(self) -> None:
        self._posted = 0

    async def post(
        self,
        channel: str,
        message: Message,
        *,
        metadata_id: str,
        thread_ts: str | None = None,
        broadcast: bool = False,
    ) -> Posted:
        self._posted += 1
        log.warning("message for %s: %s", channel, plain(message).replace("\n", " | "))
        return Posted(channel, f"log.{self._posted}")

    async def update(self, channel_id: str, ts: str, message: Message) -> None:
        log.warning("message for %s, edited: %s", channel_id, plain(message).replace("\n", " | "))

    async def find(self, channel: str, metadata_id: str, *, since: float, thread_ts: str | None) -> Posted | None:
        return None


@dataclass
class _Channel:
    """When a channel may be used again, and how long it waits after the next failure."""

    free_at: float = 0.0
    pause: float = FIRST_PAUSE
    failing: str | None = None


@dataclass
class _Search:
    """A message that may have arrived: when it was tried (monotonic), and how often it was looked for since."""

    tried: float
    looks: int = 0
    again_at: float = 0.0

    @property
    def due(self) -> float:
        """When to look next."""
        return max(self.tried + LOOKS[min(self.looks, len(LOOKS) - 1)], self.again_at)


@dataclass
class _State:
    """What delivery keeps in memory; all of it may be lost."""

    channels: dict[str, _Channel] = field(default_factory=dict)
    methods: dict[str, float] = field(default_factory=dict)
    searches: dict[int, _Search] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)


class Delivery:
    """Drains the outbox until stopped; ``wake`` it after a commit. ``fallback``: the channel for refused messages."""

    def __init__(self, outbox: Outbox, poster: Poster, clock: Clock, fallback: str | None = None) -> None:
        self._outbox = outbox
        self._poster = poster
        self._clock = clock
        self._fallback = fallback
        self._state = _State()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be something to deliver."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._woken.clear()
            try:
                pause = await self.drain()
            except StoreError as error:
                log.error("messages wait: %s", error)  # noqa: TRY400 - the text says it all
                pause = LONGEST_PAUSE
            await _either(self._woken.wait(), None if pause is None else self._clock.sleep(pause))

    async def drain(self) -> float | None:
        """Deliver what may go out now, one message a channel, and look for what may have arrived.

        Returns the seconds until the next look is due, ``None`` where nothing is owed.
        """
        searched = [self._search(envelope) for envelope in await self._outbox.uncertain()]
        sent = [self._deliver(envelope) for envelope in await self._outbox.waiting()]
        pauses = await asyncio.gather(*searched, *sent)
        return min(pauses, default=None)

    async def _deliver(self, envelope: Envelope) -> float:
        channel = self._state.channels.setdefault(envelope.channel, _Channel())
        method = "update" if envelope.action == "update" else "post"
        free_at = max(channel.free_at, self._state.methods.get(method, 0.0))
        if free_at > self._clock.monotonic():
            return free_at - self._clock.monotonic()
        pause = await self._try(channel, method, envelope)
        channel.free_at = self._clock.monotonic() + pause
        return pause

    async def _try(self, channel: _Channel, method: str, envelope: Envelope) -> float:
        """One attempt; the seconds for which the channel then waits."""
        await self._outbox.mark_sending(envelope, self._clock.time())
        try:
            posted = await self._send(envelope)
        except DeliveryError as error:
            return await self._failed(channel, method, envelope, error)
        await self._outbox.mark_sent(envelope, posted.channel_id, posted.ts, self._clock.time())
        if channel.failing is not None:
            log.info("Slack takes messages for %s again", envelope.channel)
        channel.failing, channel.pause = None, FIRST_PAUSE
        return PACE

    async def _send(self, envelope: Envelope) -> Posted:
        message = from_json(envelope.body)
        if envelope.plain:
            message = Message(message.text)
        if envelope.action == "post":
            return await self._poster.post(envelope.channel, message, metadata_id=envelope.id)
        if envelope.channel_id is None or envelope.ts is None:
            raise DeliveryError("message_not_found", permanent=True)
        if envelope.action == "reply":
            return await self._poster.post(
                envelope.channel_id,
                message,
                metadata_id=envelope.id,
                thread_ts=envelope.ts,
                broadcast=envelope.broadcast,
            )
        await self._poster.update(envelope.channel_id, envelope.ts, message)
        return Posted(envelope.channel_id, envelope.ts)

    async def _failed(self, channel: _Channel, method: str, envelope: Envelope, error: DeliveryError) -> float:
        if error.permanent:
            await self._refused(envelope, error)
            return PACE
        if error.unknown and envelope.action != "update":
            self._state.searches[envelope.number] = _Search(self._clock.monotonic())
            await self._outbox.mark_unknown(envelope, error.code)
        else:
            await self._outbox.mark_again(envelope, error.code)
        if channel.failing != error.code:
            log.warning("Slack did not confirm a message for %s (%s)", envelope.channel, error.code)
        channel.failing = error.code
        if error.retry_after is not None:
            self._state.methods[method] = self._clock.monotonic() + error.retry_after
            return error.retry_after
        pause, channel.pause = channel.pause, min(2 * channel.pause, LONGEST_PAUSE)
        return pause

    async def _refused(self, envelope: Envelope, error: DeliveryError) -> None:
        """What trying again as it is cannot mend is said otherwise: as plain text, as a new message, elsewhere."""
        if error.code in _BLOCKS_REFUSED and not envelope.plain:
            log.error("Slack refuses the blocks of a message (%s): it goes out as plain text", error.code)
            await self._outbox.mark_again(envelope, error.code, plain=True)
        elif envelope.action == "update":
            log.warning("a message in %s cannot be edited (%s): a new one says it", envelope.channel, error.code)
            await self._outbox.mark_replaced(envelope, error.code)
        else:
            elsewhere = self._fallback if envelope.action == "post" and envelope.channel != self._fallback else None
            where = f"it goes to {elsewhere}" if elsewhere else "it is kept, and tried again at the next start"
            log.error("Slack refuses messages for %s (%s): %s", envelope.channel, error.code, where)
            twin = None
            if elsewhere is not None:
                twin = Draft(uuid.uuid4().hex, envelope.subject, "post", elsewhere, envelope.body)
            await self._outbox.park(envelope, error.code, twin, self._clock.time())

    async def _search(self, envelope: Envelope) -> float:
        """Look whether a message arrived whose answer was lost; post it again only if it is not there."""
        search = self._state.searches.setdefault(envelope.number, self._search_after_restart(envelope))
        wait = search.due - self._clock.monotonic()
        if wait > 0:
            return wait
        looked = self._clock.monotonic()
        try:
            found = await self._look(envelope, looked - search.tried)
        except DeliveryError as error:
            return await self._cannot_look(envelope, search, error)
        if found is not None:
            self._settle(envelope)
            await self._outbox.mark_found(envelope, found.channel_id, found.ts, self._clock.time())
            return 0.0
        # The looks that are overdue by now, after a restart, are made by this one.
        search.looks = sum(looked - search.tried >= seconds for seconds in LOOKS)
        if search.looks < len(LOOKS):
            return search.due - looked
        self._settle(envelope)
        await self._outbox.mark_again(envelope, None)
        return 0.0

    def _search_after_restart(self, envelope: Envelope) -> _Search:
        """The row tells when it was tried, by a clock that may have stepped since."""
        ago = self._clock.time() - (envelope.attempted or envelope.created)
        return _Search(self._clock.monotonic() - min(max(ago, 0.0), LOOKS[-1]))

    async def _look(self, envelope: Envelope, ago: float) -> Posted | None:
        passed = max(ago, self._clock.time() - (envelope.attempted or envelope.created))
        where = envelope.channel if envelope.action == "post" else (envelope.channel_id or envelope.channel)
        thread = envelope.ts if envelope.action == "reply" else None
        return await self._poster.find(where, envelope.id, since=passed + MARGIN, thread_ts=thread)

    async def _cannot_look(self, envelope: Envelope, search: _Search, error: DeliveryError) -> float:
        if not error.permanent:
            pause = error.retry_after if error.retry_after is not None else 2 * FIRST_PAUSE
            search.again_at = self._clock.monotonic() + pause
            return pause
        if envelope.channel not in self._state.unreadable:
            self._state.unreadable.add(envelope.channel)
            log.warning(
                "the history of %s cannot be read (%s): a message whose answer was lost is posted again, and may then"
                " stand there twice; invite the bot to the channel",
                envelope.channel,
                error.code,
            )
        self._settle(envelope)
        await self._outbox.mark_again(envelope, error.code)
        return 0.0

    def _settle(self, envelope: Envelope) -> None:
        self._state.searches.pop(envelope.number, None)


async def _either(woken: Coroutine[Any, Any, Any], slept: Coroutine[Any, Any, Any] | None) -> None:
    """Wait for the first of the two."""
    tasks = [asyncio.ensure_future(waiting) for waiting in (woken, slept) if waiting is not None]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
