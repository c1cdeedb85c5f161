"""The store as the service uses it: one writer, and one transaction for all that judged slots change."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from sqlite_utils import Database

from alertbot.alerts.engine import AlertKey
from alertbot.alerts.lifecycle import Alert, Change
from alertbot.errors import StoreError
from alertbot.incidents.decision import Decision, IncidentChange
from alertbot.incidents.flapping import Flap
from alertbot.incidents.incident import FiredAlert, Incident, IncidentKind, Progress
from alertbot.incidents.orders import Person, Silence
from alertbot.incidents.paging import Note, NoteKind
from alertbot.incidents.relayed import Facts
from alertbot.incidents.silences import HeldSilence
from alertbot.incidents.suppression import Darkness
from alertbot.rules.base import Array
from alertbot.rules.grid import Grid, Room
from alertbot.store import alertmanager, alerts, charts, feed, incidents, outbox, retention, samples, schema, silences
from alertbot.store.alerts import Traits
from alertbot.store.feed import LateSlot
from alertbot.store.outbox import Envelope, NewMessage
from alertbot.units import DAY, SLOT

T = TypeVar("T")

SILENCES_REMEMBERED = DAY
"""Seconds for which a silence that ended is still looked at: its end may be worth a word."""


@dataclass(frozen=True)
class Pending:
    """What is to be decided on: incidents at work, alerts that fired and were not told, and what holds any of them.

    Of those not told some resolved just now; ``passed`` are the rows of alerts that fired and resolved at once.
    """

    incidents: Sequence[Incident]
    unposted: Sequence[FiredAlert]
    silences: Sequence[HeldSilence]
    flapping: Mapping[AlertKey, Flap]
    darkness: Sequence[Darkness]
    passed: frozenset[int] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to decide."""
        return not (self.incidents or self.unposted or self.flapping or self.silences)


class Decider(Protocol):
    """Decides what to tell, and puts it in words."""

    def decide(self, pending: Pending) -> Decision:
        """What is to be written and told."""

    def compose(self, step: IncidentChange) -> Iterable[NewMessage]:
        """The messages of one incident's step."""

    def announce(self, silence: HeldSilence) -> Iterable[NewMessage]:
        """That a silence is about to end."""


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
class FeedReport:
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

    def grid(self, series: Sequence[str], first: int, last: int, room: Room | None = None) -> Grid:
        """A grid of these series with what is stored from the slot ``first`` to ``last``, bars included."""
        with self._guarded():
            grid = Grid(series, room)
            samples.load(self._db, grid, first, last)
            for name, start, end, bars in alerts.barred(self._db, first):
                if name in grid.column:
                    grid.bar(name, max(start, first), end, bars)
            return grid

    def cursors(self) -> dict[str, int]:
        """The last slot judged of each series that has one."""
        with self._guarded():
            return samples.cursors(self._db)

    def open_alerts(self) -> dict[AlertKey, Alert]:
        """The alerts under way, pending and firing."""
        with self._guarded():
            return alerts.open_alerts(self._db)

    def memory(self, since: int) -> Memory:
        """What was learned of the feed; of single slots, from ``since`` on."""
        with self._guarded():
            return Memory(
                samples.begun(self._db),
                alerts.rules_begun(self._db),
                feed.late_slots(self._db, since),
                feed.publications(self._db, since),
            )

    def earlier(self, series: str, first: int, count: int, backs: Sequence[int]) -> Array:
        """``count`` stored slots from ``first`` on as they were so many seconds earlier: a row each of ``backs``."""
        with self._guarded():
            last = first + (count - 1) * SLOT
            return np.stack([samples.series_between(self._db, series, first - b, last - b) for b in backs])

    def commit(self, batch: Batch, turn: Decider) -> None:
        """Write samples, cursors, alerts and the messages they cause, all of it or nothing."""
        with self._guarded(), self._db.atomic():
            named = {name for name, _ in batch.touched}.union(batch.cursors, batch.begun)
            ids = samples.series_ids(self._db, sorted(named, key=batch.grid.column.__getitem__))
            samples.write_days(self._db, ids, batch.grid, sorted(batch.touched))
            samples.write_cursors(self._db, ids, batch.cursors)
            samples.write_begun(self._db, ids, batch.begun)
            feed.write_late(self._db, batch.late)
            numbers = alerts.write(self._db, batch.alerts, batch.changes, batch.traits)
            if batch.changes:
                over = [number for change, number in zip(batch.changes, numbers, strict=True) if not change.fired]
                self._decide(turn, batch.now, over, _passed(batch.changes, numbers))

    def look(self, turn: Decider, now: float) -> bool:
        """Write and tell what is due though nothing was judged; whether there was any such thing."""
        with self._guarded(), self._db.atomic():
            return self._decide(turn, now)

    def incident(self, number: int) -> Incident | None:
        """One incident, open or not."""
        with self._guarded():
            return incidents.load(self._db, number)

    def open_incidents(self) -> list[Incident]:
        """Every incident that is open, the oldest first."""
        with self._guarded():
            return incidents.of_kinds(self._db, IncidentKind)

    def silences(self, since: float) -> list[HeldSilence]:
        """The silences in force or to come, and those that ended at ``since`` or later."""
        with self._guarded():
            return silences.held(self._db, since)

    def acknowledge(self, number: int, who: Person, turn: Decider, now: float) -> Incident | None:
        """Somebody takes an incident on, unless it is over or taken; how it stood until now, if there is one."""
        with self._guarded(), self._db.atomic():
            incident = incidents.load(self._db, number)
            if incident is not None and incident.closed is None and incident.progress.acked_at is None:
                progress = replace(incident.progress, acked_at=now, acked_by=who.name)
                incidents.stand(self._db, replace(incident, progress=progress))
                self._decide(turn, now)
            return incident

    def silence(
        self,
        silence: Silence,
        who: Person,
        channel: str,
        pairs: Sequence[tuple[str, str]] | None,
        turn: Decider,
        now: float,
    ) -> int:
        """A new silence's number."""
        with self._guarded(), self._db.atomic():
            number = silences.add(self._db, silence, who, channel, pairs, now)
            self._decide(turn, now)
            return number

    def unsilence(self, number: int, who: Person, turn: Decider, now: float) -> None:
        """End a silence now."""
        with self._guarded(), self._db.atomic():
            silences.cancel(self._db, number, who, now)
            self._decide(turn, now)

    def _decide(
        self, turn: Decider, now: float, over: Sequence[int] = (), passed: frozenset[int] = frozenset()
    ) -> bool:
        pending = Pending(
            incidents.at_work(self._db, now),
            alerts.unposted(self._db, over),
            silences.held(self._db, now - SILENCES_REMEMBERED),
            alerts.flapping(self._db),
            incidents.darkness(self._db, now),
            passed,
        )
        if pending.empty:
            return False
        decision = turn.decide(pending)
        alerts.write_flapping(self._db, decision.flaps, decision.steadied)
        self._take(decision.changes, turn, now)
        for silence in decision.announced:
            outbox.enqueue(self._db, turn.announce(silence), now)
        silences.mark_reminded(self._db, (silence.number for silence in decision.announced))
        return bool(decision.changes or decision.announced)

    def _take(self, changes: Sequence[IncidentChange], turn: Decider, now: float) -> None:
        """Write what becomes of incidents, the new ones first, so that others may refer to them."""
        numbers: dict[int, int] = {}
        for step in changes:
            one = step.incident
            if step.opened:
                numbers[one.number] = incidents.create(self._db, one.kind, one.channel, one.since, now, one.facts)
        for step in changes:
            number = numbers.get(step.incident.number, step.incident.number)
            parent = step.incident.progress.parent
            progress = replace(step.incident.progress, parent=None if parent is None else numbers.get(parent, parent))
            incident = replace(step.incident, number=number, progress=progress)
            incidents.stand(self._db, incident)
            alerts.assign(self._db, number, step.joined)
            alerts.note(self._db, step.noted)
            outbox.enqueue(self._db, turn.compose(replace(step, incident=incident, opened=step.opened)), now)

    def report(self, reports: Iterable[FeedReport], turn: Decider, now: float) -> None:
        """Open, change and close incidents that are not made of alerts, with their messages."""
        with self._guarded(), self._db.atomic():
            for each in reports:
                number = each.number
                if number is None:
                    number = incidents.create(self._db, each.kind, each.channel, each.since, now, each.facts)
                incidents.change(self._db, number, each.facts, now if each.over else None)
                incident = incidents.load(self._db, number)
                if incident is not None:
                    step = _reported(incident, each, now)
                    incidents.stand(self._db, step.incident)
                    outbox.enqueue(self._db, turn.compose(step), now)
                if each.over:
                    alerts.release(self._db, number)

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
            feed.write_live(self._db, facts, now)

    def remember(self, published: Mapping[int, float], rules: Mapping[str, int]) -> None:
        """Keep when slots were published, and when rules were first at work."""
        with self._guarded(), self._db.atomic():
            feed.write_publications(self._db, published)
            alerts.write_rules_begun(self._db, rules)

    def forget(self, keep: int, now: float) -> int:
        """Delete a few rows of what is older than ``keep`` seconds; how many, 0 once there is none."""
        with self._guarded(), self._db.atomic():
            return retention.forget(self._db, keep, now)

    def is_owed(self, subject: str) -> bool:
        """Whether anything was ever to be sent about this subject."""
        with self._guarded():
            return outbox.is_owed(self._db, subject)

    def owe(self, drafts: Iterable[NewMessage], now: float) -> None:
        """Messages that no incident causes."""
        with self._guarded(), self._db.atomic():
            outbox.enqueue(self._db, drafts, now)

    def waiting(self) -> list[Envelope]:
        """The messages that may go out now: of each channel the oldest message and the oldest edit."""
        with self._guarded():
            return outbox.waiting(self._db)

    def uncertain(self) -> list[Envelope]:
        """The messages of which it is not known whether they arrived."""
        with self._guarded():
            return outbox.uncertain(self._db)

    def charts_owed(self, since: float) -> list[charts.DueChart]:
        """The loud incidents told after ``since`` whose message stands and which nobody tried to chart."""
        with self._guarded():
            return charts.owed(self._db, since)

    def chart_tried(self, subject: str, now: float) -> bool:
        """The one attempt at an incident's chart is about to be made; false where it was made before."""
        with self._guarded():
            return charts.mark_tried(self._db, subject, now)

    def to_relay(self, now: float) -> tuple[Pending, Facts]:
        """What there is to tell Alertmanagers, and what may hold it."""
        with self._guarded():
            held = silences.held(self._db, now), alerts.flapping(self._db), incidents.darkness(self._db, now)
            return Pending((), (), *held), alertmanager.facts(self._db)

    def mark(self, change: Callable[[Database], T]) -> T:
        """One of the outbox's own changes, or of what was relayed, in a transaction of its own."""
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


def _passed(changes: Sequence[Change], numbers: Sequence[int]) -> frozenset[int]:
    """The rows of alerts that fired and resolved within these changes."""
    pairs = list(zip(changes, numbers, strict=True))
    fired = {number for change, number in pairs if change.fired}
    return frozenset(number for change, number in pairs if not change.fired and number in fired)


def _reported(incident: Incident, report: FeedReport, now: float) -> IncidentChange:
    """The step of an incident about the feed itself: opened, changed, grown to the whole account, or over."""
    progress = incident.progress
    if report.number is None:
        progress = Progress(paged_at=now, untaken=now)
        return IncidentChange(replace(incident, progress=progress), (), (), {}, closed=False, opened=True)
    notes: tuple[Note, ...] = ()
    if report.over:
        notes = (Note(NoteKind.RESOLVED),)
    elif incident.facts.get("account_wide"):
        notes = (Note(NoteKind.GREW, page=True),)
        progress = replace(progress, paged_at=now, acked_at=None, acked_by=None, untaken=now)
    return IncidentChange(replace(incident, progress=progress), (), notes, {}, closed=report.over)
