"""``percentile``: a month's figure, held against counting slot by slot; over months' ends, and changes of clocks.

What is held against calls none of the rule's functions: months are told apart by the local date of each slot, the
percentile is read off a list that is kept in order.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from fakes.rigs.effort import examples
from hypothesis import given
from hypothesis import strategies as st

from alertbot.rules.base import Direction
from alertbot.rules.episodes import Episode
from alertbot.rules.grid import Grid
from alertbot.rules.months import LONGEST, Calendar
from alertbot.rules.percentile import WEEK, Percentile, forecast, nearest_rank
from alertbot.units import DAY, DAY_SLOTS, SLOT, parse_time

NAN = math.nan
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
COMMIT = 10e9
KIND = Percentile(COMMIT, (0.8, 1.0), clear=0.75)


def year_of_traffic(seed, first, days=375):
    """Days and nights, weekends, slow growth, bursts, a dark night, and slots of which nothing is known."""
    rng = np.random.default_rng(seed)
    slots = first + SLOT * np.arange(days * DAY_SLOTS)
    day = 1 + 0.6 * np.sin(2 * np.pi * (slots % DAY) / DAY - 1.5)
    week = np.where((slots // DAY + 3) % 7 < 5, 1.0, 0.7)
    values = 4.2e9 * day * week * (1 + 0.3 * np.arange(len(slots)) / len(slots)) * rng.lognormal(0, 0.05, len(slots))
    for start in rng.integers(0, len(slots), 40):
        values[start : start + int(rng.integers(1, 200))] *= rng.choice([0.0, 1.8, 3.0])
    values[rng.random(len(values)) < 0.01] = NAN
    hole = int(rng.integers(0, len(slots)))
    values[hole : hole + 3 * DAY_SLOTS] = NAN
    return values


class Slowly:
    """The month's and the week's values in order, slot after slot."""

    def __init__(self, zone, first_day, percent):
        self.zone, self.first_day, self.percent = zone, first_day, percent
        self.month, self.known, self.elapsed = None, [], 0
        self.week, self.window = [], deque()

    def see(self, slot, value):
        local = datetime.fromtimestamp(slot, self.zone)
        month = (local.year, local.month) if local.day >= self.first_day else (local.year, local.month - 1)
        month = (month[0] - 1, 12) if month[1] == 0 else month
        if month != self.month:
            began = int(datetime(*month, self.first_day, tzinfo=self.zone).timestamp())
            self.month, self.known, self.elapsed = month, [], (slot - began) // SLOT
        self.elapsed += 1
        self.window.append(value)
        if not math.isnan(value):
            insort(self.known, value)
            insort(self.week, value)
        if len(self.window) > WEEK:
            gone = self.window.popleft()
            if not math.isnan(gone):
                del self.week[bisect_left(self.week, gone)]

    def to_come(self, slot):
        """Counted by walking on to the next month's first midnight."""
        local = datetime.fromtimestamp(slot, self.zone)
        year, month = (local.year, local.month) if local.day < self.first_day else (local.year, local.month + 1)
        year, month = (year + 1, 1) if month == 13 else (year, month)
        return (int(datetime(year, month, self.first_day, tzinfo=self.zone).timestamp()) - slot) // SLOT - 1

    def enough(self):
        return len(self.known) >= 288 and 2 * len(self.known) >= self.elapsed

    def so_far(self):
        return self.known[math.ceil(self.percent * len(self.known) / 100 - 1e-9) - 1]

    def judged(self, slot):
        """The larger of the two; in a month's first week the forecast, where there is one."""
        ahead = self.ahead(slot)
        if ahead is None:
            return self.so_far()
        return ahead if len(self.known) < 2016 else max(self.so_far(), ahead)

    def ahead(self, slot):
        """Every known slot of the month counts once, every known one of the week for its share of those to come."""
        if 2 * len(self.week) < WEEK:
            return None
        to_come = self.to_come(slot)
        due = math.ceil(self.percent * (len(self.known) + to_come) / 100 - 1e-9) * len(self.week)
        weighed = [(value, len(self.week)) for value in self.known] + [(value, to_come) for value in self.week]
        for value, weight in sorted(weighed):
            due -= weight
            if due <= 0:
                return value
        raise AssertionError


CASES = [(BERLIN, 1, 95), (NEW_YORK, 1, 95), (BERLIN, 15, 90), (ZoneInfo("Asia/Kolkata"), 28, 99)]


@pytest.mark.slow
@pytest.mark.parametrize(("zone", "first_day", "percent"), CASES, ids=str)
def test_a_year_slot_by_slot_is_in_breach_where_the_percentile_or_its_forecast_reaches_the_limit(
    zone, first_day, percent
):
    first = parse_time("2025-12-20")
    commit = COMMIT * (1.4 if percent == 99 else 1)
    kind = Percentile(commit, (0.7, 1.0), 0.6, percent, Calendar(first_day, zone))
    values = year_of_traffic(first_day, first)
    grid, slowly, rng = Grid(("a", "b")), Slowly(zone, first_day, percent), np.random.default_rng(1)
    breaches = 0
    for start in range(0, len(values), DAY_SLOTS):
        begin = first + start * SLOT
        grid.put("a", begin, values[start : start + DAY_SLOTS])
        in_breach = kind.breaches(grid.past(begin, DAY_SLOTS))
        assert not in_breach[:, 1].any()
        looked_at = set(rng.integers(0, DAY_SLOTS, 1).tolist())
        for row, value in enumerate(values[start : start + DAY_SLOTS].tolist()):
            slot = begin + row * SLOT
            slowly.see(slot, value)
            enough = slowly.enough()
            if enough and slowly.so_far() >= kind.limits[0] and len(slowly.known) >= WEEK:
                assert in_breach[row, 0]
            if row in looked_at or (slowly.elapsed in {1, 288, 289} or slowly.to_come(slot) < 2):
                (((found,),),) = (kind.measure(grid.past(slot, 1, np.array([0]))),)
                assert (found is not None) == enough
                assert bool(in_breach[row, 0]) == (found is not None and found.value >= kind.limits[0])
                if found is not None:
                    assert found.outlook.so_far == slowly.so_far()
                    assert found.outlook.forecast == slowly.ahead(slot)
                    assert found.value == slowly.judged(slot)
        breaches += int(in_breach[:, 0].sum())
        grid.forget(begin + DAY - kind.depth * SLOT)
    assert 10_000 < breaches < 100_000


def filled(values, first):
    grid = Grid(("a",))
    grid.put("a", first, np.asarray(values, dtype=float))
    return grid


levels = st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, NAN])
runs = st.lists(st.tuples(levels, st.integers(1, 700)), min_size=4, max_size=14)


@examples(15, 80)
@given(runs, st.integers(0, 40 * DAY_SLOTS), st.sampled_from([50, 90, 95, 99]), st.floats(0.5, 4.5))
def test_counting_says_what_measuring_says(runs, offset, percent, limit):
    values = np.repeat([value for value, _ in runs], [count for _, count in runs])
    first = parse_time("2026-10-01") + offset * SLOT
    grid = filled(values, first)
    kind = Percentile(limit, (1.0,), 0.9, percent, Calendar(1, BERLIN))
    past = grid.past(first, len(values))
    last = min(5, len(values))
    measured = kind.measure(grid.past(first + (len(values) - last) * SLOT, last))
    in_breach = kind.breaches(past)[-last:, 0]

    for row, ((cell,),) in enumerate(zip(measured, strict=True)):
        expected = cell is not None and bool(kind.breach(np.asarray(cell.value), np.asarray(cell.reference)))
        assert bool(in_breach[row]) == expected


@examples(40, 200)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=60),
    st.lists(st.integers(0, 9), min_size=1, max_size=30),
    st.integers(0, 50),
    st.sampled_from([50, 80, 95]),
)
def test_a_forecast_is_the_percentile_of_a_month_whose_rest_is_the_week_over_and_over(month, week, weeks, percent):
    month, week = np.array(month, dtype=float), np.array(week, dtype=float)

    whole = np.concatenate([month, np.tile(week, weeks)])

    assert forecast(month, week, weeks * len(week), percent) == nearest_rank(whole, percent)


@examples(20, 120)
@given(st.integers(300, 8000), st.integers(0, 400), st.sampled_from([90, 95]))
def test_the_burst_left_is_what_the_month_bears_and_no_slot_more(known, above, percent):
    """As many slots above what is committed as are left keep the month's percentile under it; one more does not."""
    month = np.full(known, 1e9)
    month[: min(above, known)] = 11e9
    to_come = 30 * DAY_SLOTS - known
    outlook = Percentile(COMMIT, percent=percent).outlook(month, month[:0], to_come)

    def ended(burst):
        return nearest_rank(np.concatenate([month, np.full(burst, 11e9), np.zeros(to_come - burst)]), percent)

    assert outlook is not None
    assert 0 <= outlook.burst <= to_come
    assert outlook.burst == 0 or ended(outlook.burst) <= COMMIT
    assert outlook.burst == to_come or ended(outlook.burst + 1) > COMMIT


def test_nothing_is_said_before_a_day_of_the_month_is_known_or_where_half_of_it_is_not():
    first = parse_time("2026-11-01")
    busy = filled(np.full(3 * DAY_SLOTS, 11e9), first)
    assert KIND.breaches(busy.past(first, DAY_SLOTS))[:, 0].tolist() == [False] * (DAY_SLOTS - 1) + [True]
    assert KIND.measure(busy.past(first + (DAY_SLOTS - 2) * SLOT, 1)) == ((None,),)
    holed = np.full(3 * DAY_SLOTS, 11e9)
    holed[DAY_SLOTS : 2 * DAY_SLOTS + 1] = NAN
    late = filled(holed, first)
    assert KIND.breaches(late.past(first + 2 * DAY, DAY_SLOTS))[:, 0].tolist() == [False] + [True] * (DAY_SLOTS - 1)


def test_in_a_months_first_week_the_forecast_decides_where_there_is_one():
    """Two busy hours of the first day say nothing of the month; without a week before, they are all there is."""
    first = parse_time("2026-11-01")
    busy = np.full(9 * DAY_SLOTS, 1e9)
    busy[:24] = 9e9
    after_a_week = filled(np.concatenate([np.full(WEEK, 1e9), busy]), first - 7 * DAY)

    assert KIND.breaches(filled(busy, first).past(first + DAY, 100)).all()
    assert not KIND.breaches(after_a_week.past(first, 9 * DAY_SLOTS)).any()
    (((found,),),) = (KIND.measure(after_a_week.past(first + DAY, 1)),)
    assert (found.value, found.outlook.so_far, found.outlook.settled) == (1e9, 9e9, False)


def test_it_is_held_against_the_highest_level_reached():
    def measured(level):
        first = parse_time("2026-11-01")
        (((found,),),) = (KIND.measure(filled(np.full(300, level), first).past(first + 299 * SLOT, 1)),)
        return found.value, found.reference

    assert measured(7.99e9) == (7.99e9, 8e9)  # none reached
    assert measured(8e9) == (8e9, 8e9)
    assert measured(9.9e9) == (9.9e9, 8e9)
    assert measured(10e9) == (10e9, 10e9)


def test_it_is_over_once_both_figures_are_under_clear_and_never_within_the_level():
    values, level = np.array([7.4e9, 7.5e9, 8e9, NAN]), np.full(4, 8e9)
    assert [KIND.cleared(value) for value in values.tolist()] == [True, False, False, False]
    assert KIND.breach(values, level).tolist() == [False, False, True, False]


def test_a_breach_is_about_the_month_it_began_in():
    kind = Percentile(COMMIT, calendar=Calendar(1, NEW_YORK))
    began = parse_time("2026-10-31T20:00:00-04:00")
    assert not kind.is_over(began, parse_time("2026-10-31T23:55:00-04:00"))
    assert kind.is_over(began, parse_time("2026-11-01T00:00:00-04:00"))


def test_slots_that_serve_no_reference_are_billed_all_the_same():
    first = parse_time("2026-11-01")
    grid = filled(np.full(2 * DAY_SLOTS, 11e9), first)
    grid.aside.record(Episode("r", "a", first, first + DAY, Direction.RISE))
    grid.aside.mute(["a"], first, first + 2 * DAY)
    assert KIND.breaches(grid.past(first + DAY, DAY_SLOTS)).all()


def test_what_is_revised_is_counted_anew():
    first = parse_time("2026-11-01")
    grid = filled(np.full(2 * DAY_SLOTS, 11e9), first)
    last = first + 2 * DAY - SLOT
    assert KIND.breaches(grid.past(last, 1)).all()
    grid.put("a", first, np.full(2 * DAY_SLOTS, 1e9))
    assert not KIND.breaches(grid.past(last, 1)).any()


@pytest.mark.parametrize(
    ("zone", "first_day", "slot", "name", "hours"),
    [
        (UTC, 1, "2026-11-01T00:00:00Z", "2026-11", 720),
        (UTC, 1, "2026-10-31T23:55:00Z", "2026-10", 744),
        (BERLIN, 1, "2026-10-31T23:00:00Z", "2026-11", 720),
        (BERLIN, 1, "2026-10-15T00:00:00Z", "2026-10", 745),
        (BERLIN, 1, "2026-03-15T00:00:00Z", "2026-03", 743),
        (NEW_YORK, 1, "2026-11-15T00:00:00Z", "2026-11", 721),
        (BERLIN, 15, "2026-01-14T22:55:00Z", "2025-12", 744),
        (BERLIN, 15, "2026-01-14T23:00:00Z", "2026-01", 744),
        (BERLIN, 28, "2026-02-27T22:55:00Z", "2026-01", 744),
        (UTC, 1, "2024-02-29T12:00:00Z", "2024-02", 696),
    ],
)
def test_a_month_runs_from_a_local_midnight_to_the_next(zone, first_day, slot, name, hours):
    month = Calendar(first_day, zone).at(parse_time(slot))
    assert (month.name, month.slots) == (name, hours * 12)


@given(st.integers(0, 2**32 // SLOT), st.integers(1, 28), st.sampled_from([UTC, BERLIN, NEW_YORK, "Asia/Kathmandu"]))
def test_every_slot_lies_in_one_month_and_none_is_longer_than_the_longest(number, first_day, zone):
    calendar = Calendar(first_day, ZoneInfo(zone) if isinstance(zone, str) else zone)
    month = calendar.at(number * SLOT)
    assert month.start <= number * SLOT < month.end
    assert calendar.at(month.end - SLOT) == month
    assert calendar.at(month.end).start == month.end
    assert calendar.before(calendar.at(month.end)) == month
    assert month.slots <= LONGEST
