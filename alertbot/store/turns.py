"""What changes together: samples, cursors, alerts, the incidents they make and the messages these cause.

Each function does all its work on the database it is given, within the one transaction of ``Store.do``. What it cannot
know by itself, which alerts make an incident and how that reads, it asks of a ``Decider``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlite_utils import Database

from alertbot.alerts.learned_silence import LearnedSilence
from alertbot.alerts.lifecycle import Alert, AlertKey, Change
from alertbot.incidents.acknowledgement import unacknowledged
from alertbot.incidents.decision import Decision, IncidentChange
from alertbot.incidents.incident import FiredAlert, Incident
from alertbot.incidents.orders import Person, Silence
from alertbot.incidents.silences import StoredSilence
from alertbot.incidents.suppression import Suppressors
from alertbot.rules.episodes import Episode
from alertbot.rules.grid import Grid
from alertbot.store import (
    alerts,
    feed,
    fired_alerts,
    flapping,
    incidents,
    learned_silences,
    outbox,
    samples,
    silences,
)
from alertbot.store.alerts import Traits
from alertbot.store.feed import LateSlot
from alertbot.store.learned_silences import Announcer
from alertbot.store.mentions import enqueue_calling
from alertbot.store.outbox import NewMessage
from alertbot.store.suppressors import suppressors
from alertbot.units import DAY

SILENCES_REMEMBERED = DAY
"""Seconds for which a silence that ended is still handed to the decider: its end may be worth a word."""


@dataclass(frozen=True)
class Pending:
    """What is to be decided on: open incidents, alerts that fired and were not posted, and what suppresses any of them.

    Of those not posted some resolved just now; ``passed`` are the rows of alerts that fired and resolved at once.
    """

    incidents: Sequence[Incident]
    unposted: Sequence[FiredAlert]
    suppressors: Suppressors
    passed: frozenset[int] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to decide."""
        return not (self.incidents or self.unposted or self.suppressors.flapping or self.suppressors.silences)


class Decider(Announcer, Protocol):
    """Decides what to post, and puts it in words."""

    def decide(self, pending: Pending) -> Decision:
        """Say what is to be written and posted."""

    def compose(self, change: IncidentChange) -> Iterable[NewMessage]:
        """Write the messages of one incident's change."""

    def announce(self, silence: StoredSilence) -> Iterable[NewMessage]:
        """Write the message that says that a silence is about to end."""

    def declare(self, silence: StoredSilence, *, declared: bool) -> Iterable[NewMessage]:
        """Write the message that says what a wide silence covers; its edit where it was ``declared`` before."""


@dataclass(frozen=True)
class Batch:
    """All that some judged slots change: samples (``touched`` series and days of the grid), cursors, alerts.

    ``begun``: the frontier at which series were first judged. ``late``: series, slot, seconds. ``restored``: new
    normals that are over. ``silences``: those that alerts taught, as they begin.
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
    restored: Sequence[Episode] = ()
    silences: Sequence[LearnedSilence] = ()


def commit(db: Database, batch: Batch, decider: Decider) -> None:
    """Write samples, cursors, alerts and the messages they cause."""
    named = {name for name, _ in batch.touched}.union(batch.cursors, batch.begun)
    ids = samples.series_ids(db, sorted(named, key=batch.grid.column.__getitem__))
    samples.write_days(db, ids, batch.grid, sorted(batch.touched))
    samples.write_cursors(db, ids, batch.cursors)
    samples.write_begun(db, ids, batch.begun)
    feed.write_late(db, batch.late)
    numbers = alerts.write(db, batch.alerts, batch.changes, batch.traits)
    alerts.restore(db, batch.restored)
    if batch.changes:
        resolved = [number for change, number in zip(batch.changes, numbers, strict=True) if not change.fired]
        _decide(db, decider, batch.now, resolved, _passed(batch.changes, numbers))
    if batch.silences:
        held = suppressors(db, batch.now, SILENCES_REMEMBERED)
        learned_silences.announce(db, batch.silences, decider, held, batch.now)


def post_due(db: Database, decider: Decider, now: float) -> bool:
    """Write and post what is due though nothing was judged; whether there was any such thing."""
    return _decide(db, decider, now)


def acknowledge(
    db: Database, number: int, who: Person, note: str, until: float | None, decider: Decider, now: float
) -> Incident | None:
    """Acknowledge an incident, unless it is closed; how it was before, if there is one. ``until``: how long it holds.

    Of one that is acknowledged already, and about which nobody was asked, only a ``note`` is taken.
    """
    incident = incidents.load(db, number)
    if incident is None or incident.closed is not None:
        return incident
    if incident.progress.acked_at is None or incident.progress.asked_at is not None:
        progress = replace(incident.progress, acked_at=now, acked_by=who.name, acked_note=note, acked_id=who.id)
        progress = replace(progress, acked_until=until, asked_at=None)
    elif note:
        own = who.name == incident.progress.acked_by  # a note by somebody else stands in the thread alone
        progress = replace(incident.progress, acked_note=note) if own else incident.progress
    else:
        return incident
    incidents.write_progress(db, replace(incident, progress=progress))
    alerts.mark_acknowledged(db, number)
    _decide(db, decider, now)
    return incident


def unacknowledge(db: Database, number: int, decider: Decider, now: float) -> Incident | None:
    """Take the acknowledgement of an open incident back; how it was before, if there is one."""
    incident = incidents.load(db, number)
    if incident is not None and incident.closed is None and incident.progress.acked_at is not None:
        progress = unacknowledged(incident.progress, now)
        incidents.write_progress(db, replace(incident, progress=progress))
        _decide(db, decider, now)
    return incident


def silence(
    db: Database,
    silence: Silence,
    who: Person,
    channel: str,
    pairs: Sequence[tuple[str, str]] | None,
    decider: Decider,
    now: float,
) -> int:
    """Begin a silence; its number. ``pairs``: the alerts it covers (rule, series), where it is of an incident."""
    number = silences.add(db, silence, who, channel, pairs, now)
    _declare(db, number, decider, now)
    _decide(db, decider, now)
    return number


def extend(db: Database, number: int, ends: float, reason: str, decider: Decider, now: float) -> None:
    """Have a silence end later, at ``ends``."""
    silences.extend(db, number, ends, reason)
    _declare(db, number, decider, now)
    _decide(db, decider, now)


def unsilence(db: Database, number: int, who: Person, decider: Decider, now: float) -> None:
    """End a silence now."""
    silences.cancel(db, number, who, now)
    _declare(db, number, decider, now)
    _decide(db, decider, now)


def _declare(db: Database, number: int, decider: Decider, now: float) -> None:
    """Have said in the channel what is silenced from now on, or no longer, where that is worth saying."""
    silence = silences.load(db, number)
    if silence is not None:
        declared = outbox.has_message_about(db, declaration_of(number))
        outbox.enqueue(db, decider.declare(silence, declared=declared), now)


def declaration_of(number: int) -> str:
    """The subject of the message that says what a silence covers."""
    return f"silenced:{number}"


def _decide(
    db: Database, decider: Decider, now: float, resolved: Sequence[int] = (), passed: frozenset[int] = frozenset()
) -> bool:
    """Have decided what is to be posted, and write it; whether there was anything to write."""
    pending = Pending(
        incidents.open_or_joinable(db, now),
        fired_alerts.unposted(db, resolved),
        suppressors(db, now, SILENCES_REMEMBERED),
        passed,
    )
    if pending.empty:
        return False
    decision = decider.decide(pending)
    flapping.write_flapping(db, decision.flaps, decision.steadied)
    _write(db, decision.changes, decider, now)
    for each in decision.announced:
        outbox.enqueue(db, decider.announce(each), now)
    silences.mark_reminded(db, (each.number for each in decision.announced))
    return bool(decision.changes or decision.announced)


def _write(db: Database, changes: Sequence[IncidentChange], decider: Decider, now: float) -> None:
    """Write what becomes of incidents, the new ones first, so that others may refer to them."""
    numbers: dict[int, int] = {}
    for change in changes:
        one = change.incident
        if change.opened:
            numbers[one.number] = incidents.create(db, one.kind, one.channel, one.since, now, one.facts)
    for change in changes:
        number = numbers.get(change.incident.number, change.incident.number)
        parent = change.incident.progress.parent
        progress = replace(change.incident.progress, parent=None if parent is None else numbers.get(parent, parent))
        incident = replace(change.incident, number=number, progress=progress)
        incidents.write_progress(db, incident)
        alerts.assign(db, number, change.joined)
        if progress.acked_at is not None and change.joined:
            alerts.mark_acknowledged(db, number)
        alerts.write_noted(db, change.noted)
        enqueue_calling(db, decider.compose(replace(change, incident=incident)), decider, now)


def _passed(changes: Sequence[Change], numbers: Sequence[int]) -> frozenset[int]:
    """The rows of alerts that fired and resolved within these changes."""
    pairs = list(zip(changes, numbers, strict=True))
    fired = {number for change, number in pairs if change.fired}
    return frozenset(number for change, number in pairs if not change.fired and number in fired)
