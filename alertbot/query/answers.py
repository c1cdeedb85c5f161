"""The questions: status, show, alerts, rules, silences. Each opens the database for reading and closes it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from sqlite_utils import Database

from alertbot.alerts.incidents import ToldAlert
from alertbot.errors import StoreError
from alertbot.query.live import Live
from alertbot.rules.base import Array, Rule
from alertbot.store import feedlog, incidents, listing, outbox, samples, schema, state
from alertbot.store.listing import StoredSilence
from alertbot.units import DAY, DAY_SLOTS, SLOT, slots_of

RECENT = DAY
"""Seconds for which ``alerts`` still shows what resolved."""

MOST_ALERTS = 20
MOST_SILENCES = 20


@dataclass(frozen=True)
class Status:
    """How the bot is: the feed, alerts that fire, open incidents, the outbox by state, the channels in trouble."""

    live: Live
    firing: int
    incidents: int
    outbox: Mapping[str, int]
    trouble: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Show:
    """One series over ``span`` seconds up to ``last``, in bit/s; what is not known is ``None``.

    ``now`` is the value of the slot ``last``, the last known one; ``yesterday`` and ``last_week`` of the same slot
    then. ``known`` of ``slots`` slots are known.
    """

    series: str
    span: int
    last: int | None
    now: float | None
    average: float | None
    peak: float | None
    peak_slot: int | None
    p95: float | None
    yesterday: float | None
    last_week: float | None
    known: int
    slots: int


@dataclass(frozen=True)
class Alerts:
    """What fires, the newest first, then what resolved lately; ``more`` counts what is not listed."""

    firing: tuple[ToldAlert, ...]
    resolved: tuple[ToldAlert, ...]
    more: int


@dataclass(frozen=True)
class RuleLine:
    """One rule and how many series it judges."""

    rule: Rule
    series: int


class Stage(StrEnum):
    """Where a silence stands."""

    IN_FORCE = "in force"
    UPCOMING = "upcoming"
    CANCELLED = "cancelled"
    OVER = "over"


@dataclass(frozen=True)
class SilenceLine:
    """A silence and where it stands."""

    silence: StoredSilence
    stage: Stage


@dataclass(frozen=True)
class Silences:
    """What is silenced, what will be, and what was within a day; ``more`` counts what is not listed."""

    lines: tuple[SilenceLine, ...]
    more: int

    def of(self, *stages: Stage) -> tuple[SilenceLine, ...]:
        """Those that stand there."""
        return tuple(line for line in self.lines if line.stage in stages)


@contextmanager
def reading(path: Path) -> Iterator[Database]:
    """The database, open for reading."""
    database = schema.open_for_reading(path)
    try:
        yield database
    finally:
        database.close()


def status(path: Path, live: Live) -> Status:
    """How the bot is just now."""
    with reading(path) as db:
        return Status(
            live, state.count_firing(db), incidents.count_open(db), outbox.counts(db), tuple(outbox.trouble(db))
        )


def stored_status(path: Path) -> tuple[Status, float]:
    """How the bot was when the service last said so, and when that was, epoch seconds."""
    with reading(path) as db:
        held = feedlog.live(db)
    if held is None:
        raise StoreError(f"{path}: the service has not looked at the feed yet: start `alertbot run`")
    written, facts = held
    return status(path, Live.from_json(facts)), written


def alerts(path: Path, now: float) -> Alerts:
    """What fires, and what resolved within the last day."""
    with reading(path) as db:
        told = state.told_alerts(db, int(now) - RECENT, MOST_ALERTS)
        total = state.count_told(db, int(now) - RECENT)
    firing = tuple(stored for stored in told if stored.resolved is None)
    return Alerts(firing, tuple(stored for stored in told if stored.resolved is not None), total - len(told))


def silences(path: Path, now: float) -> Silences:
    """What is silenced: first what ends soonest, then what begins soonest, then what ended last."""
    with reading(path) as db:
        stored = listing.silences(db, now - RECENT)
    lines = sorted((SilenceLine(each, _stage(each, now)) for each in stored), key=_listed)
    return Silences(tuple(lines[:MOST_SILENCES]), max(len(lines) - MOST_SILENCES, 0))


def _stage(silence: StoredSilence, now: float) -> Stage:
    if silence.cancelled is not None:
        return Stage.CANCELLED
    if silence.ends <= now:
        return Stage.OVER
    return Stage.UPCOMING if now < silence.begins else Stage.IN_FORCE


def _listed(line: SilenceLine) -> tuple[int, float, int]:
    silence, ended = line.silence, line.stage in {Stage.CANCELLED, Stage.OVER}
    if ended:
        return 2, -(silence.cancelled or silence.ends), silence.number
    if line.stage is Stage.UPCOMING:
        return 1, silence.begins, silence.number
    return 0, silence.ends, silence.number


def show(path: Path, series: str, span: int, now: float) -> Show:
    """A series over the last ``span`` seconds up to its last known slot."""
    count = slots_of(span)
    with reading(path) as db:
        end = int(now) // SLOT * SLOT
        recent = samples.series_between(db, series, end - (DAY_SLOTS - 1) * SLOT, end)
        known = np.flatnonzero(~np.isnan(recent))
        if not len(known):
            return Show(series, span, None, *(None,) * 7, known=0, slots=count)
        last = end - SLOT * (DAY_SLOTS - 1 - int(known[-1]))
        values = samples.series_between(db, series, last - (count - 1) * SLOT, last)
        earlier = [samples.series_between(db, series, last - days * DAY, last - days * DAY)[0] for days in (1, 7)]
    return _shown(series, span, last, values, earlier[0], earlier[1])


def _shown(series: str, span: int, last: int, values: Array, yesterday: float, last_week: float) -> Show:
    known = values[~np.isnan(values)]
    peak = int(np.nanargmax(values))
    return Show(
        series=series,
        span=span,
        last=last,
        now=_known(values[-1]),
        average=float(known.mean()),
        peak=float(values[peak]),
        peak_slot=last - (len(values) - 1 - peak) * SLOT,
        p95=percentile(known, 95),
        yesterday=_known(yesterday),
        last_week=_known(last_week),
        known=len(known),
        slots=len(values),
    )


def percentile(values: Array, percent: float) -> float:
    """The nearest-rank percentile, as bandwidth is billed: the value left once the top slots are struck off."""
    return float(np.percentile(values, percent, method="inverted_cdf"))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
