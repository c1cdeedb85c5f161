"""Flapping as tables: when it begins, when it is over, and when one that flaps is told after all."""

from __future__ import annotations

import pytest
from fakes.worlds.cases import T, suppression, told

from alertbot.incidents.flapping import Flap, begins_to_flap, stays
from alertbot.incidents.suppression import Suppressed
from alertbot.units import SLOT


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
