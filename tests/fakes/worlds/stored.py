"""A database with values in it, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from alertbot.rules.grid import Grid
from alertbot.store import samples, schema
from alertbot.units import SLOT


def store(path: Path, first: int, values: Mapping[str, Sequence[float]]) -> Path:
    """Write what each series carried from the slot ``first`` on (NaN: unknown), and that all of it was judged."""
    grid = Grid(tuple(values))
    for name, carried in values.items():
        grid.put(name, first, np.array(carried, dtype=float))
    db = schema.open_database(path)
    with db.atomic():
        ids = samples.series_ids(db, grid.series)
        samples.write_days(db, ids, grid, [(name, day) for name in grid.series for day in grid.days])
        last = {name: first + (len(carried) - 1) * SLOT for name, carried in values.items() if len(carried)}
        samples.write_cursors(db, ids, last)
    db.close()
    return path
