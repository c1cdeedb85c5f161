"""Slack behind a company's proxy: posts, answers and Socket Mode go by the same rule as every other call."""

from __future__ import annotations

import pytest
from fakes.rigs.until import until
from fakes.wire.proxy import proxying
from fakes.wire.slack import APP_TOKEN, BOT_TOKEN

from alertbot.errors import DeliveryError
from alertbot.messages.blocks import Message
from alertbot.slack.client import Post, SlackClient
from alertbot.slack.socket_mode import SocketListener

HOST = "slack.example.com"
NOWHERE = "http://127.0.0.1:9"
POST = Post("#cdn-alerts", Message("dark"), "41")


@pytest.fixture(autouse=True)
def no_proxy_of_the_machines_own(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def port_of(slack):
    return int(slack.base_url.split(":")[2].partition("/")[0])


async def converse(slack, base_url):
    """Post a message, and answer a command that came by Socket Mode."""
    client = SlackClient(BOT_TOKEN, base_url)

    async def echo(command):
        await client.respond(command.response_url, Message(f"you said {command.text}"))

    listener = SocketListener(APP_TOKEN, echo, echo, base_url=base_url)
    await client.post(POST)
    await listener.start()
    try:
        await until(lambda: listener.connected)
        return await slack.command(text="status", answers=1)
    finally:
        await listener.stop()


async def test_everything_of_slack_goes_through_the_environments_proxy(slack, monkeypatch):
    # Response URLs and tickets of this Slack lead to this machine, so only what is called by its name goes that way.
    async with proxying({HOST: port_of(slack)}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        await converse(slack, f"http://{HOST}/api/")
    asked = [line.split()[1] for line in proxy.asked]
    assert asked == [f"http://{HOST}/api/{method}" for method in ("chat.postMessage", "apps.connections.open")]
    assert len(slack.posts) == 1


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"])
async def test_where_no_proxy_is_for_slack_none_is_asked(slack, monkeypatch, variable):
    """By itself slack_sdk takes any proxy for everything."""
    monkeypatch.setenv(variable, NOWHERE)
    answer = await converse(slack, slack.base_url)
    assert answer.answers[0]["text"] == "you said status"
    assert len(slack.posts) == 1


@pytest.mark.parametrize(
    ("refuses", "code"), [("407 Proxy Authentication Required", "refused_by_proxy"), (None, "proxy_unreachable")]
)
async def test_what_the_proxy_did_not_let_through_was_not_posted(monkeypatch, refuses, code):
    async with proxying({}, refuses) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url if refuses else NOWHERE)
        with pytest.raises(DeliveryError) as caught:
            await SlackClient(BOT_TOKEN, f"https://{HOST}/api/").post(POST)
    assert (caught.value.code, caught.value.unknown, caught.value.permanent) == (code, False, False)
