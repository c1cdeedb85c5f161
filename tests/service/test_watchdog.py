"""The watchdog is fed while each loop makes progress, however badly the feed, Slack or the database do."""

from __future__ import annotations

import pytest
from fakes.rigs.until import until
from fakes.rigs.working import START, working
from fakes.worlds.clock import FakeClock

from alertbot.feed.simulator.scenario import Event, Fault, FaultMode
from alertbot.ops.liveness import GRACE, Liveness
from alertbot.ops.systemd import Notifier

WATCHDOG = 90.0
OVER = Event("a.example.com", START - 3600, START + 90_000, 20.0)


@pytest.mark.parametrize(
    ("said", "passed", "stopped"),
    [
        (lambda liveness: None, GRACE - 1, False),
        (lambda liveness: None, GRACE + 1, True),
        (lambda liveness: liveness.beat(), GRACE + 1, True),
        (lambda liveness: liveness.beat(within=60), GRACE + 59, False),
        (lambda liveness: liveness.beat(within=60), GRACE + 61, True),
        (lambda liveness: liveness.idle(), 1e6, False),
        (lambda liveness: (liveness.idle(), liveness.beat()), GRACE + 1, True),
    ],
)
def test_a_pulse_stops_when_nothing_was_heard_in_time(said, passed, stopped):
    clock = FakeClock()
    liveness = Liveness(clock.monotonic)
    said(liveness)
    clock.advance(passed)
    assert liveness.stalled is stopped


@pytest.mark.parametrize(
    ("environment", "watchdog"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "90000000"}, 90.0),
        ({"WATCHDOG_USEC": "90000000", "WATCHDOG_PID": "7"}, 90.0),
        ({"WATCHDOG_USEC": "90000000", "WATCHDOG_PID": "8"}, None),  # meant for another process
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_systemd_says_whether_it_waits_for_a_word(environment, watchdog):
    assert Notifier.of(environment, 7).watchdog == watchdog


async def fed(house, times=10):
    """How often the watchdog was fed while it waited so many times."""
    before = house.systemd.heard.count("WATCHDOG=1")
    await house.clock.sleep(times * WATCHDOG)
    return house.systemd.heard.count("WATCHDOG=1") - before


async def is_left_alone(house, why):
    """Feeding stops and the status says why."""
    await until(lambda: house.systemd.status.startswith(why))
    assert await fed(house) == 0


async def test_a_healthy_service_feeds_it_at_half_its_time(tmp_path):
    async with working(tmp_path, watchdog=WATCHDOG) as house:
        await house.until_judged("a.example.com")
        await house.clock.sleep(3 * GRACE)
        assert await fed(house, 10) in {19, 20, 21}  # the first and the last may be due at these very moments


async def test_without_a_watchdog_nobody_is_told(tmp_path):
    async with working(tmp_path) as house:
        await house.until_judged("a.example.com")
        assert "WATCHDOG=1" not in house.systemd.heard


@pytest.mark.slow
@pytest.mark.parametrize("mode", [FaultMode.SERVER_ERROR, FaultMode.UNAUTHORISED, FaultMode.GARBAGE, FaultMode.RESET])
async def test_an_api_that_is_down_is_no_reason_to_start_again(tmp_path, mode):
    async with working(tmp_path, faults=[Fault(0, 1e10, mode)], watchdog=WATCHDOG) as house:
        await until(lambda: house.live().get("trouble"))
        await house.clock.sleep(4 * GRACE)
        assert await fed(house) > 0


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["500", "garbage", "invalid_auth", "channel_not_found", "429:1"])
async def test_a_slack_that_is_down_is_no_reason_to_start_again(tmp_path, mode):
    async with working(tmp_path, events=[OVER], watchdog=WATCHDOG) as house:
        await until(lambda: house.slack.posts)
        house.slack.fault("*", mode, times=100_000)
        house.slack.fault("socket", "drop_before", times=100_000)
        await house.clock.sleep(4 * GRACE)
        assert await fed(house) > 0


async def test_a_database_that_does_not_answer_stops_it(tmp_path, caplog):
    async with working(tmp_path, watchdog=WATCHDOG) as house:
        await house.until_judged("a.example.com")
        async with house.hung_store():
            await is_left_alone(house, "the feed is not looked at any more")
        assert caplog.text.count("no more watchdog pings, systemd will restart alertbot") == 1
        # Should it come back before systemd acts, all is well again.
        await until(lambda: house.systemd.heard[-1] == "WATCHDOG=1")


@pytest.mark.slow
async def test_a_message_that_never_ends_stops_it(tmp_path):
    async with working(tmp_path, watchdog=WATCHDOG, events=[OVER], begin=False) as house:
        house.slack.fault("chat.postMessage", "hang")
        await house.start(watchdog=WATCHDOG)
        house.service._wiring.workspace._client._web.timeout = 1_000_000  # as if it had none
        await is_left_alone(house, "messages do not go out any more")


async def test_a_delivery_that_ended_by_a_mistake_stops_it(tmp_path):
    async with working(tmp_path, watchdog=WATCHDOG) as house:
        await house.until_judged("a.example.com")
        house.service._wiring.loops._tasks["delivery"].cancel()
        await is_left_alone(house, "messages do not go out any more")


@pytest.mark.slow
async def test_a_connection_that_is_kept_by_nobody_stops_it(tmp_path):
    async with working(tmp_path, watchdog=WATCHDOG) as house:
        await house.until_judged("a.example.com")
        house.service._wiring.workspace._listener._connection._keeping.cancel()
        await is_left_alone(house, "the connection for Slack's commands is not kept any more")
