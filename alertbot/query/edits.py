"""Edits of a rule that make it fire less often: one key each, the smallest first.

``Ladder`` holds those of one key. What an edit would have spared, ``edit_search`` finds out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from alertbot.incidents.firings import Firing
from alertbot.rules.base import Kind, Rule
from alertbot.rules.schedule import Schedule, Window
from alertbot.rules.selection import is_domain
from alertbot.units import SLOT, format_duration

FOR, EXCEPT, MUTE = "for", "except", "mute"
_LONGER = (2, 3, 4, 6)
"""Slots of ``for``: longer than half an hour is no alert any more."""

_MOST_NAMED = 5
"""Domains that an edit names at most."""

_HOURS = (1, 2, 3, 4)
_LEAST_DATES = 3
"""Dates on which something has to happen at the same time before a mute is suggested for it."""


@dataclass(frozen=True)
class Edit:
    """A rule with one key changed; for ``mute`` the rule itself, and a window in which these series are not posted.

    ``was`` and ``value`` are TOML; ``was`` is empty where the key is not given. ``series``: those excepted, or muted;
    ``None``: all of the rule's. ``size``: by how many times a number changes; of the others, how much they take away.
    """

    rule: Rule
    key: str
    was: str
    value: str
    size: float
    series: frozenset[str] | None = None
    schedule: Schedule | None = None

    @property
    def judges_otherwise(self) -> bool:
        """Whether only a replay tells what it does."""
        return self.key not in {EXCEPT, MUTE}

    def spares(self, firing: Firing) -> bool:
        """Whether a firing would not have been posted, for an edit that is judged as before."""
        if self.series is not None and firing.series not in self.series:
            return False
        if self.schedule is None:
            return True
        until = self.schedule.until(firing.fired.slot)
        return until is not None and firing.ended is not None and firing.ended < until


Ladder = Sequence[Edit]


def ladders(rule: Rule, noise: Sequence[Sequence[Firing]], kept: Sequence[Firing], zone: tzinfo) -> Iterator[Ladder]:
    """Edits of a rule, those of each key together, by the firings of each noisy incident and of what must be kept."""
    firings = [each for one in noise for each in one]
    sizes = sorted(_size(rule.kind, each) for each in firings)
    for knob in rule.kind.knobs:
        now = getattr(rule.kind, knob.field)
        if now is not None:
            yield [
                Edit(_with(rule, knob.field, step), knob.key, knob.written(now), knob.written(step), times(now, step))
                for step in knob.steps(now, sizes)
            ]
    yield list(_longer(rule))
    yield list(_mutes(rule, noise, zone))
    yield list(_exceptions(rule, noise, {each.series for each in kept}))


def times(now: float, step: float) -> float:
    """How many times as large the larger is."""
    return max(step, now) / min(step, now) if min(step, now) > 0 else math.inf


def _size(kind: Kind, firing: Firing) -> float:
    """What a floor is held against: the larger of the worst value and its reference."""
    values = [firing.last.worst, firing.fired.fired_on or 0.0]
    return values[0] if kind.least is None else max(values)


def _with(rule: Rule, field: str, step: float) -> Rule:
    return replace(rule, kind=replace(rule.kind, **{field: step}))  # type: ignore[type-var]


def _longer(rule: Rule) -> Iterator[Edit]:
    for slots in _LONGER:
        if slots > rule.for_slots and (rule.within_slots is None or slots <= rule.within_slots):
            yield Edit(
                replace(rule, for_slots=slots), FOR, _lasting(rule.for_slots), _lasting(slots), slots / rule.for_slots
            )


def _lasting(slots: int) -> str:
    return f'"{format_duration(slots * SLOT).replace(" ", "")}"'


def _exceptions(rule: Rule, noise: Sequence[Sequence[Firing]], kept: set[str]) -> Iterator[Edit]:
    """Without the domain of which it fires most often for nothing, without two, and so on; none that is worth it."""
    counts = Counter(series for one in noise for series in {each.series for each in one})
    domains = [name for name, _ in counts.most_common() if name not in kept and is_domain(name)]
    for most in range(1, min(len(domains), _MOST_NAMED) + 1):
        names = (*rule.except_, *domains[:most])
        edited = replace(rule, except_=names)
        yield Edit(edited, EXCEPT, _listed(rule.except_), _listed(names), 2.0 * most, frozenset(domains[:most]))


def _listed(names: Sequence[str]) -> str:
    quotes = ", ".join(f'"{name}"' for name in names)
    return f"[{quotes}]" if names else ""


def _mutes(rule: Rule, noise: Sequence[Sequence[Firing]], zone: tzinfo) -> Iterator[Edit]:
    """Muted for the hour of the day, the two hours and so on, in which it fires for nothing on most dates."""
    began = {(each.series, datetime.fromtimestamp(each.fired.slot, zone)) for one in noise for each in one}
    for hours in _HOURS:
        by_hour = [[each for each in began if first <= each[1].hour < first + hours] for first in range(25 - hours)]
        within = max(by_hour, key=lambda each: len({local.date() for _, local in each}))
        if len({local.date() for _, local in within}) < _LEAST_DATES:
            continue
        first = by_hour.index(within)
        weekdays = frozenset(local.weekday() for _, local in within)
        days = weekdays if len(weekdays) <= 2 else frozenset(range(7))
        window = Window(days, 60 * first, 60 * (first + hours))
        series = frozenset(name for name, _ in within)
        muted = series if len(series) <= _MOST_NAMED else None
        yield Edit(rule, MUTE, "", str(window), 2.0 * hours, muted, Schedule((window,), zone))
