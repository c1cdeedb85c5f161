"""Which series a rule judges: globs over the watched domains, ``@group``, ``sum:group`` and ``total``."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TOTAL = "total"
"""The account's own series: what the API answers for ``domains=all``."""

SUM_PREFIX = "sum:"


def is_domain(series: str) -> bool:
    """Whether a series is one domain's, neither the total nor a group's sum."""
    return series != TOTAL and not series.startswith(SUM_PREFIX)


@dataclass(frozen=True)
class Group:
    """Some of the watched domains under one name, with their sum as a series of its own where ``sum`` is set."""

    name: str
    members: tuple[str, ...]
    sum: bool = False
    channel: str | None = None

    @property
    def series(self) -> str:
        """The name of the group's summed series."""
        return SUM_PREFIX + self.name

    @property
    def is_summed(self) -> bool:
        """Whether its sum is a watched series."""
        return self.sum and bool(self.members)


def select(
    patterns: Iterable[str], excluded: Iterable[str], watched: Sequence[str], groups: Sequence[Group]
) -> tuple[str, ...]:
    """The series meant by ``patterns`` and not by ``excluded``: domains in watch order, then sums, then the total."""
    meant = _matching(patterns, watched, groups) - _matching(excluded, watched, groups)
    everything = (*watched, *(group.series for group in groups), TOTAL)
    return tuple(series for series in dict.fromkeys(everything) if series in meant)


def unmatched(patterns: Iterable[str], watched: Sequence[str], groups: Sequence[Group]) -> tuple[str, ...]:
    """The patterns that mean no series at all, each a likely mistake."""
    return tuple(pattern for pattern in patterns if not _matching((pattern,), watched, groups))


def domains_matching(patterns: Iterable[str], watched: Sequence[str]) -> frozenset[str]:
    """The watched domains that at least one glob matches; ``*`` never reaches beyond them."""
    globs = [pattern.lower() for pattern in patterns]
    plain = {glob for glob in globs if not set(glob) & set("*?[")}
    exact = plain.intersection(watched)
    wild = [fnmatch.translate(glob) for glob in globs if glob not in plain]
    if not wild:
        return frozenset(exact)
    matcher = re.compile("|".join(wild))
    return frozenset(exact | {domain for domain in watched if matcher.match(domain)})


def names_matching(patterns: Iterable[str], names: Iterable[str]) -> frozenset[str]:
    """The names, of rules say, that at least one glob matches or is."""
    globs = tuple(patterns)
    return frozenset(name for name in names if any(name == glob or fnmatch.fnmatchcase(name, glob) for glob in globs))


def _matching(patterns: Iterable[str], watched: Sequence[str], groups: Sequence[Group]) -> frozenset[str]:
    patterns = tuple(patterns)
    named = {TOTAL} & set(patterns)
    for group in groups:
        if f"@{group.name}" in patterns:
            named.update(group.members)
        if group.sum and group.series in patterns:
            named.add(group.series)
    globs = [pattern for pattern in patterns if is_domain(pattern) and not pattern.startswith("@")]
    return frozenset(named) | domains_matching(globs, watched)
