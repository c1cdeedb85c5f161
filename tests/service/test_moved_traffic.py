"""Traffic that moves from one domain to another is one incident, edited once it is known; what is more is posted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.rigs.house import House, database
from fakes.rigs.night import ceiling, config_for, dark, fell
from fakes.rigs.working import API_TOKEN, MINUTE, START, working
from fakes.worlds.virtual import passes

from alertbot.feed.simulator.scenario import Event, Scenario, Shape
from alertbot.rules.base import Severity
from alertbot.units import SLOT

DOMAINS = ("a.example.com", "b.example.com", "c.example.com", "d.example.com")
A, B, C, D = DOMAINS
USUAL = {"total": 4e9, **dict.fromkeys(DOMAINS, 1e9)}
MOVED = "`a.example.com` fell and `b.example.com` rose by about 900 Mbps at 00:05; the total did not change."
PLAIN = MOVED.replace("`", "")
BECAME = {**USUAL, A: 1e8, B: 1.9e9}


@pytest.fixture
async def house(tmp_path):
    rules = [fell(for_slots=1), ceiling(1.5e9, for_slots=1, severity=Severity.CRITICAL), dark(for_slots=1)]
    opened = House(config_for(database(tmp_path), DOMAINS, rules), DOMAINS)
    await opened.begin(USUAL)
    await opened.judge(USUAL)
    yield opened
    await opened.end()


def pages(house: House) -> list[str]:
    return [row.text for row in house.outbox() if row.pages]


def edits(house: House) -> list[str]:
    return [row.shown for row in house.outbox() if row.action == "update"]


async def test_a_fall_and_the_rise_that_is_its_other_side_are_one_message_with_the_severity_of_the_fall(house):
    await house.judge(BECAME)
    (posted,) = house.outbox()
    assert posted.text == MOVED
    assert "warning" in posted.shown
    assert "critical" not in posted.shown
    assert "1.5 Gbps" in posted.shown


@pytest.mark.parametrize("batches", [3, 5])
async def test_a_rise_that_is_judged_after_its_fall_joins_it_and_pages_nobody(house, batches):
    await house.judge(BECAME, batches=batches)
    assert len(pages(house)) == 1
    assert PLAIN in edits(house)[-1]
    assert house.rows("SELECT DISTINCT incident FROM alerts WHERE phase = 'firing'") == [{"incident": 1}]


async def test_a_counterpart_without_an_alert_is_found_by_what_it_carried(house):
    await house.judge({**USUAL, A: 1e8, B: 1.45e9, C: 1.45e9})
    assert len(pages(house)) == 1
    assert "a.example.com fell and b.example.com and c.example.com rose by about 900 Mbps" in edits(house)[-1]


async def test_a_rise_that_comes_later_is_edited_in(house):
    await house.judge({**USUAL, "total": 3.1e9, A: 1e8})
    await house.judge(BECAME)
    assert len(pages(house)) == 1
    assert "fell by 90%" in pages(house)[0]
    assert PLAIN in edits(house)[-1]


async def test_a_rise_that_was_posted_before_becomes_a_part_of_the_falls_incident(house):
    await house.judge({**USUAL, "total": 4.9e9, B: 1.9e9})
    await house.judge(BECAME)
    assert len(pages(house)) == 2
    said = [row.text for row in house.outbox() if row.action != "post" and row.subject == "incident:1"]
    assert "Now part of #2, traffic that moved here from another domain: see there." in said
    assert said[-1] == "Part of #2, traffic that moved, since 00:05: `b.example.com`."
    for _ in range(60):
        await house.judge(BECAME)
    assert all("#1" not in text and "b.example.com` rose above" not in text for text in pages(house)[2:])


async def test_a_rise_of_more_than_what_fell_is_posted_by_itself(house):
    await house.judge({**USUAL, "total": 7e9, A: 1e8, B: 4.9e9})
    assert len(pages(house)) == 2


async def test_a_rise_that_outgrows_what_fell_is_posted(house):
    await house.judge(BECAME)
    await house.judge({**BECAME, "total": 7e9, B: 4.9e9})
    first, more = pages(house)
    assert first == MOVED
    assert more.startswith("No longer explained by what fell:")


async def test_a_rise_that_outlives_what_fell_is_posted(house):
    await house.judge(BECAME)
    back = {**USUAL, "total": 4.9e9, B: 1.9e9}
    for _ in range(8):
        await house.judge(back)
    assert "No longer explained by what fell: `b.example.com`" in pages(house)[-1]


async def test_when_both_are_back_it_is_over_as_one(house):
    await house.judge(BECAME)
    await house.restart()
    for _ in range(4):
        await house.judge(USUAL)
    assert len(pages(house)) == 1
    assert "Resolved: `b.example.com`, `a.example.com` back to normal" in house.outbox()[-2].text
    assert PLAIN in edits(house)[-1]


async def test_another_rise_beside_it_is_posted_by_itself(house):
    await house.judge({**BECAME, "total": 7e9, D: 4e9})
    assert any("d.example.com" in text for text in pages(house))


async def test_a_fall_that_the_total_shares_has_left_the_account(house):
    for _ in range(6):
        await house.judge({**USUAL, "total": 3.1e9, A: 1e8})
    assert len(pages(house)) == 1
    assert "The total fell by the same amount: this traffic is on no other domain of the account." in edits(house)[-1]


async def test_a_channel_of_its_own_hears_of_its_rise(tmp_path):
    rules = [fell(for_slots=1), replace(ceiling(1.5e9, for_slots=1), channel="#costs")]
    house = House(config_for(database(tmp_path), DOMAINS, rules), DOMAINS)
    await house.begin(USUAL)
    await house.judge(USUAL)
    await house.judge(BECAME)
    assert {row.channel for row in house.outbox() if row.pages} == {"#cdn-alerts", "#costs"}
    await house.end()


RULES = """
[watch]
domains = ["*"]

[[rule]]
name = "fell"
kind = "drop"
by = "40%"
for = "5m"

[[rule]]
name = "ceiling"
kind = "threshold"
above = "1.5 Gbps"
for = "5m"
severity = "critical"
"""


def moving(apart: int) -> Scenario:
    """An account in which traffic moves from a domain to another, with so many slots between its fall and the rise."""
    begin, end = START + 20 * MINUTE, START + 86_400
    events = (Event(A, begin, end, 0.1), Event(B, begin + apart * SLOT, end, 1.9))
    return Scenario(token=API_TOKEN, domains={name: Shape(level=1e9) for name in DOMAINS}, events=events)


@pytest.mark.slow
@pytest.mark.parametrize("edits_refused", [False, True])
async def test_slack_shows_one_message_and_where_edits_are_refused_its_thread_says_it(tmp_path, edits_refused):
    async with working(tmp_path, RULES, scenario=moving(2), slack="charts = false") as house:
        if edits_refused:
            house.slack.fault("chat.update", "edit_window_closed", times=99)
        await passes(50 * MINUTE)
        (post,) = [each for each in house.slack.messages if not each.thread_ts]
        replies = [each.text for each in house.slack.messages if each.thread_ts]
    said = [text for text in replies if "fell and `b.example.com` rose by about 900 Mbps" in text]
    assert (len(said) > 0) is edits_refused
    assert ("rose by about 900 Mbps" in post.text) is not edits_refused
    assert not any("@here" in text for text in replies)
