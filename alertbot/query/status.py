"""The questions: status, rules, silences. Each opens the database for reading and closes it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from alertbot.errors import StoreError
from alertbot.query.incidents import numbers_open
from alertbot.query.live import Live
from alertbot.rules.base import Rule
from alertbot.store import feed, incidents, outbox
from alertbot.store.checkup import is_in_use
from alertbot.store.fired_alerts import count_firing, counts
from alertbot.store.schema import reading
from alertbot.store.silences import ListedSilence, as_asked
from alertbot.units import DAY

RECENT = DAY
"""Seconds for which ``silences`` still shows what ended."""

SILENT_AFTER = 180.0
"""Seconds beyond the time between two probes without a word of the service after which it does not seem to run."""

MOST_SILENCES = 20


@dataclass(frozen=True)
class Status:
    """How alertbot is: the feed, alerts that fire, open incidents, the outbox by state, the channels in trouble.

    ``open``: the numbers of the open incidents, the loudest first. ``silences``: those in force.
    """

    live: Live
    firing: int
    incidents: int
    outbox: Mapping[str, int]
    trouble: tuple[tuple[str, str], ...]
    open: tuple[int, ...] = ()
    silences: tuple[ListedSilence, ...] = ()


@dataclass(frozen=True)
class RuleLine:
    """One rule and how many series it judges."""

    rule: Rule
    series: int


@dataclass(frozen=True)
class Rules:
    """The rules, or those that judge ``series``."""

    series: str | None
    lines: tuple[RuleLine, ...]


class Stage(StrEnum):
    """Where a silence stands."""

    IN_FORCE = "in force"
    UPCOMING = "upcoming"
    CANCELLED = "cancelled"
    OVER = "over"


@dataclass(frozen=True)
class SilenceLine:
    """A silence and where it stands."""

    silence: ListedSilence
    stage: Stage


@dataclass(frozen=True)
class Silences:
    """What is silenced, what will be, and what was within a day; ``more`` counts what is not listed."""

    lines: tuple[SilenceLine, ...]
    more: int

    def of(self, *stages: Stage) -> tuple[SilenceLine, ...]:
        """Those that stand there."""
        return tuple(line for line in self.lines if line.stage in stages)


def status(path: Path, live: Live) -> Status:
    """How alertbot is just now."""
    with reading(path) as db:
        return Status(
            live,
            count_firing(db),
            incidents.count_open(db),
            outbox.counts(db),
            tuple(outbox.refusals(db)),
            open=numbers_open(db),
            silences=tuple(each for each in as_asked(db, live.now) if _stage(each, live.now) is Stage.IN_FORCE),
        )


@dataclass(frozen=True)
class AlertCounts:
    """How many alerts and messages stand in each state, and how many incidents are open."""

    alerts: Mapping[str, int]
    incidents: int
    outbox: Mapping[str, int]


def tally(path: Path) -> AlertCounts:
    """The counts for the metrics."""
    with reading(path) as db:
        return AlertCounts(counts(db), incidents.count_open(db), outbox.counts(db))


def seems_to_run(written: float, now: float, probe: float) -> bool:
    """Whether a service that wrote what it knows at ``written``, and does so about every ``probe`` seconds, runs."""
    return now - written < SILENT_AFTER + probe


_UNLOOKED = {
    True: "the service has just been started and has not looked at the feed yet: ask again in a minute",
    False: "the service has not looked at the feed yet: start `alertbot run`",
}
"""Why nothing is known, by whether a service runs on the database."""


def stored_status(path: Path) -> tuple[Status, float]:
    """How alertbot was when the service last said so, and when that was, epoch seconds."""
    with reading(path) as db:
        stored = feed.live(db)
    if stored is None:
        raise StoreError(f"{path}: {_UNLOOKED[is_in_use(path)]}")
    written, facts = stored
    return status(path, Live.from_json(facts)), written


def silences(path: Path, now: float) -> Silences:
    """What is silenced: first what ends soonest, then what begins soonest, then what ended last."""
    with reading(path) as db:
        stored = as_asked(db, now - RECENT)
    lines = sorted((SilenceLine(each, _stage(each, now)) for each in stored), key=_listed)
    return Silences(tuple(lines[:MOST_SILENCES]), max(len(lines) - MOST_SILENCES, 0))


def _stage(silence: ListedSilence, now: float) -> Stage:
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
