"""Floors and a ceiling that fit what an account carried: pure functions over slots x series, in bit/s.

A floor is the lowest at which the rule would hardly have told anything in those days, but never so high that it leaves
out a domain which makes up a fair share of the traffic, nor so low that it means what is nothing beside the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alertbot import units
from alertbot.config.kinds import kind_of
from alertbot.rules.base import Array, Kind
from alertbot.rules.grid import Grid, GridPast
from alertbot.units import format_rate


@dataclass(frozen=True)
class StarterRule:
    """A rule of the starter's file but for its floor, which stands under the key ``floor_key``.

    It has to last ``for_slots``; ``floor`` (bit/s) is that of an account without traffic. Less than the total's peak
    by ``negligible`` times is never worth a message.
    """

    kind: str
    keys: Mapping[str, object]
    floor_key: str
    for_slots: int
    floor: float
    negligible: int

    def at(self, floor: float) -> Kind:
        """The kind with this floor."""
        return kind_of(self.kind, **self.keys, **{self.floor_key: format_rate(floor, digits=6)})


RULES = {
    "dark": StarterRule("drop", {"to": "0 bps"}, "from", for_slots=2, floor=5e6, negligible=20_000),
    "fall": StarterRule("drop", {"by": "80%"}, "from", for_slots=3, floor=20e6, negligible=5_000),
    "off": StarterRule("baseline", {"factor": 1.9, "zeros": False}, "floor", for_slots=1, floor=20e6, negligible=5_000),
}
"""The rules that the starter's file begins with."""

HEADROOM = 1.5
"""How many times the total's peak its ceiling is."""

_HEAVY = 0.95
"""The share of all traffic whose domains every rule must be able to watch."""

_LOWEST_FLOOR = 1e4
_A_MESSAGE_FOR = 50
"""So many domains may have told one thing each in those days; more is taken to be noise."""

_CHUNK = 100

_ROUND = (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10)


@dataclass(frozen=True)
class Fitted:
    """The floors of ``RULES``, how often each would have fired, and a ceiling where the total carried anything."""

    floors: Mapping[str, float]
    fired: Mapping[str, int]
    ceiling: float | None


def fit(values: Array, total: Array | None) -> Fitted:
    """``values``: what the domains carried, slots x series; ``total``: the account, where that may be asked for."""
    known = values[:, ~np.isnan(values).all(axis=0)] if values.size else np.zeros((0, 0))
    peak = _peak(total if total is not None else known.sum(axis=1) if known.size else np.zeros(0))
    ceiling = friendly(HEADROOM * _peak(total), up=True) if total is not None and _peak(total) > 0 else None
    if not known.size or not np.nanmax(known) > 0:
        return Fitted({name: rule.floor for name, rule in RULES.items()}, {}, ceiling)
    sizes = {name: firings(rule.at(0.0), known, rule.for_slots) for name, rule in RULES.items()}
    usual, high = _smallest_heavy(known)
    most = {"dark": usual / 2, "fall": usual / 2, "off": high / 2}
    allowed = max(1, known.shape[1] // _A_MESSAGE_FOR)
    floors = {name: _floor(sizes[name], peak / rule.negligible, most[name], allowed) for name, rule in RULES.items()}
    floors["fall"] = max(floors["fall"], floors["dark"])
    return Fitted(floors, {name: int((sizes[name] >= floors[name]).sum()) for name in RULES}, ceiling)


def friendly(rate: float, *, up: bool = False) -> float:
    """The nearest round rate that is not over (``up``: not under) this one."""
    return units.friendly(rate, _ROUND, up=up)


def firings(kind: Kind, values: Array, slots: int) -> Array:
    """How large each series was that the rule would have fired on, once for each breach of that many slots."""
    parts = [_firings(kind, values[:, start : start + _CHUNK], slots) for start in range(0, values.shape[1], _CHUNK)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _firings(kind: Kind, values: Array, slots: int) -> Array:
    reference = np.asarray(kind.reference(_past(values)))
    breach = kind.breach(values, reference)
    size = kind.size(values, reference)
    if len(values) < slots:
        return np.zeros(0)
    last = len(values) - slots + 1
    lasting = np.logical_and.reduce([breach[offset : offset + last] for offset in range(slots)])
    begins = lasting & ~np.vstack([np.zeros((1, values.shape[1]), dtype=bool), lasting[:-1]])
    smallest = np.minimum.reduce([size[offset : offset + last] for offset in range(slots)])
    return np.asarray(smallest[begins])


def _smallest_heavy(values: Array) -> tuple[float, float]:
    """Of the largest domains that together make up most of the traffic the smallest: its usual rate and its peak."""
    means = np.nanmean(values, axis=0)
    order = np.argsort(-means, kind="stable")
    share = np.cumsum(means[order]) / means.sum()
    smallest = values[:, order[int(np.searchsorted(share, _HEAVY))]]
    usual = float(np.nanmedian(smallest))
    return usual or float(np.nanmean(smallest)), _peak(smallest)


def _floor(sizes: Array, worth: float, most: float, allowed: int) -> float:
    highest = friendly(most)
    floor = min(friendly(max(worth, _LOWEST_FLOOR)), highest)
    while floor < highest and (sizes >= floor).sum() > allowed:
        floor = min(friendly(floor * 1.01, up=True), highest)
    return floor


def _peak(values: Array) -> float:
    known: Sequence[float] | Array = values[~np.isnan(values)]
    return float(max(known, default=0.0))


def _past(values: Array) -> GridPast:
    """All slots at once, as a rule kind looks back on them."""
    grid = Grid([str(column) for column in range(values.shape[1])])
    for column, name in enumerate(grid.series):
        grid.put(name, 0, values[:, column])
    return grid.past(0, len(values))
