"""A rule is edited while its alert fires: it goes on only where it is the same alert still."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.rigs.night import Night, ceiling, config_for, dark, doubled, far_off, night_folder
from fakes.worlds.clock import FakeClock
from fakes.worlds.world import World, WorldApi

from alertbot.rules.base import Direction
from alertbot.rules.baseline import Baseline
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.threshold import Threshold

VIDEO = "video.example.com"
CEILING, DOUBLED, FAR_OFF = ceiling(2e9), doubled(), far_off()


@pytest.mark.parametrize(
    ("rule", "edited"),
    [
        (CEILING, {"kind": Threshold(above=1.5e9)}),
        (CEILING, {"kind": Threshold(above=2e9, below=1e8), "for_slots": 3}),
        (DOUBLED, {"kind": DayOverDay(ratio=2.5)}),
        pytest.param(FAR_OFF, {"kind": Baseline(only=Direction.RISE)}, marks=pytest.mark.slow),
    ],
)
async def test_an_alert_goes_on_under_an_edited_rule_of_the_same_kind_and_direction(rule, edited):
    assert await reasons(rule, replace(rule, **edited)) == [None]


@pytest.mark.parametrize(
    ("rule", "edited"),
    [
        (CEILING, {"kind": Threshold(below=1e6)}),
        (CEILING, {"kind_name": "day_over_day", "kind": DayOverDay(ratio=2.0)}),
        (CEILING, {"kind_name": "drop", "kind": Drop(by=0.5)}),
        (DOUBLED, {"kind": DayOverDay(ratio=0.5)}),
        pytest.param(FAR_OFF, {"kind": Baseline(only=Direction.FALL)}, marks=pytest.mark.slow),
    ],
)
async def test_an_alert_ends_as_rule_changed_where_its_rule_became_another(rule, edited):
    assert (await reasons(rule, replace(rule, **edited)))[0] == "rule changed"


async def test_what_a_fall_was_set_aside_for_stays_so_though_its_rule_became_another():
    (alert,) = await alerts_of(dark(), replace(ceiling(2e9), name="went-dark"), 0.0)
    assert (alert["reason"], alert["kind"], alert["severity"]) == ("rule changed", "drop", "critical")


@pytest.mark.parametrize("restarts", [True, False])
@pytest.mark.parametrize("limit", [Threshold(above=5e8), Threshold(below=2e9)])
async def test_what_a_new_rule_finds_in_breach_already_is_one_summary(limit, restarts):
    with night_folder() as folder:
        domains = {f"d{number}.example.com": 1e9 for number in range(4)}
        world = World(domains, FakeClock(), slots=60, lag=420.0)
        config = config_for(folder / "night.db", list(domains), [dark()])
        night = Night(config, world, WorldApi(world), witnessed=False)
        await night.begin()
        await night.run_to(12)
        night.config = replace(night.config, rules=(*night.config.rules, replace(ceiling(0), kind=limit)))
        if restarts:
            await night.restart()
        else:
            night.watcher.reconfigure(night.config, night.api)
        await night.run(1800)
        told = [(one["kind"], night.texts(one["id"])[0]) for one in night.incidents()]
        await night.end()
    ((kind, text),) = told
    assert kind == "summary"
    assert text.startswith("When watching began, 4 alerts were firing already; all still are.")


async def reasons(rule, edited):
    """Why each alert ended that three times the ordinary set off under a rule, once the rule was edited."""
    return [alert["reason"] for alert in await alerts_of(rule, edited, 3.0)]


async def alerts_of(rule, edited, factor):
    """The alerts of a domain that carries so many times the ordinary, and whose rule is edited meanwhile."""
    with night_folder() as folder:
        world = World({VIDEO: 1e9, "img.example.com": 1e9}, FakeClock(), slots=60, lag=420.0)
        world.traffic(VIDEO, 5, 40, factor)
        config = config_for(folder / "night.db", [VIDEO], [rule])
        night = Night(config, world, WorldApi(world), witnessed=False)
        await night.begin()
        await night.run_to(12)
        assert [alert["phase"] for alert in night.alerts()] == ["firing"]
        night.config = replace(night.config, rules=(edited,))
        await night.restart()
        await night.run(600)
        await night.end()
        return night.alerts()
