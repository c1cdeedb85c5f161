"""``p95``: the 95th percentile of a month, as bandwidth is billed, and how much burst is left in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

import numpy as np

from alertbot.errors import UsageError
from alertbot.query.figures import PERCENT, known_or_none, nearest_rank, rank
from alertbot.query.names import Meant
from alertbot.rules.base import Array
from alertbot.store import samples
from alertbot.store.schema import reading
from alertbot.units import SLOT

_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True)
class Month:
    """A calendar month in the reader's zone: the slots from ``start`` until ``end``, which is the next month's."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class Burst:
    """What may still lie above the percentile, in slots.

    ``in_a_row``: how many of the coming slots may, one after the other, before the percentile so far rises. ``free`` of
    ``allowed``: how many may until the month is over without it being higher then, if all slots to come are known.
    """

    in_a_row: int
    free: int
    allowed: int


@dataclass(frozen=True)
class Billed:
    """A month's percentile, nearest rank over the ``known`` of ``slots`` slots so far; ``above`` lie above it."""

    month: Month
    known: int
    slots: int
    p95: float | None = None
    above: int = 0
    burst: Burst | None = None


@dataclass(frozen=True)
class Percentile:
    """A series' month and the one before, in bit/s; ``now`` is the value of ``last``, its last known slot of both."""

    series: str
    members: int | None
    last: int | None
    now: float | None
    month: Billed
    before: Billed


def month_of(text: str | None, zone: tzinfo, now: float) -> Month:
    """The month of ``2026-11``, or the present one; ``UsageError`` for what is none, or has not begun."""
    today = datetime.fromtimestamp(now, zone)
    if text is None:
        return _month(today.year, today.month, zone)
    match = _MONTH.fullmatch(text)
    if match is None:
        raise UsageError(f'"{text[:40]}" is no month: write it as {today:%Y-%m}')
    month = _month(int(match[1]), int(match[2]), zone)
    if month.start > now:
        raise UsageError(f"{text} has not begun: the present month is {today:%Y-%m}")
    return month


def _month(year: int, month: int, zone: tzinfo) -> Month:
    return Month(f"{year}-{month:02}", _start(year, month, zone), _start(year, month + 1, zone))


def _start(year: int, month: int, zone: tzinfo) -> int:
    """The first slot of a month; 0 and 13 are the months beyond the year's ends."""
    moment = datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=zone)
    return -(-int(moment.timestamp()) // SLOT) * SLOT


def percentile(path: Path, what: Meant, month: Month, zone: tzinfo, now: float) -> Percentile:
    """The month up to now, and the month before."""
    first_day = datetime.fromtimestamp(month.start, zone)
    before = _month(*_previous(first_day.year, first_day.month), zone)
    last = min(month.end - SLOT, int(now) // SLOT * SLOT)
    with reading(path) as db:
        values = samples.added_up(db, what.series, before.start, last)
    cut = (month.start - before.start) // SLOT
    known = np.flatnonzero(~np.isnan(values))
    newest = None if not len(known) else before.start + SLOT * int(known[-1])
    present = None if newest is None else known_or_none(values[known[-1]])
    return Percentile(
        what.name, what.members, newest, present, _billed(month, values[cut:], now), _billed(before, values[:cut], now)
    )


def _previous(year: int, month: int) -> tuple[int, int]:
    return (year - 1, 12) if month == 1 else (year, month - 1)


def _billed(month: Month, values: Array, now: float) -> Billed:
    """``values``: of the month's slots up to the present one, or all of them."""
    places = np.flatnonzero(~np.isnan(values))
    if not len(places):
        return Billed(month, 0, len(values))
    known = values[places]
    p95 = nearest_rank(known)
    above = int((known > p95).sum())
    if now >= month.end:
        return Billed(month, len(known), len(values), p95, above)
    to_come = (month.end - month.start) // SLOT - int(places[-1]) - 1
    slots = int(places[-1]) + 1  # what is not published yet is not missing
    return Billed(month, len(known), slots, p95, above, _burst(len(known), above, to_come))


def _burst(known: int, above: int, to_come: int) -> Burst:
    """The percentile stays while its rank is among the slots at or under it."""
    in_a_row = 100 * (known - above) // PERCENT - known
    whole = known + to_come
    allowed = whole - int(rank(whole))
    return Burst(min(in_a_row, to_come), max(min(allowed - above, to_come), 0), allowed)
