"""Older history, which is read a little at a time, once nothing newer is to be asked for."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from alertbot.alerts.ledger import Ledger
from alertbot.errors import FeedRefused
from alertbot.feed.reader import MOST_SLOTS, Reading, ReadRequest, SeriesReader
from alertbot.units import SLOT

AT_ONCE = 40
"""Series of which a stretch is read at a time."""


@dataclass(frozen=True)
class _Stretch:
    series: str
    first: int
    last: int


class OlderHistory:
    """Keeps the stretches of history that are still to be read into a ledger."""

    def __init__(self, reader: SeriesReader, ledger: Ledger) -> None:
        self._reader = reader
        self._ledger = ledger
        self._stretches: deque[_Stretch] = deque()

    def leave(self, series: str, first: int, last: int) -> None:
        """Leave what one call cannot show of the slots up to ``last`` for later, back to the slot ``first``."""
        span = (MOST_SLOTS - 1) * SLOT
        while last - span > first:
            last -= span + SLOT
            self._stretches.append(_Stretch(series, max(first, last - span), last))

    async def read(self) -> bool:
        """Read a little of it, the newest first; whether there was any. What fails is read later."""
        stretches: list[_Stretch] = []
        while (
            self._stretches
            and len(stretches) < AT_ONCE
            and self._stretches[0].last == (stretches or self._stretches)[0].last
        ):
            stretches.append(self._stretches.popleft())
        if not stretches:
            return False
        outcomes = await self._reader.read(
            [ReadRequest(stretch.series, stretch.first) for stretch in stretches], stretches[0].last
        )
        for stretch in stretches:
            outcome = outcomes[stretch.series]
            if isinstance(outcome, Reading):
                self._ledger.take(stretch.series, outcome.first, outcome.values)
            elif isinstance(outcome, FeedRefused):
                self._ledger.give_up(stretch.series, stretch.last)
            else:
                self._stretches.append(stretch)
        return True
