"""Charts that people ask for: put into the thread they clicked under, or into the channel they asked in.

What goes wrong is answered to the person who asked, and to nobody else.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from alertbot.charts.chart import Picture
from alertbot.clock import Clock
from alertbot.errors import AlertbotError, DeliveryError
from alertbot.messages.blocks import Message, code, escape
from alertbot.query.names import Meant
from alertbot.slack.client import Posted

log = logging.getLogger(__name__)

AGAIN = 60.0
"""Seconds within which a second click under the same message gets no second chart."""

_WHY = {
    "not_in_channel": f"the bot is no member here: {code('/invite')} it",
    "channel_not_found": f"the bot is no member here: {code('/invite')} it",
    "missing_scope": f"the Slack app may not upload files: give it the scopes of {code('alertbot manifest')}",
    "file_uploads_disabled": "this workspace takes no files",
}

Upload = Callable[[str, Picture, str | None], Awaitable[None]]
"""Shows a picture in a channel, by its id, or in a thread there; raises ``DeliveryError``."""


class ChartSource(Protocol):
    """What draws charts; each method raises ``AlertbotError`` where it cannot."""

    async def of_incident(self, number: int) -> Picture:
        """Draw the worst series of an incident, up to now."""

    async def of_series(self, what: Meant, span: int) -> Picture:
        """Draw one series, or the sum of several, over the last ``span`` seconds."""


class ChartReplies:
    """Uploads what ``source`` draws; without a source, charts are switched off."""

    def __init__(self, source: ChartSource | None, upload: Upload, clock: Clock) -> None:
        self.source = source
        self._upload = upload
        self._clock = clock
        self._shown: dict[Posted, float] = {}  # when each thread was given its last one, or will be

    async def of_incident(self, number: int, under: Posted) -> Message | None:
        """Put a fresh chart into the thread under a message; the answer to who asked, if any is due."""
        if self.source is None:
            return Message("Charts are switched off here.")
        now = self._clock.monotonic()
        self._shown = {place: at for place, at in self._shown.items() if now - at < AGAIN}
        if under in self._shown:
            return Message(f"The chart of #{number} stands in the thread, or will in a moment.")
        self._shown[under] = now
        trouble = await self._show(self.source.of_incident(number), under.channel_id, under.ts)
        if trouble is not None:
            self._shown.pop(under, None)
        return trouble

    async def of_series(self, what: Meant, span: int, channel_id: str) -> Message | None:
        """Put a chart into a channel; the answer to who asked, if any is due."""
        return None if self.source is None else await self._show(self.source.of_series(what, span), channel_id, None)

    async def _show(self, drawn: Awaitable[Picture], channel_id: str, thread_ts: str | None) -> Message | None:
        try:
            await self._upload(channel_id, await drawn, thread_ts)
        except DeliveryError as error:
            log.warning("a chart that was asked for was not taken by Slack (%s)", error.code)
            return Message(f"The chart cannot be shown here: {_WHY.get(error.code, escape(error.code))}.")
        except AlertbotError as error:
            log.warning("a chart that was asked for could not be drawn: %s", error)
            return Message(f"There is no chart: {escape(str(error))}.")
        return None
