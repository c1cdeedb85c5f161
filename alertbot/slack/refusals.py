"""Messages that Slack refuses as they are: they go out otherwise, or elsewhere, or are kept and tried again."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable

from alertbot.clock import Clock
from alertbot.errors import DeliveryError
from alertbot.messages.slack import without_mentions
from alertbot.slack.channel_queue import ChannelQueue
from alertbot.slack.failures import GONE, REFUSED_BLOCKS, REFUSED_CHANNEL, REFUSED_TOKEN
from alertbot.store import edits, outbox, parked
from alertbot.store.keeper import Storekeeper
from alertbot.store.outbox import NewMessage, OutboxRow

log = logging.getLogger(__name__)

RETRY_PARKED = 170.0
"""Seconds until one of the messages that Slack refuses for a channel is tried again."""

_LATELY = 3600.0  # seconds


class Refusals:
    """Keeps which channels Slack refuses messages for, and when one of each is tried again.

    ``fallback``: the channel that refused messages go to. ``dated_by``: the clock by which messages are dated.
    """

    def __init__(self, keeper: Storekeeper, clock: Clock, dated_by: Callable[[], float], fallback: str | None) -> None:
        self.fallback = fallback
        self._keeper = keeper
        self._clock = clock
        self._dated_by = dated_by
        self._words: dict[str, tuple[str, float]] = {}  # Slack's last word by channel and when, monotonic
        self._refusing: set[str] = set()  # channels for which messages are parked
        self._retry_at: float | None = None  # monotonic; None while nothing is parked

    @property
    def trouble(self) -> str | None:
        """For which channel messages were refused within the last hour, and Slack's word for it."""
        oldest = self._clock.monotonic() - _LATELY
        lately = ((channel, code) for channel, (code, at) in self._words.items() if at > oldest)
        return next((f"messages for {channel}: {code}" for channel, code in lately), None)

    def taken(self, channel: str) -> bool:
        """Note that Slack took a message for a channel; whether others wait that it refused before."""
        self._words.pop(channel, None)
        return channel in self._refusing

    def retry_in(self) -> float | None:
        """The seconds until one that is kept is tried again; ``None`` where none is kept."""
        return None if self._retry_at is None else max(self._retry_at - self._clock.monotonic(), 0.0)

    async def retry_when_due(self) -> None:
        """Try one refused message of each channel again every few minutes."""
        now = self._clock.monotonic()
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = now + RETRY_PARKED if await self._keeper.do(parked.retry) else None

    def forget_parked(self) -> None:
        """All that was kept is tried again just now."""
        self._retry_at = None
        self._refusing.clear()

    async def refused(self, queue: ChannelQueue, row: OutboxRow, error: DeliveryError) -> None:
        """Send a row otherwise that Slack refuses as it is: as plain text, as a new message, or elsewhere."""
        if error.code in REFUSED_BLOCKS and not row.text_only:
            log.error("Slack refuses the blocks of a message (%s): it goes out as plain text", error.code)
            await self._keeper.do(outbox.requeue, row.number, error.code, text_only=True)
        elif row.action != "post" and error.code in GONE:
            log.warning("a message in %s is gone (%s): it is posted once more", row.channel, error.code)
            await self._keeper.do(edits.post_anew, row, error.code, uuid.uuid4().hex, without_mentions)
        elif row.action == "update" and error.code not in REFUSED_TOKEN | REFUSED_CHANNEL:
            log.warning("a message in %s cannot be edited (%s): its thread says what changes", row.channel, error.code)
            await self._keeper.do(edits.refuse_edits, row, error.code, without_mentions)
        else:
            await self._park(queue, row, error)

    async def _park(self, queue: ChannelQueue, row: OutboxRow, error: DeliveryError) -> None:
        """Keep the row, and queue a copy for the fallback channel, where it is a post that the token may make there."""
        copy = None
        elsewhere = self.fallback
        if (
            row.action != "reply"
            and elsewhere not in {None, row.channel}
            and error.code not in REFUSED_TOKEN - {"no_permission"}
        ):
            copy = NewMessage(uuid.uuid4().hex, row.subject, "post", str(elsewhere), row.body)
            self._words.pop(row.channel, None)
        else:
            self._words[row.channel] = error.code, self._clock.monotonic()
        if queue.failures.is_news(error.code):
            where = f"they go to {elsewhere}" if copy else "they are kept, and tried again every few minutes"
            log.error("Slack refuses messages for %s (%s): %s", row.channel, error.code, where)
        await self._keeper.do(parked.park, row, error.code, copy, self._dated_by())
        if copy is not None:
            return
        self._refusing.add(row.channel)
        if self._retry_at is None:
            self._retry_at = self._clock.monotonic() + RETRY_PARKED
