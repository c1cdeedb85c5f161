"""How often the total is asked for: closely when a slot is due, and no more calls for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertbot.feed.probe_pace import CLOSELY, EARLY, LATE, SELDOM, ProbePace
from alertbot.feed.publications import Publications
from alertbot.units import SLOT

HOUR = 3600.0


def test_the_first_probe_is_due_at_once():
    assert ProbePace(20.0).due_in(1000.0, 50.0) == 0.0


@pytest.mark.parametrize(
    ("expected", "after"),
    [
        (None, 20.0),  # nobody knows when: every 20 s
        (200.0, SELDOM),
        (100.0, 100.0 - EARLY),
        (EARLY, CLOSELY),
        (1.0, CLOSELY),
        (-LATE + 1, CLOSELY),
        (-LATE, 20.0),  # it did not come: as if nobody knew
    ],
)
def test_probes_come_closely_about_the_moment_at_which_a_slot_is_due(expected, after):
    pace = ProbePace(20.0)
    pace.asked(0.0)
    pace.asked(SELDOM)  # so that some are saved
    assert pace.due_in(SELDOM, expected) == after


def test_where_none_were_saved_a_slot_that_is_due_brings_no_more_of_them():
    pace = ProbePace(20.0)
    pace.asked(0.0)
    assert pace.due_in(0.0, 5.0) == 20.0


def probed(pace: ProbePace, published: list[float], lag: float, until: float) -> list[float]:
    """When probes go out, where the slots are shown at those moments and expected ``lag`` seconds after their close."""
    now, times = 0.0, []
    while now < until:
        pace.asked(now)
        times.append(now)
        shown = sum(at <= now for at in published)
        now += max(pace.due_in(now, shown * SLOT + lag - now), 2.0)
    return times


@given(st.sampled_from([20.0, 45.0, 120.0]), st.lists(st.floats(-30.0, 400.0), min_size=40, max_size=40))
def test_there_are_never_more_than_one_every_probe_seconds_makes_and_those_of_one_slot(probe, late):
    published = sorted(SLOT * position + 30 + late[position] for position in range(len(late)))
    times = probed(ProbePace(probe), published, 30.0, 40 * SLOT)
    for first in times:
        within = sum(first <= at < first + HOUR for at in times)
        assert within <= (HOUR + SLOT) / probe + 1


def test_a_slot_that_comes_on_time_is_seen_within_three_seconds():
    published = [SLOT * position + 31.0 for position in range(24)]
    times = probed(ProbePace(20.0), published, 30.0, 24 * SLOT)
    waits = [min(at for at in times if at >= shown) - shown for shown in published[1:-1]]
    assert max(waits) <= CLOSELY
    assert len(times) < 24 * SLOT / 20


def test_slots_that_come_sooner_than_they_did_are_expected_sooner_within_a_few():
    publications = Publications({})
    late = [400.0] * 12 + [300.0] * 40
    for position, lag in enumerate(late):
        slot = SLOT * position
        due = publications.due_at(slot - SLOT)
        expected = 0.0 if due is None else due - slot - SLOT
        # Where it is there already when the first close probe comes, nobody knows since when.
        publications.note(slot, slot + SLOT + max(lag, expected - EARLY))
    assert publications.due_at(SLOT * 51) == SLOT * 53 + 300.0
