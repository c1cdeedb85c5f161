"""``p95``: the 95th percentile of a month, as bandwidth is billed, and how much burst is left in it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

import numpy as np

from alertbot.config.watch import Watch
from alertbot.errors import UsageError
from alertbot.query.bandwidth import known_or_none
from alertbot.query.names import Meant
from alertbot.query.trend import Trend, trend_of
from alertbot.rules.base import Array
from alertbot.rules.months import Calendar, Month
from alertbot.rules.percentile import PERCENT, WEEK, Percentile, nearest_rank, rank
from alertbot.store import samples
from alertbot.store.schema import reading
from alertbot.units import SLOT, format_ordinal

Bill = tuple[str, Percentile]
"""The name of a rule, and its kind: what a month is compared with."""

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])", re.ASCII)


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
class Committed:
    """What a rule compares a month with, in bit/s; ``burst`` slots of the month may still lie above it."""

    rule: str
    commit: float
    burst: int | None


@dataclass(frozen=True)
class MonthSoFar:
    """A series' month and the one before, in bit/s; ``now`` is the value of ``last``, its last known slot of both.

    ``forecast``: for the month's end, if the rest of it is like the last seven days; None where that cannot be said.
    """

    series: str
    members: int | None
    last: int | None
    now: float | None
    month: Billed
    before: Billed
    percent: int = PERCENT
    forecast: float | None = None
    committed: Committed | None = None
    trend: Trend | None = field(default=None, metadata={"json": False})


def month_of(text: str | None, zone: tzinfo, now: float, first_day: int = 1) -> Month:
    """The month of ``2026-11``, ``last``, the newest ``october``, or the present one; ``UsageError`` for others."""
    calendar = Calendar(first_day, zone)
    present = calendar.at(int(now))
    if text is None or text.lower() in {"this", "current"}:
        return present
    if text.lower() in {"last", "previous"}:
        return calendar.before(present)
    if (number := _named(text.lower())) is not None:
        month = calendar.month(int(present.name[:4]), number)
        return month if month.start <= now else calendar.month(int(present.name[:4]) - 1, number)
    match = _MONTH.fullmatch(text)
    if match is None:
        raise UsageError(f'"{text[:40]}" is no month: write it as {present.name}')
    month = calendar.month(int(match[1]), int(match[2]))
    if month.start > now:
        raise UsageError(f"{text} has not begun: the present month is {present.name}")
    return month


def _named(word: str) -> int | None:
    """The month of the year that a word of three letters or more begins."""
    return next((number for number, name in enumerate(_MONTHS, 1) if len(word) > 2 and name.startswith(word)), None)


def bill_of(watch: Watch, what: Meant) -> Bill | None:
    """The first rule, by name, that compares a series' month with what is committed."""
    for name, rule in sorted(watch.rules.items()):
        if isinstance(rule.kind, Percentile) and len(what.series) == 1 and what.series[0] in watch.selection[name]:
            return name, rule.kind
    return None


def percentile(path: Path, what: Meant, month: Month, zone: tzinfo, now: float, bill: Bill | None = None) -> MonthSoFar:
    """The month up to now, and the month before; with a ``bill`` by its percentile, months and commitment."""
    name, kind = (None, Percentile(math.inf, calendar=Calendar(1, zone))) if bill is None else bill
    before = kind.calendar.before(month)
    last = min(month.end - SLOT, int(now) // SLOT * SLOT)
    with reading(path) as db:
        values = samples.sum_of(db, what.series, before.start, last)
    cut = (month.start - before.start) // SLOT
    known = np.flatnonzero(~np.isnan(values))
    newest = None if not len(known) else before.start + SLOT * int(known[-1])
    outlook = None
    if newest is not None and newest >= month.start and now < month.end:
        seen = values[: int(known[-1]) + 1]
        outlook = kind.outlook(seen[cut:], seen[-WEEK:], (month.end - newest) // SLOT - 1)
    burst = None if outlook is None else outlook.burst
    billed = _billed(month, values[cut:], now, kind.percent)
    committed = None if name is None else Committed(name, kind.commit, burst)
    return MonthSoFar(
        series=what.name,
        members=what.members,
        last=newest,
        now=None if newest is None else known_or_none(values[known[-1]]),
        month=billed,
        before=_billed(before, values[:cut], now, kind.percent),
        percent=kind.percent,
        forecast=None if outlook is None else outlook.forecast,
        committed=committed,
        trend=_trend(billed, values[cut:], kind.percent, committed),
    )


def _trend(billed: Billed, values: Array, percent: int, committed: Committed | None) -> Trend | None:
    """The peaks of a month beside its percentile and what is committed."""
    if billed.p95 is None:
        return None
    seen = values[: int(np.flatnonzero(~np.isnan(values))[-1]) + 1]
    levels = {f"{format_ordinal(percent)} percentile": billed.p95}
    levels |= {} if committed is None else {"committed": committed.commit}
    lines = {name: np.full(len(seen), level) for name, level in levels.items()}
    return trend_of(billed.month.start, {"peak": seen, **lines}, peaks=True)


def _billed(month: Month, values: Array, now: float, percent: int) -> Billed:
    """``values``: of the month's slots up to the present one, or all of them."""
    places = np.flatnonzero(~np.isnan(values))
    if not len(places):
        return Billed(month, 0, len(values))
    known = values[places]
    p95 = nearest_rank(known, percent)
    above = int((known > p95).sum())
    if now >= month.end:
        return Billed(month, len(known), len(values), p95, above)
    to_come = month.slots - int(places[-1]) - 1
    slots = int(places[-1]) + 1  # what is not published yet is not missing
    return Billed(month, len(known), slots, p95, above, _burst(len(known), above, to_come, percent))


def _burst(known: int, above: int, to_come: int, percent: int = PERCENT) -> Burst:
    """The percentile stays while its rank is among the slots at or under it."""
    in_a_row = 100 * (known - above) // percent - known
    whole = known + to_come
    allowed = whole - int(rank(whole, percent))
    return Burst(min(in_a_row, to_come), max(min(allowed - above, to_come), 0), allowed)
