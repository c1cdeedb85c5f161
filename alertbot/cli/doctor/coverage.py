"""Which domains no rule can ever fire on: selected by none, or under the floor of each: pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alertbot.config.watch import Watch
from alertbot.rules.base import Array, Rule
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop


@dataclass(frozen=True)
class Coverage:
    """Domains without any rule; those under every floor, with their peak in bit/s; those that carried nothing."""

    unruled: tuple[str, ...]
    low: Mapping[str, float]
    silent: tuple[str, ...]


def coverage(watch: Watch, lately: Mapping[str, Array]) -> Coverage:
    """``lately``: what domains carried in the last days, bit/s; one that is not in it is taken to be well."""
    rules: dict[str, list[Rule]] = {domain: [] for domain in watch.domains}
    for name, selected in watch.selection.items():
        for series in selected:
            if series in rules:
                rules[series].append(watch.rules[name])
    unruled = tuple(domain for domain, over in rules.items() if not over)
    blind = [
        domain
        for domain, over in rules.items()
        if over and domain in lately and not any(can_fire(rule, lately[domain]) for rule in over)
    ]
    peaks = {domain: _peak(lately[domain]) for domain in blind}
    low = {domain: peak for domain, peak in peaks.items() if peak > 0}
    return Coverage(unruled, low, tuple(domain for domain, peak in peaks.items() if peak == 0))


def can_fire(rule: Rule, values: Array) -> bool:
    """Whether a series that goes on as in these slots is ever large enough for the rule to look at it.

    A kind without a floor always may. Where nothing is known nothing can be said, which counts as well.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return True
    if isinstance(rule.kind, Drop):
        return _reaches(values, rule.kind)
    if isinstance(rule.kind, DayOverDay):
        return bool(known.max() >= rule.kind.floor and known.max() > 0)
    return True


def _reaches(values: Array, kind: Drop) -> bool:
    """Whether the median of any window comes up to what the rule asks for."""
    known, large = ~np.isnan(values), values >= max(kind.from_, np.nextafter(0, 1))
    window = min(kind.window, len(values))
    known_in, large_in = (_moving_sum(each, window) for each in (known, large))
    return bool(((2 * large_in >= known_in) & (2 * known_in >= window) & (large_in > 0)).any())


def _moving_sum(flags: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], window: int) -> Array:
    total = np.concatenate([[0.0], np.cumsum(flags)])
    return np.asarray(total[window:] - total[:-window])


def _peak(values: Array) -> float:
    return float(np.nanmax(values))


def largest_first(low: Mapping[str, float]) -> Sequence[str]:
    """These domains, the largest first."""
    return sorted(low, key=lambda domain: (-low[domain], domain))
