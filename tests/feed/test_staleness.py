"""How the feed is by its silence: dark, late, or never seen."""

from __future__ import annotations

import numpy as np
import pytest

from alertbot.feed.staleness import FeedFacts, FeedState, assess, silent_before
from alertbot.units import DAY

NOW = 1_793_613_600.0
STALE = 1200.0


def facts(**changes):
    return FeedFacts(
        **({"now": NOW, "newest": int(NOW) - 600, "frontier": int(NOW) - 900, "unchanged": 60.0} | changes)
    )


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, FeedState.FINE),
        ({"newest": int(NOW) - 3000, "frontier": int(NOW) - 3300, "unchanged": 1500.0}, FeedState.SILENT),
        ({"newest": None, "frontier": None, "unchanged": STALE - 1}, FeedState.FINE),
        ({"newest": None, "frontier": None, "unchanged": STALE}, FeedState.UNSEEN),
        ({"newest": None, "frontier": None, "unchanged": STALE, "failing": 60.0}, FeedState.FINE),
    ],
)
def test_silence_counts_from_the_newest_data_or_from_the_start(changes, state):
    assert assess(facts(**changes), STALE).silence is state


SUM, A, B, C = "sum:three", "a.example.com", "b.example.com", "c.example.com"


@pytest.mark.parametrize(
    ("unreadable", "refused", "alone"),
    [
        ({SUM: DAY, A: DAY}, {A: DAY}, {SUM: A}),
        ({SUM: DAY, A: DAY}, {A: DAY - 1}, {}),  # not for a day yet
        ({SUM: DAY, A: DAY}, {}, {}),  # not refused
        ({SUM: DAY, A: DAY, B: 60.0}, {A: DAY}, {}),  # not alone
        ({A: DAY}, {A: DAY}, {}),  # the sum is known all the same
    ],
)
def test_a_member_that_alone_keeps_a_sum_unknown_for_a_day_is_named(unreadable, refused, alone):
    seen = facts(unreadable=unreadable, refused=refused, sums={SUM: (A, B, C)})
    assert assess(seen, STALE).alone == alone


def test_an_account_without_any_traffic_is_dark_since_the_first_answer():
    assert assess(facts(newest=None, frontier=None, unchanged=1500.0), STALE).since == NOW - 1500


SILENT, BUSY, UNKNOWN = [0.0, 0.0, 7.0], [7.0, 0.0, 9.0], [np.nan] * 3


@pytest.mark.parametrize(
    ("weeks", "days", "usually"),
    [
        ([SILENT, SILENT, BUSY, UNKNOWN], [BUSY, BUSY, BUSY], True),
        ([SILENT, BUSY, UNKNOWN, UNKNOWN], [SILENT, SILENT, SILENT], False),
        ([SILENT, SILENT, BUSY, BUSY], [SILENT, SILENT, SILENT], False),
        ([SILENT, UNKNOWN, UNKNOWN, UNKNOWN], [BUSY, BUSY, BUSY], False),
        ([SILENT, UNKNOWN, UNKNOWN, UNKNOWN], [SILENT, SILENT, BUSY], False),
        ([BUSY, UNKNOWN, UNKNOWN, UNKNOWN], [SILENT, SILENT, SILENT], True),
        ([UNKNOWN] * 4, [SILENT, SILENT, UNKNOWN], False),
        ([UNKNOWN] * 4, [UNKNOWN] * 3, False),
    ],
)
def test_an_hour_is_usually_silent_by_most_of_two_weeks_or_more_else_by_all_of_three_days(weeks, days, usually):
    assert silent_before(np.array(weeks), np.array(days)) is usually
