"""What became of what each rule posted, and what would spare its noise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from alertbot.alerts.replay import History
from alertbot.config.watch import Watch
from alertbot.incidents.silences import StoredSilence
from alertbot.query.backtest import ALERTS_A_SECOND, CELLS_A_SECOND
from alertbot.query.edit_search import SuggestedEdit, suggest_edits
from alertbot.query.posted import PostedIncident, posted_between
from alertbot.query.scope import Scope
from alertbot.store import silences
from alertbot.store.fired_alerts import count_fired
from alertbot.store.history import StoredHistory
from alertbot.store.schema import reading
from alertbot.units import DAY, SLOT

_MOST_EDITED = 3
"""Rules of which an edit is looked for, the noisiest."""

_REPLAYS = 20
"""So often a rule is replayed at most while an edit is looked for ..."""

_SERIES = 100
"""... over so many series, but for rare cases."""

_WHOLE = 2
"""So often of these with all the rules whose alerts keep slots from serving as a reference."""


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
    """The last ``span`` seconds, rule by rule, the noisiest first; ``incidents``: how many all rules posted.

    ``edits``: what would have spared the noise in all of the stored history and lost nothing of worth; ``in_doubt``:
    larger ones, which are not suggested, since each loses what one person alone found useful.
    """

    span: int
    incidents: int
    noisy: int
    rules: tuple[RuleReview, ...]
    edits: tuple[SuggestedEdit, ...] = ()
    in_doubt: tuple[SuggestedEdit, ...] = ()


def review(scope: Scope, span: int) -> Review:
    """What was posted within the last ``span`` seconds."""
    since = scope.now - span
    with reading(scope.path) as db:
        found = posted_between(db, since, scope.now)
        silenced = _silenced(scope, silences.not_ended(db, since), since)
        posted = posted_between(db, 0.0, scope.now)
        edits = edits_of(scope.watch, posted, lambda series: StoredHistory(db, series))
    by_rule: dict[str, list[PostedIncident]] = {rule: [] for rule in scope.watch.rules}
    for each in found:
        for rule in each.rules:
            by_rule.setdefault(rule, []).append(each)
    rules = [_of_rule(rule, own, silenced.get(rule, 0.0)) for rule, own in by_rule.items()]
    ordered = sorted(rules, key=lambda each: (-each.noisy, -each.posts, each.rule))
    noisy = sum(each.noise for each in found)
    surely, in_doubt = (tuple(each for each in edits if bool(each.loses) is loses) for loses in (False, True))
    return Review(span, len(found), noisy, tuple(ordered), surely, in_doubt)


def seconds_needed(scope: Scope) -> float:
    """About how long it takes at worst to look for edits."""
    watch = scope.watch
    with reading(scope.path) as db:
        alerts = _WHOLE * count_fired(db)
    cells = _REPLAYS * 30 * DAY / SLOT * min(len(watch.series), _SERIES)
    return min(len(watch.rules), _MOST_EDITED) * (cells / CELLS_A_SECOND + alerts / ALERTS_A_SECOND)


def edits_of(
    watch: Watch, posted: Sequence[PostedIncident], history_of: Callable[[Sequence[str]], History]
) -> list[SuggestedEdit]:
    """Those of each of the noisiest rules, those in doubt included; ``history_of``: the history of some series."""
    noisy = Counter(rule for each in posted if each.noise for rule in each.rules if rule in watch.rules)
    edits: list[SuggestedEdit] = []
    for name, _ in noisy.most_common(_MOST_EDITED):
        edited = [each.rule for each in edits if not each.loses]
        edits += suggest_edits(watch, watch.rules[name], posted, history_of, edited)
    return edits


def _of_rule(rule: str, posted: Sequence[PostedIncident], silenced: float) -> RuleReview:
    ended = [each for each in posted if each.incident.closed is not None]
    acked = [each.acked_after for each in posted if each.acked_after is not None]
    votes = [vote.useful for each in posted for vote in each.incident.votes]
    return RuleReview(
        rule=rule,
        posts=len(posted),
        mentions=sum(each.mentions for each in posted if rule in each.loudest),
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
