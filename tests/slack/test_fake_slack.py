"""The loopback Slack is only worth something if it refuses what Slack refuses."""

import json
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from fakes.wire.slack import APP_TOKEN, BOT_TOKEN, SCOPES, FakeSlack

SCRIPT = Path(__file__).parents[1] / "fakes" / "wire" / "slack.py"
HERE = {"channel": "C0ALERTS"}
TEXT = {"type": "mrkdwn", "text": "x"}
PLAIN = {"type": "plain_text", "text": "x"}
SECTION = {"type": "section", "text": TEXT}
BUTTON = {"type": "button", "text": PLAIN, "action_id": "why"}
IMAGE = {"type": "image", "alt_text": "a chart", "image_url": "https://example.com/c.png"}
OPTION = {"text": PLAIN, "value": "1"}
CONFIRM = {"title": PLAIN, "text": PLAIN, "confirm": PLAIN, "deny": PLAIN}


def mrkdwn(length):
    return {"type": "mrkdwn", "text": "x" * length}


def plain(length):
    return {"type": "plain_text", "text": "x" * length}


def row(*elements):
    return {"type": "actions", "elements": list(elements)}


def select(count, **more):
    return {"type": "static_select", "action_id": "s", "options": [OPTION] * count, **more}


class Workspace:
    """A fake and a plain HTTP client that can say anything to it."""

    def __init__(self, slack, session):
        self.slack = slack
        self._session = session

    async def call(self, method, arguments, token=BOT_TOKEN):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._session.post(self.slack.base_url + method, json=arguments, headers=headers) as answer:
            return await answer.json()

    async def error(self, method, arguments, token=BOT_TOKEN):
        return (await self.call(method, arguments, token)).get("error")

    async def posted(self, text="dark", **more):
        return await self.call("chat.postMessage", {**HERE, "text": text, **more})

    async def respond(self, url, body):
        async with self._session.post(url, json=body) as answer:
            return answer.status, (await answer.json()).get("error")


@pytest.fixture
async def start():
    started = []

    async def start(**options):
        slack = FakeSlack(**options)
        await slack.start()
        session = aiohttp.ClientSession()
        started.append((slack, session))
        return Workspace(slack, session)

    yield start
    for slack, session in started:
        await session.close()
        await slack.stop()


@pytest.fixture
async def workspace(start):
    return await start()


@pytest.mark.parametrize(
    "block",
    [
        SECTION,
        {"type": "section", "fields": [mrkdwn(2000)] * 4, "accessory": BUTTON},
        {"type": "section", "text": {**mrkdwn(3000), "verbatim": True}},
        {"type": "context", "elements": [TEXT, {**IMAGE}]},
        {"type": "header", "text": {**plain(150), "emoji": True}},
        {"type": "divider", "block_id": "b"},
        {**IMAGE, "title": PLAIN},
        {"type": "image", "alt_text": "a chart", "slack_file": {"id": "F1"}},
        row(BUTTON, {**BUTTON, "action_id": "b", "value": "1", "url": "https://example.com/", "style": "danger"}),
        row(
            select(100, placeholder=PLAIN, confirm=CONFIRM),
            {"type": "overflow", "action_id": "o", "options": [OPTION] * 5},
        ),
    ],
)
async def test_blocks_within_their_limits_are_taken(workspace, block):
    assert (await workspace.posted(blocks=[block]))["ok"]
    assert (await workspace.posted(attachments=[{"color": "#d00000", "blocks": [block]}]))["ok"]


@pytest.mark.parametrize(
    ("blocks", "says"),
    [
        ([SECTION] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
        ([{"type": "marquee"}], "unsupported type: marquee"),
        (["x"], "unsupported type: None"),
        ("x", "must be an array"),
        ([{**SECTION, "colour": "red"}], "additional property not allowed: colour [json-pointer:/blocks/0/colour]"),
        ([{"type": "section"}], "missing required field: text or fields"),
        ([{"type": "section", "text": mrkdwn(3001)}], "must be less than 3001 characters"),
        ([{"type": "section", "text": mrkdwn(0)}], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": " \n"}}], "must be more than 0 characters"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": None}}], "must be a string"),
        ([{"type": "section", "text": {**TEXT, "emoji": True}}], "additional property not allowed: emoji"),
        ([{"type": "section", "text": {**TEXT, "verbatim": "yes"}}], "must be a boolean"),
        ([{"type": "section", "fields": [TEXT] * 11}], "no more than 10 items"),
        ([{"type": "section", "fields": [mrkdwn(2001)]}], "must be less than 2001 characters"),
        (
            [{"type": "section", "text": TEXT, "accessory": {"type": "header", "text": PLAIN}}],
            "unsupported type: header",
        ),
        ([{"type": "header", "text": plain(151)}], "must be less than 151 characters"),
        ([{"type": "header", "text": TEXT}], "unsupported type: mrkdwn"),
        ([{"type": "context", "elements": [TEXT] * 11}], "no more than 10 items"),
        ([{"type": "context", "elements": []}], "no fewer than 1 items"),
        ([{"type": "context", "elements": [BUTTON]}], "unsupported type: button"),
        ([{"type": "divider", "block_id": "b" * 256}], "must be less than 256 characters"),
        ([{"type": "divider", "block_id": "b"}] * 2, "`block_id` is used twice"),
        ([row(*({**BUTTON, "action_id": str(number)} for number in range(26)))], "no more than 25 items"),
        ([row()], "no fewer than 1 items"),
        ([row(BUTTON, BUTTON)], "`action_id` is used twice"),
        ([row({**BUTTON, "action_id": "a" * 256})], "must be less than 256 characters"),
        ([row({**BUTTON, "text": plain(76)})], "must be less than 76 characters"),
        ([row({**BUTTON, "text": TEXT})], "unsupported type: mrkdwn"),
        ([row({**BUTTON, "value": "x" * 2001})], "must be less than 2001 characters"),
        ([row({**BUTTON, "value": ""})], "must be more than 0 characters"),
        ([row({**BUTTON, "url": "https://" + "x" * 3000})], "must be less than 3001 characters"),
        ([row({**BUTTON, "url": "runbook"})], "must be a valid url"),
        ([row({**BUTTON, "style": "warning"})], "must be one of primary, danger"),
        ([row({**BUTTON, "colour": "red"})], "additional property not allowed: colour"),
        ([row({key: BUTTON[key] for key in ("type", "action_id")})], "missing required field: text"),
        ([row(select(101))], "no more than 100 items"),
        ([row(select(1, placeholder=TEXT))], "unsupported type: mrkdwn"),
        ([row({"type": "overflow", "action_id": "o", "options": [OPTION] * 6})], "no more than 5 items"),
        ([row({**select(1), "options": [{"text": plain(76), "value": "1"}]})], "must be less than 76 characters"),
        ([row({**select(1), "options": [{"text": PLAIN, "value": "x" * 151}]})], "must be less than 151 characters"),
        ([row({**select(1), "option_groups": []})], "additional property not allowed: option_groups"),
        ([row(select(1, confirm={**CONFIRM, "title": plain(101)}))], "must be less than 101 characters"),
        ([row(select(1, confirm={**CONFIRM, "text": plain(301)}))], "must be less than 301 characters"),
        ([row(select(1, confirm={**CONFIRM, "text": TEXT}))], "unsupported type: mrkdwn"),
        ([row(select(1, confirm={**CONFIRM, "confirm": plain(31)}))], "must be less than 31 characters"),
        ([row(select(1, confirm={**CONFIRM, "deny": plain(31)}))], "must be less than 31 characters"),
        ([row(select(1, confirm={**CONFIRM, "colour": "red"}))], "additional property not allowed: colour"),
        ([row(select(1, confirm={"title": PLAIN, "text": PLAIN, "confirm": PLAIN}))], "missing required field: deny"),
        ([row(select(0))], "no fewer than 1 items"),
        ([row(select(1, placeholder=plain(151)))], "must be less than 151 characters"),
        ([{"type": "image", "image_url": "https://example.com/c.png"}], "missing required field: alt_text"),
        ([{"type": "image", "alt_text": "a chart"}], "exactly one of image_url and slack_file"),
        ([{**IMAGE, "slack_file": {"id": "F1"}}], "exactly one of image_url and slack_file"),
        ([{**SECTION, "accessory": {"type": "image", "alt_text": "x"}}], "exactly one of image_url and slack_file"),
        ([{**IMAGE, "image_url": "http://example.com/c.png"}], "must be a valid url"),
    ],
)
async def test_blocks_that_slack_refuses_are_refused(workspace, blocks, says):
    answer = await workspace.posted(blocks=blocks)
    assert (answer["ok"], answer["error"]) == (False, "invalid_blocks")
    assert says in "\n".join(answer["response_metadata"]["messages"])
    inside = await workspace.posted(attachments=[{"blocks": blocks}])
    assert inside["error"] == "invalid_attachments"
    assert "json-pointer:/attachments/0/blocks" in "\n".join(inside["response_metadata"]["messages"])
    assert workspace.slack.posts == []


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({}, "no_text"),
        ({"text": " "}, "no_text"),
        ({"text": "", "blocks": [], "attachments": []}, "no_text"),
        ({"text": 5}, "invalid_arguments"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "blocks": [{"type": "section", "text": mrkdwn(2700)}] * 5}, "msg_blocks_too_long"),
        ({"text": "x", "attachments": [{"color": "#d00000"}]}, "invalid_attachments"),
        ({"text": "x", "attachments": [{"blocks": [SECTION], "pretext": "x"}]}, "invalid_attachments"),
        ({"text": "x", "client_msg_id": "41"}, "invalid_arguments"),
        ({"text": "x", "reply_broadcast": True}, "invalid_arguments"),
        ({"text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ({"text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_format"),
        ({"text": "x", "metadata": {"event_type": "a b", "event_payload": {}}}, "invalid_metadata_schema"),
        ({"text": "x", "metadata": {"event_type": "a", "event_payload": []}}, "invalid_metadata_schema"),
        ({"text": "x", "metadata": {"event_type": "a", "event_payload": {"id": "x" * 17_000}}}, "metadata_too_large"),
        ({"text": "x", "channel": "C0NOWHERE"}, "channel_not_found"),
        ({"text": "x", "channel": "G0HIDDEN"}, "channel_not_found"),
        ({"text": "x", "channel": "C0OLD"}, "is_archived"),
    ],
)
async def test_messages_that_slack_refuses_are_refused(workspace, message, code):
    assert await workspace.error("chat.postMessage", {**HERE, **message}) == code
    assert workspace.slack.posts == []


@pytest.mark.parametrize(
    ("token", "method", "code"),
    [
        ("", "auth.test", "not_authed"),
        ("xoxb-wrong", "auth.test", "invalid_auth"),
        (APP_TOKEN, "auth.test", "not_allowed_token_type"),
        (BOT_TOKEN, "apps.connections.open", "not_allowed_token_type"),
        ("xapp-wrong", "apps.connections.open", "invalid_auth"),
        (BOT_TOKEN, "chat.postmessage", "unknown_method"),
    ],
)
async def test_tokens_and_methods_that_do_not_fit_are_refused(workspace, token, method, code):
    assert await workspace.error(method, {}, token) == code


@pytest.mark.parametrize(
    ("scope", "method", "arguments", "code"),
    [
        ("chat:write", "chat.postMessage", {"channel": "C0ALERTS", "text": "x"}, "missing_scope"),
        ("chat:write.public", "chat.postMessage", {"channel": "C0PUBLIC", "text": "x"}, "not_in_channel"),
        ("chat:write", "chat.update", {"channel": "C0ALERTS", "ts": "1", "text": "x"}, "missing_scope"),
        ("channels:history", "conversations.history", {"channel": "C0ALERTS"}, "missing_scope"),
        ("groups:history", "conversations.history", {"channel": "G0PRIVATE"}, "missing_scope"),
        ("channels:read", "conversations.list", {}, "missing_scope"),
        ("groups:read", "conversations.list", {"types": "public_channel,private_channel"}, "missing_scope"),
        ("channels:read", "conversations.info", {"channel": "C0ALERTS"}, "missing_scope"),
        ("channels:join", "conversations.join", {"channel": "C0PUBLIC"}, "missing_scope"),
    ],
)
async def test_each_scope_is_needed_for_what_it_allows(start, scope, method, arguments, code):
    workspace = await start(scopes=SCOPES - {scope})
    answer = await workspace.call(method, arguments)
    assert answer["error"] == code
    if code == "missing_scope":
        assert answer["needed"] == scope
        assert scope not in answer["provided"].split(",")


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ({"ts": "1.000001"}, "message_not_found"),
        ({"channel": "cdn-alerts"}, "channel_not_found"),  # only a post takes a channel's name
        ({"text": "ü" * 2001}, "msg_too_long"),  # 4,000 bytes, not characters
        ({"unfurl_links": False}, "invalid_arguments"),
        ({"text": "", "blocks": []}, "no_text"),
        ({"blocks": [{"type": "section"}]}, "invalid_blocks"),
    ],
)
async def test_edits_that_slack_refuses_are_refused(workspace, edit, code):
    posted = await workspace.posted()
    arguments = {**HERE, "ts": posted["ts"], "text": "over", **edit}
    assert await workspace.error("chat.update", arguments) == code
    assert workspace.slack.posts[0].edits == []


async def test_the_messages_of_others_cannot_be_edited(workspace):
    planted = workspace.slack.workspace.plant("cdn-alerts", "hello")
    arguments = {**HERE, "ts": planted.ts, "text": "over"}
    assert await workspace.error("chat.update", arguments) == "cant_update_message"


async def test_an_edit_with_text_alone_deletes_the_blocks_and_keeps_the_metadata(workspace):
    metadata = {"event_type": "a", "event_payload": {"id": "41"}}
    posted = await workspace.posted(blocks=[SECTION], metadata=metadata)
    assert (await workspace.call("chat.update", {**HERE, "ts": posted["ts"], "text": "over"}))["ok"]
    (message,) = workspace.slack.posts
    assert (message.text, message.blocks, message.metadata) == ("over", [], metadata)
    assert message.edits == [{"text": "dark", "blocks": [SECTION], "attachments": []}]


async def test_history_shows_the_newest_first_without_replies_and_metadata_only_on_demand(workspace):
    metadata = {"event_type": "a", "event_payload": {"id": "41"}}
    first = await workspace.posted("one", metadata=metadata)
    await workspace.posted("reply", thread_ts=first["ts"])
    await workspace.posted("loud reply", thread_ts=first["ts"], reply_broadcast=True)
    await workspace.posted("two")
    plain_history = await workspace.call("conversations.history", HERE)
    assert [one["text"] for one in plain_history["messages"]] == ["two", "loud reply", "one"]
    assert "metadata" not in plain_history["messages"][-1]
    full = await workspace.call("conversations.history", {**HERE, "include_all_metadata": True, "oldest": "0"})
    assert full["messages"][-1]["metadata"] == metadata
    later = await workspace.call("conversations.history", {**HERE, "oldest": first["ts"]})
    assert len(later["messages"]) == 2
    replies = await workspace.call("conversations.replies", {**HERE, "ts": first["ts"]})
    assert [one["text"] for one in replies["messages"]] == ["one", "reply", "loud reply"]


async def test_history_comes_in_pages(workspace):
    for text in "abc":
        await workspace.posted(text)
    page = await workspace.call("conversations.history", {**HERE, "limit": 2})
    assert page["has_more"]
    rest = {**HERE, "limit": 2, "cursor": page["response_metadata"]["next_cursor"]}
    assert [one["text"] for one in (await workspace.call("conversations.history", rest))["messages"]] == ["a"]


async def test_only_a_member_reads_a_channel_and_anyone_may_join_a_public_one(workspace):
    there = {"channel": "C0PUBLIC"}
    assert (await workspace.call("chat.postMessage", {**there, "text": "x"}))["ok"]  # chat:write.public
    assert await workspace.error("conversations.history", there) == "not_in_channel"
    assert await workspace.error("conversations.replies", {**there, "ts": "1"}) == "not_in_channel"
    assert (await workspace.call("conversations.join", there))["channel"]["is_member"]
    assert len((await workspace.call("conversations.history", there))["messages"]) == 1
    assert await workspace.error("conversations.join", {"channel": "G0HIDDEN"}) == "channel_not_found"
    assert await workspace.error("conversations.join", {"channel": "C0OLD"}) == "is_archived"


async def test_channels_are_listed_by_kind_and_hidden_ones_never(workspace):
    kinds = {"types": "public_channel,private_channel", "exclude_archived": True}
    listed = (await workspace.call("conversations.list", kinds))["channels"]
    assert [one["name"] for one in listed] == ["cdn-alerts", "ops", "downloads", "not-joined", "private"]
    assert await workspace.error("conversations.info", {"channel": "G0HIDDEN"}) == "channel_not_found"


async def test_a_second_post_within_the_second_is_refused_where_the_pace_is_kept(start):
    now = [1000.0]
    workspace = await start(paced=True, now=lambda: now[0])
    assert (await workspace.posted())["ok"]
    now[0] += 0.9
    assert (await workspace.posted())["error"] == "ratelimited"
    assert (await workspace.call("chat.postMessage", {"channel": "ops", "text": "x"}))["ok"]
    now[0] += 0.1
    assert (await workspace.posted())["ok"]


async def test_a_response_url_takes_five_answers(workspace):
    url = workspace.slack.response_url()
    assert [await workspace.respond(url, {"text": "x"}) for _ in range(5)] == [(200, None)] * 5
    assert await workspace.respond(url, {"text": "x"}) == (404, "used_url")


async def test_a_response_url_lives_for_half_an_hour(start):
    now = [1000.0]
    workspace = await start(now=lambda: now[0])
    url = workspace.slack.response_url()
    now[0] += 1801
    assert await workspace.respond(url, {"text": "x"}) == (404, "expired_url")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": ""}, "no_text"),
        ({"text": "x", "metadata": {}}, "invalid_payload"),
        ({"text": "x", "response_type": "public"}, "invalid_payload"),
        ({"text": "x", "blocks": [{"type": "section"}]}, "invalid_blocks"),
        ([], "json_not_object"),
    ],
)
async def test_answers_that_slack_refuses_are_refused(workspace, body, code):
    assert await workspace.respond(workspace.slack.response_url(), body) == (400, code)


async def test_a_command_that_nobody_acknowledges_times_out(workspace):
    with pytest.raises(TimeoutError):
        await workspace.slack.command(text="status", patience=0.01)


@pytest.mark.parametrize(
    ("action_id", "value", "says"),
    [
        ("nowhere", None, "has no element 'nowhere'"),
        ("why", "413", "has not the value '413'"),
        ("s", None, "has no option None"),
        ("s", "2", "has no option '2'"),
    ],
)
async def test_only_what_stands_in_a_message_can_be_clicked(workspace, action_id, value, says):
    await workspace.posted(attachments=[{"blocks": [row({**BUTTON, "value": "412"}, select(1))]}])
    with pytest.raises(LookupError, match=says):
        await workspace.slack.click(workspace.slack.posts[0], action_id, value)


@pytest.mark.real_time
async def test_as_a_process_of_its_own_it_is_driven_over_http(tmp_path):
    log = tmp_path / "slack.log"
    process = subprocess.Popen([sys.executable, SCRIPT, "--log", log], stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - it starts at once
    try:
        root = process.stdout.readline().strip().removesuffix("/api/")
        headers = {"Authorization": f"Bearer {BOT_TOKEN}"}
        async with aiohttp.ClientSession() as session:
            await session.post(f"{root}/_control/fault", json={"method": "chat.postMessage", "mode": "fatal_error"})
            for text in ("lost", "dark"):
                await session.post(f"{root}/api/chat.postMessage", json={**HERE, "text": text}, headers=headers)
            async with session.get(f"{root}/_control/messages") as answer:
                assert [one["text"] for one in await answer.json()] == ["dark"]
            async with session.get(f"{root}/_control/calls") as answer:
                assert [one["outcome"] for one in await answer.json()] == ["fault fatal_error", "ok"]
            typed = {"text": "status", "patience": 0.01}
            async with session.post(f"{root}/_control/command", json=typed) as answer:
                assert answer.status == 504
            clicked = {"ts": "1.000001", "action_id": "ack"}
            async with session.post(f"{root}/_control/click", json=clicked) as answer:
                assert answer.status == 400
    finally:
        process.terminate()
        process.stdout.close()
        assert process.wait(10) == 0
    assert [json.loads(line)["method"] for line in log.read_text().splitlines()] == ["chat.postMessage"] * 2
