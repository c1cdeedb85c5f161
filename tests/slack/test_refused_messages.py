"""What Slack refuses comes back by itself once it takes it again, and never once it was overtaken."""

from __future__ import annotations

import pytest
from fakes.rigs.deliverer import deliverer

from alertbot.incidents.incident import IncidentKind
from alertbot.store import incidents

POST, UPDATE = "chat.postMessage", "chat.update"
AT_HERE = "<!here> "


@pytest.fixture
async def bot(tmp_path):
    async with deliverer(tmp_path) as one:
        yield one


async def incident(bot):
    """Open an incident; the subject of its messages."""
    number = await bot.keeper.do(incidents.create, IncidentKind.ALERT, "#cdn-alerts", 0, bot.clock.time())
    return f"incident:{number}"


async def change(bot, subject, **columns):
    """What became of an incident."""
    number = subject.partition(":")[2]
    await bot.keeper.do(lambda db: db["incidents"].update(int(number), columns))


async def told(bot, subject, *, edit, reply):
    """A later turn writes an edit and a note about an incident."""
    bot.clock.advance(1)
    await bot.owe(bot.reply(subject, reply), bot.edit(subject, edit))


async def test_a_page_refused_while_the_account_was_inactive_is_posted_within_minutes_after(bot):
    bot.slack.fault("*", "account_inactive", 10_000)
    await bot.owe(bot.post("a", "down"))
    await bot.deliver(3600)
    assert bot.slack.posts == []
    bot.slack.mend()
    await bot.deliver(200)
    assert bot.texts() == ["down"]


async def test_all_that_was_refused_goes_out_once_one_message_is_taken_again(bot):
    bot.slack.fault("*", "account_inactive", 10_000)
    await bot.owe(*(bot.post(str(number), f"down {number}") for number in range(5)))
    await bot.deliver(600)
    bot.slack.mend()
    await bot.owe(bot.post("new", "new"))
    await bot.deliver(20)
    assert sorted(bot.texts()) == ["down 0", "down 1", "down 2", "down 3", "down 4", "new"]


async def test_what_is_over_when_slack_takes_messages_again_is_one_message_without_its_reminders(bot):
    subject = await incident(bot)
    bot.slack.fault("*", "account_inactive", 10_000)
    await bot.owe(bot.post(subject, AT_HERE + "down"))
    await bot.deliver(1800)
    await told(bot, subject, edit=AT_HERE + "down", reply=AT_HERE + "still down")
    await bot.deliver(1800)
    await change(bot, subject, closed=bot.clock.time())
    await told(bot, subject, edit="Resolved: up", reply="Resolved: up")
    bot.slack.mend()
    await bot.deliver(300)
    assert [message.text for message in bot.slack.posts] == ["Resolved: up"]


@pytest.mark.slow
@pytest.mark.parametrize("word", ["account_inactive", "message_limit_exceeded"])
async def test_reminders_of_what_is_over_by_then_are_not_sent(bot, word):
    subject = await incident(bot)
    await bot.owe(bot.post(subject, AT_HERE + "down"))
    await bot.deliver(10)
    bot.slack.fault("*", word, 10_000)
    for _ in range(3):
        await told(bot, subject, edit=AT_HERE + "down", reply=AT_HERE + "still down")
        await bot.deliver(1800)
    await change(bot, subject, closed=bot.clock.time())
    await told(bot, subject, edit="Resolved: up", reply="Resolved: up")
    await bot.deliver(600)
    bot.slack.mend()
    await bot.deliver(300)
    assert bot.texts() == ["Resolved: up"]
    assert [message.text for message in bot.slack.posts if message.thread_ts] == ["Resolved: up"]


async def test_of_reminders_that_waited_only_the_newest_is_sent_but_who_was_escalated_to_is_called(bot):
    subject = await incident(bot)
    await bot.owe(bot.post(subject, "down"))
    await bot.deliver(10)
    bot.slack.fault("*", "account_inactive", 10_000)
    for reply in ("<!here> still down, 30m", "<!here> <@U0BOSS> nobody took it", "<!here> still down, 60m"):
        await told(bot, subject, edit="down", reply=reply)
        await bot.deliver(1800)
    bot.slack.mend()
    await bot.deliver(300)
    assert bot.replies("down") == ["<!here> <@U0BOSS> nobody took it", "<!here> still down, 60m"]


async def test_reminders_that_waited_are_not_sent_once_somebody_acknowledged_it(bot):
    subject = await incident(bot)
    await bot.owe(bot.post(subject, "down"))
    await bot.deliver(10)
    bot.slack.fault(POST, "service_unavailable", 10_000)
    await told(bot, subject, edit="down", reply="<!here> still down")
    await bot.deliver(600)
    await change(bot, subject, standing='{"acked_at": 12.5}')
    bot.clock.advance(1)
    await bot.owe(bot.edit(subject, "down, acknowledged"))
    bot.slack.mend()
    await bot.deliver(300)
    assert bot.texts() == ["down, acknowledged"]
    assert len(bot.slack.posts) == 1


async def test_an_edit_refused_before_a_newer_one_is_not_sent_after_it(bot):
    await bot.owe(bot.post("a", "down"))
    await bot.deliver(10)
    bot.slack.fault("*", "account_inactive", 10_000)
    for text in ("worse", "much worse", "up"):
        await bot.owe(bot.edit("a", text))
        await bot.deliver(600)
    bot.slack.mend()
    await bot.deliver(300)
    assert bot.texts() == ["up"]
    assert [call.arguments["text"] for call in bot.slack.updates] == ["up"]


async def test_let_back_into_a_private_channel_the_bot_posts_there_without_a_reload(bot):
    bot.slack.workspace.channels["G0PRIVATE"].member = False
    await bot.owe(bot.post("a", "down", "#private"))
    await bot.deliver(3600)
    assert bot.texts("G0PRIVATE") == []
    bot.slack.workspace.channels["G0PRIVATE"].member = True
    await bot.deliver(200)
    assert bot.texts("G0PRIVATE") == ["down"]


async def test_a_message_that_is_refused_for_itself_holds_up_none_that_is_refused_with_its_channel(bot):
    bot.slack.workspace.channels["C0OPS"].archived = True
    await bot.owe(bot.post("a", "down", "#ops"), bot.post("b", "down too", "#ops"))
    await bot.deliver(60)
    bot.slack.workspace.channels["C0OPS"].archived = False
    bot.slack.fault(POST, "invalid_arguments")
    await bot.deliver(600)
    assert sorted(bot.texts("C0OPS")) == ["down", "down too"]


async def test_trying_again_writes_no_new_copies_for_a_fallback_channel_that_refuses_them_too(tmp_path):
    async with deliverer(tmp_path, fallback="#ops") as bot:
        for channel in ("C0OPS", "C0DOWNLOADS"):
            bot.slack.workspace.channels[channel].archived = True
        await bot.owe(bot.post("a", "down", "#downloads"))
        await bot.deliver(3 * 3600)
        assert len(await bot.states()) == 2
        bot.slack.workspace.channels["C0OPS"].archived = False
        await bot.deliver(300)
        assert (bot.texts("C0OPS"), bot.texts("C0DOWNLOADS")) == (["down"], [])


@pytest.mark.parametrize(
    "word",
    [
        "message_limit_exceeded",
        "external_channel_migrating",
        "org_login_required",
        "ekm_access_denied",
        "accesslimited",
        "internal_server_error",
        "bad_gateway",
        "temporarily_unavailable",
    ],
)
async def test_words_for_what_passes_park_nothing(bot, word):
    bot.slack.fault(POST, word, 3)
    await bot.owe(bot.post("a", "down"))
    await bot.deliver(600)
    assert bot.texts() == ["down"]
    assert "parked" not in [state for _, state in await bot.states()]
