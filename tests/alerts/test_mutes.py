"""Mutes: what they cover and until when, and that what happens once is no measure of what comes later."""

from __future__ import annotations

from datetime import UTC

import numpy as np
import pytest

from alertbot.alerts.mutes import Mute, keep_out, muted
from alertbot.rules.grid import Grid
from alertbot.rules.schedule import Schedule, parse_window
from alertbot.units import DAY, SLOT

MONDAY = 20_514 * DAY
"""The 2nd of March 2026."""

NIGHTLY = Mute(
    frozenset({"a", "b"}), frozenset({"dark"}), "backups", Schedule((parse_window("daily 22:00-02:00"),), UTC)
)
LAUNCH = Mute(frozenset({"a"}), frozenset({"dark", "high"}), "launch", start=MONDAY + 1000, end=MONDAY + 2000)


@pytest.mark.parametrize(
    ("rule", "series", "slot", "covered"),
    [
        ("dark", "a", MONDAY + 600, False),
        ("dark", "a", MONDAY + 900, True),  # it begins within this slot ...
        ("dark", "a", MONDAY + 1800, True),  # ... and ends within this one
        ("dark", "a", MONDAY + 2100, False),
        ("high", "a", MONDAY + 900, True),
        ("dark", "b", MONDAY + 900, False),
        ("low", "a", MONDAY + 900, False),
    ],
)
def test_a_mute_that_happens_once_covers_every_slot_it_touches(rule, series, slot, covered):
    assert LAUNCH.covers(rule, series, slot) is covered
    assert LAUNCH.until(slot) == (MONDAY + 2000 if MONDAY + 600 < slot < MONDAY + 2100 else None)


def test_a_mute_that_ends_with_a_slot_does_not_cover_the_next():
    whole = Mute(frozenset({"a"}), frozenset({"dark"}), "", start=MONDAY, end=MONDAY + SLOT)

    assert whole.once == (MONDAY, MONDAY)
    assert [whole.covers("dark", "a", MONDAY + step * SLOT) for step in (-1, 0, 1)] == [False, True, False]


@pytest.mark.parametrize(("hour", "covered"), [(0, True), (1.95, True), (2, False), (21.95, False), (22, True)])
def test_a_recurring_mute_covers_the_slots_that_begin_in_its_windows(hour, covered):
    slot = MONDAY + int(hour * 3600)

    assert NIGHTLY.covers("dark", "b", slot) is covered
    assert NIGHTLY.until(slot) == ((MONDAY + (DAY if hour == 22 else 0) + 7200) if covered else None)
    assert NIGHTLY.once is None


def test_a_mute_for_good_has_no_end():
    always = Mute(frozenset({"a"}), frozenset({"dark"}), "", Schedule((parse_window("daily 00:00-24:00"),), UTC))

    assert always.covers("dark", "a", MONDAY)
    assert always.until(MONDAY) is None


def test_the_first_mute_that_covers_an_alert_is_named():
    both = Mute(frozenset({"a"}), frozenset({"dark"}), "second", start=MONDAY, end=MONDAY + DAY)

    assert muted((LAUNCH, both), "dark", "a", MONDAY + 900) is LAUNCH
    assert muted((LAUNCH, both), "dark", "a", MONDAY + 9000) is both
    assert muted((LAUNCH, both), "dark", "c", MONDAY + 900) is None
    assert muted((), "dark", "a", MONDAY) is None


def test_only_what_happens_once_is_kept_out_of_references_and_only_for_its_series():
    grid = Grid(("a", "b"))
    for name in grid.series:
        grid.put(name, MONDAY, np.ones(12))

    keep_out(grid, (NIGHTLY, LAUNCH))

    marks = grid.aside.marks(MONDAY, 12)
    assert np.flatnonzero(marks[:, 0]).tolist() == [3, 4, 5, 6]
    assert not marks[:, 1].any()
