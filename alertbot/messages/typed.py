"""What a typed command means: words of other tools, a domain or a number alone, what was nearly a command."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from types import MappingProxyType

from alertbot.config.watch import Watch
from alertbot.errors import UsageError
from alertbot.incidents.order_parser import ORDERS
from alertbot.messages.usages import ALIASES, USAGES
from alertbot.query.names import domain_meant, resolve
from alertbot.words import nearest

_NOT_HERE = MappingProxyType(
    {
        **dict.fromkeys(
            ("resolve", "close", "resolved"),
            "an incident resolves by itself once the data shows it: `ack` stops its reminders, `silence` its posts",
        ),
        **dict.fromkeys(
            ("assign", "escalate", "note", "comment"),
            "whoever acknowledges an incident has it, with or without a note: `ack #412 looking into it`",
        ),
        **dict.fromkeys(
            ("disable", "enable", "off", "on"),
            "rules are switched off in the configuration (`enabled = false`); for a while: `silence rule:NAME 2h`",
        ),
        **dict.fromkeys(
            ("what", "what's", "whats", "who", "when", "where", "how", "is", "are", "can", "did", "does", "do"),
            "`alerts` says what is firing, `incidents` what happened, `silences` who silenced what, `why #412` or"
            " `why DOMAIN` why something was posted or not, `help` the rest",
        ),
        "test": "`alertbot doctor --post`, on the server, posts a test",
        "undo": "what to undo? `unsilence s3` ends a silence, `unack #412` an acknowledgement",
    }
)
_NUMBER = re.compile(r"#[1-9]\d{0,9}", re.ASCII)
_TOP = re.compile(r"top(\d{1,9})", re.ASCII)
_POLITE = frozenset({"please", "pls", "plz"})
_ITSELF = frozenset({"alertbot", "@alertbot", "bandwidth"})
_FILLERS = _POLITE | frozenset(
    {"for", "of", "the", "by", "last", "past", "over", "is", "in", "me", "domains", "talkers", "vs", "at"}
)
_ASIDE = _FILLERS | frozenset(
    {"did", "does", "do", "was", "are", "has", "have", "it", "fire", "fired", "firing", "go", "goes", "gone", "went"}
    | {"down", "up", "dark", "silent", "quiet", "alerting"}
)
"""What is left out of a question why, beside what it is about."""

_LISTING = frozenset({"list", "ls", "show", "get", "view"})
_ENDING = frozenset({"off", "rm", "end", "stop", "remove", "delete", "cancel", "clear"})
_PUNCTUATION = "?!,;:"
_ORDERED = frozenset(ORDERS)
_ALIKE = 0.7
_NEARLY = 0.6
"""From which likeness on a mistyped command is meant rather than a mistyped domain."""

_SURELY = 0.75
"""From which likeness on a mistyped word of another tool is meant."""


def meant_words(words: Sequence[str], watch: Watch) -> list[str]:
    """The words of the command that was meant; the same where nothing is known of it.

    No order is made of a mistyped word: only whoever writes ``silence``, or its name in another tool, means it.
    """
    left = list(words)
    while len(left) > 1 and _leads_in(left[0], left[1], watch):
        left.pop(0)
    if not left:
        return []
    first, rest = _bare(left[0]), left[1:]
    if counted := _TOP.fullmatch(first):
        first, rest = "top", [counted[1], *rest]
    name = ALIASES.get(first, first)
    if first == "incident":
        name = "why" if rest else "alerts"
    if name in USAGES:
        return _ending(rest) if name == "silence" else [name, *_said(name, rest)]
    return _unnamed(left[0], first, rest, watch)


def _unnamed(word: str, first: str, rest: list[str], watch: Watch) -> list[str]:
    """What is meant by a line that begins with no command."""
    if _NUMBER.fullmatch(first):
        return ["why", first, *rest]
    if not nearest(first, USAGES, alike=_ALIKE) and _is_series(first, watch):
        return ["show", word, *_said("show", rest)]
    return [first, *rest]


def not_a_command(words: Sequence[str], watch: Watch, command: str) -> UsageError:
    """What to say where the first word is no command: the line that would be right, where one is near."""
    word = words[0]
    if word in _NOT_HERE:
        return UsageError(_NOT_HERE[word])
    line = " ".join(words[1:])[:80]
    said = f'there is no command "{word[:40]}"'
    domain = domain_meant(word, watch.series, "{}") if watch.series else ""
    close = nearest(word, USAGES, alike=_NEARLY)
    if not close and not domain and (other := nearest(word, ALIASES, alike=_SURELY)):
        close = ALIASES[other]
    if close:
        return UsageError(f"{said}: did you mean {close}? Write `{f'{command} {close} {line}'.rstrip()}`")
    if domain:
        return UsageError(f"{said}: did you mean the domain {domain}? Write `{command} show {domain}`")
    return UsageError(said)


def _bare(word: str) -> str:
    return word.lower().rstrip(_PUNCTUATION) or word


def _leads_in(word: str, following: str, watch: Watch) -> bool:
    """Whether a word only leads to the command after it: ``please``, ``/bandwidth``, ``list`` before ``alerts``."""
    first, bare = _bare(word), _bare(following)
    if first.startswith("/") or first in _POLITE | _ITSELF:
        return True
    name = ALIASES.get(bare, bare)
    is_question = (name in USAGES and name not in _ORDERED | {"show"}) or bool(_NUMBER.fullmatch(bare))
    return first in _LISTING and is_question and not _is_series(bare, watch)


def _ending(rest: list[str]) -> list[str]:
    """What ``silence list`` and ``silence off video`` mean; else a silence is to begin."""
    lower = [word.lower() for word in rest]
    if lower in (["list"], ["ls"], ["show"]):
        return ["silences"]
    if len(rest) == 2 and lower[0] in _ENDING:
        return ["unsilence", rest[1]]
    return ["unsilence", rest[0]] if lower[1:] == ["off"] else ["silence", *rest]


def _said(name: str, rest: list[str]) -> list[str]:
    """The words after a command; of a question those that say something, or all where none does."""
    if name in _ORDERED:
        return rest
    fillers: Collection[str] = _ASIDE if name == "why" else _FILLERS
    bare = [word.rstrip(_PUNCTUATION) or word for word in rest]
    return [word for word in bare if word.lower() not in fillers] or bare


def _is_series(word: str, watch: Watch) -> bool:
    """Whether a word alone names a domain, or a group."""
    if word.startswith("@"):
        return any(group.name.lower() == word[1:] for group in watch.groups)
    try:
        return len(word) > 2 and bool(resolve(word, watch.series))
    except UsageError as error:
        return "could be" in str(error) and "." in word
