"""Delivery against the loopback Slack: whatever goes wrong, each message stands there once, as it was last."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from fakes.rigs.deliverer import deliverer
from fakes.rigs.effort import examples
from fakes.rigs.until import until
from fakes.wire.slack import BOT_TOKEN, SCOPES
from fakes.worlds.virtual import run
from hypothesis import given
from hypothesis import strategies as st

from alertbot.slack.lookups import LOOK_AFTER

POST, UPDATE, HISTORY = "chat.postMessage", "chat.update", "conversations.history"


@pytest.fixture
async def bot(tmp_path):
    async with deliverer(tmp_path, fallback="#ops") as one:
        yield one


# What became of a message whose answer was lost


@pytest.mark.parametrize("mode", ["drop_after", "half", "hang_after"])
async def test_a_message_whose_answer_is_lost_is_found_in_the_history_and_not_posted_again(bot, mode):
    bot.slack.fault(POST, mode)
    await bot.owe(bot.post("a", "down"))
    await bot.deliver()
    assert bot.texts() == ["down"]
    assert len(bot.calls(POST)) == 1
    assert await bot.states() == [("post", "sent")]


@pytest.mark.parametrize("mode", ["drop_before", "500", "portal", "garbage", "internal_error"])
async def test_a_message_that_may_have_arrived_is_posted_again_once_it_was_looked_for_in_vain(bot, mode):
    bot.slack.fault(POST, mode)
    await bot.owe(bot.post("a", "down"))
    lasted = await bot.deliver()
    assert bot.texts() == ["down"]
    assert len(bot.calls(POST)) == 2
    assert len(bot.calls(HISTORY)) == len(LOOK_AFTER)
    assert 75 <= lasted < 80


async def test_a_message_that_lands_late_is_still_found(bot):
    bot.slack.fault(POST, "drop_before")
    await bot.owe(bot.post("a", "down"))
    await bot.deliver(62)
    dropped = next(call for call in bot.slack.calls if call.method == POST)
    bot.slack.workspace.answer(POST, dict(dropped.arguments), f"Bearer {BOT_TOKEN}")
    await bot.deliver()
    assert bot.texts() == ["down"]
    assert await bot.states() == [("post", "sent")]


async def test_a_reply_whose_answer_is_lost_is_looked_for_in_its_thread(bot):
    await bot.owe(bot.post("a", "down"))
    await bot.deliver()
    bot.slack.fault(POST, "drop_after")
    bot.slack.fault(POST, "drop_before")
    await bot.owe(bot.reply("a", "still down"), bot.reply("a", "still down, 2"))
    await bot.deliver()
    assert bot.replies("down") == ["still down", "still down, 2"]
    assert set(bot.calls("conversations.replies")) == {"ok"}
    assert bot.calls(HISTORY) == []


async def test_the_history_is_read_page_by_page(bot):
    bot.slack.fault(POST, "drop_after")
    await bot.owe(bot.post("a", "down"))
    await bot.deliver(1)
    for number in range(450):
        bot.slack.workspace.plant("cdn-alerts", f"talk {number}")
    await bot.deliver()
    assert len(bot.calls(HISTORY)) == 3
    assert len(bot.calls(POST)) == 1


async def test_only_the_hour_before_the_attempt_is_searched_by_slacks_own_clock(tmp_path):
    async with deliverer(tmp_path) as bot:
        bot.clock.step_wall(-3600)  # ours is an hour slow, Slack's is not
        bot.slack.fault(POST, "drop_after")
        await bot.owe(bot.post("a", "down"))
        await bot.deliver()
        assert len(bot.calls(POST)) == 1
        (call,) = [call for call in bot.slack.calls if call.method == HISTORY]
        assert 3600 <= call.at - float(call.arguments["oldest"]) < 3700


async def test_a_slack_that_is_away_for_long_is_asked_before_anything_is_posted_again(bot):
    bot.slack.fault(POST, "drop_after")
    bot.slack.fault(HISTORY, "500", 15)
    await bot.owe(bot.post("a", "down"))
    lasted = await bot.deliver()
    assert lasted > 600
    assert len(bot.calls(POST)) == 1
    assert bot.calls(HISTORY).count("ok") == 1


@pytest.mark.parametrize("restarted", [False, True])
async def test_while_slack_loses_every_answer_nothing_is_posted_again_after_a_restart_neither(bot, restarted):
    bot.slack.fault("*", "drop_after", 10_000)
    await bot.owe(bot.post("a", "down"))
    await bot.deliver(60)
    if restarted:
        await bot.start()
    await bot.deliver(2400)
    bot.slack.mend()
    await bot.deliver()
    assert bot.texts() == ["down"]
    assert await bot.states() == [("post", "sent")]


async def test_a_history_that_alone_is_not_answered_keeps_no_message_back_for_ever(bot):
    bot.slack.fault(POST, "drop_before")
    bot.slack.fault(HISTORY, "500", 10_000)
    await bot.owe(bot.post("a", "down"))
    assert 900 <= await bot.deliver() < 1000
    assert bot.texts() == ["down"]


@pytest.mark.slow
async def test_what_may_stand_there_already_goes_out_ever_more_seldom(bot):
    bot.slack.fault(POST, "drop_after", 10_000)
    bot.slack.fault(HISTORY, "internal_error", 10_000)
    await bot.owe(bot.post("a", "down"))
    await bot.deliver(2 * 3600)
    posts = [call.at for call in bot.slack.calls if call.method == POST]
    apart = [round((later - earlier) / 60) for earlier, later in itertools.pairwise(posts)]
    assert apart == [15, 30, 60]


async def test_a_restart_looks_for_what_was_being_sent(bot):
    bot.slack.fault(POST, "hang_after")
    await bot.owe(bot.post("a", "down"), bot.edit("a", "up"))
    await bot.kill()
    assert await bot.states() == [("post", "sending"), ("update", "queued")]
    await bot.deliver()
    assert bot.texts() == ["up"]
    assert len(bot.calls(POST)) == 1


async def test_a_clock_that_stepped_back_between_attempt_and_restart_repeats_nothing(bot):
    bot.slack.fault(POST, "hang_after")
    await bot.owe(bot.post("a", "down"))
    await bot.kill()
    bot.clock.step_wall(-1800)
    await bot.deliver()
    assert len(bot.calls(POST)) == 1


@pytest.mark.parametrize(
    ("channel", "where", "lacking"),
    [("#not-joined", "C0PUBLIC", {"channels:join"}), ("#cdn-alerts", "C0ALERTS", {"channels:history"})],
)
async def test_where_the_history_cannot_be_read_it_is_posted_again_and_the_log_says_so_once(
    tmp_path, caplog, channel, where, lacking
):
    async with deliverer(tmp_path, scopes=SCOPES - lacking - {"groups:history"}) as bot:
        for mode, text in (("drop_after", "down"), ("drop_before", "down too")):
            bot.slack.fault(POST, mode)
            await bot.owe(bot.post(text, text, channel))
            await bot.deliver()
        assert bot.texts(where) == ["down", "down", "down too"]
        assert caplog.text.count("cannot be read") == 1


# Failures that pass


@pytest.mark.parametrize(("method", "seconds"), [(POST, 30), (UPDATE, 45)])
async def test_retry_after_holds_for_its_method_in_every_channel_and_for_no_other(bot, method, seconds):
    await bot.owe(bot.post("a", "down"), bot.post("b", "down too", "#downloads"))
    await bot.deliver()
    bot.slack.fault(method, f"429:{seconds}")
    began, before = bot.clock.time(), len(bot.slack.calls)
    await bot.owe(
        bot.edit("a", "up"),
        bot.edit("b", "up too", "#downloads"),
        bot.post("c", "new"),
        bot.post("d", "new too", "#downloads"),
    )
    await bot.deliver()
    taken = {POST: [], UPDATE: []}
    for call in bot.slack.calls[before:]:
        if call.outcome == "ok":
            taken[call.method].append(call.at - began)
    (other,) = {POST, UPDATE} - {method}
    assert max(taken[other]) < 3
    assert max(taken[method]) >= seconds
    assert bot.texts() == ["up", "new"]


async def test_failures_that_pass_are_tried_again_for_as_long_as_they_last_and_ever_more_slowly(bot):
    bot.slack.fault(POST, "service_unavailable", 40)
    await bot.owe(bot.post("a", "down"))
    lasted = await bot.deliver()
    assert bot.texts() == ["down"]
    assert 35 * 60 <= lasted <= 40 * 60 + 60


async def test_what_fired_and_cleared_while_slack_was_away_is_one_message(bot):
    bot.slack.fault(POST, "service_unavailable", 10)
    await bot.owe(bot.post("a", "down"))
    await bot.deliver(60)
    await bot.owe(bot.edit("a", "worse"))
    await bot.deliver(60)
    await bot.owe(bot.edit("a", "down from 10:00 to 10:05"))
    await bot.deliver()
    assert bot.texts() == ["down from 10:00 to 10:05"]
    assert bot.slack.updates == []
    assert await bot.states() == [("post", "sent"), ("update", "dropped"), ("update", "dropped")]


async def test_edits_that_a_newer_one_overtakes_are_dropped(bot):
    await bot.owe(bot.post("a", "down"))
    await bot.deliver()
    await bot.owe(*(bot.edit("a", text) for text in ("worse", "still worse", "up")))
    await bot.deliver()
    assert bot.texts() == ["up"]
    assert len(bot.slack.updates) == 1


@pytest.mark.parametrize("mode", ["drop_before", "drop_after", "500", "hang_after"])
async def test_after_a_lost_answer_to_an_edit_the_newest_edit_is_sent_again(bot, mode):
    await bot.owe(bot.post("a", "down"))
    await bot.deliver()
    bot.slack.fault(UPDATE, mode)
    await bot.owe(bot.edit("a", "worse"))
    await bot.delivery.begin()
    await asyncio.wait(bot.delivery.under_way)
    await bot.owe(bot.edit("a", "up"))
    await bot.deliver()
    assert bot.texts() == ["up"]
    assert [call.arguments["text"] for call in bot.slack.updates][-1] == "up"
    assert bot.calls(HISTORY) == []


async def test_a_channel_that_hangs_holds_up_no_other(bot):
    bot.slack.fault(POST, "hang")
    await bot.owe(bot.post("a", "down"), bot.post("b", "down too", "#downloads"), bot.post("c", "down 3", "#downloads"))
    await bot.delivery.begin()
    hanging, other = bot.delivery.under_way
    for _ in range(2):
        await asyncio.wait([other])
        bot.clock.advance(2)
        await bot.delivery.begin()
        other = bot.delivery.under_way[-1]
    assert not hanging.done()
    assert bot.texts("C0DOWNLOADS") == ["down too", "down 3"]
    await bot.deliver()
    assert bot.texts() == ["down"]


# Failures for good


async def test_a_refused_message_goes_to_the_fallback_channel_its_edits_and_replies_too(bot, caplog):
    await bot.owe(
        bot.post("a", "down", "#gone"),
        bot.edit("a", "worse", "#gone"),
        bot.reply("a", "still", "#gone"),
        bot.post("b", "down too"),
    )
    await bot.deliver()
    await bot.owe(bot.edit("a", "up", "#gone"), bot.reply("a", "at last", "#gone"))
    await bot.deliver()
    assert bot.texts("C0OPS") == ["up"]
    assert bot.replies("up") == ["still", "at last"]
    assert bot.texts() == ["down too"]
    assert await bot.trouble() == [("#gone", "channel_not_found")]
    assert "Slack refuses messages for #gone (channel_not_found): they go to #ops" in caplog.text


async def test_a_refused_message_is_tried_again_at_the_next_start_unless_it_was_said_elsewhere(bot):
    bot.slack.workspace.channels["C0OPS"].archived = True
    bot.slack.workspace.channels["C0DOWNLOADS"].archived = True
    await bot.owe(bot.post("a", "down", "#downloads"), bot.edit("a", "up", "#downloads"))
    await bot.deliver()
    assert sorted(await bot.trouble()) == [("#downloads", "is_archived"), ("#ops", "is_archived")]
    bot.slack.workspace.channels["C0DOWNLOADS"].archived = False
    await bot.start()
    await bot.deliver()
    assert bot.texts("C0DOWNLOADS") == ["up"]
    bot.slack.workspace.channels["C0OPS"].archived = False
    await bot.start()
    await bot.deliver()
    assert bot.texts("C0OPS") == []
    assert await bot.trouble() == []


async def test_what_was_said_in_the_fallback_channel_is_not_said_again_after_a_restart(bot):
    bot.slack.workspace.channels["C0DOWNLOADS"].archived = True
    bot.slack.fault(POST, "is_archived")
    bot.slack.fault(POST, "service_unavailable")
    await bot.owe(bot.post("a", "down", "#downloads"))
    await bot.deliver(1.5)
    assert await bot.states() == [("post", "parked"), ("post", "queued")]
    bot.slack.workspace.channels["C0DOWNLOADS"].archived = False
    await bot.start()
    await bot.deliver()
    assert bot.texts("C0OPS") == ["down"]
    assert bot.texts("C0DOWNLOADS") == []


async def test_a_revoked_token_parks_messages_and_edits_and_repeats_nothing_once_it_is_mended(bot):
    await bot.owe(bot.post("a", "down"))
    await bot.deliver()
    bot.slack.fault("*", "token_revoked", 1000)
    await bot.owe(bot.edit("a", "up"), bot.post("b", "down too"))
    await bot.deliver()
    assert await bot.states() == [("post", "sent"), ("update", "parked"), ("post", "parked")]
    bot.slack.mend()
    await bot.start()
    await bot.deliver()
    assert bot.texts() == ["up", "down too"]


async def test_a_token_that_is_revoked_while_a_message_is_looked_for_repeats_nothing(bot):
    bot.slack.fault(POST, "drop_after")
    await bot.owe(bot.post("a", "down"))
    await bot.deliver(1)
    bot.slack.fault("*", "token_revoked", 10)
    await bot.deliver()
    assert bot.texts() == ["down"]
    assert len(bot.calls(POST)) == 1


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_blocks_too_long"])
async def test_a_message_whose_blocks_are_refused_goes_out_as_plain_text(bot, code):
    bot.slack.fault(POST, code)
    await bot.owe(bot.post("a", "down"), bot.edit("a", "worse"))
    await bot.deliver()
    (message,) = bot.slack.posts
    assert (message.text, message.blocks, message.attachments) == ("worse", [], [])


async def test_an_edit_of_a_message_that_is_gone_becomes_a_message_that_later_edits_change(bot):
    await bot.owe(bot.post("a", "down"))
    await bot.deliver()
    bot.slack.fault(UPDATE, "message_not_found")
    await bot.owe(bot.edit("a", "worse"), bot.edit("a", "still worse"))
    await bot.deliver()
    assert bot.texts() == ["down", "still worse"]
    await bot.owe(bot.edit("a", "up"), bot.reply("a", "at last"))
    await bot.deliver()
    assert bot.texts() == ["down", "up"]
    assert bot.replies("up") == ["at last"]


async def test_an_edit_in_a_channel_that_was_archived_is_said_in_the_fallback_channel(bot):
    await bot.owe(bot.post("a", "down"))
    await bot.deliver()
    bot.slack.workspace.channels["C0ALERTS"].archived = True
    await bot.owe(bot.edit("a", "worse"))
    await bot.deliver()
    await bot.owe(bot.edit("a", "up"))
    await bot.deliver()
    assert bot.texts("C0OPS") == ["up"]


# Order and pace


async def test_within_an_incident_the_post_comes_first_and_replies_keep_their_order(bot):
    bot.slack.fault(POST, "service_unavailable")
    bot.slack.fault(POST, "drop_before")
    await bot.owe(bot.post("a", "down"), bot.edit("a", "up"), bot.reply("a", "1"), bot.reply("a", "2"))
    await bot.deliver()
    assert bot.texts() == ["up"]
    assert bot.replies("up") == ["1", "2"]


async def test_what_a_held_up_post_says_by_now_is_not_preceded_by_replies_about_how_it_was(bot):
    bot.slack.fault(POST, "service_unavailable")
    await bot.owe(bot.post("a", "down"), bot.reply("a", "still down"), bot.edit("a", "up"), bot.reply("a", "later"))
    await bot.deliver()
    assert (bot.texts(), bot.replies("up")) == (["up"], ["later"])


CHANNELS = {"#cdn-alerts": "C0ALERTS", "#ops": "C0OPS", "#downloads": "C0DOWNLOADS", "#private": "G0PRIVATE"}


@pytest.mark.slow
async def test_two_hundred_alerts_at_once_keep_their_order_and_slacks_pace(tmp_path, record_property):
    async with deliverer(tmp_path, paced=True) as bot:
        channels = {**CHANNELS, "#not-joined": "C0PUBLIC"}
        names = itertools.cycle(channels)
        await bot.owe(*(bot.post(f"s{number}", f"{number:03}", next(names)) for number in range(200)))
        lasted = await bot.deliver()
        record_property("drained_in_seconds", lasted)
        assert set(bot.calls(POST)) == {"ok"}
        for channel in channels.values():
            assert len(bot.texts(channel)) == 40
            assert bot.texts(channel) == sorted(bot.texts(channel))
        assert 39 <= lasted < 50


async def test_fifty_edits_a_minute_are_not_exceeded_over_all_channels(bot):
    subjects = [
        (f"s{number}", channel) for number, channel in enumerate(itertools.islice(itertools.cycle(CHANNELS), 60))
    ]
    await bot.owe(*(bot.post(subject, "down", channel) for subject, channel in subjects))
    await bot.deliver()
    await bot.owe(*(bot.edit(subject, "up", channel) for subject, channel in subjects))
    lasted = await bot.deliver()
    assert len(bot.slack.updates) == 60
    assert 60 / 50 * 59 <= lasted < 80


# Whatever happens

FAULTS = st.tuples(
    st.just("fault"),
    st.sampled_from([POST, UPDATE, HISTORY, "conversations.replies"]),
    st.sampled_from(["drop_before", "drop_after", "half", "500", "429:7", "internal_error", "service_unavailable"]),
)
STEPS = st.one_of(
    st.tuples(st.sampled_from(["post", "edit", "reply"]), st.integers(0, 2)),
    FAULTS,
    FAULTS,
    st.tuples(st.just("deliver"), st.sampled_from([0.0, 3.0, 20.0, 100.0])),
    st.tuples(st.just("kill"), st.sampled_from([0, 1, 2, 4, 7, 11, 16])),
)


@examples(12, 100)
@given(st.lists(STEPS, min_size=4, max_size=30))
def test_in_the_end_each_subject_stands_once_as_it_was_last_with_each_reply_once_in_order(steps):
    run(_live_through(steps))


async def _live_through(steps):
    newest, replies = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        async with deliverer(Path(folder), paced=True) as bot:
            for number, (what, *given) in enumerate(steps):
                await _step(bot, what, given, f"n{number}", newest, replies)
            bot.slack.mend()
            await bot.deliver()
            assert sorted(bot.texts()) == sorted(newest.values())
            for subject, text in newest.items():
                told, owed = bot.replies(text), replies.get(subject, [])
                # A post that was held up until it was edited drops what was to be said before that edit, and only that.
                assert told == owed[len(owed) - len(told) :]
                assert len(told) == len(owed) - await bot.dropped_replies(subject)
            assert {state for _, state in await bot.states()} <= {"sent", "dropped"}


async def _step(bot, what, given, text, newest, replies):
    subject = f"s{given[0]}" if what in {"post", "edit", "reply"} else ""
    if what == "fault":
        bot.slack.fault(*given)
    elif what == "deliver":
        await bot.deliver(*given)
    elif what == "kill":
        await bot.kill(*given)
    elif subject not in newest:
        newest[subject] = text
        await bot.owe(bot.post(subject, text))
    elif what == "reply":
        replies.setdefault(subject, []).append(text)
        await bot.owe(bot.reply(subject, text))
    else:
        newest[subject] = text
        await bot.owe(bot.edit(subject, text))


async def test_a_delivery_that_is_cancelled_ends_what_is_under_way(bot):
    bot.slack.fault(POST, "hang")
    await bot.owe(bot.post("a", "down"))
    running = asyncio.create_task(bot.delivery.run())
    await until(lambda: bot.delivery.under_way)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert bot.delivery.under_way == ()


# A database that fails meanwhile


async def test_what_slack_took_while_the_database_was_held_is_found_and_not_posted_again(bot, caplog):
    await bot.keeper.do(lambda db: db.conn.execute("PRAGMA busy_timeout = 20"))
    await bot.owe(bot.post("a", "down"))
    bot.slack.fault(POST, "slow")
    await bot.delivery.begin()
    await until(lambda: bot.calls(POST))
    with closing(sqlite3.connect(bot.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await bot.deliver(300)
        assert await bot.states() == [("post", "sending")]
        other.execute("ROLLBACK")
    await bot.deliver()
    assert bot.texts() == ["down"]
    assert await bot.states() == [("post", "sent")]
    assert caplog.text.count("database is locked") == 1


async def test_messages_wait_for_a_database_that_is_held_and_the_log_says_so_once(bot, caplog):
    await bot.keeper.do(lambda db: db.conn.execute("PRAGMA busy_timeout = 20"))
    await bot.owe(bot.post("a", "down"), bot.post("b", "down too"))
    with closing(sqlite3.connect(bot.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await bot.deliver(300)
        assert bot.slack.posts == []
        other.execute("ROLLBACK")
    await bot.deliver()
    assert bot.texts() == ["down", "down too"]
    assert caplog.text.count("database is locked") == 1
