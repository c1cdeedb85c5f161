"""Charting: draws what is asked for, and gives loud incidents and digests a chart in their thread, once they are told.

It works beside delivery and never within it: alerts never wait for a chart, and a chart that fails is a line in the
log. A worker draws at a time; in a storm the newest go first, and what is older than 15 minutes gets none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Protocol

from alertbot.charts.chart import Chart
from alertbot.charts.worker import render
from alertbot.clock import Clock
from alertbot.digesting import DIGEST, day_before
from alertbot.errors import AlertbotError, ChartError, DeliveryError, StoreError
from alertbot.query import plots
from alertbot.query.names import Meant
from alertbot.query.plots import View
from alertbot.slack.client import Picture
from alertbot.store.charting import Owed
from alertbot.storekeeper import Storekeeper

log = logging.getLogger(__name__)

LOOK = 5.0
"""Seconds between two looks for incidents that are owed a chart."""

FRESH = 900.0
"""Seconds after an incident was told for which a chart of it is still worth drawing."""

LIMIT = 90.0
"""Seconds for one chart, from the database to Slack."""


class Uploads(Protocol):
    """Where charts go."""

    async def upload(self, channel_id: str, picture: Picture, thread_ts: str | None) -> None:
        """Show a picture in a channel or in a thread there; raises ``DeliveryError``."""


class Pictures:
    """Draws from a database, as ``view()`` tells; one chart at a time, whoever asks."""

    def __init__(self, path: Path, view: Callable[[], View]) -> None:
        self._path = path
        self._view = view
        self._turn = asyncio.Lock()

    async def of_incident(self, number: int) -> Picture:
        """The worst of an incident, up to now."""
        chart = await asyncio.to_thread(plots.of_incident, self._path, number, self._view())
        if chart is None:
            raise ChartError(f"#{number} is about nothing that could be drawn")
        return await self._drawn(f"alertbot-{number}.png", chart)

    async def of_digest(self, today: date) -> Picture:
        """What the account carried on the day before."""
        view = self._view()
        chart = await asyncio.to_thread(plots.of_day, self._path, *day_before(today, view.zone), view)
        return await self._drawn(f"alertbot-{today}.png", chart)

    async def of_subject(self, subject: str) -> Picture:
        """What a message of the outbox is about."""
        kind, _, name = subject.partition(":")
        return await (self.of_digest(date.fromisoformat(name)) if kind == DIGEST else self.of_incident(int(name)))

    async def of_series(self, what: Meant, span: int) -> Picture:
        """One series, or some added up, over the last ``span`` seconds."""
        chart = await asyncio.to_thread(plots.of_series, self._path, what, span, self._view())
        return await self._drawn("alertbot.png", chart)

    async def _drawn(self, name: str, chart: Chart) -> Picture:
        async with self._turn:
            return Picture(name, chart.title, chart.alt, await render(chart))


class Charting:
    """Gives messages their charts until cancelled."""

    def __init__(self, keeper: Storekeeper, pictures: Pictures, uploads: Uploads, clock: Clock) -> None:
        self._keeper = keeper
        self._pictures = pictures
        self._uploads = uploads
        self._clock = clock
        self._pause = 0.0

    async def run(self) -> None:
        """Look for what is owed, again and again."""
        while True:
            await self._clock.sleep(max(LOOK, self._pause))
            self._pause = 0.0
            try:
                while not self._pause and await self.chart_one():
                    pass
            except StoreError as error:
                log.debug("no charts while the database fails: %s", error)  # of which others tell

    async def chart_one(self) -> bool:
        """Try to chart the first message that is owed a chart; whether there was one."""
        now = self._clock.time()
        owed = await self._keeper.do(lambda store: store.charts_owed(now - FRESH))
        if not owed:
            return False
        first = owed[0]
        # Marked first: should we die in between, there is no chart rather than two.
        if await self._keeper.do(lambda store: store.chart_tried(first.subject, now)):
            await self._attempt(first)
        return True

    async def _attempt(self, owed: Owed) -> None:
        failed = partial(log.warning, "the thread of %s has no chart: %s", _called(owed.subject))
        try:
            async with asyncio.timeout(LIMIT):
                picture = await self._pictures.of_subject(owed.subject)
                await self._uploads.upload(owed.channel_id, picture, owed.ts)
        except DeliveryError as error:
            self._pause = min(error.retry_after or 0.0, FRESH)
            failed(f"Slack did not take it ({error.code})")
        except AlertbotError as error:
            failed(str(error))
        except TimeoutError:
            failed(f"it was not there within {LIMIT:.0f} s")
        except Exception:  # a chart that breaks something must not end those of others
            log.exception("the thread of %s has no chart", _called(owed.subject))


def _called(subject: str) -> str:
    kind, _, name = subject.partition(":")
    return f"the digest of {name}" if kind == DIGEST else f"#{name}"
