"""The store as the service uses it: one writer, and one transaction for all that judged slots change."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from alertbot.alerts.engine import AlertKey
from alertbot.alerts.lifecycle import Alert, Change
from alertbot.errors import StoreError
from alertbot.rules.grid import Grid
from alertbot.store import outbox, samples, schema, state
from alertbot.store.outbox import Draft, Envelope
from alertbot.store.state import Traits
from alertbot.units import DAY

Compose = Callable[[Sequence[int]], Iterable[Draft]]
"""Makes the messages of a batch once its alerts have their numbers, one for each change."""


@dataclass(frozen=True)
class Batch:
    """All that some judged slots change: samples (``touched`` series and days of the grid), cursors, alerts."""

    grid: Grid
    touched: frozenset[tuple[str, int]]
    cursors: Mapping[str, int]
    alerts: Mapping[AlertKey, Alert]
    changes: Sequence[Change]
    traits: Mapping[str, Traits]
    now: float


class Store:
    """The database's one writer. Not for two threads at once; every method raises ``StoreError`` where SQLite fails."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: Database = schema.open_database(path)

    def close(self) -> None:
        """Close the database; the journal is folded back into the file."""
        self._db.close()

    def grid(self, series: Sequence[str], first: int, last: int) -> Grid:
        """A grid of these series with what is stored from the slot ``first`` to ``last``, bars included."""
        with self._guarded():
            grid = Grid(series)
            samples.load(self._db, grid, first, last)
            for name, start, end in state.barred(self._db, first):
                if name in grid.column:
                    grid.bar(name, max(start, first), end)
            return grid

    def cursors(self) -> dict[str, int]:
        """The last slot judged of each series that has one."""
        with self._guarded():
            return samples.cursors(self._db)

    def open_alerts(self) -> dict[AlertKey, Alert]:
        """The alerts under way, pending and firing."""
        with self._guarded():
            return state.open_alerts(self._db)

    def commit(self, batch: Batch, compose: Compose) -> None:
        """Write samples, cursors, alerts and the messages they cause, all of it or nothing."""
        with self._guarded(), self._db.atomic():
            ids = samples.series_ids(self._db, batch.grid.series)
            samples.write_days(self._db, ids, batch.grid, sorted(batch.touched))
            samples.write_cursors(self._db, ids, batch.cursors)
            numbers = state.write(self._db, batch.alerts, batch.changes, batch.traits)
            outbox.enqueue(self._db, compose(numbers), batch.now)

    def forget(self, before: int) -> int:
        """Delete one day of samples that ended before the slot ``before``; 0 once there is none."""
        with self._guarded(), self._db.atomic():
            return samples.forget(self._db, before // DAY)

    def waiting(self) -> list[Envelope]:
        """The messages that may go out now."""
        with self._guarded():
            return outbox.waiting(self._db)

    def mark_sent(self, envelope: Envelope, channel_id: str, ts: str, now: float) -> None:
        """Slack took this message."""
        with self._guarded():
            outbox.mark_sent(self._db, envelope, channel_id, ts, now)

    def mark_failed(self, envelope: Envelope, error: str, *, park: bool) -> None:
        """Slack did not take it; ``park`` where trying again changes nothing."""
        with self._guarded():
            outbox.mark_failed(self._db, envelope, error, park=park)

    def unpark(self) -> int:
        """Give what was parked another try; how many messages that is."""
        with self._guarded():
            return outbox.unpark(self._db)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error
