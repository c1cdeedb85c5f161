"""An I/O error at one call of the database, at each in turn: an outage is told once, with its end, all the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.rigs.effort import tries
from fakes.rigs.working import START
from fakes.worlds.virtual import run
from simulation.checker import objections
from simulation.disk import Disk
from simulation.story import DARK, DOMAINS, MINUTE, Outage, Story
from simulation.world import play

BEGIN, END = START + 72 * MINUTE, START + 105 * MINUTE
"""The outage is proven, told and over in between."""

STORY = Story(
    seed=0,
    end=END,
    outages=(Outage(DARK, DOMAINS[0], START + 55 * MINUTE, START + 65 * MINUTE),),
    faults=(),
    delays=(),
    mishaps=(),
    clock_off=0.0,
    partial=1.0,
)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder in memory, where there is such a thing: SQLite waits for the disk after every turn."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def before():
    """The database of the service before the outage is proven."""
    with folder() as place:
        run(play(replace(STORY, end=BEGIN), place))
        yield place / "alertbot.db"


def tell(before: Path, call: int, *, done: bool) -> tuple[list[str], Disk]:
    """What there is to object to where that call fails, or seems to (0: none); how many there were."""
    disk = Disk()
    disk.only, disk.done = call, done
    with folder() as place:
        shutil.copy(before, place)
        # After a failure there is a while in which health may come back.
        story = replace(STORY, end=END + 10 * MINUTE if call else END)
        record = run(play(story, place, start=BEGIN, disk=disk))
    return objections(record), disk


@pytest.mark.slow
@pytest.mark.parametrize("done", [False, True])
def test_one_call_that_fails_loses_nothing_and_repeats_nothing_whichever_it_is(before, done):
    found, whole = tell(before, 0, done=done)
    assert found == []
    step = max(whole.calls // tries(1, 6, "ALERTBOT_CALLS"), 1)
    for call in range(1, whole.calls + 1, step):
        found, disk = tell(before, call, done=done)
        assert (found, disk.struck) == ([], 1), f"call {call}"
