"""Slack's own charts in answers: shown where the workspace takes them, else the answer comes without, at once."""

from __future__ import annotations

import pytest
from fakes.rigs.until import until
from fakes.rigs.working import DOMAINS, START, working
from fakes.rigs.workspace import at_work
from fakes.wire.blockkit import CHARTS
from fakes.wire.slack import APP_TOKEN
from fakes.worlds.virtual import passes

from alertbot.feed.simulator.scenario import Event
from alertbot.messages.blocks import Message, actions, button
from alertbot.slack.client import Post
from alertbot.slack.commands import Reply
from alertbot.slack.interactions import CHARTS_AGAIN

POINTS = [{"label": "12:00", "value": 1.5}]
CHART = {
    "type": CHARTS,
    "title": "a",
    "chart": {"type": "line", "series": [{"name": "now", "data": POINTS}], "axis_config": {"categories": ["12:00"]}},
}


class Drawing:
    """Answers everything with a sentence and a chart."""

    def answer_at_once(self, _text):
        return None

    async def answer(self, _text, _asker):
        return Reply(Message("An answer.", chart=CHART), public=False)


def charts(answer):
    return [block for block in answer.get("blocks", ()) if block["type"] == CHARTS]


def tries(slack):
    """How the answers that were sent were taken."""
    return [call.outcome for call in slack.calls if call.method == "response_url"]


async def test_an_answer_has_its_chart_below_its_words():
    async with at_work("#ops", app_token=APP_TOKEN, commands=Drawing()) as (workspace, slack):
        (answer,) = (await slack.command(text="show a")).answers
        assert [block["type"] for block in answer["blocks"]] == ["section", CHARTS]
        assert answer["blocks"][0]["text"]["text"] == answer["text"] == "An answer."
        await workspace.post(Post("#ops", Message("down", (actions(button("Why", "why", "412")),)), "1"))
        (answer,) = (await slack.click(slack.posts[0], "why", answers=1)).answers
        assert charts(answer)
        assert workspace.charts_refused is None


@pytest.mark.slow
async def test_a_refusal_is_answered_without_in_the_same_attempt_and_remembered_for_a_day(caplog):
    caplog.set_level("INFO")
    async with at_work("#ops", app_token=APP_TOKEN, commands=Drawing()) as (workspace, slack):
        slack.takes_charts = False
        for _ in range(3):
            (answer,) = (await slack.command(text="show a")).answers
            assert (answer["text"], charts(answer)) == ("An answer.", [])
        assert tries(slack) == ["invalid_blocks", "ok", "ok", "ok"]
        assert workspace.charts_refused == "invalid_blocks"
        assert caplog.text.count("Slack takes no charts of its own here (invalid_blocks)") == 1
        slack.takes_charts = True
        await passes(CHARTS_AGAIN)
        (answer,) = (await slack.command(text="show a")).answers
        assert charts(answer)


@pytest.mark.parametrize("fault", ["500", "drop_after", "429:30"])
async def test_what_says_nothing_about_charts_is_no_refusal_of_them(fault):
    async with at_work("#ops", app_token=APP_TOKEN, commands=Drawing()) as (workspace, slack):
        slack.fault("response_url", fault)
        await slack.command(text="show a", answers=0)
        await until(lambda: tries(slack))
        assert workspace.charts_refused is None
        assert len(tries(slack)) == 1


async def test_the_service_answers_with_charts_and_posts_none_and_what_was_refused_outlives_a_restart(tmp_path):
    above = Event(DOMAINS[0], START - 3600, START + 3600, 20.0)
    async with working(tmp_path, slack="charts = false", events=[above]) as house:
        await house.until_judged(*DOMAINS[:2])
        await until(lambda: house.slack.posts)
        titles = {
            "show a": "a.example.com, 1d",
            "top": "Top 2 of 2 domains",
            "p95 a": "a.example.com, 2026-11",
            "why a": "a.example.com",
            "why #1": "a.example.com",
        }
        for words, title in titles.items():
            (answer,) = (await house.slack.command(text=words)).answers
            assert [each["title"] for each in charts(answer)] == [title], words
        house.slack.takes_charts = False
        (answer,) = (await house.slack.command(text="show a")).answers
        assert charts(answer) == []
        await until(lambda: house.live().get("charts_refused") == "invalid_blocks")
        await house.stop()
        await house.start()
        await until(lambda: house.service._wiring.workspace.charts_refused == "invalid_blocks")
        assert not [post for post in house.slack.posts if CHARTS in str(post.blocks)]
