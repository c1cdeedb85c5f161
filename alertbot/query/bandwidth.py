"""``show`` and ``top``: what series carried, in bit/s, against the day and the week before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np

from alertbot.query.names import Meant
from alertbot.query.trend import Trend, compared
from alertbot.rules.base import Array
from alertbot.rules.percentile import nearest_rank, rank
from alertbot.rules.selection import TOTAL
from alertbot.store import samples
from alertbot.store.schema import reading
from alertbot.units import DAY_SLOTS, SLOT, slots_of

RECENT_SLOTS = 12
"""Slots before the newest of all within which a series has a value that counts as its present one."""

_LATELY = 2 * DAY_SLOTS + RECENT_SLOTS


@dataclass(frozen=True)
class Figures:
    """A stretch of slots in numbers, in bit/s; ``known`` of its slots are known, and what is not is ``None``."""

    average: float | None
    peak: float | None
    p95: float | None
    known: int


@dataclass(frozen=True)
class Show:
    """A series over ``span`` seconds up to ``last``, in bit/s; what is not known is ``None``.

    ``now`` is the value of the slot ``last``, the last known one; ``yesterday`` and ``last_week`` of the same slot
    then, ``day_before`` and ``week_before`` the whole span then. ``known`` of ``slots`` slots are known. ``members``:
    of a group, how many domains are added up.
    """

    series: str
    members: int | None
    span: int
    slots: int
    last: int | None = None
    now: float | None = None
    average: float | None = None
    peak: float | None = None
    peak_slot: int | None = None
    p95: float | None = None
    known: int = 0
    yesterday: float | None = None
    last_week: float | None = None
    day_before: Figures | None = None
    week_before: Figures | None = None
    trend: Trend | None = field(default=None, metadata={"json": False})


class By(StrEnum):
    """What a list of series is ordered by."""

    NOW = "now"
    PEAK = "peak"
    P95 = "p95"
    CHANGE = "change"


@dataclass(frozen=True)
class TopLine:
    """A series in the slot ``slot``, in the same slot a day earlier, and over the 24 hours up to the newest slot."""

    series: str
    slot: int | None
    now: float | None
    yesterday: float | None
    peak: float | None
    p95: float | None

    @property
    def change(self) -> float | None:
        """Bit/s more than a day earlier."""
        return None if self.now is None or self.yesterday is None else self.now - self.yesterday

    def by(self, what: By) -> float | None:
        """What it is ranked by."""
        if what is By.CHANGE:
            return None if self.change is None else abs(self.change)
        return {By.NOW: self.now, By.PEAK: self.peak, By.P95: self.p95}[what]


@dataclass(frozen=True)
class Top:
    """The first of ``domains`` watched domains, of which ``ranked`` are known well enough to be ranked."""

    by: By
    last: int | None
    total: TopLine | None
    lines: tuple[TopLine, ...]
    ranked: int
    domains: int


def show(path: Path, what: Meant, span: int, now: float) -> Show:
    """A series over the last ``span`` seconds up to its last known slot."""
    count, end = slots_of(span), int(now) // SLOT * SLOT
    first = end - (DAY_SLOTS - 1 + 7 * DAY_SLOTS + count - 1) * SLOT
    with reading(path) as db:
        values = samples.sum_of(db, what.series, first, end)
    known = np.flatnonzero(~np.isnan(values[-DAY_SLOTS:]))
    if not len(known):
        return Show(what.name, what.members, span, count)
    after = DAY_SLOTS - 1 - int(known[-1])
    return _shown(what, span, end - after * SLOT, values[: len(values) - after])


def _shown(what: Meant, span: int, last: int, values: Array) -> Show:
    """``values`` end with the slot ``last`` and reach back a week and the span."""
    count = slots_of(span)
    asked = values[-count:]
    peak, own = int(np.nanargmax(asked)), figures(asked)
    return Show(
        series=what.name,
        members=what.members,
        span=span,
        slots=count,
        last=last,
        now=float(values[-1]),
        average=own.average,
        peak=own.peak,
        peak_slot=last - (count - 1 - peak) * SLOT,
        p95=own.p95,
        known=own.known,
        yesterday=known_or_none(values[-1 - DAY_SLOTS]),
        last_week=known_or_none(values[-1 - 7 * DAY_SLOTS]),
        day_before=figures(values[:-DAY_SLOTS][-count:]),
        week_before=figures(values[: -7 * DAY_SLOTS][-count:]),
        trend=compared(values, count, last),
    )


def figures(values: Array) -> Figures:
    """A stretch of slots in numbers."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Figures(None, None, None, 0)
    return Figures(float(known.mean()), float(known.max()), nearest_rank(known), len(known))


def known_or_none(value: float) -> float | None:
    """NaN as ``None``."""
    return None if np.isnan(value) else float(value)


def top(path: Path, domains: Sequence[str], by: By, most: int, now: float) -> Top:
    """The ``most`` domains that carry most, or moved most since yesterday, and the total."""
    end = int(now) // SLOT * SLOT
    names = [TOTAL, *domains]
    with reading(path) as db:
        values = samples.matrix(db, names, end - (_LATELY + DAY_SLOTS - 1) * SLOT, end)
    known = np.flatnonzero(~np.isnan(values[-DAY_SLOTS:]).all(axis=1))
    if not len(known):
        return Top(by, None, None, (), 0, len(domains))
    after = DAY_SLOTS - 1 - int(known[-1])
    last = end - after * SLOT
    total, *lines = _top_lines(names, values[: len(values) - after][-_LATELY:], last)
    ranked = sorted(
        (line for line in lines if line.by(by) is not None), key=lambda line: (-(line.by(by) or 0.0), line.series)
    )
    return Top(by, last, total, tuple(ranked[:most]), len(ranked), len(domains))


def _top_lines(names: Sequence[str], values: Array, last: int) -> list[TopLine]:
    """``values``: slots x series, the last slot ``last``."""
    columns = np.arange(len(names))
    newest = np.isnan(values[: -RECENT_SLOTS - 1 : -1]).argmin(axis=0)  # slots back from the last to the newest known
    now, then = values[-1 - newest, columns], values[-1 - newest - DAY_SLOTS, columns]
    ordered = np.sort(values[-DAY_SLOTS:], axis=0)  # NaN sorts last
    known = DAY_SLOTS - np.isnan(ordered).sum(axis=0)
    peak, p95 = ordered[known - 1, columns], ordered[rank(known) - 1, columns]  # NaN, the last, where none is known
    return [
        TopLine(
            name,
            None if np.isnan(now[column]) else last - SLOT * int(newest[column]),
            known_or_none(now[column]),
            None if np.isnan(now[column]) else known_or_none(then[column]),
            known_or_none(peak[column]),
            known_or_none(p95[column]),
        )
        for column, name in enumerate(names)
    ]
