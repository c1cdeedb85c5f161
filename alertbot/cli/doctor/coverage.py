"""Which domains no rule can ever fire on, and which might go dark with nothing posted: pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alertbot.alerts.engine import Engine
from alertbot.config.watch import Watch
from alertbot.rules.base import Array, Direction, Kind
from alertbot.rules.grid import Grid
from alertbot.units import SLOT

_APART = 13
"""Slots between the times at which domains are made to go dark: no rhythm of a domain is always missed."""

_ANYTHING = float(np.nextafter(0, 1))
"""The least rate that is more than nothing."""


@dataclass(frozen=True)
class Coverage:
    """Domains by what their rules miss, each in one of these at most; peaks in bit/s.

    ``unruled``: without any rule. ``silent``: carried nothing. ``low``: with their peak, under the floor of every rule.
    ``unseen``: with their peak, those on which a rule can fire, but none does when they go dark.
    """

    unruled: tuple[str, ...]
    silent: tuple[str, ...]
    low: Mapping[str, float]
    unseen: Mapping[str, float]


def coverage(watch: Watch, lately: Mapping[str, Array], first: int) -> Coverage:
    """``lately``: what domains carried from the slot ``first`` on, all of one length, in bit/s.

    A domain of which nothing is known, or too little for one of its rules, is taken to be covered.
    """
    kinds: dict[str, list[Kind]] = {domain: [] for domain in watch.domains}
    for name, selected in watch.selection.items():
        for domain in kinds.keys() & set(selected):
            kinds[domain].append(watch.rules[name].kind)
    known = {
        domain: lately[domain]
        for domain, own in kinds.items()
        if own and domain in lately and not np.isnan(lately[domain]).all()
    }
    peaks = {domain: float(np.nanmax(values)) for domain, values in known.items()}
    blind = {domain for domain, values in known.items() if not any(_reaches(kind, values) for kind in kinds[domain])}
    seen = seen_going_dark(watch, {domain: known[domain] for domain, peak in peaks.items() if peak > 0}, first)
    missed = {
        domain: peak
        for domain, peak in peaks.items()
        if peak > 0 and domain not in seen and not any(_is_young(kind, known[domain]) for kind in kinds[domain])
    }
    return Coverage(
        unruled=tuple(domain for domain, own in kinds.items() if not own),
        silent=tuple(domain for domain in known if peaks[domain] == 0 and domain in blind),
        low={domain: peak for domain, peak in missed.items() if domain in blind},
        unseen={domain: peak for domain, peak in missed.items() if domain not in blind},
    )


def seen_going_dark(watch: Watch, lately: Mapping[str, Array], first: int) -> set[str]:
    """The domains on which a rule would have fired, had they gone dark at one of many times of these days.

    The rules decide that themselves: from each time on, the newest first, the domains are made to carry nothing for
    as long as a rule may wait. Earlier times look back on none of that.
    """
    if not lately:
        return set()
    engine = Engine(tuple(watch.rules.values()), _worth_a_look(watch, lately), tuple(lately))
    grid, unseen = Grid(tuple(lately)), set(lately)
    for domain, values in lately.items():
        grid.put(domain, first, values)
    count, lasting = max(map(len, lately.values())), watch.patience
    for row in range(count - 1, -1, -max(_APART, lasting)):
        slot, due = first + row * SLOT, np.zeros((lasting, len(lately)), dtype=bool)
        for domain in unseen:
            grid.put(domain, slot, np.zeros(lasting))
            due[:, grid.column[domain]] = True
        changes = engine.judge(grid, slot, due, {}).changes
        unseen -= {each.alert.series for each in changes if each.fired and each.alert.direction is Direction.FALL}
        if not unseen:
            break
    return lately.keys() - unseen


def _worth_a_look(watch: Watch, lately: Mapping[str, Array]) -> dict[str, list[str]]:
    """The domains each rule judges, but for those that always stayed under its floor."""
    peaks = {domain: float(np.nanmax(values)) for domain, values in lately.items()}
    least = {name: rule.kind.least or 0.0 for name, rule in watch.rules.items()}
    return {
        name: [domain for domain in selected if peaks.get(domain, -1.0) >= least[name]]
        for name, selected in watch.selection.items()
    }


def _reaches(kind: Kind, values: Array) -> bool:
    """Whether values alone are large enough for the kind to look at them; one without a floor looks at any."""
    return kind.least is None or bool((kind.size(values, None) >= max(kind.least, _ANYTHING)).any())


def _is_young(kind: Kind, values: Array) -> bool:
    """Whether a fall could not be judged at all, since nothing is known of what it would be compared with."""
    falls = kind.direction(0.0, 1.0) is Direction.FALL
    return falls and int(np.flatnonzero(~np.isnan(values))[0]) + min(kind.looks_at, default=0) >= len(values)


def largest_first(peaks: Mapping[str, float]) -> Sequence[str]:
    """These domains, the largest first."""
    return sorted(peaks, key=lambda domain: (-peaks[domain], domain))
