"""What time it is for the feed, whichever of the two clocks is wrong."""

from __future__ import annotations

import logging

import pytest
from fakes.worlds.clock import FakeClock

from alertbot.feed.clock import TURN, ApiTime

NOW = 1_793_613_600.0
DAY = 86_400.0
NEWEST = int(NOW) - 900


def set_wrong(seconds):
    """A machine whose clock is so far ahead, and the feed's time on it."""
    clock = FakeClock(NOW + seconds)
    return clock, ApiTime(clock)


@pytest.mark.parametrize("wrong", [400 * DAY, -400 * DAY, -NOW, 2 * DAY])
@pytest.mark.parametrize("newest", [NEWEST, None], ids=["with data", "without"])
def test_the_clock_of_the_api_is_gone_by_where_the_machines_is_far_off(wrong, newest):
    _, time = set_wrong(wrong)
    time.learn(NOW, newest)
    assert time.time() == time.latest() == time.earliest() == NOW
    assert time.apart == pytest.approx(wrong)
    assert time.jumps == 1


@pytest.mark.parametrize("wrong", [400 * DAY, -400 * DAY, -NOW])
def test_a_date_that_is_far_off_is_not_believed_once_data_shows_it(wrong):
    clock, time = set_wrong(0)
    for _ in range(3):
        time.learn(NOW + wrong, NEWEST)
        assert time.time() == clock.time()
    assert time.jumps == 0


def test_without_any_data_each_of_two_clocks_has_its_turn():
    clock, time = set_wrong(400 * DAY)
    seen = []
    for _ in range(120):
        time.learn(NOW + clock.monotonic(), None)
        seen.append(abs(time.time() - clock.time()) < 1)
        clock.advance(20)
    assert {True, False} == set(seen)
    assert time.jumps <= 2400 / TURN + 1


def test_a_clock_that_is_set_right_later_is_gone_by_from_then_on():
    clock, time = set_wrong(400 * DAY)
    time.learn(None, None)
    assert time.time() == NOW + 400 * DAY
    clock.step_wall(-400 * DAY)
    assert time.time() == time.latest() == NOW
    assert time.jumps == 1


def test_a_step_changes_nothing_where_data_bears_the_reckoning_out():
    clock, time = set_wrong(0)
    time.learn(None, NEWEST)
    clock.step_wall(400 * DAY)
    assert time.time() == NOW
    assert time.jumps == 0


def test_two_clocks_that_disagree_are_logged_once_and_once_more_when_they_agree(caplog):
    caplog.set_level(logging.INFO)
    clock, time = set_wrong(400 * DAY)
    for _ in range(3):
        time.learn(NOW, NEWEST)
    clock.step_wall(-400 * DAY)
    time.learn(NOW, NEWEST)
    assert [record.message for record in caplog.records] == [
        "this machine's clock is 400d ahead of the CDN's: set it right",
        "this machine's clock and the CDN's agree again",
    ]
    assert time.apart is None
