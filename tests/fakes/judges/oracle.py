"""What the rules say, written out slowly: one number at a time, no arrays, no bit masks, nothing kept from elsewhere.

It reads the keys of a rule and calls none of its functions. Where the tests hold the engine against this, the two
have only the description of the rules in common.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from statistics import median

from alertbot.rules.base import Direction, Rule
from alertbot.rules.baseline import Baseline
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.schedule import Schedule
from alertbot.rules.threshold import Threshold

SLOT = 300
DAY = 86_400
NEAR = 1e-9
"""A limit counts as reached this near to it, relatively: floats cannot say 20 % exactly."""


@dataclass(frozen=True, order=True)
class Verdict:
    """One event; ordered by slot, rule, series."""

    slot: int
    rule: str
    series: str
    event: str
    since: int
    value: float
    reference: float | None
    reason: str


@dataclass
class State:
    """One rule on one series: ``shown`` has (slot, in breach) since the last time it was inactive."""

    shown: list[tuple[int, bool]] = field(default_factory=list)
    frozen: float | None = None
    firing: bool = False
    since: int = 0
    clear: int = 0


class Oracle:
    """``values`` of each series by slot, in bit/s; a slot that is absent or NaN is unknown."""

    def __init__(
        self, rules: Sequence[Rule], selection: Mapping[str, Collection[str]], values: Mapping[str, Mapping[int, float]]
    ) -> None:
        self.rules = sorted((rule for rule in rules if rule.enabled), key=lambda rule: rule.name)
        self.selection = selection
        self.values = values
        self.states: dict[tuple[str, str], State] = {}
        self.barred: set[tuple[str, int]] = set()
        self.strange: set[tuple[str, int]] = set()
        self.banned: set[tuple[str, int]] = set()
        self.verdicts: list[Verdict] = []

    def judge(self, slot: int, due: Collection[str]) -> None:
        """Judge one slot of the series that are due; only then bar it where a drop or a baseline fires."""
        for rule in self.rules:
            for series in sorted(set(self.selection[rule.name]) & set(due)):
                self._judge_one(rule, series, slot)
        for rule in self.rules:
            for series in set(self.selection[rule.name]) & set(due):
                state = self.states[rule.name, series]
                if isinstance(rule.kind, Drop | Baseline) and state.firing:
                    barred = self.barred if isinstance(rule.kind, Drop) else self.strange
                    barred.update((series, at) for at in range(state.since, slot + SLOT, SLOT))

    def _judge_one(self, rule: Rule, series: str, slot: int) -> None:
        state = self.states.setdefault((rule.name, series), State())
        value = self._value(series, slot) if rule.active is None or awake(rule.active, slot) else None
        reference = state.frozen if state.frozen is not None else self._reference(rule, series, slot)
        unknown = value is None or (reference is None and not isinstance(rule.kind, Threshold))
        if state.firing:
            self._judge_firing(rule, series, slot, state, value, reference, unknown)
        else:
            breach = not unknown and in_breach(rule.kind, value, reference)
            self._judge_pending(rule, series, slot, state, value, reference, breach)

    def _judge_pending(self, rule, series, slot, state, value, reference, breach) -> None:
        span = rule.within_slots or rule.for_slots
        state.shown = [shown for shown in [*state.shown, (slot, breach)] if shown[0] > slot - span * SLOT]
        breaches = [at for at, shown in state.shown if shown]
        if not breaches or (not breach and span == rule.for_slots):
            self.states[rule.name, series] = State()
            return
        if isinstance(rule.kind, Drop) and state.frozen is None:
            state.frozen = reference
        state.since = breaches[0]
        if breach and len(breaches) >= rule.for_slots:
            state.firing, state.clear = True, 0
            self._say(rule, series, slot, "fired", state, value, reference, "breach")

    def _judge_firing(self, rule, series, slot, state, value, reference, unknown) -> None:
        if unknown:
            state.clear = 0
            return
        over = is_over(rule.kind, value, reference, self._usable(series, slot, DAY))
        state.clear = state.clear + 1 if over else 0
        if state.clear >= rule.clear_slots:
            self._say(rule, series, slot, "resolved", state, value, reference, "cleared")
        elif rule.accept_slots is not None and slot + SLOT - state.since >= rule.accept_slots * SLOT:
            self._say(rule, series, slot, "resolved", state, value, reference, "new normal")

    def _say(self, rule, series, slot, event, state, value, reference, reason) -> None:
        self.verdicts.append(Verdict(slot, rule.name, series, event, state.since, value, reference, reason))
        if event == "resolved":
            self.states[rule.name, series] = State()

    def _value(self, series: str, slot: int) -> float | None:
        value = self.values[series].get(slot, math.nan)
        return None if math.isnan(value) else value

    def _usable(self, series: str, slot: int, back: int) -> float | None:
        """What is so far back of a slot; what is banned is there only for a slot that is banned itself."""
        earlier = (series, slot - back)
        banned = earlier in self.banned and (series, slot) not in self.banned
        return None if banned or earlier in self.barred else self._value(*earlier)

    def _reference(self, rule: Rule, series: str, slot: int) -> float | None:
        kind = rule.kind
        if isinstance(kind, Drop):
            return half_known([self._usable(series, slot, back * SLOT) for back in range(1, kind.window + 1)])
        if isinstance(kind, DayOverDay):
            days = half_known([self._usable(series, slot, back * DAY) for back in range(1, kind.days + 1)])
            weeks = half_known([self._usable(series, slot, 7 * back * DAY) for back in range(1, kind.weeks + 1)])
            value = self._value(series, slot)
            known = [reference for reference in (days, weeks) if reference is not None]
            return min(known, key=lambda reference: abs(reference - (value or 0)), default=None)
        if isinstance(kind, Baseline):
            value, usual = self._value(series, slot), self.usual(kind, series, slot)
            return None if value is None or usual is None else min(max(value, usual[1]), usual[2])
        return None

    def usual(self, kind: Baseline, series: str, slot: int) -> tuple[float, float, float] | None:
        """What a baseline expects of a slot, and from where to where it is usual."""

        def steady(at: int) -> float | None:
            return None if (series, at) in self.strange else self._usable(series, slot, slot - at)

        @cache
        def shape(at: int) -> float | None:
            return above_zero(middle([steady(at - day * DAY) for day in days], 1))

        @cache
        def ratio(at: int, day: int = 0) -> float | None:
            value, usual = steady(at - day * DAY), shape(at)
            return None if value is None or usual is None else value / usual

        def before(size: int, until: int = slot) -> list[int]:
            return [until - back * SLOT for back in range(size, 0, -1)]

        days = sorted({*range(1, kind.days + 1), *(7 * week for week in range(1, kind.weeks + 1))})
        twelve_times = (middle([ratio(at) for at in before(24, slot - 2 * hours * 3600)], 1) for hours in range(12))
        level = next((known for known in twelve_times if known is not None), None)
        if shape(slot) is None or level is None or level == 0:
            return None
        levels = {day: middle([log(ratio(at, day)) for at in before(24)], 12) for day in days}
        if sum(each is not None for each in levels.values()) >= 3:
            around = range(slot - 6 * SLOT, slot + 7 * SLOT, 2 * SLOT)
            strayed = [off(log(ratio(at, day)), levels[day]) for day in days for at in around]
            spread = middle(strayed, 9)
        else:
            lately = [log(ratio(at)) for at in before(24)]
            spread = middle([off(each, middle(lately, 1)) for each in lately], 12)
        if spread is None:
            return None
        expected = shape(slot) * level
        margin = max(math.exp(6 * 1.4826 * spread) / kind.factor, 1.0)
        hour = middle([steady(at) for at in before(12)], 6)
        both = [expected] if hour is None else [expected, hour]
        return expected, min(both) / margin, max(both) * margin


def middle(values: Sequence[float | None], least: int) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if len(known) >= least else None


def above_zero(value: float | None) -> float | None:
    return value or None


def log(ratio: float | None) -> float | None:
    return math.log(ratio) if ratio else None


def off(value: float | None, level: float | None) -> float | None:
    return None if value is None or level is None else abs(value - level)


def awake(schedule: Schedule, moment: int) -> bool:
    """Whether the clock on the wall lies in a window; one over midnight is the day's on which it begins."""
    wall = datetime.fromtimestamp(moment, schedule.zone)
    today, minute = wall.weekday(), 60 * wall.hour + wall.minute
    for window in schedule.windows:
        if window.start < window.end:
            if today in window.days and window.start <= minute < window.end:
                return True
        elif (today in window.days and minute >= window.start) or (
            (today - 1) % 7 in window.days and minute < window.end
        ):
            return True
    return False


def half_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known and len(known) >= len(values) / 2 else None


def in_breach(kind, value: float, reference: float | None) -> bool:
    if isinstance(kind, Threshold):
        return (kind.above is not None and value > kind.above) or (kind.below is not None and value < kind.below)
    if reference == 0:
        return False
    if isinstance(kind, Drop):
        fallen = value <= kind.to if kind.to is not None else (reference - value) / reference >= kind.by - NEAR
        return fallen and reference >= kind.from_
    if value < kind.floor and reference < kind.floor:
        return False
    if isinstance(kind, Baseline):
        return is_off(kind, value, reference, kind.factor) and (value > 0 or kind.zeros)
    times = value / reference
    return times >= kind.ratio * (1 - NEAR) if kind.ratio >= 1 else times <= kind.ratio * (1 + NEAR)


def is_off(kind: Baseline, value: float, reference: float, factor: float) -> bool:
    rises, falls = value / reference >= factor * (1 - NEAR), value / reference <= 1 / factor * (1 + NEAR)
    return (rises and kind.only is not Direction.FALL) or (falls and kind.only is not Direction.RISE)


def is_over(kind, value: float, reference: float | None, day_before: float | None) -> bool:
    if isinstance(kind, Threshold):
        over_above = kind.above is None or value <= (kind.above if kind.clear is None else kind.clear)
        over_below = kind.below is None or value >= (kind.below if kind.clear is None else kind.clear)
        return over_above and over_below
    if isinstance(kind, Drop):
        # A day earlier at 0 says nothing: nobody's traffic is back because there was none.
        normal = [reference] + ([day_before] if day_before else [])
        return any(value >= kind.clear * level * (1 - NEAR) for level in normal)
    if isinstance(kind, Baseline):
        matters = value >= kind.floor or reference >= kind.floor
        return not matters or not is_off(kind, value, reference, 1 + (kind.factor - 1) / 2)
    return not in_breach(kind, value, reference)
