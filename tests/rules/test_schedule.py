"""Windows of the week against a clock on the wall, read minute by minute over the nights when clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from fakes.judges.oracle import awake
from fakes.rigs.effort import examples
from hypothesis import given
from hypothesis import strategies as st

from alertbot.rules.base import Rule, Severity
from alertbot.rules.schedule import Schedule, Window, parse_window
from alertbot.rules.threshold import Threshold
from alertbot.units import DAY, SLOT

WEEKDAYS = frozenset(range(5))
DAILY = frozenset(range(7))
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("mon-fri 09:00-18:00", Window(WEEKDAYS, 540, 1080)),
        ("daily 22:00-06:00", Window(DAILY, 1320, 360)),
        ("sun 02:00-04:00", Window(frozenset({6}), 120, 240)),
        ("sat,sun 00:00-24:00", Window(frozenset({5, 6}), 0, 1440)),
        ("fri-mon 8:30-9:15", Window(frozenset({4, 5, 6, 0}), 510, 555)),
        ("mon-wed,sat 22:00-00:00", Window(frozenset({0, 1, 2, 5}), 1320, 0)),
        ("Monday-FRI 09:00-18:00", Window(WEEKDAYS, 540, 1080)),
        ("  Sat , sunday   10:00 - 12:00 ", Window(frozenset({5, 6}), 600, 720)),
        ("tue-tue 10:00-12:00", Window(frozenset({1}), 600, 720)),
        ("tue-mon 10:00-12:00", Window(DAILY, 600, 720)),
    ],
)
def test_a_window_is_read_as_people_write_it(text, window):
    assert parse_window(text) == window


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no time window"),
        ("daily", '"daily" is no time window: write days and times, such as "mon-fri 09:00-18:00"'),
        ("09:00-18:00", "is no time window"),
        ("mon-fri 9-18", "is no time window"),
        ("mon-fri 09:00", "is no time window"),
        ("mon..fri 09:00-18:00", "is no time window"),
        ("mon 09:00-10:00 tue 09:00-10:00", "is no time window"),
        ("mno 09:00-18:00", '"mno" is no day: write days'),
        ("daily,mon 09:00-18:00", '"daily" is no day'),
        ("mon-wed-fri 09:00-18:00", '"mon-wed-fri" is no range of days'),
        ("mon 09:60-18:00", '"09:60" is no time of day: write "00:00" to "24:00"'),
        ("mon 09:00-24:01", '"24:01" is no time of day'),
        ("mon 99:00-18:00", '"99:00" is no time of day'),
        ("mon 24:00-06:00", "begins at 24:00: write 00:00 and the day after"),
        ("mon 09:00-09:00", 'is empty: write an end that differs, or "00:00-24:00" for whole days'),
        ("mon 00:00-00:00", "is empty"),
        ("x" * 500, f'"{"x" * 37}..." is no time window'),
    ],
)
def test_what_is_no_window_is_refused_with_what_would_be(text, words):
    with pytest.raises(ValueError, match="write") as caught:
        parse_window(text)

    assert words in str(caught.value)


times = st.integers(0, 1439)
windows = st.builds(
    Window, st.frozensets(st.integers(0, 6), min_size=1), times, times | st.sampled_from([0, 120, 180, 1440])
).filter(lambda window: window.start != window.end)


@given(windows)
def test_a_window_in_words_reads_back_as_itself(window):
    assert parse_window(str(window)) == window


def test_a_schedule_in_words_lists_its_windows():
    schedule = schedule_of("fri,sat,mon 09:00-18:00", "daily 22:00-06:00")

    assert str(schedule) == "mon,fri-sat 09:00-18:00, daily 22:00-06:00"


def test_a_rule_in_words_says_when_it_is_judged():
    rule = Rule("r", "threshold", Threshold(above=8e9), Severity.INFO, active=schedule_of("mon-fri 09:00-18:00"))

    assert rule.describe() == "above 8 Gbps for 10m, only mon-fri 09:00-18:00"


def schedule_of(*texts, zone=BERLIN):
    return Schedule(tuple(map(parse_window, texts)), zone)


def at(text, zone=BERLIN, fold=0):
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


@pytest.mark.parametrize(
    ("text", "moment", "holds"),
    [
        ("mon-fri 09:00-18:00", "2026-03-02T09:00:00", True),
        ("mon-fri 09:00-18:00", "2026-03-02T08:59:59.9", False),
        ("mon-fri 09:00-18:00", "2026-03-02T17:59:59.9", True),
        ("mon-fri 09:00-18:00", "2026-03-02T18:00:00", False),
        ("mon-fri 09:00-18:00", "2026-03-01T12:00:00", False),
        # over midnight a window belongs to the day it begins on
        ("fri 22:00-06:00", "2026-03-06T23:00:00", True),
        ("fri 22:00-06:00", "2026-03-07T05:00:00", True),
        ("fri 22:00-06:00", "2026-03-06T05:00:00", False),
        ("sun 22:00-06:00", "2026-03-02T05:00:00", True),
        ("sat,sun 00:00-24:00", "2026-03-07T00:00:00", True),
        ("sat,sun 00:00-24:00", "2026-03-08T23:59:00", True),
        ("sat,sun 00:00-24:00", "2026-03-09T00:00:00", False),
    ],
)
def test_a_window_holds_from_its_start_up_to_its_end(text, moment, holds):
    assert schedule_of(text).holds_at(at(moment)) is holds


def test_an_hour_that_comes_twice_counts_both_times():
    """On 25 October 2026 Berlin's clocks go from 03:00 back to 02:00."""
    schedule = schedule_of("sun 02:00-02:30")
    first, second = at("2026-10-25T02:15:00"), at("2026-10-25T02:15:00", fold=1)

    assert second == first + 3600
    assert schedule.holds_at(first)
    assert schedule.holds_at(second)
    assert schedule.until(first) == first + 900


def test_an_hour_that_is_left_out_makes_a_window_shorter():
    """On 29 March 2026 Berlin's clocks go from 02:00 on to 03:00."""
    change = at("2026-03-29T03:00:00")

    assert schedule_of("sun 01:00-02:30").until(change - 60) == change


def test_windows_that_touch_or_overlap_are_one_stretch():
    schedule = schedule_of("fri 20:00-24:00", "sat 00:00-06:00", "sat 05:00-10:00", "sat 11:00-12:00")

    assert schedule.until(at("2026-03-06T21:00:00")) == at("2026-03-07T10:00:00")


def test_what_always_holds_never_ends_nor_does_what_never_holds():
    always, never = schedule_of("daily 00:00-24:00"), Schedule((), BERLIN)

    assert (always.holds_at(0), always.until(0)) == (True, None)
    assert (never.holds_at(0), never.until(0)) == (False, None)


@pytest.mark.parametrize("shape", [(0,), (6,), (2, 3), (6, 1), ()])
def test_slots_may_come_in_any_shape(shape):
    schedule = schedule_of("mon 00:10-00:20", zone=UTC)
    slots = np.resize(at("2026-03-02T00:00:00", UTC) + SLOT * np.arange(6), shape).astype(np.int64)

    held = schedule.holds(slots)

    assert (held.shape, held.dtype) == (shape, bool)
    assert held.ravel().tolist() == [schedule.holds_at(slot) for slot in slots.ravel().tolist()]


CHANGES = {
    "Europe/Berlin": ["2026-03-29T01:00", "2026-10-25T01:00"],
    "America/New_York": ["2026-03-08T07:00", "2026-11-01T06:00"],
    "Australia/Lord_Howe": ["2026-04-04T15:00", "2026-10-03T15:30"],  # by half an hour
    "America/Santiago": ["2026-04-05T03:00", "2026-09-06T04:00"],  # at midnight
    "America/St_Johns": ["2010-03-14T03:31", "2010-11-07T02:31"],  # a minute past midnight
    "Pacific/Apia": ["2011-12-30T10:00"],  # a whole day left out
    "Asia/Kolkata": ["2026-03-01T18:30"],  # never, but half an hour off
    "UTC": ["2026-03-01T00:00"],
}
"""Zones, and (UTC) when their clocks are changed."""


@st.composite
def moments(draw):
    """(schedule, an instant within some days of a change of clocks)."""
    name = draw(st.sampled_from(sorted(CHANGES)))
    change = int(datetime.fromisoformat(draw(st.sampled_from(CHANGES[name])) + "+00:00").timestamp())
    zone = ZoneInfo(name)
    local = datetime.fromtimestamp(change - 60, zone)
    near = st.integers(0, 240).map(lambda ahead: (local.hour * 60 + local.minute + ahead - 120) % 1440)
    close = st.builds(Window, st.just(frozenset({local.weekday()})) | st.just(DAILY), near, near)
    chosen = draw(st.lists((windows | close).filter(lambda w: w.start != w.end), min_size=1, max_size=3))
    epoch = change + draw(st.integers(-DAY, DAY) | st.integers(-7200, 7200))
    return Schedule(tuple(chosen), zone), epoch


@examples(40, 300)
@given(moments())
def test_it_holds_where_the_clock_on_the_wall_lies_in_a_window(case):
    schedule, epoch = case
    slots = epoch // SLOT * SLOT + SLOT * np.arange(-40, 40)

    assert schedule.holds(slots).tolist() == [awake(schedule, slot) for slot in slots.tolist()]
    assert schedule.holds_at(epoch) == awake(schedule, epoch)


@examples(20, 120)
@given(moments())
def test_when_it_ends_is_what_reading_the_wall_minute_by_minute_says(case):
    schedule, epoch = case
    minutes = [epoch, *range(epoch // 60 * 60 + 60, epoch + 2 * DAY, 60)]
    held = [awake(schedule, minute) for minute in minutes]
    ends = next((minute for minute, holds in zip(minutes, held, strict=True) if not holds), None)

    if held[0] and ends is not None:
        assert schedule.until(epoch) == ends
    if not held[0]:
        assert schedule.until(epoch) is None


@examples(20, 120)
@given(moments())
def test_it_holds_just_before_it_ends_and_not_then(case):
    schedule, epoch = case
    ends = schedule.until(epoch)
    if ends is not None:
        assert schedule.holds_at(ends - 1)
        assert not schedule.holds_at(ends)
