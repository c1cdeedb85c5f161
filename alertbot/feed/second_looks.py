"""A breach is looked at twice: what would fire is asked for once more before it counts, since it may only be late.

Where very many would fire at once, the total and a few of them are asked for again, and stand for the others.

No I/O: what was read comes in with its times; what is to be asked for again, and what counts, goes out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from alertbot.rules.selection import TOTAL

AGAIN = 15.0
"""Seconds after which what would fire is asked for again ..."""

AGAIN_AT_FIRST = 60.0
"""... and in a series' first hour, when it is not known yet how late it is."""

FIRST_HOUR = 3600

FEW = 8
"""As many would fire at once before some of them stand for all."""

SAMPLE = 4

PATIENCE = 120.0
"""Seconds after which each is asked for by itself, where those that stand for it have not answered."""

FRESH = 900.0
"""Seconds after the frontier reached it from which on a slot is not doubted: so late is hardly any."""


@dataclass
class SecondLooks:
    """Keeps the series with a slot that would fire and waits: when each was asked for first, monotonic seconds.

    ``wait`` has a series asked for at a moment.
    """

    wait: Callable[[str, float], None]
    looked: dict[str, float | None] = field(default_factory=dict)
    _slot: dict[str, int] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _storm: int = 0
    _sample: frozenset[str] = frozenset()

    def doubts(self, series: str, slot: int) -> bool:
        """Whether what fires with that slot is to be looked at again first."""
        return slot > self._counts.get(series, 0) and slot > self._storm

    def waits(self, series: str) -> bool:
        """Whether a series has a slot that waits."""
        return series in self._slot

    def begin(self, doubted: Mapping[str, int], looked: Mapping[str, float], seconds: Callable[[str], float]) -> None:
        """Have asked for again what would fire: the slot by series. ``looked``: when they were asked for just now."""
        fresh = {series: slot for series, slot in doubted.items() if series not in self._slot}
        self._slot |= fresh
        for series in fresh:
            self.looked[series] = looked.get(series)
        if not fresh:
            return
        if len(self._slot) > FEW:
            self._sample = self._sample or frozenset({TOTAL, *sorted(self._slot)[:SAMPLE]})
            self.looked.setdefault(TOTAL, looked.get(TOTAL))
        for series in self._sample or fresh:
            self._wait(series, seconds(series))
        for series in fresh.keys() - self._sample if self._sample else ():
            self._wait(series, seconds(series) + PATIENCE)

    def _wait(self, series: str, seconds: float) -> None:
        since = self.looked.get(series)
        self.wait(series, -math.inf if since is None else since + seconds)

    def look(self, began: Mapping[str, float], grown: Collection[str], seconds: Callable[[str], float]) -> set[str]:
        """What was asked for again, at ``began``, and what of that ``grown``: the series that wait no more.

        What has not grown counts, and fires; of what has grown it is known now that it was late.
        """
        done: set[str] = set()
        for series in began.keys() & self.looked.keys():
            since = self.looked[series]
            if series in grown:
                done.add(series)
            elif since is None or began[series] < since + seconds(series) - 1:
                self.looked[series] = began[series] if since is None else since
                self._wait(series, seconds(series))
            else:
                done.add(series)
                self._counts[series] = self._slot.get(series, 0)
        self._sample_was_seen(done, grown, seconds)
        for series in done:
            self.looked.pop(series, None)
            self._slot.pop(series, None)
        return done

    def _sample_was_seen(self, done: set[str], grown: Collection[str], seconds: Callable[[str], float]) -> None:
        """Let the others count with those that stand for them, or ask for each where one of these has grown."""
        if not self._sample & done:
            return
        if self._sample & set(grown):
            self._sample = frozenset()
            for series in self._slot.keys() - done:
                self._wait(series, seconds(series))
        elif not (self._sample - done) & self.looked.keys():
            self._storm = max(self._slot.values(), default=self._storm)
            done.update(self._slot)
            self._sample = frozenset()
