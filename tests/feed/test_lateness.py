"""How late series are: measured by looks at other moments, forgotten after a day, and kept for a restart."""

from __future__ import annotations

import numpy as np
import pytest

from alertbot.feed.lateness import MARGIN, Lateness
from alertbot.feed.looks import Looks
from alertbot.feed.second_looks import AGAIN, FEW, SecondLooks
from alertbot.rules.selection import TOTAL
from alertbot.units import DAY, SLOT

FIRST = 1000 * DAY
MOST = 1800.0


def looks_of(delay: float, slots: int = 40) -> tuple[Lateness, list[float]]:
    """What is learned of a series that is always so late, and how long it is held back from slot to slot."""
    lateness, held = Lateness(MOST), []
    known = FIRST - SLOT
    for number in range(slots):
        frontier, now = FIRST + number * SLOT, float(number * SLOT)
        lateness.reached(None if number == 0 else frontier - SLOT, frontier, now)
        while True:
            at = max(now, lateness.next_look("a", known, frontier)) if known < frontier else np.inf
            if at >= (number + 1) * SLOT:
                break
            values = np.array([100.0 if at - lateness_at >= delay else 0.0 for lateness_at in reached(frontier)])
            lateness.observe("a", frontier - 23 * SLOT, values, at)
            known = max(known, lateness.known_to("a", frontier, at))
            now = at + 0.1
        held.append(lateness.hold_back("a", frontier))
    return lateness, held


@pytest.mark.parametrize("delay", [8.0, 15.0, 40.0, 323.0, 390.0, 700.0])
def test_it_stays_known_over_days_by_one_call_a_slot_and_a_few_that_measure(delay):
    lateness, held, calls = Lateness(MOST), [], []
    looks = Looks(("a",), lateness)
    looks.looked({"a": FIRST - SLOT}, 1)

    def look(frontier: int, at: float) -> None:
        values = np.array([100.0 if at - since >= delay else 0.0 for since in reached(frontier)])
        lateness.observe("a", frontier - 23 * SLOT, values, at)
        looks.looked({"a": max(looks.known["a"], lateness.known_to("a", frontier, at))}, 1)
        calls.append(at)

    for number in range(420):
        frontier, now = FIRST + number * SLOT, float(number * SLOT)
        lateness.reached(frontier - SLOT, frontier, now)
        if not looks.is_late("a"):
            look(frontier, now)
        while (at := max(now, looks.soonest(frontier, 1, ()))) < (number + 1) * SLOT:
            if looks.due(frontier, at, 1, ()):
                look(frontier, at)
            now = at + 0.1
        held.append(lateness.hold_back("a", frontier))
    assert delay < min(held[100:])
    assert max(held[100:]) <= delay + 10.0 + MARGIN, "not even when a day is forgotten"
    assert len(calls) <= 1.1 * len(held)


def test_what_is_asked_for_just_when_it_is_due_is_known():
    lateness = Lateness(MOST, [("a", FIRST - SLOT, 0.2, 0.1)])
    for number in range(200):
        frontier = FIRST + number * SLOT
        lateness.reached(frontier - SLOT, frontier, 0.1 * number)
        due = lateness.next_look("a", frontier - SLOT, frontier)
        assert lateness.known_to("a", frontier, due) == frontier


def reached(frontier: int) -> list[float]:
    return [float(slot - FIRST) for slot in range(frontier - 23 * SLOT, frontier + SLOT, SLOT)]


@pytest.mark.parametrize("delay", [8.0, 20.0, 55.0, 140.0, 400.0, 700.0])
def test_how_late_a_series_is_is_known_to_a_minute_within_an_hour_without_a_call_more(delay):
    _, held = looks_of(delay)
    assert delay < held[12] <= delay + max(60.0, delay / 4) + MARGIN
    assert max(held) <= 3 * SLOT + MARGIN


def test_a_prompt_series_is_never_held_back():
    _, held = looks_of(-30.0)
    assert set(held) == {0.0}


def test_lateness_falls_after_a_day_without_it():
    lateness, _ = looks_of(55.0)
    assert lateness.hold_back("a", FIRST + 2 * DAY) == 0.0


def test_what_was_learned_is_taken_up_by_the_next_process():
    lateness = Lateness(MOST, [("a", FIRST, 62.0, 55.0)])
    assert lateness.hold_back("a", FIRST + SLOT) == 62.0 + MARGIN


def test_a_series_that_raised_a_false_alarm_is_held_back_for_as_long_as_any_may_be():
    lateness, _ = looks_of(20.0)
    lateness.false_alarm("a", FIRST + 39 * SLOT)
    assert lateness.hold_back("a", FIRST + 40 * SLOT) == MOST


def test_those_that_are_late_no_more_are_asked_for_at_once():
    lateness = Lateness(MOST, [(series, FIRST, 62.0, 55.0) for series in ("a", "b", "c")])
    lateness.reached(None, FIRST + DAY, 0.0)
    looks = Looks(("a", "b", "c"), lateness)
    looks.looked(dict.fromkeys(("a", "b", "c"), FIRST + DAY - SLOT), 1)
    assert looks.due(FIRST + DAY, 0.0, 1, ()) == ["a", "b", "c"]


def test_what_is_due_after_a_loop_was_held_up_is_asked_for_once():
    lateness = Lateness(MOST, [("a", FIRST, 100.0, 60.0)])
    lateness.reached(FIRST - SLOT, FIRST, 0.0)
    looks = Looks(("a",), lateness)
    for _ in range(20):  # so that a call is left for a look that only measures
        looks.looked({"a": FIRST - SLOT}, 1)
    assert lateness.spare_look("a", FIRST) < lateness.next_look("a", FIRST - SLOT, FIRST) < 200.0
    assert looks.due(FIRST, 200.0, 10, ()) == ["a"]


def test_late_ones_that_are_due_together_share_a_call():
    lateness = Lateness(MOST, [(f"s{number:02}", FIRST, 20.0 + number, 15.0 + number) for number in range(20)])
    lateness.reached(FIRST - SLOT, FIRST, 0.0)
    looks = Looks([f"s{number:02}" for number in range(20)], lateness)
    looks.looked(dict.fromkeys(looks.known, FIRST - SLOT), 1)
    assert looks.due(FIRST, 30.0, 10, ()) == []
    assert looks.due(FIRST, 20.0 + 9 + MARGIN, 10, ()) == [f"s{number:02}" for number in range(10)]
    assert looks.due(FIRST, 30.0, 1, ()) == [f"s{number:02}" for number in range(8)]


@pytest.mark.parametrize(("a_call", "measured"), [(1, 0), (10, 5)])
def test_where_series_share_calls_a_few_more_a_slot_measure_how_late_they_are(a_call, measured):
    late = [(f"s{number:02}", FIRST, 230.0, 190.0) for number in range(40)]
    lateness = Lateness(MOST, late)
    looks = Looks([series for series, *_ in late], lateness)
    calls = 0
    for frontier in (FIRST, FIRST + SLOT):
        lateness.reached(frontier - SLOT, frontier, float(frontier - FIRST))
        looks.known = dict.fromkeys(looks.known, frontier - SLOT)
        asked = [looks.due(frontier, frontier - FIRST + second, a_call, ()) for second in range(225)]
        calls += sum(-(-len(each) // a_call) for each in asked)
    assert calls == measured


class Doubted:
    """Second looks with the moments at which series are to be asked for."""

    def __init__(self, count: int) -> None:
        self.at: dict[str, float] = {}
        self.second = SecondLooks(self.at.__setitem__)
        self.names = [f"s{number:02}" for number in range(count)]
        self.second.begin(dict.fromkeys(self.names, FIRST), dict.fromkeys([*self.names, TOTAL], 0.0), _again)

    def look(self, names: list[str], at: float, grown: tuple[str, ...] = ()) -> set[str]:
        return self.second.look(dict.fromkeys(names, at), grown, _again)


def _again(_series: str) -> float:
    return AGAIN


def test_what_would_fire_is_asked_for_again_and_fires_if_it_is_so_still():
    doubted = Doubted(1)
    assert doubted.at == {"s00": AGAIN}
    assert doubted.look(["s00"], 5.0) == set()
    assert doubted.second.doubts("s00", FIRST)
    assert doubted.look(["s00"], AGAIN) == {"s00"}
    assert not doubted.second.doubts("s00", FIRST)
    assert doubted.second.doubts("s00", FIRST + SLOT)


def test_what_has_grown_at_the_second_look_is_doubted_on():
    doubted = Doubted(1)
    doubted.look(["s00"], AGAIN, ("s00",))
    assert doubted.second.doubts("s00", FIRST)


def test_a_storm_is_confirmed_by_the_total_and_a_few():
    doubted = Doubted(300)
    soon = sorted(name for name, at in doubted.at.items() if at <= AGAIN)
    assert len(soon) <= FEW
    assert TOTAL in soon
    assert doubted.look(soon, AGAIN) >= set(doubted.names)
    assert not any(doubted.second.doubts(name, FIRST) for name in doubted.names)


def test_a_storm_of_which_some_has_grown_is_asked_for_one_by_one():
    doubted = Doubted(300)
    soon = sorted(name for name, at in doubted.at.items() if at <= AGAIN)
    doubted.look(soon, AGAIN, (soon[0],))
    assert all(doubted.at[name] <= AGAIN for name in doubted.names)
    assert doubted.second.doubts("s99", FIRST)
