"""Grouping as tables: which alerts are one incident, and into which open one they come."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.worlds.cases import DEFAULT, T, incident, told

from alertbot.incidents.grouping import Placing, place
from alertbot.incidents.incident import AccountFall, IncidentKind
from alertbot.rules.selection import Group
from alertbot.units import SLOT

GROUPS = (Group("g", ("a", "b"), sum=True), Group("h", ("c",), sum=True))


def placing(**more):
    known = {"channel": lambda _: DEFAULT, "begun": lambda _: 0, "groups": GROUPS, "now": float(T)}
    return Placing(**known | more)


def placed(alerts, incidents=(), **more):
    """(the incident, a kind where it is not of alerts, the rows) of each set."""
    sets = place(alerts, incidents, placing(**more))
    rows = [
        (each.number, "" if each.kind is IncidentKind.ALERT else each.kind.value, sorted(t.number for t in each.alerts))
        for each in sets
    ]
    return sorted(rows, key=lambda row: row[2])


ONE, TWO = [(None, "", [1, 2])], [(None, "", [1]), (None, "", [2])]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (told(2, "x", "dark"), ONE),  # the rule
        (told(2, "a", "fell"), ONE),  # the series
        (told(2, "b", "fell"), ONE),  # the group
        (told(2, "sum:g", "fell"), ONE),  # the sum that holds it
        (told(2, "total", "fell"), ONE),  # the total that holds everything
        (told(2, "c", "fell"), TWO),  # nothing in common
        (told(2, "sum:h", "fell"), TWO),
        (told(2, "a", "dark", since=3), ONE),  # within three slots
        (told(2, "a", "dark", since=-3), ONE),
        (told(2, "a", "dark", since=4), TWO),
        (told(2, "a", "dark", rises=True), TWO),  # the other way
    ],
)
def test_alerts_that_begin_together_and_share_something_are_one_incident(other, expected):
    assert placed([told(1, "a", "dark"), other]) == expected
    assert placed([other, told(1, "a", "dark")]) == expected


def test_alerts_of_two_channels_are_two_incidents():
    def channel(alert):
        return "#own" if alert.alert.rule == "fell" else DEFAULT

    assert placed([told(1, "a", "dark"), told(2, "a", "fell")], channel=channel) == TWO


def test_the_total_brings_together_whatever_begins_with_it():
    """None of the domains has anything in common with another; each is looked for, not only the last of its slot."""
    alerts = [told(1, "x", "one"), told(2, "y", "two"), told(3, "z", "three", since=1), told(4, "total", "four")]

    assert placed(alerts) == [(None, "", [1, 2, 3, 4])]


def test_alerts_link_in_chains():
    chain = [told(1, since=0), told(2, "b", since=3), told(3, "c", since=6)]

    assert placed(chain) == [(None, "", [1, 2, 3])]
    assert placed([chain[0], chain[2]]) == [(None, "", [1]), (None, "", [3])]


OPEN = incident(7, told(1, "a"))


@pytest.mark.parametrize(
    ("alert", "incidents", "expected"),
    [
        (told(2, "b"), [OPEN], 7),
        (told(2, "c", "fell"), [OPEN], None),
        (told(2, "a", since=4), [OPEN], None),  # a new breach is a new incident
        (told(2, "b"), [incident(7, told(1, "a"), closed=1)], None),
        (told(2, "b"), [incident(7, told(1, "a"), channel="#own")], None),
        (told(2, "b"), [incident(7, told(1, "a", ended=1), told(9, "c"))], 7),  # whatever is well again in it by now
        (told(2, "b"), [OPEN, incident(8, told(3, "c"))], 7),  # the oldest of several
        (told(2, "c"), [OPEN, incident(8, told(3, "c", "fell"))], 8),  # but its own series before that
    ],
)
def test_an_alert_comes_into_the_open_incident_it_belongs_to(alert, incidents, expected):
    assert placed([alert], incidents) == [(expected, "", [2])]


WAS = incident(7, told(1, "a", ended=6, clearing=2), told(9, "b", ended=6, clearing=2), closed=6)


@pytest.mark.parametrize(
    ("alerts", "incidents", "expected"),
    [
        ([told(2, "a", since=18)], [WAS], [(7, "", [2])]),  # within the hour after its end
        ([told(2, "a", since=19)], [WAS], [(None, "", [2])]),
        ([told(2, "a", "fell", since=18)], [WAS], [(7, "", [2])]),  # whatever rule says it
        ([told(2, "a", "high", since=18, rises=True)], [WAS], [(None, "", [2])]),
        ([told(2, "c", since=18)], [WAS], [(None, "", [2])]),  # no domain of it
        (
            [told(2, "a", since=18), told(3, "c", since=19)],
            [WAS],
            [(7, "", [2]), (7, "", [3])],
        ),  # with what begins with it
        ([told(2, "a", since=18), told(3, "c", since=22)], [WAS], [(7, "", [2]), (None, "", [3])]),
        ([told(2, "a", since=18)], [incident(7, *WAS.alerts, channel="#own", closed=6)], [(None, "", [2])]),
        ([told(2, "a", since=18)], [incident(7, *WAS.alerts, told(8, "c"))], [(7, "", [2])]),  # another domain is out
        (
            [told(2, "a", since=18)],
            [WAS, incident(8, told(5, "c", since=18))],
            [(7, "", [2])],
        ),  # not with others
        (
            [told(2, "a", since=30)],
            [WAS, incident(8, told(5, "a", since=19, ended=28), closed=28)],
            [(8, "", [2])],
        ),
        (
            [told(2, "a", since=18)],
            [incident(7, replace(told(1, "a", ended=6), reason="revised"), closed=6)],
            [(None, "", [2])],  # there was no outage
        ),
    ],
)
def test_an_outage_soon_after_the_last_one_of_its_domain_is_told_with_that(alerts, incidents, expected):
    assert placed(alerts, incidents) == expected


WHOLE = incident(7, told(1, "total"), wide=AccountFall(T, 3, 3))
PART = incident(6, told(3, "x", "one"), parent=7)


@pytest.mark.parametrize(
    ("alert", "incidents", "expected"),
    [
        (told(2, "c", "fell"), [WHOLE], 7),  # all that falls with the account
        (told(2, "c", "fell", since=-3), [WHOLE], 7),
        (told(2, "c", "fell", since=-4), [WHOLE], None),  # it fell before
        (told(2, "c", "fell", since=50), [WHOLE], 7),
        (told(2, "c", "high", rises=True), [WHOLE], None),
        (told(2, "c", "fell"), [PART, WHOLE], 7),  # rather than a part of it in the same channel
    ],
)
def test_what_falls_with_the_account_is_told_with_it(alert, incidents, expected):
    assert placed([alert], incidents) == [(expected, "", [2])]


def test_another_channel_hears_of_the_accounts_fall_in_one_message():
    part = incident(8, told(3, "a"), channel="#own", parent=7)

    assert placed([told(2, "b", "fell", since=9)], [WHOLE, part], channel=lambda _: "#own") == [(8, "", [2])]


FLAPS = frozenset({("dark", "a")})


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        ([told(2, "a", since=20)], [(7, "", [2])]),  # it comes again
        ([told(2, "a", since=20), told(3, "a", "fell", since=20)], [(7, "", [2, 3])]),  # whatever rule says it
        ([told(3, "a", "fell", since=18)], [(7, "", [3])]),  # though it does not flap itself
        ([told(3, "a", "high", since=18, rises=True)], [(None, "", [3])]),
        ([told(2, "a", since=20), told(3, "c", "fell", since=20)], [(7, "", [2]), (None, "", [3])]),
    ],
)
def test_what_flaps_stays_in_its_incident_and_its_domain_with_it(alerts, expected):
    assert placed(alerts, [OPEN], flapping=FLAPS) == expected


@pytest.mark.parametrize(
    ("more", "incidents", "expected"),
    [
        ({"begun": lambda _: T}, [], (None, "summary")),  # it burned when it was first judged
        ({"begun": lambda _: T - SLOT}, [], (None, "")),
        ({"begun": lambda _: T}, [incident(7, kind=IncidentKind.SUMMARY)], (7, "summary")),
        ({"begun": lambda _: T}, [incident(7, kind=IncidentKind.SUMMARY, closed=1)], (7, "summary")),
        (
            {"begun": lambda _: T},
            [incident(7, kind=IncidentKind.SUMMARY, opened=-12)],
            (None, "summary"),
        ),  # an hour ago
        ({"begun": lambda _: T}, [incident(7, kind=IncidentKind.SUMMARY, channel="#own")], (None, "summary")),
    ],
)
def test_what_could_not_be_told_in_time_is_summed_up(more, incidents, expected):
    assert placed([told(2)], incidents, **more) == [(*expected, [2])]


def test_what_came_and_went_of_a_series_that_is_told_of_joins_that():
    open_now = incident(7, told(1, rule="far-off"))
    assert placed([told(2, ended=1)], [open_now]) == [(7, "", [2])]
    assert placed([told(2, ended=1)], [incident(7, told(1, rule="far-off"), closed=0)]) == [(None, "passed", [2])]
    assert placed([told(2, "b", ended=1)], [open_now]) == [(None, "passed", [2])]


def test_what_is_over_already_is_told_as_past():
    assert placed([told(2, ended=1)]) == [(None, "passed", [2])]
    assert placed([told(2, ended=1)], [incident(7, kind=IncidentKind.PASSED, closed=0)]) == [(7, "passed", [2])]
