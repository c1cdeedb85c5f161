"""Older history, which is read a little at a time, once nothing newer is to be asked for."""

from __future__ import annotations

import math

from alertbot.alerts.ledger import Ledger
from alertbot.errors import FeedRefused
from alertbot.feed.budget import Budget
from alertbot.feed.clock import ApiTime
from alertbot.feed.quotas import Priority
from alertbot.feed.reader import MOST_SLOTS, Reading, ReadRequest, SeriesReader
from alertbot.units import SLOT

CALL_SECONDS = 1.0
"""Seconds that a call may take which a probe is not to wait for."""

AWHILE = 3.0
"""Seconds after which to see whether there is room for more."""

AFTER_FAILURE = 60.0
"""Seconds after which what failed is asked for again."""


class OlderHistory:
    """Keeps the stretches of history that are still to be read into a ledger, by where they end."""

    def __init__(self, reader: SeriesReader, ledger: Ledger, budget: Budget, time: ApiTime) -> None:
        self._reader = reader
        self._budget = budget
        self._time = time
        self._ledger = ledger
        self._left: dict[int, list[ReadRequest]] = {}
        self._resumes_at = -math.inf  # monotonic seconds

    def leave(self, series: str, first: int, last: int) -> None:
        """Leave what one call cannot show of the slots up to ``last`` for later, back to the slot ``first``."""
        span = (MOST_SLOTS - 1) * SLOT
        while last - span > first:
            last -= span + SLOT
            self._left.setdefault(last, []).append(ReadRequest(series, max(first, last - span)))

    def due_in(self, *, crowded: bool) -> float:
        """Seconds until more of it is to be read, infinite where all was; ``crowded``: polls leave no room for it.

        Then it takes its turn among them.
        """
        if not self._left:
            return math.inf
        wait = 0.0 if self._room(crowded=crowded) > 0 else AWHILE
        return max(wait, self._resumes_at - self._time.monotonic())

    def pause(self) -> None:
        """Ask for nothing for a while, since calls fail."""
        self._resumes_at = self._time.monotonic() + AFTER_FAILURE

    def _room(self, *, crowded: bool) -> int:
        """How many calls may go out now."""
        return self._budget.room(Priority.POLL if crowded else Priority.HISTORY)

    async def read(self, *, crowded: bool) -> None:
        """Read what those calls show that need not wait, the newest first. What fails is read later."""
        last = max(self._left)
        most = self._room(crowded=crowded) * self._reader.domains_a_call
        requests, left = self._left[last][:most], self._left.pop(last)[most:]
        outcomes = await self._reader.at(Priority.POLL).read(requests, last)
        for request in requests:
            outcome = outcomes[request.series]
            if isinstance(outcome, Reading):
                self._ledger.take(request.series, outcome.first, outcome.values)
            elif isinstance(outcome, FeedRefused):
                self._ledger.give_up(request.series, last)
            else:
                left.append(request)
                self.pause()
        if left:
            self._left[last] = left
