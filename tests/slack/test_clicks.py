"""Clicks under a message, from Slack to the order and back: what the message says itself is not said again."""

import asyncio
import logging
from datetime import UTC

import pytest
from fakes.rigs.obedience import Obedience
from fakes.wire.slack import APP_TOKEN, BOT_TOKEN, FakeSlack

from alertbot.clock import SystemClock
from alertbot.config.watch import Watch
from alertbot.errors import StoreError, UsageError
from alertbot.incidents.orders import Ack, CastVote, Person, Requester, Silence
from alertbot.messages.blocks import Message, actions, button, confirmation, select
from alertbot.query.live import Live
from alertbot.query.scope import Scope
from alertbot.slack.client import Post
from alertbot.slack.commands import Commands
from alertbot.slack.workspace import Workspace
from alertbot.store.schema import open_database

NOW = 1_772_461_800.0
SURE = confirmation("Silence #412?", "Nothing is told of it until then.", yes="Silence", no="Cancel")
DARK = Message(
    "dark",
    (
        actions(
            button("Acknowledge", "ack", "412", style="primary"),
            select("Silence", "silence", [(f"{hours} h", f"412 {hours}h") for hours in (1, 4, 24)], confirm=SURE),
            button("Runbook", "runbook", url="https://wiki.example.com/cdn"),
            button("Why", "why", "412"),
            button("Mute", "mute", "412"),
            button("Useful", "useful", "412"),
            button("Noise", "noise", "412"),
        ),
    ),
    "#d40e0d",
)


@pytest.fixture
def obedience():
    return Obedience("Silence 3 begins, `#412` &amp; all.")


@pytest.fixture
async def slack(tmp_path, obedience):
    """A Slack that holds one message with buttons, in ``channel``, and a bot that listens."""
    slack = FakeSlack()
    scope = Scope("/bandwidth", tmp_path / "alertbot.db", Watch(UTC), Live(NOW))
    commands = Commands(lambda: scope, obedience)
    workspace = Workspace(
        BOT_TOKEN, APP_TOKEN, await slack.start(), commands, SystemClock(), channels=("#cdn-alerts", "#private")
    )
    await workspace.start()
    await workspace.post(Post("#cdn-alerts", DARK, "1"))
    await workspace.post(Post("#private", DARK, "2"))
    yield slack
    await workspace.stop()
    await slack.stop()


async def test_an_ack_is_carried_out_and_said_by_the_message_alone(slack, obedience):
    answer = await slack.click(slack.posts[0], "ack")
    refusal = await slack.click(slack.posts[0], "mute", answers=1)  # which is answered after it
    names = frozenset({"#cdn-alerts", "C0ALERTS"})
    assert obedience.obeyed == [(Ack(412), Requester(Person("U0ADA", "u0ada"), "#cdn-alerts", names))]
    assert slack.answers(answer.response_url) == []
    assert refusal.answers != []


async def test_a_vote_is_carried_out_and_said_by_the_message_alone(slack, obedience):
    answers = [await slack.click(slack.posts[0], word) for word in ("useful", "noise")]
    await slack.click(slack.posts[0], "mute", answers=1)
    assert [order for order, _ in obedience.obeyed] == [CastVote(412, useful=True), CastVote(412, useful=False)]
    assert [slack.answers(each.response_url) for each in answers] == [[], []]


async def test_a_silence_is_carried_out_and_confirmed_to_who_chose_it(slack, obedience):
    answer = await slack.click(slack.posts[0], "silence", "412 4h", user="U0BOB", answers=1)
    ((order, requester),) = obedience.obeyed
    assert order == Silence("#412", NOW, NOW + 4 * 3600)
    assert (requester.person, requester.channel) == (Person("U0BOB", "u0bob"), "#cdn-alerts")
    assert answer.answers == [
        {
            "text": "Silence 3 begins, `#412` &amp; all.",
            "response_type": "ephemeral",
            "replace_original": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }
    ]


async def test_a_private_channel_goes_by_its_configured_name(slack, obedience):
    await slack.click(slack.posts[1], "silence", "412 1h", answers=1)
    await slack.click(slack.posts[1], "ack")
    await slack.command(text="ack", channel="private")
    requesters = [requester for _, requester in obedience.obeyed]
    assert requesters[0].channel == "#private"
    assert requesters[2].channels >= {"#private", "G0PRIVATE"}


async def test_why_is_answered_to_who_asks_and_orders_nothing(slack, obedience, tmp_path):
    open_database(tmp_path / "alertbot.db").close()
    answer = await slack.click(slack.posts[0], "why", answers=1)
    assert answer.answers[0]["text"].startswith("There is no incident #412")
    assert answer.answers[0]["response_type"] == "ephemeral"
    assert answer.answers[0]["replace_original"] is False
    assert obedience.obeyed == []


async def test_what_fails_unexpectedly_is_told_and_logged(slack, obedience, caplog):
    obedience.refusal = ZeroDivisionError("by zero")
    answer = await slack.click(slack.posts[0], "ack", answers=1)
    assert answer.answers[0]["text"] == "That went wrong: alertbot's log says why."
    assert "the click on ack '412' failed" in caplog.text


async def test_a_second_click_orders_the_same_again(slack, obedience):
    async with asyncio.TaskGroup() as clicks:
        for _ in range(2):
            clicks.create_task(slack.click(slack.posts[0], "silence", "412 1h", answers=1))
    assert obedience.obeyed[0] == obedience.obeyed[1]


async def test_the_link_to_a_runbook_orders_nothing_and_is_not_answered(slack, obedience):
    answer = await slack.click(slack.posts[0], "runbook")
    await slack.click(slack.posts[0], "mute", answers=1)
    assert answer.ack_seconds < 0.5
    assert slack.answers(answer.response_url) == []
    assert obedience.obeyed == []


async def test_a_button_of_another_version_says_so(slack, obedience):
    answer = await slack.click(slack.posts[0], "mute", answers=1)
    assert "another version of alertbot" in answer.answers[0]["text"]
    assert answer.answers[0]["response_type"] == "ephemeral"
    assert obedience.obeyed == []


async def test_a_refusal_is_told_to_who_clicked_alone(slack, obedience):
    obedience.refusal = UsageError("only <admins> may silence")
    answer = await slack.click(slack.posts[0], "silence", "412 24h", answers=1)
    assert answer.answers[0]["text"] == "Only &lt;admins&gt; may silence"
    assert answer.answers[0]["response_type"] == "ephemeral"
    assert answer.answers[0]["replace_original"] is False


async def test_a_click_that_cannot_be_carried_out_is_told_and_logged(slack, obedience, caplog):
    obedience.refusal = StoreError("the disk is full")
    answer = await slack.click(slack.posts[0], "ack", answers=1)
    assert answer.answers[0]["text"] == "That cannot be done now: the disk is full"
    assert "the click on ack '412' could not be carried out" in caplog.text


async def test_a_click_from_another_workspace_is_refused(slack, obedience, caplog):
    with caplog.at_level(logging.WARNING):
        answer = await slack.click(slack.posts[0], "ack", team="T0OTHER", answers=1)
    assert answer.answers[0]["text"] == "This alertbot answers in its own workspace only."
    assert "a click from another workspace (T0OTHER) was refused" in caplog.text
    assert obedience.obeyed == []


async def test_a_command_knows_who_typed_it_where(slack, obedience):
    answer = await slack.command(text="silence video.* 2h", user="U0BOB", channel="ops")
    _, requester = obedience.obeyed[0]
    assert (requester.channel, requester.person) == ("C0OPS", Person("U0BOB", "u0bob"))
    assert answer.answers[0]["text"].startswith("Silence 3 begins")
