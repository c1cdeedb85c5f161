"""What the log says of an API that fails: each cause once, whatever comes and goes."""

from __future__ import annotations

import logging

import pytest
from fakes.worlds.clock import FakeClock

from alertbot.errors import FeedUnreachable
from alertbot.feed.outages import REPEAT_AFTER, SAME_OUTAGE, FeedOutages

DOWN = FeedUnreachable("stat/bandwidth", "HTTP 500")


@pytest.fixture
def feed(caplog):
    caplog.set_level(logging.INFO, "alertbot")
    outages = FeedOutages(clock := FakeClock())
    outages.clock = clock
    outages.lines = lambda: [record.levelname for record in caplog.records]
    return outages


def test_probes_that_fail_every_other_minute_are_a_warning_an_hour(feed):
    for _ in range(120):
        feed.probe_failed(DOWN)
        feed.clock.advance(20)
        feed.probe_succeeded()
        feed.clock.advance(40)
    assert feed.lines().count("WARNING") == 120 * 60 // REPEAT_AFTER
    assert feed.lines().count("INFO") == feed.lines().count("WARNING")


def test_an_outage_that_lasts_is_said_though_the_same_came_and_went_before(feed):
    feed.probe_failed(DOWN)
    feed.probe_succeeded()
    assert feed.lines() == ["WARNING", "INFO"]
    feed.clock.advance(SAME_OUTAGE)
    for _ in range(100):
        feed.probe_failed(DOWN)
        feed.clock.advance(20)
    assert feed.lines() == ["WARNING", "INFO", "WARNING"]
    feed.probe_succeeded()
    assert feed.lines()[3:] == ["INFO"]


def test_of_two_causes_that_take_turns_the_first_is_given_until_it_is_seen_no_more(feed):
    slow, given = FeedUnreachable("stat/bandwidth", "no answer within 10 s"), []
    for error in (DOWN, slow, DOWN, slow, *[slow] * 9):
        feed.probe_failed(error)
        given.append(feed.cause)
        feed.clock.advance(20)
    assert given == [DOWN.cause] * 8 + [slow.cause] * 5
    feed.probe_succeeded()
    assert feed.cause is None
    feed.probe_failed(slow)
    assert feed.cause == slow.cause


def test_probes_that_fail_beside_a_series_are_one_warning(feed):
    feed.series_failed("a.example.com", DOWN)
    feed.probe_failed(DOWN)
    assert feed.lines() == ["WARNING"]
