"""The lines of the help that lead to PagerDuty, as they stand there, with a real Alertmanager in between."""

from __future__ import annotations

import re

import pytest
from alertmanager.relay_stories import DARK, WELL, bots
from fakes.rigs.needs import needs
from fakes.rigs.until import until
from fakes.wire.pagerduty import PagerDuty
from fakes.wire.real_alertmanagers import Cluster
from pages import PAGES

from alertbot.clock import SystemClock

(SECTION,) = re.findall(r"^## PagerDuty\n(.*?)(?=^## |\Z)", PAGES["scale"], re.MULTILINE | re.DOTALL)
(LINES,) = re.findall(r"^```yaml\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)


def test_they_are_ten_lines():
    assert len(LINES.splitlines()) == 10


@needs("prometheus-alertmanager")
@pytest.mark.real_time
async def test_a_domain_that_goes_dark_opens_one_incident_at_pagerduty_and_its_end_resolves_it(tmp_path):
    with PagerDuty() as duty:
        # Nothing is changed but where PagerDuty is, and how long Alertmanager waits for more to come.
        lines = LINES.replace("group_wait: 30s", "group_wait: 1s\n  group_interval: 1s")
        lines = lines.replace("      - routing_key:", f"      - url: {duty.url}\n        routing_key:")
        route = lines.replace("{", "{{").replace("}", "}}")
        with Cluster(tmp_path / "cluster", duty, 1, route=route) as cluster:
            async with bots(tmp_path, cluster, SystemClock()) as (bot,):
                await bot.judge(DARK)
                await until(lambda: duty.events)
                (summary,) = duty.open.values()
                assert "a.example.com went dark " in summary
                (event,) = duty.events
                assert event["payload"]["severity"] == "critical"
                await bot.judge(WELL, slots=4)
                await until(lambda: not duty.open)
        assert duty.refused == []
        assert [event["event_action"] for event in duty.events] == ["trigger", "resolve"]
