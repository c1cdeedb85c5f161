"""The bench at its smallest, so that it cannot rot: a few hours of a few domains."""

from __future__ import annotations

import asyncio

import pytest
from bench import feed, seconds
from bench.clockwork import VirtualClock, run
from bench.strict import START, Outage, account, domain_names

from alertbot.feed.budget import Budget
from alertbot.units import SLOT

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


def test_a_storm_is_told_at_once_though_asking_for_all_domains_takes_as_long_as_a_slot(tmp_path):
    begin = START + 12 * SLOT
    dark = [Outage(name, begin, begin + 6 * SLOT) for name in domain_names(280)[:170]]
    world = account(280, 18, 0.0, dark)
    rig = seconds.SecondsRig(world, tmp_path, tens=False)
    rig.budget = rig.api._budget = Budget(60, rig.clock)
    run(rig.clock, rig.run(18))
    proof = world.proof(Outage("all", begin, begin))
    (told, _), *others = rig.screen.said
    assert 0 < told - proof < 5, "a probe waits neither for the domains, nor for their history"
    assert len(others) == 1, "in one piece, once all were asked for"
    domains = [name for at, name in rig.api.began if name != "all" and at > START + 6 * SLOT]
    assert set(domains) == set(world.names), "none is left out for the others"
