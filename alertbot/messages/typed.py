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
            ("resolve", "close", "resolved", "reopen"),
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
            ("got", "i", "i'm", "im", "mine", "on it"),
            "whoever has an incident acknowledges it: `ack`, or with a note `ack #412 looking into it`",
        ),
        **dict.fromkeys(
            ("page", "notify", "subscribe", "mention"),
            "whom a message mentions stands in the configuration, `[slack] mention`: `help config slack`",
        ),
        **dict.fromkeys(
            ("audit", "backup", "check", "dashboard", "doctor", "export", "suggest", "version"),
            "that is asked on the server: `alertbot --help` lists what there is",
        ),
        **dict.fromkeys(("reload", "restart"), "that is done on the server: `sudo systemctl reload alertbot`"),
        **dict.fromkeys(
            (
                "what",
                "which",
                "what's",
                "whats",
                "who",
                "when",
                "where",
                "how",
                "is",
                "are",
                "can",
                "did",
                "does",
                "do",
            ),
            "`alerts` says what is firing, `incidents` what happened, `silences` who silenced what, `why #412` or"
            " `why DOMAIN` why something was posted or not, `help` the rest",
        ),
        "test": "`alertbot doctor --post`, on the server, posts a test",
        **dict.fromkeys(("config", "configuration", "settings"), "`help config` explains the file's keys"),
        "stop": "what to stop? `silence video.* 2h` stops posts, `unsilence s3` ends a silence",
        "undo": "what to undo? `unsilence s3` ends a silence, `unack #412` an acknowledgement",
    }
)
_NUMBER = re.compile(r"#[1-9]\d{0,9}", re.ASCII)
_TOP = re.compile(r"top(\d{1,9})", re.ASCII)
_POLITE = frozenset({"please", "pls", "plz"})
_ITSELF = frozenset({"alertbot", "@alertbot", "bandwidth", "amtool"})
_GREETING = frozenset({"hey", "hi", "hello"})
_FILLERS = _POLITE | frozenset(
    {"for", "of", "the", "by", "last", "past", "over", "is", "in", "me", "domains", "talkers", "vs", "at"}
)
_ASIDE = _FILLERS | frozenset(
    {"did", "does", "do", "was", "are", "has", "have", "it", "fire", "fired", "firing", "go", "goes", "gone", "went"}
    | {"down", "up", "dark", "silent", "quiet", "alerting", "no", "not", "alert", "alerts", "incident"}
)
"""What is left out of a question why, beside what it is about."""

_OF_LISTS = _FILLERS | {"list", "all", "open", "active", "current", "firing", "now", "alert", "alerts", "incidents"}
"""What is left out of a question for a list."""

_LEFT_OUT = MappingProxyType(
    {
        "why": _ASIDE,
        "p95": (_FILLERS - {"last"}) | {"month"},
        "help": _FILLERS,
        "status": frozenset({"now"}),
        **dict.fromkeys(("alerts", "incidents", "silences"), _OF_LISTS),
    }
)
_MAY_BE_ALONE = frozenset({"alerts", "incidents", "silences", "status", "help"})
_SAID_OTHERWISE = MappingProxyType({"today": "24h", "all": "total", "everything": "total"})
_MARKS = MappingProxyType({"group": "@", "domain": ""})
_OF_ONE = frozenset({"incident", "alert", "detail", "details", "describe", "info"})
_LISTING = frozenset({"list", "ls", "show", "get", "view"})
_ENDING = frozenset({"off", "rm", "end", "stop", "remove", "delete", "cancel", "clear", "expire"})
_BEGINNING = frozenset({"add", "create", "new", "set"})
_PUNCTUATION = ".?!,;:"
_LASTING = re.compile(r"(\d[\d.]*[a-z]+)[,;:.]", re.IGNORECASE)
_MATCHER = re.compile(r"\{?(?:(alertname|rule)|domain|series|instance)(?:=~?|:)([^{}]+)\}?", re.IGNORECASE)
"""What an Alertmanager silences by."""

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
    name = ALIASES.get(first, "help" if first.startswith("/") else first)
    if first in _OF_ONE and rest and _bare(rest[0]).lstrip("#").isdecimal():
        name = "why"
    elif first == "incident":
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
    if here := _NOT_HERE.get(" ".join(words[:2]).lower(), _NOT_HERE.get(word)):
        return UsageError(here)
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
    return word.lower().strip("()").rstrip(_PUNCTUATION) or word


def _leads_in(word: str, following: str, watch: Watch) -> bool:
    """Whether a word only leads to the command after it: ``please``, ``/bandwidth``, ``list`` before ``alerts``."""
    first, bare = _bare(word), _bare(following)
    if first.startswith("/") or first in _POLITE | _ITSELF | _GREETING:
        return True
    name = ALIASES.get(bare, bare)
    if first.startswith("@") and name in USAGES:
        return not _is_series(first, watch)
    is_question = (name in USAGES and name not in _ORDERED | {"show"}) or bool(_NUMBER.fullmatch(bare))
    return first in _LISTING and is_question and not _is_series(bare, watch)


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
    return [match[1] if (match := _LASTING.fullmatch(word)) else word for word in rest]


def _said(name: str, rest: list[str]) -> list[str]:
    """The words after a command; of a question those that say something, or all where none does."""
    if name in _ORDERED:
        return rest
    fillers: Collection[str] = _LEFT_OUT.get(name, _FILLERS)
    bare = [word.strip("()").rstrip(_PUNCTUATION) or word for word in rest]
    left = [word for word in bare if word.lower() not in fillers]
    if name in {"show", "p95", "why"} and len(left) > 1 and left[0].lower() in _MARKS:
        left = [f"{_MARKS[left[0].lower()]}{left[1].lstrip('@')}", *left[2:]]
    if name in {"show", "p95", "alerts", "incidents"}:
        left = [_SAID_OTHERWISE.get(word.lower(), word) for word in left]
    return left if left or name in _MAY_BE_ALONE else bare


def _is_series(word: str, watch: Watch) -> bool:
    """Whether a word alone names a domain, or a group."""
    if word.startswith("@"):
        return any(group.name.lower() == word[1:] for group in watch.groups)
    try:
        return len(word) > 2 and bool(resolve(word, watch.series))
    except UsageError as error:
        return "could be" in str(error) and "." in word
