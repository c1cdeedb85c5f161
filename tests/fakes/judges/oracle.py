"""What the rules say, written out slowly: one number at a time, no arrays, no bit masks, nothing kept from elsewhere.

It reads the keys of a rule and calls none of its functions. Where the tests hold the engine against this, the two
have only the description of the rules in common.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import combinations, islice
from statistics import median

from alertbot.rules.base import Direction, Rule
from alertbot.rules.baseline import Baseline
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.schedule import Schedule
from alertbot.rules.threshold import Threshold

SLOT = 300
HOUR = 3600
DAY = 86_400
WEEK = tuple(range(1, 8))
WEEKDAYS = (7, 14, 21)
REACH = 25 * DAY
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
class Plateau:
    """Values in breach that agree within a factor of 1.5, from the slot ``since`` on."""

    since: int
    values: list[float]


@dataclass
class State:
    """One rule on one series: ``shown`` has (slot, in breach) since the last time it was inactive."""

    shown: list[tuple[int, bool]] = field(default_factory=list)
    frozen: float | None = None
    firing: bool = False
    since: int = 0
    clear: int = 0
    fired: int = 0
    fired_on: float | None = None
    reference: float | None = None
    value: float = 0.0
    direction: Direction = Direction.FALL
    turned: list[int] = field(default_factory=list)
    plateaus: list[Plateau | None] = field(default_factory=lambda: [None, None])


@dataclass(frozen=True)
class Spell:
    """The slots of an alert that fired, both included; ``accepted``: where the level began that is the new normal."""

    rule: str
    since: int
    last: int
    direction: Direction
    fired_on: float | None
    accepted: int | None = None
    ended: bool = False

    @property
    def until(self) -> int:
        return self.last if self.accepted is None else min(self.last, self.accepted - SLOT)


@dataclass(frozen=True)
class View:
    """The past of a series as one slot looks at it: what it carried before ``cut``, and what was set aside."""

    slot: int
    value: Callable[[int], float | None]
    aside: Callable[[int], frozenset[str]]

    def cut(self, first: int) -> View:
        return replace(self, value=lambda at: None if at >= first else self.value(at))

    def same_alert(self, one: int, other: int) -> bool:
        return all(self.aside(at) for at in range(min(one, other), max(one, other) + SLOT, SLOT))


class Oracle:
    """``values`` of each series by slot, in bit/s; a slot that is absent or NaN is unknown."""

    def __init__(
        self, rules: Sequence[Rule], selection: Mapping[str, Collection[str]], values: Mapping[str, Mapping[int, float]]
    ) -> None:
        self.rules = sorted((rule for rule in rules if rule.enabled), key=lambda rule: rule.name)
        self.selection = selection
        self.values = values
        self.states: dict[tuple[str, str], State] = {}
        self.spells: dict[str, list[Spell]] = {series: [] for series in values}
        self.muted: set[tuple[str, int]] = set()
        self.verdicts: list[Verdict] = []

    def judge(self, slot: int, due: Collection[str]) -> None:
        """Judge one slot of the series that are due; only then set aside what fires."""
        before = {series: list(spells) for series, spells in self.spells.items()}
        ended: list[tuple[str, Spell]] = []
        for rule in self.rules:
            for series in sorted(set(self.selection[rule.name]) & set(due)):
                ended += [(series, spell) for spell in self._judge_one(rule, series, slot)]
        for series, spell in [each for each in ended if each[1].accepted is not None]:
            ended += [(series, other) for other in self._accepted_with(series, spell, slot)]
        self.verdicts.sort(key=lambda each: (each.slot, each.rule, each.series))  # what ends stays before what begins
        returned = [(series, spell) for series in before for spell in self._returned(series, slot)]
        for series, spell in ended + returned:
            self._put(series, spell)
        for rule in self.rules:
            for series in set(self.selection[rule.name]) & set(due):
                state = self.states[rule.name, series]
                if state.firing and sets_aside(rule.kind, state.direction):
                    self._put(series, Spell(rule.name, state.since, slot, state.direction, state.fired_on))

    def _put(self, series: str, spell: Spell) -> None:
        kept = [each for each in self.spells[series] if (each.rule, each.since) != (spell.rule, spell.since)]
        self.spells[series] = [*kept, spell]

    # -- one rule, one series, one slot

    def _judge_one(self, rule: Rule, series: str, slot: int) -> list[Spell]:
        state = self.states.setdefault((rule.name, series), State())
        value = self._value(series, slot) if rule.active is None or awake(rule.active, slot) else None
        view = self.view(series, slot)
        if state.firing:
            view = view.cut(state.since)
        reference, usual = self._compared(rule.kind, view, state.frozen, self._value(series, slot))
        breach = value is not None and in_breach(rule.kind, value, reference, usual, view)
        breach = breach and (isinstance(rule.kind, Threshold) or not self._at_old_level(series, slot))
        breach = breach and not (
            isinstance(rule.kind, DayOverDay) and self._at_new_level(rule.kind, series, slot, value)
        )
        scale = reference if isinstance(rule.kind, DayOverDay | Baseline) else usual if by_share(rule.kind) else None
        if state.firing:
            return self._judge_firing(rule, series, slot, state, value, reference, breach, scale)
        self._judge_pending(rule, series, slot, state, value, reference, breach, scale)
        return []

    def _judge_pending(self, rule, series, slot, state, value, reference, breach, scale) -> None:
        span = rule.within_slots or rule.for_slots
        way = direction(rule.kind, value, reference) if breach else state.direction
        if way is not state.direction:  # a rise is no evidence of a fall
            state = self.states[rule.name, series] = State(direction=way)
        state.shown = [shown for shown in [*state.shown, (slot, breach)] if shown[0] > slot - span * SLOT]
        breaches = [at for at, shown in state.shown if shown]
        if not breaches or (not breach and span == rule.for_slots):
            self.states[rule.name, series] = State()
            return
        if isinstance(rule.kind, Drop) and state.frozen is None:
            state.frozen = reference
        state.since = breaches[0]
        if not breach:
            return
        settle(state, slot, value, scale, breach=breach)
        if len(breaches) >= rule.for_slots:
            state.firing, state.fired, state.fired_on, state.reference = True, slot, reference, reference
            self._say(rule, series, slot, "fired", state, value, "breach")

    def _judge_firing(self, rule, series, slot, state, value, reference, breach, scale) -> list[Spell]:
        if value is None:
            state.clear, state.turned = 0, []
            return []
        way = direction(rule.kind, value, reference) if breach else state.direction
        state.turned = [*state.turned, slot] if way is not state.direction else []
        if state.turned:
            return self._judge_turned(rule, series, slot, state, value, reference, scale, way)
        over = (value == 0 and state.direction is Direction.RISE) or is_over(
            rule.kind, value, state.fired_on, reference, self.view(series, slot), state.since
        )
        state.clear = state.clear + 1 if over else 0
        state.reference = state.reference if reference is None else reference
        settle(state, slot, value, scale, breach=breach)
        spell = Spell(rule.name, state.since, slot - SLOT, state.direction, state.fired_on, ended=True)
        longest = max((each for each in state.plateaus if each), key=lambda each: len(each.values), default=None)
        if state.clear >= rule.clear_slots:
            self._say(rule, series, slot, "resolved", state, value, "cleared")
        elif rule.accept_slots is not None and longest and len(longest.values) >= rule.accept_slots:
            self._say(rule, series, slot, "resolved", state, value, "new normal")
            spell = replace(spell, accepted=longest.since)
        else:
            return []
        return [spell] if sets_aside(rule.kind, spell.direction) else []

    def _judge_turned(self, rule, series, slot, state, value, reference, scale, way) -> list[Spell]:
        """In breach the other way: over after ``clear_for``, or once that has lasted ``for`` and fires itself."""
        state.clear += 1
        state.plateaus = [None, None]
        state.reference = reference
        if state.clear < rule.clear_slots and len(state.turned) < rule.for_slots:
            return []
        spell = Spell(rule.name, state.since, slot - SLOT, state.direction, state.fired_on, ended=True)
        self._say(rule, series, slot, "resolved", state, value, "cleared")
        shown = [(at, True) for at in state.turned[:-1]]
        after = self.states[rule.name, series] = State(shown=shown, direction=way)
        self._judge_pending(rule, series, slot, after, value, reference, breach=True, scale=scale)
        return [spell] if sets_aside(rule.kind, spell.direction) else []

    def _say(self, rule, series, slot, event, state, value, reason) -> None:
        self.verdicts.append(Verdict(slot, rule.name, series, event, state.since, value, state.reference, reason))
        if event == "resolved":
            self.states[rule.name, series] = State()

    def _compared(self, kind, view, frozen, value) -> tuple[float | None, float | None]:
        """The reference, and for a drop what is usual."""
        if isinstance(kind, DayOverDay):
            return nearest_reading(kind, view, value), None
        if isinstance(kind, Baseline):
            around = baseline(kind, view)
            return None if value is None or around is None else min(max(value, around[1]), around[2]), None
        if not isinstance(kind, Drop):
            return None, None
        low = usual(kind.zone, view)
        reference = recent(view, kind.window) if frozen is None else frozen
        if kind.to is not None and (reference is None or reference < kind.from_):
            reference = low if low is not None and low >= kind.from_ else reference
        return reference, low

    # -- after a new normal

    def _accepted_with(self, series: str, spell: Spell, slot: int) -> list[Spell]:
        """The other alerts of a series and a direction end with a new normal."""
        found = []
        for rule in self.rules:
            state = self.states.get((rule.name, series), State())
            if state.firing and state.fired != slot and state.direction is spell.direction and rule.accept_slots:
                found.append(
                    Spell(
                        rule.name, state.since, slot - SLOT, state.direction, state.fired_on, spell.accepted, ended=True
                    )
                )
                value = self._value(series, slot)
                self._say(rule, series, slot, "resolved", state, state.value if value is None else value, "new normal")
        return found

    def _old_level(self, rule: Rule, series: str, spell: Spell, slot: int) -> bool:
        """Whether a slot carries the level from before a new normal."""
        value = self._value(series, slot)
        if not value or not spell.last + 2 * SLOT <= slot <= spell.last + 7 * DAY:
            return False
        view = self.view(series, slot)
        reference, _ = self._compared(rule.kind, view.cut(spell.since), None, value)
        return is_over(rule.kind, value, spell.fired_on, reference, view, spell.since)

    def _accepted(self, series: str) -> list[tuple[Rule, Spell]]:
        rules = {rule.name: rule for rule in self.rules}
        return [(rules[spell.rule], spell) for spell in self.spells[series] if spell.accepted is not None]

    def _at_old_level(self, series: str, slot: int) -> bool:
        return any(self._old_level(rule, series, spell, slot) for rule, spell in self._accepted(series))

    def _at_new_level(self, kind: DayOverDay, series: str, slot: int, value: float) -> bool:
        """Whether a slot is no breach against what was accepted as the new normal."""
        for spell in self.spells[series]:
            if spell.accepted is None or not spell.last < slot <= spell.last + 7 * DAY:
                continue
            held = range(spell.accepted, spell.last + SLOT, SLOT)
            accepted = [carried for carried in (self._value(series, at) for at in held) if carried]
            level = (self._value(series, slot - DAY) if slot - DAY >= spell.accepted else None) or (
                median(accepted) if accepted else None
            )
            if level and not off_the_reference(kind, value, level):
                return True
        return False

    def _returned(self, series: str, slot: int) -> list[Spell]:
        """The new normals that end with a slot, since the old level has been back for ``clear_for``."""
        return [
            replace(spell, accepted=None, last=slot - rule.clear_slots * SLOT)
            for rule, spell in self._accepted(series)
            if all(self._old_level(rule, series, spell, slot - back * SLOT) for back in range(rule.clear_slots))
        ]

    # -- the past

    def _value(self, series: str, slot: int) -> float | None:
        value = self.values[series].get(slot, math.nan)
        return None if math.isnan(value) else value

    def view(self, series: str, slot: int) -> View:
        """What a mute covers counts for the slots that it covers."""
        under, spells, muted = (series, slot) in self.muted, self.spells[series], self.muted

        @cache
        def aside(at: int) -> frozenset[str]:
            found = {spell.direction.value for spell in spells if spell.since <= at <= spell.until}
            return frozenset(found | {"mute"} if (series, at) in muted and not under else found)

        return View(slot, lambda at: self._value(series, at), aside)


def settle(state: State, slot: int, value: float, scale: float | None, *, breach: bool) -> None:
    """How long the alert has been at one level, in bit/s and as a share of what is usual."""
    if value == 0:
        state.plateaus = [None, None]
    elif breach:
        for place, figure in enumerate((value, value / scale if scale else None)):
            if figure is None:
                continue
            before = state.plateaus[place]
            if before and max(*before.values, figure) <= 1.5 * min(*before.values, figure):
                before.values.append(figure)
            else:
                state.plateaus[place] = Plateau(slot, [figure])


def by_share(kind) -> bool:
    return isinstance(kind, Drop) and kind.by is not None


def sets_aside(kind, way: Direction) -> bool:
    return way is Direction.FALL if isinstance(kind, Threshold) else True


def direction(kind, value: float, reference: float | None) -> Direction:
    if isinstance(kind, Threshold):
        return Direction.FALL if kind.below is not None and value < kind.below else Direction.RISE
    if isinstance(kind, DayOverDay):
        return Direction.RISE if kind.ratio >= 1 else Direction.FALL
    return Direction.FALL if isinstance(kind, Drop) or value < reference else Direction.RISE


# -- what is usual


@cache
def clocks(zone, slot: int, days: tuple[int, ...]) -> list[list[int]]:
    """The same time on earlier days: on the wall, and for a week after a change of clocks in UTC as well."""
    plain = [slot - day * DAY for day in days]
    if zone is UTC:
        return [plain]
    local = datetime.fromtimestamp(slot, zone).replace(tzinfo=None, fold=0)
    wall = [int((local - timedelta(days=day)).replace(tzinfo=zone).timestamp()) for day in days]
    changed = any(offset(zone, at) != offset(zone, at - SLOT) for at in range(slot, slot - 7 * DAY, -SLOT))
    return [wall, plain] if changed else [wall]


@cache
def offset(zone, slot: int) -> timedelta | None:
    return datetime.fromtimestamp(slot, zone).utcoffset()


def usual(zone, view: View) -> float | None:
    """The lowest reading of what is usual at the time of a slot."""
    found = [middle(serving(view, days), 1) for days in clocks(zone, view.slot, WEEK)]
    return min((each for each in (*found, weekly(zone, view)) if each is not None), default=None)


def serving(view: View, days: Sequence[int]) -> list[float | None]:
    """What may serve of the same time on several days: what is not set aside, what recurs, or else all but zeros."""
    good = [None if view.aside(at) else view.value(at) for at in days]
    of_alerts = [at for at in days if view.aside(at) and "mute" not in view.aside(at)]
    taught = separate(view, [at for at in of_alerts if view.value(at)])
    for three in combinations(taught, 3):
        carried = [view.value(at) for at in three]
        if max(carried) <= 1.5 * min(carried):
            good = [view.value(at) if at in three else known for at, known in zip(days, good, strict=True)]
    if all(each is None for each in good):
        return [view.value(at) or None if "mute" not in view.aside(at) else None for at in days]
    return good


def separate(view: View, slots: Sequence[int]) -> list[int]:
    """Of the slots that one alert passed through, the nearest alone."""
    kept: list[int] = []
    for at in slots:
        if not any(view.same_alert(at, other) for other in kept):
            kept.append(at)
    return kept


def weekly(zone, view: View) -> float | None:
    """The level of the last three of these weekdays, where they agree and no two are of one alert."""
    days = clocks(zone, view.slot, WEEKDAYS)[0]
    carried = [view.value(at) for at in days]
    aside = [at for at in days if view.aside(at)]
    if not all(carried) or max(carried) > 1.5 * min(carried) or len(separate(view, aside)) < len(aside):
        return None
    return median(carried)


def silent(zone, view: View) -> bool:
    """Usually silent at this time, by either clock."""
    return any(silent_by(clock, view) for clock in (zone, UTC))


def silent_by(zone, view: View) -> bool:
    """Usually silent near this time, and silent within a slot of it, or half as near, on one of the days."""

    @cache
    def once(at: int) -> bool:
        return any((*zeros(zone, view, at, WEEK, 20 * HOUR), *zeros(zone, view, at, WEEKDAYS, 3 * DAY)))

    around = {far: silences(zone, view, view.slot + far * SLOT) for far in range(-6, 7)}
    if not any(any(each) for each in around.values()):
        return False
    found = any(once(view.slot + far * SLOT) for far in (-1, 0, 1))
    for which in (0, 1):
        most = max(each[which] for each in around.values())
        fullest = [far for far, each in around.items() if each[which] == most > 0]
        ends = {
            min((far for far in fullest if far > 0), default=0),
            max((far for far in fullest if far < 0), default=0),
        }
        found |= any(once(view.slot + int(far / 2) * SLOT) for far in ends - {0})
    return found


def silences(zone, view: View, slot: int) -> tuple[int, int]:
    """On how many of the last days, and of these weekdays, it was silent at this time, where that is usual."""
    nights, weekdays = zeros(zone, view, slot, WEEK, 20 * HOUR), zeros(zone, view, slot, WEEKDAYS, 3 * DAY)
    return nights.count(True) if mostly_silent(nights) else 0, int(all(weekdays))


def mostly_silent(nights: Sequence[bool | None]) -> bool:
    days = [each for each in nights if each is not None]
    enough = days.count(True) >= 5 or (3 <= len(days) < 5 and all(days))
    return bool(days) and days[0] and enough


def zeros(zone, view: View, slot: int, days: Sequence[int], most: int) -> list[bool | None]:
    """Of each day, whether it was silent at this time; None where that is unknown, or teaches nothing."""
    found: list[bool | None] = []
    earlier: list[int] = []
    for at in clocks(zone, slot, days)[0]:
        value = view.value(at)
        if value is None or not any(view.value(before) for before in range(slot - REACH, at + SLOT, SLOT)):
            found.append(None)
        elif value > 0 or not view.aside(at):
            found.append(value == 0)
        else:
            alone = not any(view.same_alert(at, other) for other in earlier)
            found.append(True if alone and lasted(view, at) < most else None)
        if view.aside(at):
            earlier.append(at)
    return found


def lasted(view: View, at: int) -> int:
    """Seconds that the alert around a slot lasted."""
    first = last = at
    while view.aside(first - SLOT):
        first -= SLOT
    while view.aside(last + SLOT):
        last += SLOT
    return last - first + SLOT


def nearest(view: View, until: int, count: int, reach: int, left_out: Collection[str]) -> list[int]:
    """The slots before one that were not set aside so, the nearest ``count`` of them within ``reach`` seconds."""
    earlier = range(until - SLOT, until - reach - SLOT, -SLOT)
    return list(islice((at for at in earlier if not view.aside(at) & set(left_out)), count))


def recent(view: View, window: int) -> float | None:
    slots = nearest(view, view.slot, window, REACH, {"fall", "mute"})
    return middle([view.value(at) for at in slots], (window + 1) // 2)


def nearest_reading(kind: DayOverDay, view: View, value: float | None) -> float | None:
    """Of days and weeks, and of the readings of the clocks, the reference nearest in value to now."""
    found = []
    for count, step, most in ((kind.days, 1, max(kind.days, 7)), (kind.weeks, 7, max(kind.weeks, 4))):
        if count:
            among = tuple(step * number for number in range(1, most + 1))
            found += [nearest_days(view, days, count) for days in clocks(kind.zone, view.slot, among)]
    known = [reference for reference in found if reference is not None]
    return min(known, key=lambda reference: abs(reference - (value or 0)), default=None)


def nearest_days(view: View, days: Sequence[int], count: int) -> float | None:
    """The median of the nearest days that are not set aside; a hole counts as a day."""
    good = serving(view, days)
    holes = [view.value(at) is None and not view.aside(at) for at in days]
    chosen = [known for known, hole in zip(good, holes, strict=True) if known is not None or hole][:count]
    return middle(chosen, max((len(chosen) + 1) // 2, 1))


def baseline(kind: Baseline, view: View) -> tuple[float, float, float] | None:
    """What a baseline expects of a slot, and from where to where it is usual, by every reading of the clocks."""
    count = len(clocks(kind.zone, view.slot, (1,)))
    found = [expectation(kind, view, reading) for reading in range(count)]
    known = [each for each in found if each is not None]
    if not known:
        return None
    return known[0][0], min(each[1] for each in known), max(each[2] for each in known)


def expectation(kind: Baseline, view: View, reading: int) -> tuple[float, float, float] | None:
    """Likewise, by one reading."""
    backs = tuple(sorted({*range(1, kind.days + 1), *(7 * week for week in range(1, kind.weeks + 1))}))

    @cache
    def days(at: int) -> list[float | None]:
        readings = clocks(kind.zone, at, backs)
        return serving(view, readings[min(reading, len(readings) - 1)])

    @cache
    def shape(at: int) -> float | None:
        return middle([each for each in days(at) if each], 1) if middle(days(at), 1) else None

    def ratio(at: int) -> float | None:
        value, level = view.value(at), shape(at)
        return None if value is None or level is None else value / level

    def ratio_of(day: int, at: int) -> float | None:
        value, level = days(at)[day], shape(at)
        return None if value is None or level is None else value / level

    now = shape(view.slot)
    if now is None:
        return None
    lately = [ratio(at) for at in nearest(view, view.slot, 24, 96 * SLOT, {"fall", "rise", "mute"})]
    level = middle([each for each in lately if each], 12)
    expected = now * ((0.0 if 0.0 in lately else 1.0) if level is None else level)
    two_hours = range(view.slot - 2 * HOUR, view.slot, SLOT)
    levels = [middle([log(ratio_of(day, at)) for at in two_hours], 12) for day in range(len(backs))]
    if sum(each is not None for each in levels) >= 3:
        around = range(view.slot - 6 * SLOT, view.slot + 7 * SLOT, 2 * SLOT)
        strayed = [off(log(ratio_of(day, at)), levels[day]) for day in range(len(backs)) for at in around]
        spread = middle(strayed, 9)
    else:
        logs = [log(each) for each in lately]
        spread = middle([off(each, middle(logs, 1)) for each in logs], 12)
    if spread is None or expected <= 0:
        return None
    margin = max(math.exp(6 * 1.4826 * spread) / kind.factor, 1.0)
    hour = middle([view.value(at) for at in nearest(view, view.slot, 12, 24 * SLOT, {"fall", "rise", "mute"})], 6)
    around = [each for each in (expected, hour, weekly(kind.zone, view)) if each is not None]
    passed = set().union(*(view.aside(view.slot - back * SLOT) for back in range(1, 301)))
    low = [*around, now] if passed & {"rise", "mute"} else around
    high = [*around, now] if passed & {"fall", "mute"} else around
    return expected, min(low) / margin, max(high) * margin


def middle(values: Sequence[float | None], least: int) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if len(known) >= least else None


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


# -- in breach, and over


def looks_for_falls(kind) -> bool:
    if isinstance(kind, Threshold):
        return kind.below is not None
    return kind.ratio < 1 if isinstance(kind, DayOverDay) else True


def in_breach(kind, value: float, reference: float | None, low: float | None, view: View) -> bool:
    if not off_the_reference(kind, value, reference):
        return False
    if by_share(kind) and low is not None and value >= kind.clear * low * (1 - NEAR):
        return False
    return not (value == 0 and looks_for_falls(kind) and silent(kind.zone, view))


def off_the_reference(kind, value: float, reference: float | None) -> bool:
    if isinstance(kind, Threshold):
        return (kind.above is not None and value > kind.above) or (kind.below is not None and value < kind.below)
    if not reference:
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


def is_over(kind, value: float, fired_on: float | None, present: float | None, view: View, since: int) -> bool:
    """Back by the reference it fired on or the present one; at 0 a fall is over only where that is usual."""
    rises = isinstance(kind, Baseline) and kind.only is Direction.RISE
    if value == 0 and looks_for_falls(kind) and not rises:
        return silent(kind.zone, view)
    if isinstance(kind, Threshold):
        over_above = kind.above is None or value <= (kind.above if kind.clear is None else kind.clear)
        over_below = kind.below is None or value >= (kind.below if kind.clear is None else kind.clear)
        return over_above and over_below
    if isinstance(kind, Drop):
        low = usual(kind.zone, view.cut(since))
        back = any(level and value >= kind.clear * level * (1 - NEAR) for level in (fired_on, low))
        if kind.to is not None:
            return back and value > kind.to
        return back and not (low is not None and value <= (1 - kind.by) * low * (1 + NEAR))
    if isinstance(kind, Baseline):
        both = [reference for reference in (present, fired_on) if reference is not None]
        back = any(is_eased(kind, value, reference) for reference in both)
        far = present is not None and is_off(kind, value, present, kind.factor)
        return back and not (far and (value >= kind.floor or present >= kind.floor))
    reference = fired_on if present is None else present
    return not off_the_reference(kind, value, reference)


def is_eased(kind: Baseline, value: float, reference: float) -> bool:
    matters = value >= kind.floor or reference >= kind.floor
    return not matters or not is_off(kind, value, reference, 1 + (kind.factor - 1) / 2)
