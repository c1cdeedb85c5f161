"""Socket Mode against a real WebSocket: acknowledged at once, renewed by itself, ended without a trace."""

import asyncio
import contextlib
import json
import logging
import re

import pytest
from fakes.rigs.until import until
from fakes.wire.slack import APP_TOKEN, BOT_TOKEN, TEAM
from fakes.worlds.virtual import VirtualClock, passes

from alertbot.errors import CredentialsError
from alertbot.messages.blocks import Message, actions, button, select
from alertbot.slack.client import Post, SlackClient
from alertbot.slack.socket_mode import Click, SlashCommand, SocketListener

PING = 0.4


@pytest.fixture
def listening(slack):
    """A listener that echoes each command, or does what it is given."""

    @contextlib.asynccontextmanager
    async def listening(on_command=None, on_click=None, token=APP_TOKEN, **options):
        client = SlackClient(BOT_TOKEN, slack.base_url)

        async def echo(command):
            await client.respond(command.response_url, Message(f"you said {command.text}"))

        listener = SocketListener(
            token,
            on_command or echo,
            on_click or echo,
            base_url=slack.base_url,
            **{"ping_interval": PING, "clock": VirtualClock(), **options},
        )
        await listener.start()
        try:
            yield listener
        finally:
            await listener.stop()

    return listening


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_command_is_acknowledged_at_once_and_answered_through_its_url(slack, listening):
    async with listening() as listener:
        answer = await slack.command(text="status")
        assert answer.ack_seconds < 0.5
        assert answer.answers[0]["text"] == "you said status"
        assert listener.connected
    assert not listener.connected


async def test_a_command_says_who_asked_what_and_where(slack, listening):
    heard = asyncio.Queue()
    async with listening(heard.put):
        await slack.command(text="show video.example.com", user="U0ADA", channel="ops", answers=0)
        command = await heard.get()
    url = command.response_url
    assert command == SlashCommand("show video.example.com", "U0ADA", "u0ada", "C0OPS", "ops", TEAM, url)
    assert url not in repr(command)


async def test_a_command_that_takes_long_is_acknowledged_all_the_same(slack, listening):
    begun = asyncio.Event()

    async def think(_):
        begun.set()
        await asyncio.Event().wait()

    async with listening(think):
        answer = await slack.command(text="top", answers=0)
        await begun.wait()
        assert answer.ack_seconds < 0.5


async def test_a_command_that_fails_is_logged_without_its_url_and_the_next_one_is_answered(slack, listening, caplog):
    heard = asyncio.Queue()

    async def fail_once(command):
        await heard.put(command)
        if heard.qsize() == 1:
            raise LookupError("no such thing")

    async with listening(fail_once):
        await slack.command(text="one", answers=0)
        await slack.command(text="two", answers=0)
        await until(lambda: heard.qsize() == 2)
    assert warnings(caplog) == ["the command 'one' of U0ADA failed"]
    assert "no such thing" in caplog.text
    assert "/response/" not in caplog.text


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("interactive", {"type": "block_actions"}),
        ("interactive", {"type": "block_actions", "view": {}, "actions": [{"action_id": "ack"}]}),
        ("interactive", {"type": "view_submission", "view": {}}),
        ("events_api", {"type": "event_callback"}),
    ],
)
async def test_what_is_neither_command_nor_click_is_acknowledged_and_left_alone(slack, listening, kind, payload):
    heard = asyncio.Queue()
    async with listening(heard.put, heard.put):
        assert await slack.socket.deliver(kind, payload, patience=5) < 0.5
    assert heard.empty()


@pytest.mark.parametrize("color", [None, "#d00000"])
async def test_a_click_is_acknowledged_at_once_and_says_who_clicked_what_and_where(slack, listening, color):
    heard = asyncio.Queue()
    menu = select("Silence", "silence", [("1 hour", "412 1h"), ("4 hours", "412 4h")])
    client = SlackClient(BOT_TOKEN, slack.base_url)
    dark = Message("dark", (actions(button("Ack", "ack", "412"), menu),), color)
    await client.post(Post("C0OPS", dark, "1"))
    (message,) = slack.posts
    async with listening(on_click=heard.put):
        answer = await slack.click(message, "ack", user="U0BOB")
        chosen = await slack.click(message, "silence", "412 4h", team="T0OTHER")
        first, second = await heard.get(), await heard.get()
    assert answer.ack_seconds < 0.5
    url = answer.response_url
    assert first == Click("ack", "412", "U0BOB", "u0bob", "C0OPS", "ops", message.ts, TEAM, url)
    assert url not in repr(first)
    assert (second.action_id, second.value, second.team_id) == ("silence", "412 4h", "T0OTHER")
    assert second.response_url == chosen.response_url


async def test_a_click_that_fails_is_logged_without_its_url(slack, listening, caplog):
    async def fail(_):
        raise LookupError("no such thing")

    client = SlackClient(BOT_TOKEN, slack.base_url)
    await client.post(Post("C0OPS", Message("dark", (actions(button("Ack", "ack", "412")),)), "1"))
    async with listening(on_click=fail):
        await slack.click(slack.posts[0], "ack")
        await until(lambda: warnings(caplog))
    assert warnings(caplog) == ["the click on 'ack' of U0ADA failed"]
    assert "/response/" not in caplog.text


@pytest.mark.parametrize(
    ("token", "word"),
    [("xapp-wrong", "invalid_auth"), ("", "not_authed"), (BOT_TOKEN, "not_allowed_token_type")],
)
async def test_a_wrong_app_token_is_told_at_start(listening, token, word):
    with pytest.raises(CredentialsError, match=rf"app token \({word}\).*ALERTBOT_SLACK_APP_TOKEN") as caught:
        async with listening(token=token):
            pass
    assert not token or token not in str(caught.value)


async def test_a_refused_handshake_is_tried_again_with_a_fresh_ticket(slack, listening, caplog):
    slack.fault("socket", "500")
    async with listening():
        assert (await slack.command(text="status")).answers
    assert slack.socket.refused == 1
    assert [call.method for call in slack.calls].count("apps.connections.open") == 2
    assert re.fullmatch(r"Socket Mode: handshake refused with HTTP 500; commands and .*", *warnings(caplog))


async def test_a_ticket_that_expired_is_replaced_by_a_fresh_one(slack, listening, caplog):
    async with listening():
        slack.socket.expire_tickets()
        assert (await slack.command(text="status")).answers
    assert slack.socket.refused == 1
    assert "handshake refused with HTTP 408" in caplog.text


async def test_a_connection_that_is_killed_is_followed_by_another_at_once(slack, listening, caplog):
    async with listening(ping_interval=0.1):
        await slack.socket.connected()
        await passes(1.3)
        slack.socket.cut()
        await slack.socket.connected(0)
        began = asyncio.get_running_loop().time()
        assert (await slack.command(text="status")).answers
        assert asyncio.get_running_loop().time() - began < 1
    assert warnings(caplog) == []


async def test_a_connection_whose_other_end_is_dead_though_it_stands_is_given_up_after_some_pings(slack, listening):
    async with listening() as listener:
        await until(lambda: listener.connected)
        slack.socket.freeze()
        began = asyncio.get_running_loop().time()
        assert (await slack.command(text="status")).answers
        assert 2 * PING < asyncio.get_running_loop().time() - began < 8 * PING


async def test_a_machine_that_stood_still_for_a_while_keeps_its_connection(slack, listening):
    async with listening(ping_interval=0.1) as listener:
        await until(lambda: listener.connected)
        for _ in range(3):
            asyncio.get_running_loop().stand_still(0.7)
            await passes(0.15)
        assert (await slack.command(text="status")).answers
    assert [call.method for call in slack.calls].count("apps.connections.open") == 1


async def test_slacks_own_pings_are_answered(slack, listening):
    async with listening() as listener:
        await until(lambda: listener.connected)
        await slack.socket.connections[0].ping(b"are you there")
        assert await slack.socket.pongs.get() == b"are you there"


@pytest.mark.parametrize("reason", ["too_many_websockets", "link_disabled"])
async def test_a_connection_slack_has_no_room_for_is_tried_again_ever_more_slowly_and_told_once(
    slack, listening, caplog, reason
):
    caplog.set_level(logging.INFO)
    async with listening() as listener:
        await slack.socket.connected()
        slack.socket.turn_away(reason, 2)
        await slack.socket.dismiss(reason)
        await until(lambda: not listener.connected)
        began = asyncio.get_running_loop().time()
        assert (await slack.command(text="status")).answers
        assert asyncio.get_running_loop().time() - began > PING * (0.4 + 0.8 + 1.6) * 0.9
        await until(lambda: "Socket Mode: connected again" in caplog.text)
    assert re.fullmatch(rf"Socket Mode: {reason}; commands and clicks .*", *warnings(caplog))
    assert caplog.text.count("Socket Mode: connected again") == 1


async def test_slacks_retry_after_holds_for_tickets(slack, listening):
    slack.fault("apps.connections.open", "429:1")
    slack.fault("apps.connections.open", "429:1")
    async with listening(ping_interval=0.1):
        assert (await slack.command(text="status")).answers
    at = [call.at for call in slack.calls if call.method == "apps.connections.open"]
    assert at[-1] - at[-2] >= 1


async def test_an_app_token_that_is_revoked_while_we_run_is_asked_for_seldom(slack, listening, caplog):
    async with listening(ping_interval=0.1):
        await slack.socket.connected()
        slack.fault("apps.connections.open", "token_revoked", 2)
        slack.socket.cut()
        await slack.socket.connected(0)
        assert (await slack.command(text="status")).answers
    at = [call.at for call in slack.calls if call.method == "apps.connections.open"]
    assert len(at) == 4
    assert min(at[2] - at[1], at[3] - at[2]) > 1
    assert "Socket Mode: token_revoked" in caplog.text


def envelope(kind, payload):
    return json.dumps({"envelope_id": "1", "type": kind, "payload": payload})


MALFORMED = {"type": "block_actions", "message": {"ts": "1.0"}, "response_url": "http://127.0.0.1:9/s3cret"}
CLICK = {**MALFORMED, "user": {"id": "U0ADA"}, "channel": {"id": "C0OPS"}, "actions": [{"action_id": "ack"}]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "[" * 100_000,
        '{"type": "slash_commands"}',
        '{"envelope_id": "1"}',
        envelope("interactive", MALFORMED),
        envelope("interactive", {**CLICK, "user": "U0ADA"}),
        envelope("interactive", {**CLICK, "channel": None}),
        envelope("interactive", {**CLICK, "actions": None}),
        envelope("interactive", {**CLICK, "actions": ["ack"]}),
        envelope("interactive", {**CLICK, "team": ["T0LOOP"]}),
        envelope("interactive", {**CLICK, "message": "1.0"}),
    ],
)
async def test_what_makes_no_sense_does_not_end_the_connection(slack, listening, text, caplog):
    async with listening():
        await slack.socket.connected()
        await slack.socket.connections[0].send_str(text)
        assert (await slack.command(text="status")).answers
    assert [call.method for call in slack.calls].count("apps.connections.open") == 1
    assert "s3cret" not in caplog.text


async def test_a_handshake_that_hangs_is_given_up(slack, listening, caplog):
    slack.fault("socket", "hang")
    async with listening(timeout=0.2):
        assert (await slack.command(text="status")).answers
    assert "Socket Mode: timeout" in caplog.text


async def test_a_slack_that_is_down_at_start_is_waited_for_and_told_once(slack, listening, caplog):
    caplog.set_level(logging.INFO)
    slack.fault("apps.connections.open", "500", times=4)
    async with listening(ping_interval=0.1) as listener:
        assert not listener.connected
        assert (await slack.command(text="status")).answers
        await until(lambda: "Socket Mode: connected again" in caplog.text)
    assert re.fullmatch(r"Socket Mode: http_500; commands and .*", *warnings(caplog))


async def test_a_connection_is_renewed_when_slack_asks_for_it(slack, listening, caplog, monkeypatch):
    monkeypatch.setattr("alertbot.slack.connection._LINGER", 0.2)
    async with listening():
        await slack.socket.connected()
        (before,) = slack.socket.connections
        await slack.socket.refresh()
        await until(lambda: before not in slack.socket.connections)
        assert len(slack.socket.connections) == 1
        assert (await slack.command(text="status")).answers
    assert warnings(caplog) == []


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_a_renewal_under_a_stream_of_commands_loses_none(slack, listening, reason):
    heard, over = [], asyncio.Event()

    async def hear(command):
        heard.append(command.text)

    async def stream():
        typed = []
        while not over.is_set():
            typed.append(str(len(typed)))
            assert (await slack.command(text=typed[-1], answers=0)).ack_seconds < 1
            await passes(0.002)
        return typed

    async with listening(hear):
        streaming = asyncio.create_task(stream())
        for _ in range(3):
            await slack.socket.connected()
            (old,) = slack.socket.connections
            await slack.socket.refresh(reason)
            await slack.socket.connected(2)
            await slack.socket.leave(old)
        over.set()
        typed = await streaming
    assert heard == typed
    assert len(typed) > 100


async def test_what_comes_in_over_the_old_connection_after_the_new_one_stands_is_still_answered(slack, listening):
    async with listening():
        await slack.socket.connected()
        (old,) = slack.socket.connections
        await slack.socket.refresh()
        await slack.socket.connected(2)
        slack.socket.connections.remove(slack.socket.connections[1])
        assert slack.socket.connections == [old]
        assert (await slack.command(text="status")).answers


async def test_a_connection_that_brings_nothing_is_renewed_now_and_then_and_one_in_use_is_not(
    slack, listening, monkeypatch
):
    monkeypatch.setattr("alertbot.slack.connection._LINGER", 0.0)
    async with listening(ping_interval=0.05, renew_after=0.5):
        await slack.socket.connected()
        (first,) = slack.socket.connections
        for _ in range(10):
            await slack.command(text="status")
            await passes(0.1)
        assert slack.socket.connections == [first]
        await until(lambda: first not in slack.socket.connections)
        assert (await slack.command(text="status")).answers


@pytest.mark.parametrize("fault", ["500", "internal_error", "drop_before", "garbage"])
async def test_a_connection_that_breaks_comes_back_even_when_slack_is_not_well(slack, listening, caplog, fault):
    async with listening():
        await slack.socket.connected()
        slack.fault("apps.connections.open", fault, times=2)
        slack.socket.cut()
        await slack.socket.connected(0)
        assert (await slack.command(text="status")).answers
    assert len(warnings(caplog)) <= 1


async def test_a_renewal_that_fails_keeps_the_old_connection_until_slack_closes_it(slack, listening):
    async with listening():
        await slack.socket.connected()
        slack.fault("apps.connections.open", "500")
        await slack.socket.refresh()
        assert (await slack.command(text="status")).answers
        await slack.socket.stop()
        assert (await slack.command(text="alerts")).answers


async def test_a_connection_outlives_the_time_out_of_its_handshake(slack, listening):
    async with listening(timeout=0.2, ping_interval=2):
        await slack.socket.connected()
        await passes(0.3)
        assert (await slack.command(text="status")).answers
    assert [call.method for call in slack.calls].count("apps.connections.open") == 1


async def test_no_log_line_holds_a_token_or_a_ticket_at_any_level(slack, listening, caplog):
    caplog.set_level(logging.DEBUG)
    slack.fault("socket", "500")
    async with listening():
        await slack.command(text="status")
        slack.socket.cut()
        await slack.socket.connected(0)
        await slack.command(text="status")
    assert "ticket=" not in caplog.text
    assert APP_TOKEN not in caplog.text
    assert "/response/" not in caplog.text


def own_tasks():
    coroutines = (task.get_coro().__qualname__ for task in asyncio.all_tasks())
    return [name for name in coroutines if name.startswith(("Connection", "_Socket", "SocketListener"))]


@pytest.mark.parametrize("fault", ["", "hang", "500"])
async def test_nothing_of_a_listener_is_left_when_it_has_stopped(slack, listening, fault):
    slack.fault("socket", fault)

    async def think(_):
        await asyncio.Event().wait()

    async with listening(think):
        if fault:
            await until(lambda: slack.socket.refused)
        else:
            await slack.command(text="top", answers=0)
        assert own_tasks() != []
    assert own_tasks() == []


async def test_a_renewal_that_hangs_ends_with_its_listener(slack, listening):
    async with listening():
        await slack.socket.connected()
        slack.fault("apps.connections.open", "hang")
        await slack.socket.refresh()
        await until(lambda: slack.calls[-1].outcome == "fault hang")
    assert own_tasks() == []


async def test_a_listener_stops_soon_where_the_connection_is_dead(slack, listening, monkeypatch):
    monkeypatch.setattr("alertbot.slack.connection._CLOSING", 0.1)
    async with listening(ping_interval=30):
        await slack.socket.connected()
        (socket,) = slack.socket.connections
        socket._req.transport.pause_reading()
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 2


async def test_a_listener_that_never_started_stops(slack):
    async def on_command(_):
        raise AssertionError

    listener = SocketListener(APP_TOKEN, on_command, on_command, base_url=slack.base_url)
    await listener.stop()
    assert not listener.connected
