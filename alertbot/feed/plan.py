"""Which calls read which series: a domain is one call, a sum one for every ten members, the account's total one."""

from __future__ import annotations

from collections.abc import Sequence

from alertbot.feed.api import ALL
from alertbot.rules.selection import TOTAL, Group

MOST_SUMMED = 10
"""How many domains the API sums in one call."""

Calls = tuple[tuple[str, ...], ...]
"""The calls whose answers, added up, are one series: the domains of each."""


def plan_calls(domains: Sequence[str], groups: Sequence[Group]) -> dict[str, Calls]:
    """The calls of every watched series, by its name: the domains, the groups' sums, the total."""
    plan: dict[str, Calls] = {domain: ((domain,),) for domain in domains}
    for group in groups:
        if group.is_summed:
            chunks = range(0, len(group.members), MOST_SUMMED)
            plan[group.series] = tuple(group.members[start : start + MOST_SUMMED] for start in chunks)
    return plan | {TOTAL: (ALL,)}
