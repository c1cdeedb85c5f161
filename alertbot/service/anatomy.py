"""Says in an incident's thread in which part of the traffic it lies, once it is posted and where calls are to spare.

It works beside delivery and polls and never in their way: at most four calls an incident, each once, none while a poll
waits. What does not come within a minute of the post is not said.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from alertbot.clock import Clock
from alertbot.config import FeedSettings
from alertbot.config.watch import Watch
from alertbot.errors import FeedError, FeedRefused, FeedUnknownDomain
from alertbot.feed.api import ALL, CdnApi, Parameter
from alertbot.feed.budget import Budget, Endpoint
from alertbot.feed.plan import MOST_SUMMED, plan_calls
from alertbot.feed.reader import REFUSED_TOKEN
from alertbot.incidents.anatomy import HOUR, Anatomy, dissect
from alertbot.incidents.incident import Incident, series_of
from alertbot.messages.anatomy import anatomy_line
from alertbot.messages.slack import to_json
from alertbot.rules.base import Array
from alertbot.rules.selection import TOTAL
from alertbot.store import anatomy, outbox, samples
from alertbot.store.keeper import Storekeeper
from alertbot.store.outbox import NewMessage
from alertbot.units import SLOT

log = logging.getLogger(__name__)

FRESH = 30.0
"""Seconds after its post within which an incident is looked into, or not at all."""

LIMIT = 25.0
"""Seconds for all its calls, what they wait for others included."""

NAMES = {
    Parameter.PROTOCOL: {"ipv4": "IPv4", "ipv6": "IPv6"},
    Parameter.REGION: {"cn": "traffic in China", "abroad": "traffic outside China"},
}
"""What each part is called, by the value that asks for it; together they are the whole."""

RECENT = 3600
"""Seconds for which the hour before an incident says what would be carried now."""


class Anatomist:
    """Looks into incidents. ``source``: whom to ask, by which settings, and what is watched."""

    def __init__(
        self,
        keeper: Storekeeper,
        budget: Budget,
        clock: Clock,
        source: Callable[[], tuple[CdnApi, FeedSettings, Watch | None]],
        wake: Callable[[], None],
    ) -> None:
        self._keeper = keeper
        self._budget = budget
        self._clock = clock
        self._source = source
        self._wake = wake

    async def look(self) -> bool:
        """Look into what was posted; whether any of it is left, since no call was to spare."""
        left = False
        for incident in await self._keeper.do(anatomy.due, self._clock.time() - FRESH):
            if self._budget.has_room(Endpoint.BANDWIDTH):
                await self._look_into(incident)
            else:
                left = True
        return left

    async def _look_into(self, incident: Incident) -> None:
        # Marked first: should we die in between, there is no line rather than calls for a second one.
        now = self._clock.time()
        await self._keeper.do(anatomy.mark_asked, incident.number, now)
        _, _, watch = self._source()
        if watch is None or not incident.firing:
            return
        domains = _domains_of(incident, watch)
        first = min(each.alert.since for each in incident.firing) - HOUR * SLOT
        last = first + HOUR * SLOT + RECENT  # the machine's clock may be wrong
        whole = await self._keeper.do(samples.sum_of, domains or (TOTAL,), first, last)
        whole = whole[: max(np.flatnonzero(~np.isnan(whole)), default=-1) + 1]
        if not HOUR < len(whole) <= HOUR + RECENT // SLOT:
            return
        found: dict[Parameter, Anatomy] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LIMIT):
                await self._find(found, domains, first, whole)
        if found:
            line = to_json(anatomy_line(found.values(), None if domains is None else len(domains)))
            reply = NewMessage(uuid.uuid4().hex, f"incident:{incident.number}", "reply", incident.channel, line)
            await self._keeper.do(outbox.enqueue, [reply], self._clock.time())
            self._wake()

    async def _find(
        self, found: dict[Parameter, Anatomy], domains: Sequence[str] | None, first: int, whole: Array
    ) -> None:
        """Add what can be found of the whole that these domains, or the account, carried from ``first`` on."""
        api, settings, _ = self._source()
        asked = [Parameter.PROTOCOL] if settings.ip_protocol == "all" else []
        if settings.each_domain and domains is not None:
            asked.append(Parameter.REGION)
        for parameter in asked:
            if parameter in await self._keeper.do(anatomy.refused):
                continue
            try:
                parts = await self._ask(api, domains or ALL, first, len(whole), parameter)
            except FeedError as error:
                log.debug("no anatomy: %s", error)
                if _is_of_parameter(error):
                    log.warning("no incident says in which part of the traffic it lies by %s: %s", parameter, error)
                    await self._keeper.do(anatomy.write_refused, parameter, error.cause)
            else:
                if (seen := dissect(whole, parts)) is not None:
                    found[parameter] = seen

    async def _ask(
        self, api: CdnApi, domains: Sequence[str], first: int, count: int, parameter: Parameter
    ) -> Mapping[str, Array]:
        """What each part carried in so many slots; waits before each call until one is to spare."""
        slots = range(first, first + count * SLOT, SLOT)
        parts: dict[str, Array] = {}
        for value, name in NAMES[parameter].items():
            while not self._budget.has_room(parameter.endpoint):
                await self._clock.sleep(1.0)
            shown = await api.part(domains, first, slots[-1], parameter, value)
            parts[name] = np.array([shown.get(slot, 0.0) for slot in slots])
        return parts


def _domains_of(incident: Incident, watch: Watch) -> Sequence[str] | None:
    """The domains it is about where one call reads them all; ``None``: the account's total is looked into."""
    series = series_of(incident.firing)
    if incident.account_wide or TOTAL in series:
        return None
    plan = plan_calls(watch.domains, watch.groups)
    domains = sorted({domain for each in series for call in plan.get(each, ()) for domain in call})
    return domains if 0 < len(domains) <= MOST_SUMMED else None


def _is_of_parameter(error: FeedError) -> bool:
    """Whether it is what a call was narrowed by that the API refuses, not its token and not a domain."""
    return isinstance(error, FeedRefused) and not isinstance(error, FeedUnknownDomain) and error.code != REFUSED_TOKEN
