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
_ASTRAY = 0.5  # share of what moved; a steady sum that changed by more did not stay
_NOISY = 1.3  # times its usual noise
_TELLS = 0.5  # share of what moved; a sum with more noise than this is too unsteady to tell whether it stayed
_LEVEL = 3  # slots whose median is a level
_HISTORY = 24  # slots by which a series' usual noise is known
_USUALLY = 90  # percent of a series' changes that are within its usual noise
_LEAST = 0.1  # share of what fell; a domain that gained less is no part of it
_BEYOND = 1.5  # times their usual noise; domains that gained less together did not rise
_FAR_BEYOND = 4.0  # likewise, where no sum shows that what rose is what fell
_OUTGROWN = 1.5  # times what fell; rises that come to more are not explained by it
_EACH = 0.5  # likewise, for each of them

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
        most = _STAYED * self.amount + _NOISY * self.noise
        return abs(self.changed) <= (min(most, _ASTRAY * self.amount) if self.told_by_sum else most)

    @property
    def told_by_sum(self) -> bool:
        """Whether the sum is quiet enough to say that it stayed."""
        return self.noise <= _TELLS * self.amount


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
    row = (since - traffic.first) // SLOT
    falling = np.array([traffic.column[name] for name in fell], dtype=np.intp)
    if not 0 < len(fell) <= MOST:
        return None
    lost, begun = _steps(-traffic.values[:, falling], row, 1)
    if not (lost > 0).all():
        return None
    row = int(begun.min())
    gained, onset = _steps(traffic.values, row, APART)
    gained[falling] = np.nan
    noise = _noise(traffic.values[: row - APART], min(_LEVEL, max(len(traffic.values) - 1 - row, 1)), 0)
    steps = _Steps(tuple(zip(fell, lost.tolist(), strict=True)), row, begun, gained, onset, noise)
    for series in traffic.sums:
        within = traffic.within(series)
        found = _moved(since, steps, series, within, traffic) if within[falling].all() else None
        if found is not None:
            return found
    return _left(since, steps, traffic)


@dataclass(frozen=True)
class _Steps:
    """What fell about a row, each with its row; what all domains gained, each with its row, and their noise."""

    fell: tuple[_Share, ...]
    row: int
    begun: NDArray[np.intp]
    gained: Array
    onset: NDArray[np.intp]
    noise: Array

    @property
    def amount(self) -> float:
        return sum(bps for _, bps in self.fell)


def _moved(since: int, steps: _Steps, series: str, within: Mask, traffic: Traffic) -> Moved | None:
    """What rose by as much as fell, where a sum stayed.

    Where the sum is too unsteady to show that, what rose has to be far out of the ordinary.
    """
    for beyond in (_BEYOND, _FAR_BEYOND):
        rising = _rising(np.where(within, steps.gained, np.nan), beyond, steps)
        rows = np.concatenate([steps.begun, steps.onset[rising]])
        change = _change(traffic.sums[series], int(rows.min()), int(rows.max()))
        if not rising or change is None:
            continue
        rose = tuple((traffic.domains[each], float(steps.gained[each])) for each in rising)
        moved = Moved(since, steps.fell, rose, series, *change)
        if moved.stayed and (moved.told_by_sum or (beyond == _FAR_BEYOND and _is_rare(within, steps, traffic))):
            return moved
    return None


def _left(since: int, steps: _Steps, traffic: Traffic) -> Moved | None:
    """That the account's total fell by as much, once nothing can rise any more that belongs to the fall."""
    series, values = next(iter(traffic.sums.items()), ("", np.zeros(0)))
    change = _change(values, int(steps.begun.min()), int(steps.begun.max()))
    if series != TOTAL or change is None or len(values) <= int(steps.begun.max()) + APART + 1:
        return None
    left = Moved(since, steps.fell, (), series, *change)
    rose = (steps.gained > np.maximum(AGREE * left.amount, steps.noise)).any()
    shared = abs(left.changed + left.amount) <= AGREE * left.amount and left.noise <= AGREE * left.amount
    return left if shared and not rose else None


def _steps(values: Array, row: int, within: int) -> tuple[Array, NDArray[np.intp]]:
    """By how much each series rose about a row, and the row with which it did; NaN where that is not known."""
    last = len(values) - 1
    jumps = np.diff(values[row - within - 1 : row + within + 1], axis=0)
    onset = row - within + np.nan_to_num(jumps, nan=-np.inf).argmax(axis=0)
    columns = np.arange(values.shape[1])
    before = np.median([values[onset - back, columns] for back in range(1, _LEVEL + 1)], axis=0)
    # The slot with which it rose may have carried only a part of it; so it counts only where there is no later one.
    after = [values[np.minimum(onset + on, last), columns] for on in range(1, min(_LEVEL, max(last - row, 1)) + 1)]
    return np.median(after, axis=0) - before, onset


def _rising(gained: Array, beyond: float, steps: _Steps) -> list[int]:
    """The domains that rose together and whose gains agree with what fell, the largest first; none: there are none.

    ``beyond``: how many times their usual noise they have to gain.
    """
    large = np.flatnonzero(gained >= np.maximum(_LEAST * steps.amount, _EACH * steps.noise))
    large = large[np.argsort(-gained[large], kind="stable")]
    best, most = list[int](), beyond
    for first in np.unique(steps.onset[large]).tolist():
        apart = steps.onset[large] - first
        taken = _adding_up(large[(apart >= 0) & (apart <= APART)].tolist(), gained, steps.amount)
        total = float(gained[taken].sum())
        far = total / max(math.hypot(*steps.noise[taken]), 1e-9)
        if abs(total - steps.amount) <= AGREE * steps.amount and far > most:
            best, most = taken, far
    return best


def _adding_up(domains: Sequence[int], gained: Array, amount: float) -> list[int]:
    """Those whose gains, added in their order, do not come to more than agrees with the amount."""
    taken, total = list[int](), 0.0
    for each in domains:
        if total + gained[each] <= (1 + AGREE) * amount and len(taken) < MOST:
            taken.append(each)
            total += float(gained[each])
    return taken


def _is_rare(within: Mask, steps: _Steps, traffic: Traffic) -> bool:
    """Whether no domain rose as far out of the ordinary by as much in the hours before: so this is no chance."""
    changes = _changes(traffic.values[: steps.row - APART, within][-_HISTORY:], _LEVEL, 0)
    unusual = changes > _FAR_BEYOND * np.percentile(np.abs(changes), _USUALLY, axis=0)
    alike = (changes > (1 - AGREE) * steps.amount) & (changes < (1 + AGREE) * steps.amount)
    return not bool((unusual & alike).any())


def _change(values: Array, first: int, last: int) -> tuple[float, float] | None:
    """By how much a sum changed from before one row to after another, and its usual noise over as many slots."""
    after = values[min(last + 1, len(values) - 1) :][:_LEVEL]
    changed = float(np.median(after) - np.median(values[first - _LEVEL : first]))
    noise = float(_noise(values[:first], len(after), last - first))
    return None if math.isnan(changed + noise) else (changed, noise)


def _noise(before: Array, after: int, apart: int) -> Array:
    """By how much each series usually changes within so many slots; NaN where some of the last hours are unknown."""
    return np.asarray(np.percentile(np.abs(_changes(before[-_HISTORY:], after, apart)), _USUALLY, axis=0))


def _changes(known: Array, after: int, apart: int) -> Array:
    """The change from each level to the one of ``after`` slots that follows it, so many slots ``apart``."""
    view = np.lib.stride_tricks.sliding_window_view
    before, later = (np.median(view(known, slots, axis=0), axis=-1) for slots in (_LEVEL, after))
    lag = _LEVEL + 1 + apart
    return np.asarray(later[lag:] - before[: len(later) - lag])
