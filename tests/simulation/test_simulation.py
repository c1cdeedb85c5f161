"""Days of service in seconds, with everything failing around it as a seed has it: nothing false, nothing silent."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from fakes.rigs.effort import thorough, tries
from fakes.worlds.virtual import run
from simulation.checker import objections
from simulation.story import draw
from simulation.world import play

FIRST = 1_000
MEMORY = Path("/dev/shm")
"""SQLite waits for the disk after every turn; where there is none, the test takes longer."""

SEEDS = range(FIRST, FIRST + tries(2, 8, "ALERTBOT_SIMULATION"))


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=[pytest.mark.slow] * thorough) for seed in SEEDS])
def test_whatever_fails_at_once_each_outage_is_told_or_health_is_red_and_nothing_is_false(seed):
    story = draw(seed)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        record = run(play(story, Path(folder)))
    assert objections(record) == [], f"seed {seed}"
