"""Windows of the week, ``mon-fri 09:00-18:00``, in the wall time of a zone.

A moment lies in a window where the zone's clock on the wall, its day of the week and its minute, does; a window over
midnight belongs to the day it begins on. Nothing else is asked, so on the nights when clocks are changed: an hour that
comes twice counts both times, or neither; an hour that is left out cannot count, and a window that reaches into it is
so much shorter; a window that lies wholly within it passes that week by.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from alertbot.units import DAY
from alertbot.words import quoted

Mask = NDArray[np.bool_]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBER = {name: number for names in (_DAYS, _FULL) for number, name in enumerate(names)}
_EXAMPLE = 'write days and times, such as "mon-fri 09:00-18:00", "sat,sun 00:00-24:00" or "daily 22:00-06:00"'
_WINDOW = re.compile(r"([a-z]+(?:[-,][a-z]+)*) (\d{1,2}:\d\d)-(\d{1,2}:\d\d)", re.ASCII)
_DAYS_TEXT = re.compile(r"[a-z]+(?:[-,][a-z]+)*", re.ASCII)
_TIME = re.compile(r"\d{1,2}:\d\d", re.ASCII)
_DAY_MINUTES = DAY // 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
_THURSDAY = 3 * DAY
"""Seconds into the week at which the epoch began."""

_STRIDE = 6 * 3600
"""Seconds within which no zone changes its clocks twice."""


@dataclass(frozen=True)
class Window:
    """``days`` count from 0, Monday; ``start`` and ``end`` are minutes of the day; an end before the start is the next
    day's.
    """

    days: frozenset[int]
    start: int
    end: int

    def __str__(self) -> str:
        """As it is written in the file."""
        return f"{_days_text(self.days)} {_time_text(self.start)}-{_time_text(self.end)}"


@dataclass(frozen=True)
class Schedule:
    """It holds in any of its windows, which are wall time in ``zone``."""

    windows: tuple[Window, ...]
    zone: tzinfo

    def __str__(self) -> str:
        """As it is written in the file."""
        return ", ".join(map(str, self.windows))

    def holds(self, slots: NDArray[np.int64]) -> Mask:
        """Where it holds at the start of each slot; an array of any shape."""
        apart, place = np.unique(slots, return_inverse=True)
        answers = np.array([self.holds_at(slot) for slot in apart.tolist()], dtype=bool)
        return answers[place].reshape(np.shape(slots))

    def holds_at(self, epoch: float) -> bool:
        """Whether it holds at this instant."""
        return self._remembered(epoch)

    def until(self, epoch: float) -> float | None:
        """When the stretch that holds at ``epoch`` ends, windows that touch or overlap taken as one.

        None where it does not hold, and where it always does, so that nothing ends.
        """
        if not self.holds_at(epoch) or self._week.all():
            return None
        while ahead := int(np.argmin(np.roll(self._week, -self._minute(epoch)))):
            epoch = self._on(epoch, ahead)
        return epoch

    @cached_property
    def _remembered(self) -> Callable[[float], bool]:
        """The last few answers: in a storm thousands of alerts ask for the same slot."""
        return lru_cache(maxsize=64)(lambda epoch: bool(self._week[self._minute(epoch)]))

    @cached_property
    def _week(self) -> Mask:
        """The minutes of the week, from Monday 00:00, in which it holds."""
        week = np.zeros(_WEEK_MINUTES, dtype=bool)
        for window in self.windows:
            length = window.end - window.start + (_DAY_MINUTES if window.end <= window.start else 0)
            for day in window.days:
                week[(day * _DAY_MINUTES + window.start + np.arange(length)) % _WEEK_MINUTES] = True
        return week

    def _on(self, epoch: float, minutes: int) -> float:
        """So many minutes on by the clock on the wall, but at most a stride, and no further than its next change."""
        offset = self._offset(epoch)
        wall = (int(epoch // 1) + offset) // 60 * 60 + minutes * 60
        later = min(wall - offset, int(epoch // 1) + _STRIDE)
        return float(later if self._offset(later) == offset else self._changed(int(epoch // 1), later))

    def _changed(self, before: int, after: int) -> int:
        """The first second of the offset that holds at ``after`` and not yet at ``before``."""
        old = self._offset(before)
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (middle, after) if self._offset(middle) == old else (before, middle)
        return after

    def _minute(self, epoch: float) -> int:
        """The minute of the week on the wall."""
        return (int(epoch // 1) + self._offset(epoch) + _THURSDAY) // 60 % _WEEK_MINUTES

    def _offset(self, epoch: float) -> int:
        """Seconds by which the wall is ahead of UTC."""
        offset = datetime.fromtimestamp(epoch, self.zone).utcoffset()
        return 0 if offset is None else int(offset.total_seconds())


def parse_window(text: str) -> Window:
    """The window of ``mon-fri 09:00-18:00``; ``ValueError`` with an example for anything else."""
    plain = re.sub(r"\s*([-,])\s*", r"\1", " ".join(text.lower().split()))
    match = _WINDOW.fullmatch(plain)
    if match is None:
        raise ValueError(f"{quoted(text)} is no time window: {_EXAMPLE}")
    days = _parse_days(match[1])
    start, end = _parse_time(match[2]), _parse_time(match[3])
    if start == _DAY_MINUTES:
        raise ValueError(f'{quoted(text)} begins at 24:00: write 00:00 and the day after, "sat 00:00-06:00"')
    if start == end:
        raise ValueError(f'{quoted(text)} is empty: write an end that differs, or "00:00-24:00" for whole days')
    return Window(days, start, end)


def parse_days(text: str) -> frozenset[int]:
    """The days of ``mon-fri``, ``sat,sun`` or ``daily``, from 0, Monday; ``ValueError`` for anything else."""
    plain = re.sub(r"\s*([-,])\s*", r"\1", text.strip().lower())
    if not _DAYS_TEXT.fullmatch(plain):
        raise ValueError(f'{quoted(text)} names no days: write "mon-fri", "sat,sun" or "daily"')
    return _parse_days(plain)


def parse_time_of_day(text: str) -> int:
    """The minute of the day of ``09:00``; ``ValueError`` for anything else."""
    plain = text.strip()
    minute = _minute(plain, _DAY_MINUTES - 1) if _TIME.fullmatch(plain) else None
    if minute is None:
        raise ValueError(f'{quoted(text)} is no time of day: write "00:00" to "23:59", such as "09:00"')
    return minute


def parse_weekly(text: str) -> tuple[frozenset[int], int]:
    """The days and the minute of ``mon 09:00``; ``ValueError`` for anything else."""
    days, _, time = text.strip().rpartition(" ")
    if not days:
        raise ValueError(f'{quoted(text)} is no day and time: write both, such as "mon 09:00"')
    return parse_days(days), parse_time_of_day(time)


def _parse_days(text: str) -> frozenset[int]:
    if text == "daily":
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        ends = [_parse_day(name) for name in part.split("-")]
        if len(ends) > 2:
            raise ValueError(f"{quoted(part)} is no range of days: {_EXAMPLE}")
        days.update((ends[0] + step) % 7 for step in range((ends[-1] - ends[0]) % 7 + 1))
    return frozenset(days)


def _parse_day(name: str) -> int:
    if name not in _NUMBER:
        raise ValueError(f"{quoted(name)} is no day: {_EXAMPLE}")
    return _NUMBER[name]


def _parse_time(text: str) -> int:
    minute = _minute(text, _DAY_MINUTES)
    if minute is None:
        raise ValueError(f'{quoted(text)} is no time of day: write "00:00" to "24:00", such as "mon-fri 09:00-18:00"')
    return minute


def _minute(text: str, latest: int) -> int | None:
    """The minute of the day of ``09:00``; ``None`` where there is no such time, or it is past the ``latest`` minute."""
    hours, minutes = map(int, text.split(":"))
    minute = 60 * hours + minutes
    return minute if minutes <= 59 and minute <= latest else None


def _days_text(days: frozenset[int]) -> str:
    if len(days) == 7:
        return "daily"
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(_DAYS[run[0]] if len(run) == 1 else f"{_DAYS[run[0]]}-{_DAYS[run[-1]]}" for run in runs)


def _time_text(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
