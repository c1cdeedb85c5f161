"""What the client sends, and what it makes of every way in which Slack can fail."""

import asyncio
import logging
import socket

import pytest
from fakes.rigs.until import until
from fakes.wire.slack import APP_TOKEN, BOT_TOKEN, TEAM

from alertbot.errors import CredentialsError, DeliveryError
from alertbot.messages.blocks import Message, actions, button, section
from alertbot.slack.client import Identity, Post, Posted, SlackClient

DARK = Message("`video.example.com` went dark", (section("data until 12:10"), actions(button("Why", "why"))), "#d00000")
BACK = Message("`video.example.com` is back", (section("after 25m"),), "#2eb67d")


async def post(client, channel="cdn-alerts", **more):
    return await client.post(Post(channel, DARK, "41", **more))


async def test_a_message_is_posted_with_its_id_in_its_metadata(slack, client):
    posted = await post(client, "#cdn-alerts")
    (message,) = slack.posts
    assert posted == Posted("C0ALERTS", message.ts)
    assert message.text == DARK.text
    assert message.attachments == [{"color": "#d00000", "blocks": list(DARK.blocks)}]
    assert message.metadata == {"event_type": "alertbot_message", "event_payload": {"id": "41"}}


async def test_a_reply_stands_in_its_thread_and_is_broadcast_on_demand(slack, client):
    parent = await post(client)
    await post(client, thread_ts=parent.ts)
    await post(client, thread_ts=parent.ts, broadcast=True)
    assert [(one.thread_ts, one.broadcast) for one in slack.posts] == [
        (None, False),
        (parent.ts, False),
        (parent.ts, True),
    ]


async def test_an_edit_replaces_text_blocks_and_colour_but_not_the_metadata(slack, client):
    posted = await post(client)
    await client.update(posted.channel_id, posted.ts, BACK)
    (message,) = slack.posts
    assert (message.text, message.attachments[0]["color"]) == (BACK.text, "#2eb67d")
    assert message.metadata["event_payload"] == {"id": "41"}
    assert len(message.edits) == 1


async def test_an_edit_without_colour_leaves_none_of_the_old_blocks(slack, client):
    posted = await post(client)
    await client.update(posted.channel_id, posted.ts, Message("over", (section("done"),)))
    (message,) = slack.posts
    assert message.attachments == []
    assert message.blocks == [section("done")]


async def test_the_token_says_whose_it_is(client):
    assert await client.auth_test() == Identity(TEAM, "Loopback")


@pytest.mark.parametrize(
    ("token", "word"),
    [("xoxb-wrong", "invalid_auth"), ("", "not_authed"), (APP_TOKEN, "not_allowed_token_type")],
)
async def test_a_token_that_slack_refuses_is_named_with_the_place_it_is_read_from(slack, token, word):
    with pytest.raises(CredentialsError, match=rf"bot token \({word}\).*ALERTBOT_SLACK_BOT_TOKEN") as caught:
        await SlackClient(token, slack.base_url).auth_test()
    assert not token or token not in str(caught.value)


async def test_an_identity_that_cannot_be_asked_for_now_is_no_wrong_token(slack, client):
    slack.fault("auth.test", "500")
    with pytest.raises(DeliveryError, match="http_500"):
        await client.auth_test()


@pytest.mark.parametrize(
    ("fault", "code", "known", "stands"),  # known: permanent, retry_after, unknown
    [
        # Slack's own word, for good: the same again changes nothing
        ("channel_not_found", "channel_not_found", (True, None, False), 0),
        ("invalid_auth", "invalid_auth", (True, None, False), 0),
        ("edit_window_closed", "edit_window_closed", (True, None, False), 0),
        ("a_word_of_next_year", "a_word_of_next_year", (True, None, False), 0),
        # for now
        ("429:7", "ratelimited", (False, 7.0, False), 0),
        ("429:0", "ratelimited", (False, 1.0, False), 0),  # or it would be asked without a pause
        ("429:100000", "ratelimited", (False, 300.0, False), 0),  # a day of silence is believed of nobody
        ("rate_limited", "rate_limited", (False, None, False), 0),
        ("service_unavailable", "service_unavailable", (False, None, False), 0),
        # nobody knows: Slack says itself that part of it may have happened
        ("fatal_error", "fatal_error", (False, None, True), 0),
        ("internal_error", "internal_error", (False, None, True), 0),
        ("500", "http_500", (False, None, True), 0),
        ("garbage", "garbled", (False, None, True), 0),
        ("portal", "answer_lost", (False, None, True), 0),
        ("drop_before", "answer_lost", (False, None, True), 0),
        ("drop_after", "answer_lost", (False, None, True), 1),
    ],
)
async def test_every_failure_says_what_is_known(slack, client, fault, code, known, stands):
    slack.fault("chat.postMessage", fault)
    with pytest.raises(DeliveryError) as caught:
        await post(client)
    error = caught.value
    assert (error.code, (error.permanent, error.retry_after, error.unknown)) == (code, known)
    assert len(slack.posts) == stands  # nothing was tried a second time
    assert len(slack.calls) == 1


async def test_a_call_that_hangs_ends_with_its_time_out(slack):
    slack.fault("chat.postMessage", "hang")
    with pytest.raises(DeliveryError) as caught:
        await post(SlackClient(BOT_TOKEN, slack.base_url, timeout=0.1))
    assert (caught.value.code, caught.value.unknown) == ("timeout", True)


async def test_a_message_that_never_left_is_known_not_to_stand():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DeliveryError) as caught:
        await post(SlackClient(BOT_TOKEN, f"http://127.0.0.1:{port}/api/"))
    assert (caught.value.code, caught.value.permanent, caught.value.unknown) == ("unreachable", False, False)


async def test_a_page_that_is_not_slacks_is_no_refusal_of_slacks(slack):
    with pytest.raises(DeliveryError) as caught:
        await post(SlackClient(BOT_TOKEN, slack.base_url.replace("/api/", "/elsewhere/")))
    assert (caught.value.code, caught.value.permanent) == ("http_404", False)


@pytest.mark.parametrize(("public", "kind"), [(False, "ephemeral"), (True, "in_channel")])
async def test_a_command_is_answered_for_its_user_alone_unless_public(slack, client, public, kind):
    url = slack.response_url()
    await client.respond(url, DARK, public=public)
    (answer,) = slack.answers(url)
    assert (answer["text"], answer["response_type"]) == (DARK.text, kind)


@pytest.mark.parametrize(
    ("fault", "code", "known"),  # known: permanent, unknown
    [
        ("429:7", "ratelimited", (False, False)),
        ("500", "http_500", (False, True)),
        ("portal", "garbled", (False, True)),
        ("garbage", "garbled", (False, True)),
        ("drop_after", "answer_lost", (False, True)),
        ("invalid_blocks", "invalid_blocks", (True, False)),
    ],
)
async def test_an_answer_to_a_command_that_fails_says_so(slack, client, fault, code, known):
    slack.fault("response_url", fault)
    with pytest.raises(DeliveryError) as caught:
        await client.respond(slack.response_url(), DARK)
    assert (caught.value.code, (caught.value.permanent, caught.value.unknown)) == (code, known)
    assert len(slack.calls) == 1


async def test_a_sixth_answer_to_a_command_is_refused_for_good(slack, client):
    url = slack.response_url()
    for _ in range(5):
        await client.respond(url, DARK)
    with pytest.raises(DeliveryError) as caught:
        await client.respond(url, DARK)
    assert (caught.value.code, caught.value.permanent) == ("used_url", True)


async def test_no_log_line_and_no_error_holds_the_token_or_the_response_url(slack, client, caplog):
    caplog.set_level(logging.DEBUG)
    url = slack.response_url()
    await post(client)
    await client.respond(url, DARK)
    slack.fault("chat.postMessage", "invalid_auth")
    slack.fault("response_url", "drop_after")
    for call in (post(client), client.respond(url, DARK)):
        with pytest.raises(DeliveryError) as caught:
            await call
        assert caught.value.__cause__ is None
        assert BOT_TOKEN not in repr(caught.value) + str(caught.value)
    assert BOT_TOKEN not in caplog.text
    assert url.rsplit("/", 1)[1] not in caplog.text


async def test_a_cancelled_call_stays_cancelled(slack, client):
    slack.fault("chat.postMessage", "hang")
    task = asyncio.create_task(post(client))
    await until(lambda: slack.calls)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
