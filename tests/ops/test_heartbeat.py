"""The heartbeat at the wire: pinged after healthy cycles only, and whatever becomes of a ping hurts nobody."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import asynccontextmanager, closing

import pytest
from fakes.rigs.until import until
from fakes.rigs.working import CEILING, MINUTE, START, WATCH, working
from fakes.wire.pinged import SECRET, DeadMansSwitch
from fakes.worlds.clock import FakeClock

from alertbot.config import load
from alertbot.errors import ConfigError
from alertbot.feed.simulator.scenario import Event, Fault, FaultMode
from alertbot.ops import heartbeat
from alertbot.ops.heartbeat import EVERY, LASTS, Heartbeat, secrets_of
from alertbot.ops.trouble import Cause, Trouble

OVER = Event("a.example.com", START - 60 * MINUTE, START + 900 * MINUTE, 20.0)


@asynccontextmanager
async def switch(mode="ok"):
    there = DeadMansSwitch()
    url = await there.start()
    there.mode = mode
    try:
        yield there, url
    finally:
        await there.stop()


@asynccontextmanager
async def beating(url):
    clock = FakeClock()
    heart = Heartbeat(url, clock)

    async def cycle(why_unhealthy=None, after=20.0):
        clock.advance(after)
        heart.cycle(why_unhealthy)
        if heart._task is not None:
            await asyncio.wait({heart._task})

    heart.start()
    if heart._task is not None:
        await asyncio.wait({heart._task})
    try:
        yield cycle
    finally:
        await heart.aclose()


async def test_it_says_that_it_starts_then_pings_once_a_minute_at_most():
    async with switch() as (there, url), beating(url) as cycle:
        for _ in range(7):
            await cycle()
        assert there.pings == [("/start", ""), ("", ""), ("", ""), ("", "")]


async def test_a_cycle_that_fails_is_not_pinged_and_one_failure_alone_is_not_told():
    async with switch() as (there, url), beating(url) as cycle:
        await cycle()
        await cycle("no data: HTTP 500", after=EVERY)
        await cycle("no data: HTTP 500", after=LASTS - 1)
        await cycle(after=1)
        assert there.pings == [("/start", ""), ("", ""), ("", "")]


async def test_what_lasts_is_told_once_with_its_reason_and_the_end_of_it_at_once():
    async with switch() as (there, url), beating(url) as cycle:
        await cycle()
        for _ in range(12):
            await cycle("no data: HTTP 500")
        await cycle(after=20)
        assert there.pings == [("/start", ""), ("", ""), ("/fail", "no data: HTTP 500"), ("", "")]


async def test_another_reason_is_told_too_but_never_more_than_one_a_minute():
    async with switch() as (there, url), beating(url) as cycle:
        for number in range(12):
            await cycle(f"cause {number % 2}")
        fails = [body for path, body in there.pings if path == "/fail"]
        assert 2 <= len(fails) <= 4
        assert set(fails) == {"cause 0", "cause 1"}


async def test_a_failure_that_did_not_arrive_is_told_again():
    async with switch("500") as (there, url), beating(url) as cycle:
        for _ in range(8):
            await cycle("no data")
        there.mode = "ok"
        for _ in range(8):
            await cycle("no data")
        assert [path for path, _ in there.pings].count("/fail") >= 2
        before = len(there.pings)
        for _ in range(8):
            await cycle("no data")
        assert len(there.pings) == before


@pytest.mark.parametrize("mode", ["500", "404", "301", "drop", "hang"])
async def test_a_host_that_fails_is_told_once_without_the_url_and_once_when_it_is_over(mode, caplog, monkeypatch):
    monkeypatch.setattr(heartbeat, "PATIENCE", 0.05 if mode == "hang" else 10)
    caplog.set_level(logging.DEBUG)
    async with switch(mode) as (there, url), beating(url) as cycle:
        for _ in range(5):
            await cycle(after=EVERY)
        (said,) = [each.message for each in caplog.records if each.levelno == logging.WARNING]
        assert said.startswith("the heartbeat is not heard (")
        there.mode = "ok"
        await cycle(after=EVERY)
        assert "the heartbeat is heard again after 6 pings that failed" in caplog.messages
    assert SECRET not in caplog.text


async def test_a_host_that_is_not_there_is_no_error():
    async with beating("http://127.0.0.1:9/ping") as cycle:
        await cycle()


async def test_without_a_url_nothing_is_pinged():
    async with beating(None) as cycle:
        await cycle()
        await cycle("no data")


async def test_a_query_of_the_url_stays():
    async with switch() as (there, url), beating(f"{url}/?rid=7&x=%2F") as cycle:
        await cycle()
        assert there.pings == [("/start", ""), ("", "")]
        assert there.queries == ["rid=7&x=%2F"] * 2


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        (f"https://hc-ping.com/{SECRET}", (f"https://hc-ping.com/{SECRET}", SECRET)),
        ("https://up.example.com/push/s3cr3t?status=up", None),
        ("https://up.example.com/ping", ("https://up.example.com/ping",)),
    ],
)
def test_what_is_secret_of_a_url_is_what_comes_after_its_host(url, secrets):
    assert secrets_of(url) == (secrets or (url, "push/s3cr3t?status=up"))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", 'heartbeat.url: missing: write what to ping, such as url = "https://hc-ping.com/your-uuid"'),
        ('url = "ftp://x.example.com/abc"', "heartbeat.url: this is no web address"),
        ('url = "https://u:pass-word@x.example.com/abc"', "heartbeat.url: this is no web address"),
        ('url = "https://x.example.com/abc#top"', 'heartbeat.url: a URL to be pinged has no "#"'),
        ("url = 5", "heartbeat.url: write text in quotes"),
        ('urls = "https://x.example.com/abc"', 'heartbeat.urls: unknown key, did you mean "url"?'),
    ],
)
def test_a_wrong_url_is_told_without_repeating_it(tmp_path, written, said):
    path = tmp_path / "rules.toml"
    path.write_text(f"{WATCH}{CEILING}[heartbeat]\n{written}\n")
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert said in str(refused.value)
    assert "pass-word" not in str(refused.value)


# The service


@pytest.mark.slow
async def test_a_healthy_service_pings_and_one_without_data_tells_why(tmp_path):
    fault = Fault(START + 60 * MINUTE, START + 120 * MINUTE, FaultMode.SERVER_ERROR)
    async with switch() as (there, url):
        text = f'{WATCH}{CEILING}[heartbeat]\nurl = "{url}"\n'
        async with working(tmp_path, text, faults=[fault], feed='stale_after = "12m"'):
            await until(lambda: there.pings[:2] == [("/start", ""), ("", "")])
            await until(lambda: there.pings[-1][0] == "/fail")
            assert there.pings[-1][1].startswith("no data: HTTP 500")
            fails = there.pings.count(there.pings[-1])
            await until(lambda: there.pings[-1] == ("", ""))
            assert fails == 1


async def test_a_slack_that_refuses_is_told(tmp_path):
    async with switch() as (there, url):
        text = f'{WATCH}{CEILING}[heartbeat]\nurl = "{url}"\n'
        async with working(tmp_path, text, events=[OVER], slack='channel = "#hidden"') as house:
            report = Trouble(Cause.REFUSED, "Slack: messages for #hidden: channel_not_found").report
            await until(lambda: ("/fail", report) in there.pings)
            house.slack.workspace.channels["G0HIDDEN"].member = True
            await house.reload()
            await until(lambda: there.pings[-1] == ("", ""))


async def test_a_database_that_fails_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("alertbot.store.schema.LOCK_WAIT_MS", 20)
    async with switch() as (there, url):
        text = f'{WATCH}{CEILING}[heartbeat]\nurl = "{url}"\n'
        async with working(tmp_path, text) as house:
            await house.until_judged("a.example.com")
            with closing(sqlite3.connect(house.store, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                await until(lambda: there.pings[-1][0] == "/fail")
                assert "nothing can be stored: " in there.pings[-1][1]
                other.execute("ROLLBACK")
            await until(lambda: there.pings[-1] == ("", ""))


async def test_a_reload_takes_up_another_url(tmp_path):
    async with switch() as (there, url), working(tmp_path) as house:
        await house.until_judged("a.example.com")
        house.write(f'{WATCH}{CEILING}[heartbeat]\nurl = "{url}"\n')
        await house.reload()
        await until(lambda: there.pings[:2] == [("/start", ""), ("", "")])
        house.write(WATCH + CEILING)
        await house.reload()
        count = len(there.pings)
        await house.clock.sleep(3 * EVERY)
        assert len(there.pings) == count


async def test_a_host_that_hangs_holds_up_neither_polls_nor_the_end(tmp_path):
    async with switch("hang") as (there, url):
        text = f'{WATCH}{CEILING}[heartbeat]\nurl = "{url}"\n'
        async with working(tmp_path, text, events=[OVER]) as house:
            await until(lambda: house.slack.posts)
            house.service.stop()
            async with asyncio.timeout(3):
                await house.running
        # The second look at what fires is a turn of its own, and pings as well.
        assert there.pings in ([("/start", "")], [("/start", ""), ("", "")])


async def test_an_answer_that_was_lost_ails_nobody_while_the_message_is_looked_for(tmp_path):
    async with working(tmp_path, events=[OVER], begin=False) as house:
        house.slack.fault("chat.postMessage", "drop_after")
        await house.start()
        await until(lambda: house.rows("SELECT 1 FROM outbox WHERE state = 'unknown'"))
        await until(lambda: house.service._wiring.health.why_unhealthy() is None)
        assert not house.rows("SELECT 1 FROM outbox WHERE state = 'sent'")


async def test_what_is_refused_in_one_channel_and_said_in_another_ails_nobody(tmp_path):
    keys = 'channel = "#hidden"\nfallback_channel = "#ops"'
    async with working(tmp_path, events=[OVER], slack=keys) as house:
        await until(lambda: [post.channel for post in house.slack.posts] == ["C0OPS"])
        await until(lambda: house.service._wiring.health.why_unhealthy() is None)


async def test_a_slack_that_did_not_say_once_who_we_are_is_asked_again_soon(tmp_path):
    async with working(tmp_path, begin=False) as house:
        house.slack.fault("auth.test", "500", times=1000)
        await house.start()
        await until(lambda: house.service._wiring.health.turns)
        began = house.clock.time()
        wrong = "Slack: Slack does not answer (http_500): messages wait for it"
        await until(lambda: house.service._wiring.health.why_unhealthy() == wrong)
        assert 270 <= house.clock.time() - began <= 330
        house.slack.mend()
        began = house.clock.time()
        await until(lambda: house.service._wiring.health.why_unhealthy() is None)
        assert house.clock.time() - began < 150
