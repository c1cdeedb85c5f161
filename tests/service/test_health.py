"""Health that cannot lie: red where something that could be judged, stored or delivered is not."""

from __future__ import annotations

import pytest
from fakes.rigs.until import until
from fakes.rigs.working import CEILING, MINUTE, START, working
from fakes.worlds.virtual import VirtualClock

from alertbot.errors import CredentialsError, ServiceBroken
from alertbot.feed.simulator.scenario import Event, Fault, FaultMode
from alertbot.units import DAY

ALL = '[watch]\ndomains = ["*"]\n'
OVER = Event("a.example.com", START + 20 * MINUTE, START + 600 * MINUTE, factor=50)


def health(house):
    return house.service._wiring.why_unhealthy()


async def red(house, what):
    """Wait until that is what is wrong; how it is said."""
    await until(lambda: what in (health(house) or ""))
    return health(house)


@pytest.mark.slow
async def test_a_name_in_the_accounts_list_that_is_none_is_left_out_and_named_once(tmp_path, caplog, monkeypatch):
    listed = [
        {"domain": name} for name in ("a.example.com", "b,c.example.com", "all", "total", "sum:x", "b.example.com")
    ]
    async with working(tmp_path, ALL + CEILING, begin=False) as house:
        monkeypatch.setattr(house.simulator, "_domain_list", lambda _: {"list": listed, "total_number": len(listed)})
        await house.start()
        await house.until_judged("a.example.com", "b.example.com")
        await house.clock.sleep(90 * MINUTE)  # it is asked for again meanwhile
        await until(lambda: health(house) is None)
        for name in ("b,c.example.com", "all", "total", "sum:x"):
            assert caplog.text.count(f"names {name!r}, which is no domain name") == 1


async def test_looks_that_end_in_an_error_again_and_again_are_red_and_end_the_service(tmp_path, monkeypatch):
    async with working(tmp_path) as house:
        await house.until_judged("a.example.com")

        async def broken():
            raise RuntimeError("a bug")

        monkeypatch.setattr(house.service._wiring.watcher, "_discover", broken)
        assert (await red(house, "looks at the feed ended")).endswith(" in an error: RuntimeError: a bug")
        with pytest.raises(ServiceBroken, match="RuntimeError: a bug"):
            await house.running
        assert [post.text for post in house.slack.posts if "judges nothing" in post.text]
        del house.running


@pytest.mark.slow
async def test_a_domain_that_is_dark_at_the_first_start_is_not_red_while_it_may_only_be_late(tmp_path):
    dark = Event("a.example.com", START - 60 * MINUTE, START + 600 * MINUTE, factor=0.0)
    async with working(tmp_path, events=[dark]) as house:
        await house.until_judged("b.example.com")
        found = set()
        for _ in range(60):
            found.add(health(house))
            await house.clock.sleep(15)
        assert found <= {None, "starting: the feed was not looked at yet"}


@pytest.mark.slow
async def test_a_message_that_waits_for_more_than_five_minutes_is_red(tmp_path):
    async with working(tmp_path, events=[OVER]) as house:
        await house.until_judged("a.example.com")
        house.slack.fault("chat.postMessage", "500", times=100_000)
        assert (await red(house, "waiting")).startswith("Slack: a message has been waiting for ")


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [400 * DAY, DAY - START], ids=["400 days ahead", "1970"])
async def test_how_long_a_message_waits_is_known_whatever_the_machines_clock_says(tmp_path, wrong):
    async with working(tmp_path, events=[OVER], begin=False) as house:
        await house.start(clock=VirtualClock(START + wrong))
        await house.until_judged("a.example.com")
        house.slack.fault("chat.postMessage", "500", times=100_000)
        said = await red(house, "waiting")
        assert said == "Slack: a message has been waiting for 5m"


async def test_a_series_that_is_not_judged_though_it_could_be_is_red(tmp_path, monkeypatch):
    async with working(tmp_path) as house:
        await house.until_judged("a.example.com", "b.example.com")
        poller = house.service._wiring.watcher._poller

        async def idle():
            """Stands for a fan-out that reaches nothing, for whatever reason."""

        monkeypatch.setattr(poller, "fan_out", idle)
        assert (await red(house, "not judged")).startswith("2 domains and the account's total not judged")


@pytest.mark.slow
async def test_a_domain_that_cannot_be_read_for_long_is_red_however_often_the_service_starts(tmp_path):
    unreadable = Fault(START + 20 * MINUTE, START + 600 * MINUTE, FaultMode.SERVER_ERROR, domain="b.example.com")
    async with working(tmp_path, faults=[unreadable]) as house:
        await house.until_judged("a.example.com", "b.example.com")
        await house.clock.sleep(20 * MINUTE)
        for _ in range(3):
            await house.clock.sleep(11 * MINUTE)
            await house.stop()
            await house.start()
        await house.clock.sleep(2 * MINUTE)
        assert health(house) == "1 domain not judged for 10 minutes, such as b.example.com"


@pytest.mark.slow
async def test_a_slack_account_that_is_inactive_at_the_start_is_red_and_waited_for(tmp_path, caplog):
    async with working(tmp_path, events=[OVER], begin=False) as house:
        house.slack.fault("*", "account_inactive", times=100_000)
        await house.start()
        refused = "Slack: Slack refuses the bot token (account_inactive): check ALERTBOT_SLACK_BOT_TOKEN"
        assert (await red(house, "account_inactive")).startswith(refused)
        await house.until_judged("a.example.com")
        await until(lambda: house.rows("SELECT 1 FROM outbox"))
        assert not house.running.done()
        house.slack.mend()
        await until(lambda: house.slack.posts)
        await until(lambda: health(house) is None)
        await until(lambda: house.service._wiring.workspace._listener.connected)
        assert (await house.slack.command(text="status")).answers
        assert caplog.text.count("refuses the bot token") == 1


async def test_a_token_that_is_wrong_at_the_start_ends_it(tmp_path):
    async with working(tmp_path, begin=False) as house:
        house.slack.fault("auth.test", "invalid_auth", times=100_000)
        await house.start()
        with pytest.raises(CredentialsError, match="invalid_auth"):
            await house.running
        del house.running


@pytest.mark.slow
async def test_a_channel_that_refuses_messages_is_red_until_it_takes_them(tmp_path):
    async with working(tmp_path, events=[OVER], slack='channel = "#hidden"') as house:
        assert await red(house, "messages for") == "Slack: messages for #hidden: channel_not_found"
        for _ in range(36):
            await house.clock.sleep(5 * MINUTE)
            assert "channel_not_found" in (health(house) or "")
        house.slack.workspace.channels["G0HIDDEN"].member = True
        await until(lambda: health(house) is None)
        assert house.slack.posts


async def test_a_clock_that_is_days_behind_is_red_until_it_is_set_right_though_older_data_is_there(tmp_path):
    clock = VirtualClock(START - 5 * DAY)
    async with working(tmp_path, begin=False) as house:
        await house.start(clock=clock)
        await house.until_judged("a.example.com")
        said = await red(house, "behind")
        assert said == "this machine's clock is 5d behind the CDN's: what is judged may be old"
        clock.step(5 * DAY)
        await until(lambda: health(house) is None)
        assert house.service._wiring.now() == pytest.approx(house.clock.time(), abs=5)
