"""Channels: what is given by its id needs no listing, and a listing that fails ends nothing and begins nowhere anew."""

from __future__ import annotations

import pytest
from fakes.rigs.deliverer import deliverer
from fakes.rigs.until import until
from fakes.rigs.workspace import at_work
from fakes.wire.slack import SCOPES, Channel

from alertbot.errors import DeliveryError
from alertbot.messages.blocks import Message
from alertbot.slack.client import Post

POST, HISTORY, LIST = "chat.postMessage", "conversations.history", "conversations.list"
MANY = tuple(Channel(f"C1{number:04}", f"channel-{number}") for number in range(2500))


@pytest.fixture
async def bot(tmp_path):
    async with deliverer(tmp_path) as one:
        yield one


@pytest.mark.parametrize("mode", ["drop_after", "drop_before"])
@pytest.mark.parametrize("listing", ["internal_error", "429:30"])
async def test_a_lost_answer_in_a_channel_given_by_its_id_is_looked_up_without_any_listing(bot, mode, listing):
    bot.channels = ("C0ALERTS",)
    await bot.start()
    bot.slack.fault(LIST, listing, 10_000)
    bot.slack.fault(POST, mode)
    await bot.owe(bot.post("a", "down", "C0ALERTS"))
    lasted = await bot.deliver()
    await bot.owe(bot.reply("a", "still down", "C0ALERTS"), bot.edit("a", "up", "C0ALERTS"))
    await bot.deliver()
    assert (bot.texts(), bot.replies("up")) == (["up"], ["still down"])
    assert bot.calls(LIST) == []
    assert lasted < 80


@pytest.mark.parametrize("listing", ["internal_error", "429:30"])
async def test_where_channels_cannot_be_listed_a_lost_message_is_posted_again_after_the_last_look(bot, listing):
    bot.slack.fault(LIST, listing, 10_000)
    bot.slack.fault(POST, "drop_before")
    await bot.owe(bot.post("a", "down"))
    await bot.deliver(300)
    await bot.owe(bot.reply("a", "still down"), bot.edit("a", "up"))
    await bot.deliver(60)
    assert (bot.texts(), bot.replies("up")) == (["up"], ["still down"])


async def test_a_channel_that_took_a_message_is_known_by_its_id_from_then_on(bot):
    bot.slack.fault(LIST, "internal_error", 10_000)
    await bot.owe(bot.post("a", "down"))
    await bot.deliver(60)
    bot.slack.fault(POST, "drop_after")
    await bot.owe(bot.post("b", "down too"))
    await bot.deliver(60)
    assert bot.texts() == ["down", "down too"]
    assert len(bot.calls(POST)) == 2


async def test_a_history_that_slack_will_not_read_out_holds_up_no_message_for_ever(bot):
    bot.slack.fault(HISTORY, "internal_error", 10_000)
    bot.slack.fault(POST, "drop_before")
    await bot.owe(bot.post("a", "down"))
    await bot.deliver(1000)
    assert bot.texts() == ["down"]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["500", "account_inactive"])
async def test_six_hours_without_slack_after_a_lost_answer_repeat_nothing(bot, mode):
    bot.slack.fault(POST, "drop_after")
    await bot.owe(bot.post("a", "down"))
    await bot.deliver(1)
    bot.slack.fault("*", mode, 100_000)
    await bot.deliver(6 * 3600)
    bot.slack.mend()
    await bot.deliver(300)
    assert bot.texts() == ["down"]


async def test_a_listing_goes_on_where_a_failure_interrupted_it():
    def spoil(slack):
        for mode in ("", "", "429:5", "internal_error"):
            slack.fault(LIST, mode)

    async with at_work("#channel-2400", channels=MANY, spoil=spoil) as (workspace, slack):
        await until(lambda: workspace.id_of("#channel-2400") == "C12400")
        cursors = [call.arguments.get("cursor") for call in slack.calls if call.method == LIST]
        assert cursors == [None, "1000", "2000", "2000", "2000"]


async def test_a_start_does_not_wait_for_a_listing_that_hangs(monkeypatch):
    monkeypatch.setattr("alertbot.slack.workspace.LISTING", 0.2)

    async with at_work("#ops", spoil=lambda slack: slack.fault(LIST, "hang", 10)) as (workspace, slack):
        await workspace.post(Post("#ops", Message("down"), "1"))
        assert slack.posts
        assert workspace.id_of("#ops") == "C0OPS"


async def test_a_channel_given_by_its_id_is_joined_or_what_is_wrong_with_it_is_said(caplog):
    async with at_work("C0PUBLIC", "G0HIDDEN", "D0ADA") as (workspace, slack):
        assert slack.workspace.channels["C0PUBLIC"].member
        assert list(workspace.problems) == ["G0HIDDEN"]
        assert not [call for call in slack.calls if call.method == LIST]
    async with at_work("C0ALERTS", scopes=SCOPES - {"channels:read", "groups:read"}) as (workspace, _):
        assert workspace.problems == {}


TWO = (Channel("C2OTHER", "cdn", member=False), Channel("C3MINE", "cdn"), Channel("C4OTHER", "cdn", member=False))


async def test_of_two_channels_of_one_name_the_one_the_bot_is_in_is_meant():
    async with at_work("#cdn", channels=TWO) as (workspace, slack):
        assert workspace.id_of("#cdn") == "C3MINE"
        assert workspace.problems == {}
        assert not slack.workspace.channels["C4OTHER"].member


async def test_which_of_two_channels_of_one_name_is_meant_is_asked_where_nothing_tells(caplog):
    two = (Channel("C4BOTH", "cdn"), Channel("C3BOTH", "cdn"))
    async with at_work("#cdn", channels=two) as (workspace, _):
        assert workspace.id_of("#cdn") == "C3BOTH"
        said = "C3BOTH, C4BOTH have this name, and messages go to C3BOTH: name the one you mean by its id"
        assert workspace.problems == {"#cdn": said}
    assert f"Slack channel #cdn: {said}" in caplog.text


@pytest.mark.parametrize("answer", ["garbage", "portal"])
async def test_a_listing_that_is_no_listing_ends_no_check(answer):
    async with at_work("#ops", spoil=lambda slack: slack.fault(LIST, answer, 3)) as (workspace, _):
        await until(lambda: workspace.id_of("#ops") == "C0OPS")


async def test_a_message_that_cannot_be_looked_for_yet_says_so():
    async with at_work("#ops", spoil=lambda slack: slack.fault(LIST, "internal_error", 1000)) as (workspace, _):
        with pytest.raises(DeliveryError, match="channels_not_listed"):
            await workspace.find(Post("#ops", Message("down"), "1"), since=60)
