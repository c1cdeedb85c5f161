"""What domains carried in the last week, read from the feed where no history is stored yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alertbot.errors import FeedError
from alertbot.feed.api import CdnApi
from alertbot.feed.quotas import Priority
from alertbot.feed.reader import ReadRequest, ReadResult, SeriesReader, refuses_token
from alertbot.rules.base import Array
from alertbot.units import DAY, SLOT, slot_at

DAYS = 7
"""How many days back the week reaches."""

SETTLED = 3600
"""Seconds after which a slot is taken to be published for every domain."""

_BATCH = 40


@dataclass(frozen=True)
class LastWeek:
    """The ``values`` of each domain in the slots ``first`` to ``last``, in bit/s, NaN where nothing is known.

    ``missed``: the domains that could not be read, and why. ``each_domain``: whether a call can ask for ten domains.
    """

    first: int
    last: int
    values: Mapping[str, Array]
    missed: Mapping[str, FeedError]
    each_domain: bool


def last_week_span(now: float) -> tuple[int, int]:
    """The first and the last slot of the week before ``now`` (epoch seconds)."""
    last = slot_at(now - SETTLED)
    return last - DAYS * DAY + SLOT, last


async def read_last_week(
    api: CdnApi,
    domains: Sequence[str],
    now: float,
    *,
    each_domain: bool,
    progress: Callable[[int, int], None],
    priority: Priority = Priority.HISTORY,
) -> LastWeek:
    """Read these domains within the budget; those that cannot be read are ``missed``. A refused token ends it early.

    ``progress`` hears how many domains of how many were asked for.
    """
    first, last = last_week_span(now)
    plan = {domain: ((domain,),) for domain in domains}
    reader = SeriesReader(api, plan, each_domain=each_domain, recent=1, known=_nothing, priority=priority)
    outcomes: dict[str, ReadResult] = {}
    for start in range(0, len(domains), _BATCH):
        batch = domains[start : start + _BATCH]
        outcomes |= await reader.read([ReadRequest(domain, first) for domain in batch], last)
        progress(min(start + _BATCH, len(domains)), len(domains))
        if any(map(refuses_token, outcomes.values())):
            break
    missed = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, FeedError)}
    values = {
        name: _from(first, last, outcome.first, outcome.values)
        for name, outcome in outcomes.items()
        if not isinstance(outcome, FeedError)
    }
    return LastWeek(first, last, values, missed, reader.each_domain)


def _from(first: int, last: int, begin: int, values: Array) -> Array:
    """The values of a reading over the whole span, NaN before it begins."""
    whole = np.full((last - first) // SLOT + 1, np.nan)
    offset = (begin - first) // SLOT
    whole[offset : offset + len(values)] = values
    return whole


def _nothing(_series: str, _first: int, count: int) -> Array:
    return np.full(count, np.nan)
