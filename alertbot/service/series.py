"""Serves what every watched series carried to Prometheus: each slot with its own time, and only what is known.

Prometheus keeps the first value that it scrapes of a slot, whatever is served later, and takes none that is older than
what it has. So slots are offered in order, each until it was there for a while, and only once the next one was judged
too: where a domain has just turned late its newest slot is half full, and is read again with the next. Sums and the
total lack what is late, so they wait for the slowest domain, for ``max_lag`` at most. After a gap several slots are
offered at once, of which Prometheus 2.52 to 2.54.0 take the first alone. A zero is an absence, and is offered once it
can no longer be lateness; so is what comes after it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alertbot.incidents.incident import Incident, series_of
from alertbot.ops.bandwidth import Sample, bandwidth_text, incidents_text
from alertbot.query.incidents import severity_of
from alertbot.query.names import labels_of
from alertbot.rules.base import Array
from alertbot.rules.selection import is_domain
from alertbot.store import incidents, samples
from alertbot.store.schema import reading
from alertbot.units import DAY, SLOT

KEEP = 100.0
"""Seconds for which a slot is offered at least before newer ones take its place: scrapes are to be closer together."""

MOST_SAMPLES = 30_000
"""Samples of all series that are offered at once, about; after a gap the older ones come first."""

RECENT = 3600
"""Seconds of slots offered after a start, and beyond which Prometheus takes none unless it is told to."""

FURTHEST = DAY
"""Seconds of slots that are offered after a gap; what is older is for ``export``."""


@dataclass(frozen=True)
class Offer:
    """The slots of a series from ``first`` to ``last`` are offered since ``since``, monotonic seconds."""

    first: int
    last: int
    since: float = -math.inf

    def next(self, known_to: int, now: float, most: int) -> Offer:
        """What is offered at ``now``, where slots are known up to ``known_to``: so many of them at most."""
        if now - self.since < KEEP:
            return self
        if known_to <= self.last:
            return replace(self, first=self.last)
        first = max(self.last, known_to - FURTHEST) + SLOT
        return Offer(first, min(known_to, first + (most - 1) * SLOT), now)


class SeriesMetrics:
    """Reads the database ``path`` for each scrape, one scrape at a time and in a thread of its own.

    ``max_lag()``: the most seconds by which a series is late.
    """

    def __init__(self, path: Path, max_lag: Callable[[], int]) -> None:
        self._path = path
        self._max_lag = max_lag
        self._offers: dict[str, Offer] = {}
        self._bandwidth = b""
        self._judged: Mapping[str, int] = {}  # up to where each series was, when that was written
        self._until = -math.inf  # when it is written again though nothing was judged, monotonic
        self._turn = asyncio.Lock()

    async def text(self, series: Sequence[str], time: float, now: float) -> bytes:
        """What Prometheus scrapes of these series; ``time`` in epoch seconds, ``now`` monotonic; ``StoreError``."""
        async with self._turn:
            return await asyncio.to_thread(self._text, series, time, now)

    def _text(self, series: Sequence[str], time: float, now: float) -> bytes:
        with reading(self._path) as db:
            cursors, opened = samples.cursors(db), incidents.open_incidents(db)
            judged = {name: cursors[name] for name in series if name in cursors}
            if judged != self._judged or now >= self._until:
                spans = dict(self._spans(judged, time))
                values = samples.each_between(db, spans)
                self._bandwidth = bandwidth_text(self._samples(spans, values, time, now))
                ends = (offer.since + KEEP for offer in self._offers.values())
                self._judged, self._until = judged, min([now + SLOT, *(end for end in ends if end > now)])
        return self._bandwidth + incidents_text(map(_labels_of, opened))

    def _spans(self, cursors: Mapping[str, int], time: float) -> Iterator[tuple[str, tuple[int, int]]]:
        """The slots of each series that may be offered; none of those of which nothing was known for a day."""
        back = min(RECENT // SLOT, _most(cursors)) * SLOT
        for name, cursor in cursors.items():
            if cursor > time - FURTHEST:
                offer = self._offers.setdefault(name, Offer(cursor - back, cursor - back))
                yield name, (max(offer.first, cursor - FURTHEST), cursor)

    def _samples(
        self, spans: Mapping[str, tuple[int, int]], values: Mapping[str, Array], time: float, now: float
    ) -> Iterator[Sample]:
        most, late = _most(spans), self._max_lag() // SLOT * SLOT
        slowest = min((last for name, (_, last) in spans.items() if is_domain(name)), default=0)
        for name, (first, last) in spans.items():
            if not is_domain(name):
                last = min(last, max(slowest, last - late))  # noqa: PLW2901 - what is late is missing in it
            sure = max(self._offers[name].last, last - late) + SLOT
            absent = np.flatnonzero(values[name][(sure - first) // SLOT :] == 0)
            known_to = min(last, sure + SLOT * int(absent[0]) if len(absent) else last) - SLOT
            offer = self._offers[name] = self._offers[name].next(known_to, now, most)
            if offer.last < time - RECENT and now - offer.since >= KEEP:
                continue  # Prometheus would refuse it at every scrape
            labels = labels_of(name)
            for slot in range(max(offer.first, first), offer.last + SLOT, SLOT):
                value = float(values[name][(slot - first) // SLOT])
                if not math.isnan(value):
                    yield labels, slot, value


def _most(series: Mapping[str, object]) -> int:
    """How many slots of each series are offered at once."""
    return max(1, MOST_SAMPLES // max(1, len(series)))


def _labels_of(one: Incident) -> Mapping[str, str]:
    named = series_of(one.alerts)
    return {
        "incident": str(one.number),
        "kind": one.kind.value,
        "severity": severity_of(one),
        "rule": ",".join(sorted({fired.alert.rule for fired in one.alerts})),
        **(labels_of(next(iter(named))) if len(named) == 1 else {}),
    }
