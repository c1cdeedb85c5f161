"""Questions from the shell: the words of the slash commands, the facts as JSON, and exit code 2 for wrong input."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from fakes.worlds.stored import store

from alertbot.cli.main import main
from alertbot.query.live import Live
from alertbot.query.status import seems_to_run
from alertbot.store import feed
from alertbot.store.store import Store
from alertbot.units import DAY_SLOTS, SLOT, slot_at

RULES = """
[watch]
domains = ["video.example.com", "img.example.com"]

[[group]]
name = "all"
domains = ["*"]

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
active = ["daily 00:00-24:00"]

[[rule]]
name = "off"
kind = "threshold"
above = "3 Gbps"
enabled = false
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A rules.toml, and a database in which both domains carry a steady rate up to a few minutes ago."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.toml").write_text(RULES)
    last = slot_at(time.time()) - 3 * SLOT
    values = {"video.example.com": np.full(3 * DAY_SLOTS, 1e9), "img.example.com": np.full(3 * DAY_SLOTS, 2e8)}
    values["total"] = sum(values.values())
    store(tmp_path / "alertbot.db", last - (3 * DAY_SLOTS - 1) * SLOT, values)
    return last


def alertbot(*arguments):
    return CliRunner().invoke(main, arguments, prog_name="alertbot")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "video"), "video.example.com: 1 Gbps (data until "),
        (("show", "@all", "1h"), "@all (2 domains added up): 1.2 Gbps (data until "),
        (("top",), "1. video.example.com 1 Gbps (+0%), yesterday 1 Gbps"),
        (("top", "1", "change"), "Top 1 of 2 domains by change since yesterday"),
        (("p95", "total"), "so far is 1.2 Gbps"),
        (("why", "img"), "200 Mbps > 0 bps, reference 200 Mbps >= 1 Mbps: no breach"),
        (("alerts",), "No alerts."),
        (("incidents",), "No incidents within 7d."),
        (("rules",), "went-dark (warning): fallen to 0 bps from 1 Mbps or more for 10m, only daily 00:00-24:00"),
        (("rules", "img"), "1 rule for img.example.com"),
        (("why", "img", "yesterday", "00:00"), "200 Mbps > 0 bps, reference 200 Mbps >= 1 Mbps: no breach"),
        (("video.example.com",), "video.example.com: 1 Gbps (data until "),
        (("@all", "1h"), "@all (2 domains added up): 1.2 Gbps (data until "),
    ],
    ids=" ".join,
)
def test_a_question_is_answered_in_the_words_of_slack(arguments, says):
    result = alertbot(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert says in result.stdout
    assert "`" not in result.stdout
    assert "*" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show",), "which domain? (for example alertbot show video 7d)"),
        (("show", "vdeo.example.com"), "did you mean video.example.com?"),
        (("top", "chnge"), "did you mean change?"),
        (("p95", "video", "Brumaire"), '"Brumaire" is no month'),
        (("why", "#7"), "there is no incident #7"),
        (("rules", "nothing"), 'no watched domain is named "nothing"'),
        (("alerts", "often"), '"often" is not a duration'),
    ],
    ids=" ".join,
)
def test_wrong_input_gets_the_same_helpful_line_and_exit_code_2(arguments, says):
    result = alertbot(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


def facts(*arguments):
    result = alertbot(*arguments, "--json")
    assert (result.exit_code, result.stdout.count("\n")) == (0, 1)
    return json.loads(result.stdout)


def test_the_facts_are_one_json_object(folder):
    shown = facts("show", "video", "1h")
    assert (shown["series"], shown["last"], shown["now"], shown["slots"]) == ("video.example.com", folder, 1e9, 12)
    assert shown["day_before"] == {"average": 1e9, "peak": 1e9, "p95": 1e9, "known": 12}
    assert shown["last_week"] is None
    assert [line["series"] for line in facts("top")["lines"]] == ["video.example.com", "img.example.com"]
    assert facts("p95", "video")["month"]["p95"] == 1e9
    (rule,) = facts("why", "video")["rules"]
    assert rule["rule"]["name"] == "went-dark"
    assert (rule["judged"][-1]["slot"], rule["judged"][-1]["breach"]) == (folder, False)
    assert rule["terms"][0] == {"text": "1 Gbps > 0 bps", "holds": False}
    assert facts("alerts").items() >= {"firing": [], "resolved": [], "more": 0, "incidents": []}.items()
    assert facts("rules")["lines"][0]["series"] == 2


def test_what_the_service_last_knew_is_taken_into_account(folder):
    held = Live(time.time(), folder + 4 * SLOT, held={"video.example.com": 290.6})
    writer = Store(Path("alertbot.db"))
    writer.do(feed.write_live, held.to_json(), time.time())
    writer.close()
    text = alertbot("why", "video").stdout
    assert "held back 4m 51s, since it reports late; the last 15m not judged yet" in text


@pytest.mark.parametrize("name", ["show", "top", "p95", "why", "alerts", "rules"])
def test_without_a_database_or_a_configuration_that_is_told(name, tmp_path):
    (tmp_path / "alertbot.db").unlink()
    without = alertbot(name, *(["video"] if name in {"show", "p95", "why"} else []))
    assert (without.exit_code, without.stdout) == (1, "")
    assert "there is no database yet" in without.stderr
    assert alertbot(name, "-c", "nowhere.toml").exit_code == 2


@pytest.mark.parametrize(
    ("silent", "probe", "running"), [(199, 20, True), (201, 20, False), (400, 300, True), (481, 300, False)]
)
def test_a_service_seems_to_run_while_no_word_of_it_is_overdue(silent, probe, running):
    assert seems_to_run(1000.0 - silent, 1000.0, probe) is running


def test_the_number_of_an_incident_alone_asks_why():
    assert "there is no incident #412" in alertbot("#412").stderr
