"""What only the whole file shows: patterns that match nothing, groups that do not exist, names given twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from alertbot.config.domains import GROUP_MARK, domain_name, is_glob
from alertbot.config.draft import Draft, Located
from alertbot.config.kinds import KindSettings, RuleSettings
from alertbot.config.lines import KeyPath
from alertbot.config.problems import ProblemReport
from alertbot.config.settings import EVERYTHING, MuteSettings, StoreSettings, WatchSettings, instant
from alertbot.config.words import did_you_mean, quoted
from alertbot.rules.selection import SUM_PREFIX, TOTAL, domains_matching, names_matching, select
from alertbot.units import DAY, SLOT, format_duration

_MOST_HINTS = 20
_MOST_TO_COMPARE = 1000


def check(draft: Draft, report: ProblemReport) -> tuple[str, ...]:
    """Report what does not fit together, and return the domains listed under ``[watch]``, or ``EVERYTHING``."""
    listed = _listed(draft.watch, report)
    watched = _watched(draft.watch, listed, report)
    _unique([(group.path, group.section.name) for group in draft.groups], report)
    _unique([(rule.path, rule.section.name) for rule in draft.rules], report)
    patterns = _Patterns(watched, report, draft, _left_out(listed, watched))
    for group in draft.groups:
        patterns.globs((*group.path, "domains"), group.section.domains)
    for rule in draft.rules:
        patterns.rule(rule)
        _history(rule, draft.store, report)
    for mute in draft.mutes:
        patterns.each((*mute.path, "domains"), mute.section.domains)
        _mute(mute, draft, report)
    return listed


def _listed(watch: WatchSettings, report: ProblemReport) -> tuple[str, ...]:
    """The domains in the API's spelling and in their order; one that is wrong stays, so that rules may mean it."""
    if watch.domains == EVERYTHING:
        return EVERYTHING
    lines: dict[str, int] = {}
    for index, text in enumerate(watch.domains):
        path: KeyPath = ("watch", "domains", index)
        try:
            name = domain_name(text)
        except ValueError as error:
            report.add(path, str(error))
            name = text.lower()
        if name in lines:
            report.add(path, f"{quoted(text)} is listed twice, first in line {lines[name]}: keep one of the two")
        lines.setdefault(name, report.line(path))
    return tuple(lines)


def _watched(watch: WatchSettings, listed: tuple[str, ...], report: ProblemReport) -> tuple[str, ...] | None:
    """The listed domains that ``except`` leaves; None where only the API can tell, or nothing is listed right."""
    known = None if listed in ((), EVERYTHING) else listed
    _Patterns(known, report).globs(("watch", "except"), watch.except_)
    left_out = domains_matching(watch.except_, listed)
    watched = tuple(domain for domain in listed if domain not in left_out)
    if known and not watched:
        report.add(("watch", "except"), "leaves nothing to watch: list fewer here")
    return watched if known and watched else None


def _left_out(listed: tuple[str, ...], watched: tuple[str, ...] | None) -> frozenset[str]:
    """The listed domains that ``[watch] except`` leaves out."""
    return frozenset(listed).difference(watched or listed)


def _unique(names: Iterable[tuple[KeyPath, str]], report: ProblemReport) -> None:
    first: dict[str, int] = {}
    for path, name in names:
        if name in first:
            report.add(
                (*path, "name"),
                f"{quoted(name)} is taken: another of this name stands in line {first[name]}; rename one",
            )
        elif name:  # a name that is wrong has been reported, and reads as empty
            first[name] = report.line(path)


def _history(rule: Located[RuleSettings], store: StoreSettings, report: ProblemReport) -> None:
    """A rule that looks back farther than the store keeps would never judge anything."""
    settings = rule.section
    back = settings.judged_by().depth * SLOT if isinstance(settings, KindSettings) else 0
    if back > store.keep and not report.has(("store", "keep")):
        looks, keeps = format_duration(back), format_duration(store.keep)
        report.add(rule.path, f'looks back {looks}, but [store] keep is {keeps}: keep "{-(-back // DAY)}d" or more')


def _mute(mute: Located[MuteSettings], draft: Draft, report: ProblemReport) -> None:
    """A mute ends after it begins, and the rules it names exist."""
    settings, zone = mute.section, mute.section.zone or draft.slack.zone
    start, end = settings.start, settings.end
    if start and end and instant(end, zone, ends=True) <= instant(start, zone):
        report.add((*mute.path, "end"), f'not after "start" ({start.isoformat()}): write a later date and time')
    names = [rule.section.name for rule in draft.rules]
    if not all(names) or "rule" in draft.lost:
        return  # a name that is wrong has been reported, and may be the one that is meant
    for index, text in enumerate(settings.rules):
        if names and not names_matching((text,), names):
            report.add_once((*mute.path, "rules", index), f"{quoted(text)} matches no rule{_meant_rule(text, names)}")


def _meant_rule(text: str, names: Sequence[str]) -> str:
    return did_you_mean(text, names) or ': write a name of one, or a glob such as "video-*"'


class _Patterns:
    """Reports patterns that stand for nothing; ``known``: the watched domains, None where only the API can tell.

    What was reported as wrong with a group is no second mistake where that is named. ``left_out``: listed domains that
    are not watched.
    """

    def __init__(
        self,
        known: Sequence[str] | None,
        report: ProblemReport,
        draft: Draft | None = None,
        left_out: frozenset[str] = frozenset(),
    ) -> None:
        self._known = known
        self._left_out = tuple(left_out)
        self._exact = frozenset(known or ())
        located = () if draft is None else draft.groups
        groups = [group.section.resolve(known or ()) for group in located]
        self._groups = {group.name: group for group in groups}
        self._lost_group = draft is not None and ("group" in draft.lost or "" in self._groups)
        self._unsure_sums = {group.section.name for group in located if "sum" in group.wrong}
        self._report = report
        self._hints: dict[str, str] = {}

    def rule(self, rule: Located[RuleSettings]) -> None:
        """Report patterns of a rule that mean no series, and a rule whose ``except`` leaves none."""
        settings = rule.section
        sound = self.each((*rule.path, "domains"), settings.domains)
        sound &= self.each((*rule.path, "except"), settings.except_)
        if self._known is None or not settings.except_ or not sound:
            return
        if not select(settings.domains, settings.except_, self._known, tuple(self._groups.values())):
            self._report.add(
                (*rule.path, "except"), 'leaves this rule no domain: list fewer here, or more under "domains"'
            )

    def each(self, path: KeyPath, texts: Sequence[str]) -> bool:
        """Report patterns that mean no series, and return whether there are none of these."""
        sound = [self._series((*path, index), text) for index, text in enumerate(texts)]
        return all(sound)

    def globs(self, path: KeyPath, patterns: Sequence[str]) -> None:
        """Report patterns that are no domain or glob, or match nothing that is watched."""
        for index, text in enumerate(patterns):
            if text == TOTAL or text.startswith((GROUP_MARK, SUM_PREFIX)):
                self._report.add(
                    (*path, index), f'{quoted(text)} cannot stand here: list domains, such as "*.example.com"'
                )
            else:
                self._domains((*path, index), text)

    def _series(self, path: KeyPath, text: str) -> bool:
        if text == TOTAL:
            return True
        if text.startswith(SUM_PREFIX):
            return self._sum(path, text.removeprefix(SUM_PREFIX))
        if text.startswith(GROUP_MARK):
            return self._group(path, text.removeprefix(GROUP_MARK))
        return self._domains(path, text)

    def _group(self, path: KeyPath, name: str) -> bool:
        if name in self._groups:
            return True
        if not self._lost_group:
            meant = did_you_mean(name, self._groups) or f": write a [[group]] with name = {quoted(name)}"
            self._report.add_once(path, f"there is no group {quoted(name)}{meant}")
        return False

    def _sum(self, path: KeyPath, name: str) -> bool:
        if not self._group(path, name):
            return False
        if not self._groups[name].sum and name not in self._unsure_sums:
            self._report.add_once(path, f"the group {quoted(name)} has no sum: write sum = true in its [[group]]")
        return self._groups[name].sum

    def _domains(self, path: KeyPath, text: str) -> bool:
        if self._known is None or text in self._exact or (is_glob(text) and domains_matching((text,), self._known)):
            return True
        if domains_matching((text,), self._left_out):
            self._report.add(path, f"{quoted(text)} is left out by [watch] except: take it out there or here")
        else:
            self._report.add_once(path, f"{quoted(text)} matches no watched domain{self._hint(text)}")
        return False

    def _hint(self, text: str) -> str:
        """What was meant, for the first few: a comparison with every domain takes long."""
        if text not in self._hints and len(self._hints) < _MOST_HINTS and len(self._exact) <= _MOST_TO_COMPARE:
            self._hints[text] = did_you_mean(text, (*(self._known or ()), TOTAL))
        return self._hints.get(text) or ": correct it, or list what it means under [watch]"
