"""Silences: for a time, by somebody's word, some alerts are not posted; they are judged all the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from alertbot.rules.selection import Group, is_domain

RULE_MARK, INCIDENT_MARK, GROUP_MARK, EVERYTHING = "rule:", "#", "@", "*"

LONG = 4 * 3600
"""Seconds from which on a silence is so long that its end is announced ..."""

AHEAD = 3600
"""... so many seconds before."""


@dataclass(frozen=True)
class StoredSilence:
    """A silence as it is kept. Times in epoch seconds; ``ends`` is when it was cancelled, where it was.

    ``pairs``: the rule and series of each alert meant, where the target was an incident.
    """

    number: int
    target: str
    begins: float
    ends: float
    author: str
    reason: str
    channel: str
    pairs: frozenset[tuple[str, str]] | None = None
    cancelled_by: str | None = None
    reminded: bool = False

    def in_force(self, now: float) -> bool:
        """Whether it is in force just now."""
        return self.begins <= now < self.ends

    def matches(self, rule: str, series: str, groups: Sequence[Group]) -> bool:
        """Whether it means the alerts of this rule on this series."""
        if self.pairs is not None:
            return (rule, series) in self.pairs
        if self.target.startswith(RULE_MARK):
            return rule == self.target.removeprefix(RULE_MARK)
        return means(self.target, series, groups)

    def due_to_announce(self, now: float) -> bool:
        """Whether it is a long one that ends soon, which was not said yet."""
        long, soon = self.ends - self.begins >= LONG, self.ends - AHEAD <= now < self.ends
        return long and soon and not self.reminded and self.cancelled_by is None


def means(target: str, series: str, groups: Sequence[Group]) -> bool:
    """Whether a glob over series or ``@group`` means this series; ``*`` means sums and the total too."""
    if target == EVERYTHING:
        return True
    if target.startswith(GROUP_MARK):
        name = target.removeprefix(GROUP_MARK)
        return any(group.name == name and (series == group.series or series in group.members) for group in groups)
    return fnmatchcase(series, target.lower()) if is_domain(series) else series == target


def in_force(
    silences: Iterable[StoredSilence], rule: str, series: str, groups: Sequence[Group], now: float
) -> StoredSilence | None:
    """The silence over the alerts of a rule on a series now; of several, the one that ends last."""
    found = [each for each in silences if each.in_force(now) and each.matches(rule, series, groups)]
    return max(found, key=lambda each: each.ends, default=None)
