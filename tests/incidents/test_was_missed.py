"""What fired and was over before anybody could be told: told as past, unless something held it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alertbot.alerts.lifecycle import Alert, Phase
from alertbot.alerts.mutes import Mute
from alertbot.incidents.incident import FiredAlert
from alertbot.incidents.silences import StoredSilence
from alertbot.incidents.suppression import Darkness, Suppression
from alertbot.rules.base import Direction, Rule, Severity
from alertbot.rules.drop import Drop
from alertbot.units import DAY, SLOT

START = 20_000 * DAY
RULE = Rule("dark", "drop", Drop(to=0), Severity.CRITICAL)


def slot(number: int) -> int:
    return START + number * SLOT


FIRED, LAST, RESOLVED = 1, 3, 5
"""Numbers of slots: it burned up to ``LAST``, and its two slots of being well again are over with ``RESOLVED``."""

ALERT = Alert(
    rule="dark",
    series="a",
    phase=Phase.FIRING,
    since=slot(0),
    slot=slot(RESOLVED),
    value=9.0,
    reference=9.0,
    worst=0.0,
    direction=Direction.FALL,
    fired=slot(FIRED),
    clear_run=2,
)
TOLD = FiredAlert(1, ALERT, "critical", slot(RESOLVED), "cleared")


def silence(begins: int, ends: int) -> StoredSilence:
    return StoredSilence(1, "a", slot(begins), slot(ends), "Ada", "", "#cdn")


def mute(begins: int, ends: int) -> Mute:
    return Mute(rules=frozenset({"dark"}), series=frozenset({"a"}), start=slot(begins), end=slot(ends), reason="")


@pytest.mark.parametrize(
    ("held", "missed"),
    [
        ({}, True),
        ({"silences": [silence(0, 1)]}, True),
        ({"silences": [silence(0, 4)]}, False),  # nothing says that it would have been told afterwards
        ({"silences": [silence(0, 9)]}, False),
        ({"silences": [silence(3, 9)]}, False),
        ({"mutes": [mute(0, 6)]}, False),
        ({"mutes": [mute(4, 6)]}, True),
        ({"darkness": [Darkness(slot(0), slot(9))]}, False),
        ({"darkness": [Darkness(slot(0), slot(4))]}, False),  # only its return took longer
        ({"darkness": [Darkness(slot(0), slot(2))]}, True),  # it outlived that
    ],
)
def test_what_nothing_held_while_it_burned_was_missed(held, missed):
    suppression = Suppression(now=slot(RESOLVED + 3), frontier=slot(RESOLVED), rules={"dark": RULE}, **held)
    assert suppression.was_missed(TOLD) is missed


@pytest.mark.parametrize(
    ("reason", "missed"),
    [("cleared", True), ("new normal", True), ("rule changed", False), ("revised", False)],
)
def test_only_what_came_and_went_was_missed(reason, missed):
    """Whose rule is gone cannot be asked any more which mute held it; what was revised never was."""
    suppression = Suppression(now=slot(RESOLVED + 3), frontier=slot(RESOLVED), rules={"dark": RULE})
    assert suppression.was_missed(replace(TOLD, reason=reason)) is missed
