"""``run --channel``: whatever would be said anywhere is said in one channel, and wakes nobody."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest
from click.testing import CliRunner
from fakes.rigs.scheduler import scheduled_by
from fakes.rigs.until import until
from fakes.wire.slack import BOT_TOKEN, FakeSlack
from fakes.worlds.virtual import VirtualClock

from alertbot.cli.main import main
from alertbot.config import load
from alertbot.config.credentials import Credentials
from alertbot.config.fields import channel_named
from alertbot.errors import DeliveryError
from alertbot.feed.simulator.scenario import Event, Scenario, Shape
from alertbot.feed.simulator.server import Simulator
from alertbot.messages.blocks import Message
from alertbot.messages.slack import to_json
from alertbot.messages.status import status_message
from alertbot.ops.systemd import Notifier
from alertbot.query.status import stored_status
from alertbot.service.service import Service
from alertbot.slack.client import Post, SlackClient
from alertbot.slack.trial import DivertedPoster
from alertbot.store import outbox
from alertbot.store.outbox import NewMessage
from alertbot.store.store import Store

START = 1_793_613_600
MINUTE = 60

RULES = """
[feed]
base_url = "{feed}"

[watch]
domains = ["a.example.com", "dl.example.com"]

[[group]]
name = "downloads"
domains = ["dl.*"]
channel = "#downloads"

[slack]
base_url = "{slack}"
fallback_channel = "#ops"
mention = {{ warning = "@here" }}

[digest]
at = "09:00"
channel = "#ops"

[[rule]]
name = "ceiling"
kind = "threshold"
domains = ["dl.*"]
above = "1 Gbps"
escalate_after = "5m"
escalate_to = ["@channel", "#ops"]

[[rule]]
name = "low"
kind = "threshold"
domains = ["a.*"]
below = "1 Mbps"
channel = "#private"
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(RULES.format(feed="http://127.0.0.1:9/v2/", slack="http://127.0.0.1:9/api/"))
    return load(path)


def test_every_channel_of_a_diverted_configuration_is_the_trials(config):
    assert set(config.channels) == {"#cdn-alerts", "#ops", "#downloads", "#private"}
    trial = config.diverted_to("#trial")

    assert trial.channels == ("#trial",)
    assert trial.slack.mention == {}
    assert [rule.escalate_to for rule in trial.rules] == [("#trial",), ()]
    assert trial.diverted_to("#trial") == trial


@pytest.mark.parametrize(("text", "name"), [("ops", "#ops"), ("#ops", "#ops"), ("C0ALERTS01", "C0ALERTS01")])
def test_a_channel_may_be_named_without_its_hash(text, name):
    assert channel_named(text) == name


@pytest.mark.parametrize("text", ["", "Ops!", "#Ops", "two words", "@here", "x" * 90])
def test_what_is_no_channel_is_refused_with_exit_code_2(text, config, monkeypatch):
    monkeypatch.setenv("ALERTBOT_API_TOKEN", "t")
    result = CliRunner().invoke(main, ["run", "-c", str(config.path), "--channel", text])

    assert result.exit_code == 2
    assert "is no Slack channel: write its name in lower case" in result.stderr


# What is posted where


IDS = {"#ops": "C0OPS"}


class Posting:
    """A client as a poster: the workspace, too, knows channels by their ids."""

    def __init__(self, client):
        self._client = client
        self.update = client.update

    async def post(self, post):
        return await self._client.post(by_id(post))

    async def find(self, post, *, since):
        return await self._client.find(by_id(post), since=since)


def by_id(post):
    return replace(post, channel=IDS.get(post.channel, post.channel))


@pytest.fixture
def diverted(slack):
    return DivertedPoster(Posting(SlackClient(BOT_TOKEN, slack.base_url)), "#ops", IDS.get)


async def test_a_message_for_any_channel_is_posted_in_the_trials_and_its_thread_goes_on_there(diverted, slack):
    one = Post("#cdn-alerts", Message("one"), "1")
    posted = await diverted.post(one)
    await diverted.post(Post(posted.channel_id, Message("two"), "2", thread_ts=posted.ts, broadcast=True))
    await diverted.update(posted.channel_id, posted.ts, Message("three"))

    assert [(each.channel, each.text, each.thread_ts) for each in slack.posts] == [
        ("C0OPS", "three", None),
        ("C0OPS", "two", posted.ts),
    ]
    assert await diverted.find(one, since=60) == posted


async def test_what_stands_elsewhere_is_left_as_it_is_and_told_anew(diverted, slack):
    other = await SlackClient(BOT_TOKEN, slack.base_url).post(Post("C0ALERTS", Message("before"), "0"))
    with pytest.raises(DeliveryError) as refused:
        await diverted.update(other.channel_id, other.ts, Message("after"))
    await diverted.post(Post(other.channel_id, Message("a reply"), "1", thread_ts=other.ts, broadcast=True))

    assert refused.value.permanent
    assert [(each.channel, each.text, each.thread_ts) for each in slack.posts] == [
        ("C0ALERTS", "before", None),
        ("C0OPS", "a reply", None),
    ]


async def test_while_slack_does_not_list_its_channels_nothing_is_taken_for_elsewhere(slack):
    poster = DivertedPoster(Posting(SlackClient(BOT_TOKEN, slack.base_url)), "#ops", lambda _: None)
    with pytest.raises(DeliveryError) as unsure:
        await poster.update("C0OPS", "1.0", Message("after"))

    assert not unsure.value.permanent
    assert slack.calls == []


# The service


@contextlib.asynccontextmanager
async def trial(tmp_path, prepare=lambda path: None):
    """The service on trial in #ops: ``dl`` is over its limit from the 30th minute on, and ``a`` is dark."""
    clock = VirtualClock(START)
    domains = {name: Shape(level=1e8) for name in ("a.example.com", "dl.example.com")}
    events = (
        Event("dl.example.com", START + 30 * MINUTE, START + 900 * MINUTE, 20.0),
        Event("a.example.com", START + 30 * MINUTE, START + 900 * MINUTE, 0.0),
    )
    simulator, slack = Simulator(Scenario(token="t", domains=domains, events=events), clock), FakeSlack(now=clock.time)
    path = tmp_path / "rules.toml"
    path.write_text(RULES.format(feed=await simulator.start(), slack=await slack.start()))
    config = load(path).diverted_to("#ops")
    prepare(config.store.path)
    service = Service(
        config,
        Credentials(api_token="t", slack_bot_token=BOT_TOKEN),
        clock,
        notifier=Notifier(None),
        progress=lambda _done, _total: None,
    )
    with scheduled_by(clock):
        running = asyncio.create_task(service.run())
        try:
            yield slack, config
        finally:
            service.stop()
            await running
            await simulator.stop()
            await slack.stop()


def owed(path):
    """What an earlier run left for another channel."""
    store = Store(path)
    left = NewMessage("left", "silence:1", "post", "#cdn-alerts", to_json(Message("left over")))
    store.do(outbox.enqueue, [left], START)
    store.close()


@pytest.mark.slow
async def test_a_service_on_trial_says_everything_in_one_channel_and_wakes_nobody(tmp_path, caplog):
    caplog.set_level("INFO", "alertbot")
    async with trial(tmp_path, owed) as (slack, config):
        told = ("left over", "went above 1 Gbps", "went under 1 Mbps")
        await until(lambda: all(any(part in each.everything for each in slack.posts) for part in told))
        await until(lambda: any(each.broadcast for each in slack.posts))
        status, _ = stored_status(config.store.path)

    assert {each.channel for each in slack.posts} == {"C0OPS"}
    assert not any("<!" in each.everything for each in slack.posts)
    assert not any(call.method == "conversations.join" for call in slack.calls)
    assert "a trial: every message goes to #ops, and mentions nobody" in caplog.messages
    shown = str(status_message(status, config.slack.zone).blocks)
    assert "a trial: every message goes to #ops, and mentions nobody" in shown
