"""The main job as its users get it: three processes, three troubles among twenty domains, three messages."""

from __future__ import annotations

import signal
from datetime import UTC, datetime

from fakes.rigs.needs import needs
from fakes.rigs.stage import Stage, StageClock, Told
from fakes.rigs.waiting import wait_for

pytestmark = needs("faketime")

START = int(datetime(2026, 11, 2, 10, 0, tzinfo=UTC).timestamp())
MINUTE = 60
LAG = 120

DARK_UNTIL = START + 35 * MINUTE  # longer than the rule's window
HIGH_FROM, HIGH_UNTIL = START + 5 * MINUTE, START + 30 * MINUTE

SCENARIO = {
    "since": START - 3 * 86_400,
    "domains": {f"d{number:02}.example.com": {"level": 1e8 * number, "swing": 0.3} for number in range(1, 21)},
    "events": [
        {"domain": "d07.example.com", "start": START, "end": DARK_UNTIL, "factor": 0},
        {"domain": "d20.example.com", "start": HIGH_FROM, "end": HIGH_UNTIL, "factor": 1.6},
        {"domain": "d11.example.com", "start": HIGH_FROM, "end": HIGH_UNTIL, "factor": 2.3},
    ],
    "lag": {"default": LAG},
    "partial": 0.6,
}

RULES = """
[watch]
domains = ["*"]

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
from = "5 Mbps"
window = "20m"
severity = "critical"
repeat = "2h"

[[rule]]
name = "ceiling"
kind = "threshold"
above = "3.5 Gbps"

[[rule]]
name = "doubled"
kind = "day_over_day"
ratio = 2.0
"""


def test_three_troubles_are_three_messages_each_edited_once_also_when_the_bot_is_killed_in_between(tmp_path):
    clock = StageClock.fast(START)
    with (
        Stage(tmp_path / "steady", clock, SCENARIO, RULES) as steady,
        Stage(tmp_path / "killed", clock, SCENARIO, RULES) as killed,
    ):
        steady.bot()
        victim = killed.bot()
        wait_for(lambda: len(killed.told()) == 3, "three alerts")
        victim.end(signal.SIGKILL)
        killed.bot()
        for stage in (steady, killed):
            wait_for(lambda it=stage: _ends(it) == [(1, 1)] * 3, "the ends of all three, in message and thread")
            # What is looked at twice is told as it is confirmed: the order says nothing.
            dark, doubled, high = sorted(stage.told(), key=lambda told: told.text)
            _told_once(dark, "`d07.example.com` went dark at 10:00: 0 bps, was 87", START, DARK_UNTIL)
            _told_once(high, "`d20.example.com` went above 3.5 Gbps at 10:05: ", HIGH_FROM, HIGH_UNTIL)
            _told_once(doubled, "`d11.example.com` carries 2.3 times as much", HIGH_FROM, HIGH_UNTIL)
            assert "is back to normal at 10:35 after 35m: 897 Mbps" in dark.edits[0][1]
            assert stage.leaks() == []


def _ends(stage: Stage) -> list[tuple[int, int]]:
    """How many edits and replies each message has."""
    return [(len(each.edits), len(each.replies)) for each in stage.told()]


def _told_once(told: Told, text: str, begun: int, ended: int) -> None:
    """One message with that beginning, edited once, neither before it could be known.

    Its thread says once what the edit says, and nobody is woken by that. How late it may be is judged in virtual time.
    """
    assert told.text.startswith(text)
    ((edited, resolution),) = told.edits
    assert resolution.startswith("Resolved: ")
    ((_, reply),) = told.replies
    assert (reply, told.called) == (resolution, 0)
    # Two slots decide, and they are known once the one after them is published.
    shown = 3 * 5 * MINUTE + LAG
    assert begun + shown <= told.at
    assert ended + shown <= edited
