"""The replay: what the oracle says of a history, and what the service would have done with it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from fakes.judges.oracle import Oracle
from fakes.rigs.deciders import Apart
from fakes.rigs.effort import examples
from hypothesis import given
from hypothesis import strategies as st

from alertbot.alerts.engine import Engine
from alertbot.alerts.ledger import Ledger
from alertbot.alerts.replay import Span, as_event, replay
from alertbot.cli.csv_history import CsvHistory, SeriesHistory, read_csv
from alertbot.rules.base import Rule, Severity
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.grid import Grid
from alertbot.rules.threshold import Threshold
from alertbot.store import turns
from alertbot.store.history import StoredHistory
from alertbot.store.store import Store
from alertbot.store.turns import Batch
from alertbot.units import DAY, DAY_SLOTS, SLOT

START = 20_000 * DAY
NAN = math.nan
RULES = (
    Rule("ceiling", "threshold", Threshold(above=150, clear=100), Severity.INFO),
    Rule("dark", "drop", Drop(to=0, from_=1, window=12), Severity.CRITICAL),
    Rule("doubled", "day_over_day", DayOverDay(2.0, floor=0), Severity.WARNING, for_slots=3, within_slots=5),
    Rule("fallen", "drop", Drop(by=0.5, from_=1, window=6), Severity.WARNING, accept_slots=40),
)
EVERY = Span()


def history(series):
    """A history of these (first slot, values), zeros left out as the API does, but for the first and the last row."""
    made = {}
    for name, (first, column) in series.items():
        values = np.array(column, dtype=float)
        kept = (values > 0) | np.isin(np.arange(len(values)), [0, len(values) - 1])
        made[name] = SeriesHistory((first + SLOT * np.arange(len(values)))[kept], values[kept])
    return CsvHistory(made)


def events(past, rules=RULES, span=EVERY):
    names = {rule.name: rule for rule in rules}
    engine = Engine(rules, dict.fromkeys(names, past.series), past.series)
    return [as_event(change, names) for change in replay(engine, past, span)]


def days_of_levels(seed, days):
    rng = np.random.default_rng(seed)
    lengths = rng.geometric(0.08, days * DAY_SLOTS)
    return np.repeat(rng.choice([0, 20, 50, 100, 100, 100, 100, 200], len(lengths)), lengths)[: days * DAY_SLOTS]


@pytest.mark.slow
@examples(1, 3)
@given(
    seed=st.integers(0, 2**32),
    offsets=st.lists(st.integers(0, 700), min_size=1, max_size=3),
    skipped=st.integers(0, 500),
    left=st.integers(0, 500),
)
def test_a_replay_day_by_day_says_what_the_oracle_says_slot_by_slot(seed, offsets, skipped, left):
    names = ("b.com", "a.com", "c.com")[: len(offsets)]
    series = {
        name: (START + offset * SLOT, days_of_levels(seed + offset, 4).astype(float))
        for name, offset in zip(names, offsets, strict=True)
    }
    values = {
        name: dict(zip(range(first, first + len(column) * SLOT, SLOT), column.tolist(), strict=True))
        for name, (first, column) in series.items()
    }
    begin = min(min(known) for known in values.values()) + skipped * SLOT
    end = max(max(known) for known in values.values()) - left * SLOT
    oracle = Oracle(RULES, {rule.name: names for rule in RULES}, values)
    for slot in range(begin, end + SLOT, SLOT):
        oracle.judge(slot, [name for name in names if slot in values[name]])
    got = [
        (e["slot"], e["rule"], e["series"], e["event"], e["since"], e["value"], e["reference"], e["reason"])
        for e in events(history(series), span=Span(begin, end))
    ]
    assert got == [
        (
            v.slot,
            v.rule,
            v.series,
            v.event,
            v.since,
            v.value,
            pytest.approx(v.reference) if v.reference else v.reference,
            v.reason,
        )
        for v in oracle.verdicts
    ]
    assert got == sorted(got, key=lambda one: one[:3])


def test_an_event_is_a_line_of_json_with_all_that_decided():
    past = history({"a.com": (START, [100] * 12 + [0, 0, 50, 50])})
    assert [json.loads(json.dumps(event)) for event in events(past, RULES[1:2])] == [
        {
            "event": "fired",
            "rule": "dark",
            "series": "a.com",
            "slot": START + 13 * SLOT,
            "since": START + 12 * SLOT,
            "value": 0.0,
            "reference": 100.0,
            "severity": "critical",
            "reason": "breach",
        },
        {
            "event": "resolved",
            "rule": "dark",
            "series": "a.com",
            "slot": START + 15 * SLOT,
            "since": START + 12 * SLOT,
            "value": 50.0,
            "reference": 100.0,
            "severity": "critical",
            "reason": "cleared",
        },
    ]


def test_a_threshold_has_no_reference():
    (event,) = events(history({"a.com": (START, [200, 200])}), RULES[:1])
    assert (event["reference"], event["severity"]) == (None, "info")


def test_events_stand_in_the_order_of_slot_rule_and_series():
    values = [100.0] * 20 + [200.0] * 2 + [0.0] * 2
    got = events(history({"b.com": (START, values), "a.com": (START, values)}))
    assert [(e["slot"], e["rule"], e["series"]) for e in got] == sorted(
        (e["slot"], e["rule"], e["series"]) for e in got
    )
    assert len(got) > 4


def test_an_absent_slot_within_a_history_is_a_zero(tmp_path):
    path = tmp_path / "history.csv"
    rows = [*range(12), 30]
    path.write_text("domain,time,bps\n" + "".join(f"a.com,{START + row * SLOT},100\n" for row in rows))
    got = events(CsvHistory(read_csv(path)), RULES[1:2])
    assert [(e["event"], (e["since"] - START) // SLOT, (e["slot"] - START) // SLOT) for e in got] == [("fired", 12, 13)]


def test_nothing_is_judged_before_a_history_begins_or_after_it_ends():
    got = events(history({"a.com": (START, [100] * 12), "b.com": (START, [100] * 40)}), RULES[1:2])
    assert got == []


def test_a_history_with_days_between_its_domains_is_judged_on_both_sides_of_them():
    values = [100.0] * 12 + [0.0] * 3
    got = events(history({"a.com": (START, values), "b.com": (START + 9 * DAY, values)}), RULES[1:2])
    assert [(e["series"], e["slot"] // DAY) for e in got] == [("a.com", START // DAY), ("b.com", START // DAY + 9)]


def test_what_lies_before_the_span_is_a_reference_and_no_more():
    past = history({"a.com": (START, [100] * 12 + [0] * 30)})
    begin = START + 14 * SLOT
    assert [e["since"] for e in events(past, RULES[1:2], Span(first=begin))] == [begin]
    assert events(past, RULES[1:2], Span(last=START + 12 * SLOT)) == []
    assert [e["slot"] for e in events(past, RULES[1:2], Span(last=START + 13 * SLOT))] == [START + 13 * SLOT]


def test_a_rule_that_looks_back_two_weeks_still_finds_them():
    weekly = Rule("weekly", "day_over_day", DayOverDay(2.0, days=0, weeks=2, floor=0), Severity.WARNING)
    values = np.full(15 * DAY_SLOTS, 100.0)
    values[14 * DAY_SLOTS + 5 :] = 200
    (event,) = events(history({"a.com": (START, values)}), (weekly,))
    assert (event["slot"] - START) // SLOT == 14 * DAY_SLOTS + 6


def test_an_empty_history_says_nothing():
    assert events(CsvHistory({})) == []


def stored(store, series, days):
    """Store these (first slot, values) for these days only."""
    grid = Grid(tuple(series))
    for name, (first, values) in series.items():
        grid.put(name, first, np.array(values, dtype=float))
    touched = frozenset((name, day) for name in series for day in days)
    store.do(turns.commit, Batch(grid, touched, {}, {}, (), {}, now=0.0), Apart())
    return StoredHistory(store._db, tuple(series))


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "alertbot.db")
    yield opened
    opened.close()


@pytest.mark.slow
def test_the_stored_history_and_the_same_as_csv_say_the_same(store):
    series = {name: (START, days_of_levels(seed, 3).astype(float)) for seed, name in enumerate(["b.com", "a.com"])}
    past = stored(store, series, range(START // DAY, START // DAY + 3))
    assert events(past) == events(history(series))
    assert len(events(past)) > 10


def test_a_stored_hole_is_no_zero_and_was_given_up(store):
    past = stored(store, {"a.com": (START, [100] * 12 + [0, NAN, 0] + [100] * 12)}, [START // DAY])
    assert events(past, RULES[1:2]) == []


def test_days_of_which_nothing_is_stored_were_given_up_as_well_and_end_what_was_pending(store):
    """Live, a gap that the API refuses for good drops a pending alert: so it must here."""
    values = np.full(4 * DAY_SLOTS, NAN)
    values[DAY_SLOTS - 13 : DAY_SLOTS] = [100] * 12 + [0]  # the last slot of the first day breaches
    values[3 * DAY_SLOTS : -20] = 0  # two days later nothing is back
    first = START // DAY
    past = stored(store, {"a.com": (START, values)}, [first, first + 3])
    lived = Ledger(Engine(RULES, {rule.name: ("a.com",) for rule in RULES}, ("a.com",)), Grid(("a.com",)), {}, {})
    lived.start("a.com", START + (DAY_SLOTS - 14) * SLOT)
    lived.take("a.com", START, values)
    lived.give_up("a.com", START + (len(values) - 1) * SLOT)
    live = [as_event(change, {rule.name: rule for rule in RULES}) for change in lived.judge(2**40).changes]
    assert events(past) == live == []


def test_an_empty_database_says_nothing(store):
    assert events(StoredHistory(store._db, ("a.com",))) == []


def test_the_replay_of_a_story_is_what_the_service_told_live():
    values = days_of_levels(7, 3).astype(float)
    engine = Engine(RULES, {rule.name: ("a.com",) for rule in RULES}, ("a.com",))
    ledger = Ledger(engine, Grid(("a.com",)), {}, {})
    ledger.start("a.com", START - SLOT)
    live = []
    for position in range(0, len(values), 5):
        ledger.take("a.com", START + position * SLOT, values[position : position + 5])
        live += ledger.judge(START + (position + 4) * SLOT).changes
        ledger.trim()
    names = {rule.name: rule for rule in RULES}
    assert [as_event(change, names) for change in live] == events(history({"a.com": (START, values)}))
    assert len(live) > 10
