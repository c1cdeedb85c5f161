"""Gives incidents that page, and digests, a chart in their thread once they are posted.

It works beside delivery and never within it: alerts never wait for a chart, and a chart that fails is a line in the
log. A worker draws at a time; in a storm the newest go first, and what is older than 15 minutes gets none.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Protocol

from alertbot.charts.chart import Picture
from alertbot.charts.painter import Pictures
from alertbot.clock import Clock
from alertbot.errors import AlertbotError, DeliveryError
from alertbot.query.digest import DIGEST
from alertbot.store import charts
from alertbot.store.charts import DueChart
from alertbot.store.keeper import Storekeeper

log = logging.getLogger(__name__)

FRESH = 900.0
"""Seconds after an incident was posted for which a chart of it is still worth drawing."""

LIMIT = 90.0
"""Seconds for one chart, from the database to Slack."""


class Uploads(Protocol):
    """Where charts go."""

    async def upload(self, channel_id: str, picture: Picture, thread_ts: str | None) -> None:
        """Show a picture in a channel or in a thread there; raises ``DeliveryError``."""


class ChartThreads:
    """Gives messages their charts."""

    def __init__(self, keeper: Storekeeper, pictures: Pictures, uploads: Uploads, clock: Clock) -> None:
        self._keeper = keeper
        self._pictures = pictures
        self._uploads = uploads
        self._clock = clock
        self._pause = 0.0

    async def look(self) -> bool:
        """Chart what is due, one after the other, at the pace that Slack asks for; nothing is left."""
        while await self.chart_one():
            await self._clock.sleep(self._pause)
        return False

    async def chart_one(self) -> bool:
        """Try to chart the first message that is to get one; whether there was such a message."""
        now = self._clock.time()
        due = await self._keeper.do(charts.due, now - FRESH)
        if not due:
            return False
        first = due[0]
        # Marked first: should we die in between, there is no chart rather than two.
        self._pause = 0.0
        if await self._keeper.do(charts.mark_tried, first.subject, now):
            await self._attempt(first)
        return True

    async def _attempt(self, due: DueChart) -> None:
        failed = partial(log.warning, "the thread of %s has no chart: %s", _called(due.subject))
        try:
            async with asyncio.timeout(LIMIT):
                picture = await self._pictures.of_subject(due.subject)
                await self._uploads.upload(due.channel_id, picture, due.ts)
        except DeliveryError as error:
            self._pause = min(error.retry_after or 0.0, FRESH)
            failed(f"Slack did not take it ({error.code})")
        except AlertbotError as error:
            failed(str(error))
        except TimeoutError:
            failed(f"it was not there within {LIMIT:.0f} s")
        except Exception:  # a chart that breaks something must not end those of others
            log.exception("the thread of %s has no chart", _called(due.subject))


def _called(subject: str) -> str:
    kind, _, name = subject.partition(":")
    return f"the digest of {name}" if kind == DIGEST else f"#{name}"
