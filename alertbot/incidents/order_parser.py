"""Reading orders: the words of ``ack #12``, ``silence video.* until 06:00 image work``, ``unsilence s3``.

What is not understood is a ``UsageError`` with an example, and an end is never guessed: a silence that lasts longer
than was meant is a page that never comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from types import MappingProxyType

from alertbot.errors import UsageError
from alertbot.incidents.orders import Ack, KeepPosting, LearnSilence, Order, Silence, Unack, Unsilence
from alertbot.units import DAY, parse_duration
from alertbot.words import quoted

ORDERS = ("ack", "unack", "silence", "unsilence", "keep-posting", "learn-silence")
"""The commands that are orders."""

SHORTEST, LONGEST = 60, 90 * DAY
"""Seconds a silence lasts at least and at most; it may begin as far ahead as it may last."""

LONGEST_REASON = 300

_LONGEST_NAME, _LONGEST_DOMAIN = 80, 253
_NUMBER = re.compile(r"#?([1-9]\d{0,9})", re.ASCII)
_SILENCE = re.compile(r"s?([1-9]\d{0,9})", re.ASCII | re.IGNORECASE)
_GROUP = re.compile(r"(?:@|sum:)\w[\w.-]{0,59}")
_GLOB = re.compile(r"[\w.*?\[\]!-]+")
_RULE = re.compile(r"rule:(.*)", re.IGNORECASE)
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNTIL = frozenset({"until", "till", "to"})
_ENDS = '"silence video.* 2h", "silence video.* until 06:00" or "silence video.* from 22:00 for 3h"'
_TIMES = '"06:00", "tomorrow 06:00", "mon 06:00" or "2026-03-02 06:00"'


@dataclass(frozen=True)
class _Given:
    """When an order was given, epoch seconds, and the zone of whoever gave it."""

    now: float
    zone: tzinfo


def parse_order(words: Sequence[str], now: float, zone: tzinfo) -> Order:
    """The order in a command's words, the command's own name first; ``UsageError`` for anything else.

    ``now``: when it was given, epoch seconds; times of day are those of ``zone``.
    """
    left = [word for word in map(_printable, words) if word]
    name = left.pop(0).lower() if left else ""
    if name == "silence":
        return _silence(left, _Given(now, zone))
    if name in _OF_A_SERIES:
        return _of_a_series(name, left)
    if name not in ORDERS:
        raise UsageError(f'{quoted(name)} is no order: there are {", ".join(ORDERS)}, such as "ack #412"')
    if name == "ack":
        return _ack(left)
    if name == "unsilence":
        return _unsilence(left)
    number = _number(left.pop(0)) if left else None
    _no_more(left, "unack 412")
    return Unack(number)


def _ack(words: list[str]) -> Ack:
    """A number, a note, or both."""
    numbered = bool(words) and (words[0].startswith("#") or words[0][0].isdigit())
    number = _number(words.pop(0)) if numbered else None
    return Ack(number, _reason(words, "note"))


def _unsilence(words: list[str]) -> Unsilence:
    if not words:
        raise UsageError('which silence? "silences" lists them with their numbers: write "unsilence s3"')
    first = words.pop(0)
    if first.lower() == "silence" and words:
        first = words.pop(0)
    _no_more(words, "unsilence s3")
    if match := _SILENCE.fullmatch(first):
        return Unsilence(int(match[1]))
    return Unsilence(None, _target(first))


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


def _silence(words: list[str], given: _Given) -> Silence:
    if not words or words[0].lower() in {"from", "for", *_UNTIL} or _is_duration(words[0]):
        raise UsageError(f"say what to silence, and until when: {_ENDS}")
    target = _target(words.pop(0))
    try:
        begins, ends = _span(words, given)
    except UsageError as error:
        if target.startswith("rule:"):
            raise UsageError(f'{error}; a name with spaces stands in quotes: rule:"my rule"') from None
        raise
    if not SHORTEST <= ends - begins <= LONGEST:
        raise UsageError(f"a silence lasts 1m to 90d: {_ENDS}")
    return Silence(target, begins, ends, _reason(words))


def _number(word: str) -> int:
    match = _NUMBER.fullmatch(word)
    if match is None:
        raise UsageError(f'{quoted(word)} is no number: write it as it is listed, such as "#412"')
    return int(match[1])


def _target(word: str) -> str:
    """The target in one spelling; whether there is such a thing is not known here."""
    if match := _NUMBER.fullmatch(word):
        return f"#{match[1]}"
    if (match := _RULE.fullmatch(word)) and 0 < len(match[1].strip()) <= _LONGEST_NAME:
        return f"rule:{match[1].strip()}"
    if _GROUP.fullmatch(word):
        return word
    domain = _SCHEME.sub("", word, count=1).rstrip("/").lower()
    if _GLOB.fullmatch(domain) and len(domain) <= _LONGEST_DOMAIN:
        return domain
    raise UsageError(
        f'{quoted(word)} cannot be silenced: write one domain or glob ("video.*"), "@group", "sum:group", "total",'
        ' "rule:NAME" or an incident such as "#412"'
    )


def _span(words: list[str], given: _Given) -> tuple[float, float]:
    """From when to when; takes the words that say so."""
    if not words or words[0].lower() != "from":
        return given.now, _end(words, given.now, given)
    words.pop(0)
    # At 22:00:30 "from 22:00" means now, not tomorrow.
    begins = max(_moment(words, given.now - 60, given), given.now)
    if begins - given.now > LONGEST:
        raise UsageError(f"that begins more than 90d from now: {_ENDS}")
    return begins, _end(words, begins, given)


def _end(words: list[str], begins: float, given: _Given) -> float:
    keyword = words[0].lower() if words else ""
    if keyword in _UNTIL:
        words.pop(0)
        return _moment(words, begins, given)
    if keyword == "for":
        words.pop(0)
    if not words:
        raise UsageError(f"say until when: {_ENDS}")
    return begins + _duration(words.pop(0))


def _duration(word: str) -> int:
    try:
        return parse_duration(word.lower())
    except ValueError as error:
        if word[0].isdigit():
            raise UsageError(str(error)) from None
        raise UsageError(f"{quoted(word)} does not say until when; the reason comes last: {_ENDS}") from None


def _is_duration(word: str) -> bool:
    try:
        return parse_duration(word.lower()) > 0
    except ValueError:
        return False


def _moment(words: list[str], after: float, given: _Given) -> float:
    """The first instant after ``after`` that is meant; takes the words that say so."""
    day, clock = _day_and_clock(words)
    time_of_day = _clock(clock)
    for each in _days(day, after, given):
        for instant in _instants(each, time_of_day, given.zone):
            if instant > after:
                return instant
    raise UsageError(f"{quoted(f'{day} {clock}')} is over by then: write {_TIMES}")


def _day_and_clock(words: list[str]) -> tuple[str, str]:
    """``("mon", "06:00")``; an empty day where none is named."""
    first = words.pop(0).lower() if words else ""
    if not first:
        raise UsageError(f"a time is missing: write {_TIMES}")
    if _CLOCK.fullmatch(first):
        return "", first
    day, joined, clock = first.partition("t") if _DATE.match(first) else (first, "", "")
    if joined:
        return day, clock
    if day not in {"today", "tomorrow"} and not _DATE.fullmatch(day) and not _weekdays(day):
        raise UsageError(f"{quoted(day)} is not a time: write {_TIMES}")
    if not words:
        raise UsageError(f"{quoted(day)} lacks the time of day: write {_TIMES}")
    return day, words.pop(0)


def _weekdays(word: str) -> list[int]:
    """The weekday that a word of three letters or more begins; Monday is 0."""
    return [number for number, name in enumerate(_WEEKDAYS) if len(word) > 2 and name.startswith(word)]


def _days(word: str, after: float, given: _Given) -> Sequence[date]:
    """The days that ``tomorrow``, ``mon``, ``2026-03-02`` or nothing can mean, the earliest first."""
    today = datetime.fromtimestamp(given.now, given.zone).date()
    if word in {"today", "tomorrow"}:
        return (today + timedelta(days=int(word == "tomorrow")),)
    if _DATE.fullmatch(word):
        return (_date(word),)
    first = datetime.fromtimestamp(after, given.zone).date()
    # Eight days: today's may be over.
    coming = [first + timedelta(days=days) for days in range(8)]
    if not word:
        return coming
    return [day for day in coming if day.weekday() in _weekdays(word)]


def _date(word: str) -> date:
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise UsageError(f"{quoted(word)} is no day: write {_TIMES}") from None


def _clock(word: str) -> time:
    match = _CLOCK.fullmatch(word)
    if match is None:
        raise UsageError(f"{quoted(word)} is not a time of day: write {_TIMES}")
    return time(int(match[1]), int(match[2]))


def _instants(day: date, clock: time, zone: tzinfo) -> Iterator[float]:
    """When the clocks show that: twice where they are put back, and where they skip it, as if they did not."""
    first = datetime.combine(day, clock, zone)
    second = first.replace(fold=1)
    yield first.timestamp()
    if second.timestamp() > first.timestamp():  # in a gap it is the earlier one, and shows another time
        yield second.timestamp()


def _reason(words: Sequence[str], what: str = "reason") -> str:
    reason = " ".join(words)
    if len(reason) > LONGEST_REASON:
        raise UsageError(f"the {what} is longer than {LONGEST_REASON} characters: say it in a few words")
    return reason


def _printable(word: str) -> str:
    return "".join(letter for letter in " ".join(word.split()) if letter.isprintable())
