"""When charts are drawn and where they go: one for each loud incident, in its thread, beside delivery."""

from __future__ import annotations

import asyncio
import logging

import pytest
from fakes.rigs.house import START, House
from fakes.rigs.inquired import Inquired
from fakes.rigs.until import until
from fakes.wire.slack import APP_TOKEN, BOT_TOKEN, FakeSlack
from fakes.worlds.clock import FakeClock

from alertbot.charts.chart import Picture
from alertbot.charts.painter import Pictures
from alertbot.clock import SystemClock
from alertbot.config import load
from alertbot.errors import ChartError
from alertbot.messages.blocks import Message, actions, button
from alertbot.messages.slack import to_json
from alertbot.query.names import Meant
from alertbot.service.charts import FRESH, ChartThreads
from alertbot.slack.client import Post, SlackClient
from alertbot.slack.commands import Reply
from alertbot.slack.delivery import Delivery
from alertbot.slack.workspace import Workspace
from alertbot.store import outbox
from alertbot.store.outbox import NewMessage
from alertbot.units import DAY

RULES = """
[watch]
domains = ["a.example.com", "b.example.com"]

[slack]
charts = {charts}

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
severity = "critical"
"""
A, B = "a.example.com", "b.example.com"
USUAL = {A: 4e8, B: 2e8, "total": 9e8}


class Sketch:
    """Draws at once, or not; ``at_work`` counts how many are drawn at a time."""

    def __init__(self, error=None):
        self.asked = []
        self._error = error

    async def of_incident(self, number):
        return self._drawn(number)

    async def of_subject(self, subject):
        return await self.of_incident(int(subject.removeprefix("incident:")))

    async def of_series(self, what, span):
        return self._drawn((what.name, span))

    def _drawn(self, what):
        self.asked.append(what)
        if self._error is not None:
            raise self._error
        return Picture("alertbot.png", f"{what}", "words", b"png")


class Office:
    """A house whose messages stand in a loopback Slack."""

    def __init__(self, folder, charts="true"):
        path = folder / "rules.toml"
        path.write_text(RULES.replace("{charts}", charts))
        config = load(path)
        self.house = House(config, config.watched())
        self.slack = FakeSlack(now=lambda: self.house.now)

    async def __aenter__(self):
        base_url = await self.slack.start()
        await self.house.begin(USUAL)
        self.workspace = Workspace(BOT_TOKEN, None, base_url, None, self.house, channels=("#cdn-alerts",))
        self.workspace._client = SlackClient(BOT_TOKEN, base_url, timeout=1)
        self.delivery = Delivery(self.house._keeper, self.workspace, self.house)
        return self

    async def __aexit__(self, *_):
        await self.house.end()
        await self.slack.stop()

    async def dark(self, *names):
        for _ in range(3):
            await self.house.judge(USUAL | dict.fromkeys(names, 0.0))
        await self.deliver()

    async def deliver(self):
        await self.delivery.begin()
        while self.delivery.under_way:
            await asyncio.wait(self.delivery.under_way)
            self.house.now += 2
            await self.delivery.begin()

    def charting(self, draws):
        return ChartThreads(self.house._keeper, draws, self.workspace, self.house)


@pytest.fixture
async def office(tmp_path):
    async with Office(tmp_path) as office:
        yield office


async def test_a_loud_incident_has_one_real_chart_in_its_thread(office):
    await office.dark(A)
    charting = office.charting(Pictures(lambda: Inquired(office.house).scope))
    assert await charting.chart_one()
    (shared,) = office.slack.shared
    (post,) = [message for message in office.slack.posts if not message.thread_ts]
    assert (shared.channel, shared.thread_ts) == (post.channel, post.ts)
    assert shared.title == f"#1 {A}"
    assert shared.alt.startswith(f"Bandwidth of {A} from ")
    assert shared.content.startswith(b"\x89PNG")
    assert not await charting.chart_one()


@pytest.mark.slow
async def test_a_digest_has_one_real_chart_of_its_day_in_its_thread(office):
    for _ in range(288):
        await office.house.judge(USUAL)
    office.house.now = START + DAY + 9 * 3600
    draft = NewMessage("d", "digest:2026-11-04", "post", "#cdn-alerts", to_json(Message("Tuesday was fine.")))
    await office.house._keeper.do(outbox.enqueue, [draft], office.house.now)
    await office.deliver()
    charting = office.charting(Pictures(lambda: Inquired(office.house).scope))
    assert await charting.chart_one()
    (shared,) = office.slack.shared
    assert shared.thread_ts == office.slack.posts[0].ts
    assert shared.title == "Tuesday, 3 November: the whole account"
    assert "from Tue 3 Nov 00:00 to 00:00" in shared.alt
    assert not await charting.chart_one()


async def test_a_restart_draws_it_no_second_time(office):
    await office.dark(A)
    await office.charting(Sketch()).chart_one()
    await office.house.restart()
    again = Sketch()
    assert not await office.charting(again).chart_one()
    assert again.asked == []


@pytest.mark.parametrize(
    ("error", "fault", "told"),
    [
        (ChartError("matplotlib is not installed"), None, "the thread of #1 has no chart: matplotlib is not installed"),
        (None, "500", "the thread of #1 has no chart: Slack did not take it (http_500)"),
        (None, "file_uploads_disabled", "the thread of #1 has no chart: Slack did not take it (file_uploads_disabled)"),
        (None, "hang", "the thread of #1 has no chart: Slack did not take it (timeout)"),
        (RuntimeError("a bug"), None, "the thread of #1 has no chart"),
    ],
)
async def test_what_fails_is_one_line_in_the_log_and_is_not_tried_again(office, caplog, error, fault, told):
    await office.dark(A)
    if fault:
        office.slack.fault("files.getUploadURLExternal", fault)
    caplog.set_level(logging.INFO)
    caplog.clear()
    charting = office.charting(Sketch(error))
    assert await charting.chart_one()
    assert [record.message for record in caplog.records if record.name == "alertbot.service.charts"] == [told]
    assert not await charting.chart_one()
    assert office.slack.shared == []


async def test_a_message_that_slack_did_not_take_yet_has_no_chart_yet(office):
    office.slack.fault("chat.postMessage", "channel_not_found", 5)
    await office.dark(A)
    assert not await office.charting(Sketch()).chart_one()


async def test_in_a_storm_what_is_old_gets_none(office):
    await office.dark(A)
    office.house.now += FRESH
    await office.dark()
    await office.dark(B)
    sketch = Sketch()
    charting = office.charting(sketch)
    while await charting.chart_one():
        pass
    assert sketch.asked == [2]


async def test_in_a_storm_the_newest_go_first(office):
    await office.dark(A)
    await office.dark(A)
    await office.house._keeper.do(_told_now)
    await office.dark(A, B)
    sketch = Sketch()
    charting = office.charting(sketch)
    while await charting.chart_one():
        pass
    assert sketch.asked == [2, 1]


def _told_now(db):
    """As if it had taken Slack until now to take the messages."""
    db.conn.execute("UPDATE outbox SET sent = sent + 900 WHERE sent IS NOT NULL")


async def test_it_waits_for_as_long_as_slack_asks_and_delivery_does_not(office):
    office.slack.fault("files.getUploadURLExternal", "429:60")
    await office.dark(A)
    charting = office.charting(Sketch())
    await charting.chart_one()
    assert charting._pause == 60.0
    await office.dark(A, B)
    assert len(office.slack.posts) > 1


async def test_a_chart_that_takes_for_ever_holds_up_no_message(office):
    class Slow(Sketch):
        async def of_incident(self, number):
            await asyncio.Event().wait()

    await office.dark(A)
    drawing = asyncio.create_task(office.charting(Slow()).chart_one())
    await asyncio.sleep(0)
    before = len(office.slack.posts)
    await office.dark(B)
    assert len(office.slack.posts) > before
    drawing.cancel()
    await asyncio.gather(drawing, return_exceptions=True)


@pytest.mark.parametrize(("charts", "there"), [("true", True), ("false", False)])
async def test_there_is_a_button_unless_charts_are_switched_off(tmp_path, charts, there):
    async with Office(tmp_path, charts) as office:
        await office.dark(A)
        (post,) = [message for message in office.slack.posts if not message.thread_ts]
        assert ('"chart"' in str(post.attachments).replace("'", '"')) is there


# Charts that people ask for

UNDER = Message("dark", (actions(button("Chart", "chart", "412")),), "#d40e0d")


class Echo:
    """Shows a series in public."""

    async def answer(self, text, asker):
        return Reply(Message("`a`: 1 Gbps"), public=True, chart=(Meant("a.example.com", ("a.example.com",)), 3600))

    def answer_at_once(self, _):
        return None


class Asked:
    """A bot that listens in a Slack where one message has the button."""

    def __init__(self, draws):
        self.slack = FakeSlack()
        self.draws = draws

    async def __aenter__(self):
        base_url = await self.slack.start()
        self.workspace = Workspace(
            BOT_TOKEN, APP_TOKEN, base_url, Echo(), SystemClock(), channels=("#cdn-alerts",), chart_source=self.draws
        )
        await self.workspace.start()
        await self.workspace.post(Post("#cdn-alerts", UNDER, "1"))
        return self

    async def __aexit__(self, *_):
        await self.workspace.stop()
        await self.slack.stop()

    async def click(self, answers=0):
        return (await self.slack.click(self.slack.posts[0], "chart", answers=answers)).answers


async def test_a_click_puts_a_fresh_chart_into_the_thread_and_says_nothing():
    async with Asked(Sketch()) as asked:
        assert await asked.click() == []
        await until(lambda: asked.slack.shared)
        (shared,) = asked.slack.shared
        assert (shared.channel, shared.thread_ts) == ("C0ALERTS", asked.slack.posts[0].ts)
        assert asked.draws.asked == [412]


async def test_a_double_click_is_one_chart():
    async with Asked(Sketch()) as asked:
        await asked.click()
        (answer,) = await asked.click(answers=1)
        assert answer["text"] == "The chart of #412 stands in the thread, or will in a moment."
        assert answer["response_type"] == "ephemeral"
        await until(lambda: asked.slack.shared)
        assert asked.draws.asked == [412]


async def test_a_minute_later_a_click_gets_another(tmp_path):
    clock = FakeClock()
    async with Asked(Sketch()) as asked:
        asked.workspace._charts._clock = clock
        await asked.click()
        await until(lambda: asked.slack.shared)
        clock.advance(61)
        await asked.click()
        await until(lambda: len(asked.slack.shared) == 2)


@pytest.mark.parametrize(
    ("draws", "fault", "told"),
    [
        (None, None, "Charts are switched off here."),
        (
            Sketch(ChartError("#412 is about nothing that could be drawn")),
            None,
            "There is no chart: #412 is about nothing that could be drawn.",
        ),
        (Sketch(), "not_in_channel", "The chart cannot be shown here: the bot is no member here: `/invite` it."),
        (Sketch(), "500", "The chart cannot be shown here: http_500."),
    ],
)
async def test_where_there_can_be_no_chart_who_clicked_is_told_why_and_may_click_again(draws, fault, told):
    async with Asked(draws) as asked:
        for _ in range(2):
            if fault:
                asked.slack.fault("files.completeUploadExternal", fault)
            (answer,) = await asked.click(answers=1)
            assert answer["text"] == told
            assert answer["response_type"] == "ephemeral"
        assert asked.slack.shared == []


async def test_what_is_shown_in_public_comes_with_a_chart():
    async with Asked(Sketch()) as asked:
        await asked.slack.command(text="show a public")
        await until(lambda: asked.slack.shared)
        (shared,) = asked.slack.shared
        assert (shared.channel, shared.thread_ts) == ("C0ALERTS", None)
        assert asked.draws.asked == [("a.example.com", 3600)]


async def test_where_the_bot_is_no_member_only_who_asked_is_told():
    async with Asked(Sketch()) as asked:
        answer = await asked.slack.command(text="show a public", channel="not-joined", answers=2)
        assert [each["response_type"] for each in answer.answers] == ["in_channel", "ephemeral"]
        assert "/invite" in answer.answers[1]["text"]


async def test_without_charts_the_answer_in_public_comes_alone():
    async with Asked(None) as asked:
        answer = await asked.slack.command(text="show a public")
        await asyncio.sleep(0.05)
        assert asked.slack.answers(answer.response_url) == []
