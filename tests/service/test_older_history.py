"""Older history is read in what room the polls leave, the newest first, and what fails is asked for again."""

from __future__ import annotations

import numpy as np
from bench.clockwork import VirtualClock, run
from bench.strict import START, StrictApi, account

from alertbot.alerts.engine import Engine
from alertbot.alerts.ledger import Ledger
from alertbot.feed.budget import Budget
from alertbot.feed.clock import ApiTime
from alertbot.feed.plan import plan_calls
from alertbot.feed.reader import SeriesReader
from alertbot.rules.grid import Grid
from alertbot.service.older_history import AFTER_FAILURE, OlderHistory
from alertbot.units import DAY, DAY_SLOTS, SLOT

LAST = START + 14 * DAY
"""What one call shows ends here: the account carried something until then, and for 23 days before."""


class Rig:
    def __init__(self, domains, calls_per_minute, failing=0.0):
        world = account(domains, 15 * DAY_SLOTS, 0.0)
        self.clock = VirtualClock(float(LAST))
        self.budget = Budget(calls_per_minute, self.clock)
        self.api = StrictApi(world, self.budget, self.clock, failing=failing)
        grid = Grid(world.names)
        self.ledger = Ledger(Engine([], {}, world.names), grid, {}, {})
        unknown = lambda _series, _first, count: np.full(count, np.nan)  # noqa: E731
        reader = SeriesReader(self.api, plan_calls(world.names, ()), each_domain=False, recent=24, known=unknown)
        self.history = OlderHistory(reader, self.ledger, self.budget, ApiTime(self.clock))
        for name in world.names:
            self.history.leave(name, LAST - 21 * DAY, LAST)

    def known(self, name, first, count):
        values = self.ledger.grid.values(first, count, np.array([self.ledger.grid.column[name]]))
        return not np.isnan(values).any()

    async def read_all(self, *, crowded=False):
        """Read as the poller does; how many seconds each turn took."""
        turns = []
        while (wait := self.history.due_in(crowded=crowded)) < np.inf:
            await self.clock.sleep(max(wait, 2.0))
            if self.history.due_in(crowded=crowded) <= 0:
                began = self.clock.monotonic()
                await self.history.read(crowded=crowded)
                turns.append(self.clock.monotonic() - began)
        return turns


def test_all_of_it_is_read_and_no_turn_waits_for_its_calls():
    rig = Rig(40, 100)
    turns = run(rig.clock, rig.read_all())
    assert max(turns) < 1.0
    assert all(rig.known(name, LAST - 21 * DAY, 10 * DAY_SLOTS) for name in rig.ledger.grid.series)


def test_half_of_the_minute_is_left_to_polls_unless_they_take_it():
    for crowded, most in ((False, 50), (True, 94)):
        rig = Rig(110, 100)
        run(rig.clock, rig.read_all(crowded=crowded))
        calls = np.array([at for at, _ in rig.api.began])
        assert max(int(((calls >= at) & (calls < at + 60)).sum()) for at in calls) == most


def test_what_fails_is_asked_for_again_after_a_while_and_nothing_is_left_out():
    rig = Rig(12, 300, failing=0.3)
    turns = run(rig.clock, rig.read_all())
    assert len(turns) > 2
    assert rig.clock.time() - LAST >= AFTER_FAILURE * (len(turns) - 3)
    assert all(rig.known(name, LAST - 21 * DAY, 10 * DAY_SLOTS) for name in rig.ledger.grid.series)


def test_nothing_of_it_is_asked_for_just_after_polls_were_given_up():
    rig = Rig(12, 300)
    assert rig.history.due_in(crowded=False) == 0
    rig.history.pause()
    assert rig.history.due_in(crowded=False) == AFTER_FAILURE


def test_the_newest_is_read_first():
    rig = Rig(20, 60)
    run(rig.clock, rig.history.read(crowded=False))
    read = [name for name in rig.ledger.grid.series if rig.known(name, LAST - 20 * DAY + SLOT, DAY_SLOTS)]
    assert 0 < len(read) < 20
