"""The weekly review: which rules post noise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date

from alertbot.config import Config
from alertbot.messages.blocks import Message
from alertbot.messages.review import review_message
from alertbot.query.review import review
from alertbot.query.scope import Scope
from alertbot.service.daily_post import DailyPost, due
from alertbot.store.keeper import Storekeeper
from alertbot.units import DAY


class WeeklyReview(DailyPost):
    """Posts the review of the last seven days to the default channel; ``scope()`` is what is watched by now."""

    def __init__(
        self, config: Config, keeper: Storekeeper, now: Callable[[], float], scope: Callable[[], Scope]
    ) -> None:
        super().__init__("review", keeper, now)
        self._config = config
        self._scope = scope

    def today(self) -> date | None:
        settings = self._config.review
        if settings is None or not self._scope().watch.rules:  # nothing is watched yet
            return None
        days, minute = settings.at
        return due(self._now(), self._config.slack.zone, minute, days)

    async def message(self, today: date) -> tuple[str, Message]:
        facts = await asyncio.to_thread(review, self._scope(), 7 * DAY)
        return self._config.slack.channel, review_message(facts)
