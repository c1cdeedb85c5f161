"""A storm, batch by batch as its domains are asked for: one message, one page, and first what the total lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import numpy as np
import pytest
from fakes.rigs.house import House, database
from fakes.rigs.inquired import Inquired
from fakes.rigs.night import ceiling, config_for, dark

from alertbot.config import GroupSettings
from alertbot.rules.schedule import Schedule, parse_window
from alertbot.rules.threshold import Threshold

DOMAINS = tuple(f"d{number}.example.com" for number in range(10))
USUAL = {"total": 1e10, **dict.fromkeys(DOMAINS, 1e9)}
BATCHES = len(USUAL)


@pytest.fixture
async def house(tmp_path):
    opened = House(config_for(database(tmp_path), DOMAINS, [dark(for_slots=1)]), DOMAINS)
    await opened.begin(USUAL)
    await opened.judge(USUAL)
    yield opened
    await opened.end()


def without(*names: str) -> dict[str, float]:
    """The total comes first, as it is asked for."""
    lost = sum(USUAL[name] for name in names)
    return {**USUAL, "total": USUAL["total"] - lost, **dict.fromkeys(names, 0.0)}


def pages(house: House) -> list[str]:
    return [row.text for row in house.outbox() if row.pages]


async def test_where_half_of_the_total_is_gone_the_first_domain_that_fell_brings_the_message(house):
    await house.judge(without(*DOMAINS[:7]), batches=BATCHES)
    first, *edits = [row for row in house.outbox() if row.action != "reply"]
    assert first.text == "Total traffic fell from 10 to 3 Gbps at 00:05."
    assert "Checking 10 domains; the list follows here." in first.shown
    assert edits[-1].text.startswith("Account-wide: 7 of 10 domains with traffic have fallen since 00:05")
    assert "Checking" not in edits[-1].shown
    assert len(pages(house)) == 1


async def test_what_the_total_was_is_its_level_just_before_whatever_fell_earlier_in_the_hour(house):
    for _ in range(8):
        await house.judge(without(*DOMAINS[7:]))
    for _ in range(3):
        await house.judge(USUAL)
    await house.judge(without(*DOMAINS[:7]), batches=BATCHES)
    assert "Total traffic fell from 10 to 3 Gbps at 01:00." in [row.text for row in house.outbox()]


async def test_of_a_total_that_did_not_move_it_is_not_said_that_it_fell(tmp_path):
    small = dict.fromkeys(("a.com", "b.com", "c.com", "d.com"), 1e7)
    usual = {"total": 1e10 + sum(small.values()), "large.com": 1e10, **small}
    house = House(config_for(database(tmp_path), ("large.com", *small), [dark(for_slots=1)]), ("large.com", *small))
    await house.begin(usual)
    try:
        gone = dict.fromkeys(("a.com", "b.com", "c.com"), 0.0)
        await house.judge({**usual, "total": usual["total"] - 3e7, **gone}, batches=len(usual))
        checking = [row for row in house.outbox() if "Checking 5 domains" in row.shown]
        assert [row.text for row in checking] == [
            "Account-wide: 3 of 5 domains with traffic have fallen since 00:00; the total is 10 Gbps, was 10 Gbps."
        ]
        assert not [row.shown for row in house.outbox() if "Total traffic fell" in row.shown]
    finally:
        await house.end()


async def test_an_account_wide_fall_that_is_all_in_other_channels_is_listed_as_what_it_was(tmp_path):
    groups = [GroupSettings(name="all", domains=["*"], channel="#all")]
    house = House(config_for(database(tmp_path), DOMAINS, [dark()], groups=groups), DOMAINS)
    await house.begin(USUAL)
    try:
        for values in (*[without(*DOMAINS[:7])] * 3, *[without(DOMAINS[0])] * 8):
            await house.judge(values)
        resolved = [row.text for row in house.outbox() if row.subject == "incident:1" and row.action == "reply"]
        assert resolved == ["Resolved: The account as a whole was back by 00:20."]
        listed = await Inquired(house).ask("alerts")
        assert "#1 critical, 00:00 to 00:20 (20m): Account-wide: 7 of 10 domains fell." in listed
        assert "went dark at 00:00" in listed, "one of them still is"
    finally:
        await house.end()


@pytest.mark.parametrize("share", [1.0, 0.3])
async def test_what_is_under_a_limit_when_its_hours_begin_has_not_fallen_unless_the_total_has(tmp_path, share):
    hours = Schedule((parse_window("daily 00:30-06:00"),), UTC)
    low = replace(ceiling(0), name="low", kind=Threshold(below=3e9), active=hours)
    house = House(config_for(database(tmp_path), DOMAINS, [low]), DOMAINS)
    await house.begin(USUAL)
    try:
        for slot in range(12):
            await house.judge({name: value * (share if slot > 5 else 1) for name, value in USUAL.items()})
        (text,) = pages(house)
    finally:
        await house.end()
    alone = "`d0.example.com` went under 3 Gbps at 00:30: 1 Gbps; 9 more domains fell with it."
    assert text == (alone if share == 1 else "Total traffic fell from 10 to 3 Gbps at 00:30.")


async def test_where_less_is_gone_domains_that_explain_little_of_it_come_in_one_message(house):
    await house.judge(without(*DOMAINS[:3]), batches=BATCHES)
    (text,) = pages(house)
    assert text == "`d0.example.com` went dark at 00:05: 0 bps, was 1 Gbps; 1 more domain fell with it."
    assert "2 more domains fell with it" in house.outbox()[-1].text


async def test_a_domain_waits_for_the_others_for_half_a_minute_at_most(house):
    values = {**without(DOMAINS[0], DOMAINS[5]), "total": 5.1e9}
    house.slot += 300
    house.now = house.slot + 900.0
    for name, later in (("total", 0), (DOMAINS[0], 20), (DOMAINS[5], 20), (DOMAINS[6], 0)):
        house.ledger.take(name, house.slot, np.array([values[name]]))
        await house.dispatcher.commit(house.ledger.judge(house.slot), house.slot)
        said, house.now = len(pages(house)), house.now + later
        assert said == (name == DOMAINS[6])


async def test_a_restart_while_domains_wait_loses_none_of_them(house):
    values = without(*DOMAINS[:3])
    house.slot += 300
    house.now = house.slot + 900.0
    for name in ("total", DOMAINS[0]):
        house.ledger.take(name, house.slot, np.array([values[name]]))
        await house.dispatcher.commit(house.ledger.judge(house.slot), house.slot)
    assert pages(house) == []
    await house.restart()
    await house.look()
    assert len(pages(house)) == 1


async def test_a_small_domain_that_falls_beside_a_large_one_is_no_fall_of_the_account(tmp_path):
    usual = {**USUAL, "total": 2e10, DOMAINS[0]: 1.1e10}
    house = House(config_for(database(tmp_path), DOMAINS, [dark(for_slots=1)]), DOMAINS)
    await house.begin(usual)
    await house.judge(usual)
    await house.judge({**usual, "total": 9e9, DOMAINS[0]: 0.0}, batches=BATCHES)
    await house.judge({**usual, "total": 8e9, DOMAINS[0]: 0.0, DOMAINS[1]: 0.0}, batches=BATCHES)
    assert all("account" not in row.shown and "Total" not in row.shown for row in house.outbox())
    assert pages(house)[0].startswith("`d0.example.com` went dark at 00:05")
    await house.end()
