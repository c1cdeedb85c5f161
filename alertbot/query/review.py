"""What became of what each rule posted: who was woken, what they made of it, and what was noise.

Votes decide. Without any an incident was noise where it was over by itself within ten minutes and nobody acknowledged
it. What somebody acknowledged, or as many found useful as noise, is worth keeping.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from sqlite_utils import Database

from alertbot.alerts.lifecycle import Reason
from alertbot.incidents.incident import FiredAlert, Incident, IncidentKind, cleared_at
from alertbot.incidents.silences import StoredSilence
from alertbot.query.scope import Scope
from alertbot.store import changes, incidents, mentions, silences
from alertbot.store.schema import reading

SOON = 600
"""Seconds after it fired within which an alert that is over by itself was hardly worth a message."""


@dataclass(frozen=True)
class RuleReview:
    """What a rule posted within a span, and what became of it.

    ``posts``: incidents with an alert of it; ``acknowledged`` of them, after ``ack_seconds`` (the median; ``None``
    where nobody did). ``over_soon``: those that were over by themselves within ten minutes, of the ``ended`` ones.
    ``silenced``: for how many seconds a silence covered any of its alerts. ``useful`` and ``noise``: votes; ``noisy``:
    incidents that were noise.
    """

    rule: str
    posts: int
    mentions: int
    acknowledged: int
    ack_seconds: float | None
    over_soon: int
    ended: int
    silenced: float
    useful: int
    noise: int
    noisy: int


@dataclass(frozen=True)
class Review:
    """The last ``span`` seconds, rule by rule, the noisiest first; ``incidents``: how many all rules posted."""

    span: int
    incidents: int
    noisy: int
    rules: tuple[RuleReview, ...]


@dataclass(frozen=True)
class PostedIncident:
    """An incident of alerts as it is judged afterwards; ``acked_after``: seconds until somebody acknowledged it."""

    incident: Incident
    mentions: int = field(default=0, compare=False)
    acked_after: float | None = None

    @property
    def rules(self) -> frozenset[str]:
        """The rules of its alerts."""
        return frozenset(each.alert.rule for each in self.incident.alerts)

    @property
    def acknowledged(self) -> bool:
        """Whether anybody ever did."""
        return self.acked_after is not None or any(each.alert.acknowledged for each in self.incident.alerts)

    @property
    def over_soon(self) -> bool:
        """Whether all of it was over by itself within ten minutes."""
        return self.incident.closed is not None and all(map(_over_soon, self.incident.alerts))

    @property
    def worth_keeping(self) -> bool:
        """Whether an edit of a rule must not lose it."""
        return self.acknowledged or (bool(self.incident.votes) and self._useful >= 0)

    @property
    def noise(self) -> bool:
        """Whether nobody would miss it."""
        if self.worth_keeping or self.incident.kind is not IncidentKind.ALERT:
            return False
        return self._useful < 0 if self.incident.votes else self.over_soon

    @property
    def _useful(self) -> int:
        """By how many votes more it was useful than noise."""
        return sum(1 if vote.useful else -1 for vote in self.incident.votes)


def _over_soon(fired: FiredAlert) -> bool:
    begun = fired.alert.slot if fired.alert.fired is None else fired.alert.fired
    return fired.reason == Reason.CLEARED and cleared_at(fired) - begun <= SOON


def review(scope: Scope, span: int) -> Review:
    """What was posted within the last ``span`` seconds."""
    since = scope.now - span
    with reading(scope.path) as db:
        found = posted_between(db, since, scope.now)
        silenced = _silenced(scope, silences.not_ended(db, since), since)
    by_rule: dict[str, list[PostedIncident]] = {rule: [] for rule in scope.watch.rules}
    for each in found:
        for rule in each.rules:
            by_rule.setdefault(rule, []).append(each)
    rules = [_of_rule(rule, own, silenced.get(rule, 0.0)) for rule, own in by_rule.items()]
    ordered = sorted(rules, key=lambda each: (-each.noisy, -each.posts, each.rule))
    return Review(span, len(found), sum(each.noise for each in found), tuple(ordered))


def posted_between(db: Database, first: float, last: float) -> list[PostedIncident]:
    """The incidents of alerts that were opened from ``first`` to ``last``, epoch seconds, the oldest first."""
    opened = [one for one in incidents.opened_between(db, first, last + 1) if one.alerts]
    called = mentions.of_incidents(db, [one.number for one in opened])
    acked = changes.first_acknowledged(db, first)
    return [
        PostedIncident(
            one, called.get(one.number, 0), max(at - one.opened, 0.0) if (at := acked.get(one.number)) else None
        )
        for one in opened
    ]


def _of_rule(rule: str, posted: Sequence[PostedIncident], silenced: float) -> RuleReview:
    ended = [each for each in posted if each.incident.closed is not None]
    acked = [each.acked_after for each in posted if each.acked_after is not None]
    votes = [vote.useful for each in posted for vote in each.incident.votes]
    return RuleReview(
        rule=rule,
        posts=len(posted),
        mentions=sum(each.mentions for each in posted),
        acknowledged=len(acked),
        ack_seconds=median(acked) if acked else None,
        over_soon=sum(each.over_soon for each in ended),
        ended=len(ended),
        silenced=silenced,
        useful=sum(votes),
        noise=len(votes) - sum(votes),
        noisy=sum(each.noise for each in posted),
    )


def _silenced(scope: Scope, found: Iterable[StoredSilence], since: float) -> Mapping[str, float]:
    """For how many seconds since then each rule had a silence over any of its series."""
    watch = scope.watch
    covered: dict[str, list[tuple[float, float]]] = {}
    for silence in found:
        for rule, selected in watch.selection.items():
            if any(silence.matches(rule, series, watch.groups) for series in selected):
                covered.setdefault(rule, []).append((max(silence.begins, since), min(silence.ends, scope.now)))
    return {rule: _together(spans) for rule, spans in covered.items()}


def _together(spans: Iterable[tuple[float, float]]) -> float:
    """How long these last, what several cover counted once."""
    seconds, to = 0.0, 0.0
    for begins, ends in sorted(spans):
        seconds += max(ends - max(begins, to), 0.0)
        to = max(to, ends)
    return seconds
