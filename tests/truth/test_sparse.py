"""Accounts that carry little, seldom, or nothing at night: no false alarm, and no waiting for ever."""

from __future__ import annotations

import pytest
from fakes.rigs.night import Night, config_for, dark, doubled, fell, night_folder
from fakes.worlds.clock import FakeClock
from fakes.worlds.world import HISTORY, World, WorldApi

NIGHT = 1_793_577_600
"""Midnight, UTC."""


@pytest.fixture
def folder():
    with night_folder() as path:
        yield path


def night_in(folder, world: World, *, probe=60.0, **settings) -> Night:
    rules = [dark(domains=("*", "total")), fell(), doubled()]
    config = config_for(folder / "night.db", tuple(world.truth), rules, **settings)
    return Night(config, world, WorldApi(world), probe=probe)


async def test_an_account_of_one_domain_is_watched_like_any_other(folder):
    world = World({"only.example.com": 5e7}, FakeClock(), slots=60, lag=500.0)
    world.traffic("only.example.com", 12, 4, 0.0)
    night = night_in(folder, world)
    await night.begin()
    await night.run_to(55)
    assert sorted((alert["rule"], alert["series"], alert["reason"]) for alert in night.alerts()) == [
        ("fell", "only.example.com", "cleared"),
        ("went-dark", "only.example.com", "cleared"),
        ("went-dark", "total", "cleared"),
    ]
    assert min(night.cursors().values()) >= world.start + 51 * 300
    await night.end()


async def test_an_account_of_one_domain_that_goes_dark_for_good_is_told_of_and_comes_back(folder):
    world = World({"only.example.com": 5e7}, FakeClock(), slots=100, lag=500.0)
    world.traffic("only.example.com", 12, 40, 0.0)
    night = night_in(folder, world)
    await night.begin()
    await night.run_to(50)
    assert {(alert["rule"], alert["phase"]) for alert in night.alerts()} == {
        ("fell", "firing"),
        ("went-dark", "firing"),
    }
    assert min(night.cursors().values()) >= world.start + 42 * 300, "silence is judged once it is overdue"
    await night.run_to(80)
    assert {alert["reason"] for alert in night.alerts()} == {"cleared"}
    assert [row for row in night.incidents() if row["closed"] is None] == []
    await night.end()


@pytest.mark.slow
async def test_an_account_that_is_dark_every_night_is_a_warning_that_mentions_nobody(folder):
    levels = {"shop.example.com": 4e7, "blog.example.com": 6e6}
    world = World(levels, FakeClock(NIGHT + 19 * 3600), slots=12 * 15, lag=420.0)
    for domain in levels:
        for evening in range(12 - HISTORY // 300, 12 + 2 * 288, 288):  # ebbs away from 20:00, nothing from 0:00 to 4:00
            for step in range(48):
                world.traffic(domain, evening + step, 1, 0.9**step)
                world.traffic(domain, evening + 96 + step, 1, 0.9 ** (47 - step))
            world.traffic(domain, evening + 48, 48, 0.0)
    night = night_in(folder, world, mention={"warning": "@here"})
    await night.begin()
    await night.run_to(12 * 8)
    live = night.watcher.live()
    assert live.frontier > live.newest, "the night counts as nothing, not as unknown"
    assert min(night.cursors().values()) >= world.start + 84 * 300
    await night.run_to(12 * 14)
    (incident,) = night.incidents()
    assert (incident["kind"], incident["closed"] is not None, night.posts()) == ("dark", True, 1)
    assert night.texts(1)[0] == "Silent as usual from 00:00: the whole account."
    assert min(night.cursors().values()) >= world.start + (12 * 14 - 4) * 300
    assert night.witness.judged_zero_wrongly == []
    await night.end()


@pytest.mark.slow
async def test_a_domain_with_a_few_slots_a_day_raises_nothing_and_waits_for_nothing(folder):
    world = World({"busy.example.com": 3e8, "seldom.example.com": 4e6}, FakeClock(), slots=120, lag=420.0)
    for slot in range(-HISTORY // 300, 120):
        if slot % 37:
            world.traffic("seldom.example.com", slot, 1, 0.0)
    night = night_in(folder, world)
    await night.begin()
    await night.run_to(110)
    assert night.incidents() == []
    assert min(night.cursors().values()) >= world.start + 106 * 300
    await night.end()


@pytest.mark.slow
async def test_an_account_with_a_few_slots_a_day_is_judged_once_they_are_overdue(folder):
    world = World({"seldom.example.com": 4e6}, FakeClock(), slots=120, lag=420.0)
    for slot in range(-HISTORY // 300, 120):
        if slot % 37:
            world.traffic("seldom.example.com", slot, 1, 0.0)
    night = night_in(folder, world)
    await night.begin()
    await night.run_to(110)
    assert [night.texts(each["id"]) for each in night.incidents()] == [
        ["Silent as usual from 07:00: the whole account."]
    ]
    assert min(night.cursors().values()) >= world.start + 101 * 300
    await night.end()


async def test_an_account_that_never_carried_anything_proves_nothing_by_it(folder):
    world = World({"new.example.com": 1e6}, FakeClock(), slots=40, lag=420.0)
    world.traffic("new.example.com", -HISTORY // 300, HISTORY // 300 + 20, 0.0)
    night = night_in(folder, world)
    await night.begin()
    await night.run_to(19)
    assert night.cursors() in ({}, {"new.example.com": None, "total": None})
    await night.run_to(36)
    assert min(night.cursors().values()) >= world.start + 29 * 300
    assert night.alerts() == []
    assert [(each["kind"], each["closed"] is not None) for each in night.incidents()] == [("dark", True)]
    await night.end()
