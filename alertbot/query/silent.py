"""Which domains carry nothing just now, as they usually do at this time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
from sqlite_utils import Database

from alertbot.config.watch import Watch
from alertbot.rules.base import Direction, Mask
from alertbot.rules.grid import Grid
from alertbot.rules.selection import is_domain
from alertbot.rules.usual import REACH, SPREAD, silent
from alertbot.store import restart
from alertbot.units import DAY_SLOTS, SLOT

MOST_LOOKED_AT = 500
"""Domains at 0 that are looked at: one costs a few milliseconds."""

_HALF = DAY_SLOTS // 2
_SHORTEST = 6


@dataclass(frozen=True)
class SilentDomain:
    """A domain that is silent as usual; from when until when that is so, epoch seconds, unless it is so all day."""

    domain: str
    begins: int | None
    ends: int | None


def silent_now(db: Database, watch: Watch, frontier: int | None) -> tuple[SilentDomain, ...]:
    """The watched domains at 0 in the slot ``frontier``, where that is usual by a rule that looks for falls."""
    if frontier is None:
        return ()
    judged = _judged(watch)
    latest = restart.grid(db, tuple(judged), frontier, frontier)
    at_zero = latest.values(frontier, 1)[0] == 0
    dark = tuple(name for name, zero in zip(latest.series, at_zero.tolist(), strict=True) if zero)[:MOST_LOOKED_AT]
    if not dark:
        return ()
    held = restart.grid(db, dark, frontier - (REACH + DAY_SLOTS) * SLOT, frontier)
    return tuple(silent_of(held, {name: judged[name] for name in dark}, frontier))


def silent_of(grid: Grid, judged: Mapping[str, tuple[tzinfo, bool]], frontier: int) -> Iterator[SilentDomain]:
    """Likewise, of the domains of a grid: with each its rule's zone, and whether alerts teach it silence."""
    first = frontier - _HALF * SLOT
    for how in sorted(set(judged.values()), key=str):
        names = [name for name in judged if judged[name] == how]
        columns = np.array([grid.column[name] for name in names], dtype=np.intp)
        past = grid.past(first, DAY_SLOTS, columns)
        rows, places = (each.ravel() for each in np.indices((DAY_SLOTS, len(names))))
        usual = silent(past, how[0], (rows, places), learn=how[1]).reshape(DAY_SLOTS, len(names))
        at_zero = past.now[_HALF] == 0
        yield from (
            _spanned(name, usual[:, place], first)
            for place, name in enumerate(names)
            if at_zero[place] and usual[_HALF, place]
        )


def _spanned(domain: str, usual: Mask, first: int) -> SilentDomain:
    """From when until when it is usual around now; what is beside a silence without being one is left out again."""
    before = np.flatnonzero(~usual[:_HALF])
    after = np.flatnonzero(~usual[_HALF:])
    if not len(before) or not len(after):
        return SilentDomain(domain, None, None)
    begins = min(int(before[-1]) + 1 + SPREAD, _HALF)
    ends = max(_HALF + int(after[0]) - SPREAD, _HALF + 1)
    return SilentDomain(domain, first + begins * SLOT, first + ends * SLOT)


def _judged(watch: Watch) -> dict[str, tuple[tzinfo, bool]]:
    """The domains that a rule watches for falls, with its zone, and whether alerts teach it silence."""
    found: dict[str, tuple[tzinfo, bool]] = {}
    for name, rule in watch.rules.items():
        if rule.enabled and rule.kind.sets_aside(Direction.FALL):
            for series in filter(is_domain, watch.selection[name]):
                how = rule.kind.zone, rule.kind.without_learned_silence() is not None
                if not found.get(series, (None, False))[1]:
                    found[series] = how
    return found


def silent_hours(grid: Grid, zone: tzinfo, last: int) -> tuple[SilentDomain, ...]:
    """The domains of a grid that were silent within the day up to the slot ``last``, as they usually are then.

    Of each the longest such time, where that is half an hour or more.
    """
    first = last - (DAY_SLOTS - 1) * SLOT
    past = grid.past(first, DAY_SLOTS)
    rows, columns = np.nonzero(past.now == 0)
    usual = np.zeros((DAY_SLOTS, len(grid.series)), dtype=bool)
    usual[rows, columns] = silent(past, zone, (rows, columns))
    found = (_longest(name, usual[:, place], first) for place, name in enumerate(grid.series))
    return tuple(each for each in found if each is not None)


def _longest(domain: str, usual: Mask, first: int) -> SilentDomain | None:
    """The longest run of a day that begins anew where it ends."""
    if usual.all():
        return SilentDomain(domain, None, None)
    turn = int(np.flatnonzero(~usual)[0])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], np.roll(usual, -turn), [False]]).astype(np.int8)))
    runs = edges.reshape(-1, 2)
    if not len(runs):
        return None
    begin, end = max(runs.tolist(), key=lambda run: run[1] - run[0])
    if end - begin < _SHORTEST:
        return None
    return SilentDomain(domain, first + (turn + begin) * SLOT, first + (turn + end) * SLOT)
