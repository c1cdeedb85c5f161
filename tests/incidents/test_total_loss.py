"""A storm in one piece: posted at once by what the total lost, and the domains follow."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.worlds.cases import DEFAULT, T, rule, suppression, told

from alertbot.incidents.decision import decide
from alertbot.incidents.grouping import Placing
from alertbot.incidents.state import State
from alertbot.incidents.storm import Storms, TotalLoss
from alertbot.rules.base import Direction

CARRIED = set("abcdefgh")


@pytest.mark.parametrize(
    ("before", "now", "explained", "ordinary", "is_storm", "halved"),
    [
        (100.0, 40.0, 10.0, 2.0, True, True),
        (100.0, 40.0, 30.0, 2.0, False, True),  # half of what is gone is explained
        (100.0, 50.0, 0.0, 2.0, True, True),
        (100.0, 60.0, 0.0, 2.0, True, False),
        (100.0, 91.0, 0.0, 2.0, False, False),  # so little is no storm
        (100.0, 80.0, 0.0, 25.0, False, False),  # as much as it moves anyway
        (100.0, 130.0, 0.0, 2.0, False, False),
    ],
)
def test_a_storm_is_a_loss_of_the_total_that_known_falls_do_not_explain(
    before, now, explained, ordinary, is_storm, halved
):
    loss = TotalLoss(before, now, explained, ordinary)
    assert (loss.is_storm, loss.halved) == (is_storm, halved)


def decided(*unposted, loss: TotalLoss, incidents=(), settled=False, through=False, may_wait=True):
    held = suppression(1, rule())
    placing = Placing(lambda _: DEFAULT, lambda _: 0, (), held.now)
    storms = Storms({T: loss}, through, may_wait)
    return decide(
        State(incidents, unposted, held, placing, settled=settled, channel=DEFAULT, carried=CARRIED, storms=storms)
    ).changes


THIRD, HALF = TotalLoss(100.0, 65.0, 5.0), TotalLoss(100.0, 35.0, 5.0)


def test_a_domain_waits_for_the_others_where_the_total_lost_more_than_it_explains():
    assert decided(told(1), loss=THIRD) == ()
    assert len(decided(told(1), loss=THIRD, may_wait=False)) == 1, "for 30 seconds at most"


def test_a_domain_that_explains_the_loss_is_posted_at_once():
    assert len(decided(told(1), loss=TotalLoss(100.0, 65.0, 20.0))) == 1


def test_a_rise_does_not_wait_for_what_falls():
    risen = told(1)
    risen = replace(risen, alert=replace(risen.alert, direction=Direction.RISE))
    assert len(decided(risen, loss=THIRD)) == 1


def test_half_of_the_total_is_posted_at_once_as_the_whole_account_and_says_that_domains_are_asked_for():
    (change,) = decided(told(1), loss=HALF)
    wide = change.incident.progress.wide
    assert (wide.since, wide.fell, wide.carried, change.incident.progress.checking) == (T, 1, 8, True)


def opened(loss: TotalLoss):
    (change,) = decided(told(1), loss=loss)
    return replace(change.incident, number=1, alerts=tuple(replace(each, noted=1) for each in change.incident.alerts))


def test_once_all_were_asked_the_message_is_edited_once():
    host = opened(HALF)
    (change,) = decided(loss=HALF, incidents=(host,), settled=True, through=True)
    assert (change.edited, change.incident.progress.checking) == (True, False)
    assert decided(loss=HALF, incidents=(replace(change.incident, number=1),), settled=True, through=True) == ()


def test_it_stays_the_whole_account_while_half_of_the_total_is_gone_and_something_fires():
    host = opened(HALF)
    (change,) = decided(loss=HALF, incidents=(host,), settled=True, through=True)
    assert change.incident.progress.wide.over is None
    back = TotalLoss(100.0, 90.0, 0.0)
    (change,) = decided(loss=back, incidents=(host,), settled=True, through=True)
    assert change.incident.progress.wide.over is not None
