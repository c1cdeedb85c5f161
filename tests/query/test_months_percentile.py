"""The month's percentile, and how much burst is left: held against adding slots one by one."""

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from fakes.worlds.stored import store
from hypothesis import given
from hypothesis import strategies as st

from alertbot.charts.plots import of_series
from alertbot.config.watch import Watch
from alertbot.errors import UsageError
from alertbot.messages.bandwidth import percentile_message
from alertbot.messages.slack import plain
from alertbot.messages.why import why_message
from alertbot.query.live import Live
from alertbot.query.names import Meant
from alertbot.query.percentile import Committed, _burst, bill_of, month_of, percentile
from alertbot.query.scope import Scope
from alertbot.query.why import why
from alertbot.rules.base import Rule, Severity
from alertbot.rules.months import Calendar
from alertbot.rules.percentile import Percentile as Rate95
from alertbot.rules.percentile import nearest_rank
from alertbot.units import DAY, SLOT, parse_time

BERLIN = ZoneInfo("Europe/Berlin")
NOW = float(parse_time("2026-11-24T06:00:00Z"))
ONLY = Meant("a", ("a",))


@given(st.lists(st.integers(0, 40), min_size=1, max_size=300), st.integers(0, 60))
def test_the_burst_that_is_left_is_what_fits_above_the_percentile_and_no_slot_more(carried, to_come):
    values = np.array(carried, dtype=float)
    p95 = nearest_rank(values)
    burst = _burst(len(values), int((values > p95).sum()), to_come)

    def after(above, under):
        return nearest_rank(np.concatenate([values, np.full(above, 99.0), np.zeros(under)]))

    assert after(burst.in_a_row, 0) <= p95
    assert burst.in_a_row == to_come or after(burst.in_a_row + 1, 0) > p95
    assert after(burst.free, to_come - burst.free) <= p95
    assert burst.free == to_come or after(burst.free + 1, to_come - burst.free - 1) > p95


@pytest.mark.parametrize(
    ("text", "zone", "hours"),
    [
        ("2026-11", UTC, 30 * 24),
        ("2026-10", BERLIN, 31 * 24 + 1),  # clocks are put back
        ("2026-03", BERLIN, 31 * 24 - 1),
        ("2024-02", BERLIN, 29 * 24),
        ("2025-12", ZoneInfo("Asia/Kolkata"), 31 * 24),
    ],
)
def test_a_month_is_a_month_in_the_readers_zone(text, zone, hours):
    month = month_of(text, zone, NOW)
    assert (month.end - month.start) / 3600 == hours
    assert f"{datetime.fromtimestamp(month.start, zone):%Y-%m-%d %H:%M}" == f"{text}-01 00:00"


def test_without_a_month_it_is_the_present_one():
    assert month_of(None, BERLIN, NOW).name == "2026-11"
    assert month_of(None, ZoneInfo("Pacific/Kiritimati"), float(parse_time("2026-10-31T12:00:00Z"))).name == "2026-11"


@pytest.mark.parametrize(
    ("text", "name"), [("november", "2026-11"), ("Oct", "2026-10"), ("dec", "2025-12"), ("last", "2026-10")]
)
def test_a_month_may_be_named_and_is_the_newest_of_that_name(text, name):
    assert month_of(text, BERLIN, NOW).name == name


@pytest.mark.parametrize("text", ["brumaire", "2026-13", "26-11", "2026-12", "2026-11-01", "9999-01"])
def test_what_is_no_month_or_has_not_begun_is_explained(text):
    with pytest.raises(UsageError, match="2026-11"):
        month_of(text, BERLIN, NOW)


def test_the_month_so_far_and_the_one_before_are_worked_out_from_what_is_known(tmp_path):
    first = parse_time("2026-10-20T00:00:00Z")
    count = (int(NOW) - first) // SLOT - 3  # the last slots are not published yet
    values = np.random.default_rng(3).uniform(1e8, 1e9, count)
    values[-50:-40] = math.nan
    path = store(tmp_path / "alertbot.db", first, {"a": values})
    month = month_of(None, UTC, NOW)
    found = percentile(path, ONLY, month, UTC, NOW)
    cut = (month.start - first) // SLOT
    own = values[cut:][~np.isnan(values[cut:])]
    assert (found.month.p95, found.month.known) == (sorted(own)[math.ceil(0.95 * len(own)) - 1], len(own))
    assert found.month.slots == len(own) + 10
    assert (found.now, found.last) == (values[-1], first + (count - 1) * SLOT)
    assert found.month.above == int((own > found.month.p95).sum())
    assert found.month.burst is not None
    assert found.month.burst.allowed == (30 * 288 - 10) * 5 // 100
    assert (found.before.month.name, found.before.known, found.before.slots) == ("2026-10", cut, 31 * 288)
    assert found.before.burst is None


def test_of_a_month_that_is_over_no_burst_is_left_and_of_one_that_is_not_stored_nothing_is_known(tmp_path):
    path = store(tmp_path / "alertbot.db", parse_time("2026-10-31"), {"a": np.ones(288)})
    found = percentile(path, ONLY, month_of("2026-10", UTC, NOW), UTC, NOW)
    assert (found.month.p95, found.month.burst, found.month.slots) == (1.0, None, 31 * 288)
    assert (found.before.p95, found.before.known) == (None, 0)
    early = percentile(path, ONLY, month_of("2025-01", UTC, NOW), UTC, NOW)
    assert (early.month.p95, early.before.month.name, early.last) == (None, "2024-12", None)


def test_a_group_is_billed_by_its_sum(tmp_path):
    start = parse_time("2026-11-01")
    path = store(tmp_path / "alertbot.db", start, {"a": np.ones(10), "b": np.full(10, 2.0)})
    found = percentile(path, Meant("@g", ("a", "b"), 2), month_of(None, UTC, NOW), UTC, start + DAY)
    assert (found.month.p95, found.members, found.month.known) == (3.0, 2, 10)


def billed(path, kind, live=None, *, domains=("a",)):
    """What can be asked of a database that a percentile rule watches."""
    rule = Rule("bill", "percentile", kind, Severity.WARNING, domains=domains)
    watch = Watch(UTC, ("a", "b", "total"), {"bill": rule}, {"bill": domains})
    return Scope("/bandwidth", path, watch, live or Live(NOW))


def test_a_month_that_a_rule_watches_is_shown_by_its_rule(tmp_path):
    """Its zone, its first day, its percentile; with what is committed, the burst left of it, and a forecast."""
    first = parse_time("2026-10-10T00:00:00Z")
    values = np.random.default_rng(5).uniform(1e8, 1e9, (parse_time("2026-11-24T05:00:00Z") - first) // SLOT)
    path = store(tmp_path / "alertbot.db", first, {"a": values, "b": values})
    kind = Rate95(0.9e9, percent=90, calendar=Calendar(15, BERLIN))
    scope = billed(path, kind)
    bill = bill_of(scope.watch, ONLY)
    month = month_of(None, BERLIN, NOW, 15)

    found = percentile(path, ONLY, month, UTC, NOW, bill)

    start = parse_time("2026-11-15T00:00:00+01:00")
    own = values[(start - first) // SLOT :]
    assert (month.start, found.month.known, found.percent) == (start, len(own), 90)
    assert found.month.p95 == sorted(own)[math.ceil(0.9 * len(own)) - 1]
    assert found.before.month.start == parse_time("2026-10-15T00:00:00+02:00")
    allowed = 30 * 288 // 10
    assert found.committed == Committed("bill", 0.9e9, allowed - int((own > 0.9e9).sum()))
    assert found.forecast == pytest.approx(0.91e9, rel=0.02)
    assert bill_of(scope.watch, Meant("b", ("b",))) is None
    assert bill_of(scope.watch, Meant("@g", ("a", "b"), 2)) is None


def test_a_rules_figures_are_told_with_the_month(tmp_path):
    start = parse_time("2026-11-01")
    path = store(tmp_path / "alertbot.db", start, {"a": np.full(10 * 288, 8.2e9)})
    now = start + 10 * DAY + 600.0
    bill = bill_of(billed(path, Rate95(10e9)).watch, ONLY)

    lines = plain(percentile_message(percentile(path, ONLY, month_of(None, UTC, now), UTC, now, bill), UTC, now))

    assert lines.replace("*", "").splitlines()[0] == (
        "a: the 95th percentile of 2026-11 so far is 8.2 Gbps, 82% of 10 Gbps"
    )
    assert "forecast for the end of the month: 8.2 Gbps, if it goes on like the last 7d" in lines
    assert "committed: 10 Gbps (rule bill); 432 5-minute values (1d 12h) of this month may still lie above it" in lines


def test_of_a_month_that_is_over_there_is_no_forecast_and_no_burst(tmp_path):
    path = store(tmp_path / "alertbot.db", parse_time("2026-10-01"), {"a": np.full(31 * 288, 8.2e9)})
    bill = bill_of(billed(path, Rate95(10e9)).watch, ONLY)
    found = percentile(path, ONLY, month_of("2026-10", UTC, NOW), UTC, NOW, bill)
    assert (found.forecast, found.committed) == (None, Committed("bill", 10e9, None))


def test_why_shows_the_figure_and_the_level_it_is_held_against(tmp_path):
    start = parse_time("2026-11-01")
    path = store(tmp_path / "alertbot.db", start, {"a": np.full(10 * 288, 8.2e9)})
    now = start + 10 * DAY + 600.0
    found = why(billed(path, Rate95(10e9), Live(now, start + 10 * DAY - SLOT)), "a")
    text = plain(why_message(found, UTC, now))
    assert "so far 8.2 Gbps >= 80% of 10 Gbps = 8 Gbps, forecast 8.2 Gbps >= 80% of 10 Gbps = 8 Gbps: breach" in text


def test_why_says_that_too_little_of_a_month_is_known(tmp_path):
    start = parse_time("2026-11-01")
    path = store(tmp_path / "alertbot.db", start, {"a": np.full(100, 8.2e9)})
    found = why(billed(path, Rate95(10e9), Live(start + 31_000.0, start + 99 * SLOT)), "a")
    text = plain(why_message(found, UTC, start + 31_000.0))
    assert "8.2 Gbps, the reference is unknown: too little is known of what it is made of" in text


def test_a_chart_of_what_is_billed_has_a_line_at_what_is_committed(tmp_path):
    start = parse_time("2026-11-01")
    path = store(tmp_path / "alertbot.db", start, {"a": np.full(10 * 288, 8.2e9)})
    scope = billed(path, Rate95(10e9), Live(start + 10.0 * DAY))
    (panel,) = of_series(scope, ONLY, DAY).panels
    assert [(limit.label, set(limit.values)) for limit in panel.limits] == [("10 Gbps committed", {10e9})]
