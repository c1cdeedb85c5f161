"""The store as the service uses it: one writer, and one transaction for all that judged slots change."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sqlite_utils import Database

from alertbot.alerts.engine import AlertKey
from alertbot.alerts.incidents import Incident, IncidentKind, OpenIncident, Placement
from alertbot.alerts.lifecycle import Alert, Change
from alertbot.errors import StoreError
from alertbot.rules.base import Array
from alertbot.rules.grid import Grid
from alertbot.store import feedlog, incidents, outbox, samples, schema, state
from alertbot.store.feedlog import LateSlot
from alertbot.store.outbox import Draft, Envelope
from alertbot.store.state import Traits
from alertbot.units import DAY, SLOT

T = TypeVar("T")

Place = Callable[[Sequence[OpenIncident]], Sequence[Placement | None]]
"""Says which incident each change belongs to, given those that are open."""

Compose = Callable[[Incident, bool], Iterable[Draft]]
"""Makes the messages an incident is told by; the flag says that it is new."""


@dataclass(frozen=True)
class Batch:
    """All that some judged slots change: samples (``touched`` series and days of the grid), cursors, alerts.

    ``begun``: the frontier at which series were first judged. ``late``: series, slot, seconds.
    """

    grid: Grid
    touched: frozenset[tuple[str, int]]
    cursors: Mapping[str, int]
    alerts: Mapping[AlertKey, Alert]
    changes: Sequence[Change]
    traits: Mapping[str, Traits]
    now: float
    begun: Mapping[str, int] = field(default_factory=dict)
    late: Sequence[LateSlot] = ()


@dataclass(frozen=True)
class Report:
    """Something to tell beside any alert: opens an incident, or changes or closes the one of that ``number``."""

    kind: IncidentKind
    channel: str
    since: int
    facts: Mapping[str, Any]
    number: int | None = None
    over: bool = False


@dataclass(frozen=True)
class Memory:
    """What was learned of the feed before: ``begun`` of series and rules, late slots, publication times by slot."""

    series_begun: Mapping[str, int]
    rules_begun: Mapping[str, int]
    late: Sequence[LateSlot]
    published: Mapping[int, float]


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

    def memory(self, since: int) -> Memory:
        """What was learned of the feed; of single slots, from ``since`` on."""
        with self._guarded():
            return Memory(
                samples.begun(self._db),
                state.rules_begun(self._db),
                feedlog.late_slots(self._db, since),
                feedlog.publications(self._db, since),
            )

    def earlier(self, series: str, first: int, count: int, backs: Sequence[int]) -> Array:
        """``count`` stored slots from ``first`` on as they were so many seconds earlier: a row each of ``backs``."""
        with self._guarded():
            last = first + (count - 1) * SLOT
            return np.stack([samples.series_between(self._db, series, first - b, last - b) for b in backs])

    def commit(self, batch: Batch, place: Place, compose: Compose) -> None:
        """Write samples, cursors, alerts and the messages they cause, all of it or nothing."""
        with self._guarded(), self._db.atomic():
            ids = samples.series_ids(self._db, batch.grid.series)
            samples.write_days(self._db, ids, batch.grid, sorted(batch.touched))
            samples.write_cursors(self._db, ids, batch.cursors)
            samples.write_begun(self._db, ids, batch.begun)
            feedlog.write_late(self._db, batch.late)
            numbers = state.write(self._db, batch.alerts, batch.changes, batch.traits)
            if batch.changes:
                places = place(incidents.open_incidents(self._db))
                touched = incidents.assign(self._db, batch.changes, numbers, places, batch.now)
                self._tell(touched, compose, batch.now)

    def report(self, reports: Iterable[Report], compose: Compose, now: float) -> None:
        """Open, change and close incidents that are not made of alerts, with their messages."""
        with self._guarded(), self._db.atomic():
            touched: dict[int, bool] = {}
            for each in reports:
                number = each.number
                if number is None:
                    number = incidents.create(self._db, each.kind, each.channel, each.since, now, each.facts)
                    touched[number] = True
                incidents.change(self._db, number, each.facts, now if each.over else None)
                touched.setdefault(number, False)
            self._tell(touched, compose, now)

    def incidents(self, kinds: Iterable[IncidentKind]) -> list[Incident]:
        """The open incidents of these kinds."""
        with self._guarded():
            return incidents.of_kinds(self._db, kinds)

    def domains(self) -> tuple[str, ...]:
        """Every domain that was ever watched."""
        with self._guarded():
            return samples.domain_names(self._db)

    def write_live(self, facts: str, now: float) -> None:
        """Keep what only the service knows, as JSON, for the shell's commands."""
        with self._guarded(), self._db.atomic():
            feedlog.write_live(self._db, facts, now)

    def remember(self, published: Mapping[int, float], rules: Mapping[str, int]) -> None:
        """Keep when slots were published, and when rules were first at work."""
        with self._guarded(), self._db.atomic():
            feedlog.write_publications(self._db, published)
            state.write_rules_begun(self._db, rules)

    def _tell(self, touched: Mapping[int, bool], compose: Compose, now: float) -> None:
        for number, new in touched.items():
            outbox.enqueue(self._db, compose(incidents.load(self._db, number), new), now)

    def forget(self, before: int) -> int:
        """Delete one day of samples that ended before the slot ``before``; 0 once there is none."""
        with self._guarded(), self._db.atomic():
            return samples.forget(self._db, before // DAY)

    def waiting(self) -> list[Envelope]:
        """The messages that may go out now: of each channel the oldest message and the oldest edit."""
        with self._guarded():
            return outbox.waiting(self._db)

    def uncertain(self) -> list[Envelope]:
        """The messages of which it is not known whether they arrived."""
        with self._guarded():
            return outbox.uncertain(self._db)

    def mark(self, change: Callable[[Database], T]) -> T:
        """One of the outbox's own changes, in a transaction of its own."""
        with self._guarded():
            return change(self._db)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if schema.is_damage(error):
                raise schema.damaged(self._path, error) from error
            raise StoreError(f"{self._path}: {error}") from error
