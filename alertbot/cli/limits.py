"""Rules that fit a history, series by series: levels that it does not reach by itself, floors worth watching from.

Limits are made of the days as they usually are, so that one bad day does not set one. How often a rule would have
fired is not estimated: the engine that judges live replays the history.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from alertbot.alerts.engine import Engine
from alertbot.alerts.lifecycle import Alert
from alertbot.alerts.replay import History, Span, replay
from alertbot.config.kinds import rule_of
from alertbot.rules.base import Array, Rule, Severity
from alertbot.units import DAY_SLOTS, format_rate, friendly

LEAST_DAYS = 7
"""A whole week, since weekends differ; a day counts once half of its slots are known."""

MOST_A_WEEK = 0.5
"""A rule that would have fired more often gets a higher floor, and in the end is left out."""

_ABOVE, _BELOW, _CLEAR, _FLOOR = 1.5, 0.5, 0.85, 0.3
MANY = 20
"""From so many series on those that carry about as much share a rule: a rule for each would be read by nobody."""

_USUAL = 0.9  # nine days in ten
_TENTH = 0.1  # of a day
_RAISES = (4.0, 4.0, 4.0)
_LEAST_FLOOR = 1e5
_TOO_OFTEN = "goes to 0 too often for a rule on that"


@dataclass(frozen=True)
class Suggestion:
    """A rule that fits some series, and how often it would have fired for each over the history.

    ``limits``: the keys of its kind, in bit/s.
    """

    rule: Rule
    limits: Mapping[str, float]
    fires: Mapping[str, int] = field(default_factory=dict)

    @property
    def times(self) -> int:
        """How often it would have fired for all of them together."""
        return sum(self.fires.values())


@dataclass(frozen=True)
class Suggestions:
    """What fits a history, what was left out and why, and how many days of each series there are."""

    found: tuple[Suggestion, ...]
    left_out: Mapping[str, str]
    days: Mapping[str, int]


@dataclass(frozen=True)
class Days:
    """The levels of a series in bit/s, each day's: the highest and lowest that lasted two slots.

    ``known``: of how many days at least half of the slots are known. ``tenths``: the lowest tenth of a day lies below.
    """

    known: int
    highs: Array
    lows: Array
    tenths: Array


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
            levels = float(high.max()), float(low.min()), float(np.quantile(known, _TENTH))
            kept[history.series[column]].append(levels)
    return {name: Days(len(days), *np.array(days, dtype=float).reshape(-1, 3).T) for name, days in kept.items()}


def suggestions(history: History, names: Sequence[str], taken: Iterable[str], *, below: bool) -> Suggestions:
    """Limits and floors for these series; ``taken``: rule names that are in use. ``below``: lower limits as well."""
    days = {name: each for name, each in days_of(history).items() if name in names}
    left_out = {name: why for name in names if (why := _unfit(days.get(name)))}
    usable = {name: days[name] for name in names if name not in left_out}
    namer = _Namer(taken)
    limits = _limits(namer, usable, below=below)
    floors, unwatched = _floors(history, usable)
    left_out |= unwatched
    found = _counted(history, [*limits, *_grouped(namer, floors)])
    return Suggestions(found, left_out, {name: each.known for name, each in days.items()})


def _unfit(days: Days | None) -> str:
    if days is None:
        return f"no history; {LEAST_DAYS} days are needed"
    if days.known == 0:
        return f"less than a day of history; {LEAST_DAYS} are needed"
    if days.known < LEAST_DAYS:
        return f"{days.known} {'day' if days.known == 1 else 'days'} of history; {LEAST_DAYS} are needed"
    return "" if float(np.quantile(days.highs, _USUAL)) >= 1 else "carries next to nothing"


def _limits(namer: _Namer, days: Mapping[str, Days], *, below: bool) -> list[Suggestion]:
    """A limit above the peaks of each, or of all that share it; ``below``: one under the nights as well."""
    shared = len(days) >= MANY
    highs = {name: _ABOVE * float(np.quantile(each.highs, _USUAL)) for name, each in days.items()}
    above = {name: _level(high, shared=shared, up=True) for name, high in highs.items()}
    found = [
        _suggestion(namer.name(stem, "above"), "threshold", {"above": limit, "clear": friendly(_CLEAR * limit)}, names)
        for stem, limit, names in _alike(above, shared=shared)
    ]
    lows = {name: _BELOW * float(np.quantile(each.lows, 1 - _USUAL)) for name, each in days.items()}
    under = {name: _level(low, shared=shared) for name, low in lows.items() if below and low >= 1}
    for stem, limit, names in _alike(under, shared=shared):
        limits = {"below": limit, "clear": friendly(limit / _CLEAR, up=True)}
        found.append(_suggestion(namer.name(stem, "below"), "threshold", limits, names))
    return found


def _level(rate: float, *, shared: bool, up: bool = False) -> float:
    """A round number at most (``up``: at least) this rate, in bit/s; a power of ten where it is shared."""
    if not shared:
        return friendly(rate, up=up)
    return 10.0 ** (math.ceil if up else math.floor)(math.log10(rate))


def _alike(limits: Mapping[str, float], *, shared: bool) -> Iterator[tuple[str, float, list[str]]]:
    """What a rule's name begins with, its limit and its series, the highest limit first where they are shared."""
    if not shared:
        yield from ((name, limit, [name]) for name, limit in limits.items())
        return
    for limit in sorted(set(limits.values()), reverse=True):
        yield format_rate(limit).replace(" ", ""), limit, [name for name, own in limits.items() if own == limit]


def _floors(history: History, days: Mapping[str, Days]) -> tuple[dict[str, float], dict[str, str]]:
    """From which level on each series is watched for going dark, and why others are not."""
    shared = len(days) >= MANY
    levels = {name: max(_FLOOR * float(np.median(each.tenths)), _LEAST_FLOOR) for name, each in days.items()}
    floors = {name: _level(level, shared=shared) for name, level in levels.items()}
    # A floor above what a series carries on most days lets no outage of it be seen.
    highs = {name: float(np.median(each.highs)) for name, each in days.items()}
    unwatched = {name: "carries too little for a rule on going to 0" for name in floors if floors[name] > highs[name]}
    noisy = _too_noisy(history, _without(floors, unwatched), days)
    for raised in _RAISES:
        floors |= {name: _level(raised * floors[name], shared=shared, up=shared) for name in noisy}
        unwatched |= {name: _TOO_OFTEN for name in noisy if floors[name] > highs[name]}
        noisy = _too_noisy(history, {name: floors[name] for name in noisy if name not in unwatched}, days)
    unwatched |= dict.fromkeys(noisy, _TOO_OFTEN)
    return _without(floors, unwatched), unwatched


def _without(floors: Mapping[str, float], names: Collection[str]) -> dict[str, float]:
    return {name: floor for name, floor in floors.items() if name not in names}


def _too_noisy(history: History, floors: Mapping[str, float], days: Mapping[str, Days]) -> list[str]:
    return [
        name
        for each in _counted(history, _grouped(_Namer(()), floors))
        for name, times in each.fires.items()
        if times > max(1.0, MOST_A_WEEK * days[name].known / 7)
    ]


def _grouped(namer: _Namer, floors: Mapping[str, float]) -> list[Suggestion]:
    """A rule for each floor, for all the series with that floor."""
    found = []
    for floor in sorted(set(floors.values()), reverse=True):
        names = [name for name, own in floors.items() if own == floor]
        title = namer.name("went-dark", f"{floor:.0f}")
        found.append(_suggestion(title, "drop", {"to": 0.0, "from": floor}, names, Severity.CRITICAL))
    return found


def _suggestion(
    name: str, kind: str, limits: Mapping[str, float], series: Sequence[str], severity: Severity = Severity.WARNING
) -> Suggestion:
    """A rule as the file would give it, so that what is replayed is what is printed."""
    rates = {key: format_rate(value) for key, value in limits.items()}
    rule = rule_of({"name": name, "kind": kind, "severity": severity.value, **rates})
    return Suggestion(replace(rule, domains=tuple(series)), limits)


def fired(history: History, rules: Sequence[Rule], most: Mapping[str, int] = MappingProxyType({})) -> list[Alert]:
    """The alerts that these rules fire over the history, up to where one has fired more than ``most`` allows it."""
    engine = Engine(rules, {rule.name: rule.domains for rule in rules}, history.series)
    alerts, times = list[Alert](), Counter[str]()
    for change in replay(engine, history, Span()):
        if change.fired:
            alerts.append(change.alert)
            times[change.alert.rule] += 1
            if times[change.alert.rule] > most.get(change.alert.rule, math.inf):
                break
    return alerts


def _counted(history: History, found: Sequence[Suggestion]) -> tuple[Suggestion, ...]:
    """The same with how often each would have fired for each of its series."""
    if not found:
        return ()
    times = Counter((alert.rule, alert.series) for alert in fired(history, [each.rule for each in found]))
    return tuple(
        replace(each, fires={name: times[each.rule.name, name] for name in each.rule.domains}) for each in found
    )


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
