"""A story drawn from one seed: what the account carries, and what goes wrong with everything around the service.

Nothing is drawn while the story runs, so that a seed tells the same story again. Times are epoch seconds by the true
clock, rates bit/s.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from fakes.rigs.working import API_TOKEN, START

from alertbot.feed.simulator.scenario import Delay, Event, Fault, FaultMode, Scenario, Shape
from alertbot.units import DAY, SLOT

MINUTE, HOUR = 60, 3600
WARM_UP, CALM = 40 * MINUTE, 90 * MINUTE
"""What comes before anything goes wrong, and after everything did: all that is owed must come by then."""

APART = 90 * MINUTE

DOMAINS = ("alpha.example.com", "beta.example.com", "gamma.example.com", "delta.example.com", "omega.example.com")
LIMIT = 1e9
DARK, HIGH = "went-dark", "ceiling"
LAG = 420

API_MODES = (
    FaultMode.SERVER_ERROR,
    FaultMode.THROTTLED,
    FaultMode.HANG,
    FaultMode.GARBAGE,
    FaultMode.TRUNCATED,
    FaultMode.RESET,
    FaultMode.LYING_LIMIT,
    FaultMode.UNAUTHORISED,
)
SLACK_MODES = (
    "500",
    "drop_before",
    "drop_after",
    "half",
    "hang",
    "hang_after",
    "garbage",
    "portal",
    "429:30",
    "429:100000",
    "429:0",
    "internal_error",
    "service_unavailable",
    "account_inactive",
)
SLACK_METHODS = ("*", "chat.postMessage", "chat.update", "conversations.history", "conversations.replies")
EDITS_REFUSED = ("edit_window_closed", "cant_update_message")
DISK_MODES = ("full", "read fails", "write fails", "commit fails", "commit was done")
CONFIGURATIONS = ("another rule", "broken", "faster")


@dataclass(frozen=True)
class Outage:
    """A domain carries nothing, or too much where ``rule`` says so, from the slot ``start`` until ``end``."""

    rule: str
    domain: str
    start: int
    end: int


@dataclass(frozen=True)
class Mishap:
    """What goes wrong with something other than the CDN: ``what``, from ``start`` until ``end``, and how."""

    what: str
    start: float
    end: float
    how: str = ""
    where: str = ""


@dataclass(frozen=True)
class Story:
    """All that a seed draws; ``clock_off``: by how many seconds the machine's clock is wrong at the start."""

    seed: int
    end: int
    outages: tuple[Outage, ...]
    faults: tuple[Fault, ...]
    delays: tuple[Delay, ...]
    mishaps: tuple[Mishap, ...]
    clock_off: float
    partial: float

    @property
    def published(self) -> Published:
        """When what is shown."""
        return Published(self)

    def scenario(self) -> Scenario:
        """The CDN's side of it."""
        events = (Event(each.domain, each.start, each.end, 0.0 if each.rule == DARK else 20.0) for each in self.outages)
        return Scenario(
            token=API_TOKEN,
            domains={name: Shape(level=1e8 * (1 + number), noise=0.03) for number, name in enumerate(DOMAINS)},
            events=tuple(events),
            faults=self.faults,
            delays=self.delays,
            lag={"default": float(LAG)},
            partial=self.partial,
            partial_for=200.0,
            since=START - 3 * DAY - 3 * HOUR,
        )


@dataclass(frozen=True)
class Published:
    """Says by the story alone, and by none of the product's code, when something can be known."""

    story: Story

    def at(self, slot: int) -> float:
        """When the API shows all of a slot."""
        late = sum(delay.by for delay in self.story.delays if delay.start <= slot < delay.end)
        return slot + SLOT + LAG + late

    def known(self, slot: int) -> float:
        """When a slot can be known: once a later one is shown in which the account carried anything."""
        later = slot + SLOT
        while self.is_dark(later):
            later += SLOT
        return self.at(later)

    def is_dark(self, slot: int) -> bool:
        """Whether nothing of the account carried anything then."""
        dark = {each.domain for each in self.story.outages if each.rule == DARK and each.start <= slot < each.end}
        return len(dark) == len(DOMAINS)


@dataclass
class _Draw:
    """The dice, and the span in which things happen."""

    dice: random.Random
    first: int
    last: int
    outages: list[Outage] = field(default_factory=list)

    def slot(self, first: float, last: float) -> int:
        moment = self.dice.uniform(first, last)
        return int(moment - moment % SLOT)

    def span(self, shortest: float, longest: float) -> tuple[float, float]:
        start = self.dice.uniform(self.first, self.last - shortest)
        return start, min(start + self.dice.uniform(shortest, longest), self.last)


def draw(seed: int, hours: float = 3.0) -> Story:
    """The story of a seed, in which things go wrong for so many hours."""
    dice = random.Random(seed)
    first = START + WARM_UP
    last = int(first + hours * HOUR)
    chance = _Draw(dice, first, last)
    return Story(
        seed=seed,
        end=last + CALM,
        outages=tuple(_outages(chance)),
        faults=tuple(_faults(chance)),
        delays=tuple(_delays(chance)),
        mishaps=tuple(sorted(_mishaps(chance), key=lambda each: each.start)),
        clock_off=dice.choice((0, 0, 0, 0, 40, -300, 7200, 400 * 86_400, -START)),
        partial=dice.choice((1.0, 1.0, 0.5)),
    )


def _outages(chance: _Draw) -> Iterator[Outage]:
    """Outages and rises of single domains, some too short for any rule; now and then of the whole account.

    A domain that carried twenty times as much an hour ago is no measure of an outage: on its first day the rule knows
    no better. So such times lie apart.
    """
    dice = chance.dice
    wide: tuple[float, float] = (0.0, 0.0)
    if dice.random() < 0.2:
        begin = chance.slot(chance.first, chance.last - HOUR)
        end = begin + SLOT * dice.choice((1, 3, 6, 12))
        wide = begin, end
        yield from (Outage(DARK, domain, begin, end) for domain in DOMAINS)
    for domain in DOMAINS:
        for each in _of_domain(chance, domain):
            if each.end + APART <= wide[0] or each.start >= wide[1] + APART:
                yield each


def _of_domain(chance: _Draw, domain: str) -> Iterator[Outage]:
    dice = chance.dice
    start: float = chance.first
    for _ in range(dice.choice((0, 1, 1, 2))):
        rule = dice.choice((DARK, DARK, HIGH))
        begin = chance.slot(start, start + HOUR)
        end = begin + SLOT * dice.choice((1, 2, 3, 4, 6, 9, 15))
        if end > chance.last:
            return
        yield Outage(rule, domain, begin, end)
        start = end + (dice.choice((20 * MINUTE, APART)) if rule == DARK else APART)


def _faults(chance: _Draw) -> Iterator[Fault]:
    dice = chance.dice
    for _ in range(dice.choice((0, 1, 2, 3))):
        start, end = chance.span(2 * MINUTE, 70 * MINUTE)
        mode = dice.choice(API_MODES)
        share = dice.choice((0.05, 0.3, 1.0))
        yield Fault(start, end, mode, share, domain=dice.choice((None, None, *DOMAINS)))


def _delays(chance: _Draw) -> Iterator[Delay]:
    """The CDN publishes nothing for a while, and then all that it owes, in order."""
    if chance.dice.random() < 0.3:
        start = chance.slot(chance.first, chance.last - HOUR)
        more = chance.dice.choice((60.0, 250.0))
        slots = chance.dice.choice((1, 2, 3, 4))  # more would be taken for nothing, after max_lag
        for number in range(slots):
            slot = start + number * SLOT
            yield Delay("*", slot, slot + SLOT, (slots - 1 - number) * SLOT + more)


def _mishaps(chance: _Draw) -> Iterator[Mishap]:
    dice = chance.dice
    for _ in range(dice.choice((0, 1, 2, 3))):
        yield Mishap("slack", *chance.span(MINUTE, 100 * MINUTE), dice.choice(SLACK_MODES), dice.choice(SLACK_METHODS))
    if dice.random() < 0.2:
        yield Mishap("slack", *chance.span(HOUR, 2 * HOUR), dice.choice(EDITS_REFUSED), "chat.update")
    for _ in range(dice.choice((0, 0, 1, 2))):
        yield Mishap("disk", *chance.span(10.0, 40 * MINUTE), dice.choice(DISK_MODES), str(dice.choice((1, 3, 20))))
    for _ in range(dice.choice((0, 1, 2, 4))):
        start, end = chance.span(5.0, 600.0)
        yield Mishap(dice.choice(("kill", "kill", "stop")), start, end, str(dice.randrange(40)))
    for _ in range(dice.choice((0, 0, 1, 2))):
        start, _ = chance.span(MINUTE, MINUTE)
        yield Mishap("clock", start, start, str(dice.choice((-3600, -90, -11, 15, 90, 3600, 86_400))))
    for _ in range(dice.choice((0, 0, 1, 2))):
        yield Mishap("configuration", *chance.span(MINUTE, 20 * MINUTE), dice.choice(CONFIGURATIONS))
