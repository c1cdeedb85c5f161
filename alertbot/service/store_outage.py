"""When nothing can be stored: said once for each cause in the log, and once in Slack, past the outbox.

The outbox lies in the database that fails, so these messages go out without it.
"""

from __future__ import annotations

import asyncio
import logging
import uuid

from alertbot.clock import Clock
from alertbot.errors import DeliveryError, ServiceBroken, StoreError
from alertbot.messages.blocks import Message, escape
from alertbot.ops.outage import Outage
from alertbot.slack.client import Post, Posted
from alertbot.slack.poster import Poster
from alertbot.units import format_duration

log = logging.getLogger(__name__)

POST_AFTER = 60.0
"""Seconds of failure after which it is posted: a backup may lock the database for a moment."""

ANNOUNCED_ONCE_IN = 6 * 3600.0
"""Seconds within which the same trouble is announced once, by whatever process."""

LAST_WORDS = 20.0
"""Seconds for telling Slack that the service cannot start: systemd is to see it fail soon, and often, and give up."""


class StoreOutage:
    """Keeps the present failure of the database, and posts it to ``channel``."""

    def __init__(self, poster: Poster, channel: str, clock: Clock) -> None:
        self.channel = channel
        self._poster = poster
        self._outage = Outage(clock.monotonic)
        self._is_posted = False
        self._posted: Posted | None = None

    @property
    def lasts(self) -> bool:
        """Whether the last turn could store nothing."""
        return self.cause is not None

    @property
    def cause(self) -> str | None:
        """Why the last turn could store nothing; ``None`` where it could."""
        return self._outage.cause

    async def failed(self, error: StoreError) -> None:
        """Note that a turn could store nothing."""
        cause = str(error)
        if self._outage.is_news(cause):
            log.error("nothing can be stored, so nothing is judged: %s", cause)
        if not self._is_posted and (self._outage.seconds or 0.0) >= POST_AFTER:
            await self._post(cause)

    async def ended(self) -> None:
        """Note that a turn stored what it had, and say so where the one before could not."""
        lasted = format_duration(self._outage.seconds or 0.0)
        turns = self._outage.ended()
        if not turns:
            return
        log.info("the database works again after %s and %d failed turns: what was missed is judged", lasted, turns)
        if self._posted is not None:
            await self._retract(self._posted, lasted)
        self._is_posted, self._posted = False, None

    async def announce_failed_start(self, error: StoreError) -> None:
        """Post that the service cannot start."""
        await self._announce(
            f"alertbot cannot start, so nothing is watched and no alert comes until that is mended: {error}"
        )

    async def announce_crash(self, error: ServiceBroken) -> None:
        """Post that the service ends since it cannot do its work."""
        await self._announce(f"alertbot judges nothing, so no alert comes, and starts again: {error}")

    async def _announce(self, text: str) -> None:
        """Post past the outbox, each text once in six hours, however often systemd starts the service again."""
        name = uuid.uuid5(uuid.NAMESPACE_URL, text).hex
        try:
            async with asyncio.timeout(LAST_WORDS):
                post = Post(self.channel, Message(escape(text)), name)
                if not await self._was_posted(post):
                    await self._poster.post(post)
        except (DeliveryError, TimeoutError) as failure:
            log.warning("Slack did not take a message about the service itself (%s)", failure or "no answer in time")

    async def _was_posted(self, post: Post) -> bool:
        """Whether an earlier start posted it of late."""
        try:
            return await self._poster.find(post, since=ANNOUNCED_ONCE_IN) is not None
        except DeliveryError:
            return False  # twice is better than not at all

    async def _post(self, cause: str) -> None:
        text = f"alertbot cannot store anything, so no rule is judged and no alert comes until that is mended: {cause}"
        try:
            self._posted = await self._poster.post(Post(self.channel, Message(escape(text)), uuid.uuid4().hex))
            self._is_posted = True
        except DeliveryError as error:
            self._is_posted = error.unknown or error.permanent  # twice would be once too often

    async def _retract(self, posted: Posted, lasted: str) -> None:
        text = f"alertbot could store nothing for {lasted}; it can again, and what it missed is judged."
        try:
            await self._poster.update(posted.channel_id, posted.ts, Message(text))
        except DeliveryError as error:
            log.warning("the message about the database stands as it is (%s)", error.code)
