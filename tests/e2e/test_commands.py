"""Slash commands as a user types them: into Slack, over Socket Mode, to a bot at work in real time."""

from __future__ import annotations

import json
import subprocess

import pytest
from fakes.rigs.stage import Stage, StageClock
from fakes.rigs.waiting import wait_for

pytestmark = pytest.mark.slow

RULES = """
[watch]
domains = ["video.example.com", "img.example.com"]

[[rule]]
name = "video-ceiling"
kind = "threshold"
domains = ["video.*"]
above = "1 Gbps"

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
severity = "critical"
"""

SCENARIO = {"domains": {"video.example.com": {"level": 1.84e9}, "img.example.com": {"level": 3e8}}}


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A bot that has read its history and told of the one domain above its limit."""
    clock = StageClock.real()
    with Stage(tmp_path_factory.mktemp("commands") / "stage", clock, SCENARIO, RULES, feed='probe = "5s"') as stage:
        stage.bot()
        wait_for(stage.told, "the first alert")
        yield stage


@pytest.mark.parametrize(
    ("text", "headline", "shown"),
    [
        ("", "What alertbot answers", "/bandwidth status"),
        ("help", "What alertbot answers", "/bandwidth show DOMAIN [24h|7d]"),
        ("status", "1 incident open: #1; 1 alert firing.", "watching 2 domains and the total; none waits for data"),
        ("show video.example.com", "`video.example.com`: 1.84 Gbps", "average 1.84 Gbps, peak 1.84 Gbps"),
        ("show img 7d", "`img.example.com`: 300 Mbps", "7d: average 300 Mbps"),
        ("SHOW IMG", "`img.example.com`: 300 Mbps", "a week earlier 300 Mbps (+0%)"),
        ("top", "Top 2 of 2 domains by bandwidth now", "1. `video.example.com` 1.84 Gbps (+0%)"),
        ("p95 img", "95th percentile of", "burst left: "),
        ("why video", "`video.example.com`: judged until", "1.84 Gbps &gt; 1 Gbps: breach"),
        ("why #1", "#1: When watching began", "it fired by "),
        ("replay went-dark 1d", "would never have fired in", "as it is configured now"),
        ("alerts", "1 incident open, 1 alert firing.", "`video.example.com`"),
        ("rules", "2 rules", "*went-dark* (critical)"),
        ("rules img.example.com", "1 rule for `img.example.com`", "*went-dark* (critical)"),
        ("silences", "Nothing is silenced.", "Nothing is silenced."),
        ("silence video.*", "Say until when", "silence video.* until 06:00"),
        ("ack #x", "is no number", "#412"),
        ("shwo video.example.com", "did you mean show?", "`/bandwidth show video.example.com`"),
        ("show vdeo.example.com", "did you mean video.example.com?", "for example `/bandwidth show video 7d`"),
    ],
)
def test_a_command_is_answered_to_its_user_alone(stage, text, headline, shown):
    answer = stage.command(text)
    assert headline in answer["text"]
    assert shown in str(answer)
    assert answer["response_type"] == "ephemeral"


def test_an_answer_asked_for_in_public_is_seen_by_the_channel(stage):
    answer = stage.command("status public")
    assert answer["response_type"] == "in_channel"
    assert "1 incident open: #1; 1 alert firing." in answer["text"]


def test_a_command_from_another_workspace_is_refused(stage):
    answer = stage.command("status public", team="T0OTHER")
    assert answer["text"] == "This alertbot answers in its own workspace only."
    assert answer["response_type"] == "ephemeral"
    assert "a command from another workspace (T0OTHER) was refused" in stage.log


def test_a_click_on_why_is_answered(stage):
    answer = stage.click("video.example.com", "why", answers=1)
    assert "1.84 Gbps &gt; 1 Gbps: breach" in str(answer)


def test_questions_are_answered_from_the_shell_too(stage):
    assert "1.84 Gbps > 1 Gbps: breach" in stage.shell("why", "video")
    assert json.loads(stage.shell("top", "--json"))["lines"][0]["series"] == "video.example.com"


def test_silences_are_listed_from_the_shell_too(stage):
    assert stage.shell("silences") == "Nothing is silenced.\n"


def test_an_order_from_the_shell_is_refused_by_the_service_where_it_makes_no_sense(stage):
    with pytest.raises(subprocess.CalledProcessError) as caught:
        stage.shell("ack", "999")
    assert caught.value.returncode == 2
    assert caught.value.stderr.startswith("alertbot: ")
    assert '"ack 999" of ' in stage.log


def test_no_answer_log_or_database_holds_a_secret(stage):
    stage.command("rules public")
    assert stage.leaks() == []
