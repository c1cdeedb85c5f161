"""Pictures in Slack: where they end up, and what each failure on the way comes to."""

from __future__ import annotations

import logging

import pytest
from fakes.wire.slack import BOT_TOKEN, SCOPES, FakeSlack

from alertbot.charts.chart import Picture
from alertbot.errors import DeliveryError
from alertbot.messages.blocks import Message
from alertbot.slack.client import Post, SlackClient

PICTURE = Picture("alertbot-412.png", "#412 video.example.com", "video.example.com carries nothing", b"\x89PNG\r\n...")


async def test_a_picture_stands_in_the_thread_with_its_title_and_its_words(slack, client):
    posted = await client.post(Post("#cdn-alerts", Message("dark"), "1"))
    await client.upload(posted.channel_id, PICTURE, thread_ts=posted.ts)
    (shared,) = slack.shared
    assert (shared.channel, shared.thread_ts) == ("C0ALERTS", posted.ts)
    assert (shared.name, shared.title, shared.alt) == (PICTURE.name, PICTURE.title, PICTURE.alt)
    assert shared.content == PICTURE.png


async def test_a_picture_stands_in_the_channel_where_no_thread_is_named(slack, client):
    await client.upload("C0OPS", PICTURE)
    assert [(shared.channel, shared.thread_ts) for shared in slack.shared] == [("C0OPS", None)]


async def test_words_that_are_too_long_for_slack_are_cut(slack, client):
    await client.upload("C0OPS", Picture("a.png", "t", "w" * 1500, b"png"))
    assert len(slack.shared[0].alt) == 1000


async def test_the_token_goes_to_slacks_methods_and_not_with_the_bytes(slack, client):
    await client.upload("C0OPS", PICTURE)
    assert [(call.method, call.outcome) for call in slack.calls] == [
        ("files.getUploadURLExternal", "ok"),
        ("upload", "ok"),
        ("files.completeUploadExternal", "ok"),
    ]


async def test_the_address_of_an_upload_is_never_logged(slack, client, caplog):
    """Whoever knows it may send a picture in our name."""
    caplog.set_level(logging.DEBUG)
    await client.upload("C0OPS", PICTURE)
    assert f"HTTP Request: POST {slack.base_url.removesuffix('/api/')}" in caplog.text
    assert "/upload" not in caplog.text


@pytest.mark.parametrize(
    ("channel", "thread_ts", "code"),
    [
        ("C0PUBLIC", None, "not_in_channel"),
        ("G0HIDDEN", None, "channel_not_found"),
        ("C0OLD", None, "is_archived"),
        ("cdn-alerts", None, "channel_not_found"),
        ("C0OPS", "1.000001", "thread_not_found"),
    ],
)
async def test_where_slack_shows_no_picture_it_says_why_for_good(slack, client, channel, thread_ts, code):
    with pytest.raises(DeliveryError, match=code) as caught:
        await client.upload(channel, PICTURE, thread_ts=thread_ts)
    assert caught.value.permanent
    assert slack.shared == []


@pytest.mark.parametrize(
    ("method", "mode", "code"),
    [
        ("files.getUploadURLExternal", "500", "http_500"),
        ("files.getUploadURLExternal", "429:7", "ratelimited"),
        ("files.getUploadURLExternal", "file_uploads_disabled", "file_uploads_disabled"),
        ("upload", "500", "http_500"),
        ("upload", "drop_before", "answer_lost"),
        ("upload", "drop_after", "answer_lost"),
        ("files.completeUploadExternal", "drop_before", "answer_lost"),
        ("files.completeUploadExternal", "file_not_found", "file_not_found"),
    ],
)
async def test_every_failure_is_a_delivery_error_and_nothing_is_tried_twice(slack, client, method, mode, code):
    slack.fault(method, mode)
    with pytest.raises(DeliveryError, match=rf"^{code}$"):
        await client.upload("C0OPS", PICTURE)
    assert slack.shared == []
    assert [call.method for call in slack.calls].count(method) == 1


async def test_an_answer_that_is_lost_after_the_picture_was_shown_is_unknown(slack, client):
    slack.fault("files.completeUploadExternal", "drop_after")
    with pytest.raises(DeliveryError) as caught:
        await client.upload("C0OPS", PICTURE)
    assert caught.value.unknown
    assert len(slack.shared) == 1


async def test_slack_may_answer_ok_and_show_nothing(slack, client):
    slack.workspace.files.sharing = False
    await client.upload("C0OPS", PICTURE)
    assert slack.shared == []


async def test_without_its_scope_a_picture_is_refused():
    slack = FakeSlack(scopes=SCOPES - {"files:write"})
    client = SlackClient(BOT_TOKEN, await slack.start())
    with pytest.raises(DeliveryError, match="missing_scope"):
        await client.upload("C0OPS", PICTURE)
    await slack.stop()


async def test_the_loopback_slack_refuses_bytes_of_another_length_and_files_it_does_not_know(slack, client):
    issued = await client._web.files_getUploadURLExternal(filename="a.png", length=5)
    with pytest.raises(DeliveryError, match="http_400"):
        await client._send(issued["upload_url"], b"123456")
    for file_id in (issued["file_id"], "F0NEVER"):
        with pytest.raises(Exception, match="file_not_found"):
            await client._web.files_completeUploadExternal(files=[{"id": file_id, "title": "a"}], channel_id="C0OPS")
