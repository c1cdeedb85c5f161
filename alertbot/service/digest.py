"""The daily digest: what yesterday was like."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date

from alertbot.config import Config
from alertbot.errors import FeedError
from alertbot.feed.answers import DataType
from alertbot.feed.api import ALL, CdnApi
from alertbot.feed.quotas import Priority
from alertbot.messages.blocks import Message
from alertbot.messages.digest import digest_message
from alertbot.query.digest import DIGEST, Digest, Volume, day_before, digest
from alertbot.rules.selection import TOTAL
from alertbot.service.daily_post import DailyPost, due
from alertbot.store.keeper import Storekeeper
from alertbot.units import SLOT


class DailyDigest(DailyPost):
    """Posts the digest of yesterday, once a day; ``now()`` is epoch seconds by the API's clock."""

    def __init__(self, config: Config, api: CdnApi, keeper: Storekeeper, now: Callable[[], float]) -> None:
        super().__init__(DIGEST, keeper, now)
        self._config = config
        self._api = api

    def today(self) -> date | None:
        settings = self._config.digest
        return None if settings is None else due(self._now(), self._config.slack.zone, settings.at, settings.days)

    async def message(self, today: date) -> tuple[str, Message] | None:
        zone, settings = self._config.slack.zone, self._config.digest
        first, last = day_before(today, zone)
        facts = await asyncio.to_thread(digest, self._config.store.path, first, last)
        if settings is None or (facts.total.now is None and not facts.incidents):
            return None  # a first day: there is nothing to post
        return settings.channel, digest_message(await self._with_traffic(facts), zone)

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
