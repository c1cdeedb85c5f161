"""Whether the feed itself is dark, late or failing, apart from any domain: decides what is to be said of it.

Calls that succeed but show nothing new may mean that all traffic stopped or that the CDN stopped publishing; nobody
can tell from here, so the message says just that. Calls that fail say nothing of any domain.

Pure: facts come in, decisions with a named reason go out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from alertbot.units import DAY, SLOT

MEMBER_REFUSED = DAY
"""Seconds for which one member alone may keep a sum unknown before that is said."""


_FEWEST_WEEKS, _LAST_DAYS = 2, 3


class FeedState(StrEnum):
    """How the feed is, judged by its silence or by its calls."""

    FINE = "fine"
    USUALLY_SILENT = "silent as usual at this hour"
    SILENT = "nothing new comes"
    EMPTY = "nothing new came for so long that it counts as nothing"
    UNSEEN = "no traffic was seen since the start"
    FAILING = "calls fail"
    UNREADABLE = "some series cannot be read"


@dataclass(frozen=True)
class FeedFacts:
    """The feed at ``now`` (epoch seconds by the API's clock).

    ``newest``: the newest slot the total showed traffic in; ``unchanged``: seconds since it last moved, or since the
    first answer; ``frontier``: the last slot that can be known. ``failing``: seconds for which every probe failed, and
    ``cause`` why. ``unreadable``: for how many seconds single series could not be read. ``usually_silent``: whether
    nothing is carried at this hour on other weeks. ``refused``: for how many seconds single series have been refused;
    ``sums``: the members of each sum.
    """

    now: float
    newest: int | None
    frontier: int | None
    unchanged: float
    failing: float | None = None
    cause: str | None = None
    unreadable: Mapping[str, float] = field(default_factory=dict)
    usually_silent: bool = False
    refused: Mapping[str, float] = field(default_factory=dict)
    sums: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class FeedAssessment:
    """How the feed is by its silence, and by its calls that fail.

    ``since``: when the last known data ended; where there was none, when the first answer came. ``series``: what cannot
    be read. ``alone``: the sums that one member alone, refused for a day, keeps unknown, and which.
    """

    silence: FeedState
    calls: FeedState
    since: int
    cause: str | None
    series: tuple[str, ...]
    alone: Mapping[str, str]


def assess(facts: FeedFacts, stale_after: float) -> FeedAssessment:
    """Judge the facts: nothing is wrong that has lasted for less than ``stale_after`` seconds."""
    series = tuple(sorted(name for name, seconds in facts.unreadable.items() if seconds >= stale_after))
    calls = FeedState.FINE
    if facts.failing is not None and facts.failing >= stale_after:
        calls = FeedState.FAILING
    elif facts.failing is None and series:
        calls = FeedState.UNREADABLE
    since = int(facts.now - facts.unchanged) if facts.newest is None else facts.newest + SLOT
    return FeedAssessment(_silence(facts, stale_after), calls, since, facts.cause, series, _alone(facts))


def _alone(facts: FeedFacts) -> dict[str, str]:
    """The sums of which all members but one are read, and that one has been refused for a day."""
    failing = {series: [name for name in members if name in facts.unreadable] for series, members in facts.sums.items()}
    return {
        series: names[0]
        for series, names in failing.items()
        if len(names) == 1 and series in facts.unreadable and facts.refused.get(names[0], 0.0) >= MEMBER_REFUSED
    }


def _silence(facts: FeedFacts, stale_after: float) -> FeedState:
    """While calls fail nothing is known of silence either way: ``FINE`` then only means that none was seen."""
    if facts.failing is not None:
        return FeedState.FINE
    if facts.newest is None or facts.frontier is None:
        return FeedState.UNSEEN if facts.unchanged >= stale_after else FeedState.FINE
    # A feed that is always this late still moves every five minutes; only one that stands still is silent.
    if facts.now - facts.newest - SLOT < stale_after or facts.unchanged < stale_after / 2:
        return FeedState.FINE
    if facts.usually_silent:
        return FeedState.USUALLY_SILENT
    return FeedState.EMPTY if facts.frontier > facts.newest else FeedState.SILENT


def silent_before(weeks: NDArray[np.float64], days: NDArray[np.float64]) -> bool:
    """Whether this hour is usually silent, by the same hour of earlier weeks or, where those are new, of days.

    Each has a row for a week or a day, NaN where unknown, the newest first. Most of the weeks that are known decide,
    at least two; with fewer all of the last three days must be silent; with less than that known it is not.
    """
    known = _silent(weeks)
    if len(known) >= _FEWEST_WEEKS:
        return bool(2 * known.sum() > len(known))
    lately = _silent(days[:_LAST_DAYS])
    return len(lately) == _LAST_DAYS and bool(lately.all())


def _silent(earlier: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Of each row of which something is known, whether at least half of that is 0."""
    known = ~np.isnan(earlier)
    counts = known.sum(axis=1)
    zeros = ((earlier == 0) & known).sum(axis=1)
    silent: NDArray[np.bool_] = (2 * zeros >= counts)[counts > 0]
    return silent
