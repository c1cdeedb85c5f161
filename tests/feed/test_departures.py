"""A member that left the account leaves its group's sum from then on, never backwards."""

from __future__ import annotations

import pytest

from alertbot.feed.departures import departures, emptied
from alertbot.rules.selection import Group

NOW = 1_793_613_600
A, B = "a.example.com", "b.example.com"
GROUP = Group("both", (A, B), sum=True)
LATE = 1800


@pytest.mark.parametrize(
    ("cursors", "left"),
    [
        ({GROUP.series: NOW - 600, A: NOW - 600}, NOW),  # it was there up to now
        ({GROUP.series: NOW - 600, A: NOW - 2400}, NOW),  # ... and reports late
        ({GROUP.series: NOW - 600, A: NOW - 2700}, NOW - 300),  # the sum went on without it before a restart
        ({GROUP.series: NOW - 600}, NOW - 300),
        ({}, NOW),
    ],
)
def test_a_sum_is_without_it_from_now_on_or_from_where_it_went_on_without_it(cursors, left):
    assert departures([GROUP], {A}, {}, NOW, cursors.get, LATE) == {GROUP.series: {A: left}}


def test_what_is_known_of_a_departure_stays_and_who_comes_back_counts_again():
    former = {GROUP.series: {A: NOW - 9000, B: NOW - 3000}}
    assert departures([GROUP], {A}, former, NOW, {}.get, LATE) == {GROUP.series: {A: NOW - 9000}}


def test_a_group_without_a_sum_has_none_to_leave():
    assert departures([Group("both", (A, B))], {A}, {}, NOW, {}.get, LATE) == {}


def test_a_sum_is_asked_for_as_long_as_a_member_is_left():
    assert emptied([GROUP], {A}) == set()
    assert emptied([GROUP], {A, B}) == {GROUP.series}
