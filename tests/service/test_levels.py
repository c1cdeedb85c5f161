"""What messages are told of levels: only what is known of the time they speak of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes.rigs.house import House, database
from fakes.rigs.night import config_for, dark
from fakes.worlds.cases import incident

from alertbot.incidents.account import AccountFall
from alertbot.service.levels import Levels
from alertbot.units import SLOT

NAMES = ("a.example.com", "b.example.com", "c.example.com")


@pytest.mark.parametrize(("slots_read", "levels"), [(0, None), (1, (0.0, 3e8))])
async def test_a_total_that_is_read_later_says_nothing_of_a_fall_before(tmp_path, slots_read, levels):
    house = House(config_for(database(tmp_path), NAMES, [dark()]), NAMES)
    await house.begin({**dict.fromkeys(NAMES, 1e8), "total": 3e8})
    fall = AccountFall(since=house.slot + SLOT, fell=3, carried=3, severity="critical")
    for name, slots in [*((name, 1) for name in NAMES), ("total", slots_read)]:
        house.ledger.take(name, fall.since, np.array([0.0 if slots else np.nan]))
    house.ledger.judge(fall.since)
    one = incident(1)
    one = replace(one, progress=replace(one.progress, wide=fall))
    assert Levels(house.ledger, NAMES).total(one) == levels
    await house.end()
