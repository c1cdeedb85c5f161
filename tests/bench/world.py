"""The bench's account: what its domains carry, when it is published, and which incidents were put into it.

Everything is drawn in advance, by slot and domain, from a seed. What each incident must lead to is known: its rule
fires, and no other incident of the domain is near enough to blur that.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from alertbot.feed.simulator.scenario import Fault, FaultMode, Scenario, Shape
from alertbot.units import DAY, DAY_SLOTS, SLOT

START = 1_772_409_600
"""2026-03-02 00:00 UTC."""

PAST = 10 * DAY
"""Seconds of traffic before the start: the history that is fetched at first."""

TOKEN = "bench-token"

RULES = """
[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
from = "5 Mbps"
severity = "critical"

[[rule]]
name = "fell"
kind = "drop"
by = "60%"
from = "5 Mbps"

[[rule]]
name = "surged"
kind = "day_over_day"
ratio = 2.5
days = 3

[[rule]]
name = "faded"
kind = "day_over_day"
ratio = 0.4
days = 3

[[rule]]
name = "ceiling"
kind = "threshold"
domains = ["big-*"]
above = "1.35 Gbps"

[[rule]]
name = "floor"
kind = "threshold"
domains = ["big-*"]
below = "680 Mbps"

[[rule]]
name = "account-fell"
kind = "drop"
domains = ["total"]
by = "50%"
severity = "critical"
"""

GROUP = """
[[group]]
name = "bigs"
domains = ["big-00*"]
sum = true

[[rule]]
name = "bigs-fell"
kind = "drop"
domains = ["sum:bigs"]
by = "50%"
"""


class Trouble(StrEnum):
    """What happens to a domain, by the rule that must tell of it."""

    DARK = "went-dark"
    FALL = "fell"
    SURGE = "surged"
    FADE = "faded"
    CEILING = "ceiling"
    FLOOR = "floor"


_FACTORS = {
    Trouble.DARK: 0.0,
    Trouble.FALL: 0.2,
    Trouble.SURGE: 4.0,
    Trouble.FADE: 0.3,
    Trouble.CEILING: 2.0,
    Trouble.FLOOR: 0.5,
}
_BIG_ONLY = {Trouble.CEILING, Trouble.FLOOR}
_SLOW_ENDS = {Trouble.SURGE, Trouble.FADE}
"""The end of a surge that ends at once is a fall of its own."""

_SLOWLY = 30
_APART = 4 * DAY
"""Seconds between two incidents of a domain: further than the rules look back."""


@dataclass(frozen=True)
class Injected:
    """An incident of the slots from ``start`` until ``end``."""

    domain: str
    trouble: Trouble
    start: int
    end: int


@dataclass(frozen=True)
class Weather:
    """What goes wrong. Lags in seconds: each domain's own between ``lag``, varying by ``common`` for all of them.

    ``odd``: the share of buckets that show too little or too much at first; ``failing``: of calls. ``outages``: epoch
    seconds. ``slow``: the lags of the first domains, ``turning``: from when, and by how much, the next one is slow.
    """

    lag: tuple[float, float] = (300.0, 750.0)
    common: float = 120.0
    odd: float = 0.0
    failing: float = 0.0
    outages: tuple[tuple[float, float], ...] = ()
    slow: tuple[float, ...] = ()
    turning: tuple[float, float] | None = None


@dataclass
class _Column:
    """One domain, slot by slot: final values, when they are published, and those that show otherwise at first."""

    values: array[float]
    published: array[float]
    odd: dict[int, tuple[float, float]]  # position -> until this age, this factor


@dataclass(frozen=True)
class World(Scenario):
    """A scenario read from tables; ``first`` is their first slot."""

    first: int = 0
    columns: Mapping[str, _Column] = field(default_factory=dict)
    shown_at: Any = None
    injected: tuple[Injected, ...] = ()

    def truth(self, domain: str, slot: int) -> float:
        position = (slot - self.first) // SLOT
        values = self.columns[domain].values
        return values[position] if 0 <= position < len(values) else 0.0

    def shown(self, domain: str, slot: int, now: float, *_: str) -> float:
        column = self.columns[domain]
        position = (slot - self.first) // SLOT
        if not 0 <= position < len(column.values):
            return 0.0
        age = now - column.published[position]
        if age < 0:
            return 0.0
        odd = column.odd.get(position)
        if odd is not None and age < odd[0]:
            return round(column.values[position] * odd[1], 2)
        return column.values[position]

    def is_settled(self, slot: int, now: float) -> bool:
        position = (slot - self.first) // SLOT
        return all(self._settles(column, position) <= now for column in self.columns.values())

    def _settles(self, column: _Column, position: int) -> float:
        if not 0 <= position < len(column.values):
            return 0.0
        age, _ = column.odd.get(position, (0.0, 1.0))
        return column.published[position] + age

    def published(self, slot: int) -> float:
        """When the account's total first shows traffic in this slot, or in a later one."""
        return float(self.shown_at[(slot - self.first) // SLOT])

    def lag_of(self, domain: str, slot: int) -> float:
        """Seconds after its close at which a bucket is published."""
        return self.columns[domain].published[(slot - self.first) // SLOT] - slot - SLOT

    def odd_buckets(self, domain: str, first: int, last: int) -> int:
        """How many buckets of these slots show otherwise at first."""
        low, high = (first - self.first) // SLOT, (last - self.first) // SLOT
        return sum(position in self.columns[domain].odd for position in range(low, high + 1))


def domain_names(count: int) -> tuple[str, ...]:
    """Every fifth domain is a big one, of 1 Gbit/s."""
    return tuple(f"{'big' if number % 5 == 4 else 'web'}-{number:04}.example.com" for number in range(count))


def make(count: int, seconds: int, incidents: int, weather: Weather, *, each_domain: bool, seed: int = 7) -> World:
    """An account of so many domains over so many seconds from ``START`` on, with so many incidents in it."""
    random = np.random.default_rng(seed)
    names = domain_names(count)
    first = START - PAST
    slots = (PAST + seconds) // SLOT + 12
    steady = len(weather.slow) + (weather.turning is not None)
    injected = _inject(random, names, seconds, incidents, spare=names[steady - 1] if weather.turning else None)
    values = _traffic(random, names, first, slots)
    for each in injected:
        low, high = (each.start - first) // SLOT, (each.end - first) // SLOT
        values[low:high, names.index(each.domain)] *= _course(each.trouble, high - low)
    values = values.round(2)
    published = (first + SLOT * np.arange(1, slots + 1))[:, None] + _lags(random, count, first, slots, weather)
    shown = np.where(values > 0, published, np.inf).min(axis=1)
    columns = {
        name: _Column(array("d", values[:, column]), array("d", published[:, column]), _odd(random, slots, weather.odd))
        for column, name in enumerate(names)
    }
    return World(
        token=TOKEN,
        domains={name: Shape() for name in names},
        faults=_faults(weather),
        each_domain=each_domain,
        first=first,
        columns=columns,
        shown_at=np.minimum.accumulate(shown[::-1])[::-1],
        injected=injected,
    )


def _traffic(random: np.random.Generator, names: Sequence[str], first: int, slots: int) -> Any:
    big = np.array([name.startswith("big") for name in names])
    level = np.where(big, 1e9, 10 ** random.uniform(7.5, 9.0, len(names)))
    swing = np.where(big, 0.05, random.uniform(0.1, 0.4, len(names)))
    day = np.cos(2 * np.pi * ((first / SLOT + np.arange(slots)) / DAY_SLOTS - 0.5))
    noise = random.uniform(-0.05, 0.05, (slots, len(names)))
    return level * (1 + swing * day[:, None]) * (1 + noise)


def _course(trouble: Trouble, count: int) -> Any:
    """The factor of each slot: at once, or changing so slowly that no drop is seen."""
    factor = np.full(count, _FACTORS[trouble])
    if trouble is Trouble.FADE:
        factor[:_SLOWLY] = np.linspace(1.0, factor[-1], _SLOWLY)
    if trouble in _SLOW_ENDS:
        factor[-_SLOWLY:] = np.linspace(factor[-1], 1.0, _SLOWLY)
    return factor


def _inject(
    random: np.random.Generator, names: Sequence[str], seconds: int, incidents: int, *, spare: str | None
) -> tuple[Injected, ...]:
    """Spread over the kinds in turn, the domains and the time; the first and last hours stay free of them."""
    made: list[Injected] = []
    busy: dict[str, list[int]] = {}
    kinds = list(Trouble)
    while len(made) < incidents:
        trouble = kinds[len(made) % len(kinds)]
        length = int(random.integers(4, min(37, seconds // SLOT // 4))) + (2 * _SLOWLY if trouble in _SLOW_ENDS else 0)
        for _ in range(1000):
            domain = names[int(random.integers(len(names)))]
            start = START + SLOT * int(random.integers(18, seconds // SLOT - length - 18))
            near = any(abs(start - other) < _APART for other in busy.get(domain, ()))
            if not near and domain != spare and (trouble not in _BIG_ONLY or domain.startswith("big")):
                break
        else:
            raise ValueError(f"there is no room for {incidents} incidents")
        busy.setdefault(domain, []).append(start)
        made.append(Injected(domain, trouble, start, start + length * SLOT))
    return tuple(sorted(made, key=lambda each: each.start))


def _lags(random: np.random.Generator, count: int, first: int, slots: int, weather: Weather) -> Any:
    own = random.uniform(*weather.lag, count)
    own[: len(weather.slow)] = weather.slow
    own[-1] = weather.lag[0]  # the total is seen as early as can be
    # All of them swing slowly together, as the pipeline behind them is more or less busy.
    phase = np.cumsum(random.uniform(0, 0.5, slots))
    common = weather.common * (1 + np.sin(phase)) / 2
    lags = own[None, :] + common[:, None] + random.uniform(0, 30, (slots, count))
    if weather.turning is not None:
        since, by = weather.turning
        column = len(weather.slow)
        lags[(first + SLOT * np.arange(slots)) >= since, column] += by
    return lags


def _odd(random: np.random.Generator, slots: int, share: float) -> dict[int, tuple[float, float]]:
    """Half of them show half or more for up to 5 minutes, half are revised within a day or so, up or down.

    Half-filled buckets that are right minutes later are what others saw (lablabs/cloudflare-exporter #18).
    """
    odd = {}
    for position in np.flatnonzero(random.random(slots) < share).tolist():
        if random.random() < 0.5:
            odd[position] = (float(random.uniform(60, 300)), float(random.uniform(0.5, 0.95)))
        else:
            odd[position] = (float(random.uniform(1800, 26 * 3600)), float(random.uniform(0.8, 1.15)))
    return odd


def _faults(weather: Weather) -> tuple[Fault, ...]:
    """No answer that hangs: those are waited for in real time. No 429: those that come are the server's own."""
    outages = tuple(Fault(start, end, FaultMode.SERVER_ERROR) for start, end in weather.outages)
    if not weather.failing:
        return outages
    shares = {
        FaultMode.SERVER_ERROR: 0.5,
        FaultMode.GARBAGE: 0.2,
        FaultMode.TRUNCATED: 0.1,
        FaultMode.RESET: 0.2,
    }
    every = [Fault(0, 2**33, mode, share * weather.failing) for mode, share in shares.items()]
    return (*outages, *every)
