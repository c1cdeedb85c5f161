"""Flapping as tables: when it begins, when it is over, and when one that flaps is told after all."""

from __future__ import annotations

import pytest
from fakes.rigs.house import House, database
from fakes.rigs.night import config_for, dark, fell
from fakes.worlds.cases import T, suppression, told

from alertbot.incidents.flapping import Flap, begins_to_flap, flapped, stays
from alertbot.incidents.suppression import Suppressed
from alertbot.units import SLOT

NAMES = ("a.example.com", "b.example.com")


@pytest.mark.parametrize(("fires", "flaps"), [(1, False), (4, False), (5, True), (9, True)])
def test_more_than_four_firings_are_flapping(fires, flaps):
    assert begins_to_flap(told(1, fires=fires)) is flaps


@pytest.mark.parametrize(("frontier", "over"), [(0, False), (11, False), (12, True), (40, True)])
def test_an_hour_without_a_change_ends_it(frontier, over):
    assert Flap(first=T - 30 * SLOT, last=T).has_ended(T + frontier * SLOT) is over


@pytest.mark.parametrize(
    ("alert", "expected"),
    [
        (told(1, since=0, slot=3), False),
        (told(1, since=0, slot=4), True),  # twenty minutes of slots
        (told(1, since=0, ended=9), False),  # over is over
    ],
)
def test_a_firing_of_twenty_minutes_stays(alert, expected):
    assert stays(alert) is expected


@pytest.mark.parametrize(
    ("alert", "quiet"),
    [
        (told(1, slot=3), Suppressed.FLAPPING),
        (told(1, slot=4), None),  # it stays
        (told(1, slot=3, rule="fell"), None),  # another rule on the same series
        (told(1, slot=3, series="b"), None),
    ],
)
def test_nobody_is_woken_for_what_flaps_unless_it_stays(alert, quiet):
    flapping = {("dark", "a"): Flap(T - 20 * SLOT, T)}

    assert suppression(4, flapping=flapping).page_suppressed(alert) is quiet


@pytest.mark.parametrize(
    ("hours", "has"), [((0, 1, 2, 3), False), ((0, 2, 4, 6, 8, 10), False), ((9, 1, 2, 3, 4, 5), True)]
)
def test_that_an_alert_flapped_is_known_from_its_firings(hours, has):
    assert flapped(hour * 3600 for hour in hours) is has


async def test_a_domain_that_flaps_under_several_rules_is_said_to_once(tmp_path):
    house = House(config_for(database(tmp_path), NAMES, [dark(for_slots=1), fell(for_slots=3, within_slots=3)]), NAMES)
    await house.begin(dict.fromkeys((*NAMES, "total"), 5e7))
    for _ in range(6):
        for value in (0.0, 0.0, 0.0, 5e7, 5e7, 5e7):
            await house.judge({NAMES[0]: value, NAMES[1]: 5e7, "total": 5e7 + value})
    fired = house.rows("SELECT rule, count(*) AS often FROM alerts GROUP BY rule")
    assert {row["rule"]: row["often"] for row in fired} == {"went-dark": 6, "fell": 6}
    pages = [row.text for row in house.outbox() if row.pages]
    assert [text.startswith("Flapping: ") for text in pages] == [False] * 4 + [True]
    await house.end()


async def test_a_rule_of_a_higher_severity_that_flaps_later_is_said_as_well(tmp_path):
    rules = [dark(for_slots=3), fell(for_slots=1)]
    house = House(config_for(database(tmp_path), NAMES, rules), NAMES)
    await house.begin(dict.fromkeys((*NAMES, "total"), 5e7))
    for _ in range(5):
        for value in (0.0, 0.0, 0.0, 5e7, 5e7, 5e7):
            await house.judge({NAMES[0]: value, NAMES[1]: 5e7, "total": 5e7 + value})
    assert sum(row.text.startswith("Flapping: ") for row in house.outbox() if row.pages) == 2
    await house.end()
