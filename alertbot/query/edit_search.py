"""Finds the smallest edit of a rule that would have spared its noise and kept what was worth posting.

Of a larger one, which a few votes alone keep from being suggested, it says what that would lose: who voted may look
again.

Pure: rules, a history and incidents that people judged go in, an edit comes out. What it would have done is not
estimated: the engine that judges live replays the history, over the series of these incidents alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from alertbot.alerts.replay import History
from alertbot.config.watch import Watch
from alertbot.incidents.firings import Firing
from alertbot.incidents.incident import SEVERITY_RANK, worst_of_each
from alertbot.query.edit_replay import EditFirings, EditReplay, RememberedHistory
from alertbot.query.edits import Edit, Ladder, ladders, times
from alertbot.query.posted import PostedIncident
from alertbot.rules.base import Rule
from alertbot.units import DAY

LEAST_NOISE = 3
"""Noisy incidents without which no edit is looked for."""

_WORTH = 0.2
"""The share of them that an edit has to spare."""

_NEARLY = 0.8
"""Of several edits the smallest is taken that spares this share of what the best of them does."""

_LATER, _LATEST = 600, 1800
"""Seconds by which what is kept may be posted later, and by which a fifth of it may: where noise came first."""

_FEW = 6
"""Of so many incidents that are spared a larger edit may lose one."""

_LOOKED_AT = 20
"""Series of an incident that are looked at, the worst of them."""


@dataclass(frozen=True)
class SuggestedEdit:
    """An edit, and what it would have changed in ``days`` of history.

    Under it the rule would not have fired in ``spared`` of the ``noise``: incidents that were noise. All the ``kept``
    ones would have been posted, up to ``later`` seconds later. ``was`` and ``value`` of ``key`` are TOML; ``domains``
    are those that are excepted, or muted (none: all). ``loses``: by number what it would lose that one person alone
    found useful, the farthest off first; only where there is none it is as good as it stands.
    """

    edit: Edit = field(repr=False, metadata={"json": False})
    spared: int
    noise: int
    kept: int
    later: int
    days: int
    rule: str
    key: str
    was: str
    value: str
    domains: tuple[str, ...]
    loses: tuple[int, ...] = ()

    @property
    def loses_few(self) -> bool:
        """Whether it loses little beside what it spares."""
        return _FEW * len(self.loses) <= self.spared


@dataclass(frozen=True)
class _Case:
    """An incident that was noise, or is worth keeping, and what the rule as it stands fires in it.

    ``doubtful``: one person alone found it useful, and it was no farther off than what others call noise.
    """

    posted: PostedIncident
    firings: tuple[Firing, ...]
    doubtful: bool = False

    @property
    def noise(self) -> bool:
        """Whether nobody would miss it."""
        return self.posted.noise

    @property
    def off(self) -> float:
        """How many times as much, or as little, it was as it was held against, at its worst."""
        return max(times(each.last.worst, each.fired.fired_on or each.last.worst) for each in self.firings)

    def fires(self, fired: EditFirings) -> bool:
        """Whether the rule still fires in it."""
        return any(map(self._is_of, fired.own))

    def later(self, fired: EditFirings) -> int | None:
        """By how many seconds later it would be posted, by this rule or one as severe; ``None``: not at all."""
        least = SEVERITY_RANK[self.firings[0].severity]
        loud = (each for each in fired.others if SEVERITY_RANK[each.severity] >= least)
        slots = [each.fired.slot for each in (*fired.own, *loud) if self._is_of(each)]
        return max(min(slots) - min(each.fired.slot for each in self.firings), 0) if slots else None

    def is_kept(self, fired: EditFirings) -> bool:
        """Whether it would be posted, and not much later."""
        later = self.later(fired)
        return later is not None and later <= _LATEST

    def _is_of(self, firing: Firing) -> bool:
        return any(each.series == firing.series and each.overlaps(firing) for each in self.firings)


def suggest_edits(
    watch: Watch,
    rule: Rule,
    posted: Iterable[PostedIncident],
    history_of: Callable[[Sequence[str]], History],
    edited: Collection[str] = (),
) -> list[SuggestedEdit]:
    """The smallest edit of those that spare most and lose nothing, then one that spares half or more and loses little.

    None where there is none, or too little noise.

    ``history_of``: the history of some series. ``edited``: rules of which an edit is suggested already: that they post
    an incident too does not keep it. Nor does a rule that posts more noise than anything else.
    """
    posted = list(posted)
    own = [each for each in posted if rule.name in each.rules and (each.noise or each.worth_keeping)]
    if sum(each.noise for each in own) < LEAST_NOISE:
        return []
    series = sorted({name for each in own for name in _looked_at(each, rule)} & set(watch.selection[rule.name]))
    first = min(fired.alert.since for each in own for fired in each.incident.alerts) - DAY
    relied_on = {name for name in watch.rules if name not in edited and _is_relied_on(name, posted)} - {rule.name}
    trial = EditReplay(watch, rule, RememberedHistory(history_of(series)), first, relied_on)
    cases = [case for each in own if (case := _case(each, rule, trial.before.own)).firings]
    return _search(trial, cases)


def _is_relied_on(rule: str, posted: Iterable[PostedIncident]) -> bool:
    """Whether a rule posts more that is worth keeping than noise."""
    return sum(each.worth_keeping - each.noise for each in posted if rule in each.rules) > 0


def _looked_at(posted: PostedIncident, rule: Rule) -> list[str]:
    own = [fired for fired in posted.incident.alerts if fired.alert.rule == rule.name]
    return [fired.alert.series for fired in worst_of_each(own)[:_LOOKED_AT]]


def _case(posted: PostedIncident, rule: Rule, firings: Sequence[Firing]) -> _Case:
    """The incident with what the replay fires of its alerts; nothing where the rule has changed since."""
    series = set(_looked_at(posted, rule))
    spans = [
        (fired.alert.series, fired.alert.since, fired.alert.slot)
        for fired in posted.incident.alerts
        if fired.alert.rule == rule.name and fired.alert.series in series
    ]
    meant = (
        each
        for each in firings
        if any(each.series == name and each.since <= last and first <= each.until for name, first, last in spans)
    )
    return _Case(posted, tuple(meant))


def _search(trial: EditReplay, cases: Sequence[_Case]) -> list[SuggestedEdit]:
    noise = [case.firings for case in cases if case.noise]
    if len(noise) < LEAST_NOISE:
        return []
    usual = max(case.off for case in cases if case.noise)
    cases = [replace(case, doubtful=case.posted.doubtful and case.off <= usual) for case in cases]
    alone = [case for case in cases if not (case.noise or case.is_kept(EditFirings((), trial.before.others)))]
    kept = [each for case in alone for each in case.firings]
    climbed = [_climb(trial, ladder, cases) for ladder in ladders(trial.rule, noise, kept, trial.watch.zone)]
    worth = max(_WORTH * len(noise), 2)
    found = _smallest(
        trial, cases, [_nearly_best(each for each in tried if not each.loses) for tried in climbed], worth
    )
    most = max((each.spared for each in found), default=0)
    enough = max(len(noise) / 2, 2 * most)
    larger = [next((each for each in tried if each.loses and each.spared >= enough), None) for tried in climbed]
    return found + _smallest(trial, cases, larger, enough)


def _smallest(
    trial: EditReplay, cases: Sequence[_Case], tried: Iterable[SuggestedEdit | None], worth: float
) -> list[SuggestedEdit]:
    """The smallest of those that spare nearly what the best does, if it does so among the other rules as well."""
    found = [each for each in tried if each is not None and each.spared >= worth]
    most = max((each.spared for each in found if not each.loses), default=0)
    for each in sorted(found, key=lambda each: (each.spared < _NEARLY * most, each.edit.size)):
        verified = _outcome(trial, each.edit, cases, trial.under(each.edit))
        if verified is None or verified.spared < worth or (verified.loses and not each.loses):
            continue
        if verified.loses_few:
            return [verified]
    return []


def _climb(trial: EditReplay, ladder: Ladder, cases: Sequence[_Case]) -> list[SuggestedEdit]:
    """The edits of a ladder up to the first that loses something that is surely worth keeping."""
    tried: list[SuggestedEdit] = []
    for edit in ladder:
        outcome = _outcome(trial, edit, cases, trial.alone(edit))
        if outcome is None:
            break
        tried.append(outcome)
    return tried


def _nearly_best(tried: Iterable[SuggestedEdit]) -> SuggestedEdit | None:
    """The smallest edit of a ladder that spares nearly what the best of them does."""
    tried = list(tried)
    most = max((each.spared for each in tried), default=0)
    return next((each for each in tried if each.spared >= max(_NEARLY * most, 1)), None)


def _outcome(trial: EditReplay, edit: Edit, cases: Sequence[_Case], fired: EditFirings) -> SuggestedEdit | None:
    """What an edit would have changed; ``None`` where it loses what is surely worth keeping, or posts it much later."""
    kept = [case for case in cases if not case.noise]
    lost = [case for case in kept if not case.is_kept(fired)]
    delays = [case.later(fired) or 0 for case in kept if case not in lost]
    if not all(case.doubtful for case in lost) or 5 * sum(each > _LATER for each in delays) > len(kept):
        return None
    before = trial.before.own
    fresh = sum(not any(each.series == old.series and each.overlaps(old) for old in before) for each in fired.own)
    noise = [case for case in cases if case.noise]
    return SuggestedEdit(
        edit,
        sum(not case.fires(fired) for case in noise) - fresh,
        len(noise),
        len(kept) - len(lost),
        max(delays, default=0),
        trial.days,
        rule=edit.rule.name,
        key=edit.key,
        was=edit.was,
        value=edit.value,
        domains=tuple(sorted(edit.series or ())),
        loses=tuple(case.posted.incident.number for case in sorted(lost, key=lambda case: -case.off)),
    )
