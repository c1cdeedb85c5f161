"""The thread of an incident says in which part of the traffic it lies: once, after the post, from spare calls."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest
from fakes.rigs.until import until
from fakes.rigs.working import API_TOKEN, MINUTE, START, working
from fakes.worlds.virtual import passes

from alertbot.cli.doctor.machine import check_machine
from alertbot.config import load
from alertbot.feed.simulator.scenario import Delay, Event, Fault, FaultMode, Scenario, Shape

A, B, C = "a.example.com", "b.example.com", "c.example.com"
SLOT = 300
FALLS = START + 5 * MINUTE
RULES = """
[watch]
domains = ["*"]

[[rule]]
name = "fell"
kind = "drop"
by = "40%"
for = "5m"
severity = "critical"
"""
REGIONS = "each_domain = true\nprobe = '20s'"


def account(*parts, factor=0.0, domains=(A, B), falls=A, **keys):
    """An account in which these parts of a domain (a glob) fall."""
    shape = Shape(level=1e9, ipv6=0.5, abroad=0.5)
    events = tuple(Event(falls, FALLS, FALLS + 86_400, factor, part) for part in parts)
    return Scenario(token=API_TOKEN, domains=dict.fromkeys(domains, shape), events=events, **keys)


def asked(house):
    """The calls for a part."""
    return [call for call in house.simulator.calls if call.parts != ("all", "all")]


def lines(house):
    """What stands in threads of the parts."""
    words = ("alike", "All of it", "all of it", "IPv4", "China")
    return [each.text for each in house.slack.messages if each.thread_ts and any(word in each.text for word in words)]


async def posted(house):
    await until(lambda: house.slack.posts)
    return house.slack.posts[0]


async def the_line(folder, scenario, feed=REGIONS):
    """What is said of an account's incident, and the calls made for it."""
    async with working(folder, RULES, scenario=scenario, feed=feed, slack="charts = false") as house:
        await posted(house)
        await passes(2 * MINUTE)
        assert house.slack.posts[0].text.startswith(f"`{A}`")
        return lines(house), asked(house)


async def test_what_ipv6_alone_lost_is_said_within_a_minute_of_the_post_and_not_before_it(tmp_path):
    async with working(tmp_path, RULES, scenario=account("ipv6"), slack="charts = false") as house:
        post = await posted(house)
        assert not asked(house)
        await until(lambda: lines(house))
        (said,) = [each for each in house.slack.messages if each.thread_ts]
        assert float(said.ts) - float(post.ts) < MINUTE
        await passes(7 * MINUTE)
        assert len(asked(house)) == 2
        (line,) = lines(house)
    assert line.startswith("All of it IPv6 (0 bps, was ")
    assert line.endswith("Mbps); IPv4 as usual.")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "protocols", "regions", "calls"),
    [
        (account("ipv6"), "All of it IPv6 (0 bps", "Traffic in China and traffic outside China fell alike.", 4),
        (account("ipv4"), "All of it IPv4 (0 bps", "Traffic in China and traffic outside China fell alike.", 4),
        (account("cn"), "IPv4 and IPv6 fell alike.", "All of it traffic in China (0 bps", 4),
        (account("abroad"), "IPv4 and IPv6 fell alike.", "All of it traffic outside China (0 bps", 4),
        (account("cn", "abroad"), "IPv4 and IPv6 fell alike.", "traffic outside China fell alike.", 4),
        (account("all", factor=0.1), "IPv4 and IPv6 fell alike.", "traffic outside China fell alike.", 4),
        (account("all", deny_parts=("ipv6",)), None, "traffic outside China fell alike.", 4),
        (account("cn", deny_parts=("abroad",)), "IPv4 and IPv6 fell alike.", None, 4),
        (account("all", each_domain=False), "IPv4 and IPv6 fell alike.", None, 3),
        (account("all", delays=(Delay(A, FALLS - SLOT, FALLS + 86_400, 900, "ipv6"),), factor=0.1), None,
         "traffic outside China fell alike.", 4),
    ],
    ids=["IPv6", "IPv4", "one region", "the other", "both regions", "all", "IPv6 refused", "a region refused",
         "regions not permitted", "a part late"],
)  # fmt: skip
async def test_a_cause_is_named_rightly_or_not_at_all(tmp_path, scenario, protocols, regions, calls):
    said, made = await the_line(tmp_path, scenario)
    text = " ".join(said)
    assert len(said) == 1
    assert len(made) == calls
    assert (protocols or "") in text
    assert protocols is not None or "IPv" not in text
    assert (regions or "") in text
    assert regions is not None or "China" not in text


@pytest.mark.slow
async def test_a_storm_gets_one_line_of_the_total(tmp_path):
    domains = tuple(f"d{number}.example.com" for number in range(12))
    scenario = account("ipv6", domains=domains, falls="d*")
    async with working(tmp_path, RULES, scenario=scenario, feed=REGIONS, slack="charts = false") as house:
        await posted(house)
        await passes(7 * MINUTE)
        assert [call.domains for call in asked(house)] == [("all",)] * 2
        (line,) = lines(house)
    assert line == "Account total: all of it IPv6 (0 bps, was 6 Gbps); IPv4 as usual."


@pytest.mark.slow
async def test_what_is_refused_is_not_asked_for_again_until_a_reload(tmp_path):
    second = Event(B, FALLS + 40 * MINUTE, FALLS + 86_400, 0.0)
    third = Event(C, FALLS + 80 * MINUTE, FALLS + 86_400, 0.0)
    scenario = account("all", domains=(A, B, C), deny_parts=("ipv4",))
    scenario = replace(scenario, events=(*scenario.events, second, third))
    async with working(tmp_path, RULES, scenario=scenario, slack="charts = false") as house:
        await until(lambda: len(house.slack.posts) == 1)
        await passes(2 * MINUTE)
        assert len(asked(house)) == 1
        (found,) = [each for each in check_machine(load(house.path), house.clock.time()) if "ip_protocol" in str(each)]
        assert "the API refuses ip_protocol (HTTP 401, code 401006: no permission for ipv4)" in str(found)
        await house.stop()
        await house.start()
        await until(lambda: len(house.slack.posts) == 2)
        await passes(2 * MINUTE)
        assert len(asked(house)) == 1
        await house.reload()
        await until(lambda: len(house.slack.posts) == 3)
        await passes(2 * MINUTE)
        assert len(asked(house)) == 2
        assert lines(house) == []


@pytest.mark.slow
@pytest.mark.parametrize("fault", [FaultMode.SERVER_ERROR, FaultMode.HANG])
async def test_a_call_that_fails_is_not_made_again_and_nothing_is_said(tmp_path, fault):
    async with working(tmp_path, RULES, scenario=account("ipv6"), slack="charts = false") as house:
        await posted(house)
        failing = Fault(START, START + 86_400, fault)
        house.simulator._scenario = replace(house.simulator._scenario, faults=(failing,))
        await passes(3 * MINUTE)
        assert len(asked(house)) == 1
        assert lines(house) == []


@pytest.mark.slow
async def test_an_incident_that_was_looked_into_is_not_after_a_restart(tmp_path):
    async with working(tmp_path, RULES, scenario=account("ipv6"), slack="charts = false") as house:
        await posted(house)
        await until(lambda: asked(house))
        house.running.cancel()  # while the answer is on its way
        with contextlib.suppress(asyncio.CancelledError):
            await house.running
        calls = len(asked(house))
        await house.start()
        await passes(3 * MINUTE)
        assert len(asked(house)) == calls
        assert len(lines(house)) <= 1
