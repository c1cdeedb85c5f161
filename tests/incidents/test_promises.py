"""What the readers are promised: a property test over arbitrary stories of breaches, orders, mutes, restarts and edits.

The real ledger, engine, book, desk and store run over ``rigs.house``; ``judges.bystander``, which knows nothing of what
decides who is woken, objects after every step to what breaks a promise. A second test tells each story without its
restarts as well: what is said must be the same.

30 examples and 6 in the quick suite, 300 and 60 in the slow one; with the environment's ``ALERTBOT_PROMISES=N`` N new
ones of each.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from fakes.judges.bystander import Bystander
from fakes.rigs.effort import examples
from fakes.rigs.house import ADA, LAG, START, House
from fakes.rigs.night import config_for, night_folder
from fakes.worlds.virtual import run
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from alertbot.config import Config, GroupSettings, MuteSettings
from alertbot.errors import UsageError
from alertbot.incidents.orders import Ack, Order, Requester, Silence, Unsilence
from alertbot.rules.base import Rule, Severity
from alertbot.rules.drop import Drop
from alertbot.rules.schedule import Schedule, Window
from alertbot.rules.threshold import Threshold
from alertbot.service.order_executor import OrderExecutor
from alertbot.store.rules import write_rules_begun
from alertbot.units import SLOT

ALWAYS_THE_SAME = "ALERTBOT_PROMISES" not in os.environ
"""Without being asked for more, the same stories each time: what lands is not a matter of luck."""

LEVELS = (1e9, 4e8, 2e8, 1e8, 6e7, 3e7)
CALM = 19
"""Slots without a change at the end of a story: an hour and a half. What a spike was is a reference until then."""

AFTERWARDS = 60
"""Slots of ordinary traffic, in which that must come."""

GROUP = "g"
MINUTES = SLOT // 60


def name(number: int) -> str:
    return f"d{number}.example.com"


@dataclass(frozen=True)
class Event:
    """Traffic of some domains, times ``factor``: ``times`` over ``slots``, with ``pause`` slots between."""

    domains: frozenset[int]
    first: int
    slots: int
    factor: float
    times: int = 1
    pause: int = 2


@dataclass(frozen=True)
class Late:
    """A series, by its place, of which nothing is published for so many slots."""

    series: int
    first: int
    slots: int


@dataclass(frozen=True)
class Action:
    """Something that people or the machine do at a place within a slot; ``which`` and ``amount`` are of its kind."""

    slot: int
    place: int
    kind: str
    which: int
    amount: int
    ahead: int = 0


@dataclass(frozen=True)
class IncidentStory:
    """One night over a configuration; ``edited`` are the rules after a restart that edits them."""

    domains: int
    group: GroupSettings | None
    rules: tuple[Rule, ...]
    edited: tuple[Rule, ...]
    mutes: tuple[MuteSettings, ...]
    slots: int
    batches: int
    backwards: bool
    events: tuple[Event, ...]
    late: tuple[Late, ...]
    gap: tuple[int, int]
    actions: tuple[Action, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(map(name, range(self.domains)))

    @property
    def series(self) -> tuple[str, ...]:
        sums = (f"sum:{GROUP}",) if self.group is not None and self.group.sum else ()
        series = (*self.names, *sums, "total")
        return series[::-1] if self.backwards else series

    def config(self, path: Path, rules: tuple[Rule, ...]) -> Config:
        groups = () if self.group is None else (self.group,)
        return config_for(path, self.names, rules, groups=groups, mutes=self.mutes)

    def values(self) -> dict[str, np.ndarray]:
        """What each series carries in each slot of the story and of the calm after it."""
        values = {name(number): np.full(self.slots + AFTERWARDS, LEVELS[number]) for number in range(self.domains)}
        for event in self.events:
            for turn in range(event.times):
                first = event.first + turn * (event.slots + event.pause)
                for number in event.domains:
                    values[name(number)][first : min(first + event.slots, self.slots)] *= event.factor
        total = sum(values.values())
        if self.group is not None and self.group.sum:
            values[f"sum:{GROUP}"] = sum(values[each] for each in members(self.group))
        return values | {"total": total}

    def shown(self, slot: int) -> Iterator[str]:
        """The series of which this slot is published when its turn comes."""
        for place, series in enumerate(self.series):
            held = (late.first <= slot < late.first + late.slots for late in self.late if late.series == place)
            if slot >= self.slots or not any(held):
                yield series

    def passed_over(self, slot: int) -> bool:
        """Whether the process is down while this slot is published."""
        first, slots = self.gap
        return first <= slot < min(first + slots, self.slots)


def members(group: GroupSettings) -> list[str]:
    return [pattern.replace("*", "example.com") for pattern in group.domains]


@st.composite
def stories(draw: st.DrawFn) -> IncidentStory:
    domains, slots = draw(st.sampled_from([2, 3, 4, 4, 5, 6])), draw(st.integers(12, 44))
    group = draw(st.none() | groups(domains))
    rules = draw(rule_sets(domains, group, slots))
    slot = st.integers(0, slots - 1)
    some = st.frozensets(st.integers(0, domains - 1), min_size=1) | st.just(frozenset(range(domains)))
    factor = st.sampled_from([0.0, 0.0, 0.0, 0.15, 0.4, 3.0])
    once = st.builds(Event, some, slot, st.integers(1, 20), factor)
    early = st.integers(0, max(0, slots - 20))
    often = st.builds(Event, some, early, st.integers(1, 3), st.just(0.0), st.integers(5, 9), st.integers(1, 3))
    which = st.integers(0, 9)
    kinds = st.sampled_from(["look", "ack", "ack", "silence", "silence", "unsilence", "restart", "edit"])
    action = st.builds(
        Action, slot, st.integers(0, 4), kinds, which, st.integers(1, 60), st.sampled_from([0, 0, 7, 25])
    )
    return IncidentStory(
        domains=domains,
        group=group,
        rules=rules,
        edited=edited(rules, draw(st.lists(st.sampled_from(EDITS), min_size=len(rules), max_size=len(rules)))),
        mutes=tuple(draw(st.lists(mutes(group, slots), max_size=2))),
        slots=slots,
        batches=draw(st.integers(1, 3)),
        backwards=draw(st.booleans()),
        events=tuple(draw(st.lists(once | once | often, min_size=2, max_size=6))),
        late=tuple(draw(st.lists(st.builds(Late, st.integers(0, domains + 1), slot, st.integers(1, 4)), max_size=2))),
        gap=draw(st.just((0, 0)) | st.tuples(slot, st.integers(1, 8))),
        actions=tuple(draw(st.lists(action, max_size=12))),
    )


@st.composite
def groups(draw: st.DrawFn, domains: int) -> GroupSettings:
    first, last = draw(st.integers(0, domains - 2)), draw(st.integers(1, domains - 1))
    patterns = [f"d{number}.*" for number in range(first, max(first + 1, last) + 1)]
    summed, channel = draw(st.booleans()), draw(st.sampled_from([None, "#group"]))
    own = {} if channel is None else {"channel": channel}
    return GroupSettings(name=GROUP, domains=patterns, sum=summed, **own)


@st.composite
def rule_sets(draw: st.DrawFn, domains: int, group: GroupSettings | None, slots: int) -> tuple[Rule, ...]:
    rules = draw(st.lists(rule_of(domains, group, slots), min_size=1, max_size=4))
    if draw(st.booleans()):
        over = draw(st.sampled_from([("*",), ("*", "total")]))
        rules[0] = replace(rules[0], kind_name="drop", kind=Drop(to=0.0), domains=over)
    return tuple(replace(rule, name=f"r{number}") for number, rule in enumerate(rules))


@st.composite
def rule_of(draw: st.DrawFn, domains: int, group: GroupSettings | None, slots: int) -> Rule:
    number = draw(st.integers(0, domains - 1))
    usual = {name(number): LEVELS[number], "total": sum(LEVELS[:domains])}
    wide: list[tuple[str, ...]] = [("*",), ("*",), ("*", "total"), ("total",), (name(number),)]
    if group is not None:
        wide += [("@g",)]
    if group is not None and group.sum:
        usual[f"sum:{GROUP}"] = sum(LEVELS[number] for number in range(domains) if f"d{number}.*" in group.domains)
        wide += [("sum:g",), ("*", "sum:g", "total")]
    kind_name = draw(st.sampled_from(["dark", "dark", "fell", "above", "below"]))
    if kind_name in {"dark", "fell"}:
        kind = Drop(to=0.0) if kind_name == "dark" else Drop(by=draw(st.sampled_from([0.5, 0.8])))
        over = draw(st.sampled_from(wide))
    else:
        series = draw(st.sampled_from(sorted(usual)))
        limit = usual[series]
        kind = Threshold(above=1.5 * limit) if kind_name == "above" else Threshold(below=0.5 * limit)
        over = (series,)
    return Rule(
        name="",
        kind_name="drop" if isinstance(kind, Drop) else "threshold",
        kind=kind,
        severity=draw(st.sampled_from([Severity.CRITICAL, Severity.WARNING, Severity.WARNING, Severity.INFO])),
        domains=over,
        channel=draw(st.sampled_from([None, None, None, "#rule"])),
        for_slots=draw(st.integers(1, 3)),
        clear_slots=draw(st.integers(1, 2)),
        active=draw(st.none() | st.none() | around(slots)),
        repeat=draw(st.sampled_from([None, 600, 1800, 7200])),
        escalate_after=(after := draw(st.sampled_from([None, None, 600, 1500]))),
        escalate_to=()
        if after is None
        else draw(st.sampled_from([("@here",), ("#ops",), ("#ops", "U0EVE"), ("#rule",)])),
    )


def spans(slots: int) -> st.SearchStrategy[tuple[int, int]]:
    """Minutes of the day, from and to, within the story."""
    minute = st.integers(0, slots * MINUTES - 1)
    return st.tuples(minute, st.integers(1, 60)).map(lambda it: (it[0], min(it[0] + it[1], slots * MINUTES)))


def around(slots: int) -> st.SearchStrategy[Schedule]:
    """Every day, all day, but for a span."""
    return spans(slots).map(lambda span: schedule((span[1], 24 * 60), *([(0, span[0])] if span[0] else [])))


def schedule(*windows: tuple[int, int]) -> Schedule:
    return Schedule(tuple(Window(frozenset(range(7)), start, end) for start, end in windows), UTC)


@st.composite
def mutes(draw: st.DrawFn, group: GroupSettings | None, slots: int) -> MuteSettings:
    start, end = draw(spans(slots))
    patterns: list[tuple[str, ...]] = [("*",), ("*", "total"), ("d0.*",), ("d1.*",)]
    domains = draw(st.sampled_from([*patterns, ("@g",)] if group is not None else patterns))
    rules, odd = draw(st.sampled_from([("*",), ("r0",), ("r1",)])), draw(st.integers(0, 59))
    if draw(st.booleans()):
        when = schedule((start, end)).windows
        return MuteSettings.model_construct(domains=domains, rules=rules, reason="works", when=when)
    first, last = (datetime.fromtimestamp(START + minute * 60 + odd, UTC) for minute in (start, end))
    return MuteSettings.model_construct(domains=domains, rules=rules, reason="launch", start=first, end=last)


EDITS = ("kept", "removed", "limits", "severity", "renamed", "renamed")


def edited(rules: tuple[Rule, ...], edits: list[str]) -> tuple[Rule, ...]:
    """The rules after somebody was at the file."""
    return tuple(_edited(rule, edit) for rule, edit in zip(rules, edits, strict=True) if edit != "removed")


def _edited(rule: Rule, edit: str) -> Rule:
    if edit == "renamed":
        return replace(rule, name=f"{rule.name}-new")
    if edit == "severity":
        louder = {
            Severity.INFO: Severity.WARNING,
            Severity.WARNING: Severity.CRITICAL,
            Severity.CRITICAL: Severity.INFO,
        }
        return replace(rule, severity=louder[rule.severity])
    if edit == "limits":
        kind = rule.kind
        if isinstance(kind, Drop):
            return replace(rule, kind=Drop(by=0.9), for_slots=rule.for_slots % 3 + 1)
        return replace(rule, kind=Threshold(kind.above and kind.above * 2, kind.below and kind.below / 4))
    return rule


class IncidentText:
    """Tells a story to a house, with a bystander who looks after every step."""

    def __init__(self, story: IncidentStory, folder: Path, *, restarts: bool = True) -> None:
        self.story = story
        self.restarts = restarts
        path = folder / ("told.db" if restarts else "told-without-restarts.db")
        self.path = path
        self.rules = story.rules
        self.house = House(story.config(path, story.rules), story.names)
        self.values = story.values()
        self.delivered = dict.fromkeys(story.series, 0)

    async def tell(self) -> Bystander:
        usual = {series: float(values[-1]) for series, values in self.values.items()}
        await self.house.begin(usual)
        begun = dict.fromkeys(self.house.watch.rules, 0)
        await self.house._keeper.do(write_rules_begun, begun)
        self.bystander = Bystander(self.house)
        try:
            for slot in range(self.story.slots):
                if not self.story.passed_over(slot):
                    await self._slot(slot)
            for slot in range(self.story.slots, self.story.slots + AFTERWARDS):
                await self._slot(slot)
                if slot >= self.story.slots + CALM and self.bystander.unchanged() >= CALM * SLOT:
                    break
            self.bystander.check_that_all_is_over()
        finally:
            self.bystander.close()
            await self.house.end()
        return self.bystander

    async def _slot(self, slot: int) -> None:
        house, names = self.house, list(self.story.shown(slot))
        house.slot = START + slot * SLOT
        house.now = max(house.now, house.slot + LAG)
        await house.dispatcher.begin_rules(house.slot)
        size = max(1, -(-len(names) // self.story.batches))
        for place, start in enumerate(range(0, len(names), size)):
            await self._do(slot, place)
            for series in names[start : start + size]:
                first = self.delivered[series]
                house.ledger.take(series, START + first * SLOT, self.values[series][first : slot + 1])
                self.delivered[series] = slot + 1
            await house.dispatcher.commit(house.ledger.judge(house.slot), house.slot)
            self.bystander.look(settled=False)
        await house.dispatcher.post_due()
        self.bystander.look(settled=True)
        for place in (3, 4):
            await self._do(slot, place)

    async def _do(self, slot: int, place: int) -> None:
        for action in self.story.actions:
            if (action.slot, action.place) == (slot, place):
                await self._act(action)
                self.bystander.look(settled=action.kind == "look")

    async def _act(self, action: Action) -> None:
        match action.kind:
            case "look":
                await self.house.look(float(action.amount))
            case "restart" if self.restarts:
                await self.house.restart()
            case "edit":
                await self._edit()
            case "ack":
                await self._order(Ack(self._some_incident(action.which)))
            case "silence":
                begins = self.house.now + 60 * action.ahead
                target = self._targets()[action.which]
                await self._order(Silence(target, begins, begins + 60 * action.amount))
            case "unsilence":
                await self._order(Unsilence(1 + action.which % 3))

    async def _edit(self) -> None:
        """Edited the first time, back to what it was the second."""
        story = self.story
        self.rules = story.edited if self.rules is story.rules else story.rules
        await self.house.restart(story.config(self.path, self.rules))

    async def _order(self, order: Order) -> None:
        house = self.house
        try:
            order = replace(order, confirmed=True) if isinstance(order, Silence) else order
            answer = await OrderExecutor(lambda: house.dispatcher, house._keeper).carry_out(order, Requester(ADA))
            assert isinstance(answer, str)
        except UsageError:
            return
        if isinstance(order, Ack) and "already" not in answer:
            self.bystander.acked(order.number or 0)
        elif isinstance(order, Silence):
            number = re.search(r"\(s(\d+)\)", answer)
            assert number is not None, answer
            self.bystander.silenced(int(number[1]), order.target, order.begins, order.ends)
        elif isinstance(order, Unsilence):
            self.bystander.unsilenced(order.number)

    def _some_incident(self, which: int) -> int:
        """One that is open, if any is."""
        numbers = [case.number for case in self.bystander.cases.values() if case.closed is None]
        return numbers[which % len(numbers)] if numbers else 1

    def _targets(self) -> Mapping[int, str]:
        of = [name(0), name(1), "*", "d?.example.com", "total", "rule:r0", "rule:r1", "@g", "sum:g"]
        return dict(enumerate([*of, f"#{self._some_incident(0)}"]))


def told(story: IncidentStory, folder: Path, *, restarts: bool = True) -> Bystander:
    return run(IncidentText(story, folder, restarts=restarts).tell())


_SETTINGS = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "print_blob": not ALWAYS_THE_SAME,
    "derandomize": ALWAYS_THE_SAME,
    "phases": [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    "database": None,
}


@examples(10, 50, "ALERTBOT_PROMISES", **_SETTINGS)
@given(stories())
def test_every_promise_to_the_readers_is_held(story):
    with night_folder() as folder:
        told(story, folder)


@examples(2, 10, "ALERTBOT_PROMISES", **_SETTINGS)
@given(stories())
def test_a_restart_at_any_point_changes_nothing_that_is_told(story):
    story = replace(story, actions=tuple(each for each in story.actions if each.kind != "edit"))
    with night_folder() as folder:
        with_restarts, without = told(story, folder), told(story, folder, restarts=False)
    assert Counter((line.action, line.text) for line in with_restarts.lines) == Counter(
        (line.action, line.text) for line in without.lines
    )
