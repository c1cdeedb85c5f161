"""A real Prometheus, as Debian has it, scrapes a real alertbot; every panel of the dashboard shows something."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from fakes.rigs.needs import needs
from fakes.rigs.stage import Stage, StageClock
from fakes.rigs.waiting import wait_for
from fakes.wire.real_prometheus import Prometheus, asked_by_dashboard, raw

from alertbot.feed.simulator.scenario import Scenario
from alertbot.units import DAY, SLOT

pytestmark = needs("prometheus", "promtool")

METRIC = "alertbot_bandwidth_bits_per_second"
DOMAINS = {
    "video.example.com": {"level": 1.84e9, "swing": 0.3, "noise": 0.02},
    "img.example.com": {"level": 3e8, "noise": 0.02},
    "old.example.com": {"level": 0.0},
}
RULES = """
[watch]
domains = ["*"]

[[group]]
name = "both"
domains = ["video.example.com", "img.example.com"]
sum = true

[[rule]]
name = "high"
kind = "threshold"
domains = ["video.example.com"]
above = "100 Mbps"

[metrics]
listen = ":{port}"
series = true
"""


@pytest.fixture
def bot(tmp_path, unused_tcp_port):
    scenario = {"domains": DOMAINS, "since": int(time.time()) // DAY * DAY - 9 * DAY}
    with Stage(tmp_path / "stage", StageClock.real(), scenario, RULES.replace("{port}", str(unused_tcp_port))) as stage:
        stage.bot()
        wait_for(stage.told, "the alert")
        stage.truth = Scenario.from_json(json.dumps({"token": "", **scenario})).truth
        stage.target = f"127.0.0.1:{unused_tcp_port}"
        yield stage


def backfilled(stage, folder):
    """Make blocks of what is stored, as the help page says."""
    (folder / "history.txt").write_text(stage.shell("export", "--openmetrics"))
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "history.txt", "prometheus/data"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def truth(stage, series, slot):
    members = [
        name for name in DOMAINS if series in {name, "total"} or (series == "sum:both" and name != "old.example.com")
    ]
    return sum(stage.truth(name, slot) for name in members)


def test_what_it_scrapes_and_is_backfilled_with_is_the_truth_and_every_panel_shows_it(bot, tmp_path):
    backfilled(bot, tmp_path)
    with Prometheus(tmp_path / "prometheus", bot.target, window="1d") as prometheus:
        scraped = f'{METRIC}{{job="alertbot"}}'
        wait_for(lambda: len(raw(prometheus, scraped, "3h", time.time())) == 5, "a scrape")
        wait_for(lambda: all(len(each) > 4 for each in raw(prometheus, scraped, "3h", time.time()).values()), "an hour")
        kept = raw(prometheus, METRIC, "9d", time.time())
        assert set(kept) == {*DOMAINS, "sum:both", "total"}
        for series, values in kept.items():
            assert values == {slot: pytest.approx(truth(bot, series, slot)) for slot in values}
            assert sorted(values) == list(range(min(values), max(values) + SLOT, SLOT))
        assert set(kept["old.example.com"].values()) == {0}
        queries = asked_by_dashboard(bot.target, "video.example.com")
        assert len(queries) > 20
        for name, expression in queries.items():
            wait_for(lambda query=expression: shown(prometheus, query), f"data for {name}")


def shown(prometheus, expression):
    """What a panel over the last hour shows."""
    now = time.time()
    return prometheus.query_range(expression, now - 3600, now, SLOT if METRIC in expression else 1)
