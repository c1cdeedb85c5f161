"""The machine's clock steps an hour back, then an hour forth, under a running bot."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import suppress

import pytest
from fakes.rigs.needs import needs
from fakes.rigs.stage import Stage, StageClock
from fakes.rigs.waiting import wait_for

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
"""

DOMAINS = {"video.example.com": {"level": 1.84e9}, "img.example.com": {"level": 3e8}}


class SteppedClock(StageClock):
    """Real time for the simulator and Slack; the bot's wall clock is moved by what a file says."""

    def __init__(self, folder):
        super().__init__(time.time(), 1.0)
        self._file = folder / "offset"
        self.step(0)

    def step(self, seconds):
        self._file.write_text(f"{seconds:+d}", encoding="ascii")

    def stepping(self):
        """What makes libfaketime read the file at every look at the wall clock, and leave the steady one alone."""
        fast = StageClock(time.time(), 2.0).environment()
        kept = {name: value for name, value in fast.items() if name != "FAKETIME"}
        return kept | {
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


def looked_at(stage):
    """When the bot last looked at the feed, by the feed's own clock."""
    found = []

    def answers() -> bool:
        # On a busy machine minutes of the fast clock pass before the service has said that it runs.
        with suppress(subprocess.CalledProcessError):
            found.append(json.loads(stage.shell("status", "--json"))["live"]["now"])
        return bool(found)

    wait_for(answers, "the shell's answer")
    return found[0]


@needs("faketime")
@pytest.mark.parametrize("hours", [(-1, 0), (1, 0)], ids=["back and forth", "forth and back"])
def test_polling_goes_on_and_nothing_is_told_again_when_the_clock_steps_an_hour(tmp_path, monkeypatch, hours):
    clock = SteppedClock(tmp_path)
    with Stage(tmp_path / "stage", clock, {"domains": DOMAINS}, RULES, feed='probe = "2s"') as stage:
        monkeypatch.setattr(clock, "environment", clock.stepping)
        bot = stage.bot()
        wait_for(stage.told, "the first alert")
        for step in hours:
            before = looked_at(stage)
            clock.step(step * 3600)
            wait_for(lambda b=before: looked_at(stage) > b + 4, f"polls at {step:+d} h")
        after = looked_at(stage)
        wait_for(lambda: looked_at(stage) > after + 6, "three more polls")
        (told,) = stage.told()
        assert "video.example.com" in told.text
        assert not told.edits
        assert not told.replies
        assert "moved by" in bot.printed
        assert bot.end() == 0
