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


class _Shown(NamedTuple):
    """What an answer, asked for at ``began`` (monotonic seconds), showed from the slot ``first`` on."""

    first: int
    values: NDArray[np.float64]
    began: float


class Lateness:
    """Watches answers for late values; ``max_lag`` (seconds) bounds every hold-back."""

    def __init__(self, max_lag: float, late: Iterable[tuple[str, int, float]] = ()) -> None:
        self._most = math.ceil(max_lag / SLOT)
        self._reached: dict[int, float] = {}
        self._shown: dict[str, _Shown] = {}
        self._pauses: list[tuple[float, float]] = []
        self._late: dict[str, dict[int, float]] = {}
        for series, slot, seconds in late:
            self._noted(series, slot, seconds)

    def reached(self, before: int | None, frontier: int, monotonic: float) -> None:
        """The frontier moved on from the slot ``before``."""
        first = frontier if before is None else before + SLOT
        for slot in range(max(first, frontier - DAY), frontier + SLOT, SLOT):
            self._reached.setdefault(slot, monotonic)
        for slot in [slot for slot in self._reached if slot < frontier - DAY]:
            del self._reached[slot]

    def paused(self, since: float, until: float) -> None:
        """Between these moments (monotonic seconds) nobody could look: what came meanwhile was not that late."""
        self._pauses = [pause for pause in self._pauses if pause[1] > until - DAY]
        self._pauses.append((since, until))

    def shown(self, series: str, first: int, values: NDArray[np.float64], began: float) -> list[Late]:
        """What an answer, asked for at ``began`` behind the frontier, showed from the slot ``first`` on: what was late.

        The last slot is the frontier's; answers are compared where they overlap.
        """
        before = self._shown.get(series)
        now = self._shown[series] = _Shown(first, values, began)
        if before is None:
            return []
        grown = [slot for slot in _grown(before, now) if slot in self._reached]
        return [self._noted(series, slot, self._waited(slot, before, now)) for slot in grown]

    def wrong(self, series: str, slot: int) -> Late:
        """A page about this series turned out to be for nothing: from now on it is given all the time there is."""
        return self._noted(series, slot, float(self._most * SLOT))

    def _noted(self, series: str, slot: int, seconds: float) -> Late:
        """The longest counts: what paged for nothing may turn out late in the same slot, by less."""
        known = self._late.get(series, {})
        seconds = max(seconds, known.get(slot, 0.0))
        # What is older and was no later can never again be the longest of a day.
        kept = {each: waited for each, waited in known.items() if each > slot or waited > seconds}
        self._late[series] = kept | {slot: seconds}
        return Late(series, slot, seconds)

    def _waited(self, slot: int, before: _Shown, now: _Shown) -> float:
        """Seconds from the frontier reaching a slot until it was complete, less those in which nobody could look.

        Only those since it was last seen incomplete: until then it was late, whoever looked.
        """
        reached = self._reached[slot]
        since = max(reached, before.began)
        blind = sum(max(0.0, end - max(start, since)) for start, end in self._pauses)
        return now.began - reached - blind

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


def _grown(before: _Shown, now: _Shown) -> list[int]:
    """The slots that both show, and that now show clearly more."""
    first = max(before.first, now.first)
    last = min(each.first + len(each.values) * SLOT for each in (before, now))
    if last <= first:
        return []
    count = (last - first) // SLOT
    was, is_now = (each.values[(first - each.first) // SLOT :][:count] for each in (before, now))
    return [first + SLOT * int(row) for row in np.flatnonzero(was < COMPLETE * is_now)]
