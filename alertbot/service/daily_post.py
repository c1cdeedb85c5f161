"""A message that is posted at a time of day, on some days of the week, once: it is put into the outbox."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from datetime import date, datetime, tzinfo

from alertbot.messages.blocks import Message
from alertbot.messages.slack import to_json
from alertbot.store import outbox
from alertbot.store.keeper import Storekeeper
from alertbot.store.outbox import NewMessage

LATEST = 6 * 60
"""Minutes after its time for which it is still posted, where nobody was there to post it in time."""


def due(now: float, zone: tzinfo, minute: int, days: Collection[int]) -> date | None:
    """The local date on which what is posted at that minute of these days is due now; ``None``: it is not.

    The clock on the wall decides; days count from 0, Monday.
    """
    local = datetime.fromtimestamp(now, zone)
    passed = 60 * local.hour + local.minute - minute
    return local.date() if local.weekday() in days and 0 <= passed < LATEST else None


class DailyPost(ABC):
    """Posts once on each of its days; ``now()`` is epoch seconds by the API's clock."""

    def __init__(self, subject: str, keeper: Storekeeper, now: Callable[[], float]) -> None:
        self._subject = subject
        self._keeper = keeper
        self._now = now
        self._done: date | None = None

    @abstractmethod
    def today(self) -> date | None:
        """The local date where it is due now."""

    @abstractmethod
    async def message(self, today: date) -> tuple[str, Message] | None:
        """The channel and what is posted there; ``None`` where there is nothing to say."""

    async def post_if_due(self) -> bool:
        """Put the message into the outbox where it is due and not there yet; whether it was."""
        today = self.today()
        if today is None or today == self._done:
            return False
        subject = f"{self._subject}:{today.isoformat()}"
        posted = not await self._keeper.do(outbox.has_message_about, subject) and await self._post(today, subject)
        self._done = today
        return posted

    async def _post(self, today: date, subject: str) -> bool:
        found = await self.message(today)
        if found is None:
            return False
        channel, message = found
        draft = NewMessage(uuid.uuid4().hex, subject, "post", channel, to_json(message))
        await self._keeper.do(outbox.enqueue, [draft], self._now())
        return True
