"""``percentile``: the percentile that a month's bandwidth is billed by, so far and as forecast, against a commitment.

The percentile is the nearest rank over the slots that are known: what is left once the top share of them is struck
off. It reaches a limit exactly where more slots than may be struck off reach it. So whether a slot is in breach is
found by counting, which is cheap over any number of series; the percentile itself is worked out only where an alert is
under way. The forecast takes what is left of the month to be like the last seven days.

What a month came to in its first days says little: a Monday, an evening weigh too much in it. So for the first week of
a month the forecast alone counts, where there is one. Of 480 made-up months that ended a tenth under the limit, 16 %
were over it at some time by what they came to, 3 % after a week; 8 % fire (tests/bench/percentile.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import tzinfo

import numpy as np
from numpy.typing import NDArray

from alertbot.rules.base import ROUNDING, Array, Direction, Judged, Limit, Mask, Past, Shown
from alertbot.rules.measured import Measured, Measurement
from alertbot.rules.months import LONGEST, Calendar
from alertbot.rules.terms import LEVEL, References, Term, compared
from alertbot.rules.wording import AlertFacts, Outlook
from alertbot.units import DAY_SLOTS, SLOT, format_duration, format_ordinal, format_rate, format_share
from alertbot.words import counted

WEEK = 7 * DAY_SLOTS
"""Slots that the rest of a month is taken to be like."""

PERCENT = 95
"""What bandwidth is usually billed by."""

Count = NDArray[np.int64]


def rank(count: Count | int, percent: int = PERCENT) -> Count:
    """Which of ``count`` values in ascending order, counted from 1, is the percentile; in whole numbers, so exact."""
    return -(-percent * np.asarray(count, dtype=np.int64) // 100)


def nearest_rank(values: Array, percent: int = PERCENT) -> float:
    """The percentile as bandwidth is billed: the value left once the top slots are struck off; all are known."""
    place = int(rank(len(values), percent)) - 1
    return float(np.partition(values, place)[place])


def forecast(month: Array, week: Array, to_come: int, percent: int) -> float:
    """The percentile at the month's end, if the ``to_come`` slots left are as the week was; known values only.

    Each value of the week stands for ``to_come / len(week)`` slots; the shares are counted in whole numbers.
    """
    free = int(allowed(len(month) + to_come, percent))
    # No more than these can lie above it, so the rest need not be put in order.
    tops = _top(month, free + 1), _top(week, free * len(week) // to_come + 1 if to_come else 0)
    values = np.concatenate(tops)
    weights = np.repeat(np.array([len(week), to_come]), [len(top) for top in tops])
    order = np.argsort(-values)
    above = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(above, free * len(week), side="right")]])


def _top(values: Array, count: int) -> Array:
    """The largest ``count`` of them, in any order."""
    return values if count >= len(values) else np.partition(values, len(values) - count - 1)[len(values) - count :]


def allowed(count: Count | int, percent: int) -> Count:
    """How many of so many slots may lie above a limit before the percentile does."""
    return np.asarray(count, dtype=np.int64) - rank(count, percent)


@dataclass(frozen=True)
class Percentile(Measured):
    """In breach once a month's percentile, so far or as forecast, reaches the least share ``at`` of ``commit``.

    ``commit`` in bit/s, ``percent`` is 95 for the 95th percentile. Over once both are under the share ``clear`` again,
    or with the month. Nothing is said before a day of the month is known, or of a month of which less than half is.
    """

    commit: float
    at: tuple[float, ...] = (0.8, 1.0)
    clear: float = 0.75
    percent: int = PERCENT
    calendar: Calendar = field(default_factory=Calendar)

    frozen = False
    depth = LONGEST
    reference_name = LEVEL

    @property
    def limits(self) -> tuple[float, ...]:
        """The levels in bit/s, ascending."""
        return tuple(sorted(share * self.commit for share in self.at))

    def possible(self, past: Past) -> Mask | None:
        """Counting tells at once what is."""
        return None

    def reference(self, past: Past) -> Array:
        """The highest level reached, else the lowest there is; NaN where nothing can be said."""
        cells = self.measure(past)
        return np.array([[np.nan if each is None else each.reference for each in row] for row in cells])

    def breach(self, value: Array, reference: Array | None) -> Mask:
        """What counts of percentile and forecast, the larger, has reached the level it is held against."""
        if reference is None:
            raise TypeError("a percentile is judged against a level")
        return value >= reference * (1 - ROUNDING)

    def judge(self, past: Past, fixed: Array | None = None) -> Judged:
        """By counting alone: the figures are measured where an alert is under way."""
        return Judged(None, self.breaches(past) & ~np.isnan(past.now))

    def over(self, past: Past, fired: Array) -> Mask:
        """Nothing that slots alone would tell."""
        return np.zeros(past.now.shape, dtype=bool)

    def cleared(self, value: float) -> bool:
        """Neither is at the share ``clear`` of what is committed any more."""
        return value < self.clear * self.commit * (1 - ROUNDING)

    def looks_for(self, direction: Direction) -> bool:
        """Rises alone."""
        return direction is Direction.RISE

    def sets_aside(self, direction: Direction) -> bool:
        """A month's figure is made of slots that are as usual as any."""
        return False

    @property
    def reach(self) -> int:
        """A month."""
        return self.depth

    @property
    def zone(self) -> tzinfo:
        """That of its months."""
        return self.calendar.zone

    def direction(self, value: float, reference: float | None) -> Direction:
        """Always a rise."""
        return Direction.RISE

    def describe(self) -> str:
        levels = " and ".join(format_share(share) for share in sorted(self.at))
        return f"{self._which} of the month, so far or as forecast, at {levels} of {format_rate(self.commit)}"

    def comparisons(self, value: float, references: References, outlook: Outlook | None) -> tuple[Term, ...]:
        """Where one of the two has reached the level, that one decides; else both are shown, and neither has."""
        if outlook is None:
            return super().comparisons(value, references, outlook)
        level = references[LEVEL]
        source = f"{format_share(level / self.commit)} of {format_rate(self.commit)} = "
        found = []
        for name, figure in outlook.figures:
            reached = figure >= level * (1 - ROUNDING)
            found.append(Term(f"{name} {compared(figure, '>=' if reached else '<', level, source)}", reached))
        decided = tuple(term for term in found if term.holds)
        return decided or tuple(found)

    def sentence(self, facts: AlertFacts) -> str:
        """What the month has come to; that it may be on its way back is of no weight in a month."""
        return f"{self.firing(facts)}."

    def firing(self, facts: AlertFacts) -> str:
        outlook, left = _outlook(facts), _left(_outlook(facts).burst)
        so_far, ahead = outlook.so_far, outlook.forecast
        if ahead is None or so_far >= self.limits[0] * (1 - ROUNDING):
            rising = "" if ahead is None or ahead <= so_far else _course(ahead)
            return f"{facts.series}: {self._which} of the month so far is {self._committed(so_far)}{rising}; {left}"
        course = f"{facts.series} is on course for a {self._which} of {self._committed(ahead)}"
        return f"{course}; {format_rate(so_far)} so far; {left}"

    def resolution(self, facts: AlertFacts, *, ended: bool) -> str:
        outlook = _outlook(facts)
        so_far = self._committed(outlook.so_far)
        if ended:
            return f"{facts.series}: the month is over; its {self._which} came to {so_far}."
        back = f"{facts.series} is back under {format_share(self.clear)}"
        ahead = "" if outlook.forecast is None else _course(outlook.forecast)
        return f"{back}: the {self._which} of the month so far is {so_far}{ahead}."

    def limits_to_draw(self, shown: Shown) -> Iterator[Limit]:
        yield f"{format_rate(self.commit)} committed", np.full(len(shown.slots), self.commit)

    @property
    def _which(self) -> str:
        return f"{format_ordinal(self.percent)} percentile"

    def _committed(self, value: float) -> str:
        return f"{format_rate(value)}, {format_share(value / self.commit)} of the {format_rate(self.commit)} committed"

    def breaches(self, past: Past) -> Mask:
        """Where a slot is in breach, by counting alone."""
        slots, begins, ends = self._months(past)
        limit = self.limits[0] * (1 - ROUNDING)
        known = past.at_least(-math.inf, begins)
        above = past.at_least(limit, begins)
        week = slots - (WEEK - 1) * SLOT
        known_week, above_week = past.at_least(-math.inf, week), past.at_least(limit, week)
        to_come = ((ends - slots) // SLOT - 1)[:, None]
        foreseen = 2 * known_week >= WEEK
        so_far = (above > allowed(known, self.percent)) & ((known >= WEEK) | ~foreseen)
        free = allowed(known + to_come, self.percent)
        ahead = foreseen & (known_week * above + to_come * above_week > known_week * free)
        elapsed = ((slots - begins) // SLOT + 1)[:, None]
        return _enough(known, elapsed) & (so_far | ahead)

    def measure(self, past: Past) -> tuple[tuple[Measurement | None, ...], ...]:
        """The percentile and the forecast of each slot and series, where enough is known."""
        slots, begins, ends = self._months(past)
        cells = []
        for slot, begin, end in zip(slots.tolist(), begins.tolist(), ends.tolist(), strict=True):
            first = min(begin, slot - (WEEK - 1) * SLOT)
            values = past.held(first, (slot - first) // SLOT + 1)
            to_come = (end - slot) // SLOT - 1
            cut = (begin - first) // SLOT
            cells.append(
                tuple(self._measured(values[cut:, at], values[-WEEK:, at], to_come) for at in range(values.shape[1]))
            )
        return tuple(cells)

    def is_over(self, since: int, slot: int) -> bool:
        """Whether the month in which a breach began has ended before this slot."""
        return slot >= self.calendar.at(since).end

    def outlook(self, month: Array, week: Array, to_come: int) -> Outlook | None:
        """A month so far and its end; NaN is unknown, and None what too little is known of."""
        elapsed, month, week = len(month), month[~np.isnan(month)], week[~np.isnan(week)]
        if not _enough(np.asarray(len(month)), np.asarray(elapsed)):
            return None
        ahead = forecast(month, week, to_come, self.percent) if 2 * len(week) >= WEEK else None
        free = int(allowed(len(month) + to_come, self.percent)) - int((month > self.commit * (1 + ROUNDING)).sum())
        burst = min(max(free, 0), to_come)
        return Outlook(nearest_rank(month, self.percent), ahead, burst, settled=len(month) >= WEEK)

    def _measured(self, month: Array, week: Array, to_come: int) -> Measurement | None:
        outlook = self.outlook(month, week, to_come)
        if outlook is None:
            return None
        value = max(figure for _, figure in outlook.figures)
        reached = [limit for limit in self.limits if value >= limit * (1 - ROUNDING)]
        return Measurement(value, reached[-1] if reached else self.limits[0], outlook)

    def _months(self, past: Past) -> tuple[Count, Count, Count]:
        """The slots being judged, and the first slots of their months and of the next ones."""
        slots = past.first + SLOT * np.arange(len(past.now), dtype=np.int64)
        months = [self.calendar.at(slot) for slot in slots.tolist()]
        return slots, np.array([month.start for month in months]), np.array([month.end for month in months])


def _enough(known: Count, elapsed: Count) -> Mask:
    """A day of the month, with all its ups and downs, and half of what has passed."""
    return np.asarray((known >= DAY_SLOTS) & (2 * known >= elapsed))


def _outlook(facts: AlertFacts) -> Outlook:
    return facts.outlook or Outlook(facts.value, None, 0)


def _course(forecast: float) -> str:
    return f", on course for {format_rate(forecast)} by its end"


def _left(burst: int) -> str:
    """How many slots may still lie above what is committed."""
    return (
        f"{counted(burst, '5-minute value')} ({format_duration(burst * SLOT)}) of burst left"
        if burst
        else "no burst left"
    )
