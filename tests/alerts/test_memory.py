"""An outage is no measure of what is usual, and a second one is posted: stories of single domains over weeks."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from alertbot.alerts.engine import Engine
from alertbot.alerts.ledger import Ledger
from alertbot.alerts.lifecycle import Alert, Change, Phase, Reason
from alertbot.alerts.replay import Reopenings
from alertbot.config import load
from alertbot.rules.base import Direction, Rule, Severity
from alertbot.rules.baseline import Baseline
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.grid import Grid
from alertbot.rules.schedule import Schedule, Window
from alertbot.units import DAY, DAY_SLOTS, SLOT

MONDAY = 20_514 * DAY
"""The 2nd of March 2026."""

HOUR = 12
GBPS, MBPS = 1e9, 1e6
EXAMPLE = load(Path(__file__).parents[2] / "rules.example.toml")
STARTER = tuple(rule for rule in EXAMPLE.rules if "*" in rule.domains)
DARK = Rule("went-dark", "drop", Drop(to=0.0, from_=5e6), Severity.CRITICAL)
FELL = Rule("fell", "drop", Drop(by=0.8, from_=20e6), Severity.WARNING, for_slots=3, accept_slots=DAY_SLOTS)
HALF = Rule("half", "day_over_day", DayOverDay(0.5), Severity.CRITICAL, accept_slots=DAY_SLOTS)
FAR_OFF = Rule("far-off", "baseline", Baseline(1.9, 20e6, zeros=False), Severity.WARNING, for_slots=1, accept_slots=288)


def levels(*pieces):
    """Values of one level after the other: (bit/s, slots)."""
    return np.concatenate([np.full(slots, level, dtype=float) for level, slots in pieces])


def wave(days, level=500 * MBPS, seed=3):
    """A day like another, with a little noise."""
    slots = np.arange(days * DAY_SLOTS)
    noise = np.random.default_rng(seed).normal(1, 0.02, len(slots))
    return level * (1 - 0.3 * np.cos(2 * np.pi * slots / DAY_SLOTS)) * noise


def judged(values, *rules, first=MONDAY, block=DAY_SLOTS, muted=False):
    """Every change of a replay; ``muted``: all of it lies under one mute that happens once."""
    grid, alerts, changes = Grid(["a"]), {}, []
    grid.put("a", first, values)
    if muted:
        grid.aside.mute("a", first, first + len(values) * SLOT)
    engine = Engine(rules, {rule.name: ["a"] for rule in rules}, ["a"])
    for row in range(0, len(values), block):
        due = np.ones((min(block, len(values) - row), 1), dtype=bool)
        judgement = engine.judge(grid, first + row * SLOT, due, alerts)
        alerts = judgement.alerts
        changes += judgement.changes
    return changes


def told(values, *rules, first=MONDAY, muted=False):
    """(rule, slot, ``fired`` or why it ended) of each change."""
    return [
        (each.alert.rule, (each.alert.slot - first) // SLOT, "fired" if each.fired else each.reason.value)
        for each in judged(values, *rules, first=first, muted=muted)
    ]


def fired(values, *rules, first=MONDAY):
    """The slots in which something fired, by direction."""
    return [
        (each.alert.direction.value, (each.alert.slot - first) // SLOT)
        for each in judged(values, *rules, first=first)
        if each.fired
    ]


def falls(values, *rules):
    return [slot for way, slot in fired(values, *rules) if way == "fall"]


def rises(values, *rules):
    return [slot for way, slot in fired(values, *rules) if way == "rise"]


@pytest.mark.parametrize("days", [1, 2, 3, 6])
def test_a_domain_that_stays_dark_is_not_normal_again(days):
    dark = levels((GBPS, 2 * DAY_SLOTS), (0, days * DAY_SLOTS), (GBPS, HOUR))
    end = (2 + days) * DAY_SLOTS
    assert told(dark, HALF) == [("half", 577, "fired"), ("half", end + 1, "cleared")]
    assert told(dark, DARK) == [("went-dark", 577, "fired"), ("went-dark", end + 1, "cleared")]


@pytest.mark.parametrize("hours", [1, 6, 26, 50])
def test_an_outage_is_over_under_every_rule_when_traffic_is_back(hours):
    end = 2 * DAY_SLOTS + hours * HOUR
    values = levels((GBPS, 2 * DAY_SLOTS), (0, hours * HOUR), (GBPS, 2 * DAY_SLOTS))
    assert told(values, HALF, DARK) == [
        ("half", 577, "fired"),
        ("went-dark", 577, "fired"),
        ("half", end + 1, "cleared"),
        ("went-dark", end + 1, "cleared"),
    ]


@pytest.mark.parametrize(("first", "back", "second"), [(12, 2, 72), (12, 2, 3), (300, 3, 12), (72, 14, 72)])
def test_a_relapse_is_posted_however_soon_it_comes(first, back, second):
    values = levels((GBPS, 10 * DAY_SLOTS), (0, first), (GBPS, back), (0, second), (GBPS, HOUR))
    begun = 10 * DAY_SLOTS
    assert falls(values, DARK) == [begun + 1, begun + first + back + 1]


@pytest.mark.parametrize(
    ("days", "back"),
    [
        (1, 24),
        (8, 72),
        *(pytest.param(days, back, marks=pytest.mark.slow) for days, back in ((2, 144), (3, 72), (4, 24), (6, 144))),
    ],
)
def test_after_days_of_darkness_the_return_is_no_rise_and_the_relapse_is_posted(days, back):
    values = wave(24)
    begun = 10 * DAY_SLOTS + 100
    end = begun + days * DAY_SLOTS
    values[begun:end] = 0
    values[end + back : end + back + 144] = 0
    assert rises(values, *STARTER) == []
    dark = [slot for rule, slot, what in told(values, DARK) if what == "fired"]
    assert dark == [begun + 1, end + back + 1]


def test_an_outage_that_began_before_the_first_start_is_posted_where_the_history_tells_what_is_usual():
    values = wave(4)
    values[2 * DAY_SLOTS + 100 :] = 0
    judged_from = 2 * DAY_SLOTS + 300
    grid = Grid(["a"])
    grid.put("a", MONDAY, values)
    engine = Engine([DARK], {"went-dark": ["a"]}, ["a"])
    due = np.ones((12, 1), dtype=bool)
    (change,) = engine.judge(grid, MONDAY + judged_from * SLOT, due, {}).changes
    assert change.alert.since == MONDAY + judged_from * SLOT
    assert change.alert.reference == pytest.approx(values[judged_from - DAY_SLOTS], rel=0.2)


@pytest.mark.parametrize("times", [1.5, 6.0])
@pytest.mark.parametrize("hours", [2, 5, 20])
def test_an_event_that_ends_as_it_began_is_no_fall(hours, times):
    values = levels((200e6, DAY_SLOTS + 3 * HOUR), (times * 200e6, hours * HOUR), (200e6, 6 * HOUR))
    assert told(values, FELL) == []


def test_a_launch_that_goes_dark_is_posted_though_it_was_usual_for_nobody():
    values = levels((3e6, 10 * DAY_SLOTS), (GBPS, 36), (0, 72), (GBPS, 24))
    assert 10 * DAY_SLOTS + 37 in falls(values, *STARTER)


def test_a_job_of_every_night_is_posted_four_nights_at_most_and_a_weekly_one_four_weeks():
    daily, weekly = wave(30), wave(60)
    for day in range(8, 30):
        daily[day * DAY_SLOTS + 30 : day * DAY_SLOTS + 36] *= 8
    for day in range(8, 60, 7):
        weekly[day * DAY_SLOTS + 30 : day * DAY_SLOTS + 36] *= 8
    assert 1 <= len(rises(daily, FAR_OFF)) <= 4
    assert 1 <= len(rises(weekly, FAR_OFF)) <= 4
    assert falls(daily, FAR_OFF) == falls(weekly, FAR_OFF) == []


def test_a_rise_that_began_by_degrees_is_not_over_while_it_lasts():
    values = wave(14)
    begin = 10 * DAY_SLOTS + 80
    values[begin : begin + 4] *= 1.8
    values[begin + 4 : begin + 124] *= 2.5
    (_, end) = (slot for _, slot, _ in told(values, FAR_OFF))
    assert end >= begin + 124


def test_an_evening_that_falls_every_day_is_posted_four_times_at_most():
    values = wave(30)
    for day in range(8, 30):
        values[day * DAY_SLOTS + 240 : (day + 1) * DAY_SLOTS] *= 0.1
    assert len(falls(values, FELL)) <= 4


def test_nights_that_were_always_silent_are_posted_never_and_one_that_does_not_end_is():
    values = wave(16)
    for day in range(16):
        values[day * DAY_SLOTS + 264 : (day + 1) * DAY_SLOTS + 60] = 0
    assert [slot for slot in falls(values, *STARTER) if slot >= 8 * DAY_SLOTS] == []
    morning = 12 * DAY_SLOTS + 60
    values[morning : morning + 60] = 0
    (posted,) = (slot for slot in falls(values, DARK) if slot >= 8 * DAY_SLOTS)
    assert morning <= posted <= morning + 3


@pytest.mark.parametrize(("longer", "told"), [(-1, 0), (0, 0), (2, 0), (3, 1)])
def test_a_night_may_end_a_little_later_than_ever_before_for_15_minutes(longer, told):
    values = wave(16)
    for day in range(16):
        values[day * DAY_SLOTS + 264 : (day + 1) * DAY_SLOTS + 60] = 0
    morning = 12 * DAY_SLOTS + 60
    values[morning : morning + longer] = 0
    assert len([slot for slot in falls(values, DARK) if slot >= 8 * DAY_SLOTS]) == told


@pytest.mark.parametrize("strayed", [262, 266])
@pytest.mark.parametrize(("sooner", "told"), [(2, 0), (3, 0), (4, 1)])
def test_a_night_that_strays_may_begin_as_much_sooner_again(strayed, sooner, told):
    begins = {11: strayed, 13: min(strayed, 264) - sooner}
    values = wave(16)
    for day in range(16):
        values[day * DAY_SLOTS + begins.get(day, 264) : (day + 1) * DAY_SLOTS + 60] = 0
    assert len([slot for slot in falls(values, DARK) if slot >= 8 * DAY_SLOTS]) == told


@pytest.mark.parametrize("follows", ["Europe/Berlin", "UTC"])
@pytest.mark.parametrize("days", [range(7), (5, 6)])
def test_silent_nights_and_weekends_stay_known_through_a_change_of_clocks_by_whichever_they_go(follows, days):
    """Europe puts its clocks forward on the 29th of March 2026."""
    slots = MONDAY + SLOT * np.arange(56 * DAY_SLOTS)
    clock = slots + np.where(slots >= 1_774_746_000, 7200, 3600) if follows != "UTC" else slots
    values = wave(56)
    values[(clock % DAY < 6 * 3600) & np.isin((clock // DAY + 3) % 7, days)] = 0
    dark = Rule("went-dark", "drop", Drop(to=0.0, from_=5e6, zone=ZoneInfo("Europe/Berlin")), Severity.CRITICAL)
    learned = 25 * DAY_SLOTS
    assert [slot for slot in falls(values, dark) if slot >= learned] == []


def test_nights_that_turn_silent_are_posted_five_times_at_most():
    values = wave(30)
    for day in range(14, 30):
        values[day * DAY_SLOTS + 264 : (day + 1) * DAY_SLOTS + 60] = 0
    assert 3 <= len(falls(values, DARK)) <= 5
    unlearned = Rule("went-dark", "drop", Drop(to=0.0, from_=5e6, learn_silence=False), Severity.CRITICAL)
    assert len(falls(values, unlearned)) == 16


def test_three_silent_weekends_teach_and_one_outage_of_five_days_does_not():
    weekends, outage = wave(42), wave(30)
    for week in range(6):
        weekends[(7 * week + 5) * DAY_SLOTS : (7 * week + 7) * DAY_SLOTS] = 0
    assert len(falls(weekends, DARK)) == 3
    outage[10 * DAY_SLOTS : 15 * DAY_SLOTS] = 0
    outage[18 * DAY_SLOTS + 100 : 18 * DAY_SLOTS + 200] = 0
    assert len(falls(outage, DARK)) == 2


@pytest.mark.parametrize("factor", [0.1, 4.0])
def test_what_lasts_a_day_is_the_new_normal_and_the_old_level_comes_back_without_a_word(factor):
    values = wave(20)
    begun, end = 10 * DAY_SLOTS + 100, 13 * DAY_SLOTS
    values[begun:end] *= factor
    found = [(rule, what) for rule, _, what in told(values, FAR_OFF, FELL)]
    assert {what for _, what in found} == {"fired", "new normal"}
    assert max(slot for _, slot, _ in told(values, FAR_OFF, FELL)) < end


@pytest.mark.parametrize("kind", [DayOverDay(0.5, days=3), DayOverDay(0.5, days=7), DayOverDay(0.5, days=0, weeks=1)])
@pytest.mark.parametrize("accepted", [HOUR, DAY_SLOTS])
def test_a_rule_that_compares_with_days_compares_with_the_new_normal_from_then_on(kind, accepted):
    """On a flat level and on one that swings by the hour, which a day of it shows."""
    begun, rule = 9 * DAY_SLOTS, Rule("fell", "day_over_day", kind, Severity.WARNING, accept_slots=accepted)
    for values in (levels((100 * MBPS, 17 * DAY_SLOTS)), *([wave(17)] if accepted == DAY_SLOTS else [])):
        values[begun:] *= 0.2
        known = [("fell", begun + 1, "fired"), ("fell", begun + accepted - 1, "new normal")]
        assert told(values, rule) == known
        values[begun + 3 * DAY_SLOTS : begun + 3 * DAY_SLOTS + 4] *= 0.3
        assert told(values, rule)[2:3] == [("fell", begun + 3 * DAY_SLOTS + 1, "fired")], "half of that is a fall"


def test_another_rule_takes_what_one_accepted_as_usual_too():
    begun = 9 * DAY_SLOTS
    values = levels((100 * MBPS, begun), (15 * MBPS, 2 * DAY_SLOTS))
    soon = replace(FELL, for_slots=2, accept_slots=HOUR)
    ended = [(rule, slot) for rule, slot, what in told(values, soon, HALF) if what == "new normal"]
    assert ended == [("fell", begun + HOUR - 1), ("half", begun + HOUR - 1)]
    assert [slot for rule, slot, what in told(values, soon, HALF) if what == "fired"] == [begun + 1, begun + 1]


def test_the_old_level_that_is_back_ends_that_and_a_second_fall_is_posted():
    begun, half = 9 * DAY_SLOTS, replace(HALF, severity=Severity.WARNING, accept_slots=HOUR)
    values = levels((100 * MBPS, begun), (15 * MBPS, 3 * HOUR), (100 * MBPS, HOUR), (15 * MBPS, HOUR))
    assert [slot for _, slot, what in told(values, half) if what == "fired"] == [begun + 1, begun + 4 * HOUR + 1]


def test_after_a_new_normal_that_ended_its_days_are_no_measure_any_more():
    values = wave(20)
    values[10 * DAY_SLOTS + 100 : 13 * DAY_SLOTS] *= 4
    values[14 * DAY_SLOTS + 100 : 14 * DAY_SLOTS + 130] *= 4
    assert rises(values, FAR_OFF)[-1] == 14 * DAY_SLOTS + 100


class Forgetful(DayOverDay):
    """Knows nothing of the level that was accepted."""

    lags = False


def test_under_a_mute_the_level_before_a_new_normal_is_what_the_mute_covers():
    values = levels((40 * MBPS, 100), (20 * MBPS, 188), (100 * MBPS, 3), (0, 97), (60 * MBPS, 3))
    twice = Rule("twice", "day_over_day", Forgetful(2.0, floor=20e6), Severity.WARNING, accept_slots=3)
    known = [("twice", 289, "fired"), ("twice", 290, "new normal"), ("twice", 389, "fired")]
    assert told(values, twice) == told(values, twice, muted=True) == [*known, ("twice", 390, "new normal")]


def test_a_new_normal_is_told_by_what_there_is_also_under_a_rule_outside_its_hours():
    values = levels((100 * MBPS, DAY_SLOTS), (30 * MBPS, HOUR), (28 * MBPS, HOUR))
    first_hour = Schedule((Window(frozenset(range(7)), 0, 60),), ZoneInfo("UTC"))
    always = replace(HALF, name="always", accept_slots=20)
    night = replace(HALF, name="night", accept_slots=200, active=first_hour)
    ended = [each.alert for each in judged(values, always, night) if not each.fired]
    assert [(each.rule, each.value) for each in ended] == [("always", 28 * MBPS), ("night", 28 * MBPS)]


def test_a_fall_to_a_rate_is_never_the_new_normal():
    assert told(levels((GBPS, DAY_SLOTS), (0, 9 * DAY_SLOTS)), DARK) == [("went-dark", 289, "fired")]


def test_the_same_hour_on_the_wall_counts_through_a_change_of_clocks():
    """Europe puts its clocks forward on the 29th of March 2026: office hours move by an hour of UTC."""
    zone = ZoneInfo("Europe/Berlin")
    slots = np.arange(40 * DAY_SLOTS)
    offset = np.where(MONDAY + slots * SLOT >= 1_774_746_000, 2 * HOUR, HOUR)
    office = ((slots + offset) % DAY_SLOTS >= 8 * HOUR) & ((slots + offset) % DAY_SLOTS < 18 * HOUR)
    values = np.where(office, 600 * MBPS, 60 * MBPS) * np.random.default_rng(1).normal(1, 0.02, len(slots))
    here = Rule("far-off", "baseline", Baseline(1.9, 20e6, zone=zone), Severity.WARNING, for_slots=1)
    assert fired(values, here) == []


def test_a_second_outage_within_the_hour_reopens_the_incident_and_a_later_one_does_not():
    values = levels((GBPS, DAY_SLOTS), (0, 6), (GBPS, 8), (0, 6), (GBPS, 20), (0, 6), (GBPS, 6))
    reopenings = Reopenings()
    noticed = [(change.fired, reopenings.notice(change)) for change in judged(values, DARK)]
    first, second, later = (MONDAY + (DAY_SLOTS + after) * SLOT for after in (0, 14, 40))
    assert [outages for shown, outages in noticed if shown] == [(first,), (first, second), (later,)]


def test_every_rule_that_fires_for_the_second_outage_says_that_it_came_again():
    values = levels((GBPS, DAY_SLOTS), (0, 6), (GBPS, 8), (0, 6), (GBPS, 6))
    reopenings = Reopenings()
    seen = [(change, reopenings.notice(change)) for change in judged(values, DARK, FELL)]
    assert [(change.alert.rule, len(outages)) for change, outages in seen if change.fired] == [
        ("went-dark", 1),
        ("fell", 1),
        ("went-dark", 2),
        ("fell", 2),
    ]


def test_what_fires_late_for_an_outage_that_another_rule_calls_over_is_of_the_same_one():
    reopenings = Reopenings()
    alert = Alert("went-dark", "a", Phase.FIRING, 0, SLOT, 0.0, GBPS, 0.0, Direction.FALL)
    late = replace(alert, rule="late", slot=8 * SLOT)
    next_one = replace(alert, since=9 * SLOT, slot=10 * SLOT)
    ends = {0: replace(alert, slot=6 * SLOT, clear_run=2), 1: replace(late, slot=9 * SLOT, clear_run=2)}
    seen = []
    for at, firing in enumerate((alert, late, next_one)):
        seen.append(reopenings.notice(Change(firing, fired=True, reason=Reason.BREACH)))
        if at in ends:
            reopenings.notice(Change(ends[at], fired=False, reason=Reason.CLEARED))
    assert seen == [(0,), (0,), (0, 9 * SLOT)]


@pytest.mark.slow
def test_a_day_at_a_time_an_hour_or_a_slot_comes_to_the_same():
    values = wave(12)
    for begin, end in pairwise([2900, 2912, 2990, 3010]):
        values[begin:end] *= 0.05
    whole = judged(values, *STARTER)
    assert judged(values, *STARTER, block=HOUR) == whole
    assert judged(values, *STARTER, block=1) == whole


def attended(values, *rules, acked=None):
    """(rule, slot, ``fired`` or why it ended) as the service judges, where somebody acknowledges in slot ``acked``."""
    grid = Grid(["a"])
    ledger = Ledger(Engine(rules, {rule.name: ["a"] for rule in rules}, ["a"]), grid, {}, {}, live=True)
    ledger.start("a", MONDAY - SLOT)
    changes = []
    for row in range(0, len(values), HOUR):
        if row == acked:
            ledger.acknowledge([(key, alert.since) for key, alert in ledger.alerts.items()])
        ledger.take("a", MONDAY + row * SLOT, values[row : row + HOUR])
        changes += ledger.judge(MONDAY + (row + HOUR - 1) * SLOT).changes
    return [
        (each.alert.rule, (each.alert.slot - MONDAY) // SLOT, "fired" if each.fired else each.reason.value)
        for each in changes
    ], ledger


MILD = replace(FELL, kind=Drop(by=0.4, from_=20e6), accept_slots=HOUR)
SOON = replace(MILD, name="half", severity=Severity.CRITICAL, for_slots=2, accept_slots=2 * HOUR)
LOWER = levels((GBPS, 2 * DAY_SLOTS), (400 * MBPS, 8 * HOUR))


def test_what_is_critical_is_no_new_normal_before_somebody_acknowledged_it():
    begun = 2 * DAY_SLOTS
    assert attended(LOWER, SOON)[0] == [("half", begun + 1, "fired")]
    assert attended(LOWER, SOON, acked=begun + HOUR)[0][1:] == [("half", begun + 2 * HOUR - 1, "new normal")]
    assert attended(LOWER, SOON, acked=begun + 5 * HOUR)[0][1:] == [("half", begun + 5 * HOUR, "new normal")]
    assert told(LOWER, SOON)[1:] == [("half", begun + 2 * HOUR - 1, "new normal")]  # a replay takes all as seen to


def test_a_lesser_rule_of_the_same_fall_waits_with_it():
    begun = 2 * DAY_SLOTS
    assert {what for _, _, what in attended(LOWER, SOON, MILD)[0]} == {"fired"}
    ended = {(rule, slot) for rule, slot, what in attended(LOWER, SOON, MILD, acked=begun + HOUR)[0] if what != "fired"}
    assert {rule for rule, _ in ended} == {"half", "fell"}
    assert [what for _, _, what in attended(LOWER, MILD)[0]] == ["fired", "new normal"]


def test_a_rule_on_trial_keeps_nobody_waiting():
    assert [what for _, _, what in attended(LOWER, replace(SOON, trial=True))[0]] == ["fired", "new normal"]


@pytest.mark.parametrize("acked", [None, 2 * DAY_SLOTS + HOUR])
def test_what_people_took_care_of_is_remembered_as_such(acked):
    values = levels((GBPS, 2 * DAY_SLOTS), (0, 2 * HOUR), (GBPS, 2 * HOUR))
    _, ledger = attended(values, DARK, acked=acked)
    (episode,) = ledger.grid.aside.episodes.of("a")
    assert (episode.ended, episode.handled) == (True, acked is not None)
