"""How much a silence covers, and which silences are over the same alerts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from alertbot.alerts.lifecycle import AlertKey
from alertbot.incidents.silences import EVERYTHING, RULE_MARK, StoredSilence, means
from alertbot.rules.selection import Group, is_domain

MANY = 20
"""Domains of which a silence may cover so many without being asked about ..."""

FEW = 2
"""... and in a small account so many, though that may be half of them."""


def domains_covered(
    target: str,
    pairs: Iterable[AlertKey] | None,
    domains: Sequence[str],
    groups: Sequence[Group],
    selection: Mapping[str, Sequence[str]],
) -> frozenset[str]:
    """The watched domains whose alerts a silence covers; ``pairs``: the alerts meant, where it is of an incident.

    ``selection``: the series each rule judges.
    """
    if pairs is not None:
        return frozenset(series for _, series in pairs if is_domain(series))
    if target.startswith(RULE_MARK):
        return frozenset(filter(is_domain, selection.get(target.removeprefix(RULE_MARK), ())))
    return frozenset(domain for domain in domains if means(target, domain, groups))


def is_wide(target: str, covered: Collection[str], watched: int) -> bool:
    """Whether a silence covers so much that it is asked about first, and said in the channel."""
    return target == EVERYTHING or len(covered) > MANY or (len(covered) > FEW and 2 * len(covered) >= watched)


def keys_of(
    silence: StoredSilence, groups: Sequence[Group], selection: Mapping[str, Sequence[str]]
) -> frozenset[AlertKey]:
    """Rule and series of all that a silence covers."""
    if silence.pairs is not None:
        return silence.pairs
    return frozenset(
        (rule, series)
        for rule, judged in selection.items()
        for series in judged
        if silence.matches(rule, series, groups)
    )
