"""How ``alertbot run`` ends, and what it does without Slack: each bot a process of its own.

That it ends within five seconds whatever hangs is judged in virtual time, in ``tests/service/test_service_stops.py``.
"""

from __future__ import annotations

import signal
import time

import pytest
from fakes.rigs.needs import needs
from fakes.rigs.stage import RULES, SCENARIO, Stage, StageClock
from fakes.rigs.waiting import for_a_while, wait_for

pytestmark = pytest.mark.slow

FOR_EVER = {"start": 0, "end": 1e10}


@pytest.fixture
def clock():
    return StageClock.real()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_bot_at_work_ends_with_exit_code_0(tmp_path, clock, number):
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES) as stage:
        bot = stage.bot()
        wait_for(stage.told, "the first alert")
        assert bot.end(number) == 0
        assert bot.printed.splitlines()[-1].endswith("stopped")


@pytest.mark.parametrize("mode", ["hang", "drip"])
def test_a_bot_whose_api_hangs_ends_with_exit_code_0(tmp_path, clock, mode):
    scenario = SCENARIO | {"faults": [{**FOR_EVER, "mode": mode}]}
    with Stage(tmp_path / "stage", clock, scenario, RULES) as stage:
        bot = stage.bot()
        wait_for(lambda: "watching begins" in bot.printed, "the start")
        for_a_while(1)  # a call hangs by then, or does not yet
        assert bot.end() == 0
        assert "Traceback" not in bot.printed


@needs("faketime")
def test_a_bot_whose_slack_hangs_ends_and_tells_at_its_next_start(tmp_path):
    clock = StageClock.fast(time.time())
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES) as stage:
        stage.spoil_slack("chat.postMessage", "hang")
        bot = stage.bot()
        wait_for(lambda: stage.calls("chat.postMessage"), "the post that hangs")
        assert bot.end() == 0
        assert stage.told() == []
        stage.bot()
        # It may have arrived: Slack is asked for 75 of the clock's seconds before it is posted again.
        wait_for(stage.told, "the message")
        assert "`video.example.com` went above 1 Gbps " in stage.told()[0].text


def test_without_slack_tokens_messages_go_to_the_log_and_it_says_so_once(tmp_path, clock):
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES) as stage:
        bot = stage.bot(slack=False)
        message = "message for #cdn-alerts: When watching began: video.example.com went above 1 Gbps "
        wait_for(lambda: message in bot.printed, "the message")
        assert bot.end() == 0
        assert bot.printed.count(message) == 1
        assert bot.printed.count("there are no Slack tokens") == 1
        assert stage.leaks() == []


def test_a_second_bot_on_the_same_database_ends_with_exit_code_1(tmp_path, clock):
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES) as stage:
        first = stage.bot()
        wait_for(lambda: "watching begins" in first.printed, "the start")
        second = stage.bot()
        assert second.wait() == 1
        assert "alertbot: " in second.printed
        assert first.end() == 0
