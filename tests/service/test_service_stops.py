"""A service that is told to end does so within five seconds, whatever it is in the middle of."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from fakes.rigs.until import until
from fakes.rigs.working import CEILING, START, WATCH, working
from fakes.wire.pinged import DeadMansSwitch
from fakes.worlds.clock import FakeClock
from fakes.worlds.virtual import passes

from alertbot.feed.simulator.scenario import Event, Fault, FaultMode
from alertbot.ops.systemd import Notifier
from alertbot.service.schedule import Jobs

OVER = Event("a.example.com", START - 3600, START + 90_000, 20.0)
MOST = 5.0


async def ends_in_time(house):
    began = house.clock.monotonic()
    await house.stop()
    assert house.clock.monotonic() - began < MOST


async def test_at_work(tmp_path):
    async with working(tmp_path, events=[OVER]) as house:
        await until(lambda: house.slack.posts)
        await ends_in_time(house)


@pytest.mark.parametrize("mode", [FaultMode.HANG, FaultMode.DRIP])
async def test_while_the_api_hangs(tmp_path, mode):
    async with working(tmp_path, faults=[Fault(0, 1e10, mode)]) as house:
        await until(lambda: house.simulator.calls)
        await ends_in_time(house)


@pytest.mark.parametrize("method", ["chat.postMessage", "auth.test", "conversations.list", "apps.connections.open"])
async def test_while_slack_hangs(tmp_path, method):
    async with working(tmp_path, events=[OVER], begin=False) as house:
        house.slack.fault(method, "hang", times=100)
        await house.start()
        await until(lambda: any(call.method == method for call in house.slack.calls))
        await ends_in_time(house)


async def test_while_an_alertmanager_and_the_heartbeats_host_hang(tmp_path):
    there = DeadMansSwitch()
    url = await there.start()
    there.mode = "hang"
    text = f'{WATCH}{CEILING}[heartbeat]\nurl = "{url}"\n[alertmanager]\nurls = ["http://{there.host}"]\n'
    try:
        async with working(tmp_path, text, events=[OVER]) as house:
            await until(lambda: len(there.pings) > 1)
            await ends_in_time(house)
    finally:
        await there.stop()


async def test_while_its_end_was_already_asked_for(tmp_path):
    async with working(tmp_path, events=[OVER]) as house:
        await until(lambda: house.slack.posts)
        house.service.stop()
        await asyncio.sleep(0)
        await ends_in_time(house)


@pytest.mark.slow
async def test_while_what_is_old_is_deleted(tmp_path, caplog):
    async with working(tmp_path) as house:
        await house.until_judged("a.example.com")
        await passes(START + 3599 - house.clock.time())
        async with house.hung_store():
            await passes(2)
            house.service.stop()
            await passes(1)
        await ends_in_time(house)
    assert "raised an exception" not in caplog.text


@pytest.mark.parametrize("steps", range(4))
async def test_a_job_that_has_hardly_begun_is_no_failure(steps, caplog):
    def refuse(error):
        raise error

    wiring = SimpleNamespace(
        parts=SimpleNamespace(config=SimpleNamespace(feed=SimpleNamespace(probe=20))),
        health=SimpleNamespace(polls=SimpleNamespace(beat=lambda: None)),
        watcher=SimpleNamespace(tick=asyncio.Event().wait),
    )
    jobs = Jobs(wiring, FakeClock(), Notifier(None), 1.0, refuse)
    jobs.start()
    for _ in range(steps):
        await asyncio.sleep(0)
    await jobs.stop()
    for _ in range(10):  # until what was cancelled has said so
        await asyncio.sleep(0)
    assert caplog.records == []
