"""What a day was like, against the day before: traffic, movers, incidents, and how the feed did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path

import numpy as np

from alertbot.alerts.lifecycle import AlertKey, Reason
from alertbot.incidents.flapping import flapped
from alertbot.incidents.incident import Incident, IncidentKind
from alertbot.rules.selection import TOTAL, is_domain
from alertbot.store import incidents, samples
from alertbot.store.schema import reading
from alertbot.units import DAY, SLOT

DIGEST = "digest"
"""What a digest is about in the outbox, before the date on which it is posted."""

_ABOUT_FEED = frozenset({IncidentKind.DARK, IncidentKind.FEED, IncidentKind.VANISHED})

MOST_TOP = 5
MOST_INCIDENTS = 5
_MOVED = 0.1
"""The share by which a domain has to move to be a mover, of what it carried on the day it carried more."""


@dataclass(frozen=True)
class Volume:
    """What a series carried: bytes, and of the day before, ``None`` where too little of a day is known."""

    series: str
    now: float | None
    before: float | None

    @property
    def change(self) -> float | None:
        """By which share it changed; ``None`` where that is not known, or it carried nothing before."""
        return None if self.now is None or not self.before else self.now / self.before - 1

    @property
    def moved(self) -> float:
        """Bytes more or less than the day before."""
        return 0.0 if self.now is None or self.before is None else abs(self.now - self.before)


@dataclass(frozen=True)
class Digest:
    """The day from ``start`` until ``end`` (epoch seconds). Bit rates in bit/s; ``known``: the share of slots known.

    ``incidents``: those opened that day, the longest first, ``more`` beside them. ``alerts`` by the reason of their end
    ("" for those that still fire). ``flapped``: how many alerts fired more than four times within 6 hours. ``gone``:
    that domains left the account before that day, and are not back.
    """

    start: int
    end: int
    total: Volume
    average: float | None
    peak: float | None
    peak_slot: int | None
    known: float
    top: tuple[Volume, ...]
    movers: tuple[Volume, ...]
    incidents: tuple[Incident, ...]
    more: int
    alerts: dict[str, int]
    flapped: int
    feed: tuple[Incident, ...]
    gone: tuple[Incident, ...] = ()


def digest(path: Path, start: int, end: int) -> Digest:
    """The facts of the day from ``start`` until ``end``, compared with the same time just before it."""
    count = (end - start) // SLOT
    with reading(path) as db:
        now, then = samples.means(db, start, count), samples.means(db, start - count * SLOT, count)
        account = samples.series_between(db, TOTAL, start, end - SLOT)
        gone = [one for one in incidents.open_incidents(db, [IncidentKind.VANISHED]) if one.opened < start]
        opened = [one for one in incidents.opened_between(db, start, end) if one.kind is not IncidentKind.PASSED]
    volumes = {name: Volume(name, _volume(now.get(name), count), _volume(then.get(name), count)) for name in now | then}
    domains = [each for name, each in volumes.items() if is_domain(name)]
    of_alerts = sorted((one for one in opened if one.kind not in _ABOUT_FEED), key=_lasted, reverse=True)
    alerts = [each for one in of_alerts for each in one.alerts]
    fired: dict[AlertKey, list[int]] = {}
    for each in alerts:
        fired.setdefault(each.key, []).append(each.alert.fired or each.alert.since)
    dark = bool(np.isnan(account).all())
    return Digest(
        start=start,
        end=end,
        total=volumes.get(TOTAL, Volume(TOTAL, None, None)),
        average=None if dark else float(np.nanmean(account)),
        peak=None if dark else float(np.nanmax(account)),
        peak_slot=None if dark else start + SLOT * int(np.nanargmax(account)),
        known=float((~np.isnan(account)).mean()),
        top=tuple(sorted((each for each in domains if each.now), key=lambda each: -(each.now or 0.0))[:MOST_TOP]),
        movers=tuple(sorted(filter(_is_mover, domains), key=lambda each: -each.moved)[:MOST_TOP]),
        incidents=tuple(of_alerts[:MOST_INCIDENTS]),
        more=max(len(of_alerts) - MOST_INCIDENTS, 0),
        alerts=dict(Counter(each.reason or "" for each in alerts)),
        flapped=sum(map(flapped, fired.values())),
        feed=tuple(one for one in opened if one.kind in _ABOUT_FEED),
        gone=tuple(gone),
    )


def revised(digest: Digest) -> int:
    """How many alerts turned out to be none."""
    return digest.alerts.get(Reason.REVISED.value, 0)


def _volume(known: tuple[float, int] | None, count: int) -> float | None:
    """Bytes of a day from the mean of its known slots; ``None`` where less than half of them are known."""
    return None if known is None or 2 * known[1] < count else known[0] * count * SLOT / 8


def _is_mover(volume: Volume) -> bool:
    most = max(volume.now or 0.0, volume.before or 0.0)
    return volume.moved > _MOVED * most > 0


def _lasted(incident: Incident) -> float:
    return (incident.closed or incident.opened + DAY) - incident.since


def day_before(today: date, zone: tzinfo) -> tuple[int, int]:
    """The slots of the local day before ``today``: its first, and the first after it; 23 to 25 hours."""
    first, last = (
        datetime.combine(day, datetime.min.time(), zone).timestamp() for day in (today - timedelta(days=1), today)
    )
    return int(first // SLOT) * SLOT, int(last // SLOT) * SLOT
