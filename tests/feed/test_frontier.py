"""The frontier: no slot counts as known before it can be told apart from a late one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertbot.feed.frontier import Frontier, Probe, advance, interrupted
from alertbot.units import SLOT

NOON = 1_793_620_800
LAG = 1800.0


def at(position):
    """The slot so many after noon."""
    return NOON + position * SLOT


def silent(frontier, begin, end, *, every=20, newest=None, lag=LAG):
    """The frontier after probes that show nothing newer, from ``begin`` to ``end`` seconds after noon."""
    for second in range(begin, end + 1, every):
        frontier = advance(frontier, Probe(newest, NOON + second, float(second)), lag)
    return frontier


def test_before_the_first_probe_nothing_is_known():
    assert Frontier().slot is None


def test_the_newest_slot_may_be_partial_so_the_frontier_is_the_one_before():
    frontier = advance(Frontier(), Probe(at(5), NOON + 2100, 0.0), LAG)
    assert (frontier.newest, frontier.slot) == (at(5), at(4))


def test_a_newer_slot_moves_the_frontier_on_at_once():
    frontier = silent(Frontier(), 2100, 2160, newest=at(5))
    frontier = advance(frontier, Probe(at(8), NOON + 2180, 2180.0), LAG)
    assert frontier.slot == at(7)


def test_slots_that_came_together_wait_until_they_have_stood_there_for_the_time_of_one():
    """Each of them may still be filling up, as the newest slot may."""
    frontier = silent(Frontier(), 2100, 2160, newest=at(5))
    frontier = advance(frontier, Probe(at(8), NOON + 2980, 2980.0 - 900, together=at(6)), LAG)
    assert (frontier.newest, frontier.slot) == (at(8), at(5)), "the last before them"
    frontier = advance(frontier, Probe(at(9), NOON + 3200, 2300.0), LAG)
    assert (frontier.newest, frontier.slot) == (at(9), at(5))
    frontier = advance(frontier, Probe(at(9), NOON + 3280, 2380.0), LAG)
    assert frontier.slot == at(8)


def test_slots_that_came_while_nobody_asked_are_not_taken_for_young_ones():
    frontier = silent(Frontier(), 2100, 2160, newest=at(5))
    frontier = advance(frontier, Probe(at(16), NOON + 5400, 5400.0, together=at(6)), LAG)
    assert frontier.slot == at(15)


@pytest.mark.parametrize("newest", [None, at(3), at(5)])
def test_an_answer_that_shows_less_than_an_earlier_one_moves_nothing_back(newest):
    frontier = advance(Frontier(), Probe(at(5), NOON + 2100, 0.0), LAG)
    frontier = advance(frontier, Probe(newest, NOON + 2120, 20.0), LAG)
    assert (frontier.newest, frontier.slot) == (at(5), at(4))


def test_an_account_that_never_showed_traffic_has_no_frontier_however_long_it_is_silent():
    assert silent(Frontier(), 0, 20_000).slot is None


def test_a_silent_slot_joins_once_max_lag_has_passed_since_it_was_found_closed():
    frontier = advance(Frontier(), Probe(at(-1), NOON + 10.0, 10.0), LAG)
    assert frontier.slot == at(-2)
    # the slot from noon on closes 300 s later; a probe finds that at 310 s
    frontier = silent(frontier, 30, 2090)
    assert frontier.slot == at(-1), "which was found closed at 10 s"
    frontier = silent(frontier, 2110, 2110)
    assert frontier.slot == at(0)
    assert frontier.newest == at(-1)


def test_silent_slots_go_on_joining_one_by_one():
    frontier = advance(Frontier(), Probe(at(-1), NOON, 0.0), LAG)
    joined = []
    for second in range(20, 4 * 3600, 20):
        before, frontier = frontier, silent(frontier, second, second)
        if frontier.slot != before.slot:
            joined.append((frontier.slot - NOON) // SLOT)
            assert second - LAG <= (joined[-1] + 1) * SLOT + 20
            assert second - LAG >= (joined[-1] + 1) * SLOT, "not before it is overdue"
    assert joined == list(range(-1, joined[-1] + 1))


@pytest.mark.parametrize(
    ("gap", "joins"),
    [(299, True), (300, False), (3600, False)],
)
def test_probing_with_a_gap_of_five_minutes_proves_nothing(gap, joins):
    frontier = advance(Frontier(), Probe(at(-1), NOON, 0.0), LAG)
    frontier = silent(frontier, 0, 1200)
    frontier = silent(frontier, 1200 + gap, 1200 + gap + 900)
    assert (frontier.slot >= at(0)) is joins


def test_a_failed_probe_starts_the_waiting_afresh():
    frontier = advance(Frontier(), Probe(at(-1), NOON, 0.0), LAG)
    frontier = interrupted(silent(frontier, 20, 2000))
    assert frontier.slot == at(-1)
    frontier = silent(frontier, 2020, 3800)
    assert frontier.slot == at(-1), "though noon's slot closed an hour ago"
    assert silent(frontier, 3820, 3820).slot == at(5), "all that was closed at the first probe after"


def test_a_failed_probe_takes_nothing_back():
    frontier = interrupted(advance(Frontier(), Probe(at(5), NOON + 2100, 0.0), LAG))
    assert (frontier.newest, frontier.slot) == (at(5), at(4))


def test_traffic_after_silence_moves_the_frontier_past_what_was_overdue():
    frontier = silent(Frontier(newest=at(-1), slot=at(-2)), 0, 4000)
    overdue = frontier.slot
    frontier = advance(frontier, Probe(at(12), NOON + 4010, 4010.0), LAG)
    assert overdue < frontier.slot == at(11)


def test_a_newest_slot_behind_what_was_overdue_moves_nothing_back():
    frontier = silent(Frontier(newest=at(-1), slot=at(-2)), 0, 4000)
    after = advance(frontier, Probe(at(1), NOON + 4010, 4010.0), LAG)
    assert after.slot == frontier.slot > at(1)


def test_a_wall_clock_that_steps_back_neither_moves_the_frontier_nor_forgets():
    frontier = silent(Frontier(newest=at(-1), slot=at(-2)), 0, 1000)
    stepped = advance(frontier, Probe(None, NOON - 5000.0, 1020.0), LAG)
    assert stepped.slot == frontier.slot
    assert silent(stepped, 1040, 2700).slot == at(2), "found closed at 900 s, before the step"


def test_what_it_remembers_stays_small():
    assert len(silent(Frontier(newest=at(-1), slot=at(-2)), 0, 100_000).closings) <= LAG / SLOT + 2


probes = st.tuples(
    st.sampled_from([20, 20, 20, 290, 299, 300, 301, 2000]),  # seconds since the last
    st.sampled_from(["silent", "silent", "silent", "traffic", "old", "failed"]),
    st.integers(1, 9),  # slots the newest lags behind
)


@given(story=st.lists(probes, max_size=80), lag=st.sampled_from([300.0, 900.0, 1800.0]))
def test_it_never_moves_back_and_never_reaches_what_is_neither_shown_nor_overdue(story, lag):
    frontier, now, shown, since = Frontier(), 0, None, None
    for pause, what, late in story:
        now += pause
        if what == "failed":
            frontier, since = interrupted(frontier), None
            continue
        since = now if since is None or pause >= 300 else since
        newest = {"traffic": at(now // SLOT - late), "old": at(-50)}.get(what)
        shown = max((slot for slot in (shown, newest) if slot is not None), default=None)
        before, frontier = frontier, advance(frontier, Probe(newest, float(NOON + now), float(now)), lag)
        assert before.slot is None or frontier.slot >= before.slot
        if shown is None:
            assert frontier.slot is None
        elif frontier.slot > shown - SLOT and frontier.slot != before.slot:
            closed = frontier.slot + SLOT - NOON
            assert now - max(closed, since) >= lag
