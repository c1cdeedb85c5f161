"""The daily digest: when it is due; it is put into the outbox once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, tzinfo

from alertbot.config import Config, DigestSettings
from alertbot.errors import FeedError
from alertbot.feed.answers import DataType
from alertbot.feed.api import ALL, CdnApi
from alertbot.feed.budget import Priority
from alertbot.messages.digest import digest_message
from alertbot.messages.slack import to_json
from alertbot.query.digest import DIGEST, Digest, Volume, day_before, digest
from alertbot.rules.selection import TOTAL
from alertbot.store import outbox
from alertbot.store.keeper import Storekeeper
from alertbot.store.outbox import NewMessage
from alertbot.units import SLOT

LATEST = 6 * 60
"""Minutes after its time for which a digest is still posted, where nobody was there to post it in time."""


def due(now: float, zone: tzinfo, settings: DigestSettings) -> date | None:
    """The local date on which the digest of the day before is due now, by the clock on the wall; ``None``: none is."""
    local = datetime.fromtimestamp(now, zone)
    passed = 60 * local.hour + local.minute - settings.at
    return local.date() if local.weekday() in settings.days and 0 <= passed < LATEST else None


class DailyDigest:
    """Posts the digest of yesterday, once a day; ``now()`` is epoch seconds by the API's clock."""

    def __init__(self, config: Config, api: CdnApi, keeper: Storekeeper, now: Callable[[], float]) -> None:
        self._config = config
        self._api = api
        self._keeper = keeper
        self._now = now
        self._done: date | None = None

    async def post_if_due(self) -> bool:
        """Put the digest into the outbox where it is due and not there yet; whether it was."""
        settings, zone = self._config.digest, self._config.slack.zone
        today = None if settings is None else due(self._now(), zone, settings)
        if settings is None or today is None or today == self._done:
            return False
        subject = f"{DIGEST}:{today.isoformat()}"
        posted = not await self._keeper.do(outbox.has_message_about, subject) and await self._post(today, subject)
        self._done = today
        return posted

    async def _post(self, today: date, subject: str) -> bool:
        zone, settings = self._config.slack.zone, self._config.digest
        first, last = day_before(today, zone)
        facts = await asyncio.to_thread(digest, self._config.store.path, first, last)
        if settings is None or (facts.total.now is None and not facts.incidents):
            return False  # a first day: there is nothing to post
        message = digest_message(await self._with_traffic(facts), zone)
        draft = NewMessage(uuid.uuid4().hex, subject, "post", settings.channel, to_json(message))
        await self._keeper.do(outbox.enqueue, [draft], self._now())
        return True

    async def _with_traffic(self, facts: Digest) -> Digest:
        """The day's volume as the API itself counts it, where one call says it; else the sum of what is stored."""
        try:
            answer = await self._api.bandwidth(
                ALL, facts.start, facts.end - SLOT, data_type=DataType.TRAFFIC, priority=Priority.HISTORY
            )
        except FeedError:
            return facts
        volume = sum(answer.values.values())
        total = Volume(TOTAL, volume, facts.total.before)
        return replace(facts, total=total) if volume > 0 and facts.known > 0 else facts
