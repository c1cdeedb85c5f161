"""Room for very many series: what is kept there stays, and a disk without room is no reason to stop."""

from __future__ import annotations

import errno
import gc
import os
from pathlib import Path

import numpy as np

from alertbot.rules.grid import Grid
from alertbot.store.scratch import Scratch, room_for
from alertbot.units import DAY, DAY_SLOTS


def resident():
    """Bytes of files that are mapped and in this process's memory."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in status if line.startswith("RssFile"))
    return 1024 * int(line.split()[1])


def test_what_is_kept_is_there_after_a_rest_and_takes_no_memory_meanwhile(tmp_path):
    grid = Grid([f"s{number}" for number in range(5_000)], Scratch(tmp_path))
    grid.put("s7", DAY, np.arange(DAY_SLOTS, dtype=float))
    before = resident()
    grid.rest()
    assert before - resident() > 8 * DAY_SLOTS * 5_000 / 2
    np.testing.assert_array_equal(grid.values(DAY, DAY_SLOTS, np.array([7]))[:, 0], np.arange(DAY_SLOTS))
    assert np.isnan(grid.values(DAY, DAY_SLOTS, np.array([8]))).all()
    assert list(tmp_path.iterdir()) == [], "the files have no name"


def test_a_day_that_is_forgotten_takes_no_room(tmp_path):
    scratch = Scratch(tmp_path)
    grid = Grid(["a", "b"], scratch)
    for day in range(3):
        grid.day(day)
    assert len(scratch._maps) == 3
    grid.forget(2 * DAY)
    gc.collect()
    assert len(scratch._maps) == 1


def test_where_the_disk_is_full_the_history_is_kept_in_memory_which_is_said_once(tmp_path, monkeypatch, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    grid = Grid(["a"], Scratch(tmp_path))
    grid.put("a", 0, np.ones(2 * DAY_SLOTS))
    assert grid.values(0, 2 * DAY_SLOTS).sum() == 2 * DAY_SLOTS
    assert [record.message for record in caplog.records] == [
        f"{tmp_path}: No space left on device: the history is kept in memory, which may take much"
    ]


def test_only_a_grid_that_takes_much_lies_in_scratch(tmp_path):
    assert room_for(tmp_path, 1_500, 9 * DAY_SLOTS) is None
    assert room_for(tmp_path, 15_000, 9 * DAY_SLOTS) is not None
    assert room_for(tmp_path, 1_500, 40 * DAY_SLOTS) is not None
