"""The bench at its smallest, so that it cannot rot: a few hours of a few domains."""

from __future__ import annotations

import asyncio

import pytest
from bench import feed, seconds
from bench.clockwork import VirtualClock, run

pytestmark = pytest.mark.slow


def test_a_few_hours_of_a_feed_at_its_worst_tell_all_there_is_once_and_nothing_else():
    found = feed.correctness(5 / 24, 6, 2, each_domain=True)
    verdict = found.verdict
    assert verdict.expected >= 2
    assert (verdict.missed, verdict.repeated, found.errors) == ([], [], ())
    assert verdict.wrongly <= {"web-0003.example.com"}  # the one that turns slow
    assert found.throttled == 0


def test_every_alert_of_a_fair_feed_is_told_seconds_after_its_proof():
    delays = feed.reaction(5, 5, 2, each_domain=False)
    assert len(delays) >= 2
    assert max(delays) < 40


def test_virtual_time_passes_only_while_everybody_sleeps():
    clock = VirtualClock(1000.0)

    async def nap(seconds: float) -> float:
        await clock.sleep(seconds)
        return clock.monotonic()

    async def naps() -> list[float]:
        return await asyncio.gather(nap(3600), nap(20), nap(300))

    assert run(clock, naps()) == [3600, 20, 300]
    assert clock.time() == 4600


def test_what_a_prompt_domain_carries_is_told_within_a_minute_of_its_proof():
    found = seconds.measure(6, 0.0, 2, tens=False)
    assert (found.missed, found.false, found.errors) == (0, 0, [])
    assert max(found.delays) <= 60
