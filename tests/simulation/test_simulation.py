"""Days of service in seconds, with everything failing around it as a seed has it: nothing false, nothing silent."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.rigs.effort import thorough, tries
from fakes.rigs.working import START
from fakes.worlds.virtual import run
from simulation.checker import objections
from simulation.story import HOUR, Mishap, draw
from simulation.tally import in_words, tally
from simulation.world import play

from alertbot.feed.simulator.scenario import Fault, FaultMode
from alertbot.units import DAY

FIRST = int(os.environ.get("ALERTBOT_SIMULATION_FROM", "1000"))
MEMORY = Path("/dev/shm")
"""SQLite waits for the disk after every turn; where there is none, the test takes longer."""

WENT_WRONG = {
    30_096: "edits are refused, and the reply that a domain joined is overtaken: the end has to name it",
    61_007: "after a stall all slots appear at once, each with half of its value at first",
}

SEEDS = range(FIRST, FIRST + tries(1, 8, "ALERTBOT_SIMULATION"))


@pytest.mark.parametrize(
    "seed",
    [
        *(pytest.param(seed, marks=[pytest.mark.slow] * thorough) for seed in SEEDS),
        *(pytest.param(seed, marks=pytest.mark.slow, id=f"{seed}, where {what}") for seed, what in WENT_WRONG.items()),
    ],
)
def test_whatever_fails_at_once_each_outage_is_told_or_health_is_red_and_nothing_is_false(seed, record_property):
    story = draw(seed)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        record = run(play(story, Path(folder)))
    found = objections(record)
    record_property("story", tuple(tally(story, len(found))))  # as a bare tuple it passes between processes
    assert found == [], f"seed {seed}"


def test_what_was_simulated_is_counted_by_kind():
    story = replace(
        draw(FIRST),
        end=START + 2 * DAY,
        faults=(Fault(START, START + HOUR, FaultMode.HANG),),
        delays=(),
        mishaps=(Mishap("kill", START, START, "3"), Mishap("kill", START, START, "7"), Mishap("disk", 0, 0, "full")),
        clock_off=40.0,
        partial=1.0,
    )
    first, kinds = in_words([tally(story, 0), tally(replace(story, faults=()), 2)])
    assert first == "2 seeds, 4 virtual days, 9 faults, 2 objections"
    assert kinds == "4 kill, 2 disk full, 2 wrong clock at the start, 1 API hang"
