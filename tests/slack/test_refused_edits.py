"""Where Slack refuses edits, what changes stands in the thread, and nobody is called who was called already."""

from __future__ import annotations

import pytest
from fakes.rigs.deliverer import deliverer

from alertbot.messages.slack import mentions_in

POST, UPDATE = "chat.postMessage", "chat.update"
REFUSALS = ["edit_window_closed", "cant_update_message", "some_policy_of_the_workspace"]


@pytest.fixture
async def bot(tmp_path):
    async with deliverer(tmp_path) as one:
        yield one


async def turn(bot, *drafts):
    """What one turn writes, a minute after the one before, delivered."""
    bot.clock.advance(60)
    await bot.owe(*drafts)
    await bot.deliver(30)


def thread(bot):
    """The replies, and which of them are shown in the channel."""
    return [(message.text, message.broadcast) for message in bot.slack.posts if message.thread_ts]


def calls(bot):
    """The messages that call somebody."""
    return [message.text for message in bot.slack.posts if mentions_in(message.text)]


def delete(bot, text):
    """Somebody deletes the messages of that text."""
    bot.slack.workspace.messages[:] = [message for message in bot.slack.messages if message.text != text]


@pytest.mark.parametrize("code", REFUSALS)
async def test_seven_edits_that_are_refused_call_nobody_and_stand_in_the_thread(bot, code):
    bot.slack.fault(UPDATE, code, 1000)
    await turn(bot, bot.post("a", "<!here> down"))
    for number in range(6):
        await turn(bot, bot.edit("a", f"<!here> down, {number}"))
    await turn(bot, bot.edit("a", "Resolved: up"))
    assert bot.texts() == ["<!here> down"]
    assert calls(bot) == ["<!here> down"]
    assert thread(bot) == [*((f"down, {number}", False) for number in range(6)), ("Resolved: up", False)]
    assert len(bot.calls(UPDATE)) == 1


@pytest.mark.parametrize("code", REFUSALS)
async def test_what_a_note_of_the_same_turn_says_is_not_said_twice(bot, code):
    bot.slack.fault(UPDATE, code, 1000)
    await turn(bot, bot.post("a", "<!here> down"))
    await turn(bot, bot.note("a", "One more: b"), bot.edit("a", "<!here> a and b down"))
    await turn(bot, bot.reply("a", "<!here> It grew: a, b and c"), bot.edit("a", "<!here> a, b and c down"))
    await turn(bot, bot.note("a", "b no longer in alert"), bot.edit("a", "<!here> a and c down"))
    await turn(bot, bot.note("a", "Resolved: up"), bot.edit("a", "Resolved: up"))
    assert thread(bot) == [
        ("One more: b", False),
        ("<!here> It grew: a, b and c", True),
        ("b no longer in alert", False),
        ("Resolved: up", False),
    ]
    assert calls(bot) == ["<!here> down", "<!here> It grew: a, b and c"]


async def test_the_end_of_what_was_account_wide_is_shown_in_the_channel_once(bot):
    bot.slack.fault(UPDATE, "edit_window_closed", 1000)
    await turn(bot, bot.post("a", "<!here> all down"))
    await turn(bot, bot.note("a", "One more: b"), bot.edit("a", "<!here> all down"))
    await turn(bot, bot.note("a", "Resolved: up"), bot.edit("a", "Resolved: up", seen=True))
    assert thread(bot) == [("One more: b", False), ("Resolved: up", True)]


async def test_a_restart_remembers_which_messages_take_no_edits(bot):
    bot.slack.fault(UPDATE, "edit_window_closed")
    await turn(bot, bot.post("a", "down"))
    await turn(bot, bot.edit("a", "worse"))
    await bot.start()
    await turn(bot, bot.edit("a", "up"))
    assert (bot.texts(), thread(bot)) == (["down"], [("worse", False), ("up", False)])


async def test_edits_of_other_messages_are_still_made(bot):
    bot.slack.fault(UPDATE, "edit_window_closed")
    await turn(bot, bot.post("a", "down"), bot.post("b", "down too"))
    await turn(bot, bot.edit("a", "worse"))
    await turn(bot, bot.edit("b", "up"))
    assert bot.texts() == ["down", "up"]


async def test_a_message_somebody_deleted_is_posted_once_more_and_calls_nobody(bot):
    await turn(bot, bot.post("a", "<!here> down"))
    delete(bot, "<!here> down")
    await turn(bot, bot.edit("a", "<!here> worse"))
    await turn(bot, bot.edit("a", "<!here> much worse"))
    await turn(bot, bot.edit("a", "up"))
    assert bot.texts() == ["up"]
    assert [message.edits[0]["text"] for message in bot.slack.posts] == ["worse"]


async def test_a_page_in_the_thread_of_a_deleted_message_is_sent_once_that_stands_again(bot):
    await turn(bot, bot.post("a", "<!here> down"))
    delete(bot, "<!here> down")
    await turn(bot, bot.reply("a", "<!here> It grew"), bot.edit("a", "<!here> worse"))
    assert bot.texts() == ["worse"]
    assert thread(bot) == [("<!here> It grew", True)]


async def test_a_reply_alone_brings_a_deleted_message_back_as_it_was_last(bot):
    await turn(bot, bot.post("a", "<!here> down"))
    await turn(bot, bot.edit("a", "<!here> worse"))
    delete(bot, "<!here> worse")
    await turn(bot, bot.reply("a", "<!here> still so"))
    assert bot.texts() == ["worse"]
    assert thread(bot) == [("<!here> still so", True)]


async def test_edits_in_a_channel_the_bot_was_put_out_of_are_made_once_it_is_back(bot):
    await turn(bot, bot.post("a", "<!here> down", "#private"))
    bot.slack.workspace.channels["G0PRIVATE"].member = False
    bot.slack.fault(UPDATE, "channel_not_found", 2)
    await turn(bot, bot.edit("a", "<!here> worse", "#private"))
    await turn(bot, bot.edit("a", "up", "#private"))
    bot.slack.workspace.channels["G0PRIVATE"].member = True
    await bot.deliver(400)
    assert bot.texts("G0PRIVATE") == ["up"]
    assert len(bot.slack.posts) == 1
