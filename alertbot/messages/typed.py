"""What a typed command means: words of other tools, a domain or a number alone, what was nearly a command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType

from alertbot.config.watch import Watch
from alertbot.errors import UsageError
from alertbot.incidents.order_parser import ORDERS
from alertbot.messages.usages import ALIASES, USAGES
from alertbot.query.names import domain_meant, resolve
from alertbot.words import nearest

_NOT_HERE = MappingProxyType(
    dict.fromkeys(
        ("resolve", "close", "resolved"),
        "an incident resolves by itself once the data shows it: `ack` stops its reminders, `silence` its posts",
    )
)
_NUMBER = re.compile(r"#[1-9]\d{0,9}", re.ASCII)
_FILLERS = frozenset({"for", "of", "the", "by", "last", "past", "over", "is", "in"})
_ORDERED = frozenset(ORDERS)
_ALIKE = 0.7
_NEARLY = 0.6
"""From which likeness on a mistyped command is meant rather than a mistyped domain."""


def meant_words(words: Sequence[str], watch: Watch) -> list[str]:
    """The words of the command that was meant; the same where nothing is known of it.

    No order is made of a mistyped word: only whoever writes ``silence``, or its name in another tool, means it.
    """
    if not words:
        return []
    first, rest = words[0].lower().rstrip(",:;!"), list(words[1:])
    name = ALIASES.get(first, first)
    if first == "incident":
        name = "why" if rest else "alerts"
    if name in USAGES:
        return [name, *(rest if name in _ORDERED else _without_fillers(rest))]
    if _NUMBER.fullmatch(first):
        return ["why", first, *rest]
    if not nearest(first, USAGES, alike=_ALIKE) and _is_series(first, watch):
        return ["show", words[0], *_without_fillers(rest)]
    return [first, *rest]


def not_a_command(words: Sequence[str], watch: Watch, command: str) -> UsageError:
    """What to say where the first word is no command: the line that would be right, where one is near."""
    word = words[0]
    if word in _NOT_HERE:
        return UsageError(_NOT_HERE[word])
    line = " ".join(words[1:])[:80]
    said = f'there is no command "{word[:40]}"'
    domain = domain_meant(word, watch.series, "{}") if watch.series else ""
    if close := nearest(word, USAGES, alike=_NEARLY) or (None if domain else nearest(word, USAGES)):
        return UsageError(f"{said}: did you mean {close}? Write `{f'{command} {close} {line}'.rstrip()}`")
    if domain:
        return UsageError(f"{said}: did you mean the domain {domain}? Write `{command} show {domain}`")
    return UsageError(said)


def _without_fillers(words: Sequence[str]) -> list[str]:
    return [word for word in words if word.lower() not in _FILLERS]


def _is_series(word: str, watch: Watch) -> bool:
    """Whether a word alone names a domain, or a group."""
    if word.startswith("@"):
        return any(group.name.lower() == word[1:] for group in watch.groups)
    try:
        return len(word) > 2 and bool(resolve(word, watch.series))
    except UsageError as error:
        return "could be" in str(error) and "." in word
