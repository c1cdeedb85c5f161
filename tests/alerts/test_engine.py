"""The engine against the slow oracle: whole blocks, any split into blocks, and slot by slot say the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from unittest.mock import patch
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from fakes.judges.oracle import Oracle, Verdict
from fakes.rigs.effort import examples
from hypothesis import event, given
from hypothesis import strategies as st

from alertbot.alerts import engine
from alertbot.alerts.engine import Engine
from alertbot.rules.base import Direction, Rule, Severity
from alertbot.rules.baseline import Baseline
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.grid import Grid
from alertbot.rules.schedule import Schedule, Window, parse_window
from alertbot.rules.threshold import Threshold
from alertbot.units import DAY, DAY_SLOTS, SLOT

MIDNIGHT = 20_000 * DAY
LEVEL = 100e6
FACTORS = [0.0, 0.2, 0.25, 0.5, 0.5000001, 0.75, 1.0, 1.0, 1.0, 1.0, 1.5, 2.0, 3.0]

names = st.sampled_from(["ceiling", "dark", "fallen", "night", "week"])
counts = st.integers(1, 4)

thresholds = st.one_of(
    st.builds(Threshold, above=st.sampled_from([LEVEL, 1.5 * LEVEL]), clear=st.sampled_from([None, 0.75 * LEVEL])),
    st.builds(Threshold, below=st.sampled_from([0.5 * LEVEL, LEVEL]), clear=st.sampled_from([None, 1.5 * LEVEL])),
    st.builds(Threshold, above=st.just(2 * LEVEL), below=st.just(0.25 * LEVEL)),
)
windows = st.integers(1, 14)
sources = st.sampled_from([0.0, 1e6, LEVEL])
drops = st.one_of(
    st.builds(Drop, to=st.sampled_from([0.0, 0.25 * LEVEL]), from_=sources, window=windows),
    st.builds(
        Drop,
        by=st.sampled_from([0.5, 0.75, 0.8, 1.0]),
        from_=sources,
        window=windows,
        clear=st.sampled_from([0.5, 0.75, 1.0]),
    ),
)
days_over_days = st.builds(
    DayOverDay,
    ratio=st.sampled_from([0.25, 0.5, 1.5, 2.0]),
    days=st.integers(1, 3),
    weeks=st.integers(0, 1),
    floor=st.sampled_from([0.0, 1e7, LEVEL]),
) | st.builds(DayOverDay, ratio=st.sampled_from([0.5, 2.0]), days=st.just(0), weeks=st.just(1))
baselines = st.builds(
    Baseline,
    factor=st.sampled_from([1.5, 2.0]),
    floor=st.sampled_from([0.0, LEVEL]),
    only=st.sampled_from([None, None, *Direction]),
    days=st.integers(1, 5),
    weeks=st.integers(0, 1),
    zeros=st.booleans(),
)
times = st.integers(0, 287).map(lambda slot: 5 * slot) | st.integers(0, 1439)
schedules = st.builds(
    Schedule,
    st.lists(
        st.builds(Window, st.frozensets(st.integers(0, 6), min_size=4), times, times).filter(
            lambda w: w.start != w.end
        ),
        min_size=1,
        max_size=2,
    ).map(tuple),
    st.sampled_from([ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/New_York")]),
)


any_kind = st.one_of(thresholds, drops, drops, days_over_days)


@st.composite
def rules_of_any_kind(draw, kinds=any_kind):
    for_slots = draw(counts)
    within = draw(st.none() | st.integers(for_slots, for_slots + 4))
    kind = draw(kinds)
    never = isinstance(kind, Threshold) or (isinstance(kind, Drop) and kind.to is not None)
    accept = None if never else draw(st.none() | st.integers(1, 30))
    return Rule(
        draw(names),
        "any",
        kind,
        Severity.WARNING,
        for_slots=for_slots,
        clear_slots=draw(counts),
        within_slots=within,
        accept_slots=accept,
        active=draw(st.none() | schedules),
    )


@dataclass(frozen=True)
class Situation:
    """``values`` has slots x series from ``begin`` on; the slots from ``first`` on are judged where ``due``."""

    series: tuple[str, ...]
    rules: tuple[Rule, ...]
    selection: dict[str, tuple[str, ...]]
    begin: int
    first: int
    values: np.ndarray
    due: np.ndarray
    bans: tuple[tuple[tuple[str, ...], int, int], ...] = ()

    @property
    def engine(self):
        return Engine(self.rules, self.selection, self.series)

    @property
    def grid(self):
        grid = Grid(self.series)
        for column, name in enumerate(self.series):
            grid.put(name, self.begin, self.values[:, column])
        for banned, first, last in self.bans:
            grid.aside.mute(banned, first, last)
        return grid

    def expected(self):
        slots = self.begin + SLOT * np.arange(len(self.values))
        by_slot = {
            name: dict(zip(slots.tolist(), self.values[:, c].tolist(), strict=True))
            for c, name in enumerate(self.series)
        }
        oracle = Oracle(self.rules, self.selection, by_slot)
        for banned, begin, last in self.bans:
            oracle.muted |= {(name, slot) for name in banned for slot in range(begin, last + SLOT, SLOT)}
        for row, due in enumerate(self.due):
            oracle.judge(self.first + row * SLOT, [self.series[column] for column in np.flatnonzero(due)])
        return oracle.verdicts


def traffic(seed, slots, series):
    """Levels that hold for some slots, so that limits are met exactly, with noise in places and holes."""
    rng = np.random.default_rng(seed)
    columns = []
    for _ in range(series):
        lengths = rng.geometric(rng.choice([0.05, 0.3]), slots)
        levels = np.repeat(LEVEL * rng.choice(FACTORS, slots), lengths)[:slots]
        noisy = np.repeat(rng.random(slots) < 0.2, lengths)[:slots]
        levels = np.where(noisy, levels * rng.uniform(0.9, 1.1, slots), levels)
        holes = np.repeat(rng.random(slots) < rng.choice([0, 0.05]), rng.geometric(0.3, slots))[:slots]
        columns.append(np.where(holes, np.nan, levels))
    return np.stack(columns, axis=1)


def daily_traffic(seed, slots, series):
    """A day like another, with noise, days of another level, incidents, silent nights that stray, and holes."""
    rng = np.random.default_rng(seed)
    clock, columns = np.arange(slots) % DAY_SLOTS, []
    for _ in range(series):
        shape = 1 + rng.uniform(0, 0.8) * np.sin(2 * np.pi * clock / DAY_SLOTS)
        mornings = rng.choice([-9, -9, 40]) + rng.integers(-6, 7, slots // DAY_SLOTS + 1)
        shape = np.where(clock < np.repeat(mornings, DAY_SLOTS)[:slots], 0, shape)
        level = np.repeat(rng.choice([1, 1, 1, 1.4, 0.5], slots // DAY_SLOTS + 1), DAY_SLOTS)[:slots]
        noise = np.exp(rng.normal(0, rng.choice([0, 0.02, 0.3]), slots))
        incidents = np.ones(slots)
        for begin in np.flatnonzero(rng.random(slots) < 0.01):
            incidents[begin : begin + rng.integers(1, 60)] = rng.choice([0.0, 0.4, 0.5, 1.5, 2.0, 3.0])
        holes = np.repeat(rng.random(slots) < rng.choice([0, 0.02]), rng.geometric(0.3, slots))[:slots]
        columns.append(np.where(holes, np.nan, LEVEL * shape * level * noise * incidents))
    return np.stack(columns, axis=1)


@st.composite
def cases(draw, lengths=(20, 90, 300, 640), kinds=any_kind, traffic=traffic, history=(0, 10, DAY_SLOTS, 8 * DAY_SLOTS)):
    series = ("b.example.com", "a.example.com", "total")[: draw(st.integers(1, 3))]
    rules = tuple(draw(st.lists(rules_of_any_kind(kinds), min_size=1, max_size=4, unique_by=lambda rule: rule.name)))
    subsets = st.lists(st.sampled_from(series), unique=True, min_size=1).map(tuple)
    before = draw(st.sampled_from(history))
    length = draw(st.sampled_from(lengths))
    first = MIDNIGHT + SLOT * draw(st.integers(0, DAY_SLOTS - 1))
    values = traffic(draw(st.integers(0, 2**32 - 1)), before + length, len(series))
    for row, value in draw(st.lists(st.tuples(st.integers(0, length - 1), st.sampled_from([*FACTORS, np.nan])))):
        values[before + row, row % len(series)] = LEVEL * value
    due = np.ones((length, len(series)), dtype=bool)
    for column in range(len(series)):
        due[: draw(st.sampled_from([0, 0, 7])), column] = False
        due[length - draw(st.sampled_from([0, 0, 5])) :, column] = False
    selection = {rule.name: draw(subsets) for rule in rules}
    spans = st.tuples(subsets, st.integers(-before, length - 1), st.sampled_from([1, 5, 40, 400]))
    bans = tuple(
        (names, first + begin * SLOT, first + (begin + slots - 1) * SLOT)
        for names, begin, slots in draw(st.lists(spans, max_size=2))
    )
    return Situation(series, rules, selection, first - before * SLOT, first, values, due, bans)


def verdict(change):
    alert = change.alert
    return Verdict(
        alert.slot,
        alert.rule,
        alert.series,
        "fired" if change.fired else "resolved",
        alert.since,
        alert.value,
        alert.reference,
        change.reason.value,
    )


def judged(case, sizes):
    """(changes, alerts under way, grid) after judging in blocks of these many slots, the last size repeated."""
    engine, grid, alerts, changes, row = case.engine, case.grid, {}, [], 0
    sizes = iter(sizes)
    size = 1
    while row < len(case.due):
        size = next(sizes, size)
        judgement = engine.judge(grid, case.first + row * SLOT, case.due[row : row + size], alerts)
        alerts = judgement.alerts
        changes += judgement.changes
        row += size
    return changes, alerts, grid


@examples(6, 12)
@given(case=cases())
def test_a_block_is_judged_as_the_oracle_judges_it(case):
    expected = case.expected()
    changes, _, _ = judged(case, [len(case.due)])
    assert [verdict(change) for change in changes] == [
        replace(one, reference=pytest.approx(one.reference)) if one.reference else one for one in expected
    ]
    for one in expected:
        event(one.reason)


with_baselines = cases(
    lengths=(20, 90, 300),
    kinds=st.one_of(baselines, baselines, drops),
    traffic=daily_traffic,
    history=(DAY_SLOTS - 5, 2 * DAY_SLOTS, 4 * DAY_SLOTS, 8 * DAY_SLOTS),
)


@pytest.mark.slow
@examples(1, 3)
@given(case=with_baselines)
def test_a_block_is_judged_under_a_baseline_as_the_oracle_judges_it(case):
    expected = case.expected()
    changes, _, _ = judged(case, [len(case.due)])
    assert [verdict(change) for change in changes] == [
        replace(one, reference=pytest.approx(one.reference)) if one.reference else one for one in expected
    ]
    for one in expected:
        event(one.reason)


@examples(3, 20)
@given(case=cases(lengths=(20, 90, 300)) | with_baselines, sizes=st.lists(st.integers(1, 200), min_size=1, max_size=8))
def test_how_the_slots_are_split_into_blocks_decides_nothing(case, sizes):
    whole, alerts, grid = judged(case, [len(case.due)])
    for split in (sizes, [1]):
        changes, left, after = judged(case, split)
        assert changes == whole
        assert left == alerts
        marks = [g.aside.marks(case.begin, len(case.values)) for g in (grid, after)]
        np.testing.assert_array_equal(marks[0], marks[1])


@examples(5, 20)
@given(case=cases(lengths=(90, 300)), cells=st.sampled_from([1, 7, 150]))
def test_a_block_that_is_cut_since_it_is_large_is_judged_as_a_whole_one(case, cells):
    whole = judged(case, [len(case.due)])[:2]
    with patch.object(engine, "MOST_CELLS", cells):
        assert judged(case, [len(case.due)])[:2] == whole


@examples(5, 20)
@given(case=cases(lengths=(90,)))
def test_the_order_in_which_rules_are_written_decides_nothing(case):
    turned = replace(case, rules=case.rules[::-1])
    assert judged(case, [90])[:2] == judged(turned, [90])[:2]


def test_a_rule_that_is_switched_off_judges_nothing_and_asks_for_no_history():
    rules = (Rule("off", "drop", Drop(to=0, window=400), Severity.WARNING, enabled=False),)
    engine = Engine(rules, {"off": ("a",)}, ("a",))
    assert engine.depth == 0
    assert engine.judge(Grid(("a",)), MIDNIGHT, np.ones((9, 1), dtype=bool), {}).changes == ()


def test_the_deepest_rule_says_how_much_history_is_needed():
    week = Rule("week", "day_over_day", DayOverDay(2.0, days=1, weeks=1), Severity.WARNING)
    ceiling = Rule("ceiling", "threshold", Threshold(above=1), Severity.WARNING)
    assert Engine((ceiling, week), {"week": ("a",), "ceiling": ("a",)}, ("a",)).depth == week.kind.reach


def test_a_selected_series_that_the_grid_does_not_hold_is_passed_over():
    """A rule may name the total where a CSV has none."""
    ceiling = Rule("ceiling", "threshold", Threshold(above=1), Severity.WARNING, for_slots=1)
    grid = Grid(("a",))
    grid.put("a", MIDNIGHT, np.array([2.0]))
    engine = Engine((ceiling,), {"ceiling": ("total", "a")}, ("a",))
    (change,) = engine.judge(grid, MIDNIGHT, np.ones((1, 1), dtype=bool), {}).changes
    assert change.alert.series == "a"


WORKDAYS = Schedule((parse_window("mon-fri 09:00-18:00"),), ZoneInfo("UTC"))
MONDAY = 20_514 * DAY
"""The 2nd of March 2026."""

NINE, SIX, NIGHT = 9 * 12, 18 * 12, 15 * 12
"""The day's first slot and its end, in slots after midnight, and how many lie between them."""


def office_hours(values, first):
    """A ceiling of 1 in working hours, over values from the slot ``first`` of a Monday on.

    (fired, slot, first slot) of each change in slots of that Monday, the alerts left, the engine and the grid.
    """
    rule = Rule("r", "threshold", Threshold(above=1), Severity.WARNING, active=WORKDAYS)
    grid = Grid(("a",))
    grid.put("a", MONDAY + first * SLOT, np.array(values, dtype=float))
    engine = Engine((rule,), {"r": ("a",)}, ("a",))
    judgement = engine.judge(grid, MONDAY + first * SLOT, np.ones((len(values), 1), dtype=bool), {})
    changes = [(c.fired, (c.alert.slot - MONDAY) // SLOT, (c.alert.since - MONDAY) // SLOT) for c in judgement.changes]
    return changes, judgement.alerts, engine, grid


def test_what_burns_before_the_working_day_fires_once_the_day_has_shown_it():
    assert office_hours([2] * 24, NINE - 12)[0] == [(True, NINE + 1, NINE)]


def test_a_breach_that_the_end_of_the_day_cuts_short_is_pending_no_more():
    assert office_hours([0, 2, 2, 2], SIX - 2)[:2] == ([], {})


def test_what_fires_at_the_end_of_the_day_fires_until_the_next_one_shows_it_over():
    changes, alerts, _, _ = office_hours([2, 2] + [0] * (NIGHT + 2), SIX - 2)
    assert changes == [(True, SIX - 1, SIX - 2), (False, SIX + NIGHT + 1, SIX - 2)]
    assert alerts == {}


def test_slots_before_and_after_the_night_do_not_add_up():
    """Neither a breach of two slots nor a resolution is made of one slot today and one tomorrow."""
    assert office_hours([2] * (NIGHT + 2) + [0], SIX - 1)[0] == []
    assert office_hours([2] * (NIGHT + 3) + [0], SIX - 1)[0] == [(True, SIX + NIGHT + 1, SIX + NIGHT)]
    assert office_hours([2, 2] + [0] * (NIGHT + 2) + [2], SIX - 3)[0] == [(True, SIX - 2, SIX - 3)]


def test_a_lifecycle_that_is_run_again_passes_over_the_night_as_it_did():
    _, alerts, engine, grid = office_hours([2, 2] + [0] * (NIGHT + 1) + [2], SIX - 2)
    (alert,) = alerts.values()
    assert engine.rerun(grid, alert) == (alert, None)
