"""How late each series is: some domains report later than the account's total, and must be waited for.

The lateness of a slot is the time from the frontier reaching it until its value was complete (within 5 % of what it
is now), counted only where an earlier answer, asked for behind the frontier, showed less: a slot that nobody asked
for in between was not late, we were. A series is held back by the largest lateness of its last day.

No I/O: answers come in with their times, late slots go out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alertbot.units import DAY, SLOT

COMPLETE = 0.95
"""The share of a value that counts as all of it."""

FIRST_HOUR = 3600
FIRST_HOLD = 900
"""Seconds by which a series is held back while nothing is known of its lateness."""


class Late(NamedTuple):
    """A slot of a series that was complete only ``seconds`` after the frontier had reached it."""

    series: str
    slot: int
    seconds: float


class Lateness:
    """Watches answers for late values; ``max_lag`` (seconds) bounds every hold-back."""

    def __init__(self, max_lag: float, late: Iterable[tuple[str, int, float]] = ()) -> None:
        self._most = math.ceil(max_lag / SLOT)
        self._reached: dict[int, float] = {}
        self._shown: dict[str, tuple[int, NDArray[np.float64]]] = {}
        self._late: dict[str, dict[int, float]] = {}
        for series, slot, seconds in late:
            self._late.setdefault(series, {})[slot] = seconds

    def reached(self, before: int | None, frontier: int, monotonic: float) -> None:
        """The frontier moved on from the slot ``before``."""
        first = frontier if before is None else before + SLOT
        for slot in range(max(first, frontier - DAY), frontier + SLOT, SLOT):
            self._reached[slot] = monotonic
        for slot in [slot for slot in self._reached if slot < frontier - DAY]:
            del self._reached[slot]

    def shown(self, series: str, first: int, values: NDArray[np.float64], began: float) -> list[Late]:
        """What an answer, asked for at ``began`` behind the frontier, showed from the slot ``first`` on: what was late.

        The last slot is the frontier's; answers are compared where they overlap.
        """
        before = self._shown.get(series)
        self._shown[series] = first, values
        grown = [] if before is None else _grown(before, (first, values))
        late = [Late(series, slot, began - self._reached[slot]) for slot in grown if slot in self._reached]
        for each in late:
            self._late.setdefault(series, {})[each.slot] = each.seconds
        return late

    def wrong(self, series: str, slot: int) -> Late:
        """A page about this series turned out to be for nothing: from now on it is given all the time there is."""
        late = Late(series, slot, float(self._most * SLOT))
        self._late.setdefault(series, {})[slot] = late.seconds
        return late

    def known_to(self, series: str, frontier: int, begun: int | None, began: float) -> int:
        """The last slot that an answer asked for at ``began`` makes known; ``begun`` as for ``hold``.

        Slots alone will not do: the frontier may have reached many of them in one stride.
        """
        longest = self._longest(series, frontier, begun)
        known = frontier - SLOT * math.ceil(longest / SLOT)
        while began - self._reached.get(known, -math.inf) < longest:
            known -= SLOT
        return known

    def hold(self, series: str, frontier: int, begun: int | None) -> int:
        """How many slots behind the frontier this series is known; ``begun``: the frontier when it was first asked."""
        return math.ceil(self._longest(series, frontier, begun) / SLOT)

    def _longest(self, series: str, frontier: int, begun: int | None) -> float:
        known = self._late.get(series, {})
        for slot in [slot for slot in known if slot <= frontier - DAY]:
            del known[slot]
        longest = max(known.values(), default=0.0)
        if begun is None or frontier < begun + FIRST_HOUR:
            longest = max(longest, FIRST_HOLD)
        return min(longest, float(self._most * SLOT))

    def held(self, frontier: int) -> dict[str, int]:
        """The series that are held back for what they did, and by how many slots."""
        holds = {series: self.hold(series, frontier, frontier - FIRST_HOUR) for series in self._late}
        return {series: slots for series, slots in holds.items() if slots}


def _grown(before: tuple[int, NDArray[np.float64]], now: tuple[int, NDArray[np.float64]]) -> list[int]:
    """The slots that both show, and that now show clearly more."""
    (old_first, old), (new_first, new) = before, now
    first = max(old_first, new_first)
    last = min(old_first + len(old) * SLOT, new_first + len(new) * SLOT)
    if last <= first:
        return []
    count = (last - first) // SLOT
    was = old[(first - old_first) // SLOT :][:count]
    is_now = new[(first - new_first) // SLOT :][:count]
    return [first + SLOT * int(row) for row in np.flatnonzero(was < COMPLETE * is_now)]
