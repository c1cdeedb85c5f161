"""Traffic of many domains for the benches: what each usually carries, and incidents of which the truth is known."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from alertbot.rules.base import Array, Direction, Mask
from alertbot.units import DAY, DAY_SLOTS, SLOT

WEEK_SLOTS = 7 * DAY_SLOTS


@dataclass(frozen=True)
class Event:
    """A true incident: from the row ``first`` to the one before ``end`` a series carries ``factor`` times its usual."""

    series: int
    first: int
    end: int
    factor: float

    @property
    def direction(self) -> Direction:
        return Direction.RISE if self.factor > 1 else Direction.FALL

    @property
    def kind(self) -> str:
        return "dark" if self.factor == 0 else "rise" if self.factor > 1 else "fall"


class Made:
    """A history for a replay: ``values`` (slots x series, bit/s) from midnight of the UTC day ``first`` on."""

    def __init__(self, names: Sequence[str], first: int, values: Array) -> None:
        self.series = tuple(names)
        self._first = first
        self._values = values

    def days(self) -> Sequence[int]:
        return range(self._first, self._first + len(self._values) // DAY_SLOTS)

    def day(self, day: int) -> tuple[Array, Mask]:
        start = (day - self._first) * DAY_SLOTS
        values = self._values[start : start + DAY_SLOTS]
        return values, np.ones(values.shape, dtype=bool)

    def last_of(self, series: str) -> int:
        return (self._first * DAY_SLOTS + len(self._values) - 1) * SLOT if series in self.series else -1


def local(slots: Array, zone: ZoneInfo) -> Array:
    """The seconds of the wall clock at these slots, as if it were UTC."""
    hours, place = np.unique(slots // 3600, return_inverse=True)
    offsets = [datetime.fromtimestamp(3600 * hour, UTC).astimezone(zone).utcoffset() for hour in hours.tolist()]
    return np.asarray(slots + np.array([0 if each is None else each.total_seconds() for each in offsets])[place])


def made_up(random: np.random.Generator, clock: Array, level: float) -> Array:
    """A domain's usual traffic by its ``clock`` (seconds): two daily waves, a week, and noise.

    Some noise lasts, some is of a slot; small domains have more of it.
    """
    swing, second = random.uniform(0.15, 0.7), random.uniform(0, 0.2)
    phase = random.normal(20, 3) / 24
    day = clock / DAY % 1
    wave = 1 + swing * np.cos(2 * np.pi * (day - phase)) + second * np.cos(4 * np.pi * (day - random.uniform()))
    weekend = np.where(((clock // DAY + 3) % 7) >= 5, random.uniform(0.6, 1.25), 1.0)
    small = np.clip((7.5 - np.log10(level)) / 2, 0, 1)
    lasting = _lasting(random, len(clock), 0.97) * random.uniform(0.02, 0.06)
    quick = random.normal(0, random.uniform(0.01, 0.05) + 0.2 * small, len(clock))
    return np.asarray(level * np.clip(wave, 0.05, None) * weekend * np.exp(lasting + quick))


def _lasting(random: np.random.Generator, count: int, share: float) -> Array:
    """Noise of deviation 1, of which each slot keeps a share."""
    weights = share ** np.arange(200)
    return np.asarray(np.convolve(random.normal(0, np.sqrt(1 - share**2), count + 199), weights, "valid"))


def silent_nights(random: np.random.Generator, clock: Array) -> Mask:
    """When a domain carries nothing: every night, up to a quarter of an hour sooner or later each."""
    begin, length = random.uniform(21, 25), random.uniform(4, 9)
    return _spans(random, clock, begin, length, 1)


def silent_weekends(random: np.random.Generator, clock: Array) -> Mask:
    """Likewise, from Friday evening to Monday morning."""
    friday = 24 + random.uniform(17, 23)  # the epoch began on a Thursday
    return _spans(random, clock, friday, 48 + random.uniform(6, 14), 7)


def _spans(random: np.random.Generator, clock: Array, begin: float, length: float, days: int) -> Mask:
    found = np.zeros(len(clock), dtype=bool)
    period = days * DAY
    for start in range(int(clock[0]) // period * period - period, int(clock[-1]) + 1, period):
        first = start + 3600 * begin + random.integers(-3, 4) * SLOT
        last = start + 3600 * (begin + length) + random.integers(-3, 4) * SLOT
        found |= (clock >= first) & (clock < last)
    return found


def labelled(dataset: Path) -> list[Array]:
    """The series of a labelled set in whole weeks, with what is labelled or missing taken from another week.

    See bench/detection.py. A series of less than three weeks, or that was never well at some hour, is left out.
    """
    with gzip.open(dataset, "rt") as lines:
        held = [json.loads(line) for line in lines]
    found = (_unlabelled(each) for each in held if each["step"] == SLOT and each["group"][:4] != "nab-")
    return [values for values in found if len(values) >= 3 * WEEK_SLOTS and not np.isnan(values).any()]


def _unlabelled(series: dict[str, Any]) -> Array:
    slots = np.array(series["ts"]) // SLOT - int(series["ts"][0]) // SLOT
    values = np.full(slots[-1] + 1, np.nan)
    values[slots] = series["v"]
    for each in (*series["labels"], *series.get("ignore", ()), *series.get("benign", ())):
        first, end = (int(each[key] - series["ts"][0]) // SLOT for key in ("start", "end"))
        values[max(first - 12, 0) : end + 13] = np.nan
    weeks = values[: len(values) // WEEK_SLOTS * WEEK_SLOTS].reshape(-1, 7, DAY_SLOTS)
    for place in np.argwhere(np.isnan(weeks).any(axis=2)).tolist():
        _fill(weeks, *place)
    return np.asarray(weeks.ravel())


def _fill(weeks: Array, week: int, day: int) -> None:
    """Take what is unknown of a day from the same day of the nearest weeks, brought to its level."""
    held = weeks[week, day]
    for other in sorted(range(len(weeks)), key=lambda each: abs(each - week)):
        both = ~np.isnan(held) & ~np.isnan(weeks[other, day])
        if both.any() and weeks[other, day, both].sum() > 0:
            scale = held[both].sum() / weeks[other, day, both].sum()
            held[:] = np.where(np.isnan(held), weeks[other, day] * scale, held)


def real(random: np.random.Generator, sources: Sequence[Array], clock: Array, level: float) -> Array:
    """One of the labelled series, shifted by whole weeks and scaled to a level; it goes by the given clock."""
    source = sources[random.integers(len(sources))]
    shift = int(random.integers(len(source) // WEEK_SLOTS)) * WEEK_SLOTS
    rows = (clock // SLOT).astype(np.int64) - int(clock[0]) // SLOT + shift
    return np.asarray(source[rows % len(source)] * (level / (np.median(source[source > 0]) or 1)))
