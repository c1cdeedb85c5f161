"""Charts from the real process: in the thread of an incident, on a click, with an answer shown in public."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.rigs.stage import Stage, StageClock, warnings_in
from fakes.rigs.waiting import wait_for

pytestmark = pytest.mark.slow

RULES = """
[watch]
domains = ["video.example.com", "img.example.com"]

[[rule]]
name = "ceiling"
kind = "threshold"
domains = ["video.*"]
above = "1 Gbps"
"""


@pytest.fixture
def stage(tmp_path):
    clock = StageClock.real()
    now = int(clock.now())
    high = {"domain": "video.example.com", "start": now - 2400, "end": now + 9000, "factor": 3}
    domains = {"video.example.com": {"level": 5e8}, "img.example.com": {"level": 3e8}}
    scenario = {"domains": domains, "lag": {"default": 60}, "events": [high]}
    with Stage(tmp_path / "stage", clock, scenario, RULES, feed='probe = "2s"') as stage:
        yield stage


def test_people_see_charts_where_they_look(stage):
    bot = stage.bot()
    wait_for(stage.told, "the first message")
    (message,) = stage.told()
    # What burned already when watching began is a summary, which is charted on demand.
    assert stage.click(message.text[:30], "chart") == []
    wait_for(stage.shared, "a chart on a click")
    answer = stage.command("show img public")
    assert answer["response_type"] == "in_channel"
    wait_for(lambda: len(stage.shared()) == 2, "a chart in public")
    in_thread, in_channel = stage.shared()
    assert in_thread["title"] == "#1 video.example.com"
    assert in_thread["thread_ts"] is not None
    assert (in_channel["title"], in_channel["thread_ts"]) == ("img.example.com", None)
    assert min(in_thread["content"], in_channel["content"]) > 20_000
    assert "matplotlib" not in loaded(bot)
    assert list(warnings_in(stage.log)) == []
    assert stage.leaks() == []


def loaded(bot):
    """The files that a process holds in its memory."""
    return Path(f"/proc/{bot._process.pid}/maps").read_text()
