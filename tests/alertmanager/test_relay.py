"""Alertmanagers are told what fires until it is over, in virtual time."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from alertmanager.relay_stories import STORIES
from fakes.rigs.house import START
from fakes.wire.alertmanager import FakeAlertmanager
from fakes.worlds.virtual import VirtualClock

from alertbot.units import DAY


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_in_virtual_time(story, tmp_path, caplog, monkeypatch):
    caplog.set_level("INFO")
    clock = VirtualClock(START + 7 * DAY)
    place = FakeAlertmanager(clock)
    await place.begin()
    try:
        await story(tmp_path, place, clock, SimpleNamespace(caplog=caplog, monkeypatch=monkeypatch))
    finally:
        await place.end()
