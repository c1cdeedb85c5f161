"""Which channel an alert belongs to, and which of those it escalates to are channels."""

from __future__ import annotations

from collections.abc import Sequence

from alertbot.rules.base import Rule
from alertbot.rules.selection import Group


def channel_for(rule: Rule, series: str, groups: Sequence[Group], default: str) -> str:
    """The rule's own channel, else that of the first group that holds the series, else the default one."""
    if rule.channel is not None:
        return rule.channel
    for group in groups:
        if group.channel is not None and (series in group.members or series == group.series):
            return group.channel
    return default


def is_channel(target: str) -> bool:
    """Whether ``escalate_to`` names a channel here, ``#ops`` or its id, rather than a mention."""
    return target.startswith(("#", "C", "G", "D"))
