"""The lifecycle as tables: what each slot showed, in letters, and what was told, at which position.

B  in breach        -  neither in breach nor cleared        .  cleared        ?  unknown        o  in breach and cleared
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alertbot.alerts.engine import Engine
from alertbot.alerts.lifecycle import Alert, Phase, Policy, Reason, Seen, begin, step
from alertbot.rules.base import Direction, Rule, Severity
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.grid import Grid
from alertbot.rules.threshold import Threshold
from alertbot.units import DAY, DAY_SLOTS, SLOT

START = 20_000 * DAY
NAN = math.nan
MBPS = 1e6


def seen(letter):
    value = {"?": NAN, "B": 9.0, "o": 9.0, "-": 8.0, ".": 1.0}[letter]
    return Seen(value, None, letter in "Bo", letter in ".o", Direction.RISE)


def walk(policy, shown):
    """(changes, the alert that is left) after the slots ``shown``, a letter each."""
    alert, changes = None, []
    for position, letter in enumerate(shown):
        slot = START + position * SLOT
        change = None
        if alert is not None:
            alert, change = step(policy, alert, slot, seen(letter))
        elif letter in "Bo":
            alert, change = begin(policy, "rule", "series", slot, seen(letter))
        if change is not None:
            changes.append(change)
    return changes, alert


def told(policy, shown):
    """``fired@since>slot`` and ``reason@since>slot`` for each change, in positions."""
    changes, _ = walk(policy, shown)
    return [
        f"{'fired' if c.fired else c.reason}@{(c.alert.since - START) // SLOT}>{(c.alert.slot - START) // SLOT}"
        for c in changes
    ]


@pytest.mark.parametrize(
    ("policy", "shown", "expected"),
    [
        # for: the alert fires on the slot that completes it
        (Policy(for_slots=1), "B", ["fired@0>0"]),
        (Policy(for_slots=2), "B", []),
        (Policy(for_slots=2), ".BB", ["fired@1>2"]),
        (Policy(for_slots=3), "BB.BBB", ["fired@3>5"]),
        (Policy(for_slots=3), "BB-BBB", ["fired@3>5"]),  # between clear and threshold: pending ends
        (Policy(for_slots=2), "BoB", ["fired@0>1"]),  # while pending only the breach counts
        # ... and is told once, however long it lasts
        (Policy(for_slots=2), "B" * 2000, ["fired@0>1"]),
        # unknown slots drop what is pending
        (Policy(for_slots=2), "B?B", []),
        (Policy(for_slots=2), "B?BB", ["fired@2>3"]),
        (Policy(for_slots=2), "???", []),
        # clear_for: slots in a row
        (Policy(1, clear_slots=1), "B.", ["fired@0>0", "cleared@0>1"]),
        (Policy(1, clear_slots=2), "B.", ["fired@0>0"]),
        (Policy(1, clear_slots=2), "B..", ["fired@0>0", "cleared@0>2"]),
        (Policy(1, clear_slots=2), "B.B.B", ["fired@0>0"]),
        (Policy(1, clear_slots=2), "B.-..", ["fired@0>0", "cleared@0>4"]),  # between: clear_for starts afresh
        (Policy(1, clear_slots=2), "B.?..", ["fired@0>0", "cleared@0>4"]),  # unknown: likewise
        (Policy(1, clear_slots=2), "B????", ["fired@0>0"]),  # unknown resolves nothing
        (Policy(1, clear_slots=2), "Boo", ["fired@0>0", "cleared@0>2"]),  # while firing `cleared` is looked at first
        # ... and again
        (Policy(1, clear_slots=1), "B.B.", ["fired@0>0", "cleared@0>1", "fired@2>2", "cleared@2>3"]),
        (Policy(2, clear_slots=1), "BB.BB", ["fired@0>1", "cleared@0>2", "fired@3>4"]),
        # within: `for` need not be consecutive
        (Policy(3, within_slots=6), "B.B.B", ["fired@0>4"]),
        (Policy(3, within_slots=6), "B.....BB", []),  # the first is too long ago by then
        (Policy(3, within_slots=6), "B...BB", ["fired@0>5"]),
        (Policy(3, within_slots=6), "B....BBB", ["fired@5>7"]),  # since: the first of those that still count
        (Policy(3, within_slots=6), "B??BB", ["fired@0>4"]),  # unknown just is no breach
        (Policy(2, within_slots=3), "B-B", ["fired@0>2"]),
        (Policy(2, within_slots=3), "B..B..B..B", []),
        (Policy(2, within_slots=2), "B.BB", ["fired@2>3"]),
        (Policy(1, within_slots=4), "B", ["fired@0>0"]),
        # a resolution empties the window
        (Policy(2, 1, within_slots=6), "BB.B", ["fired@0>1", "cleared@0>2"]),
        (Policy(2, 1, within_slots=6), "BB.BB", ["fired@0>1", "cleared@0>2", "fired@3>4"]),
        # accept_after: counted from the breach's first slot
        (Policy(1, accept_slots=4), "BBBB", ["fired@0>0", "new normal@0>3"]),
        (Policy(2, accept_slots=4), "BBB", ["fired@0>1"]),
        (Policy(2, accept_slots=4), "BBBBBB", ["fired@0>1", "new normal@0>3", "fired@4>5"]),
        (Policy(1, accept_slots=4), "BB??BB", ["fired@0>0", "new normal@0>5"]),  # known slots in breach count
        (Policy(1, accept_slots=4), "B---B-B", ["fired@0>0"]),
        (Policy(1, accept_slots=4), "B---B-BB", ["fired@0>0", "new normal@0>7"]),
        (Policy(1, clear_slots=2, accept_slots=4), "BB..", ["fired@0>0", "cleared@0>3"]),  # cleared counts first
        (Policy(3, accept_slots=1), "BBBB", ["fired@0>2", "new normal@0>3"]),  # never on the slot that fires
        (Policy(1, accept_slots=None), "B" * 1000, ["fired@0>0"]),
    ],
)
def test_the_lifecycle_tells(policy, shown, expected):
    assert told(policy, shown) == expected


@pytest.mark.parametrize(
    ("policy", "shown", "left"),
    [
        (Policy(2), "B", Phase.PENDING),
        (Policy(2), "B.", None),
        (Policy(2), "B-", None),
        (Policy(2), "B?", None),
        (Policy(2), "BB?", Phase.FIRING),
        (Policy(2), "BB-", Phase.FIRING),
        (Policy(2), "BB..", None),
        (Policy(2, within_slots=3), "B?", Phase.PENDING),
        (Policy(2, within_slots=3), "B..", Phase.PENDING),
        (Policy(2, within_slots=3), "B...", None),
        (Policy(2, accept_slots=2), "BBB", None),
    ],
)
def test_the_alert_is_left(policy, shown, left):
    _, alert = walk(policy, shown)
    assert (alert and alert.phase) is left


def showing(value, direction, *, breach=True):
    return Seen(value, None, breach=breach, cleared=not breach, direction=direction)


def test_the_worst_value_is_the_farthest_off_since_the_breach_began():
    policy = Policy(for_slots=2, clear_slots=2)
    alert, _ = begin(policy, "r", "s", START, showing(12.0, Direction.RISE))
    for position, value in enumerate([10.0, 15.0, 11.0], start=1):
        alert, _ = step(policy, alert, START + position * SLOT, showing(value, Direction.RISE))
    alert, _ = step(policy, alert, START + 4 * SLOT, showing(1.0, Direction.RISE, breach=False))
    alert, change = step(policy, alert, START + 5 * SLOT, showing(2.0, Direction.RISE, breach=False))
    assert alert is None
    assert change.alert.worst == 15.0
    assert (change.alert.value, change.alert.slot) == (2.0, START + 5 * SLOT)
    assert (change.alert.since, change.alert.fired) == (START, START + SLOT)


def test_the_worst_of_a_fall_is_the_lowest():
    policy = Policy(for_slots=1)
    alert, _ = begin(policy, "r", "s", START, showing(3.0, Direction.FALL))
    for position, value in enumerate([2.0, 4.0], start=1):
        alert, _ = step(policy, alert, START + position * SLOT, showing(value, Direction.FALL))
    assert alert.worst == 2.0


def test_a_pending_alert_that_turns_from_rise_to_fall_begins_anew():
    policy = Policy(for_slots=2)
    alert, _ = begin(policy, "r", "s", START, showing(99.0, Direction.RISE))
    alert, change = step(policy, alert, START + SLOT, showing(0.0, Direction.FALL))
    assert change is None, "a slot of a rise is no evidence of a fall"
    alert, change = step(policy, alert, START + 2 * SLOT, showing(1.0, Direction.FALL))
    assert change.fired
    assert (alert.direction, alert.since, alert.worst) == (Direction.FALL, START + SLOT, 0.0)


def test_what_an_older_version_stored_of_a_rise_is_no_part_of_a_fall():
    policy = Policy(for_slots=2, clear_slots=4)
    alert, _ = begin(policy, "r", "s", START, showing(99.0, Direction.RISE))
    alert, _ = step(policy, alert, START + SLOT, showing(99.0, Direction.RISE))
    alert, change = step(policy, replace(alert, window=3), START + 2 * SLOT, showing(0.0, Direction.FALL))
    assert (change, alert.phase) == (None, Phase.FIRING)
    alert, change = step(policy, alert, START + 3 * SLOT, showing(0.0, Direction.FALL))
    assert (change.reason, alert.since) == (Reason.CLEARED, START + 2 * SLOT)


def test_an_unknown_slot_leaves_the_last_known_value_standing():
    _, alert = walk(Policy(1), "B?")
    assert (alert.value, alert.worst) == (9.0, 9.0)


letters = st.text("B-.?o", max_size=80)
policies = st.integers(1, 4).flatmap(
    lambda count: st.builds(
        Policy,
        st.just(count),
        st.integers(1, 4),
        st.none() | st.integers(count, count + 4),
        st.none() | st.integers(1, 20),
    )
)


@given(policy=policies, shown=letters)
def test_firing_and_resolving_take_turns_and_each_has_its_evidence(policy, shown):
    changes, alert = walk(policy, shown)
    assert [change.fired for change in changes] == [position % 2 == 0 for position in range(len(changes))]
    assert (alert is not None and alert.phase is Phase.FIRING) == (len(changes) % 2 == 1)
    for change in changes:
        at, since = ((slot - START) // SLOT for slot in (change.alert.slot, change.alert.since))
        assert shown[since] in "Bo"
        if change.fired:
            assert sum(letter in "Bo" for letter in shown[since : at + 1]) == policy.for_slots
            assert at - since < (policy.within_slots or policy.for_slots)
        elif change.reason is Reason.CLEARED:
            assert set(shown[at - policy.clear_slots + 1 : at + 1]) <= set(".o")
        else:
            assert at - since + 1 >= policy.accept_slots


@given(policy=policies, shown=letters)
def test_an_unknown_slot_never_fires_and_never_resolves(policy, shown):
    changes, _ = walk(policy, shown)
    assert all(shown[(change.alert.slot - START) // SLOT] != "?" for change in changes)


@given(policy=policies, shown=letters, cut=st.integers(0, 80))
def test_an_alert_taken_up_again_from_what_was_stored_goes_on_as_if_never_put_down(policy, shown, cut):
    changes, alert = walk(policy, shown)
    before, kept = walk(policy, shown[:cut])
    for position in range(min(cut, len(shown)), len(shown)):
        slot, change = START + position * SLOT, None
        if kept is not None:
            fields = {name: getattr(kept, name) for name in Alert.__dataclass_fields__}
            kept, change = step(policy, Alert(**fields), slot, seen(shown[position]))
        elif shown[position] in "Bo":
            kept, change = begin(policy, "rule", "series", slot, seen(shown[position]))
        before += [change] if change else []
    assert (before, kept) == (changes, alert)


# What the rules promise, sentence by sentence, through the engine: values in Mbps, one a slot.


def rule(kind, **keys):
    return Rule("rule", "kind", kind, Severity.WARNING, **keys)


def story(one, values, earlier=None, others=()):
    """What is told of these slots, as ``told`` does; ``earlier`` are the values of so many days before, likewise."""
    rules = (one, *others)
    grid = Grid(["a"])
    for days, before in (earlier or {}).items():
        grid.put("a", START - days * DAY, MBPS * np.array(before, dtype=float))
    grid.put("a", START, MBPS * np.array(values, dtype=float))
    engine = Engine(rules, {each.name: ("a",) for each in rules}, ("a",))
    judgement = engine.judge(grid, START, np.ones((len(values), 1), dtype=bool), {})
    return [
        f"{'fired' if c.fired else c.reason}@{(c.alert.since - START) // SLOT}>{(c.alert.slot - START) // SLOT}"
        for c in judgement.changes
        if c.alert.rule == one.name
    ]


dark = rule(Drop(to=0, window=4))


def test_a_reference_needs_half_of_its_slots_known_else_the_slot_is_unknown():
    assert story(dark, [NAN, NAN, 9, 9, 0, 0]) == ["fired@4>5"]
    assert story(dark, [NAN, NAN, NAN, 9, 0, 0]) == [], "one of four is not enough, and zeros are no reference"
    doubled = rule(DayOverDay(2.0, days=3))
    assert story(doubled, [50, 50], {1: [20, 20], 2: [20, 20]}) == ["fired@0>1"]
    assert story(doubled, [50, 50], {1: [20, 20]}) == []
    # while firing, what it fired on says whether it is over where the present reference is unknown
    unknown = [20, 20, 20, NAN, NAN, NAN]
    assert story(doubled, [50, 50, 50, 50, 30, 30], {1: unknown, 2: unknown}) == ["fired@0>1", "cleared@0>5"]


def test_a_slot_between_clear_and_the_threshold_ends_pending():
    ceiling = rule(Threshold(above=8 * MBPS, clear=7 * MBPS))
    assert story(ceiling, [9, 7.5, 9]) == []
    assert story(ceiling, [9, 9]) == ["fired@0>1"]
    assert story(dark, [9, 9, 9, 9, 0, 3, 0]) == []


def test_a_slot_between_clear_and_the_threshold_restarts_clear_for():
    ceiling = rule(Threshold(above=8 * MBPS, clear=7 * MBPS))
    assert story(ceiling, [9, 9, 7, 7.5, 7, 7]) == ["fired@0>1", "cleared@0>5"]
    assert story(dark, [9, 9, 9, 9, 0, 0, 5, 4, 5, 5]) == ["fired@4>5", "cleared@4>9"]


def test_without_clear_a_threshold_is_over_at_the_threshold_itself():
    assert story(rule(Threshold(above=8 * MBPS)), [9, 9, 8, 8]) == ["fired@0>1", "cleared@0>3"]
    assert story(rule(Threshold(below=8 * MBPS)), [7, 7, 8, 8]) == ["fired@0>1", "cleared@0>3"]


def test_a_reference_of_0_is_no_breach():
    assert story(rule(Drop(to=0, from_=0, window=2)), [0, 0, 0, 0]) == []
    assert story(rule(DayOverDay(2.0, floor=0)), [9, 9], {1: [0, 0]}) == []
    assert story(rule(DayOverDay(0.5, floor=0)), [0, 0], {1: [0, 0]}) == []


def test_days_are_86400_seconds():
    doubled = rule(DayOverDay(2.0, floor=0), for_slots=1)
    assert story(doubled, [2, 9, 2], {1: [1, 5, 1]}) == ["fired@0>0"]
    assert story(doubled, [2, 2, 2], {1: [9, 1, 9]}) == ["fired@1>1"]


def test_slots_in_which_a_drop_fired_never_serve_as_a_reference_of_the_drop():
    # back for two slots only: of the four before the second fall, two are known, and they are the new level
    assert story(dark, [9, 9, 9, 9, 0, 0, 9, 9, 9, 0, 0]) == ["fired@4>5", "cleared@4>7", "fired@9>10"]
    falling = rule(Drop(by=0.5, window=4))
    assert story(falling, [9, 9, 9, 9, 1, 1, 1, 9, 9, 9, 4]) == ["fired@4>5", "cleared@4>8"]


def test_slots_in_which_a_drop_fired_never_serve_as_a_reference_of_another_rule():
    doubled = rule(DayOverDay(2.0, floor=MBPS))
    dip = Rule("dip", "drop", Drop(to=MBPS, window=4), Severity.CRITICAL)
    values = [9] * DAY_SLOTS + [9, 9, 9, 9, 1, 1, 9, 9] + [9] * DAY_SLOTS
    assert story(doubled, values) == ["fired@580>581", "cleared@580>583"], "9 is nine times the 1 of the day before"
    assert story(doubled, values, others=[dip]) == [], "it is compared with the day before that"


def test_the_alert_fires_on_the_slot_that_completes_for():
    assert story(rule(Threshold(above=8 * MBPS), for_slots=3), [9, 9, 9, 9]) == ["fired@0>2"]


def test_only_a_drop_from_enough_counts():
    assert story(rule(Drop(to=0, from_=5 * MBPS, window=4)), [4.9, 4.9, 4.9, 4.9, 0, 0]) == []
    assert story(rule(Drop(to=0, from_=5 * MBPS, window=4)), [5, 5, 5, 5, 0, 0]) == ["fired@4>5"]


def test_an_outage_that_outlasts_the_window_stays_one_firing_alert_until_traffic_is_back():
    assert story(dark, [9] * 4 + [0] * 600) == ["fired@4>5"]
    assert story(dark, [9] * 4 + [0] * 600 + [4, 5, 5]) == ["fired@4>5", "cleared@4>606"]


def test_the_reference_is_frozen_when_the_breach_begins_and_not_when_it_fires():
    # the median of the window has fallen to 0 long before `for` is complete
    assert story(rule(Drop(to=0, window=2), for_slots=6), [9, 9] + [0] * 6) == ["fired@2>7"]


def test_the_frozen_reference_is_let_go_of_with_the_pending_alert():
    falling = rule(Drop(by=0.5, window=2))
    assert story(falling, [9, 9, 4, 5, 4, 4, 4]) == [], "4 is no fall from 4.5"


def test_it_is_over_as_well_once_half_of_the_day_before_is_back():
    night = [9] * 4 + [2] * 4
    assert story(dark, [9] * 4 + [0, 0, 1, 1], {1: night}) == ["fired@4>5", "cleared@4>7"]
    assert story(dark, [9] * 4 + [0, 0, 1, 1], {1: [9] * 8}) == ["fired@4>5"]


def test_a_fall_by_a_share_that_lasts_is_the_new_normal_and_is_not_told_again():
    falling = rule(Drop(by=0.5, window=4), accept_slots=DAY_SLOTS)
    assert story(falling, [9] * 4 + [2] * 400) == ["fired@4>5", "new normal@4>291"]


def test_after_a_new_normal_a_fall_from_there_is_one_again():
    falling = rule(Drop(by=0.5, window=4), accept_slots=6)
    assert story(falling, [9] * 4 + [4] * 10 + [1] * 2) == ["fired@4>5", "new normal@4>9", "fired@14>15"]


def test_a_value_given_up_neither_fires_nor_resolves():
    assert story(dark, [9] * 4 + [0, NAN, 0]) == [], "pending drops"
    assert story(dark, [9] * 4 + [0, 0] + [NAN] * 50) == ["fired@4>5"], "firing stays"
    assert story(dark, [9] * 4 + [0, 0, 9, NAN, 9]) == ["fired@4>5"], "clear_for starts afresh"


def test_fifteen_minutes_within_thirty_are_three_of_the_last_six_slots():
    flaky = rule(Threshold(above=8 * MBPS), for_slots=3, within_slots=6)
    assert story(flaky, [9, 0, 9, 0, 0, 9]) == ["fired@0>5"]
    assert story(flaky, [9, 0, 9, 0, 0, 0, 9]) == []


def test_within_keeps_the_reference_of_the_breachs_first_slot():
    flaky = rule(Drop(to=0, window=4), for_slots=3, within_slots=6)
    assert story(flaky, [9, 9, 9, 9, 0, 1, 0, 1, 0]) == ["fired@4>8"]


@settings(deadline=None, max_examples=50)
@given(values=st.lists(st.sampled_from([0.0, 1.0, 4.0, 4.5, 9.0, NAN]), min_size=5, max_size=60))
def test_from_its_first_slot_until_it_resolves_the_slots_of_a_drop_are_set_aside(values):
    grid = Grid(["a"])
    grid.put("a", START, MBPS * np.array([9.0] * 4 + values))
    due = np.ones((len(values) + 4, 1), dtype=bool)
    changes = Engine((dark,), {"rule": ("a",)}, ("a",)).judge(grid, START, due, {}).changes
    resolved = {change.alert.since: change.alert.slot for change in changes if not change.fired}
    aside = np.zeros(len(due), dtype=bool)
    for since in (change.alert.since for change in changes if change.fired):
        end = resolved.get(since, START + len(due) * SLOT)
        aside[(since - START) // SLOT : (end - START) // SLOT] = True
    marks = grid.aside.marks(START, len(due))
    np.testing.assert_array_equal(np.zeros(len(due), dtype=bool) if marks is None else marks[:, 0] > 0, aside)
