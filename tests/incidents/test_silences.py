"""Silences as tables: what each means, when it is in force, and when its end is announced; and all else that holds."""

from __future__ import annotations

from datetime import UTC

import pytest
from fakes.worlds.cases import T, mute, rule, silence, suppression, told

from alertbot.incidents.silences import in_force, means
from alertbot.incidents.suppression import Darkness, Suppressed
from alertbot.rules.schedule import Schedule, parse_window
from alertbot.rules.selection import Group
from alertbot.units import SLOT

GROUPS = (Group("g", ("a.example.com", "b.example.com"), sum=True),)


@pytest.mark.parametrize(
    ("target", "series", "meant"),
    [
        ("a.example.com", "a.example.com", True),
        ("A.*", "a.example.com", True),  # domains are lower case, whatever was typed
        ("*.example.com", "c.example.com", True),
        ("*.example.com", "total", False),  # a glob is over domains ...
        ("t*", "total", False),
        ("*", "total", True),  # ... but everything is everything
        ("*", "sum:g", True),
        ("total", "total", True),
        ("total", "a.example.com", False),
        ("sum:g", "sum:g", True),
        ("sum:g", "a.example.com", False),
        ("@g", "b.example.com", True),  # a group is its members and their sum
        ("@g", "sum:g", True),
        ("@g", "c.example.com", False),
        ("@other", "a.example.com", False),
    ],
)
def test_a_target_means_series(target, series, meant):
    assert means(target, series, GROUPS) is meant


@pytest.mark.parametrize(
    ("held", "matches"),
    [
        (silence(target="rule:dark"), True),
        (silence(target="rule:fell"), False),
        (silence(target="#12", pairs=frozenset({("dark", "a")})), True),
        # What joins the incident later was not meant.
        (silence(target="#12", pairs=frozenset({("dark", "b")})), False),
    ],
)
def test_a_silence_of_a_rule_or_an_incident_means_those_alerts(held, matches):
    assert held.matches("dark", "a", ()) is matches


@pytest.mark.parametrize(("at", "holds"), [(-0.1, False), (0, True), (99.9, True), (100, False)])
def test_a_silence_holds_from_its_beginning_to_before_its_end(at, holds):
    assert (in_force([silence()], "dark", "a", (), T + at * SLOT) is not None) is holds


def test_of_several_silences_the_one_that_ends_last_counts():
    several = [silence(1, ends=50), silence(2, ends=80), silence(3, ends=60)]

    assert in_force(several, "dark", "a", (), float(T)).number == 2


@pytest.mark.parametrize(
    ("held", "at", "due"),
    [
        (silence(ends=48), 36, True),  # four hours, one before its end
        (silence(ends=48), 35.9, False),
        (silence(ends=48), 48, False),  # it is over
        (silence(ends=47), 46, False),  # too short to be forgotten
        (silence(ends=48, reminded=True), 40, False),
        (silence(ends=48, cancelled_by="Bob"), 40, False),
    ],
)
def test_the_end_of_a_long_silence_is_announced_once(held, at, due):
    assert held.due_to_announce(T + at * SLOT) is due


OFFICE = rule(active=Schedule((parse_window("daily 09:00-18:00"),), UTC))
THREE = rule(for_slots=3)


@pytest.mark.parametrize(
    ("alert", "what_holds", "expected"),
    [
        (told(1), suppression(0), None),
        (told(1), suppression(0, silences=[silence()]), Suppressed.SILENCED),
        (told(1), suppression(0, silences=[silence(begins=1)]), None),  # in advance
        (told(1, slot=3), suppression(3, mutes=[mute(0, 4)]), Suppressed.MUTED),
        (told(1, slot=4), suppression(4, mutes=[mute(0, 4)]), None),
        # `for` starts afresh: all of its slots must lie after the mute.
        (told(1, slot=5), suppression(5, THREE, mutes=[mute(0, 4)]), Suppressed.MUTED),
        (told(1, slot=6), suppression(6, THREE, mutes=[mute(0, 4)]), None),
        # What was judged decides, not the clock: a series that is late is muted for as many slots.
        (told(1, slot=3), suppression(9, mutes=[mute(0, 4)]), Suppressed.MUTED),
        (told(1), suppression(0, OFFICE), Suppressed.INACTIVE),  # midnight
        (told(1, slot=108), suppression(108, OFFICE), None),  # nine o'clock
        (told(1, slot=2, clearing=1), suppression(2), Suppressed.CLEARING),
        # It fell while nothing was published, and data came just now: it gets a slot to be well again.
        (told(1), suppression(5, darkness=[Darkness(T, T + 5 * SLOT + 20.0)]), Suppressed.DARKNESS),
        (told(1), suppression(6, darkness=[Darkness(T, T + 5 * SLOT + 20.0)]), None),
        (told(1, rises=True), suppression(5, darkness=[Darkness(T, T + 5 * SLOT + 20.0)]), None),
        # The first reason that people gave is the one that is named.
        (told(1, slot=2, clearing=1), suppression(2, silences=[silence()], mutes=[mute(0, 9)]), Suppressed.SILENCED),
    ],
)
def test_what_holds_an_alert(alert, what_holds, expected):
    assert what_holds.suppressed(alert) is expected
