"""A month's percentile, live: its history is fetched where it is missing, and only for the series it is about."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.rigs.night import Night, config_for, dark, night_folder
from fakes.worlds.clock import FakeClock
from fakes.worlds.world import World, WorldApi

from alertbot.rules.base import Rule, Severity
from alertbot.rules.percentile import Percentile
from alertbot.units import DAY, SLOT, parse_time

BEGIN = parse_time("2026-11-20T12:00:00Z")
LEVELS = {"video.example.com": 9e8, "img.example.com": 1e8}


@pytest.fixture
def folder():
    with night_folder() as path:
        yield path


def night_in(folder, rules) -> Night:
    world = World(LEVELS, FakeClock(BEGIN), slots=60, lag=420.0)
    config = config_for(folder / "night.db", tuple(LEVELS), rules)
    store = config.store.model_copy(update={"keep": 35 * DAY})
    return Night(replace(config, store=store), world, WorldApi(world), witnessed=False)


def bill(commit, **changes):
    return Rule("bill", "percentile", Percentile(commit), Severity.WARNING, domains=("total",), **changes)


def reaches_back(night, series):
    """Days of which something is known, before the story began."""
    return (BEGIN - min(slot for slot, value in night.samples(series).items() if value == value)) / DAY  # noqa: PLR0124


async def test_the_months_history_is_fetched_of_the_series_that_is_billed_and_of_no_other(folder):
    night = night_in(folder, [dark(), bill(1.1e9)])
    await night.begin()
    await night.run_to(12)

    assert reaches_back(night, "total") > 31
    assert reaches_back(night, "img.example.com") < 26
    (alert,) = night.alerts()
    assert (alert["rule"], alert["series"], alert["phase"]) == ("bill", "total", "firing")
    (text,) = night.texts(alert["incident"])[-1:]
    assert "95th percentile of the month so far is" in text
    assert "of the 1.1 Gbps committed" in text
    await night.end()


async def test_a_restart_takes_the_alert_up_again_and_repeats_nothing(folder):
    night = night_in(folder, [bill(1.1e9)])
    await night.begin()
    await night.run_to(12)
    posts, (before,) = night.posts(), night.alerts()
    await night.restart()
    await night.run_to(50)

    (after,) = night.alerts()
    assert (night.posts(), after["id"], after["since"]) == (posts, before["id"], before["since"])
    assert after["slot"] >= before["slot"] + 6 * SLOT
    assert after["outlook"] != before["outlook"]
    await night.end()


async def test_a_rule_that_is_new_fetches_what_its_month_lacks(folder):
    night = night_in(folder, [dark()])
    await night.begin()
    await night.run_to(6)
    assert reaches_back(night, "total") < 26
    night.config = replace(night.config, rules=(dark(), bill(1.1e9)))
    await night.restart()
    await night.run_to(16)

    assert reaches_back(night, "total") > 31
    assert [(alert["rule"], alert["series"]) for alert in night.alerts()] == [("bill", "total")]
    await night.end()
