"""Where an axis is marked and how: times by the reader's clock, bandwidth in the unit a person would use."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

_HOUR, _DAY = 3600, 86_400
_STEPS = (900, 1800, _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR)
_DAY_STEPS = (1, 2, 3, 5, 7, 14)
_UNITS = (("Tbps", 1e12), ("Gbps", 1e9), ("Mbps", 1e6), ("kbps", 1e3), ("bps", 1.0))
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)

Tick = tuple[float, str]
"""A place on the axis, and what stands there."""


def time_ticks(first: float, end: float, zone: tzinfo, most: int) -> list[Tick]:
    """At most about so many times between two epoch seconds, on round hours of the clock on the wall."""
    wanted = (end - first) / most
    step = next((step for step in _STEPS if step >= wanted), None)
    if step is not None:
        return [(moment, _clock(moment, zone)) for moment in _hours(first, end, zone, step)]
    days = next((days for days in _DAY_STEPS if days * _DAY >= wanted), 30)
    moments = list(_days(first, end, zone, days))
    return [(moment, _date(moment, before, zone)) for before, moment in zip([0.0, *moments], moments, strict=False)]


def _midnight(moment: float, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(moment, zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _days(first: float, end: float, zone: tzinfo, step: int) -> Iterator[float]:
    day = _midnight(first, zone)
    while (moment := day.timestamp()) <= end:
        if moment >= first:
            yield moment
            day += timedelta(days=step - 1)
        day += timedelta(days=1)


def _hours(first: float, end: float, zone: tzinfo, step: int) -> Iterator[float]:
    """By the clock on the wall, from each midnight on: an hour that comes twice is marked once, a missing one not."""
    day = _midnight(first, zone)
    while day.timestamp() <= end:
        for second in range(0, _DAY, step):
            wall = day + timedelta(seconds=second)
            moment = wall.timestamp()
            there = datetime.fromtimestamp(moment, UTC).astimezone(zone)
            if first <= moment <= end and there.replace(tzinfo=None) == wall.replace(tzinfo=None):
                yield moment
        day += timedelta(days=1)


def _clock(moment: float, zone: tzinfo) -> str:
    local = datetime.fromtimestamp(moment, zone)
    return f"{local:%H:%M}" if (local.hour, local.minute) != (0, 0) else f"{local:%a} {local.day}"


def _date(moment: float, before: float, zone: tzinfo) -> str:
    """A day, with its month where the mark ``before`` it is of another."""
    local, earlier = datetime.fromtimestamp(moment, zone), datetime.fromtimestamp(before, zone)
    return f"{local:%a} {local.day}" if local.month == earlier.month and before else f"{local.day} {local:%b}"


def rate_ticks(top: float, most: int) -> list[Tick]:
    """Round rates from 0 up to ``top`` bit/s, all in one unit; 0 is always marked."""
    unit, size = next((pair for pair in _UNITS if top >= pair[1]), _UNITS[-1])
    rough = top / most
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    step = next(factor * power for factor in _ROUND if factor * power >= rough * (1 - 1e-9))
    counts = range(1, int(top / step + 1e-9) + 1)
    return [(0.0, "0"), *((count * step, f"{count * step / size:g} {unit}") for count in counts)]
