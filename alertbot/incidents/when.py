"""From when until when: ``2h``, ``until 6``, ``from 22:00 for 3h``. An end is never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from alertbot.errors import UsageError
from alertbot.incidents.spans import take_span
from alertbot.units import DAY, parse_duration
from alertbot.words import quoted

SHORTEST, LONGEST = 60, 90 * DAY
"""Seconds a silence lasts at least and at most; it may begin as far ahead as it may last."""

_CLOCK = re.compile(r"([01]?\d|2[0-3])(?:[:.h]([0-5]\d))?", re.ASCII)
_HOURS = re.compile(r"([01]?\d|2[0-3])h", re.ASCII)
_ALWAYS = frozenset({"forever", "always", "indefinitely", "permanently"})
_HALF_DAY = re.compile(r"(1[0-2]|0?[1-9])(?::([0-5]\d))?(am|pm)", re.ASCII)
_NAMED_CLOCKS = {"noon": "12:00", "midnight": "00:00"}
_AGO = {"today": 0, "yesterday": 1}
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ZONES = re.compile(
    r"bst|ces?t|[ecmp][sd]t|ees?t|hkt|ist|jst|msk|sgt|wes?t"
    r"|[+-]\d\d?:?\d\d"
    r"|(?:africa|america|antarctica|asia|atlantic|australia|europe|indian|pacific|etc)/[\w+/-]+"
)
"""Zones that a time may be of; each is another time, so that none is left out."""

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
UNTIL = frozenset({"until", "till", "til", "to"})
_PAST = '"03:00", "yesterday 03:00", "mon 03:00" or "2026-03-02 03:00"'
_TIMES = '"06:00", "tomorrow 06:00", "mon 06:00" or "2026-03-02 06:00"'
ENDS = '"silence video.* 2h", "silence video.* until 06:00" or "silence video.* from 22:00 for 3h"'


@dataclass(frozen=True)
class Given:
    """When an order was given, epoch seconds, and the zone of whoever gave it."""

    now: float
    zone: tzinfo


def span(words: list[str], given: Given) -> tuple[float, float]:
    """From when to when; takes the words that say so."""
    if not words or words[0].lower() != "from":
        return given.now, _end(words, given.now, given)
    words.pop(0)
    if words and words[0].lower() == "now":
        words.pop(0)
        return given.now, _end(words, given.now, given)
    # At 22:00:30 "from 22:00" means now, not tomorrow.
    begins = max(_moment(words, given.now - 60, given), given.now)
    if begins - given.now > LONGEST:
        raise UsageError(f"that begins more than 90d from now: {ENDS}")
    return begins, _end(words, begins, given)


def past_moment(words: list[str], given: Given) -> float:
    """The last instant, now at the latest, that these words mean; takes them all."""
    day, clock = "", ""
    while words:
        word = words.pop(0).lower()
        if _DATE.match(word) and "t" in word:
            word, _, joined = word.partition("t")
            words.insert(0, joined)
        if not clock and (found := _as_clock(word, words)) is not None:
            clock = found
        elif not day and (word in _AGO or _DATE.fullmatch(word) or _weekdays(word)):
            day = word
        elif (zone := _zone(word, given)) is not None:
            given = replace(given, zone=zone)
        elif word != "at":
            raise UsageError(f"{quoted(word)} is not a time: write {_PAST}")
    if not clock:
        raise UsageError(f"a time of day is missing: write {_PAST}")
    instants = (at for each in _days_before(day, given) for at in _instants(each, _clock(clock), given.zone))
    past = [instant for instant in instants if instant <= given.now]
    if not past:
        raise UsageError(f"{quoted(f'{day} {clock}'.strip())} is yet to come: write {_PAST}")
    return max(past)


def _days_before(word: str, given: Given) -> Sequence[date]:
    """The days that ``yesterday``, ``mon``, ``2026-03-02`` or nothing can mean."""
    today = datetime.fromtimestamp(given.now, given.zone).date()
    if word in _AGO:
        return (today - timedelta(days=_AGO[word]),)
    if _DATE.fullmatch(word):
        return (_date(word),)
    days = [today - timedelta(days=days) for days in range(8)]
    return [day for day in days if not word or day.weekday() in _weekdays(word)]


def _end(words: list[str], begins: float, given: Given) -> float:
    keyword = words[0].lower() if words else ""
    if keyword in UNTIL:
        words.pop(0)
        return _moment(words, begins, given)
    if keyword == "for":
        words.pop(0)
    words[:] = words[1:] if words[:1] == ["the"] else words
    words[:] = words[1:] if words[:1] == ["next"] else words
    if not words:
        raise UsageError(f"say until when: {ENDS}")
    return begins + _duration(words)


def _duration(words: list[str]) -> int:
    """The seconds that the first words say; takes them."""
    word = words[0]
    if (seconds := take_span(words)) is not None:
        if seconds > 10 * 366 * DAY:
            raise UsageError(f"{quoted(word)} is longer than ten years: {ENDS}")
        return seconds
    if word.isdigit():
        clock = f", or until {word}:00" if _CLOCK.fullmatch(word) else ""
        raise UsageError(f"{quoted(word)} lacks its unit: write {word}m or {word}h{clock}")
    if word.lower() in _ALWAYS:
        raise UsageError('a silence lasts at most 90d: write "90d"; for good, `except` in a rule leaves a domain out')
    if _is_moment(word.lower()):
        raise UsageError(f'{quoted(word)} is a time, not a duration: write "until {" ".join(words[:2])}"')
    try:
        return parse_duration(word.lower())
    except ValueError as error:
        if word[0].isdigit():
            raise UsageError(str(error)) from None
        raise UsageError(f"{quoted(word)} does not say until when; the reason comes last: {ENDS}") from None


def _is_moment(word: str) -> bool:
    return word in {"today", "tomorrow", *_NAMED_CLOCKS} or ":" in word or bool(_HALF_DAY.fullmatch(word))


def _moment(words: list[str], after: float, given: Given) -> float:
    """The first instant after ``after`` that is meant; takes the words that say so."""
    day, clock = _day_and_clock(words)
    time_of_day = _clock(clock)
    if words and (zone := _zone(words[0].lower(), given)) is not None:
        words.pop(0)
        given = replace(given, zone=zone)
    for each in _days(day, after, given):
        for instant in _instants(each, time_of_day, given.zone):
            if instant > after:
                return instant
    raise UsageError(f"{quoted(f'{day} {clock}')} is over by then: write {_TIMES}")


def _day_and_clock(words: list[str]) -> tuple[str, str]:
    """``("mon", "06:00")``; an empty day where none is named."""
    first = words.pop(0).lower().rstrip(",;.") if words else ""
    if not first:
        raise UsageError(f"a time is missing: write {_TIMES}")
    if (clock := _as_clock(first, words)) is not None:
        day = words.pop(0).lower() if words and words[0].lower() in {"today", "tomorrow"} else ""
        return day, clock
    if take_span([first]) is not None:
        clock = f', or "until {hours[1]}:00"' if (hours := _HOURS.fullmatch(first)) else ""
        raise UsageError(f'{quoted(first)} is a duration: write "{first}" without "until"{clock}')
    day, joined, clock = first.partition("t") if _DATE.match(first) else (first, "", "")
    if joined:
        return day, clock
    if day not in {"today", "tomorrow"} and not _DATE.fullmatch(day) and not _weekdays(day):
        raise UsageError(f"{quoted(day)} is not a time: write {_TIMES}")
    if not words:
        raise UsageError(f'{quoted(day)} lacks the time of day: write "until {day} 09:00"')
    if words[0].lower() == "at" and len(words) > 1:
        words.pop(0)
    written = words.pop(0).rstrip(",;.")
    return day, _as_clock(written.lower(), words) or written


def _as_clock(word: str, after: list[str]) -> str | None:
    """``06:00`` for 6, 6:00, 6am, ``6 am`` (takes the half of the day ``after`` it) or noon; ``None`` for others."""
    if after and after[0].lower() in {"am", "pm"} and _HALF_DAY.fullmatch(f"{word}{after[0].lower()}"):
        word += after.pop(0).lower()
    if match := _HALF_DAY.fullmatch(word):
        hour = int(match[1]) % 12 + 12 * (match[3] == "pm")
        return f"{hour:02}:{match[2] or '00'}"
    word = _NAMED_CLOCKS.get(word, word)
    return word if _CLOCK.fullmatch(word) else None


def _zone(word: str, given: Given) -> tzinfo | None:
    """The zone that a word names: UTC, or that of whoever gave the order; ``None`` where it names none."""
    if word in {"utc", "gmt", "z"}:
        return UTC
    own = datetime.fromtimestamp(given.now, given.zone).tzname() or ""
    if word in {own.lower(), str(given.zone).lower()}:
        return given.zone
    if _ZONES.fullmatch(word):
        read = own if own == "UTC" else f"{own} or UTC"
        raise UsageError(f"times are read in {read}, and not in {word.upper()}")
    return None


def _weekdays(word: str) -> list[int]:
    """The weekday that a word of three letters or more begins; Monday is 0."""
    return [number for number, name in enumerate(_WEEKDAYS) if len(word) > 2 and name.startswith(word)]


def _days(word: str, after: float, given: Given) -> Sequence[date]:
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
    return time(int(match[1]), int(match[2] or 0))


def _instants(day: date, clock: time, zone: tzinfo) -> Iterator[float]:
    """When the clocks show that: twice where they are put back, and where they skip it, as if they did not."""
    first = datetime.combine(day, clock, zone)
    second = first.replace(fold=1)
    yield first.timestamp()
    if second.timestamp() > first.timestamp():  # in a gap it is the earlier one, and shows another time
        yield second.timestamp()
