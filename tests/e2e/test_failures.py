"""An API that fails in every way for three quarters of an hour: no word about any domain, and nothing lost."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

from fakes.rigs.needs import needs
from fakes.rigs.stage import API_TOKEN, Stage, StageClock, warnings_in
from fakes.rigs.waiting import wait_for

from alertbot.feed.simulator.scenario import Scenario
from alertbot.units import SLOT, parse_time

pytestmark = needs("faketime")

START = int(datetime(2026, 11, 2, 10, 0, tzinfo=UTC).timestamp())
MINUTE = 60
LAG = 120

# Between two publications, so that no call is under way, and over before the list of domains is asked for anew.
FAILS_FROM = START + 14 * MINUTE
HANGS_FROM = FAILS_FROM + 30 * MINUTE
GARBLED_FROM = HANGS_FROM + 6 * MINUTE
REFUSED_FROM = GARBLED_FROM + 4 * MINUTE
WELL_FROM = REFUSED_FROM + 4 * MINUTE

DARK_FROM = START + 25 * MINUTE

SCENARIO = {
    "domains": {f"d{number}.example.com": {"level": 1e8 * number, "swing": 0.3} for number in range(1, 6)},
    "events": [{"domain": "d3.example.com", "start": DARK_FROM, "end": START + 86_400, "factor": 0}],
    "lag": {"default": LAG},
    "faults": [
        {"start": FAILS_FROM, "end": HANGS_FROM, "mode": "500"},
        {"start": HANGS_FROM, "end": GARBLED_FROM, "mode": "hang"},
        {"start": GARBLED_FROM, "end": REFUSED_FROM, "mode": "garbage"},
        {"start": REFUSED_FROM, "end": WELL_FROM, "mode": "401"},
    ],
}

RULES = """
[watch]
domains = ["*"]

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
severity = "critical"

[[rule]]
name = "too-low"
kind = "threshold"
below = "10 Mbps"
except = ["d3.*"]

[[rule]]
name = "halved"
kind = "day_over_day"
ratio = 0.5
except = ["d3.*"]
"""


def test_a_failing_api_fires_nothing_is_told_once_by_cause_and_costs_no_slot(tmp_path):
    clock = StageClock.fast(START)
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES) as stage:
        bot = stage.bot("--log-level", "DEBUG")
        wait_for(lambda: "history: 6 of 6 series" in bot.printed, "a bot at work")
        wait_for(lambda: "HTTP 401, code 401001" in bot.printed, "the last of the failures")
        (feed,) = stage.told()
        assert feed.text.startswith("The CDN's API has been failing since ")
        wait_for(lambda: len(stage.told()) == 2, "the alert that was missed")

        over = "; what was missed is being judged."
        wait_for(lambda: stage.told()[0].replies, "the end in the thread")
        feed, dark = stage.told()
        assert feed.edits[-1][1].endswith(over)
        assert [text for _, text in feed.replies] == [feed.edits[-1][1]]
        assert dark.text.startswith("`d3.example.com` went dark at 10:25: 0 bps, was 3")
        assert (dark.edits, dark.replies) == ((), ())
        _assert_told_once_by_cause(stage.log)
        exported = stage.shell("export")
        _assert_stored_as_it_was(exported)
        assert stage.leaks() == []
        assert API_TOKEN not in exported


def _assert_told_once_by_cause(log: str) -> None:
    causes = ("HTTP 500, code 500001", "no answer within 20 s", "the answer is not JSON", "HTTP 401, code 401001")
    for warning, cause in zip(warnings_in(log), causes, strict=True):
        assert cause in warning
    assert log.count("the CDN's API answers again after ") == 1


def _assert_stored_as_it_was(exported: str) -> None:
    """Every slot of every domain from the start until the API is well again, the dark ones as zeros, no other."""
    scenario = Scenario.from_json(json.dumps({"token": API_TOKEN, **SCENARIO}))
    rows = csv.DictReader(io.StringIO(exported))
    stored = {(row["domain"], parse_time(row["time"])): float(row["bps"]) for row in rows}
    slots = range(START, WELL_FROM - LAG - 2 * SLOT, SLOT)
    truth = {(domain, slot): scenario.truth(domain, slot) for domain in scenario.domains for slot in slots}
    assert {key: stored.get(key) for key in truth} == truth
