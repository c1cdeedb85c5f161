"""Finding what a person meant: an abbreviated domain, a mistyped word."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alertbot.config.domains import normalised
from alertbot.errors import UsageError
from alertbot.incidents.silences import GROUP_MARK
from alertbot.rules.selection import TOTAL, Group, is_domain
from alertbot.words import did_you_mean, nearest

_MOST_NAMED = 5
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_PATH = re.compile(r"(?<=\w)(?::\d+)?/.*|:\d+$", re.ASCII)
"""What follows the host in a link."""


@dataclass(frozen=True)
class Meant:
    """What is asked about: a series, or some that are added up. ``members``: of a group, how many it has."""

    name: str
    series: tuple[str, ...]
    members: int | None = None


def labels_of(series: str) -> Mapping[str, str]:
    """What Prometheus calls a series: sums and the total have another label, so that no query adds them to domains."""
    return {"domain" if is_domain(series) else "series": series}


def meant(word: str, names: Sequence[str], groups: Sequence[Group]) -> Meant:
    """The series that a word means, or ``@group``: its sum where that is watched, else its members."""
    if not word.startswith(GROUP_MARK) and not _is_only_a_group(word, names, groups):
        name = resolve(word, names)
        return Meant(name, (name,))
    wanted = word.removeprefix(GROUP_MARK).lower()
    group = next((each for each in groups if each.name.lower() == wanted), None)
    if group is None:
        close = did_you_mean(wanted, [each.name for each in groups], f": did you mean {GROUP_MARK}{{}}?")
        raise UsageError(f'there is no group "{wanted[:80]}"{close}')
    if not group.members:
        raise UsageError(f"the group {group.name} has no members that are watched")
    series = (group.series,) if group.series in names else group.members
    return Meant(f"{GROUP_MARK}{group.name}", series, len(group.members))


def _is_only_a_group(word: str, names: Sequence[str], groups: Sequence[Group]) -> bool:
    """Whether a word is the name of a group, and no part of any domain's."""
    wanted = word.lower()
    return any(each.name.lower() == wanted for each in groups) and not any(wanted in name for name in names)


def resolve(word: str, names: Sequence[str]) -> str:
    """The one series a word means: its name, or a part that no other name holds; ``UsageError`` says what is near.

    A name in other letters than ASCII is what the CDN calls it.
    """
    wanted = _SCHEME.sub("", word.strip().strip("`<>()"), count=1).rstrip("/.,;:!?").lower()
    typed = _PATH.sub("", wanted)
    wanted = normalised(typed)
    if not wanted:
        raise UsageError("a domain is missing")
    if not names:
        raise UsageError("nothing is watched yet: alertbot is only just starting")
    if wanted in names:
        return wanted
    for candidates in (
        [name for name in names if name.startswith(f"{wanted}.")],
        [name for name in names if name.startswith(wanted)],
        [name for name in names if wanted in name],
    ):
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise UsageError(f'"{typed}" could be {_listed(candidates)}: write more of it')
    raise UsageError(f'no watched domain is named "{typed[:80]}"{domain_meant(typed, names)}')


def domain_meant(word: str, names: Sequence[str], form: str = ": did you mean {}?") -> str:
    """What a mistyped word was probably meant to be, to end a complaint with: by a whole name, or by a label of one."""
    if word == "account" and TOTAL in names:
        return form.format(TOTAL)
    if whole := nearest(word, names, alike=0.7):
        return form.format(whole)
    labels = {label: name for name in reversed(names) for label in name.split(".")[:-1]}
    label = nearest(word, labels, alike=0.6)
    return form.format(labels[label]) if label else did_you_mean(word, names, form, alike=0.6)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name if len(name) <= 80 else f"{name[:79]}…" for name in names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} or {len(names) - _MOST_NAMED} others"
