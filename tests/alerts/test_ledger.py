"""The ledger: every slot of every series once, in order, whatever the order in which values arrive."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from fakes.rigs.effort import examples
from hypothesis import given
from hypothesis import strategies as st

from alertbot.alerts.engine import Engine
from alertbot.alerts.ledger import Ledger
from alertbot.alerts.lifecycle import Alert, Phase, Reason
from alertbot.rules.base import Direction, Rule, Severity
from alertbot.rules.drop import Drop
from alertbot.rules.grid import Grid
from alertbot.rules.threshold import Threshold
from alertbot.units import DAY, DAY_SLOTS, SLOT

START = 20_000 * DAY
NAN = math.nan
CEILING = Rule("ceiling", "threshold", Threshold(above=8), Severity.WARNING)
DARK = Rule("dark", "drop", Drop(to=0, from_=1, window=4), Severity.CRITICAL)


class Recording(Engine):
    """The engine, noting each (series, slot) it is asked to judge."""

    def judge(self, grid, first, due, alerts, **how):
        self.judged = getattr(self, "judged", [])
        for row, column in np.argwhere(due).tolist():
            self.judged.append((grid.series[column], first + row * SLOT))
        return super().judge(grid, first, due, alerts, **how)

    def rerun(self, grid, alert, **how):
        self.rerun_of = [*getattr(self, "rerun_of", []), alert.series]
        return super().rerun(grid, alert, **how)


def ledger(*series, rules=(CEILING,), cursors=None, alerts=None, start=True):
    engine = Recording(rules, {rule.name: series for rule in rules}, series)
    made = Ledger(engine, Grid(series), cursors or {}, alerts or {})
    if start:
        for name in series:
            made.start(name, START - SLOT)
    return made


def at(position):
    return START + position * SLOT


def take(made, series, position, values):
    made.take(series, at(position), np.array(values, dtype=float))


def told(entry):
    return [(c.alert.series, c.reason.value if not c.fired else "fired", c.alert.slot) for c in entry.changes]


def slots_judged(made, series):
    return [(slot - START) // SLOT for name, slot in made._engine.judged if name == series]


def test_a_series_that_was_never_started_is_not_judged():
    made = ledger("a", start=False)
    take(made, "a", 0, [9, 9])
    assert made.judge(at(1)).slots == 0
    assert made.cursor("a") is None


def test_a_cursor_that_was_stored_is_taken_up_again():
    made = ledger("a", cursors={"a": at(0)}, start=False)
    take(made, "a", 0, [9, 9, 9])
    entry = made.judge(at(2))
    assert told(entry) == [("a", "fired", at(2))]
    assert entry.slots == 2


def test_known_slots_are_judged_in_order_up_to_the_last_asked_for():
    made = ledger("a")
    take(made, "a", 0, [9, 9, 9, 9])
    entry = made.judge(at(1))
    assert (entry.slots, entry.cursors) == (2, {"a": at(1)})
    assert told(entry) == [("a", "fired", at(1))]
    assert made.cursor("a") == at(1)


def test_nothing_is_judged_twice():
    made = ledger("a")
    take(made, "a", 0, [9, 9])
    made.judge(at(1))
    entry = made.judge(at(1))
    assert (entry.slots, entry.changes, entry.cursors) == (0, (), {})


def test_an_unknown_slot_waits_and_holds_up_what_comes_after():
    made = ledger("a")
    take(made, "a", 0, [9, NAN, 9, 9])
    assert made.judge(at(3)).slots == 1
    assert made.cursor("a") == at(0)
    take(made, "a", 1, [9])
    entry = made.judge(at(3))
    assert told(entry) == [("a", "fired", at(1))]
    assert slots_judged(made, "a") == [0, 1, 2, 3]


def test_a_series_that_waits_holds_up_no_other():
    made = ledger("a", "b")
    take(made, "a", 0, [NAN, 9])
    take(made, "b", 0, [9, 9])
    assert told(made.judge(at(1))) == [("b", "fired", at(1))]
    assert (made.cursor("a"), made.cursor("b")) == (at(-1), at(1))


def test_a_gap_that_is_given_up_drops_what_is_pending():
    made = ledger("a")
    take(made, "a", 0, [9, NAN, 9])
    made.judge(at(2))
    made.give_up("a", at(1))
    entry = made.judge(at(2))
    assert entry.changes == ()
    assert entry.cursors == {"a": at(2)}
    assert entry.alerts["ceiling", "a"].since == at(2), "the breach begins afresh after the gap"


def test_a_gap_that_is_given_up_leaves_firing_what_fires():
    made = ledger("a", rules=(DARK,))
    take(made, "a", -4, [5] * 4)
    take(made, "a", 0, [0, 0, NAN, NAN, NAN, 0, 5, 5])
    assert told(made.judge(at(7))) == [("a", "fired", at(1))]
    made.give_up("a", at(4))
    entry = made.judge(at(7))
    assert told(entry) == [("a", "cleared", at(7))]
    assert entry.changes[0].alert.since == at(0)


def test_a_known_slot_within_what_is_given_up_is_judged_by_its_value():
    made = ledger("a")
    take(made, "a", 0, [NAN, 9, 9])
    made.give_up("a", at(2))
    assert told(made.judge(at(2))) == [("a", "fired", at(2))]


def test_giving_up_goes_no_further_than_it_says_and_never_back():
    made = ledger("a")
    made.give_up("a", at(3))
    made.give_up("a", at(1))
    assert made.judge(at(9)).slots == 4
    assert made.cursor("a") == at(3)


def test_giving_up_one_series_gives_up_no_other():
    made = ledger("a", "b")
    made.give_up("a", at(1))
    made.judge(at(1))
    assert (made.cursor("a"), made.cursor("b")) == (at(1), at(-1))


def test_downtime_of_days_is_caught_up_with_in_order():
    made = ledger("a", "b")
    count = 3 * DAY_SLOTS + 17
    take(made, "a", 0, np.where(np.arange(count) % 10 < 2, 9, 1))
    take(made, "b", 5, np.ones(count - 5))
    take(made, "b", 0, np.ones(5))
    entry = made.judge(at(count - 1))
    assert entry.slots == 2 * count
    assert slots_judged(made, "a") == slots_judged(made, "b") == list(range(count))
    assert [slot for _, what, slot in told(entry) if what == "fired"] == [at(n) for n in range(count) if n % 10 == 1]


def test_the_days_that_differ_are_named_once():
    made = ledger("a", "b")
    take(made, "a", -1, [1, 2])
    take(made, "b", 0, [3])
    today = START // DAY
    assert made.judge(at(0)).touched == {("a", today - 1), ("a", today), ("b", today)}
    take(made, "a", -1, [1, 2])
    take(made, "b", 0, [NAN])
    assert made.judge(at(0)).touched == set(), "nothing new"
    take(made, "a", 0, [0])
    assert made.judge(at(0)).touched == {("a", today)}, "a revision"


def test_a_revision_judges_nothing_again():
    made = ledger("a")
    take(made, "a", 0, [1, 1])
    made.judge(at(1))
    take(made, "a", 0, [9, 9])
    entry = made.judge(at(1))
    assert (entry.slots, entry.changes) == (0, ())


@pytest.mark.parametrize(
    ("position", "touched"),
    [(0, True), (2, True), (-1, True), (-4, True), (-5, False), (-60, False), (-DAY_SLOTS, True)],
)
def test_a_revision_touches_an_alert_by_its_own_slots_and_by_those_of_its_reference_alone(position, touched):
    made = ledger("a", rules=(DARK,))
    take(made, "a", -DAY_SLOTS - 5, [5] * (DAY_SLOTS + 5))
    take(made, "a", 0, [0, 0, 0])
    assert told(made.judge(at(2))) == [("a", "fired", at(1))]
    take(made, "a", position, [0.5 if position >= 0 else 6])
    made.revise()
    assert (getattr(made._engine, "rerun_of", []) == ["a"]) == touched


def test_what_a_revised_alert_passed_through_is_a_measure_again():
    made = ledger("a", rules=(DARK,))
    take(made, "a", -DAY_SLOTS - 5, [5] * (DAY_SLOTS + 5))
    take(made, "a", 0, [0, 0, 0])
    made.judge(at(2))
    assert made.grid.aside.marks(at(0), 3) is not None
    take(made, "a", 0, [5, 5, 5])
    assert made.revise() == {"a"}
    assert made.grid.aside.marks(at(0), 3) is None


def test_an_outage_whose_end_came_in_late_was_one_and_ended_where_it_did():
    made = ledger("a", rules=(DARK,))
    take(made, "a", -DAY_SLOTS - 5, [5] * (DAY_SLOTS + 5))
    take(made, "a", 0, [0] * 6)
    made.judge(at(5))
    take(made, "a", 3, [5, 5, 5])
    assert made.revise() == {"a"}
    assert told(made.judge(at(5))) == [("a", "cleared", at(4))]
    assert made.alerts == {}
    assert [bool(mark) for (mark,) in made.grid.aside.marks(at(0), 6)] == [True] * 4 + [False] * 2


def test_a_zero_and_an_unknown_slot_are_not_the_same():
    made = ledger("a", rules=(DARK,))
    take(made, "a", -4, [5] * 4)
    take(made, "a", 0, [NAN, NAN])
    assert made.judge(at(1)).slots == 0
    take(made, "a", 0, [0, 0])
    assert told(made.judge(at(1))) == [("a", "fired", at(1))]


def firing(rule, series):
    return Alert(rule, series, Phase.FIRING, at(-5), at(-1), 9.0, None, 9.0, Direction.RISE, fired=at(-4))


def test_alerts_whose_rule_or_series_is_gone_end_and_the_others_stay():
    alerts = {
        (rule, series): firing(rule, series) for rule, series in [("ceiling", "a"), ("gone", "a"), ("ceiling", "z")]
    }
    pending = replace(firing("gone", "b"), phase=Phase.PENDING, fired=None)
    made = ledger("a", "b", alerts={**alerts, ("gone", "b"): pending})
    entry = made.settle()
    assert entry.alerts == {("ceiling", "a"): alerts["ceiling", "a"]} == made.alerts
    assert [(c.alert, c.fired, c.reason) for c in entry.changes] == [
        (alerts["ceiling", "z"], False, Reason.RULE_CHANGED),
        (alerts["gone", "a"], False, Reason.RULE_CHANGED),
    ], "what was only pending ends without a word"


def test_an_alert_of_a_rule_switched_off_or_moved_to_other_domains_ends():
    rules = (replace(CEILING, enabled=False), DARK)
    engine = Engine(rules, {"ceiling": ("a",), "dark": ("b",)}, ("a", "b"))
    stored = {("ceiling", "a"): firing("ceiling", "a"), ("dark", "a"): firing("dark", "a")}
    entry = Ledger(engine, Grid(("a", "b")), {}, stored).settle()
    assert [change.alert.rule for change in entry.changes] == ["ceiling", "dark"]
    assert entry.alerts == {}


def test_an_alert_ends_whose_rule_looks_the_other_way_now_or_is_of_another_kind():
    upwards, downwards = replace(CEILING, name="up"), replace(CEILING, name="down", kind=Threshold(below=1))
    rules = (upwards, downwards, replace(CEILING, name="other"))
    stored = {(rule.name, "a"): firing(rule.name, "a") for rule in rules}
    engine = Engine(rules, {rule.name: ("a",) for rule in rules}, ("a",))
    entry = Ledger(engine, Grid(("a",)), {}, stored, foreign={("other", "a")}).settle()
    assert [change.alert.rule for change in entry.changes] == ["down", "other"]
    assert list(entry.alerts) == [("up", "a")]


def test_an_edited_rule_keeps_its_alert_and_goes_on_from_there():
    edited = replace(CEILING, kind=Threshold(above=100), clear_slots=1)
    made = ledger("a", rules=(edited,), alerts={("ceiling", "a"): firing("ceiling", "a")})
    assert made.settle().changes == ()
    take(made, "a", 0, [50])
    assert told(made.judge(at(0))) == [("a", "cleared", at(0))]


def test_days_are_kept_as_long_as_a_rule_looks_back_on_them_and_one_more_for_what_is_revised():
    made = ledger("a", "b", rules=(DARK,))
    reach = DARK.kind.reach // DAY_SLOTS
    for name in ("a", "b"):
        take(made, name, -(reach + 1) * DAY_SLOTS, np.ones((reach + 3) * DAY_SLOTS))
    made.judge(at(0))
    made.trim()
    assert min(made.grid.days) == START // DAY - reach - 1
    made.judge(at(2 * DAY_SLOTS - 1))
    made.trim()
    assert min(made.grid.days) == START // DAY - reach, "the day before the last judged slot's own day before"


SERIES = ("a", "b", "c")
RULES = (
    replace(CEILING, kind=Threshold(above=8, clear=5)),
    DARK,
    replace(DARK, name="fallen", kind=Drop(by=0.5, from_=1)),
)
runs = st.lists(st.tuples(st.sampled_from([0.0, 1.0, 4.0, 9.0, 9.0, NAN]), st.integers(1, 12)), min_size=1, max_size=12)


def series_values(draw):
    return np.concatenate([np.full(length, value) for value, length in draw(runs)])


@examples(12, 50)
@given(data=st.data())
def test_whatever_the_order_of_arrival_each_slot_is_judged_once_and_the_outcome_is_the_same(data):
    values = {name: series_values(data.draw) for name in SERIES}
    last = max(len(column) for column in values.values()) - 1

    at_once = ledger(*SERIES, rules=RULES)
    for name, column in values.items():
        take(at_once, name, 0, column)
        at_once.give_up(name, at(len(column) - 1))
    whole = at_once.judge(at(last))

    made, changes, judged = ledger(*SERIES, rules=RULES), [], 0
    pieces = [(name, begin) for name, column in values.items() for begin in range(0, len(column), 7)]
    for name, begin in data.draw(st.permutations(pieces)):
        take(made, name, begin, values[name][begin : begin + 7])
        entry = made.judge(at(data.draw(st.integers(0, last))))
        changes += entry.changes
        judged += entry.slots
        waits = np.append(np.isnan(made.grid.values(START, last + 1)[:, made.grid.column[name]]), True)
        assert made.cursor(name) < at(int(np.argmax(waits))), "no cursor passes an unknown slot"
    for name, column in values.items():
        made.give_up(name, at(len(column) - 1))
    entry = made.judge(at(last))

    def by_slot(change):
        return change.alert.slot, change.alert.rule, change.alert.series

    assert sorted([*changes, *entry.changes], key=by_slot) == sorted(whole.changes, key=by_slot)
    assert entry.alerts == whole.alerts
    assert judged + entry.slots == whole.slots == sum(len(column) for column in values.values())
    for name, column in values.items():
        assert slots_judged(made, name) == list(range(len(column)))


@pytest.mark.parametrize("lag", [1, 40])
def test_a_series_far_behind_catches_up_beside_one_that_is_not(lag):
    made = ledger("a", "b")
    take(made, "a", 0, [1] * 50)
    made.judge(at(49))
    take(made, "b", 0, [1] * (50 - lag))
    take(made, "a", 50, [9, 9])
    made.judge(at(51))
    take(made, "b", 50 - lag, [9] * (lag + 2))
    assert slots_judged(made, "b") == list(range(50 - lag))
    assert told(made.judge(at(51))) == [("b", "fired", at(51 - lag))]
    assert slots_judged(made, "a") == slots_judged(made, "b") == list(range(52))
