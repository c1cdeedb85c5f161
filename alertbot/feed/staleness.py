"""The vigil: is the feed itself dark, late or failing? Decides what to tell of it, apart from any domain.

Calls that succeed but show nothing new may mean that all traffic stopped or that the CDN stopped publishing; nobody
can tell from here, so the message says just that. Calls that fail say nothing of any domain.

Pure: facts come in, decisions with a named reason go out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from alertbot.units import SLOT


class Verdict(StrEnum):
    """What the feed is, at the moment."""

    FINE = "fine"
    QUIET = "quiet as usual at this hour"
    SILENT = "nothing new comes"
    EMPTY = "nothing new came for so long that it counts as nothing"
    FAILING = "calls fail"
    UNREADABLE = "some series cannot be read"


@dataclass(frozen=True)
class FeedFacts:
    """The feed at ``now`` (epoch seconds by the API's clock).

    ``newest``: the newest slot the total showed traffic in; ``unchanged``: seconds since it last moved;
    ``frontier``: the last slot that can be known. ``failing``: seconds for which every probe failed, and ``cause`` why.
    ``unreadable``: for how many seconds single series could not be read. ``usually_silent``: whether nothing is
    carried at this hour on other weeks.
    """

    now: float
    newest: int | None
    frontier: int | None
    unchanged: float
    failing: float | None = None
    cause: str | None = None
    unreadable: Mapping[str, float] = field(default_factory=dict)
    usually_silent: bool = False


@dataclass(frozen=True)
class Findings:
    """What is to be told: of silence, and of calls that fail; ``since`` is when the last known data ended."""

    silence: Verdict
    calls: Verdict
    since: int | None
    cause: str | None
    series: tuple[str, ...]


def look(facts: FeedFacts, stale_after: float) -> Findings:
    """What the facts amount to."""
    series = tuple(sorted(name for name, seconds in facts.unreadable.items() if seconds >= stale_after))
    calls = Verdict.FINE
    if facts.failing is not None and facts.failing >= stale_after:
        calls = Verdict.FAILING
    elif facts.failing is None and series:
        calls = Verdict.UNREADABLE
    since = None if facts.newest is None else facts.newest + SLOT
    return Findings(_silence(facts, stale_after), calls, since, facts.cause, series)


def _silence(facts: FeedFacts, stale_after: float) -> Verdict:
    """While calls fail nothing is known of silence either way: ``FINE`` then only means that none was seen."""
    if facts.newest is None or facts.frontier is None or facts.failing is not None:
        return Verdict.FINE
    # A feed that is always this late still moves every five minutes; only one that stands still is silent.
    if facts.now - facts.newest - SLOT < stale_after or facts.unchanged < stale_after / 2:
        return Verdict.FINE
    if facts.usually_silent:
        return Verdict.QUIET
    return Verdict.EMPTY if facts.frontier > facts.newest else Verdict.SILENT


def silent_before(earlier: NDArray[np.float64]) -> bool:
    """Whether this hour is usually silent: ``earlier`` holds it on earlier weeks (or days), a row each, NaN unknown.

    A row is silent where half of what is known of it is 0; usual is what most of the rows with anything known are.
    """
    known = ~np.isnan(earlier)
    told = known.sum(axis=1)
    zeros = ((earlier == 0) & known).sum(axis=1)
    silent = (2 * zeros >= told)[told > 0]
    return bool(len(silent)) and bool(2 * silent.sum() > len(silent))
