"""Delivery: takes what the outbox owes to Slack, or to the log where there is no Slack, and marks what arrived.

A row is marked sent only after it was taken. One post a second a channel; a channel that fails waits by itself, with a
growing pause, and holds up no other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from alertbot.clock import Clock
from alertbot.errors import DeliveryError, StoreError
from alertbot.slack.blocks import Message
from alertbot.slack.client import Posted
from alertbot.slack.messages import from_json, plain
from alertbot.store.outbox import Envelope

log = logging.getLogger(__name__)

PACE = 1.05
"""Seconds between two posts to a channel: Slack takes about one a second."""

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 120.0


class Outbox(Protocol):
    """What delivery needs of the store."""

    async def waiting(self) -> Sequence[Envelope]:
        """What may go out now, the oldest of each channel."""

    async def mark_sent(self, envelope: Envelope, channel_id: str, ts: str, now: float) -> None:
        """It stands in Slack."""

    async def mark_failed(self, envelope: Envelope, error: str, *, park: bool) -> None:
        """It does not; ``park`` where trying again changes nothing."""


class Poster(Protocol):
    """Where messages go: Slack, or the log."""

    async def post(self, channel: str, message: Message, *, metadata_id: str) -> Posted:
        """Post a message; raises ``DeliveryError``."""

    async def update(self, channel_id: str, ts: str, message: Message) -> None:
        """Edit one; raises ``DeliveryError``."""


class LogPoster:
    """Prints messages to the log: what ``run`` does without Slack tokens."""

    def __init__(self) -> None:
        self._posted = 0

    async def post(self, channel: str, message: Message, *, metadata_id: str) -> Posted:  # noqa: ARG002 - Slack's
        self._posted += 1
        log.warning("message for %s: %s", channel, plain(message).replace("\n", " | "))
        return Posted(channel, f"log.{self._posted}")

    async def update(self, channel_id: str, ts: str, message: Message) -> None:  # noqa: ARG002 - likewise
        log.warning("message for %s, edited: %s", channel_id, plain(message).replace("\n", " | "))


@dataclass
class _Channel:
    """When a channel may be used again, and how long it waits after the next failure."""

    free_at: float = 0.0
    pause: float = FIRST_PAUSE
    failing: str | None = None


class Delivery:
    """Drains the outbox until stopped; ``wake`` it after a commit."""

    def __init__(self, outbox: Outbox, poster: Poster, clock: Clock) -> None:
        self._outbox = outbox
        self._poster = poster
        self._clock = clock
        self._channels: dict[str, _Channel] = {}
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
        """Deliver what may go out now, one message a channel.

        Returns the seconds until the next look is due, ``None`` where nothing is owed.
        """
        envelopes = await self._outbox.waiting()
        pauses = await asyncio.gather(*(self._drain_channel(envelope) for envelope in envelopes))
        return min(pauses, default=None)

    async def _drain_channel(self, envelope: Envelope) -> float:
        channel = self._channels.setdefault(envelope.channel, _Channel())
        pause = channel.free_at - self._clock.monotonic()
        if pause > 0:
            return pause
        try:
            posted = await self._send(envelope)
        except DeliveryError as error:
            await self._outbox.mark_failed(envelope, error.code, park=error.permanent)
            pause = self._failed(channel, envelope, error)
        else:
            await self._outbox.mark_sent(envelope, posted.channel_id, posted.ts, self._clock.time())
            pause = self._succeeded(channel, envelope)
        channel.free_at = self._clock.monotonic() + pause
        return pause

    async def _send(self, envelope: Envelope) -> Posted:
        message = from_json(envelope.body)
        if envelope.action == "post":
            return await self._poster.post(envelope.channel, message, metadata_id=envelope.id)
        if envelope.channel_id is None or envelope.ts is None:
            raise DeliveryError("message_not_found", permanent=True)
        await self._poster.update(envelope.channel_id, envelope.ts, message)
        return Posted(envelope.channel_id, envelope.ts)

    def _failed(self, channel: _Channel, envelope: Envelope, error: DeliveryError) -> float:
        if error.permanent:
            log.error(
                "Slack refuses a message for %s (%s): it is kept, and tried again at the next start",
                envelope.channel,
                error.code,
            )
            return PACE
        if channel.failing != error.code:
            log.warning("Slack did not take a message for %s (%s): trying again", envelope.channel, error.code)
        channel.failing = error.code
        pause = channel.pause if error.retry_after is None else error.retry_after
        channel.pause = min(2 * channel.pause, LONGEST_PAUSE)
        return pause

    def _succeeded(self, channel: _Channel, envelope: Envelope) -> float:
        if channel.failing is not None:
            log.info("Slack takes messages for %s again", envelope.channel)
        channel.failing, channel.pause = None, FIRST_PAUSE
        return PACE


async def _either(woken: Coroutine[Any, Any, Any], slept: Coroutine[Any, Any, Any] | None) -> None:
    """Wait for the first of the two."""
    tasks = [asyncio.ensure_future(waiting) for waiting in (woken, slept) if waiting is not None]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
