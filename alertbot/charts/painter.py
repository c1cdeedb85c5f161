"""Charts of what is stored, painted one at a time, whoever asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date

from alertbot.charts import plots
from alertbot.charts.chart import Chart, Picture
from alertbot.charts.worker import render
from alertbot.errors import ChartError
from alertbot.query.digest import DIGEST, day_before
from alertbot.query.names import Meant
from alertbot.query.scope import Scope


class Pictures:
    """Draws what is stored in ``scope()``, one chart at a time, whoever asks."""

    def __init__(self, scope: Callable[[], Scope]) -> None:
        self._scope = scope
        self._turn = asyncio.Lock()

    async def of_incident(self, number: int) -> Picture:
        """The worst of an incident, up to now."""
        chart = await asyncio.to_thread(plots.of_incident, self._scope(), number)
        if chart is None:
            raise ChartError(f"#{number} is about nothing that could be drawn")
        return await self._drawn(f"alertbot-{number}.png", chart)

    async def of_digest(self, today: date) -> Picture:
        """What the account carried on the day before."""
        scope = self._scope()
        chart = await asyncio.to_thread(plots.of_day, scope, *day_before(today, scope.zone))
        return await self._drawn(f"alertbot-{today}.png", chart)

    async def of_subject(self, subject: str) -> Picture:
        """What a message of the outbox is about."""
        kind, _, name = subject.partition(":")
        return await (self.of_digest(date.fromisoformat(name)) if kind == DIGEST else self.of_incident(int(name)))

    async def of_series(self, what: Meant, span: int) -> Picture:
        """One series, or some added up, over the last ``span`` seconds."""
        chart = await asyncio.to_thread(plots.of_series, self._scope(), what, span)
        return await self._drawn("alertbot.png", chart)

    async def _drawn(self, name: str, chart: Chart) -> Picture:
        async with self._turn:
            return Picture(name, chart.title, chart.alt, await render(chart))
