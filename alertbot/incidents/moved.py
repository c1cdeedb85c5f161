"""It moved: whether traffic that some domains lost was gained by others at about the same time, or left the account.

Pure: what was carried comes in as arrays, a finding goes out with its sums. All is measured against what is usual at
that time of day, as far as that is known: a change is of the medians of up to three slots before and after, and counts
beside how much the same series changes within as many slots for no particular reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from alertbot.rules.base import Array, Mask
from alertbot.rules.selection import TOTAL
from alertbot.units import SLOT

AGREE = 0.25
"""Share of what moved by which the sizes of a fall and a rise may differ."""

APART = 3
"""Slots between a fall and a rise that belong together, at most."""

LOOKED_FOR = 12
"""Slots after a fall within which it is looked for where its traffic went."""

BEFORE = 36
"""Slots before a fall by which it is known what is usual."""

MOST = 20
"""Domains that fell or rose together, at most: of more it is not asked where their traffic went."""

_STAYED = 0.1  # share of what moved by which a sum that stayed may change, beside its usual noise
_NOISY = 1.3  # times its usual noise
_TELLS = 0.5  # share of what moved; of a sum that changes by more than this it is not said that it stayed
_LEVEL = 3  # slots whose median is a level
_HISTORY = 24  # slots by which a series' usual noise is known
_USUALLY = 90  # percent of a series' changes that are within its usual noise
_LEAST = 0.1  # share of what fell; a domain that gained less is no part of it
_BEYOND = 4.0  # times the usual noise; what is farther beyond it tells no more
_OUTGROWN = 1.5  # times what fell; rises that come to more are not explained by it
_SPEAKS = 1 / 3  # share of what moved; what is farther off from it than this speaks against it
_BY_CHANCE = 2.5  # evidence that a few domains show by chance; many show more

_Share = tuple[str, float]


@dataclass(frozen=True)
class Moved:
    """What ``fell`` from the slot ``since`` on, bit/s by domain, and what ``rose`` by as much; none: it left.

    ``of``: the sum that shows it, the total's series or a group's, by how much that ``changed``, bit/s, and its usual
    ``noise``. ``over``: the falls do not explain the rises any more.
    """

    since: int
    fell: tuple[_Share, ...]
    rose: tuple[_Share, ...]
    of: str
    changed: float
    noise: float
    over: bool = False

    @property
    def amount(self) -> float:
        """Bit/s that fell."""
        return sum(bps for _, bps in self.fell)

    @property
    def fallen(self) -> frozenset[str]:
        """The domains that fell."""
        return frozenset(series for series, _ in self.fell)

    @property
    def risen(self) -> frozenset[str]:
        """The domains that rose."""
        return frozenset(series for series, _ in self.rose)

    @property
    def stayed(self) -> bool:
        """Whether the sum did not change, but for a share of what moved and for no particular reason."""
        return abs(self.changed) <= _STAYED * self.amount + _NOISY * self.noise

    @property
    def told_by_sum(self) -> bool:
        """Whether the sum is quiet enough to say that it stayed."""
        return max(self.noise, abs(self.changed)) <= _TELLS * self.amount


@dataclass(frozen=True)
class Traffic:
    """What was carried from the slot ``first`` on, beyond what is usual: ``values``, slots x ``domains``.

    ``sums``: the same of the total and of groups, by series, the total first; ``members``: the domains of groups.
    """

    first: int
    domains: Sequence[str]
    values: Array
    sums: Mapping[str, Array]
    members: Mapping[str, frozenset[str]]

    @cached_property
    def column(self) -> Mapping[str, int]:
        """The position of each domain."""
        return {name: position for position, name in enumerate(self.domains)}

    def within(self, series: str) -> Mask:
        """Which of the domains a sum is of."""
        members = self.members.get(series)
        return np.array([members is None or name in members for name in self.domains], dtype=bool)


def beyond_usual(values: Array, earlier: Sequence[Array]) -> Array:
    """Values (slots x series) less the median of the same slots of those ``earlier`` days of which all is known."""
    usual = np.zeros_like(values)
    whole = ~np.isnan(np.stack(earlier)).any(axis=1)
    for days in np.unique(whole, axis=1).T:
        if days.any():
            alike = (whole == days[:, None]).all(axis=0)
            usual[:, alike] = np.median([day[:, alike] for day in compress(earlier, days)], axis=0)
    return values - usual


def outgrown(moved: Moved, traffic: Traffic) -> bool:
    """Whether what rose comes to so much more than what fell that it is more than that."""
    row = (moved.since - traffic.first) // SLOT - APART
    rising = [traffic.column[name] for name in moved.risen if name in traffic.column]
    before = np.median(traffic.values[row - _LEVEL : row, rising], axis=0)
    gained = float((traffic.values[-2:, rising].mean(axis=0) - before).sum())
    return gained > _OUTGROWN * moved.amount + moved.noise


def find(fell: Sequence[str], since: int, traffic: Traffic) -> Moved | None:
    """Where the traffic of domains went that fell from a slot on: to others, or away; ``None``: that cannot be said."""
    if not 0 < len(fell) <= MOST:
        return None
    falling = np.array([traffic.column[name] for name in fell], dtype=np.intp)
    lost, begun = _lost(traffic.values[:, falling], (since - traffic.first) // SLOT)
    if not (lost > 0).all():
        return None
    first, last = int(begun.min()), int(begun.max())
    noise = _noise(traffic.values[: first - APART], len(_after(traffic.values, first)), 0)
    fall = _Fall(since, tuple(zip(fell, lost.tolist(), strict=True)), first, last, noise)
    latest = min(first + APART, max(len(traffic.values) - 2, first))
    rises = {onset: _gained(onset, falling, traffic.values) for onset in range(first - APART, latest + 1)}
    for series in traffic.sums:
        within = traffic.within(series)
        found = [_moved(fall, rise, series, within, traffic) for rise in rises.items() if within[falling].all()]
        evidence, best = max(filter(None, found), key=lambda each: each[0], default=(0.0, None))
        if evidence >= _BY_CHANCE * (1 + math.log(len(traffic.domains))):
            return best
    return _left(fall, list(rises.values()), traffic)


@dataclass(frozen=True)
class _Fall:
    """What fell from the slot ``since`` on, in the rows ``first`` to ``last``; by how much all usually change."""

    since: int
    fell: tuple[_Share, ...]
    first: int
    last: int
    noise: Array

    @property
    def amount(self) -> float:
        return sum(bps for _, bps in self.fell)


def _lost(values: Array, row: int) -> tuple[Array, NDArray[np.intp]]:
    """By how much each series fell about a row, and the row with which it did; NaN where that is not known."""
    last = len(values) - 1
    jumps = -np.diff(values[row - 2 : row + 2], axis=0)
    onset = row - 1 + np.nan_to_num(jumps, nan=-np.inf).argmax(axis=0)
    columns = np.arange(values.shape[1])
    before = np.median([values[onset - back, columns] for back in range(1, _LEVEL + 1)], axis=0)
    # The slot with which it fell may have lost only a part of it; so it counts only where there is no later one.
    after = [values[np.minimum(onset + on, last), columns] for on in range(1, min(_LEVEL, max(last - row, 1)) + 1)]
    return before - np.median(after, axis=0), onset


def _gained(onset: int, falling: NDArray[np.intp], values: Array) -> Array:
    """By how much each domain rose with a row; NaN of those that fell."""
    gained = np.median(_after(values, onset), axis=0) - np.median(values[onset - _LEVEL : onset], axis=0)
    gained[falling] = np.nan
    return np.asarray(gained)


def _moved(
    fall: _Fall, rise: tuple[int, Array], series: str, within: Mask, traffic: Traffic
) -> tuple[float, Moved] | None:
    """What rose by as much as fell while a sum stayed, and how much speaks for that it is the same traffic.

    A sum that stayed speaks for it the more the steadier it usually is, and so do the rises.
    """
    onset, gained = rise
    rising = _rising(np.where(within, gained, np.nan), fall.noise, fall.amount)
    change = _change(traffic.sums[series], min(fall.first, onset), max(fall.last, onset))
    if not rising or change is None:
        return None
    rose = tuple((traffic.domains[each], float(gained[each])) for each in rising)
    moved = Moved(fall.since, fall.fell, rose, series, *change)
    off = sum(bps for _, bps in rose) - fall.amount
    by_rises = _evidence(off, fall.amount, math.hypot(*fall.noise[rising]))
    return (_evidence(moved.changed, fall.amount, moved.noise) + by_rises, moved) if moved.stayed else None


def _evidence(off: float, amount: float, noise: float) -> float:
    """How much speaks for a change that is only so far ``off`` from what it would be if so much had moved."""
    return min(amount / max(noise, 1e-9), _BEYOND) ** 2 * (1 - abs(off) / (_SPEAKS * amount))


def _rising(gained: Array, noise: Array, amount: float) -> list[int]:
    """The domains that rose more than usual by as much as fell, the most unusual first; none: there are none.

    Each of them brings the sum of their gains nearer to what fell.
    """
    large = np.flatnonzero(gained >= np.maximum(_LEAST * amount, noise))
    taken, total = list[int](), 0.0
    for each in large[np.argsort(-gained[large] / np.maximum(noise[large], 1e-9), kind="stable")].tolist():
        if abs(total + gained[each] - amount) < abs(total - amount):
            taken.append(each)
            total += float(gained[each])
    return taken if abs(total - amount) <= AGREE * amount else []


def _left(fall: _Fall, gains: Sequence[Array], traffic: Traffic) -> Moved | None:
    """That the account's total fell by as much, once nothing can rise any more that belongs to the fall."""
    change = _change(traffic.sums[TOTAL], fall.first, fall.last)
    if change is None or len(traffic.values) <= fall.last + APART + 1:
        return None
    left = Moved(fall.since, fall.fell, (), TOTAL, *change)
    rose = (np.array(gains) > np.maximum(AGREE * left.amount, fall.noise)).any()
    shared = abs(left.changed + left.amount) <= AGREE * left.amount and left.noise <= AGREE * left.amount
    return left if shared and not rose else None


def _after(values: Array, row: int) -> Array:
    """The slots after the one with which something changed, which may have carried a part of it; or that one itself."""
    return values[min(row + 1, len(values) - 1) :][:_LEVEL]


def _change(values: Array, first: int, last: int) -> tuple[float, float] | None:
    """By how much a sum changed from before one row to after another, and its usual noise over as many slots."""
    after = _after(values, last)
    changed = float(np.median(after) - np.median(values[first - _LEVEL : first]))
    noise = float(_noise(values[:first], len(after), last - first))
    return None if math.isnan(changed + noise) else (changed, noise)


def _noise(before: Array, after: int, apart: int) -> Array:
    """By how much each series usually changes within so many slots; NaN where some of the last hours are unknown."""
    known = before[-_HISTORY:]
    view = np.lib.stride_tricks.sliding_window_view
    levels, later = (np.median(view(known, slots, axis=0), axis=-1) for slots in (_LEVEL, after))
    lag = _LEVEL + 1 + apart
    changes = later[lag:] - levels[: len(later) - lag]
    return np.asarray(np.percentile(np.abs(changes), _USUALLY, axis=0))
