"""What a typed command means: words of other tools, a domain or a number alone, what was nearly a command."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
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
    "did does do was are has have it fire fired firing go goes gone went down up dark silent quiet alerting".split()
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
    if not words:
        return []
    first, rest = words[0].lower().rstrip(_PUNCTUATION) or words[0], list(words[1:])
    if rest and (first.startswith("/") or first in _POLITE | _ITSELF):
        return meant_words(rest, watch)
    if rest and first in _LISTING and _is_listed(rest[0], watch):
        return meant_words(rest, watch)
    if counted := _TOP.fullmatch(first):
        first, rest = "top", [counted[1], *rest]
    name = ALIASES.get(first, first)
    if first == "incident":
        name = "why" if rest else "alerts"
    if name == "silence" and (ending := _ending(rest)):
        return ending
    if name in USAGES:
        return [name, *(rest if name in _ORDERED else _without_fillers(rest, _ASIDE if name == "why" else _FILLERS))]
    if _NUMBER.fullmatch(first):
        return ["why", first, *rest]
    if not nearest(first, USAGES, alike=_ALIKE) and _is_series(first, watch):
        return ["show", words[0], *_without_fillers(rest, _FILLERS)]
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


def _is_listed(word: str, watch: Watch) -> bool:
    """Whether ``list alerts`` means ``alerts``: a question, and no domain."""
    bare = word.lower().rstrip(_PUNCTUATION)
    name = ALIASES.get(bare, bare)
    is_question = (name in USAGES and name not in _ORDERED | {"show"}) or bool(_NUMBER.fullmatch(bare))
    return is_question and not _is_series(bare, watch)


def _ending(rest: Sequence[str]) -> list[str]:
    """What ``silence list`` and ``silence off video`` mean; nothing where a silence is to begin."""
    lower = [word.lower() for word in rest]
    if lower in (["list"], ["ls"], ["show"]):
        return ["silences"]
    if len(rest) == 2 and lower[0] in _ENDING:  # noqa: PLR2004 - the word, and what it is about
        return ["unsilence", rest[1]]
    return ["unsilence", rest[0]] if lower[1:] == ["off"] else []


def _without_fillers(words: Sequence[str], fillers: Set[str]) -> list[str]:
    """The words that say something; all of them where none does."""
    bare = [word.rstrip(_PUNCTUATION) or word for word in words]
    return [word for word in bare if word.lower() not in fillers] or bare


def _is_series(word: str, watch: Watch) -> bool:
    """Whether a word alone names a domain, or a group."""
    if word.startswith("@"):
        return any(group.name.lower() == word[1:] for group in watch.groups)
    try:
        return len(word) > 2 and bool(resolve(word, watch.series))
    except UsageError as error:
        return "could be" in str(error) and "." in word
