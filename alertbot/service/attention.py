"""Attention: which series a fan-out asks for next, and what of that is to be looked at twice before it counts."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from alertbot.alerts.ledger import Ledger
from alertbot.alerts.lifecycle import Alert
from alertbot.feed.clock import ApiTime
from alertbot.feed.looks import Looks
from alertbot.feed.reader import Reading
from alertbot.feed.second_looks import AGAIN, AGAIN_AT_FIRST, FIRST_HOUR, FRESH, SecondLooks
from alertbot.rules.selection import TOTAL
from alertbot.service.prober import Prober
from alertbot.units import DAY, SLOT


class Attention:
    """Plans the looks at some series; ``begun``: the frontier at which each was first asked for."""

    def __init__(
        self, series: Sequence[str], ledger: Ledger, prober: Prober, begun: Mapping[str, int], time: ApiTime
    ) -> None:
        self._ledger = ledger
        self._prober = prober
        self._lateness = prober.lateness
        self._begun = begun
        self._time = time
        self._looks = Looks(series, prober.lateness)
        self._second_looks = SecondLooks(self._looks.wait)
        self._total_began: dict[str, float] = {}  # when the total was asked for last, monotonic seconds

    def behind(self, frontier: int, skip: Collection[str]) -> list[str]:
        """The series not asked for since the frontier moved: the total, then what is known of the shortest."""
        lagging = [series for series in self._looks.behind(frontier) if series not in skip]
        return sorted(lagging, key=lambda series: (series != TOTAL, self._ledger.cursor(series) or 0))

    def prompt(self, series: Iterable[str]) -> list[str]:
        """Those of these that are asked for at once."""
        return [name for name in series if not self._looks.is_late(name)]

    def late(self, frontier: int, a_call: int, skip: Collection[str]) -> list[str]:
        """The late ones that are to be asked for now, and what is to be looked at again."""
        return self._looks.due(frontier, self._time.monotonic(), a_call, skip)

    def next_look(self, frontier: int, a_call: int, skip: Collection[str]) -> float:
        """Seconds until one of these is due; infinite where none is."""
        return self._looks.soonest(frontier, a_call, skip) - self._time.monotonic()

    def is_new(self, series: str, frontier: int) -> bool:
        """Whether nobody has looked at a series before."""
        return self._looks.known[series] is None and self._begun[series] == frontier

    def awaits_second_look(self, series: str, frontier: int) -> bool:
        """Whether a series was looked at once and may only be late: what is not believed yet is not owed."""
        begun = self._begun.get(series)
        fresh = begun is not None and frontier <= begun + 2 * SLOT
        return fresh and self._looks.is_awaited(series, self._time.monotonic())

    def looked(self, read: Mapping[str, Reading], known: Mapping[str, int], frontier: int, a_call: int) -> None:
        """Note up to where these series are known, and let those count that were looked at twice."""
        self._looks.looked(known, a_call)
        if TOTAL in read:
            self._total_began = {TOTAL: read[TOTAL].began}
        for series, reading in read.items():
            if known[series] < self._lateness.known_to(series, frontier, reading.began):
                self._looks.wait(series, reading.began + SLOT)
        grown = [series for series in read if self._lateness.has_grown(series)]
        counts = self._second_looks.look(_began(read), grown, self._seconds_between)
        for series, slot in self._ledger.doubted.items():
            seen = known[series] >= slot if series in read else series in counts
            if seen and not self._second_looks.waits(series):
                self._ledger.believe(series)

    def look_twice(self, read: Mapping[str, Reading]) -> None:
        """Have asked for again what would fire."""
        if doubted := self._ledger.doubted:
            self._second_looks.begin(doubted, self._total_began | _began(read), self._seconds_between)

    def doubts(self, alert: Alert) -> bool:
        """Whether what would fire is to be looked at again first: not what is known for long."""
        if alert.series == TOTAL and not self._may_be_late(TOTAL, alert.slot):
            return False  # it is what says how far the others are
        fresh = self._lateness.age(alert.slot, self._time.monotonic()) < FRESH
        return fresh and self._second_looks.doubts(alert.series, alert.slot)

    def known_for(self, alert: Alert, frontier: int) -> float | None:
        """Seconds for which the slot with which an alert fired could have been known; ``None``: nobody saw that."""
        age = self._lateness.age(alert.slot, self._time.monotonic())
        return max(age - self._lateness.hold_back(alert.series, frontier), 0.0) if age < DAY else None

    def _seconds_between(self, series: str) -> float:
        """Seconds from the first look at what would fire to the second."""
        return AGAIN_AT_FIRST if self._is_in_first_hour(series) else AGAIN

    def _is_in_first_hour(self, series: str) -> bool:
        begun, frontier = self._begun.get(series), self._prober.frontier.slot
        return begun is None or frontier is None or frontier < begun + FIRST_HOUR

    def _may_be_late(self, series: str, slot: int) -> bool:
        return self._is_in_first_hour(series) or self._lateness.hold_back(series, slot) > 0

    def lags(self, series: str, due: int) -> bool:
        """Whether a series is not judged up to a slot, less what it is held back for."""
        cursor, held = self._ledger.cursor(series), self._lateness.hold_back(series, due)
        return cursor is None or cursor < due - SLOT * math.ceil(held / SLOT)


def _began(read: Mapping[str, Reading]) -> dict[str, float]:
    return {series: reading.began for series, reading in read.items()}
