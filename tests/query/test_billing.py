"""The month's percentile, and how much burst is left: held against adding slots one by one."""

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from fakes.stored import store
from hypothesis import given
from hypothesis import strategies as st

from alertbot.errors import UsageError
from alertbot.query.billing import _burst, month_of, percentile
from alertbot.query.figures import nearest_rank
from alertbot.query.names import Meant
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


@pytest.mark.parametrize("text", ["november", "2026-13", "26-11", "2026-12", "2026-11-01", "9999-01"])
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
