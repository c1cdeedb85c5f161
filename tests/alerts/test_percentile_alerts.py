"""Alerts on a month's percentile: they fire once, end with their month, and live is what a replay says."""

from __future__ import annotations

import math
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from fakes.rigs.deciders import Apart
from fakes.rigs.effort import examples
from hypothesis import given
from hypothesis import strategies as st

from alertbot.alerts.engine import Engine
from alertbot.alerts.ledger import Ledger
from alertbot.alerts.lifecycle import Phase
from alertbot.alerts.replay import Span, as_event, replay
from alertbot.cli.csv_history import CsvHistory, SeriesHistory
from alertbot.rules.base import Rule, Severity
from alertbot.rules.grid import Grid
from alertbot.rules.months import Calendar
from alertbot.rules.percentile import Percentile
from alertbot.rules.schedule import Schedule, parse_window
from alertbot.rules.wording import Outlook
from alertbot.store import alerts, restart, samples, turns
from alertbot.store.alerts import Traits
from alertbot.store.store import Store
from alertbot.store.turns import Batch
from alertbot.units import DAY_SLOTS, SLOT, format_iso, parse_time

BERLIN = ZoneInfo("Europe/Berlin")
BILL = Percentile(10e9, (0.8, 1.0), 0.75, calendar=Calendar(1, BERLIN))
RULE = Rule("bill", "percentile", BILL, Severity.WARNING)
FIRST = parse_time("2026-10-18T22:00:00Z")  # local midnight, a week before clocks are put back
G = 1e9


def told(values, rule=RULE, first=FIRST):
    """The events of a history of one series that begins at ``first``: what, when, since when, and why."""
    values = np.asarray(values, dtype=float)
    past = CsvHistory({"a": SeriesHistory(first + SLOT * np.arange(len(values)), values)})
    engine = Engine((rule,), {rule.name: ("a",)}, ("a",))
    events = [as_event(change, {rule.name: rule}) for change in replay(engine, past, Span())]
    return [(e["event"], format_iso(e["slot"]), format_iso(e["since"]), e["reason"]) for e in events]


def days(*levels):
    """So many Gbps, a day each."""
    return np.repeat(np.array(levels, dtype=float) * G, DAY_SLOTS)


@pytest.mark.slow
def test_it_fires_once_and_ends_with_the_first_slot_of_the_next_month():
    # Half of October must be known: it is from the 2nd of November's month on that enough is there.
    november = parse_time("2026-10-31T23:00:00Z")
    values = np.concatenate([days(*[1] * 14), np.full(13 * 12 + 12 * DAY_SLOTS, 9 * G), days(*[2] * 32)])

    assert told(values, first=november - 14 * DAY_SLOTS * SLOT) == [
        ("fired", "2026-11-01T23:00:00Z", "2026-11-01T22:55:00Z", "breach"),
        ("resolved", "2026-11-30T23:00:00Z", "2026-11-01T22:55:00Z", "month over"),
    ]


def test_the_forecast_fires_before_the_month_itself_is_there():
    """A quiet month, and then a week at 9 Gbps: the month so far bears it, its end would not."""
    november = parse_time("2026-10-31T23:00:00Z")
    values = np.concatenate([days(*[1] * 12), days(*[9] * 4)])

    past = CsvHistory({"a": SeriesHistory(november + SLOT * np.arange(len(values)), values)})
    (event,) = replay(Engine((RULE,), {"bill": ("a",)}, ("a",)), past, Span())

    assert event.fired
    assert event.alert.outlook.so_far < 8 * G <= event.alert.outlook.forecast
    assert event.alert.value == event.alert.outlook.forecast
    assert event.alert.slot < november + 13 * DAY_SLOTS * SLOT


def test_it_is_over_within_the_month_once_figure_and_forecast_are_under_clear():
    november = parse_time("2026-10-31T23:00:00Z")
    burst = np.full(2 * DAY_SLOTS, 1 * G)
    burst[DAY_SLOTS - 30 : DAY_SLOTS] = 9 * G  # more than one slot in twenty of the first day, not of the second

    events = told(np.concatenate([burst, days(*[1] * 5)]), first=november)

    assert [(event, reason) for event, _, _, reason in events] == [("fired", "breach"), ("resolved", "cleared")]


@pytest.mark.slow
def test_a_breach_still_pending_when_the_month_ends_is_forgotten():
    slow = Rule("bill", "percentile", BILL, Severity.WARNING, for_slots=2000)
    october, november = parse_time("2026-10-15T22:00:00Z"), parse_time("2026-10-31T23:00:00Z")
    values = np.concatenate([np.full((november - october) // SLOT, 9 * G), days(*[9] * 33)])

    # Half of October is known with its last day: 288 slots are no 2,000.
    assert told(values, slow, first=october) == [
        ("fired", "2026-11-08T21:30:00Z", "2026-11-01T22:55:00Z", "breach"),
        ("resolved", "2026-11-30T23:00:00Z", "2026-11-01T22:55:00Z", "month over"),
    ]


@pytest.mark.slow
def test_an_unknown_slot_ends_no_month():
    november = parse_time("2026-10-31T23:00:00Z")
    december = parse_time("2026-11-30T23:00:00Z")
    engine = Engine((RULE,), {"bill": ("a",)}, ("a",))
    grid = Grid(("a",))
    values = days(*[9] * 32)
    values[(december - november) // SLOT :][:7] = math.nan
    grid.put("a", november, values)
    ledger = Ledger(engine, grid, {}, {})
    ledger.start("a", november - SLOT)
    ledger.give_up("a", november + len(values) * SLOT)

    changes = ledger.judge(november + (len(values) - 1) * SLOT).changes

    assert [(change.fired, change.alert.slot) for change in changes][:2] == [
        (True, november + DAY_SLOTS * SLOT),
        (False, december + 7 * SLOT),
    ]


def test_outside_its_hours_it_neither_fires_nor_ends():
    hours = Schedule((parse_window("daily 09:00-18:00"),), BERLIN)
    day_shift = Rule("bill", "percentile", BILL, Severity.WARNING, active=hours)
    november = parse_time("2026-10-31T23:00:00Z")

    assert [each[:2] for each in told(days(*[9] * 31), day_shift, first=november)] == [
        ("fired", "2026-11-02T08:05:00Z"),
        ("resolved", "2026-12-01T08:00:00Z"),
    ]


levels = st.lists(
    st.tuples(st.sampled_from([0.0, 4 * G, 7.9 * G, 9 * G, 11 * G, math.nan]), st.integers(50, 2500)),
    min_size=5,
    max_size=12,
)


@pytest.mark.slow
@examples(2, 12)
@given(levels, st.lists(st.floats(0.01, 0.99), max_size=3), st.integers(20, 300))
def test_live_through_restarts_is_what_a_replay_says(tmp_path_factory, runs, cuts, at_once):
    values = np.repeat([value for value, _ in runs], [count for _, count in runs])[: 46 * DAY_SLOTS]
    values[[0, -1]] = G
    stops = sorted({*(max(1, int(cut * len(values))) for cut in cuts), len(values)})

    live = lived(tmp_path_factory.mktemp("live") / "alertbot.db", values, stops, at_once)

    assert live == replayed(values)


def lived(path: Path, values, stops, at_once):
    """The events when the service is restarted after these slots, and judges so many at once."""
    engine, changes, at, cursors = Engine((RULE,), {"bill": ("a",)}, ("a",)), [], 0, {"a": FIRST - SLOT}
    for stop in stops:
        store = Store(path)
        grid = store.do(restart.grid, ("a",), FIRST - SLOT, FIRST + len(values) * SLOT)
        ledger = Ledger(engine, grid, cursors | store.do(samples.cursors), store.do(alerts.open_alerts))
        while at < stop:
            end = min(at + at_once, stop)
            ledger.take("a", FIRST + at * SLOT, values[at:end])
            ledger.give_up("a", FIRST + (end - 1) * SLOT)
            entry = ledger.judge(FIRST + (end - 1) * SLOT)
            changes += entry.changes
            traits = {"bill": Traits("warning", "percentile")}
            batch = Batch(grid, entry.touched, entry.cursors, entry.alerts, entry.changes, traits, now=float(end))
            store.do(turns.commit, batch, Apart())
            ledger.trim()
            at = end
        store.close()
    return [(as_event(change, {"bill": RULE}), change.alert.outlook) for change in changes]


def replayed(values):
    class History:
        series = ("a",)

        def __init__(self):
            self.grid = Grid(("a",))
            self.grid.put("a", FIRST, values)

        def days(self):
            return range(FIRST // 86_400, (FIRST + len(values) * SLOT) // 86_400 + 1)

        def day(self, day):
            slots = (day * 86_400 + SLOT * np.arange(DAY_SLOTS))[:, None]
            return self.grid.values(day * 86_400, DAY_SLOTS), (slots >= FIRST) & (slots < FIRST + len(values) * SLOT)

    engine = Engine((RULE,), {"bill": ("a",)}, ("a",))
    return [(as_event(change, {"bill": RULE}), change.alert.outlook) for change in replay(engine, History(), Span())]


def test_an_alert_that_is_stored_keeps_its_figures(tmp_path):
    values = days(*[9] * 3)
    lived(tmp_path / "alertbot.db", values, [len(values)], 50)
    # October is not half known, so the alert is of a month that begins with the values.
    first = parse_time("2026-10-31T23:00:00Z")
    engine, grid = Engine((RULE,), {"bill": ("a",)}, ("a",)), Grid(("a",))
    grid.put("a", first, values)
    ledger = Ledger(engine, grid, {"a": first - SLOT}, {})
    entry = ledger.judge(first + (len(values) - 1) * SLOT)
    store = Store(tmp_path / "other.db")
    traits = {"bill": Traits("warning", "percentile")}
    batch = Batch(grid, entry.touched, entry.cursors, entry.alerts, entry.changes, traits, now=0.0)
    store.do(turns.commit, batch, Apart())
    (alert,) = store.do(alerts.open_alerts).values()
    store.close()

    assert alert == entry.alerts["bill", "a"]
    assert (alert.phase, alert.outlook.so_far, alert.outlook.forecast) == (Phase.FIRING, 9 * G, None)


def test_a_rule_is_described_with_what_is_committed():
    assert RULE.describe() == (
        "95th percentile of the month, so far or as forecast, at 80% and 100% of 10 Gbps for 10m"
    )


@pytest.mark.parametrize(
    ("so_far", "ahead", "texts"),
    [
        (8.2, 8.1, ["so far 8.2 Gbps >= 80% of 10 Gbps = 8 Gbps", "forecast 8.1 Gbps >= 80% of 10 Gbps = 8 Gbps"]),
        (8.2, 10.4, ["forecast 10.4 Gbps >= 100% of 10 Gbps = 10 Gbps"]),
        (7.1, 7.2, ["so far 7.1 Gbps < 80% of 10 Gbps = 8 Gbps", "forecast 7.2 Gbps < 80% of 10 Gbps = 8 Gbps"]),
        (8.0, None, ["so far 8 Gbps >= 80% of 10 Gbps = 8 Gbps"]),
    ],
)
def test_the_arithmetic_shows_the_figure_that_decided(so_far, ahead, texts):
    value = max(so_far, ahead or 0) * G
    level = 10 * G if value >= 10 * G else 8 * G
    outlook = Outlook(so_far * G, None if ahead is None else ahead * G, 5)

    assert [term.text for term in BILL.terms(value, BILL.named(level), outlook)] == texts
