"""The account's total, which shows how far the feed is; where it is refused, some domains stand in for it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Sequence

import numpy as np

from alertbot.errors import FeedBadRequest, FeedRefused
from alertbot.feed.api import ALL, Answer, CdnApi
from alertbot.feed.clock import ApiTime
from alertbot.feed.frontier import Frontier
from alertbot.feed.plan import MOST_SUMMED
from alertbot.feed.reader import REFUSED_TOKEN
from alertbot.rules.grid import Grid
from alertbot.units import DAY, SLOT, slot_at

log = logging.getLogger(__name__)

FIRST_PROBE_BACK = 9 * DAY
"""Seconds for which the first probe looks back for traffic."""

RECENT = 24
"""Slots that a probe asks for where the API refuses more, and by which the busiest domains are found."""

ZONE_CHECK = 3600.0
ZONE_CHECK_BACK = 26 * 3600
"""Seconds between two calls that find out a wrong time zone, and how far back they ask: more than any zone is off."""


class AccountTotal:
    """Asks for the total of an account; where that is ``refused``, the sum of its busiest watched domains."""

    def __init__(self, api: CdnApi, domains: Sequence[str], grid: Grid, time: ApiTime) -> None:
        self.refused = False
        self._api = api
        self._domains = domains
        self._gone: Collection[str] = ()
        self._grid = grid
        self._time = time
        self._warned = False
        self._zone_checked: float | None = None

    def exclude(self, domains: Collection[str]) -> None:
        """Let none of these stand for a total that is refused: the account does not have them."""
        self._gone = domains

    async def ask(self, frontier: Frontier) -> Answer:
        """Read the total from the newest slot seen on, or as far back as the API goes; raises ``FeedError``."""
        await self._check_zone(frontier)
        now = slot_at(self._time.latest())
        first, recent = max(frontier.newest or 0, now - FIRST_PROBE_BACK), now - (RECENT - 1) * SLOT
        try:
            return await self._between(first, max(first, now), frontier)
        except FeedBadRequest:
            if first >= recent:
                raise
            return await self._between(recent, now, frontier)

    async def _check_zone(self, frontier: Frontier) -> None:
        """Once an hour ask for an hour of yesterday: slots from elsewhere show that the API reads times otherwise."""
        now = self._time.monotonic()
        if self._zone_checked is None or now - self._zone_checked >= ZONE_CHECK:
            first = slot_at(self._time.time()) - ZONE_CHECK_BACK
            self.refused = False  # it may be permitted by now
            with contextlib.suppress(FeedBadRequest):  # it does not reach back so far
                await self._between(first, first + 11 * SLOT, frontier)
            self._zone_checked = now

    async def _between(self, first: int, last: int, frontier: Frontier) -> Answer:
        if self.refused and (domains := self._busiest(frontier)):
            return await self._api.bandwidth(domains, first, last)
        try:
            return await self._api.bandwidth(ALL, first, last)
        except FeedRefused as error:
            domains = self._busiest(frontier)
            if error.code == REFUSED_TOKEN or not domains:
                raise
            answer = await self._api.bandwidth(domains, first, last)
            self.refused = True
            if not self._warned:
                log.warning("the account's total is refused, so ten of its domains stand for it: %s", error)
            self._warned = True
            return answer

    def _busiest(self, frontier: Frontier) -> Sequence[str]:
        """The domains that stand for the total; none where none is known, or all have left the account."""
        domains = [domain for domain in self._domains if domain not in self._gone]
        if frontier.slot is None:
            return domains[:MOST_SUMMED]
        columns = np.array([self._grid.column[domain] for domain in domains], dtype=np.intp)
        recent = self._grid.values(frontier.slot - (RECENT - 1) * SLOT, RECENT, columns)
        busiest = np.argsort(-np.nan_to_num(recent).sum(axis=0), kind="stable")[:MOST_SUMMED]
        return [domains[position] for position in busiest]
