"""Reloading at the wire: the service at work, a changed file, SIGHUP's method called, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from click.testing import CliRunner
from fakes.rigs.until import until
from fakes.rigs.working import CEILING, MINUTE, START, WATCH, working
from fakes.wire.pinged import DeadMansSwitch

from alertbot.cli.main import main
from alertbot.feed.simulator.scenario import Event, Fault, FaultMode
from alertbot.incidents.orders import Person, Requester
from alertbot.service import schedule

OVER = Event("a.example.com", START - 60 * MINUTE, START + 900 * MINUTE, 20.0)
BOTH_OVER = Event("[ab].example.com", START - 60 * MINUTE, START + 900 * MINUTE, 20.0)
FOR_EVER = (0, 1e10)


@pytest.fixture(autouse=True)
def _talkative(caplog):
    caplog.set_level(logging.INFO, "alertbot")


def resolved(house):
    return dict(house.rows("SELECT series, reason FROM alerts WHERE resolved IS NOT NULL"))


async def test_an_open_alert_outlives_the_reload_of_its_rule_and_is_told_no_second_time(tmp_path, caplog):
    async with working(tmp_path, events=[OVER]) as house:
        await until(lambda: house.slack.posts)
        house.write(WATCH + CEILING.replace("1 Gbps", "1.5 Gbps"))
        await house.reload()
        assert "the configuration is reloaded: rule changed: ceiling" in caplog.messages
        await house.clock.sleep(20 * MINUTE)
        assert resolved(house) == {}
        assert len(house.slack.posts) == 1
        answer = await house.service.commands.carry_out(["ack"], Requester(Person(None, "Ada")))
        assert "Acknowledged #1" in answer


async def test_an_alert_whose_series_or_rule_is_gone_resolves_as_rule_changed(tmp_path):
    async with working(tmp_path, events=[BOTH_OVER]) as house:
        await until(lambda: len(house.rows("SELECT 1 FROM alerts WHERE phase = 'firing'")) == 2)
        house.write('[watch]\ndomains = ["a.example.com"]\n' + CEILING)
        await house.reload()
        await until(lambda: resolved(house) == {"b.example.com": "rule changed"})
        house.write('[watch]\ndomains = ["a.example.com"]\n' + CEILING.replace("ceiling", "limit"))
        await house.reload()
        await until(lambda: resolved(house) == {"a.example.com": "rule changed", "b.example.com": "rule changed"})


async def test_new_series_get_their_history_and_are_judged(tmp_path):
    group = '[[group]]\nname = "both"\ndomains = ["*"]\nsum = true\n'
    async with working(tmp_path) as house:
        await house.until_judged("a.example.com", "b.example.com")
        house.write(WATCH.replace("b.example.com", "c.example.com") + group + CEILING)
        await house.reload()
        await house.until_judged("c.example.com", "sum:both")
        days = house.rows("SELECT count(*) FROM samples JOIN series ON series.id = series WHERE name = 'c.example.com'")
        assert days[0][0] >= 8
        assert (await house.service.commands.answer("show c.example.com")).message.text.startswith("`c.example.com`")


async def test_a_wrong_configuration_changes_nothing_and_is_told_once_with_its_lines(tmp_path, caplog):
    async with working(tmp_path, events=[OVER]) as house:
        await until(lambda: house.slack.posts)
        house.write(WATCH + CEILING.replace("above", "abvoe"))
        await house.reload()
        await house.reload()
        where = f'{house.path}:12: rule.ceiling.abvoe: unknown key, did you mean "above"?'
        await until(lambda: len(house.slack.posts) == 2)
        told = house.slack.posts[1]
        assert told.text.startswith("The changed configuration cannot be used, so the former one stays at work: ")
        assert where in told.everything
        assert any("the former one stays: " in line and where in line for line in caplog.messages)

        await until(lambda: where in house.live()["misconfigured"])
        await until(lambda: house.systemd.status.endswith("; the changed configuration is refused"))
        assert where in (await house.service.commands.answer("status")).message.blocks[1]["elements"][0]["text"]
        await house.clock.sleep(20 * MINUTE)
        assert len(house.slack.posts) == 2
        assert resolved(house) == {}

        house.write(WATCH + CEILING)
        await house.reload()
        await until(lambda: house.slack.posts[1].edits)
        assert house.slack.posts[1].text == "The configuration can be used again, and is at work."
        await until(lambda: house.live()["misconfigured"] == [])
        assert "the configuration is reloaded: nothing changed" in caplog.messages


async def test_a_file_that_is_wrong_otherwise_edits_the_message(tmp_path):
    async with working(tmp_path) as house:
        await house.until_judged()
        house.write(WATCH + CEILING.replace("above", "abvoe"))
        await house.reload()
        await until(lambda: house.slack.posts)
        house.path.unlink()
        await house.reload()
        await until(lambda: "there is no such file" in house.slack.posts[0].text)
        assert len(house.slack.posts) == 1


@pytest.mark.slow
async def test_twelve_wrong_configurations_and_their_repairs_are_one_message(tmp_path):
    async with working(tmp_path) as house:
        await house.until_judged("a.example.com")
        for _ in range(12):
            house.write(WATCH + CEILING.replace("above", "abvoe"))
            await house.reload()
            house.write(WATCH + CEILING)
            await house.reload()
        await house.reload()
        mended = "The configuration can be used again, and is at work."
        await until(lambda: [post.text for post in house.slack.posts] == [mended])
        await house.clock.sleep(61 * MINUTE)
        house.write(WATCH + CEILING.replace("above", "abvoe"))
        await house.reload()
        await until(lambda: len(house.slack.posts) == 2)
        assert house.slack.posts[0].text == mended


async def test_the_shell_tells_the_status_of_a_service_whose_file_is_wrong(tmp_path):
    async with working(tmp_path) as house:
        await house.until_judged()
        await until(house.live)
        house.write(WATCH + CEILING.replace("above", "abvoe"))
        config = ["-c", str(house.path)]
        text, facts = (CliRunner().invoke(main, ["status", *config, *more]) for more in ((), ("--json",)))
        problem = f"{house.path}:12: rule.ceiling.abvoe: unknown key"
        assert (text.exit_code, facts.exit_code) == (0, 0)
        assert problem in text.output
        assert json.loads(facts.output)["live"]["misconfigured"][0].startswith(problem)


def test_without_a_database_a_wrong_file_is_all_that_status_tells(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text("[watch\n")
    result = CliRunner().invoke(main, ["status", "-c", str(path)])
    assert result.exit_code == 2
    assert f"{path}:1: syntax: " in result.output
    assert [each.name for each in tmp_path.iterdir()] == ["rules.toml"]


@pytest.mark.parametrize("key", ["store.path", "slack.base_url"])
async def test_what_only_a_restart_changes_is_refused(tmp_path, key):
    async with working(tmp_path) as house:
        await house.until_judged()
        if key == "store.path":
            house.write(WATCH + CEILING + '[store]\npath = "other.db"\n')
        else:
            text = house.path.read_text()
            house.path.write_text(text.replace(house.slack.base_url, "http://127.0.0.1:9/api/"))
        await house.reload()
        await until(lambda: house.slack.posts)
        assert f"{key}: a reload cannot change this: restart the service for it" in house.slack.posts[0].text
        assert not (tmp_path / "other.db").exists()


@pytest.mark.slow
async def test_where_alerts_go_and_whom_they_wake_takes_effect(tmp_path):
    async with working(
        tmp_path, events=[Event("a.example.com", START + 60 * MINUTE, START + 900 * MINUTE, 20.0)]
    ) as house:
        await house.until_judged("a.example.com")
        house.write(WATCH + CEILING, slack='channel = "#ops"\nmention = { warning = "@channel" }')
        await house.reload()
        await until(lambda: house.slack.posts)
        (told,) = house.slack.posts
        assert told.channel == "C0OPS"
        assert "<!channel>" in told.everything


async def test_how_the_api_is_asked_takes_effect(tmp_path):
    async with working(tmp_path) as house:
        await house.until_judged("a.example.com")
        house.write(
            WATCH + CEILING, feed='probe = "2m"\neach_domain = true\nip_protocol = "ipv4"\ncalls_per_minute = 60'
        )
        await house.reload()
        await until(lambda: any(call.endpoint == "stat/bandwidth/eachDomain" for call in house.simulator.calls))
        await until(lambda: house.live()["calls_per_minute"] == 60)
        probe = house.service._jobs._scheduler.get_job("poll").trigger.interval.total_seconds()
        assert probe == pytest.approx(120)


async def test_a_digest_that_is_asked_for_now_is_posted(tmp_path):
    async with working(tmp_path) as house:
        await house.until_judged("a.example.com", "b.example.com")
        house.write(WATCH + CEILING + '[digest]\nat = "09:00"\nchannel = "#ops"\n')
        await house.reload()
        await until(lambda: [post.channel for post in house.slack.posts] == ["C0OPS"])


async def test_what_slack_refused_for_good_is_tried_again(tmp_path, caplog):
    async with working(tmp_path, events=[OVER], slack='channel = "#hidden"') as house:
        await until(lambda: house.rows("SELECT 1 FROM outbox WHERE state = 'parked'"))
        house.slack.workspace.channels["G0HIDDEN"].member = True
        await house.reload()
        await until(lambda: [post.channel for post in house.slack.posts] == ["G0HIDDEN"])
        await until(lambda: house.service._wiring.workspace.problems == {})
        assert "1 messages that Slack refused are tried again" in caplog.text


@pytest.mark.slow
async def test_a_turn_that_hangs_is_cut_short_and_the_failure_goes_on_counting(tmp_path, monkeypatch):
    monkeypatch.setattr(schedule, "LET_END", 0.05)
    async with working(tmp_path, faults=[Fault(START + 30 * MINUTE, 1e10, FaultMode.HANG)]) as house:
        await house.until_judged("a.example.com")
        await house.clock.sleep(START + 40 * MINUTE - house.clock.time())
        frontier = house.service._wiring.watcher.live().frontier
        house.write(WATCH + CEILING.replace("1 Gbps", "2 Gbps"))
        async with asyncio.timeout(5):
            await house.reload()
        assert house.service._wiring.watcher.live().frontier in {frontier, None}
        await until(lambda: house.service._wiring.watcher.watch.rules["ceiling"].kind.above == 2e9)


async def test_what_cannot_be_read_any_more_ends_with_the_series_it_was_about(tmp_path):
    fault = Fault(*FOR_EVER, FaultMode.SERVER_ERROR, domain="b.example.com")
    async with working(tmp_path, faults=[fault]) as house:
        await until(lambda: "b.example.com" in house.live().get("unreadable", {}))
        house.write('[watch]\ndomains = ["a.example.com"]\n' + CEILING)
        await house.reload()
        await until(lambda: house.live()["unreadable"] == {})


async def test_a_mistake_in_the_reload_itself_leaves_the_service_at_work(tmp_path, caplog, monkeypatch):
    async with working(tmp_path) as house:
        await house.until_judged()

        def broken():
            raise RuntimeError("a mistake of ours")

        monkeypatch.setattr(house.service._reload, "_read", broken)
        await house.reload()
        assert "the reload failed" in caplog.messages
        await until(lambda: house.live().get("frontier"))
        assert not house.running.done()


async def test_systemd_is_told_of_the_beginning_and_the_end(tmp_path):
    async with working(tmp_path) as house:
        await until(lambda: "READY=1" in house.systemd.heard)
        await house.reload()
        told = [said for said in house.systemd.heard if not said.startswith("STATUS=")]
        assert told[0] == "READY=1"
        assert told[1].startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert int(told[1].partition("MONOTONIC_USEC=")[2]) >= 0
        assert told[2] == "READY=1"


async def test_which_alertmanagers_are_told_takes_effect(tmp_path, caplog):
    there = DeadMansSwitch()
    await there.start()
    try:
        async with working(tmp_path, events=[OVER]) as house:
            await until(lambda: house.slack.posts)
            house.write(f'{WATCH}{CEILING}[alertmanager]\nurls = ["http://{there.host}"]\n')
            await house.reload()
            await until(lambda: any("ceiling" in body for _, body in there.pings))
            assert "settings changed: [alertmanager] added" in caplog.text
            house.write(WATCH + CEILING)
            await house.reload()
            count = len(there.pings)
            await house.clock.sleep(5 * MINUTE)
            assert len(there.pings) == count
            house.write(f'{WATCH}{CEILING}[alertmanager]\nurls = ["http://{there.host}"]\nuser = "me"\n')
            await house.reload()
            await until(lambda: len(house.slack.posts) == 2)
            assert (
                ": alertmanager.user: [alertmanager] names a user but there is no password" in house.slack.posts[1].text
            )
    finally:
        await there.stop()


async def test_a_restart_while_slack_does_not_say_who_we_are_still_knows_its_workspace(tmp_path):
    async with working(tmp_path) as house:
        await until(lambda: house.live().get("workspace") == "T0LOOP")
        house.service.stop()
        await house.running
        house.slack.fault("auth.test", "internal_error", 10_000)
        await house.start()
        own = await house.slack.command(text="status")
        other = await house.slack.command(text="status", team="T0OTHER")
        assert "own workspace only" not in own.answers[0]["text"]
        assert "has not said yet" not in own.answers[0]["text"]
        assert other.answers[0]["text"] == "This alertbot answers in its own workspace only."
