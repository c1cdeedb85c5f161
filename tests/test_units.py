"""What people write is read strictly, and what they read is what was meant."""

from __future__ import annotations

import contextlib
import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertbot import units
from alertbot.units import DAY, SLOT

NOON = 1_793_620_800  # 2026-11-02 12:00 UTC, a Monday
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "bps"),
    [
        ("0 bps", 0),
        ("8 Gbps", 8e9),
        ("8Gbps", 8e9),
        ("8 gbps", 8e9),
        ("8 GBPS", 8e9),
        ("1.5 Mbps", 1.5e6),
        ("  64 kbps ", 64e3),
        ("0.000001 Tbps", 1e6),
        ("1000000 Tbps", 1e18),
    ],
)
def test_a_bit_rate_is_a_number_and_a_decimal_unit_in_any_case(text, bps):
    assert units.parse_rate(text) == bps


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "8",
        "8 GB",
        "8 Gb",
        "8 Gbit/s",
        "8 GiBps",
        "1 GBps",
        "5 MBps",
        "64 kBps",
        "8 Bps",
        "1 GB/s",
        "1,5 Gbps",
        "-5 Mbps",
        "+5 Mbps",
        "5 Mbps 5",
        "Mbps",
        ".5 Mbps",
        "5. Mbps",
        "1e9 bps",
        "nan bps",
        "inf bps",
        "5 m",
        "\u0665 Mbps",
        "5 Mbps\n5 Mbps",
        "1_000 bps",
        "2 Mbps to 3 Mbps",
    ],
)
def test_anything_else_is_no_bit_rate_and_the_message_shows_one(text):
    with pytest.raises(ValueError, match=r'is not a bit rate: .*"8 Gbps"'):
        units.parse_rate(text)


def test_a_bit_rate_beyond_all_networks_is_a_slip():
    with pytest.raises(ValueError, match="more than any network carries"):
        units.parse_rate("1000001 Tbps")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("30s", 30),
        ("5m", 300),
        ("2h", 7200),
        ("7d", 7 * DAY),
        ("1h30m", 5400),
        ("1d2h3m4s", 93784),
        (" 5m ", 300),
        ("90m", 5400),
        ("3660d", 3660 * DAY),
    ],
)
def test_a_duration_is_a_sum_of_whole_units(text, seconds):
    assert units.parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", " ", "5", "-5m", "+5m", "5 m", "1.5h", "5min", "1h 30m", "5M", "1w", "h", "1h30", "\u0665m"],
)
def test_anything_else_is_no_duration_and_the_message_shows_one(text):
    with pytest.raises(ValueError, match=r'is not a duration: .*"1h30m"'):
        units.parse_duration(text)


def test_a_duration_that_names_a_unit_twice_is_a_slip():
    with pytest.raises(ValueError, match="names a unit twice"):
        units.parse_duration("5m30m")


@pytest.mark.parametrize("text", ["3661d", "9" * 13 + "s", "9" * 5000 + "d"])
def test_a_duration_of_more_than_ten_years_is_a_slip(text):
    with pytest.raises(ValueError, match="longer than ten years") as caught:
        units.parse_duration(text)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(("text", "share"), [("80%", 0.8), ("0%", 0), ("100 %", 1), ("0.5%", 0.005), ("250%", 2.5)])
def test_a_share_is_a_number_with_its_percent_sign(text, share):
    assert units.parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "%", "80", "0.8", "-5%", "1,5%", "80%%", "80 percent", "nan%", "10001%"])
def test_anything_else_is_no_share_and_the_message_shows_one(text):
    with pytest.raises(ValueError, match=r'is not a percentage: .*"80%"'):
        units.parse_share(text)


@given(text=st.text(max_size=12) | st.from_regex(r"[0-9.,+-]{0,6} ?[kmgtbpsdh%]{0,5}", fullmatch=True))
def test_no_text_breaks_the_readers(text):
    for parse in (units.parse_rate, units.parse_duration, units.parse_share, units.parse_time):
        with contextlib.suppress(ValueError):
            assert math.isfinite(parse(text))


@given(bps=st.floats(0.001, 9.9e17) | st.just(0.0))
def test_a_rate_reads_back_as_what_was_shown(bps):
    assert units.parse_rate(units.format_rate(bps)) == pytest.approx(bps, rel=0.006)


@pytest.mark.parametrize(
    ("was", "now", "text"),
    [(11.2e9, 4.4e9, "11.2 to 4.4 Gbps"), (1.2e9, 3e8, "1.2 Gbps to 300 Mbps"), (5e6, 0, "5 Mbps to 0 bps")],
)
def test_a_change_names_a_unit_once_where_it_is_one(was, now, text):
    assert units.format_change(was, now) == text


@given(seconds=st.integers(60, 3650 * DAY))
def test_a_duration_reads_back_as_its_two_largest_units(seconds):
    shown = units.format_duration(seconds)
    assert 0 <= seconds - units.parse_duration(shown.replace(" ", "")) < 3600 * 24


@pytest.mark.parametrize(
    ("seconds", "slots"), [(0, 1), (1, 1), (300, 1), (301, 2), (600, 2), (601, 3), (899.9, 3), (DAY, 288)]
)
def test_slots_are_rounded_up_and_at_least_one(seconds, slots):
    assert units.slots_of(seconds) == slots


@given(epoch=st.floats(0, 4e9))
def test_an_instant_lies_in_the_slot_that_holds_it(epoch):
    slot = units.slot_at(epoch)
    assert slot % SLOT == 0
    assert slot <= epoch < slot + SLOT


@pytest.mark.parametrize(
    ("bps", "shown"),
    [
        (0, "0 bps"),
        (0.4, "0.4 bps"),
        (999, "999 bps"),
        (999.9, "1 kbps"),
        (1.84e9, "1.84 Gbps"),
        (999.9e6, "1 Gbps"),
        (208_706_182.29, "209 Mbps"),
        (5e15, "5000 Tbps"),
        (float("nan"), "unknown"),
        (float("inf"), "unknown"),
    ],
)
def test_a_rate_is_shown_with_three_digits_in_the_unit_a_person_would_use(bps, shown):
    assert units.format_rate(bps) == shown


def test_a_volume_is_shown_in_decimal_bytes():
    assert units.format_volume(759e9) == "759 GB"
    assert units.format_volume(0) == "0 B"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (45.9, "45s"),
        (60, "1m"),
        (725, "12m"),
        (5400, "1h 30m"),
        (3 * DAY + 4 * 3600 + 59, "3d 4h"),
        (DAY + 60, "1d 1m"),
        (7 * DAY, "7d"),
    ],
)
def test_a_duration_is_shown_by_its_two_largest_units(seconds, shown):
    assert units.format_duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0s"), (23.6, "24s"), (290.6, "4m 51s"), (420.2, "7m"), (1800, "30m")]
)
def test_lateness_is_shown_to_the_second_where_that_says_something(seconds, shown):
    assert units.format_lateness(seconds) == shown


@pytest.mark.parametrize(
    ("share", "shown"), [(0.8, "80%"), (0.004, "0.4%"), (1, "100%"), (12.5, "1250%"), (-0.5, "-50%")]
)
def test_a_share_is_shown_as_a_person_would_round_it(share, shown):
    assert units.format_share(share) == shown


def test_a_time_is_shown_in_the_readers_zone_and_with_its_day_unless_it_is_today():
    assert units.format_clock(NOON, BERLIN, now=NOON + 3600) == "13:00"
    assert units.format_clock(NOON, BERLIN, now=NOON + DAY) == "Mon 2 Nov 13:00"
    assert units.format_clock(NOON, BERLIN) == "Mon 2 Nov 13:00"
    # 23:30 UTC is the next day in Berlin already
    assert units.format_clock(NOON + 41_400, BERLIN, now=NOON) == "Tue 3 Nov 00:30"


@pytest.mark.parametrize(
    "text",
    [
        "1793620800",
        "2026-11-02T12:00:00Z",
        "2026-11-02 12:00",
        "2026-11-02T12:00",
        "2026-11-02T20:00:00+08:00",
        " 1793620800 ",
    ],
)
def test_a_time_is_epoch_seconds_or_iso_8601_in_utc_unless_it_says_otherwise(text):
    assert units.parse_time(text) == NOON


@pytest.mark.parametrize("text", ["", "yesterday", "12:00", "2026-13-01", "-5", "1.5e9", "999999999999", "\u0665"])
def test_anything_else_is_no_time_and_the_message_shows_one(text):
    with pytest.raises(ValueError, match=r"is not a time: .*2026-11-02T10:05:00Z"):
        units.parse_time(text)


@given(epoch=st.integers(0, 4 * 10**9))
def test_a_time_written_for_files_reads_back(epoch):
    assert units.parse_time(units.format_iso(epoch)) == epoch
    assert datetime.fromtimestamp(epoch, UTC).isoformat()[:19] == units.format_iso(epoch)[:19]


@pytest.mark.parametrize(("zone", "called"), [("UTC", "UTC"), ("Europe/Berlin", "CET"), ("Asia/Dubai", "UTC+04")])
def test_a_zone_is_called_as_its_clocks_are_now(zone, called):
    assert units.zone_name(ZoneInfo(zone), 1772409600) == called
