"""How late each series is: some domains report later than the account's total, and must be waited for.

The lateness of a slot is the time from the frontier reaching it until its value was complete (within 5 % of what it
is now), counted only where an earlier answer, asked for behind the frontier, showed less: of a slot that nobody asked
for in between nobody can say that it was late. So it lies between two looks: at the first the slot showed less, at the
second it was complete. A series is held back by the largest lateness of its last day.

Two looks that lie five minutes apart say little. So the next looks come at other moments, until it is known to about
ten seconds: where a later slot was complete sooner than the second look of an earlier one, so the earlier one is taken
to have been.

No I/O: answers come in with their times, late slots go out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alertbot.units import DAY, SLOT

COMPLETE = 0.95
"""The share of a value that counts as all of it."""

MARGIN = 3.0
"""Seconds for which a series is held back beyond its lateness: that differs a little from slot to slot."""

PRECISE = 10.0
"""Seconds within which a lateness is known well enough."""

COARSE = 60.0
"""Seconds from which on it is so uncertain that a series had better be judged a slot later until it is measured."""

OLD = 20 * 3600
"""Seconds after which it is worth a look whether a series is as late as it was: after a day that is forgotten."""

_ROUNDED = 0.001
"""Seconds by which what is asked for just when it is due may seem to be too soon: sums of times are rounded."""


class LateSlot(NamedTuple):
    """A slot of a series that was complete ``seconds`` after the frontier reached it, and showed less at ``less``."""

    series: str
    slot: int
    seconds: float
    less: float


class _Lag(NamedTuple):
    """Seconds from the frontier reaching a slot until it still showed ``less``, and until it was ``complete``."""

    less: float
    complete: float


class _Seen(NamedTuple):
    """The values that an answer, asked for at ``began`` (monotonic seconds), showed from the slot ``first`` on."""

    first: int
    values: NDArray[np.float64]
    began: float


class Lateness:
    """Learns from answers how late each series is; no hold-back is longer than ``max_lag`` (seconds)."""

    def __init__(self, max_lag: float, late: Iterable[tuple[str, int, float, float]] = ()) -> None:
        self._most = float(math.ceil(max_lag / SLOT) * SLOT)
        self._reached: dict[int, float] = {}
        self._seen: dict[str, _Seen] = {}
        self._pauses: list[tuple[float, float]] = []
        self._late: dict[str, dict[int, _Lag]] = {}
        self._grown: set[str] = set()
        for series, slot, seconds, less in late:
            self._note(series, slot, _Lag(less, seconds))

    def reached(self, before: int | None, frontier: int, monotonic: float) -> None:
        """Note that the frontier moved on from the slot ``before``, ``None`` where there was none."""
        if before is None and not self._reached:
            # Nobody saw when it reached the slots before that: it takes them one by one.
            self._reached = {slot: monotonic - (frontier - slot) for slot in range(frontier - DAY, frontier, SLOT)}
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
        """Compare an answer with the one before, where they overlap; what that says of slots that were late.

        ``values`` are the answer's from the slot ``first`` up to the frontier; it was asked for at ``began``, behind
        the frontier.
        """
        before = self._seen.get(series)
        now = self._seen[series] = _Seen(first, values, began)
        if before is None:
            return []
        grown, complete = _compared(before, now)
        late = {slot: self._between(slot, before, now) for slot in grown if slot in self._reached}
        found = [self._note(series, slot, self._as_ever(series, lag)) for slot, lag in late.items()]
        (self._grown.add if found else self._grown.discard)(series)
        if series in self._late:
            found += self._sooner(series, [*self._by(series, complete, before, now), *(each.seconds for each in found)])
        return found

    def false_alarm(self, series: str, slot: int) -> LateSlot:
        """Hold a series back for as long as any may be, since later data did not bear out an alert it raised."""
        return self._note(series, slot, _Lag(self._most, self._most))

    def _note(self, series: str, slot: int, lag: _Lag) -> LateSlot:
        """Keep the longest lateness of a slot: one that raised a false alarm may turn out to be late by less."""
        slots = self._late.setdefault(series, {})
        known = slots.get(slot, lag)
        slots[slot] = lag = _Lag(max(lag.less, known.less), max(lag.complete, known.complete))
        return LateSlot(series, slot, lag.complete, lag.less)

    def _between(self, slot: int, before: _Seen, now: _Seen) -> _Lag:
        """The looks between which a slot became complete, without the pauses in which nobody looked.

        Pauses count from when the slot was last seen incomplete: until then it was late, whoever looked.
        """
        reached = self._reached[slot]
        since = max(reached, before.began)
        blind = sum(max(0.0, end - max(start, since)) for start, end in self._pauses)
        return _Lag(max(before.began - reached, 0.0), now.began - reached - blind)

    def _as_ever(self, series: str, lag: _Lag) -> _Lag:
        """The same slot, taken to be as late as others where that is well known and these looks do not tell."""
        slots = self._late.get(series)
        if not slots:
            return lag
        known = _largest(slots)
        between = lag.less < known.complete < lag.complete
        return _Lag(lag.less, known.complete) if between and _is_precise(known) else lag

    def _by(self, series: str, complete: Iterable[int], before: _Seen, now: _Seen) -> Iterator[float]:
        """After how many seconds these slots were complete at the look before, but for those that may grow yet."""
        longest = _largest(self._late[series]).complete
        for slot in complete:
            reached = self._reached.get(slot)
            if reached is not None and now.began - reached >= longest:
                yield before.began - reached

    def _sooner(self, series: str, complete: Iterable[float]) -> list[LateSlot]:
        """What becomes of slots of which little is known, since others were complete after so many seconds."""
        changed: dict[int, _Lag] = {}
        slots = self._late[series]
        for by in complete:
            for other, lag in slots.items():
                if max(lag.less, PRECISE / 2) < by < lag.complete:
                    slots[other] = changed[other] = _Lag(lag.less, by)
        return [LateSlot(series, slot, lag.complete, lag.less) for slot, lag in changed.items()]

    def known_to(self, series: str, frontier: int, began: float) -> int:
        """The last slot that an answer asked for at ``began`` makes known."""
        longest, known = self.hold_back(series, frontier) - _ROUNDED, frontier
        while began - self._reached.get(known, -math.inf) < longest:
            known -= SLOT
        return known

    def hold_back(self, series: str, frontier: int) -> float:
        """Seconds from the frontier reaching a slot until it is known of a series."""
        lag = self._longest(series, frontier)
        return 0.0 if lag is None else min(lag.complete + MARGIN, self._most)

    def _longest(self, series: str, frontier: int) -> _Lag | None:
        """The largest bounds of the last day."""
        slots = self._late.get(series)
        if slots is None:
            return None
        for slot in [slot for slot in slots if slot <= frontier - DAY]:
            del slots[slot]
        if not slots:
            del self._late[series]
            return None
        less, complete = _largest(slots)
        return _Lag(min(less, self._most), min(complete, self._most))

    def hold_backs(self, frontier: int) -> dict[str, float]:
        """The series that are held back for having been late, and by how many seconds."""
        return {series: held for series in list(self._late) if (held := self.hold_back(series, frontier))}

    @property
    def late(self) -> Iterable[str]:
        """The series that are held back."""
        return self._late.keys()

    def next_look(self, series: str, known: int, frontier: int) -> float:
        """When a series known to that slot, before the frontier, is to be asked for: monotonic seconds.

        That is once the slot after it is known. Where it is not known by far how late the series is, it is the moment
        that tells most of that; what waits meanwhile is known at one of the next looks.
        """
        reached, lag = self._reached.get(known + SLOT), self._longest(series, frontier)
        due = -math.inf if reached is None else reached + self.hold_back(series, frontier)
        if lag is None or not _is_coarse(lag):
            return due
        target = self._moment(frontier, _halfway(lag))
        return min(due + SLOT - PRECISE, target if self.looked(series) < target else math.inf)

    def spare_look(self, series: str, frontier: int) -> float:
        """When one look more would tell more exactly how late a series is; infinite where that is known."""
        lag = self._longest(series, frontier)
        if lag is None or _is_coarse(lag):
            return math.inf
        if lag.complete - lag.less > PRECISE:
            target = self._moment(frontier, _halfway(lag))
        elif lag.less < self._most and self._last_as_late(series, lag) < frontier - OLD:
            target = self._moment(frontier, lag.less)
        else:
            return math.inf
        return target if self.looked(series) < target else math.inf

    def _last_as_late(self, series: str, lag: _Lag) -> int:
        """The last slot that is known to have been about as late as the largest bounds say."""
        least = lag.less - PRECISE
        return max(slot for slot, each in self._late[series].items() if each.less >= least)

    def _moment(self, frontier: int, seconds: float) -> float:
        """When the newest slot that was reached so long ago, or will have been before the next one, is so old."""
        slot = frontier - SLOT * int(seconds // SLOT)
        return self._reached.get(slot, -math.inf) + seconds

    def has_grown(self, series: str) -> bool:
        """Whether the last answer showed clearly more of a slot than the one before."""
        return series in self._grown

    def age(self, slot: int, now: float) -> float:
        """Seconds since the frontier reached a slot of the last day."""
        return now - self._reached.get(slot, -math.inf)

    def looked(self, series: str) -> float:
        """When a series was asked for last, monotonic seconds."""
        seen = self._seen.get(series)
        return -math.inf if seen is None else seen.began


def _largest(slots: Mapping[int, _Lag]) -> _Lag:
    """The largest bounds of some slots."""
    less, complete = (max(bounds) for bounds in zip(*slots.values(), strict=True))
    return _Lag(less, complete)


def _is_precise(lag: _Lag) -> bool:
    return lag.complete - lag.less <= max(PRECISE, lag.complete / 10)


def _is_coarse(lag: _Lag) -> bool:
    return lag.complete - lag.less > max(COARSE, lag.complete / 4)


def _halfway(lag: _Lag) -> float:
    """Seconds after which to look next: most that are late are so by little."""
    return min(1.5 * lag.less + 2 * PRECISE, (lag.less + lag.complete) / 2)


def _compared(before: _Seen, now: _Seen) -> tuple[list[int], list[int]]:
    """The slots that the later answer shows with clearly more than the one before, and those that were complete."""
    first = max(before.first, now.first)
    last = min(each.first + len(each.values) * SLOT for each in (before, now))
    if last <= first:
        return [], []
    count = (last - first) // SLOT
    was, is_now = (each.values[(first - each.first) // SLOT :][:count] for each in (before, now))
    less = was < COMPLETE * is_now
    grown = [first + SLOT * int(row) for row in np.flatnonzero(less)]
    return grown, [first + SLOT * int(row) for row in np.flatnonzero(~less & (is_now > 0))]
