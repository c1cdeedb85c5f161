"""Reading orders: the words of ``ack #12``, ``silence video.* until 06:00 image work``, ``unsilence s3``.

What is not understood is a ``UsageError`` with an example, and an end is never guessed: a silence that lasts longer
than was meant is a page that never comes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from types import MappingProxyType

from alertbot.errors import UsageError
from alertbot.incidents.incident import NOISE, USEFUL
from alertbot.incidents.orders import Ack, CastVote, KeepPosting, LearnSilence, Order, Silence, Unack, Unsilence
from alertbot.incidents.spans import take_span
from alertbot.incidents.when import ENDS, LONGEST, SHORTEST, UNTIL, Given, span
from alertbot.words import quoted

ORDERS = ("ack", "unack", "silence", "unsilence", "keep-posting", "learn-silence", USEFUL, NOISE)
"""The commands that are orders."""

LONGEST_REASON = 300

_LONGEST_NAME, _LONGEST_DOMAIN = 80, 253
_NUMBER = re.compile(r"#?([1-9]\d{0,9})", re.ASCII)
_SILENCE = re.compile(r"s?([1-9]\d{0,9})", re.ASCII | re.IGNORECASE)
_GROUP = re.compile(r"(?:@|sum:)\w[\w.-]{0,59}")
_GLOB = re.compile(r"[\w.*?\[\]!-]+")
_RULE = re.compile(r"rule:(.*)", re.IGNORECASE)
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_MARKS = {"rule": "rule:", "monitor": "rule:", "group": "@", "incident": "#", "alert": "#", "domain": ""}
_THE_ONE = frozenset({"it", "this", "that", "all", "everything", "*", "alert", "incident"})
_AND = frozenset({"and", "&", "+", ","})
_EXAMPLE = "video.*"
_EVERYTHING = dict.fromkeys(("all", "everything", "everyone"), "*")


def parse_order(words: Sequence[str], now: float, zone: tzinfo) -> Order:
    """The order in a command's words, the command's own name first; ``UsageError`` for anything else.

    ``now``: when it was given, epoch seconds; times of day are those of ``zone``.
    """
    left = [word for word in map(_printable, words) if word]
    name = left.pop(0).lower() if left else ""
    if name == "silence":
        return _silence(left, Given(now, zone))
    if name in _OF_A_SERIES:
        return _of_a_series(name, left)
    if name not in ORDERS:
        raise UsageError(f'{quoted(name)} is no order: there are {", ".join(ORDERS)}, such as "ack #412"')
    if name in {USEFUL, NOISE}:
        return _vote(name, left)
    if name == "ack":
        return _ack(left)
    if name == "unsilence":
        return _unsilence(left)
    number = _numbered(left)
    left = [] if _is_the_one(left) else left
    if left and number is None:
        number = _number(left.pop(0))
    _no_more(left, "unack 412")
    return Unack(number)


def _ack(words: list[str]) -> Ack:
    """A number, a note, or both."""
    number = _numbered(words)
    others = [word.rstrip(",") for word in words if word.lower() not in _AND]
    if number is not None and others and all(word.startswith("#") and _NUMBER.fullmatch(word) for word in others):
        raise UsageError(f'one at a time: "ack #{number}", then "ack {others[0]}"')
    if number is None and (named := [word for word in others if word.startswith("#")]):
        raise UsageError(f'the number comes first: "ack {named[0]} looking into it"')
    return Ack(number, "" if _is_the_one(words) else _reason(words, "note"))


def _numbered(words: list[str]) -> int | None:
    """The incident that the first words name; takes them."""
    if len(words) > 1 and words[0].lower() in {"alert", "incident"} and words[1].startswith(("#", *"123456789")):
        words.pop(0)
    numbered = bool(words) and (words[0].startswith("#") or words[0][0].isdigit())
    return _number(words.pop(0)) if numbered else None


def _is_the_one(words: Sequence[str]) -> bool:
    """Whether a word stands for whatever is open."""
    return len(words) == 1 and words[0].lower().rstrip(".!") in _THE_ONE


def _vote(name: str, words: list[str]) -> CastVote:
    if not words:
        raise UsageError(f'say which incident: write "{name} #412"')
    number = _number(words.pop(0))
    _no_more(words, f"{name} #{number}")
    return CastVote(number, useful=name == USEFUL)


def _unsilence(words: list[str]) -> Unsilence:
    if not words:
        raise UsageError('which silence? "silences" lists them with their numbers: write "unsilence s3"')
    first = words.pop(0)
    if first.lower() == "silence" and words:
        first = words.pop(0)
    if first.lower() not in _MARKS:
        _no_more(words, "unsilence s3")
    if match := _SILENCE.fullmatch(first):
        return Unsilence(int(match[1]))
    return Unsilence(None, _taken_target([first, *words]))


def _no_more(words: Sequence[str], right: str) -> None:
    if words:
        raise UsageError(f'{quoted(" ".join(words))} is one word too many: write "{right}"')


_OF_A_SERIES: Mapping[str, type[KeepPosting | LearnSilence]] = MappingProxyType(
    {"keep-posting": KeepPosting, "learn-silence": LearnSilence}
)


def _of_a_series(name: str, words: list[str]) -> KeepPosting | LearnSilence:
    if len(words) != 1:
        raise UsageError(f'say of which domain: write "{name} video.example.com"')
    return _OF_A_SERIES[name](_SCHEME.sub("", words[0], count=1).rstrip("/").lower())


def _silence(words: list[str], given: Given) -> Silence:
    if not words or (len(words) == 1 and _begins_span(words)):
        raise UsageError(f"say what to silence, and until when: {ENDS}")
    if _begins_span(words):  # "2h video.*"
        begins, ends = span(words, given)
        if words and words[0].lower() in {"for", "on"}:
            words.pop(0)
        target = _taken_target(words)
    else:
        target = _taken_target(words)
        begins, ends = _span_of(target, words, given)
    if not SHORTEST <= ends - begins <= LONGEST:
        raise UsageError(f"a silence lasts 1m to 90d: {ENDS}")
    return Silence(target, begins, ends, _reason(words))


def _begins_span(words: list[str]) -> bool:
    return words[0].lower() in {"from", "for", *UNTIL} or take_span(list(words)) is not None


def _span_of(target: str, words: list[str], given: Given) -> tuple[float, float]:
    left = list(words)
    try:
        return span(words, given)
    except UsageError as error:
        if target.startswith("rule:"):
            raise UsageError(f'{error}; a name with spaces stands in quotes: rule:"my rule"') from None
        if _SILENCE.fullmatch(target) and not left:
            raise UsageError(f'silence what? To end the silence {target}: "unsilence {target}"') from None
        raise UsageError(_too_early(target, left) or str(error).replace(_EXAMPLE, target)) from None


def _too_early(target: str, words: Sequence[str]) -> str:
    """What to write where words stand between the target and how long; empty where none do."""
    ends = next((at for at in range(1, len(words)) if _begins_span(list(words[at:]))), None)
    if ends is None or _begins_span(list(words)):
        return ""
    early, lasting = list(words[:ends]), " ".join(words[ends:])
    if early[0].lower() in _AND and len(early) > 1:
        early = early[1:2]
    if len(early) < len(words[:ends]) or all(map(_like_a_target, early)):
        return f'one at a time: "silence {target} {lasting}", then "silence {early[0].rstrip(",;")} {lasting}"'
    each = f' ("silence {target} {lasting}", then "silence {early[0]} {lasting}")' if len(early) == 1 else ""
    return f'one target at a time{each}, and the reason last: "silence {target} {lasting} {" ".join(early)}"'


def _like_a_target(word: str) -> bool:
    """Whether a word is rather a second target than a reason."""
    return word.startswith(("@", "#", "rule:")) or "." in word.rstrip(".") or "*" in word


def _taken_target(words: list[str]) -> str:
    """The target in one spelling; takes the words that name it."""
    if words and words[0].lower() == "the" and len(words) > 1:
        words.pop(0)
    if len(words) > 1 and words[0].lower() in {"whole", "entire"}:
        words.pop(0)
    if not words:
        raise UsageError(f"say what to silence, and until when: {ENDS}")
    first = words.pop(0)
    mark = _MARKS.get(first.lower())
    if mark is not None and words and not _begins_span(words):
        return _target(f"{mark}{words.pop(0).removeprefix(mark)}")
    return _target(_EVERYTHING.get(first.lower(), first))


def _number(word: str) -> int:
    match = _NUMBER.fullmatch(word.rstrip(".,;:!?"))
    if match is None:
        raise UsageError(f'{quoted(word)} is no number: write it as it is listed, such as "#412"')
    return int(match[1])


def _target(word: str) -> str:
    """The target in one spelling; whether there is such a thing is not known here."""
    word = word.strip("()")
    if word.lower() in {"it", "this", "that"}:
        raise UsageError(f'say what: "silence #412 2h" ("alerts" lists what is open), {ENDS}')
    if match := _NUMBER.fullmatch(word):
        return f"#{match[1]}"
    if (match := _RULE.fullmatch(word)) and 0 < len(match[1].strip()) <= _LONGEST_NAME:
        return f"rule:{match[1].strip()}"
    if _GROUP.fullmatch(word):
        return word
    domain = _SCHEME.sub("", word, count=1).rstrip("/.,;").lower()
    if "," in domain:
        one, other = domain.split(",")[:2]
        raise UsageError(f'one at a time: "silence {one.strip()} 2h", then "silence {other.strip()} 2h"')
    if _GLOB.fullmatch(domain) and len(domain) <= _LONGEST_DOMAIN:
        return domain
    raise UsageError(
        f'{quoted(word)} cannot be silenced: write one domain or glob ("video.*"), "@group", "sum:group", "total",'
        ' "rule:NAME" or an incident such as "#412"'
    )


def _reason(words: Sequence[str], what: str = "reason") -> str:
    reason = " ".join(words)
    if len(reason) > LONGEST_REASON:
        raise UsageError(f"the {what} is longer than {LONGEST_REASON} characters: say it in a few words")
    return reason


def _printable(word: str) -> str:
    return "".join(letter for letter in " ".join(word.split()) if letter.isprintable())
