"""What an alert knows of what is usual: whether it was compared with that, and what was so when it was over."""

from __future__ import annotations

import numpy as np

from alertbot.alerts.engine import Engine
from alertbot.rules.base import Rule, Severity
from alertbot.rules.drop import Drop
from alertbot.rules.grid import Grid
from alertbot.units import DAY, DAY_SLOTS, SLOT

START = 20_000 * DAY
DARK = Rule("dark", "drop", Drop(to=0.0), Severity.CRITICAL)
DAYS = np.full(8 * DAY_SLOTS, 1e9)


def changes(values, first, mutes=()):
    """What the rule makes of these slots from the place ``first`` on; ``mutes``: series, first and last place."""
    grid = Grid(("a", "b"))
    grid.put("a", START, np.asarray(values, dtype=float))
    for series, begin, end in mutes:
        grid.aside.mute((series,), START + begin * SLOT, START + end * SLOT)
    engine = Engine((DARK,), {"dark": ("a",)}, ("a",))
    due = np.ones((len(values) - first, 2), dtype=bool)
    return [change.alert for change in engine.judge(grid, START + first * SLOT, due, {}).changes]


def test_what_is_dark_when_watching_begins_is_compared_with_what_is_usual():
    (alert,) = changes([*DAYS, *[0.0] * 24], len(DAYS) + 18)

    assert (alert.by_usual, alert.reference, alert.fired_on) == (True, 1e9, 1e9)


def test_what_goes_dark_is_compared_with_what_it_carried():
    (alert,) = changes([*DAYS, *[0.0] * 24], len(DAYS) - 6)

    assert not alert.by_usual


def test_an_alert_that_is_over_knows_what_is_usual_then():
    fired, over = changes([*DAYS, *[0.0] * 4, *[6e8] * 4], len(DAYS) - 6)

    assert (fired.usual, over.usual, over.value) == (None, 1e9, 6e8)


def test_what_is_usual_when_it_is_over_leaves_out_a_mute_though_another_series_is_under_one():
    launch = 5 * DAY_SLOTS
    values = [*np.full(launch, 3e9), *DAYS[launch:], *[0.0] * 4, *[6e8] * 4]
    _, over = changes(values, len(DAYS) - 6, [("a", 0, launch - 1), ("b", len(DAYS), len(values))])

    assert over.usual == 1e9
