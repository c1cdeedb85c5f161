"""A launch under a mute, live: what was carried meanwhile is no measure of the next day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fakes.rigs.night import Night, config_for, doubled, night_folder
from fakes.worlds.clock import FakeClock
from fakes.worlds.world import World, WorldApi

from alertbot.config import MuteSettings
from alertbot.rules.day_over_day import DayOverDay
from alertbot.units import DAY_SLOTS, SLOT

HALVED = replace(doubled(), name="halved", kind=DayOverDay(ratio=0.5))
VIDEO, IMG = "video.example.com", "img.example.com"
LAUNCH, LASTS = 20 - DAY_SLOTS, 12
"""Slots after the story begins: yesterday."""


@pytest.fixture
def folder():
    with night_folder() as path:
        yield path


def launch_day(folder, patterns, *, watch=(VIDEO, IMG)):
    """Both domains carried three times the ordinary for an hour; a mute covers those that ``patterns`` mean."""
    world = World({VIDEO: 1e9, IMG: 2e8}, FakeClock(), slots=60, lag=420.0)
    for domain in (VIDEO, IMG):
        world.traffic(domain, LAUNCH, LASTS, 3.0)
    start = datetime.fromtimestamp(world.start + LAUNCH * SLOT, UTC)
    end = start + timedelta(seconds=LASTS * SLOT)
    mute = MuteSettings(domains=list(patterns), reason="launch", start=start, end=end)
    config = config_for(folder / "night.db", watch, [HALVED], mutes=[mute] if patterns else [])
    # The witness expects every domain from the beginning.
    return Night(config, world, WorldApi(world), witnessed=watch != ("*",))


def fired(night):
    return sorted(alert["series"] for alert in night.alerts())


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        (("video.*", "total"), [IMG]),
        pytest.param((), [IMG, VIDEO], marks=pytest.mark.slow),
        pytest.param(("*",), [], marks=pytest.mark.slow),
    ],
)
async def test_the_day_after_a_launch_under_a_mute_is_not_taken_for_a_fall(folder, patterns, told):
    night = launch_day(folder, patterns)
    await night.begin()
    await night.run_to(15)
    await night.restart()
    await night.run_to(45)
    assert fired(night) == told
    await night.end()


@pytest.mark.slow
async def test_a_domain_that_is_discovered_later_is_covered_too(folder):
    night = launch_day(folder, ("img.*",), watch=("*",))
    night.api.names = (VIDEO,)
    await night.begin()
    await night.run_to(2)
    night.api.names = (VIDEO, IMG)
    await night.run_to(45)
    assert IMG in night.cursors()
    assert fired(night) == [VIDEO]
    await night.end()
