"""Incidents of which the truth is known, on traffic of many shapes: what the rules tell of them, shape by shape.

    python tests/bench/shapes.py [SHAPE ...] [--count 100] [--seed 1] [--rules rules.example.toml] [--show]

Each shape makes domains of its own kind and what truly happens to them (``Story``), replays them by the code that
judges live, and counts:

- missed: incidents of which no alert of their direction fired until two slots after them; untold: in which none *began*
  to fire, so that nobody was told of them though an older alert went on;
- uncovered: the share of their slots, the first three apart, in which none fired (of a fall or rise its first day);
- false: alerts that began in no incident; cleared: ended as over while the incident went on; quiet: the share of the
  quiet slots in which any fired; learning: posts a domain, at most, of what is usual later, as the first silent nights.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.traffic import Event, Made, local, made_up, silent_nights, silent_weekends

from alertbot.alerts.engine import Engine
from alertbot.alerts.lifecycle import Reason
from alertbot.alerts.replay import Span, replay
from alertbot.config import load
from alertbot.rules.base import Array, Direction, Mask, Rule, Severity
from alertbot.rules.baseline import Baseline
from alertbot.units import DAY, DAY_SLOTS, SLOT

EXAMPLE = Path(__file__).parents[2] / "rules.example.toml"
ZONE = ZoneInfo("Europe/Berlin")
DAYS = 42
FIRST = 20_507
"""2026-02-23, a Monday; the clocks change in the fifth week."""

LEARNED = 22
"""Days after which silent nights and weekends are known."""

_SETTLED = 4
"""Slots after an incident that are not quiet yet."""

Random = np.random.Generator


@dataclass(frozen=True)
class Story:
    """A domain: its values (bit/s, NaN unknown), its incidents by time, and in which slots alerts are only learning."""

    values: Array
    events: Sequence[Event]
    learning: Mask = field(default_factory=lambda: np.zeros(DAYS * DAY_SLOTS, dtype=bool))


def _clock() -> Array:
    return local(FIRST * DAY + SLOT * np.arange(DAYS * DAY_SLOTS), ZONE)


def _usual(random: Random, low: float = 8.0, high: float = 9.5) -> Array:
    return made_up(random, _clock(), 10 ** random.uniform(low, high))


def _factor(random: Random) -> float:
    return float(random.choice([0.0, random.uniform(0.02, 0.12), random.uniform(2.8, 5)], p=[0.5, 0.25, 0.25]))


def _events(random: Random, first: int, free: Mask, factor: Callable[[Random], float] = _factor) -> list[Event]:
    """Two to four incidents from the row ``first`` on, a few slots to half a day apart, each where it is ``free``."""
    found: list[Event] = []
    at = first + int(random.integers(DAY_SLOTS))
    for _ in range(int(random.integers(2, 5))):
        length = int(random.choice([random.integers(3, 13), random.integers(6, 37), random.integers(24, 121)]))
        while at + length + 24 < len(free) and not free[at - 12 : at + length + 12].all():
            at += 12
        if at + length + 24 < len(free):
            found.append(Event(0, at, at + length, factor(random)))
        at += length + int(random.choice([random.integers(4, 15), random.integers(12, 61), random.integers(100, 171)]))
    return found


def _with(values: Array, events: Sequence[Event], learning: Mask | None = None) -> Story:
    values = values.copy()
    for each in events:
        values[each.first : each.end] *= each.factor
    return Story(values, events) if learning is None else Story(values, events, learning)


def weekends(random: Random) -> Story:
    """Silent at weekends, as it has been for three."""
    silent = silent_weekends(random, _clock())
    events = _events(random, 24 * DAY_SLOTS, ~silent)
    return _with(np.where(silent, 0, _usual(random)), events, _rows() < LEARNED * DAY_SLOTS)


def nights(random: Random) -> Story:
    """Silent at night, as ever."""
    silent = silent_nights(random, _clock())
    events = _events(random, 24 * DAY_SLOTS, ~silent)
    return _with(np.where(silent, 0, _usual(random)), events, _rows() < 8 * DAY_SLOTS)


def new_nights(random: Random) -> Story:
    """Silent at night from the third week on."""
    silent = silent_nights(random, _clock()) & (_rows() >= 14 * DAY_SLOTS)
    events = _events(random, 30 * DAY_SLOTS, ~silent)
    return _with(np.where(silent, 0, _usual(random)), events, silent & (_rows() < LEARNED * DAY_SLOTS))


def endless_nights(random: Random) -> Story:
    """Silent at night, as ever; one of them does not end."""
    silent = silent_nights(random, _clock())
    ends = np.flatnonzero(silent[:-1] & ~silent[1:]) + 1
    begin = int(ends[ends > 26 * DAY_SLOTS][0])
    values = np.where(silent, 0, _usual(random))
    event = Event(0, begin, begin + int(random.integers(18, 60)), 0.0)
    return _with(values, [event], _rows() < 8 * DAY_SLOTS)


def drifting(random: Random) -> Story:
    """A level that wanders by a factor of two or three within weeks."""
    steps = np.cumsum(random.normal(0, 0.12, DAYS + 2))
    level = np.exp(np.interp(_rows() / DAY_SLOTS, np.arange(DAYS + 2), steps))
    return _with(_usual(random) * level, _events(random, 12 * DAY_SLOTS, _anywhere()))


def launches(random: Random) -> Story:
    """3 Mbps for days, 1 Gbps for three hours, dark for some, then as in the three."""
    values = 3e6 * random.normal(1, 0.03, DAYS * DAY_SLOTS)
    begin = int(random.integers(10, 30)) * DAY_SLOTS + int(random.integers(DAY_SLOTS))
    dark = begin + 36
    end = dark + int(random.integers(12, 100))
    values[begin:] *= 333
    values[end + 24 :] /= 333
    learning = (_rows() >= begin) & (_rows() < dark) | (_rows() >= end) & (_rows() < end + 36)
    return _with(values, [Event(0, dark, end, 0.0)], learning)


def clocks(random: Random) -> Story:
    """Office hours by the wall or by UTC; the clocks change just before the incidents."""
    clock = _clock() if random.random() < 0.5 else FIRST * DAY + SLOT * _rows()
    office = (clock % DAY >= 8 * 3600) & (clock % DAY < 18 * 3600)
    values = np.where(office, 1.0, random.uniform(0.1, 0.6)) * _usual(random, 9.0, 9.5)
    return _with(values, _events(random, 33 * DAY_SLOTS, _anywhere()), _rows() < 4 * DAY_SLOTS)


def long(random: Random) -> Story:
    """Dark for one to eight days, back for hours or days, dark again; coming back is no rise."""
    begin = 12 * DAY_SLOTS + int(random.integers(DAY_SLOTS))
    end = begin + int(random.integers(1, 9)) * DAY_SLOTS + int(random.integers(DAY_SLOTS))
    again = end + int(random.integers(12, 3 * DAY_SLOTS))
    last = again + int(random.integers(12, 2 * DAY_SLOTS))
    return _with(_usual(random), [Event(0, begin, end, 0.0), Event(0, again, last, 0.0)])


def partial(random: Random) -> Story:
    """Falls to 15-60 % and rises of 1.5-2.8 times, on steady traffic, under a rule that asks for them."""

    def factor(random: Random) -> float:
        return float(random.choice([random.uniform(0.15, 0.6), random.uniform(1.5, 2.8)]))

    clock = _clock()
    wave = 1 + random.uniform(0.1, 0.6) * np.cos(2 * np.pi * (clock / DAY - random.uniform()))
    values = 10 ** random.uniform(8, 9.5) * wave * random.normal(1, random.uniform(0.005, 0.05), len(clock))
    return _with(values, _events(random, 12 * DAY_SLOTS, _anywhere(), factor))


def small(random: Random) -> Story:
    """Domains of 0.3 to 30 Mbps that go dark."""
    return _with(_usual(random, 5.5, 7.5), _events(random, 12 * DAY_SLOTS, _anywhere(), lambda _: 0.0))


def holes(random: Random) -> Story:
    """Slots that were never known, one by one and for hours, in incidents and outside."""
    story = _with(_usual(random), _events(random, 12 * DAY_SLOTS, _anywhere()))
    unknown = random.random(len(story.values)) < 0.02
    for begin in random.integers(0, len(unknown), 12).tolist():
        unknown[begin : begin + int(random.integers(6, 60))] = True
    for each in story.events:
        unknown[each.first : each.first + 3] = False
    return Story(np.where(unknown, np.nan, story.values), story.events)


SHAPES: dict[str, Callable[[Random], Story]] = {
    "weekends": weekends,
    "nights": nights,
    "new nights": new_nights,
    "endless nights": endless_nights,
    "drifting": drifting,
    "launches": launches,
    "clocks": clocks,
    "long": long,
    "partial": partial,
    "small": small,
    "holes": holes,
}

ASKED = Rule("asked", "baseline", Baseline(1.35, 1e6, weeks=0, zone=ZONE), Severity.WARNING, for_slots=2)
"""What ``partial`` is judged by beside the starter rules."""


def _rows() -> Array:
    return np.arange(DAYS * DAY_SLOTS)


def _anywhere() -> Mask:
    return np.ones(DAYS * DAY_SLOTS, dtype=bool)


@dataclass
class Fired:
    """An alert: the rows in which it fired and ended (None: not), how it ended, its direction and its rule."""

    rule: str
    first: int
    direction: Direction
    end: int | None = None
    reason: Reason | None = None

    def at(self, row: int) -> bool:
        return self.first <= row and (self.end is None or row < self.end)


def alerts(stories: Sequence[Story], rules: Sequence[Rule]) -> list[list[Fired]]:
    """The alerts of each story."""
    names = [f"s{place:03}.example.com" for place in range(len(stories))]
    engine = Engine(rules, {rule.name: names for rule in rules}, names)
    history = Made(names, FIRST, np.column_stack([story.values for story in stories]))
    found: dict[str, list[Fired]] = {name: [] for name in names}
    firing: dict[tuple[str, str], Fired] = {}
    for change in replay(engine, history, Span()):
        alert, row = change.alert, change.alert.slot // SLOT - FIRST * DAY_SLOTS
        if change.fired:
            firing[alert.rule, alert.series] = Fired(alert.rule, row, alert.direction)
            found[alert.series].append(firing[alert.rule, alert.series])
        else:
            each = firing.pop((alert.rule, alert.series))
            each.end, each.reason = row, change.reason
    return list(found.values())


def score(story: Story, fired: Sequence[Fired]) -> tuple[Counter[str], list[str]]:
    """What is counted of one story, and what was wrong with it."""
    counts, wrong = Counter[str](), list[str]()
    for each in story.events:
        counts += _of_event(each, fired, wrong)
    quiet = _quiet(story)
    counted = quiet & ~story.learning
    for alert in fired:
        if counted[alert.first]:
            counts["false"] += 1
            wrong.append(f"{alert.rule} {alert.direction} false at {alert.first}")
        counts["firing"] += int(counted[alert.first : alert.end].sum())
    taught = sorted(alert.first for alert in fired if quiet[alert.first] and story.learning[alert.first])
    counts["learning"] = sum(one > before + 6 for before, one in pairwise([-DAY_SLOTS, *taught]))
    counts["quiet"] += int(counted[12 * DAY_SLOTS :].sum())
    return counts, wrong


def _of_event(event: Event, fired: Sequence[Fired], wrong: list[str]) -> Counter[str]:
    same = [alert for alert in fired if alert.direction is event.direction]
    last = event.end if event.factor == 0 else min(event.end, event.first + DAY_SLOTS - 3)
    on = [any(alert.at(row) for alert in same) for row in range(event.first, event.end + 2)]
    counts = Counter(events=1, slots=max(last - event.first - 3, 0))
    counts["late"] = sum(not each for each in on[3 : max(last - event.first, 3)])
    missed = not any(on)
    untold = not any(event.first <= alert.first < event.end + 2 for alert in same)
    counts["missed"], counts["untold"] = int(missed), int(untold)
    if missed or untold:
        wrong.append(f"{'missed' if missed else 'untold'} {event.kind} x{event.factor:.2f} {event.first}-{event.end}")
    for alert in same:
        ended = alert.end is not None and event.first <= alert.first < event.end and alert.end < event.end - 3
        if ended and alert.reason is Reason.CLEARED and not any(each.at(alert.end or 0) for each in same):
            counts["cleared"] += 1
            wrong.append(f"{alert.rule} cleared at {alert.end} within {event.kind} {event.first}-{event.end}")
    return counts


def _quiet(story: Story) -> Mask:
    quiet = ~np.isnan(story.values)
    for each in story.events:
        quiet[each.first - 1 : each.end + _SETTLED] = False
    return quiet


def rules_of(path: Path, zone: ZoneInfo) -> list[Rule]:
    """The rules of a file that are for every domain, by the clock of a zone."""
    rules = [rule for rule in load(path).rules if rule.domains == ("*",)]
    return [_in_zone(rule, zone) for rule in rules]


def _in_zone(rule: Rule, zone: ZoneInfo) -> Rule:
    kind: Any = rule.kind
    return replace(rule, kind=replace(kind, zone=zone)) if hasattr(kind, "zone") else rule


def row(name: str, counts: Counter[str]) -> str:
    """The figures of one shape."""
    slots, quiet = max(counts["slots"], 1), max(counts["quiet"], 1)
    return (
        f"{name:16}{counts['missed']:>5} of {counts['events']:<6}{counts['untold']:>7}{counts['late'] / slots:>11.1%}"
        f"{counts['false']:>7}{counts['cleared']:>9}{counts['firing'] / quiet:>9.2%}{counts['learning']:>10}"
    )


def measured(name: str, count: int, seed: int, rules: Sequence[Rule]) -> tuple[Counter[str], list[str]]:
    """The figures of a shape, and what was wrong, a line each."""
    random = np.random.default_rng([seed, list(SHAPES).index(name)])
    stories = [SHAPES[name](random) for _ in range(count)]
    judged = [*rules, ASKED] if name == "partial" else rules
    counts, wrong = Counter[str](), list[str]()
    for place, (story, fired) in enumerate(zip(stories, alerts(stories, judged), strict=True)):
        more, lines = score(story, fired)
        most = max(counts["learning"], more["learning"])
        counts += more
        counts["learning"] = most
        wrong += [f"  {name} {place}: {line}" for line in lines]
    return counts, wrong


@click.command(help=__doc__)
@click.argument("shapes", nargs=-1)
@click.option("--count", default=100)
@click.option("--seed", default=1)
@click.option("--rules", type=click.Path(exists=True, path_type=Path), default=EXAMPLE)
@click.option("--show", default=0, help="So many lines of what was wrong with each.")
def main(shapes: tuple[str, ...], count: int, seed: int, rules: Path, show: int) -> None:
    """Print the table."""
    click.echo(
        f"{'':16}{'missed':>14}{'untold':>7}{'uncovered':>11}{'false':>7}{'cleared':>9}{'quiet':>9}{'learning':>10}"
    )
    judged = rules_of(rules, ZONE)
    for name in shapes or SHAPES:
        counts, wrong = measured(name, count, seed, judged)
        for line in (row(name, counts), *wrong[:show]):
            click.echo(line)


if __name__ == "__main__":
    main()
