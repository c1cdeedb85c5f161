"""The bench of shapes counts what it says it counts."""

from __future__ import annotations

import numpy as np
import pytest
from bench.shapes import DAYS, EXAMPLE, SHAPES, ZONE, Fired, Story, measured, rules_of, score
from bench.traffic import Event

from alertbot.alerts.lifecycle import Reason
from alertbot.rules.base import Direction
from alertbot.units import DAY_SLOTS

DARK = Event(0, 5000, 5020, 0.0)
FALL, RISE = Direction.FALL, Direction.RISE


def counted(*fired, events=(DARK,), learning=slice(0)):
    learned = np.zeros(DAYS * DAY_SLOTS, dtype=bool)
    learned[learning] = True
    return score(Story(np.ones(DAYS * DAY_SLOTS), events, learned), fired)[0]


@pytest.mark.parametrize(
    ("fired", "figures"),
    [
        ((), {"missed": 1, "untold": 1, "late": 17, "false": 0, "cleared": 0, "firing": 0}),
        ((Fired("dark", 5001, FALL, 5022),), {"missed": 0, "untold": 0, "late": 0, "false": 0, "cleared": 0}),
        ((Fired("dark", 4000, FALL, 5022),), {"missed": 0, "untold": 1, "late": 0, "false": 1, "firing": 999}),
        ((Fired("dark", 5001, RISE, 5022),), {"missed": 1, "untold": 1, "late": 17, "false": 0}),
        ((Fired("dark", 5001, FALL, 5010, Reason.CLEARED),), {"missed": 0, "late": 10, "cleared": 1}),
        ((Fired("dark", 5001, FALL, 5010, Reason.NEW_NORMAL),), {"missed": 0, "late": 10, "cleared": 0}),
        ((Fired("dark", 5001, FALL, 5022), Fired("dark", 7000, FALL, 7010)), {"false": 1, "firing": 10}),
    ],
)
def test_what_is_counted_of_a_story(fired, figures):
    assert {what: counted(*fired)[what] for what in figures} == figures


def test_what_is_only_learning_is_no_false_alert_and_two_rules_at_once_are_one_post():
    fired = [Fired("dark", 900, FALL, 950), Fired("fell", 901, FALL, 950), Fired("dark", 1200, FALL, 1220)]
    found = counted(*fired, learning=slice(2000))
    assert (found["false"], found["firing"], found["learning"]) == (0, 0, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SHAPES.keys() - {"small"}))
def test_the_starter_rules_tell_of_every_shape_what_is_true(name):
    counts, wrong = measured(name, 5, 7, rules_of(EXAMPLE, ZONE))
    assert (counts["missed"], counts["cleared"]) == (0, 0), wrong
    assert counts["false"] <= 3, wrong
