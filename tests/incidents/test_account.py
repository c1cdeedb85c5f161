"""The account as a whole, as tables: when it fell, when that is over, and what becomes of the incidents meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest
from fakes.worlds.cases import DEFAULT, T, incident, rule, silence, suppression, told

from alertbot.incidents import account
from alertbot.incidents.decision import decide
from alertbot.incidents.grouping import Placing
from alertbot.incidents.incident import AccountFall
from alertbot.incidents.state import State
from alertbot.incidents.storm import Storms
from alertbot.rules.schedule import Schedule, Window
from alertbot.units import SLOT


def begun(**slots):
    return {series: T + slot * SLOT for series, slot in slots.items()}


@pytest.mark.parametrize(
    ("falls", "carried", "expected"),
    [
        (begun(a=0, b=0, c=0), "abc", (0, 3)),
        (begun(a=0, b=0, c=0), "abcdef", (0, 3)),  # half
        (begun(a=0, b=0, c=0), "abcdefg", None),  # less than half
        (begun(a=0, b=0), "abc", None),  # never less than three
        (begun(a=0, b=3, c=6), "abc", (0, 3)),  # each near the one before
        (begun(a=0, b=1, c=5), "abc", None),
        (begun(a=-9, b=0, c=1, d=2), "abcde", (0, 3)),  # a had fallen long before
        (begun(a=0, b=0, x=0), "abc", None),  # x carried nothing
        (begun(total=2, a=0), "ab", (2, 1)),  # the total alone says so
    ],
)
def test_half_of_what_carried_traffic_or_the_total_is_the_whole_account(falls, carried, expected):
    wide = account.fell_together(falls, set(carried), Storms())

    assert (wide and ((wide.since - T) // SLOT, wide.fell)) == expected


@pytest.mark.parametrize(
    ("falls", "before", "fell", "over"),
    [
        (begun(a=0, b=0, c=0, d=1), AccountFall(T, 3, 6), 4, None),  # more of it
        (begun(a=0, b=0, c=0), AccountFall(T, 4, 6), 4, None),
        (begun(a=0, b=0), AccountFall(T, 4, 6), 4, 9),  # too little is left
        (begun(a=0), AccountFall(T, 4, 6, over=T + 7 * SLOT), 4, 7),  # since then
        (begun(a=0, b=0, c=0), AccountFall(T, 4, 6, over=T + 7 * SLOT), 4, None),  # it fell again
        (begun(total=0), AccountFall(T, 1, 6), 1, None),
        (begun(a=-9, b=-9, c=-9), AccountFall(T, 3, 6), 3, 9),  # those fell long before
    ],
)
def test_it_is_over_once_less_than_that_is_left(falls, before, fell, over):
    after = account.afterwards(before, falls, set("abcdef"), T + 9 * SLOT, Storms())

    assert (after.fell, None if after.over is None else (after.over - T) // SLOT) == (fell, over)


def test_what_burns_again_once_it_is_over_for_good_is_no_more_of_it():
    over = AccountFall(T, 3, 3, over=T + 2 * SLOT)

    assert account.afterwards(over, dict.fromkeys("abc", T), set("abc"), T + 4 * SLOT, Storms()).over is None
    assert account.afterwards(over, dict.fromkeys("abc", T), set("abc"), T + 5 * SLOT, Storms()) == over


@pytest.mark.parametrize(("over", "frontier", "expected"), [(None, 99, False), (0, 2, False), (0, 3, True)])
def test_what_ends_within_three_slots_ends_together(over, frontier, expected):
    wide = AccountFall(T, 3, 3, over=None if over is None else T + over * SLOT)

    assert account.is_over(wide, T + frontier * SLOT) is expected


def channel(alert):
    return "#own" if alert.alert.series.startswith("own") else DEFAULT


def turn(*incidents, unposted=(), held=None, carried="abc", settled=True):
    """What becomes of each incident: (number, rows, parent, notes, closed)."""
    held = held or suppression(1, rule("dark"), rule("one"), rule("two"), rule("three"))
    placing = Placing(channel, lambda _: 0, (), held.now)
    state = State(incidents, unposted, held, placing, settled=settled, channel=DEFAULT, carried=set(carried))
    return {
        step.incident.number: (
            sorted(each.number for each in step.incident.alerts),
            step.incident.progress.parent,
            [f"{note.kind.value}{'!' if note.page else ''}" for note in step.notes],
            step.closed,
        )
        for step in decide(state).changes
    }


def test_three_domains_with_nothing_else_in_common_are_one_message():
    """They would be three incidents; as the account fell, it is told once, whatever rules say so."""
    unposted = [told(1, "a", "one"), told(2, "b", "two"), told(3, "c", "three")]

    assert list(turn(unposted=unposted).values()) == [([1, 2, 3], None, [], False)]


def test_another_channel_gets_one_line_of_what_is_its_own():
    unposted = [told(1, "a", "one"), told(2, "own-b", "two"), told(3, "own-c", "three")]

    changes = turn(unposted=unposted, carried=["a", "own-b", "own-c"])

    host = next(number for number, step in changes.items() if step[1] is None)
    assert changes == {host: ([1], None, [], False), min(changes.keys() - {host}, key=abs): ([2, 3], host, [], False)}


def test_what_was_told_before_is_a_part_of_it_from_then_on():
    before = incident(
        1, told(1, "a", "one", slot=1, noted=1), paged_at=float(T), paged_severity="warning", paged_series=1
    )

    changes = turn(before, unposted=[told(2, "b", "two", since=1), told(3, "c", "two", since=1)])

    assert changes == {-1: ([2, 3], None, [], False), 1: ([1], -1, ["inhibited"], False)}


def test_the_total_tells_of_it_wherever_it_stands():
    """Also where its incident has been open for long, for another alert."""
    old = told(1, "a", since=-20, slot=1, noted=1)
    before = incident(
        1, old, told(2, "total", slot=1, noted=1), paged_at=float(T), paged_severity="warning", paged_series=2
    )

    assert turn(before) == {1: ([1, 2], None, ["grew!"], False)}


FELL = AccountFall(T, 3, 3)
KNOWN = {"paged_at": float(T), "paged_severity": "warning", "paged_series": 3, "paged_wide": True}


def fallen(**host):
    """The account fell: c is told in another channel, and b and the total are well again."""
    part = incident(2, told(3, "own-c", slot=1, noted=1), channel="#own", parent=1)
    return incident(1, told(1, "a", ended=1, noted=2), **KNOWN | {"wide": FELL} | host), part


def test_it_is_not_resolved_before_its_parts_are_well_or_have_outlived_it():
    assert turn(*fallen(wide=AccountFall(T, 3, 3, over=T))) == {}
    later = turn(*fallen(wide=AccountFall(T, 3, 3, over=T)), held=suppression(3, rule("dark")))
    assert later == {1: ([1], None, ["resolved"], True), 2: ([3], None, ["survived!"], False)}


def test_its_end_is_that_of_something_account_wide_and_the_end_of_a_part_is_not():
    whole, part = fallen(wide=AccountFall(T, 3, 3, over=T))
    part = replace(part, alerts=(told(3, "own-c", slot=1, ended=2, noted=1),))
    held = suppression(3, rule("dark"))
    placing = Placing(channel, lambda _: 0, (), held.now)
    decision = decide(State((whole, part), (), held, placing, settled=True, channel=DEFAULT))
    assert [(step.incident.number, step.closed, step.ends_account_wide) for step in decision.changes] == [
        (1, True, True),
        (2, True, False),
    ]


NEVER = rule("dark", active=Schedule((Window(frozenset({0}), 23 * 60, 24 * 60),), UTC))


@pytest.mark.parametrize(
    ("held", "lasts"),
    [
        (suppression(1, rule("dark")), True),
        # Who silences the total knows of it, and does not want to hear of each domain instead.
        (suppression(1, rule("dark"), silences=[silence(target="total")]), True),
        # Outside its active hours nothing is known of it.
        (suppression(1, NEVER), False),
    ],
)
def test_it_lasts_while_it_is_silenced_but_not_where_it_is_not_judged(held, lasts):
    part = incident(2, told(3, "own-c", "two", slot=1, noted=1), channel="#own", parent=1)
    host = incident(1, told(1, "total", slot=1, noted=1), **KNOWN, wide=FELL)

    placing = Placing(channel, lambda _: 0, (), held.now)
    decision = decide(State((host, part), (), held, placing, settled=True, channel=DEFAULT))

    wide = next((step.incident.progress.wide for step in decision.changes if step.incident.number == 1), FELL)
    assert (wide.over is None) is lasts
