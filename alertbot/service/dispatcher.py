"""The desk: turns what a judgement changed into incidents and messages, and commits all of it in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from alertbot.alerts.ledger import Entry, Ledger
from alertbot.alerts.lifecycle import Phase
from alertbot.clock import Clock
from alertbot.config import SlackSettings
from alertbot.config.watch import Watch
from alertbot.incidents.account_incident import RECENTLY
from alertbot.incidents.decision import Decision, IncidentChange, decide
from alertbot.incidents.grouping import Placing
from alertbot.incidents.incident import FiredAlert, Incident, IncidentKind
from alertbot.incidents.notes import Note, NoteKind
from alertbot.incidents.routing import channel_for
from alertbot.incidents.silences import StoredSilence
from alertbot.incidents.state import State
from alertbot.incidents.suppression import Suppression, Suppressors
from alertbot.messages.incident import Context
from alertbot.messages.slack import incident_message, note_messages, silence_ends, to_json
from alertbot.rules.base import Direction
from alertbot.rules.selection import TOTAL
from alertbot.rules.terms import RECENT
from alertbot.store import incidents, turns
from alertbot.store.alerts import traits_of, write_rules_begun
from alertbot.store.feed import LateSlot, write_publications
from alertbot.store.keeper import Storekeeper
from alertbot.store.outbox import NewMessage
from alertbot.store.turns import Batch, FeedReport, Pending
from alertbot.units import SLOT

_BEFORE = 12
"""Slots before anything fell by which is told what carried traffic."""

_HONEST = 36
"""Slots for which the level just before a fall still says what would have been served."""


class Dispatcher:
    """Writes for one watch and its ledger; ``wake`` is called once messages are owed.

    ``rules_begun`` says at which frontier each rule was first at work; what burned before is told as a summary.
    """

    def __init__(
        self,
        watch: Watch,
        ledger: Ledger,
        keeper: Storekeeper,
        slack: SlackSettings,
        clock: Clock,
        *,
        series_begun: Mapping[str, int],
        rules_begun: Mapping[str, int],
        wake: Callable[[], None],
    ) -> None:
        self.series_begun = dict(series_begun)
        self.rules_begun = dict(rules_begun)
        self.watch = watch
        self.slack = slack
        self._ledger = ledger
        self._keeper = keeper
        self._clock = clock
        self._wake = wake
        self._frontier: int | None = None

    async def commit(
        self, entry: Entry, frontier: int | None, begun: Mapping[str, int] | None = None, late: Sequence[LateSlot] = ()
    ) -> None:
        """Store samples, cursors, alerts and messages: all of it, or ``StoreError`` and nothing.

        ``begun``: the frontier at which series were asked for first; ``late``: slots that came late.
        """
        self._frontier = frontier
        batch = Batch(
            grid=self._ledger.grid,
            touched=entry.touched,
            cursors=entry.cursors,
            alerts=entry.alerts,
            changes=entry.changes,
            traits=traits_of(self.watch.rules),
            now=self._clock.time(),
            begun=begun or {},
            late=late,
        )
        turn = self.turn()
        await self._keeper.do(turns.commit, batch, turn)
        if entry.changes:
            self._wake()

    async def look(self) -> None:
        """A slot is judged: tell what that comes to altogether, and what is due by now."""
        turn = self.turn(settled=True)
        if await self._keeper.do(turns.post_due, turn, turn.now):
            self._wake()

    def turn(self, *, settled: bool = False, changed: Mapping[int, tuple[Note, ...]] | None = None) -> Turn:
        """Decides and words what is to be told, as things are now; ``changed``: what people did just now."""
        return Turn(self, self._ledger, self._clock.time(), self._frontier, settled=settled, changed=changed or {})

    def now(self) -> float:
        """Epoch seconds by the API's clock."""
        return self._clock.time()

    def told(self) -> None:
        """Messages are owed."""
        self._wake()

    async def begin(self, frontier: int) -> None:
        """The frontier moved: rules that were not at work before are from here on."""
        new = {name: frontier for name in self.watch.rules if name not in self.rules_begun}
        if new:
            await self._keeper.do(write_rules_begun, new)
            self.rules_begun |= new

    async def note_publication(self, slot: int, shown: float) -> None:
        """Keep when the total first showed a slot, epoch seconds."""
        await self._keeper.do(write_publications, {slot: shown})

    async def report(self, reports: Sequence[FeedReport]) -> None:
        """Tell what is not an alert of any series."""
        if reports:
            turn = self.turn()
            await self._keeper.do(turns.report, reports, turn, turn.now)
            self._wake()

    async def open_incidents(self, kinds: Iterable[IncidentKind]) -> list[Incident]:
        """The open incidents of these kinds."""
        return await self._keeper.do(incidents.open_incidents, kinds)

    def channel(self, told: FiredAlert) -> str:
        """Where an alert is told."""
        rule = self.watch.rules.get(told.alert.rule)
        default = self.slack.channel
        return default if rule is None else channel_for(rule, told.alert.series, self.watch.groups, default)

    def begun(self, told: FiredAlert) -> int:
        """The frontier when this rule first judged this series."""
        series, rule = self.series_begun.get(told.alert.series, 0), self.rules_begun.get(told.alert.rule, 0)
        return max(series, rule)


@dataclass
class Turn:
    """Decides and words for one transaction; what it decided on is the setting of the words."""

    dispatcher: Dispatcher
    ledger: Ledger
    now: float
    frontier: int | None
    settled: bool
    changed: Mapping[int, tuple[Note, ...]]
    _pending: Pending = field(default=Pending((), (), Suppressors()))
    _decision: Decision = field(default=Decision((), (), (), ()))

    def decide(self, pending: Pending) -> Decision:
        """What is to be written and told."""
        dispatcher = self.dispatcher
        state = State(
            incidents=pending.incidents,
            unposted=pending.unposted,
            suppression=self._suppression(pending),
            placing=Placing(
                dispatcher.channel,
                dispatcher.begun,
                dispatcher.watch.groups,
                self.now,
                pending.passed,
                frozenset(pending.suppressors.flapping),
            ),
            settled=self.settled,
            channel=dispatcher.slack.channel,
            carried=self._carried(),
            changed=self.changed,
        )
        self._pending, self._decision = pending, decide(state)
        return self._decision

    def compose(self, step: IncidentChange) -> Iterator[NewMessage]:
        """The message or its edit, and the notes for its thread."""
        incident, context = step.incident, self._context(step)
        subject = f"incident:{incident.number}"
        slack = self.dispatcher.slack
        body = to_json(incident_message(incident, context, slack.mention, charts=slack.charts))
        notes = [_of_note(note, incident, context, self.dispatcher.slack.mention, subject) for note in step.notes]
        if step.opened:
            yield _draft(subject, "post", incident.channel, body)
        for note, drafts in zip(step.notes, notes, strict=True):
            if note.kind is not NoteKind.LISTED:
                yield from drafts
        if not step.opened and (step.joined or step.notes or step.closed):
            yield _draft(subject, "update", incident.channel, body)
        for note, drafts in zip(step.notes, notes, strict=True):
            # After the edit: where a post that was held up takes it in, what is older than it is not sent any more.
            if note.kind is NoteKind.LISTED:
                yield from drafts
        yield from _elsewhere(step, subject, body, notes)

    def announce(self, silence: StoredSilence) -> Iterator[NewMessage]:
        """That a silence is about to end."""
        message = silence_ends(silence, self._context(None), self.dispatcher.slack.command)
        yield _draft(f"silence:{silence.number}", "post", silence.channel, to_json(message))

    def _suppression(self, pending: Pending) -> Suppression:
        return self.dispatcher.watch.suppression(self.now, self.frontier, pending.suppressors)

    def _carried(self) -> frozenset[str]:
        """The domains that carried traffic in the hour before anything fell of late; none where nothing did."""
        oldest = (self.frontier or 0) - RECENTLY
        begun = [
            alert.since
            for alert in self.ledger.alerts.values()
            if alert.phase is Phase.FIRING and alert.direction is Direction.FALL and alert.since >= oldest
        ]
        if not begun:
            return frozenset()
        domains = self.dispatcher.watch.domains
        columns = np.array([self.ledger.grid.column[domain] for domain in domains], dtype=np.intp)
        before = self.ledger.grid.values(min(begun) - _BEFORE * SLOT, _BEFORE, columns)
        return frozenset(np.array(domains, dtype=object)[(before > 0).any(axis=0)])

    def _context(self, step: IncidentChange | None) -> Context:
        dispatcher, decision = self.dispatcher, self._decision
        firing = {alert.series for alert in self.ledger.alerts.values() if alert.phase is Phase.FIRING}
        suppression = self._suppression(self._pending)
        alerts = () if step is None else step.incident.alerts
        return Context(
            now=self.now,
            data_to=None if self.frontier is None else self.frontier + SLOT,
            domains=len(dispatcher.watch.domains),
            firing=frozenset(firing.intersection(dispatcher.watch.domains)),
            rules=dispatcher.watch.rules,
            zone=dispatcher.slack.zone,
            silences={silence.number: silence for silence in self._pending.suppressors.silences},
            flapping=(frozenset(self._pending.suppressors.flapping) | set(decision.flaps)) - set(decision.steadied),
            quiet=frozenset(told.number for told in alerts if told.resolved is None and suppression.suppressed(told)),
            unserved=dict(self._unserved(alerts)),
            total=None if step is None else self._total(step.incident),
        )

    def _unserved(self, alerts: Sequence[FiredAlert]) -> Iterator[tuple[int, float]]:
        """Bytes that did not go out while a series had fallen, where the level before still says what they were."""
        for told in alerts:
            alert, rule = told.alert, self.dispatcher.watch.rules.get(told.alert.rule)
            count = (alert.slot - alert.since) // SLOT + 1 - alert.clear_run
            short = told.resolved is not None and 0 < count <= _HONEST
            before = None if rule is None else rule.kind.named(alert.reference).get(RECENT)
            if not short or before is None:
                continue
            column = self.ledger.grid.column.get(alert.series)
            if column is None:
                continue
            values = self.ledger.grid.values(alert.since, count, np.array([column]))
            if not np.isnan(values).any():
                yield told.number, float(np.maximum(before - values, 0).sum()) * SLOT / 8

    def _total(self, incident: Incident) -> tuple[float, float] | None:
        """Bit/s of the account now, and before it fell; ``None`` where one of them is not known."""
        wide, cursor = incident.progress.wide, self.ledger.cursor(TOTAL)
        if wide is None or cursor is None:
            return None
        column = np.array([self.ledger.grid.column[TOTAL]])
        before = self.ledger.grid.values(wide.since - _BEFORE * SLOT, _BEFORE, column)
        now = float(self.ledger.grid.values(cursor, 1, column)[0, 0])
        known = before[~np.isnan(before)]
        return None if np.isnan(now) or not len(known) else (now, float(np.median(known)))


def _draft(subject: str, action: str, channel: str, body: str, *, broadcast: bool = False) -> NewMessage:
    return NewMessage(uuid.uuid4().hex, subject, action, channel, body, broadcast)


def _of_note(
    note: Note, incident: Incident, context: Context, mention: Mapping[str, str], subject: str
) -> list[NewMessage]:
    return [
        _draft(subject, "reply", incident.channel, to_json(message), broadcast=broadcast)
        for message, broadcast in note_messages(note, incident, context, mention)
    ]


def _elsewhere(
    step: IncidentChange, subject: str, body: str, notes: Sequence[Sequence[NewMessage]]
) -> Iterator[NewMessage]:
    """The same in the channels it was escalated to; where it was told before, a reply calls again."""
    fresh = {to for note in step.notes for to in note.copies}
    for target in step.incident.progress.copies:
        own = f"{subject} {target}"
        if target in fresh:
            yield _draft(own, "post", target, body)
            continue
        yield _draft(own, "update", target, body)
        for note, drafts in zip(step.notes, notes, strict=True):
            if target in note.mentions:
                yield from (_draft(own, "reply", target, each.body, broadcast=each.broadcast) for each in drafts)
