"""What limits fit a history: levels that its traffic does not reach by itself, and floors worth watching from.

A limit is made of the days as they usually are, so that one bad day does not set it: what is far off in the history
counts as a time it would have fired. How often that is, is not estimated: the rules are replayed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from alertbot.alerts.engine import Engine
from alertbot.alerts.replay import History, Span, replay
from alertbot.config.kinds import kind_of
from alertbot.rules.base import Array, Rule, Severity
from alertbot.units import DAY_SLOTS, format_rate, friendly

LEAST_DAYS = 7
"""A whole week, since weekends differ; a day counts once half of its slots are known."""

MOST_A_WEEK = 0.5
"""A floor is raised, and in the end left out, while it would have fired more often than this."""

_STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_ABOVE, _BELOW, _CLEAR, _FLOOR = 1.5, 0.5, 0.85, 0.3
_USUAL = 0.9  # nine days in ten
_QUIET = 0.1  # the quietest tenth of a day
_RAISES = (4.0, 4.0, 4.0)
_LEAST_FLOOR = 1e5


@dataclass(frozen=True)
class Days:
    """A series day by day, in bit/s: the highest and lowest level that lasted two slots, and a quiet hour's.

    ``known``: how many days are half known at least.
    """

    known: int
    highs: Array
    lows: Array
    quiet: Array


@dataclass(frozen=True)
class Fit:
    """A rule that fits some series, and how often it would have fired on each over the history.

    ``limits``: the keys of its kind, in bit/s.
    """

    rule: Rule
    limits: Mapping[str, float]
    fires: Mapping[str, int] = field(default_factory=dict)

    @property
    def times(self) -> int:
        """On all of them."""
        return sum(self.fires.values())


@dataclass(frozen=True)
class Fitted:
    """What fits a history, what was left out and why, and how many days of each series there are."""

    fits: tuple[Fit, ...]
    left_out: Mapping[str, str]
    days: Mapping[str, int]


def friendly_above(value: float) -> float:
    """The next round number up: 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10."""
    return friendly(value, _STEPS, up=True)


def friendly_below(value: float) -> float:
    """The next round number down."""
    return friendly(value, _STEPS, up=False)


def days_of(history: History) -> dict[str, Days]:
    """Each series of a history, day by day."""
    kept: dict[str, list[tuple[float, float, float]]] = {name: [] for name in history.series}
    before = np.full((1, len(history.series)), np.nan)
    for day in history.days():
        values, _ = history.day(day)
        pairs = np.stack([np.concatenate([before, values[:-1]]), values])
        before = values[-1:]
        for column in np.flatnonzero(2 * (~np.isnan(values)).sum(axis=0) >= DAY_SLOTS).tolist():
            own = values[:, column]
            known = own[~np.isnan(own)]
            lasting = pairs[:, ~np.isnan(pairs[:, :, column]).any(axis=0), column]
            low, high = (known, known) if not lasting.size else (lasting.max(axis=0), lasting.min(axis=0))
            kept[history.series[column]].append(
                (float(high.max()), float(low.min()), float(np.quantile(known, _QUIET)))
            )
    return {name: Days(len(days), *np.array(days, dtype=float).reshape(-1, 3).T) for name, days in kept.items()}


def fit(history: History, names: Sequence[str], taken: Iterable[str], *, below: bool) -> Fitted:
    """Limits and floors for these series; ``taken``: rule names that are in use. ``below``: lower limits as well."""
    days = {name: each for name, each in days_of(history).items() if name in names}
    left_out = {name: why for name in names if (why := _unfit(days.get(name)))}
    usable = {name: days[name] for name in names if name not in left_out}
    namer = _Namer(taken)
    limits = [found for name, each in usable.items() for found in _limits(namer, name, each, below=below)]
    floors, noisy = _floors(history, usable)
    left_out |= dict.fromkeys(noisy, "goes to 0 too often for a rule on that")
    found = [*limits, *_grouped(namer, floors)]
    fires = _fires(history, found)
    fits = tuple(
        replace(each, fires={name: fires[each.rule.name, name] for name in each.rule.domains}) for each in found
    )
    return Fitted(fits, left_out, {name: each.known for name, each in days.items()})


def _unfit(days: Days | None) -> str:
    if days is None or days.known == 0:
        return f"no history; {LEAST_DAYS} days are needed"
    if days.known < LEAST_DAYS:
        return f"{days.known} {'day' if days.known == 1 else 'days'} of history; {LEAST_DAYS} are needed"
    return "" if float(np.quantile(days.highs, _USUAL)) >= 1 else "carries next to nothing"


def _limits(namer: _Namer, name: str, days: Days, *, below: bool) -> Iterable[Fit]:
    above = friendly_above(_ABOVE * float(np.quantile(days.highs, _USUAL)))
    keys = {"above": above, "clear": friendly_below(_CLEAR * above)}
    yield _fit(namer.name(name, "above"), "threshold", keys, [name])
    low = _BELOW * float(np.quantile(days.lows, 1 - _USUAL))
    if below and low >= 1:
        limit = friendly_below(low)
        keys = {"below": limit, "clear": friendly_above(limit / _CLEAR)}
        yield _fit(namer.name(name, "below"), "threshold", keys, [name])


def _floors(history: History, days: Mapping[str, Days]) -> tuple[dict[str, float], list[str]]:
    """From which level on each series is watched for going dark, and those where that would tell too much."""
    floors = {
        name: friendly_below(max(_FLOOR * float(np.median(each.quiet)), _LEAST_FLOOR)) for name, each in days.items()
    }
    loud = _too_loud(history, floors, days)
    for raised in _RAISES:
        floors |= {name: friendly_below(raised * floors[name]) for name in loud}
        loud = _too_loud(history, {name: floors[name] for name in loud}, days)
    return {name: floor for name, floor in floors.items() if name not in loud}, loud


def _too_loud(history: History, floors: Mapping[str, float], days: Mapping[str, Days]) -> list[str]:
    if not floors:
        return []
    found = _grouped(_Namer(()), floors)
    fires = _fires(history, found)
    return [
        name
        for each in found
        for name in each.rule.domains
        if fires[each.rule.name, name] > max(1.0, MOST_A_WEEK * days[name].known / 7)
    ]


def _grouped(namer: _Namer, floors: Mapping[str, float]) -> list[Fit]:
    """A rule for each floor, over all the series that have it."""
    found = []
    for floor in sorted(set(floors.values()), reverse=True):
        names = [name for name, own in floors.items() if own == floor]
        title = namer.name("went-dark", f"{floor:.0f}")
        found.append(_fit(title, "drop", {"to": 0.0, "from": floor}, names, Severity.CRITICAL))
    return found


def _fit(
    name: str, kind: str, keys: Mapping[str, float], series: Sequence[str], severity: Severity = Severity.WARNING
) -> Fit:
    """A rule as the file would give it, so that what is replayed is what is printed."""
    judged_by = kind_of(kind, **{key: format_rate(value) for key, value in keys.items()})
    return Fit(Rule(name, kind, judged_by, severity, domains=tuple(series)), keys)


def _fires(history: History, found: Sequence[Fit]) -> Counter[tuple[str, str]]:
    """How often each rule fires on each series, by the code that judges live."""
    rules = [each.rule for each in found]
    engine = Engine(rules, {rule.name: rule.domains for rule in rules}, history.series)
    return Counter((each.alert.rule, each.alert.series) for each in replay(engine, history, Span()) if each.fired)


class _Namer:
    """Names of rules, each given once."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def name(self, series: str, what: str) -> str:
        """``video.example.com-above``, cut and numbered where need be."""
        stem = f"{series.replace(':', '-')[:60]}-{what}"
        found, number = stem, 1
        while found in self._taken:
            number += 1
            found = f"{stem}-{number}"
        self._taken.add(found)
        return found
