"""What a typed command means: words of other tools, a domain or a number alone, what was nearly a command."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from types import MappingProxyType

from alertbot.config.watch import Watch
from alertbot.errors import UsageError
from alertbot.incidents.order_parser import ORDERS
from alertbot.incidents.spans import take_span
from alertbot.messages.usages import ALIASES, USAGES
from alertbot.query.names import resolve
from alertbot.rules.selection import TOTAL
from alertbot.words import nearest

_NUMBER = re.compile(r"#[1-9]\d{0,9}", re.ASCII)
_TOP = re.compile(r"top(\d{1,9})", re.ASCII)
_POLITE = frozenset({"please", "pls", "plz"})
_ITSELF = frozenset({"alertbot", "@alertbot", "bandwidth", "amtool"})
_GREETING = frozenset({"hey", "hi", "hello"})
_FILLERS = _POLITE | frozenset(
    {"for", "of", "the", "by", "last", "past", "over", "is", "in", "me", "domains", "talkers", "vs", "at", "since"}
)
_ASIDE = _FILLERS | frozenset(
    {"did", "does", "do", "was", "are", "has", "have", "it", "fire", "fired", "firing", "go", "goes", "gone", "went"}
    | {"down", "up", "dark", "silent", "quiet", "alerting", "no", "not", "alert", "alerts", "incident"}
)
"""What is left out of a question why, beside what it is about."""

_OF_LISTS = _FILLERS | frozenset(
    {"list", "all", "open", "active", "current", "firing", "now", "alert", "alerts", "incidents"}
    | {"critical", "warning", "severity"}
)
"""What is left out of a question for a list."""

_SAYS = (_ASIDE - _FILLERS) | {"is", "fell", "rose", "ok", "okay", "alive", "reachable"}
"""How a sentence about a domain goes on, as a message does that somebody pasted."""

_LEFT_OUT = MappingProxyType(
    {
        "why": _ASIDE,
        "p95": (_FILLERS - {"last"}) | {"month", "left"},
        "top": _FILLERS | {"traffic", "bandwidth", "usage", "sites"},
        "help": _FILLERS,
        "status": frozenset({"now"}),
        **dict.fromkeys(("alerts", "incidents", "silences"), _OF_LISTS),
    }
)
_MAY_BE_ALONE = frozenset({"alerts", "incidents", "silences", "status", "help"})
_DAYS = MappingProxyType({"today": "24h", "yesterday": "48h"})
_OF_ALL = frozenset({"all", "everything", "account", "traffic", "bandwidth"})
_MONTHS = re.compile(r"last|this|previous|current|\d{4}-\d\d|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*")
_CLOCK = re.compile(r"\d{1,2}:\d\d|\d{1,2}(?::\d\d)?[ap]m", re.ASCII)
_MARKS = MappingProxyType({"group": "@", "domain": ""})
_OF_ONE = frozenset({"incident", "alert", "detail", "details", "describe", "info"})
_LISTING = frozenset({"list", "ls", "show", "get", "view"})
_ENDING = frozenset({"off", "rm", "end", "stop", "remove", "delete", "cancel", "clear", "expire"})
_BEGINNING = frozenset({"add", "create", "new", "set", "schedule", "start"})
_PUNCTUATION = ".?!,;:"
_LASTING = re.compile(r"(\d[\d.]*[a-z]+)[,;:.]", re.IGNORECASE)
_MATCHER = re.compile(r"\{?(?:(alertname|rule)|domain|series|instance)(?:=~?|:)([^{}]+)\}?", re.IGNORECASE)
"""What an Alertmanager silences by."""

_OPTION = re.compile(
    r"-{1,2}(duration|d|for|until|ends?|comment|c|reason)(?:=(.*))?|(duration|for|until|ends?|comment|reason)=(.*)",
    re.IGNORECASE,
)
"""How other tools are told for how long, and why."""

_ENDS = frozenset({"until", "end", "ends"})
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015"
_HOW = frozenset({"to", "do", "does", "can"})
_ASKS_HELP = frozenset({"--help", "-h", "-?"})
_ORDERED = frozenset(ORDERS)
_ALIKE = 0.7
"""From which likeness on a mistyped command is meant rather than an abbreviated domain."""


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
    name = called(first)
    if name in USAGES and _asks_help(rest, watch):
        return ["help", name]
    if first in _OF_ONE and rest and _bare(rest[0]).lstrip("#").isdecimal():
        name = "why"
    elif first == "incident":
        name = "why" if rest else "alerts"
    if name == "silence":
        return _ending(rest)
    if name in USAGES:
        return _asked(name, _said(name, rest), watch)
    return _unnamed(left[0], first, rest, watch)


def called(word: str) -> str:
    """The name of the command that a word means; the word itself where it means none."""
    return ALIASES.get(word, "help" if word.startswith("/") else word)


def is_number(word: str) -> bool:
    """Whether a word is the number of an incident, as it is listed."""
    return bool(_NUMBER.fullmatch(_bare(word)))


def is_series(word: str, watch: Watch) -> bool:
    """Whether a word alone names a domain, or a group."""
    word = _bare(word)
    if word.startswith("@"):
        return any(group.name.lower() == word[1:] for group in watch.groups)
    try:
        return len(word) > 2 and bool(resolve(word, watch.series))
    except UsageError as error:
        return "could be" in str(error) and "." in word


def _asks_help(rest: list[str], watch: Watch) -> bool:
    """Whether a command is only asked about, so that no order is made of it."""
    if any(word.lower() in _ASKS_HELP for word in (*rest[:1], *rest[-1:])):  # within a reason it is none of ours
        return True
    return [word.lower() for word in rest] in (["help"], ["?"]) and not is_series("help", watch)


def _asked(name: str, said: list[str], watch: Watch) -> list[str]:
    """The question that is meant, where another one answers what is asked for."""
    first = said[0] if said else ""
    if name in {"status", "alerts"} and first and (is_number(first) or is_series(first, watch)):
        return ["why", *said]
    if name == "show" and first and not is_series(first, watch) and take_span(list(said)) is not None:
        return ["show", TOTAL, *said]
    if name == "show" and len(said) > 1 and _CLOCK.fullmatch(said[1].lower()):
        return ["why", *said]
    if name == "p95" and _MONTHS.fullmatch(first.lower()) and not is_series(first, watch):
        return ["p95", TOTAL, *said]
    return [name, *said]


def _unnamed(word: str, first: str, rest: list[str], watch: Watch) -> list[str]:
    """What is meant by a line that begins with no command."""
    if first == "how" and rest and rest[0].lower() in _HOW:
        named = [name for name in map(called, rest[:4]) if name in USAGES]
        return ["help", *named[:1]] if named else [first, *rest]
    if first.startswith("rule:") or (first in watch.rules and not rest):
        return ["rules", word.removeprefix("rule:")]
    if is_number(first) or (not nearest(first, USAGES, alike=_ALIKE) and is_series(first, watch)):
        return _about(word, first, rest, watch)
    return [first, *rest]


def _about(word: str, first: str, rest: list[str], watch: Watch) -> list[str]:
    """What is meant by a line that begins with a domain or an incident; no order is made of what follows it."""
    following = _bare(rest[0]) if rest else ""
    if following in _SAYS:
        return ["why", word]
    if called(following) in _ORDERED:
        return [first, *rest]
    if called(following) in USAGES and following.isalnum():
        return meant_words([following, word, *rest[1:]], watch)
    return ["why", first] if is_number(first) else _asked("show", [word, *_said("show", rest)], watch)


def _bare(word: str) -> str:
    return word.lower().strip("()").rstrip(_PUNCTUATION) or word


def _leads_in(word: str, following: str, watch: Watch) -> bool:
    """Whether a word only leads to the command after it: ``please``, ``/bandwidth``, ``list`` before ``alerts``."""
    first, bare = _bare(word), _bare(following)
    if first.startswith(("/", "[")) or first in _POLITE | _ITSELF | _GREETING:
        return True
    if first in {"is", "are"}:
        return is_series(bare, watch)
    name = ALIASES.get(bare, bare)
    if first in _BEGINNING and name == "silence":
        return True
    if first.startswith("@") and name in USAGES:
        return not is_series(first, watch)
    is_question = (name in USAGES and name not in _ORDERED | {"show"}) or bool(_NUMBER.fullmatch(bare))
    return first in _LISTING and is_question and not is_series(bare, watch)


def _ending(rest: list[str]) -> list[str]:
    """What ``silence list`` and ``silence off video`` mean; else a silence is to begin."""
    lower = [word.lower() for word in rest]
    if lower in (["list"], ["ls"], ["show"], ["query"]):
        return ["silences"]
    if len(rest) == 2 and lower[0] in _ENDING:
        return ["unsilence", rest[1]]
    return ["unsilence", rest[0]] if lower[1:] == ["off"] else ["silence", *_silenced(rest)]


def _silenced(rest: list[str]) -> list[str]:
    """What is to be silenced, and for how long, as other tools have it: ``add``, ``alertname=x``, ``2h, deploy``."""
    if len(rest) > 2 and rest[0].lower() in _BEGINNING:
        rest = rest[1:]
    if rest and (matcher := _MATCHER.fullmatch(rest[0])):
        rest = [f"rule:{matcher[2]}" if matcher[1] else matcher[2], *rest[1:]]
    if len(rest) > 2 and not rest[1].strip(_DASHES):
        rest = [rest[0], *rest[2:]]
    rest = [part for word in rest for part in _without_option(word)]
    return [match[1] if (match := _LASTING.fullmatch(word)) else word for word in rest]


def _without_option(word: str) -> list[str]:
    """``2h`` of ``--duration=2h``, ``until`` of ``--until``, nothing of ``-d`` or ``--comment``."""
    option = _OPTION.fullmatch(word)
    if option is None:
        return [word]
    name, value = (option[1] or option[3]).lower(), option[2] or option[4]
    return [each for each in ("until" if name in _ENDS else "", value) if each]


def _said(name: str, rest: list[str]) -> list[str]:
    """The words after a command; of a question those that say something, or all where none does."""
    if name in _ORDERED:
        return rest
    fillers: Collection[str] = _LEFT_OUT.get(name, _FILLERS)
    if name == "why":  # what follows a colon is the message that somebody pasted
        rest = rest[: next((at for at, word in enumerate(rest, 1) if word.endswith(":")), len(rest))]
    bare = [word.strip("()").rstrip(_PUNCTUATION) or word for word in rest]
    left = [word for word in bare if word.lower() not in fillers and _says_something(word)]
    if name in {"show", "p95", "why"} and len(left) > 1 and left[0].lower() in _MARKS:
        left = [f"{_MARKS[left[0].lower()]}{left[1].lstrip('@')}", *left[2:]]
    if name in {"show", "p95", "why"} and left and left[0].lower() in _OF_ALL:
        left = [TOTAL, *left[1:]]
    if name in {"show", "alerts", "incidents"}:
        left = [_DAYS.get(word.lower(), word) for word in left if word.lower() not in _OF_ALL]
    return left if left or name in _MAY_BE_ALONE else bare


def _says_something(word: str) -> bool:
    """Whether a word is more than marks, and no option of a shell's command."""
    return any(map(str.isalnum, word)) and not word.startswith("--")
