"""The stored samples as a history that can be replayed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlite_utils import Database

from alertbot.rules.base import Array, Mask
from alertbot.rules.grid import Grid
from alertbot.store import samples
from alertbot.units import DAY, DAY_SLOTS, SLOT


class StoredHistory:
    """The samples of a database. What is unknown between two known slots of a series was given up."""

    def __init__(self, database: Database, series: Sequence[str]) -> None:
        self._database = database
        self.series = tuple(series)
        self._spans = samples.known_spans(database, self.series)

    def days(self) -> Sequence[int]:
        stored = samples.days(self._database)
        # A day of which nothing is stored was given up as well, and is judged like the rest.
        return range(stored[0], stored[-1] + 1) if stored else ()

    def day(self, day: int) -> tuple[Array, Mask]:
        grid = Grid(self.series)
        samples.load(self._database, grid, day * DAY, day * DAY)
        slots = (day * DAY + SLOT * np.arange(DAY_SLOTS))[:, None]
        first, last = self._spans
        return grid.day(day), (slots >= first) & (slots <= last)

    @property
    def newest(self) -> int:
        """The last known slot of any series; -1 where there is none."""
        return int(self._spans[1].max(initial=-1))

    def last_of(self, series: str) -> int:
        return int(self._spans[1][self.series.index(series)])
