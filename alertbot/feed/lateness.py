"""How late each series is: some domains report later than the account's total, and must be waited for.

The lateness of a slot is the time from the frontier reaching it until its value was complete (within 5 % of what it
is now), counted only where an earlier answer, asked for behind the frontier, showed less: of a slot that nobody asked
for in between nobody can say that it was late. A series is held back by the largest lateness of its last day.

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
FIRST_HOLD_BACK = 900
"""In a series' first hour nothing is known of its lateness yet: then it is held back by so many seconds."""


class LateSlot(NamedTuple):
    """A slot of a series that was complete only ``seconds`` after the frontier had reached it."""

    series: str
    slot: int
    seconds: float


class _Seen(NamedTuple):
    """The values that an answer, asked for at ``began`` (monotonic seconds), showed from the slot ``first`` on."""

    first: int
    values: NDArray[np.float64]
    began: float


class Lateness:
    """Learns from answers how late each series is; no hold-back is longer than ``max_lag`` (seconds)."""

    def __init__(self, max_lag: float, late: Iterable[tuple[str, int, float]] = ()) -> None:
        self._most_slots = math.ceil(max_lag / SLOT)
        self._reached: dict[int, float] = {}
        self._seen: dict[str, _Seen] = {}
        self._pauses: list[tuple[float, float]] = []
        self._late: dict[str, dict[int, float]] = {}
        for series, slot, seconds in late:
            self._note(series, slot, seconds)

    def reached(self, before: int | None, frontier: int, monotonic: float) -> None:
        """Note that the frontier moved on from the slot ``before``, ``None`` where there was none."""
        first = frontier if before is None else before + SLOT
        for slot in range(max(first, frontier - DAY), frontier + SLOT, SLOT):
            self._reached.setdefault(slot, monotonic)
        for slot in [slot for slot in self._reached if slot < frontier - DAY]:
            del self._reached[slot]

    def paused(self, since: float, until: float) -> None:
        """Note that nobody could look between two moments (monotonic seconds): that time is no lateness."""
        self._pauses = [pause for pause in self._pauses if pause[1] > until - DAY]
        self._pauses.append((since, until))

    def observe(self, series: str, first: int, values: NDArray[np.float64], began: float) -> list[LateSlot]:
        """Compare an answer with the one before, where they overlap, and return the slots that were late.

        ``values`` are the answer's from the slot ``first`` up to the frontier; it was asked for at ``began``, behind
        the frontier.
        """
        before = self._seen.get(series)
        now = self._seen[series] = _Seen(first, values, began)
        if before is None:
            return []
        grown = [slot for slot in _grown(before, now) if slot in self._reached]
        return [self._note(series, slot, self._waited(slot, before, now)) for slot in grown]

    def false_alarm(self, series: str, slot: int) -> LateSlot:
        """Hold a series back for as long as any may be, since later data did not bear out an alert it raised."""
        return self._note(series, slot, float(self._most_slots * SLOT))

    def _note(self, series: str, slot: int, seconds: float) -> LateSlot:
        """Keep the longest lateness of a slot: one that raised a false alarm may turn out to be late by less."""
        known = self._late.get(series, {})
        seconds = max(seconds, known.get(slot, 0.0))
        # What is older and was no later can never again be the longest of a day.
        kept = {each: waited for each, waited in known.items() if each > slot or waited > seconds}
        self._late[series] = kept | {slot: seconds}
        return LateSlot(series, slot, seconds)

    def _waited(self, slot: int, before: _Seen, now: _Seen) -> float:
        """Seconds from the frontier reaching a slot until it was complete, without the pauses in which nobody looked.

        Pauses count from when the slot was last seen incomplete: until then it was late, whoever looked.
        """
        reached = self._reached[slot]
        since = max(reached, before.began)
        blind = sum(max(0.0, end - max(start, since)) for start, end in self._pauses)
        return now.began - reached - blind

    def known_to(self, series: str, frontier: int, begun: int | None, began: float) -> int:
        """The last slot that an answer asked for at ``began`` makes known; ``begun`` as for ``hold_back``.

        Counting slots is not enough: the frontier may have reached many of them in one stride.
        """
        longest = self._longest(series, frontier, begun)
        known = frontier - SLOT * math.ceil(longest / SLOT)
        while began - self._reached.get(known, -math.inf) < longest:
            known -= SLOT
        return known

    def hold_back(self, series: str, frontier: int, begun: int | None) -> int:
        """How many slots behind the frontier a series is known; ``begun``: the frontier when it was first asked for."""
        return math.ceil(self._longest(series, frontier, begun) / SLOT)

    def _longest(self, series: str, frontier: int, begun: int | None) -> float:
        known = self._late.get(series, {})
        for slot in [slot for slot in known if slot <= frontier - DAY]:
            del known[slot]
        longest = max(known.values(), default=0.0)
        if begun is None or frontier < begun + FIRST_HOUR:
            longest = max(longest, FIRST_HOLD_BACK)
        return min(longest, float(self._most_slots * SLOT))

    def hold_backs(self, frontier: int) -> dict[str, int]:
        """The series that are held back for having been late, and by how many slots."""
        slots = {series: self.hold_back(series, frontier, frontier - FIRST_HOUR) for series in self._late}
        return {series: count for series, count in slots.items() if count}


def _grown(before: _Seen, now: _Seen) -> list[int]:
    """The slots that both answers show, and the later one with clearly more."""
    first = max(before.first, now.first)
    last = min(each.first + len(each.values) * SLOT for each in (before, now))
    if last <= first:
        return []
    count = (last - first) // SLOT
    was, is_now = (each.values[(first - each.first) // SLOT :][:count] for each in (before, now))
    return [first + SLOT * int(row) for row in np.flatnonzero(was < COMPLETE * is_now)]
