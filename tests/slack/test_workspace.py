"""The workspace: names become ids, public channels are joined, and what is wrong is said once while it lasts."""

import asyncio
import logging
import os
import sys
from pathlib import Path

import pytest
from fakes.rigs.until import until
from fakes.rigs.workspace import at_work
from fakes.wire.slack import APP_TOKEN, BOT_TOKEN, SCOPES, FakeSlack
from fakes.worlds.virtual import passes

from alertbot.errors import CredentialsError, DeliveryError
from alertbot.messages.blocks import Message
from alertbot.slack.client import Post
from alertbot.slack.commands import Reply
from alertbot.slack.workspace import RECHECK

RULES = """
[feed]
base_url = "http://127.0.0.1:9/v2/"

[watch]
domains = ["a.example.com"]

[slack]
base_url = "{slack}"

[[rule]]
name = "ceiling"
kind = "threshold"
above = "1 Gbps"
"""
HISTORY = "conversations.history"


class Echo:
    """Answers a command with its own words, and who said them where; long ones are announced."""

    def answer_at_once(self, text):
        return Message("one moment") if "long" in text else None

    async def answer(self, text, asker):
        return Reply(Message(f"{asker.person.name} said {text} in {asker.channel}"), public=False)


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def about(caplog, channel):
    return [line for line in warnings(caplog) if line.startswith(f"Slack channel {channel}: ")]


async def heartbeats(count):
    await passes(count * RECHECK)


async def find(workspace, channel, id_):
    return await workspace.find(Post(channel, Message("down"), id_), since=60)


async def test_names_become_ids(caplog):
    async with at_work("#ops", "#private") as (workspace, slack):
        posted = await workspace.post(Post("#ops", Message("down"), "1"))
        assert slack.calls[-1].arguments["channel"] == "C0OPS"
        assert await find(workspace, "#ops", "1") == posted
        assert workspace.problems == {}
    assert warnings(caplog) == ["there is no Slack app token: alerts are posted, but no commands or clicks arrive"]


async def test_public_channels_are_joined_at_start(caplog):
    caplog.set_level(logging.INFO)
    async with at_work("#not-joined") as (workspace, slack):
        assert slack.workspace.channels["C0PUBLIC"].member
        await workspace.post(Post("#not-joined", Message("down"), "1"))
        assert await find(workspace, "#not-joined", "1")
    assert "joined the Slack channel #not-joined" in caplog.text


async def test_a_public_channel_the_bot_was_put_out_of_is_joined_again_before_a_message_is_looked_for(caplog):
    async with at_work("#ops") as (workspace, slack):
        await workspace.post(Post("#ops", Message("down"), "1"))
        slack.workspace.channels["C0OPS"].member = False
        assert await find(workspace, "#ops", "1")
        assert slack.workspace.channels["C0OPS"].member


async def test_a_private_channel_is_told_once_with_how_to_invite_the_bot_until_it_is_invited(caplog):
    async with at_work("#hidden") as (workspace, slack):
        await heartbeats(3)
        (told,) = about(caplog, "#hidden")
        assert "/invite the bot there; until then a lost message cannot be looked for and may be repeated" in told
        assert told.endswith(workspace.problems["#hidden"])
        slack.workspace.channels["G0HIDDEN"].member = True
        await until(lambda: workspace.problems == {})


async def test_a_public_channel_that_cannot_be_joined_is_told_once_with_how_to_invite_the_bot(caplog):
    async with at_work("#not-joined", scopes=SCOPES - {"channels:join"}) as (workspace, _):
        await heartbeats(3)
        assert "the bot is no member (missing_scope)" in workspace.problems["#not-joined"]
        assert "/invite it" in workspace.problems["#not-joined"]
        await workspace.post(Post("#not-joined", Message("down"), "1"))
        with pytest.raises(DeliveryError, match="not_in_channel"):
            await find(workspace, "#not-joined", "1")
    assert len(about(caplog, "#not-joined")) == 1


async def test_where_channels_are_not_listed_names_are_used_as_they_are_and_that_is_told_once(caplog):
    scopes = SCOPES - {"channels:read", "groups:read"}
    async with at_work("#ops", "C0ALERTS", scopes=scopes) as (workspace, _):
        await workspace.post(Post("#ops", Message("down"), "1"))
        await workspace.post(Post("C0ALERTS", Message("down"), "2"))
        assert await find(workspace, "C0ALERTS", "2")
        assert await find(workspace, "#ops", "1")  # the answer to the post told its id
        with pytest.raises(DeliveryError, match="channel_not_found"):
            await find(workspace, "#downloads", "1")
        assert "(missing_scope): a lost message cannot be looked for" in workspace.problems["#ops"]
        assert workspace.problems.keys() == {"#ops"}
        await heartbeats(3)
    assert len(about(caplog, "#ops")) == 1


@pytest.mark.parametrize("tokens", [{"token": "xoxb-wrong"}, {"app_token": "xapp-wrong"}])
async def test_refused_credentials_end_the_start(tokens):
    with pytest.raises(CredentialsError, match=r"Slack refuses the (bot|app) token \(invalid_auth\)"):
        async with at_work("#ops", commands=Echo(), **tokens):
            pass


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bot_token", "app_token", "said"),
    [
        ("xoxb-wrong", APP_TOKEN, "Slack refuses the bot token (invalid_auth): check ALERTBOT_SLACK_BOT_TOKEN"),
        (BOT_TOKEN, "xapp-wrong", "Slack refuses the app token (invalid_auth): check ALERTBOT_SLACK_APP_TOKEN"),
    ],
)
async def test_the_process_then_ends_with_2_and_one_line(tmp_path, bot_token, app_token, said):
    slack = FakeSlack()
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.format(slack=await slack.start()))
    tokens = {"API_TOKEN": "s3cret", "SLACK_BOT_TOKEN": bot_token, "SLACK_APP_TOKEN": app_token}
    ended = await asyncio.create_subprocess_exec(
        *(Path(sys.executable).with_name("alertbot"), "run", "-c", rules),
        env={**os.environ, **{f"ALERTBOT_{name}": token for name, token in tokens.items()}},
        stderr=asyncio.subprocess.PIPE,
    )
    _, printed = await ended.communicate()
    await slack.stop()
    assert ended.returncode == 2
    assert f"\nalertbot: {said}" in printed.decode()
    assert b"Traceback" not in printed
    assert not any(token.encode() in printed for token in tokens.values())


async def test_a_slack_that_is_down_at_start_is_waited_for_and_told_once(caplog):
    caplog.set_level(logging.INFO)

    def spoil(slack):
        slack.fault("*", "500", 8)

    async with at_work("#ops", spoil=spoil) as (workspace, slack):
        await until(lambda: "Slack: posting to the workspace Loopback" in caplog.text)
        await workspace.post(Post("#ops", Message("down"), "1"))
        assert slack.posts
    assert caplog.text.count("Slack does not answer (http_500): messages wait for it") == 1
    assert caplog.text.count("Slack does not list its channels (http_500): messages wait for it") == 1


async def test_a_token_that_is_revoked_while_we_run_is_told_once(caplog):
    async with at_work("#ops") as (_, slack):
        slack.fault("auth.test", "token_revoked", 1000)
        await heartbeats(4)
        calls = [call for call in slack.calls if call.method == "auth.test"]
        assert len(calls) > 2
    assert caplog.text.count("Slack refuses the bot token (token_revoked)") == 1


async def test_a_command_is_answered_and_one_from_another_workspace_is_refused(caplog):
    async with at_work("#ops", app_token=APP_TOKEN, commands=Echo()) as (_, slack):
        answered = await slack.command(text="status", channel="ops")
        assert answered.answers[0]["text"] == "u0ada said status in #ops"
        announced = await slack.command(text="a long one", channel="ops", answers=2)
        assert [answer["text"] for answer in announced.answers] == ["one moment", "u0ada said a long one in #ops"]
        refused = await slack.command(text="status", team="T0OTHER")
        assert refused.answers[0]["text"] == "This alertbot answers in its own workspace only."
    assert warnings(caplog) == ["a command from another workspace (T0OTHER) was refused"]


async def test_what_waits_is_sent_at_once_when_slack_knows_the_bot_again_or_it_is_let_into_a_channel():
    recovered = []
    async with at_work("#hidden", recovered=lambda: recovered.append("again")) as (workspace, slack):
        slack.fault("auth.test", "account_inactive", 2)
        await until(lambda: len(recovered) == 1)
        slack.workspace.channels["G0HIDDEN"].member = True
        await until(lambda: workspace.problems == {})
        assert len(recovered) == 2


def unknown(slack):
    slack.fault("auth.test", "internal_error", 1000)


async def test_no_command_is_obeyed_before_slack_has_said_which_workspace_is_our_own():
    async with at_work("#ops", app_token=APP_TOKEN, commands=Echo(), spoil=unknown) as (workspace, slack):
        for team in ("T0LOOP", "T0OTHER"):
            refused = await slack.command(text="status", team=team)
            assert refused.answers[0]["text"].startswith("Slack has not said yet which workspace")
        slack.mend()
        await until(lambda: workspace.team_id == "T0LOOP")
        assert (await slack.command(text="status")).answers[0]["text"] == "u0ada said status in C0ALERTS"


async def test_a_workspace_that_an_earlier_run_knew_is_obeyed_and_no_other():
    async with at_work("#ops", app_token=APP_TOKEN, commands=Echo(), spoil=unknown) as (workspace, slack):
        workspace.recall("T0LOOP")
        assert (await slack.command(text="status")).answers[0]["text"] == "u0ada said status in C0ALERTS"
        refused = await slack.command(text="status", team="T0OTHER")
        assert refused.answers[0]["text"] == "This alertbot answers in its own workspace only."


@pytest.mark.parametrize("said", [{"team_id": "E0ACME"}, {"is_enterprise_install": True, "enterprise_id": "E0ACME"}])
async def test_an_app_installed_for_a_whole_organisation_is_said_in_one_line(caplog, said):
    def spoil(slack):
        slack.workspace.identity |= said

    async with at_work("#ops", spoil=spoil):
        await heartbeats(3)
    (line,) = [line for line in warnings(caplog) if "organisation" in line]
    assert "installed for the whole organisation E0ACME" in line
    assert "install it in the workspace that holds them" in line


async def test_an_answer_of_slacks_that_does_not_say_who_we_are_is_none(caplog):
    def spoil(slack):
        slack.workspace.identity.pop("team_id")

    async with at_work("#ops", spoil=spoil) as (workspace, _):
        assert workspace.team_id is None
    assert "Slack does not answer (garbled)" in caplog.text
