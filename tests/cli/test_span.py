"""``--from`` and ``--to`` mean what people write."""

from zoneinfo import ZoneInfo

import pytest

from alertbot.alerts.replay import Span
from alertbot.cli.span import span_of
from alertbot.errors import UsageError
from alertbot.units import DAY, SLOT, parse_time

BERLIN = ZoneInfo("Europe/Berlin")
NEWEST = parse_time("2026-03-05T10:00:00Z")
MARCH_2 = parse_time("2026-03-01T23:00:00Z")
"""The second of March as it begins in Berlin."""


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("2026-03-02", MARCH_2, MARCH_2 + DAY - SLOT),
        ("20260302", MARCH_2, MARCH_2 + DAY - SLOT),
        (" 2026-03-02 ", MARCH_2, MARCH_2 + DAY - SLOT),
        ("2026-03-02 12:07", MARCH_2 + 12 * 3600 + SLOT, MARCH_2 + 12 * 3600 + SLOT),
        ("2026-03-02T12:00", MARCH_2 + 12 * 3600, MARCH_2 + 12 * 3600),
        ("2026-03-02T12:00:00Z", MARCH_2 + 13 * 3600, MARCH_2 + 13 * 3600),
        ("2026-03-02T12:00+05:30", MARCH_2 + 27_000, MARCH_2 + 27_000),
        (str(MARCH_2 + 1), MARCH_2, MARCH_2),
        ("7d", NEWEST - 7 * DAY, NEWEST - 7 * DAY),
        ("1h30m", NEWEST - 5400, NEWEST - 5400),
        # Clocks are put back at 03:00 on 25 October: the hour from 02:00 comes twice, and the day has 25 hours.
        ("2026-10-25T02:30", parse_time("2026-10-25T00:30:00Z"), parse_time("2026-10-25T01:30:00Z")),
        ("2026-10-25", parse_time("2026-10-24T22:00:00Z"), parse_time("2026-10-25T22:55:00Z")),
        ("2026-03-29", parse_time("2026-03-28T23:00:00Z"), parse_time("2026-03-29T21:55:00Z")),
    ],
)
def test_a_time_is_where_a_span_begins_or_ends(text, begins, ends):
    assert span_of(text, None, BERLIN, NEWEST) == Span(first=begins)
    assert span_of(None, text, BERLIN, NEWEST) == Span(last=ends)


def test_a_duration_counts_back_from_the_last_slot_that_is_looked_at():
    assert span_of("1d", "2026-03-02", BERLIN, NEWEST) == Span(MARCH_2 - SLOT, MARCH_2 + DAY - SLOT)
    assert span_of("1d", "2026-03-09", BERLIN, NEWEST).first == NEWEST - DAY


def test_a_day_from_and_to_is_that_day():
    assert span_of("2026-03-02", "2026-03-02", BERLIN, NEWEST) == Span(MARCH_2, MARCH_2 + DAY - SLOT)


@pytest.mark.parametrize("option", ["--from", "--to"])
@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "x", "yesterday, at noon", "2026-13-01", "2026-02-30", "20260230", "2026-03-02T25:00"),
        *("7", "300", "946684799", "1772409600000"),  # no epoch second has so few digits any more, or so many yet
        *("-7d", "7 d", "1d1d", "99999999999d", "\u0667d"),
    ],
)
def test_what_is_no_time_is_refused_with_what_would_be_one(text, option):
    first, last = (text, None) if option == "--from" else (None, text)
    with pytest.raises(UsageError, match=rf"^{option} .* is no time: write a date such as 2026-03-02"):
        span_of(first, last, BERLIN, NEWEST)


def test_a_span_that_ends_before_it_begins_is_refused():
    with pytest.raises(UsageError, match=r"^--from 2026-03-03 is after --to 2026-03-02$"):
        span_of("2026-03-03", "2026-03-02", BERLIN, NEWEST)
