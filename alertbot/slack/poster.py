"""What delivery stands between: the outbox that owes messages, and where they are posted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from alertbot.messages.blocks import Message
from alertbot.messages.slack import plain
from alertbot.slack.client import Posted
from alertbot.store.outbox import Envelope, NewMessage

log = logging.getLogger(__name__)


class Outbox(Protocol):
    """What delivery needs of the store; each method may raise ``StoreError``."""

    async def recover(self) -> tuple[int, int]:
        """How many messages were being sent and may have arrived, and how many refused ones are tried again."""

    async def waiting(self) -> Sequence[Envelope]:
        """What may go out now, the oldest of each channel: a message and an edit."""

    async def uncertain(self) -> Sequence[Envelope]:
        """What may have arrived."""

    async def mark_sending(self, envelope: Envelope, now: float) -> bool:
        """Slack is about to be asked; false where it need not be, since the row has moved on."""

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

    async def park(self, envelope: Envelope, error: str, twin: NewMessage | None, now: float) -> None:
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
