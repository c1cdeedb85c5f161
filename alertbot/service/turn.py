"""One turn of the dispatcher: decides on what is stored, and words what comes of it, within one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from alertbot.alerts.learned_silence import LearnedSilence
from alertbot.alerts.ledger import Ledger
from alertbot.alerts.lifecycle import Phase
from alertbot.config import SlackSettings
from alertbot.config.watch import Watch
from alertbot.incidents.account_incident import RECENTLY
from alertbot.incidents.coverage import domains_covered, is_wide
from alertbot.incidents.decision import Decision, IncidentChange, decide
from alertbot.incidents.grouping import Placing
from alertbot.incidents.incident import SEVERITY_RANK, FiredAlert, Incident
from alertbot.incidents.moved import Traffic
from alertbot.incidents.notes import Note, NoteKind
from alertbot.incidents.routing import channel_for
from alertbot.incidents.silences import StoredSilence
from alertbot.incidents.state import State
from alertbot.incidents.storm import Storms, fell_with
from alertbot.incidents.suppression import Suppression, Suppressors
from alertbot.messages.incident_parts import Context
from alertbot.messages.learned_silence import learned_silence
from alertbot.messages.silences import silence_declared, silence_ends
from alertbot.messages.slack import (
    calling,
    incident_message,
    mentions_pause,
    note_messages,
    to_json,
    without_mentions,
)
from alertbot.rules.base import Direction
from alertbot.service.levels import Levels
from alertbot.store.learned_silences import subject_of
from alertbot.store.mentions import SUBJECT
from alertbot.store.outbox import NewMessage
from alertbot.store.turns import Pending, declaration_of
from alertbot.units import SLOT


@dataclass
class Turn:
    """Decides, then words what was decided, by the watch and the ledger at ``now`` (epoch seconds).

    ``begun``: the frontier at which each series, and each rule, was first at work. ``settled``: whether all series of a
    slot were judged; ``may_wait``: whether alerts may still wait for that. ``meant_since``: the last slot judged by
    what a rule meant before an upgrade. ``changed``: notes for incidents about what people did just now.
    """

    watch: Watch
    ledger: Ledger
    slack: SlackSettings
    begun: tuple[Mapping[str, int], Mapping[str, int]]
    meant_since: Mapping[str, int]
    now: float
    frontier: int | None
    settled: bool
    may_wait: bool
    changed: Mapping[int, tuple[Note, ...]]
    _pending: Pending = field(default=Pending((), (), Suppressors()))
    _decision: Decision = field(default=Decision((), (), (), ()))
    _storms: Storms = field(default_factory=Storms)

    @property
    def levels(self) -> Levels:
        """What was carried when."""
        return Levels(self.ledger, self.watch.domains)

    @property
    def waits(self) -> bool:
        """Whether alerts of what was decided wait until it is known how many domains fell."""
        return any(map(self._storms.waits, self._pending.unposted))

    def decide(self, pending: Pending) -> Decision:
        """Decide what is to be written and posted."""
        self._storms = self._storms_of(pending)
        state = State(
            incidents=pending.incidents,
            unposted=pending.unposted,
            suppression=self._suppression(pending),
            placing=Placing(
                self._channel,
                self._first_judged,
                self.watch.groups,
                self.now,
                pending.passed,
                frozenset(pending.suppressors.flapping),
                self._was_in_breach_before_the_upgrade,
            ),
            settled=self.settled,
            channel=self.slack.channel,
            carried=self.levels.carried(self.frontier),
            changed=self.changed,
            storms=self._storms,
            traffic=self._traffic(pending),
        )
        self._pending, self._decision = pending, decide(state)
        return self._decision

    def compose(self, change: IncidentChange) -> Iterator[NewMessage]:
        """The message or its edit, and the notes for its thread."""
        incident, context = change.incident, self._context(change.incident)
        subject = f"incident:{incident.number}"
        body = to_json(incident_message(incident, context, self.slack.mention, charts=self.slack.charts))
        replies = [_replies(note, incident, context, self.slack.mention, subject) for note in change.notes]
        if change.opened:
            yield _draft(subject, "post", incident.channel, body)
        for note, drafts in zip(change.notes, replies, strict=True):
            if note.kind is not NoteKind.LISTED:
                yield from drafts
        if not change.opened and (change.joined or change.notes or change.closed or change.edited):
            yield _draft(subject, "update", incident.channel, body, broadcast=change.ends_account_wide)
        for note, drafts in zip(change.notes, replies, strict=True):
            # After the edit: where a post that was held up takes it in, what is older than it is not sent any more.
            if note.kind is NoteKind.LISTED:
                yield from drafts
        yield from _copies(change, subject, body, replies)

    def announce(self, silence: StoredSilence) -> Iterator[NewMessage]:
        """The message that a silence is about to end."""
        message = silence_ends(silence, self._context(None), self.slack.command)
        yield _draft(f"silence:{silence.number}", "post", silence.channel, to_json(message))

    def announce_learned(self, silences: Sequence[LearnedSilence], suppressors: Suppressors) -> Iterator[NewMessage]:
        """The message that a series is silent as usual now, as loud as the loudest rule that would be posted."""
        suppression = self.watch.suppression(self.now, self.frontier, suppressors)
        posted = [each for each in silences if not suppression.covers(each.rule, each.series, each.since)]
        if posted:
            silence = max(posted, key=lambda each: SEVERITY_RANK[self.watch.rules[each.rule].severity.value])
            rule = self.watch.rules[silence.rule]
            channel = channel_for(rule, silence.series, self.watch.groups, self.slack.channel)
            slack = self.slack
            message = learned_silence(silence, rule, slack.zone, slack.mention, slack.command)
            yield _draft(subject_of(silence.series, silences[0].since), "post", channel, to_json(message))

    def uncalled(self, draft: NewMessage, calls: Iterable[str]) -> NewMessage:
        """The message without these mentions."""
        return replace(draft, body=without_mentions(draft.body, calls), calls=())

    def pause(self, channel: str, call: str, until: float) -> NewMessage:
        """The message that mentions pause."""
        message = mentions_pause(call, self._context(None).clock(until), self.slack.command)
        return _draft(SUBJECT, "post", channel, to_json(message))

    def declare(self, silence: StoredSilence, *, declared: bool) -> Iterator[NewMessage]:
        """The message that says what a wide silence covers, or its edit where it was ``declared`` before."""
        watch = self.watch
        covered = domains_covered(silence.target, silence.pairs, watch.domains, watch.groups, watch.selection)
        if declared or is_wide(silence.target, covered, len(watch.domains)):
            message = silence_declared(silence, len(covered), self._context(None))
            action = "update" if declared else "post"
            yield _draft(declaration_of(silence.number), action, self.slack.channel, to_json(message))

    def _channel(self, fired: FiredAlert) -> str:
        """Where an alert is posted."""
        rule = self.watch.rules.get(fired.alert.rule)
        default = self.slack.channel
        return default if rule is None else channel_for(rule, fired.alert.series, self.watch.groups, default)

    def _first_judged(self, fired: FiredAlert) -> int:
        """The frontier when this rule first judged this series."""
        series, rules = self.begun
        return max(series.get(fired.alert.series, 0), rules.get(fired.alert.rule, 0))

    def _was_in_breach_before_the_upgrade(self, fired: FiredAlert) -> bool:
        """Whether the slot before an alert began was judged by an older version, and is in breach by this one."""
        alert = fired.alert
        if alert.since - SLOT > self.meant_since.get(alert.rule, -1):
            return False
        (seen,) = self.watch.engine.seen(self.ledger.grid, (alert.rule, alert.series), alert.since - SLOT, 1)
        return seen.breach

    def _suppression(self, pending: Pending) -> Suppression:
        return self.watch.suppression(self.now, self.frontier, pending.suppressors)

    def _storms_of(self, pending: Pending) -> Storms:
        """What the account's total lost when domains fell that are to be posted, or when the account did."""
        opened = [one for one in pending.incidents if one.closed is None]
        hosts = {one.progress.wide.since for one in opened if one.progress.wide is not None}
        unposted = [fired for fired in pending.unposted if _falls_lately(fired, self.frontier)]
        falls = [*unposted, *(fired for one in opened for fired in one.firing if _falls_lately(fired, self.frontier))]
        losses = {
            since: loss
            for since in {*hosts, *(each.alert.since for each in unposted)}
            if (loss := self.levels.loss(since, fell_with(since, falls))) is not None
        }
        return Storms(losses, self.settled and not self.ledger.doubted, self.may_wait)

    def _traffic(self, pending: Pending) -> Callable[[int], Traffic | None]:
        """What was carried around a slot: once all of a slot is judged, or before a rise is posted by itself."""
        rises = any(fired.alert.direction is Direction.RISE for fired in pending.unposted)
        if not (self.settled or rises):
            return lambda _: None
        return cache(lambda since: self.levels.traffic(since, self.frontier, self.watch.groups))

    def _context(self, incident: Incident | None) -> Context:
        suppressors, decision = self._pending.suppressors, self._decision
        trials = {rule.name for rule in self.watch.rules.values() if rule.trial}  # nobody is told of what they find
        alerts_firing = (alert for alert in self.ledger.alerts.values() if alert.phase is Phase.FIRING)
        firing = {alert.series for alert in alerts_firing if alert.rule not in trials}
        suppression = self._suppression(self._pending)
        alerts, lasting = ((), ()) if incident is None else (incident.alerts, incident.firing)
        at_zero = frozenset() if incident is None else self.levels.at_zero(incident, self.frontier)
        return Context(
            now=self.now,
            data_to=None if self.frontier is None else self.frontier + SLOT,
            domains=len(self.watch.domains),
            firing=frozenset(firing.intersection(self.watch.domains)),
            rules=self.watch.rules,
            zone=self.slack.zone,
            silences={silence.number: silence for silence in suppressors.silences},
            flapping=(frozenset(suppressors.flapping) | set(decision.flaps)) - set(decision.steadied),
            suppressed=frozenset(each.number for each in lasting if suppression.suppressed(each)),
            shortfall=dict(self.levels.shortfall(alerts, self.watch.rules)),
            total=None if incident is None else self.levels.total(incident),
            at_zero=at_zero,
            floor=self.levels.floor(alerts, at_zero - firing, self.watch.rules),
            lost=None if incident is None else self.levels.lost(incident),
        )


def _falls_lately(fired: FiredAlert, frontier: int | None) -> bool:
    """Whether it is a fall under way that began so recently that the total may have fallen with it."""
    falls = fired.resolved is None and fired.alert.direction is Direction.FALL
    return falls and fired.alert.since >= (frontier or 0) - RECENTLY


def _draft(subject: str, action: str, channel: str, body: str, *, broadcast: bool = False) -> NewMessage:
    return NewMessage(uuid.uuid4().hex, subject, action, channel, body, broadcast, calling(body))


def _replies(
    note: Note, incident: Incident, context: Context, mention: Mapping[str, str], subject: str
) -> list[NewMessage]:
    return [
        _draft(subject, "reply", incident.channel, to_json(message), broadcast=broadcast)
        for message, broadcast in note_messages(note, incident, context, mention)
    ]


def _copies(
    change: IncidentChange, subject: str, body: str, replies: Sequence[Sequence[NewMessage]]
) -> Iterator[NewMessage]:
    """The same in the channels the incident was escalated to; where it was posted before, a reply calls again."""
    fresh = {to for note in change.notes for to in note.copies}
    for target in change.incident.progress.copies:
        own = f"{subject} {target}"
        if target in fresh:
            yield _draft(own, "post", target, body)
            continue
        yield _draft(own, "update", target, body, broadcast=change.ends_account_wide)
        for note, drafts in zip(change.notes, replies, strict=True):
            if target in note.mentions:
                yield from (_draft(own, "reply", target, each.body, broadcast=each.broadcast) for each in drafts)
