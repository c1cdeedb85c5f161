"""What alertbot is trusted for: a property test over arbitrary nights of lateness, failure, restarts and clock steps.

The real watching, poller, frontier, lateness, ledger, engine, desk and store run on virtual time over ``worlds.world``.
``judges.witness`` objects as soon as a slot is judged out of order, twice, from values that no answer showed, or as a
zero that could have been known to be late; as soon as the rules say otherwise than the engine; and as soon as a series
pages for nothing again after that was found out. What is left at the end is checked here.

20 examples in the quick suite and 200 in the slow one; with the environment's ``ALERTBOT_TRUTH=N`` N new ones.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fakes.rigs.effort import examples
from fakes.rigs.night import Night, ceiling, config_for, dark, doubled, fell, night_folder
from fakes.worlds.clock import FakeClock
from fakes.worlds.virtual import run
from fakes.worlds.world import Fault, World, WorldApi
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from alertbot.units import DAY, SLOT

ALWAYS_THE_SAME = "ALERTBOT_TRUTH" not in os.environ
"""Without being asked for more, the same nights each time: what lands is not a matter of luck."""

LEVELS = {"a.example.com": 1e9, "b.example.com": 2e8, "c.example.com": 3e7}
NAMES = tuple(LEVELS)
MIDNIGHT = 1_793_577_600 + DAY
HOUR_SLOTS = 12
MOST_LATE = 40
"""Minutes."""

SETTLE = 2 * 3600
"""Seconds of ordinary traffic, published in time, after which nothing may be left to wait for."""

AFTER = 5 * HOUR_SLOTS
"""Slots that the world still has beyond that: four gaps of an hour may make a night so much longer."""

HOURLY = 3600 + 900
"""Seconds within which everything of the last day is read again."""


@dataclass(frozen=True)
class Lag:
    """Buckets from the slot ``first`` on that come ``minutes`` late, and up to ``jitter`` more, each its own."""

    domain: int
    first: int
    slots: int
    minutes: int
    jitter: int


@dataclass(frozen=True)
class Part:
    """Buckets that show ``share`` of the truth until so many ``minutes`` after they are published."""

    domain: int
    first: int
    slots: int
    share: float
    minutes: int


@dataclass(frozen=True)
class Event:
    """Traffic of one domain, or of all (-1), times ``factor``."""

    domain: int
    first: int
    slots: int
    factor: float


@dataclass(frozen=True)
class Mishap:
    """Something that befalls the machine at a ``minute``."""

    minute: int
    kind: str
    amount: int


@dataclass(frozen=True)
class IncidentStory:
    """One night: ``begins`` seconds after midnight, lasts ``hours``; ``max_lag`` and ``probe`` in seconds."""

    domains: int = 1
    hours: int = 3
    begins: int = 0
    lags: tuple[Lag, ...] = ()
    parts: tuple[Part, ...] = ()
    events: tuple[Event, ...] = ()
    faults: tuple[Fault, ...] = ()
    mishaps: tuple[Mishap, ...] = ()
    each_domain: bool = False
    max_lag: int = 1800
    probe: int = 60
    for_slots: int = 1
    within: bool = False
    dated: bool = True
    seed: int = 0

    @property
    def slots(self) -> int:
        return self.hours * HOUR_SLOTS

    @property
    def names(self) -> tuple[str, ...]:
        return NAMES[: self.domains]

    @property
    def tells_time(self) -> bool:
        """Whether answers bear a Date: without one, a clock that is wrong at a start looks like a right one."""
        return self.dated or any(mishap.kind == "step" for mishap in self.mishaps)


@st.composite
def stories(draw: st.DrawFn) -> IncidentStory:
    domains, hours = draw(st.integers(1, 3)), draw(st.integers(3, 4))
    domain, slot = st.integers(0, domains - 1), st.integers(-6, hours * HOUR_SLOTS - 1)
    minute = st.integers(20, hours * 60)
    lag = st.builds(
        Lag, domain, slot, st.integers(1, 60), st.integers(0, MOST_LATE), st.sampled_from([0, 0, 5, 15, 40])
    )
    share = st.sampled_from([0.0, 0.05, 0.3, 0.6, 0.94, 1.3, 2.5])
    part = st.builds(Part, domain, slot, st.integers(1, 24), share, st.integers(1, 110))
    factor = st.sampled_from([0.0, 0.0, 0.1, 0.4, 2.2, 4.0])
    event = st.builds(Event, st.integers(-1, domains - 1), slot, st.integers(1, 14), factor)
    fault = st.builds(
        lambda start, minutes, mode, target, share: Fault(start * 60, (start + minutes) * 60, mode, target, share),
        minute,
        st.integers(1, 60),
        st.sampled_from(["down", "throttled", "garbled", "refused", "hang", "empty"]),
        st.sampled_from([None, "all", *NAMES[:domains]]),
        st.sampled_from([0.1, 0.5, 1.0]),
    )
    kind = st.sampled_from(["restart", "kill", "step", "gap", "suspend"])
    mishap = st.builds(Mishap, minute, kind, st.integers(0, 60))
    return IncidentStory(
        domains=domains,
        hours=hours,
        begins=draw(st.sampled_from([0, 10 * 3600, 22 * 3600])),
        lags=tuple(draw(st.lists(lag, max_size=5))),
        parts=tuple(draw(st.lists(part, max_size=3))),
        events=tuple(draw(st.lists(event, max_size=3))),
        faults=tuple(draw(st.lists(fault, max_size=3))),
        mishaps=tuple(draw(st.lists(mishap, max_size=4))),
        each_domain=draw(st.booleans()),
        max_lag=draw(st.sampled_from([1800, 2700])),
        probe=draw(st.sampled_from([50, 60, 75])),
        for_slots=draw(st.integers(1, 3)),
        within=draw(st.booleans()),
        dated=draw(st.sampled_from([True, True, False])),
        seed=draw(st.integers(0, 2**16)),
    )


MENDED = {
    "a restart forgot when the frontier reached the first slot that was ever seen": IncidentStory(
        lags=(Lag(0, 0, 8, 31, 0),),
        parts=(Part(0, -6, 4, 0.0, 69),),
        mishaps=(Mishap(53, "kill", 27),),
    ),
    "a sleep before a restart was left out of how late a slot came": IncidentStory(
        domains=3,
        hours=4,
        lags=(Lag(0, 0, 1, 20, 40),),
        parts=(Part(0, 30, 1, 0.0, 61),),
        mishaps=(Mishap(180, "suspend", 27), Mishap(197, "restart", 0)),
        probe=50,
    ),
    "likewise, where that paged for nothing": IncidentStory(
        domains=3,
        lags=(Lag(2, 0, 1, 0, 29),),
        parts=(Part(2, 28, 1, 0.0, 59),),
        mishaps=(Mishap(180, "suspend", 27), Mishap(200, "restart", 0)),
    ),
    "likewise, asleep when the process had started but not looked yet": IncidentStory(
        domains=2,
        lags=(Lag(0, 0, 1, 1, 40),),
        parts=(Part(0, 5, 12, 0.0, 72),),
        mishaps=(Mishap(105, "restart", 27), Mishap(110, "suspend", 47)),
    ),
    "what cleared at once and was revised before it was told was missed": IncidentStory(
        lags=(Lag(0, 0, 32, 11, 0), Lag(0, 30, 4, 0, 0), Lag(0, 29, 1, 0, 5)), probe=50, seed=1
    ),
    "the world ended before the night did": IncidentStory(mishaps=(Mishap(155, "gap", 60),) * 4),
}
"""Nights that once went wrong, by what was wrong then."""


@pytest.mark.slow
@pytest.mark.parametrize("night", MENDED.values(), ids=MENDED)
async def test_a_night_that_once_went_wrong_goes_well(night):
    with night_folder() as folder:
        await play(night, folder)


@examples(
    4,
    25,
    "ALERTBOT_TRUTH",
    suppress_health_check=list(HealthCheck),
    print_blob=not ALWAYS_THE_SAME,
    derandomize=ALWAYS_THE_SAME,
    database=None,
)
@given(stories())
def test_every_night_is_judged_and_told_as_it_was(story):
    with night_folder() as folder:
        run(play(story, folder))


async def play(story: IncidentStory, folder: Path) -> Night:
    world = world_of(story)
    api = WorldApi(world, faults=story.faults, seed=story.seed, dated=story.tells_time)
    more = {"for_slots": story.for_slots}
    loose = more | ({"within_slots": story.for_slots + 2} if story.within else {})
    rules = [
        dark(domains=("*", "total"), **more),
        fell(**loose),
        ceiling(3 * LEVELS[NAMES[0]], domains=(NAMES[0], "total"), **loose),
        doubled(**more),
    ]
    settings = {"each_domain": story.each_domain, "max_lag": story.max_lag}
    night = Night(config_for(folder / "night.db", story.names, rules, **settings), world, api, probe=story.probe)
    await night.begin()
    try:
        for mishap in sorted(story.mishaps, key=lambda each: each.minute):
            await night.run(world.start + mishap.minute * 60 - world.now)
            await befall(night, mishap)
        await night.run_to(story.slots)
        api.faults, api.kill_in = [], None
        await night.run(SETTLE, probe=150.0)
        check_that_it_caught_up(night)
        check_that_all_was_told_once(night)
        check_what_is_stored(night)
    finally:
        await night.end()
    return night


def world_of(story: IncidentStory) -> World:
    clock = FakeClock(MIDNIGHT + story.begins)
    world = World(
        {name: LEVELS[name] for name in story.names}, clock, slots=story.slots + SETTLE // SLOT + AFTER, lag=240
    )
    dice = random.Random(story.seed)
    for lag in story.lags:
        count = min(lag.slots, story.slots - lag.first)
        late = [min(MOST_LATE, lag.minutes + lag.jitter * dice.random()) for _ in range(count)]
        world.delay(NAMES[lag.domain], lag.first, [60 * minutes for minutes in late])
    for part in story.parts:
        count = min(part.slots, story.slots - part.first)
        world.revise(NAMES[part.domain], part.first, count, part.share, 60.0 * part.minutes)
    for event in story.events:
        count = min(event.slots, story.slots - event.first)
        for name in story.names if event.domain < 0 else [NAMES[event.domain]]:
            world.traffic(name, event.first, count, event.factor)
    return world


async def befall(night: Night, mishap: Mishap) -> None:
    match mishap.kind:
        case "restart":
            await night.restart(after=60.0 * max(0, mishap.amount - 20))
        case "kill":
            night.api.kill_in = 1 + mishap.amount % 8
        case "step":
            night.clock.step_wall(3600.0 if mishap.amount % 2 else -3600.0)
        case "gap":
            night.clock.advance(60.0 * mishap.amount)
        case "suspend":
            night.world.suspend(60.0 * mishap.amount)


def check_that_it_caught_up(night: Night) -> None:
    """The frontier stands at what is published, every cursor as near as the hold-back lets it."""
    world, live = night.world, night.watcher.live()
    published = [slot for slot in range(world.start, world.end, SLOT) if world.shown_total(slot, world.now) > 0]
    assert live.newest >= max(published) - SLOT
    assert live.frontier == live.newest - SLOT
    for name, cursor in night.cursors().items():
        assert live.frontier - cursor <= night.config.feed.max_lag + SLOT, name


def check_that_all_was_told_once(night: Night) -> None:
    """Every breach the rules see in what was judged is one alert, every alert is in an incident, of one post each.

    But for what fell while nothing was published and did not outlive that: the incident of that darkness tells of it.
    And for what was clearing as soon as it was judged, and then turned out to be none.
    """
    due = [verdict for verdict in night.witness.oracle.verdicts if verdict.event == "fired"]
    alerts = night.alerts()
    assert sorted((alert["rule"], alert["series"], alert["since"], alert["fired"]) for alert in alerts) == sorted(
        (verdict.rule, verdict.series, verdict.since, verdict.slot) for verdict in due
    )
    # After a spike its own level is what a drop is measured against for a while: that may still burn.
    firing = {(rule, name) for (rule, name), state in night.witness.oracle.states.items() if state.firing}
    assert {(alert["rule"], alert["series"]) for alert in alerts if alert["phase"] == "firing"} == firing
    open_ones = {row["id"] for row in night.incidents() if row["closed"] is None}
    assert open_ones == {alert["incident"] for alert in alerts if alert["phase"] == "firing"}
    incidents = [row["id"] for row in night.incidents()]
    unposted = [alert for alert in alerts if alert["incident"] is None]
    assert [alert for alert in unposted if not (is_of_a_darkness(alert, night) or was_none(alert))] == []
    assert {alert["incident"] for alert in alerts if alert not in unposted} <= set(incidents)
    posts = night.rows("SELECT subject FROM outbox WHERE action = 'post' ORDER BY subject")
    assert [row["subject"] for row in posts] == sorted(f"incident:{number}" for number in incidents)


def is_of_a_darkness(alert: dict[str, Any], night: Night) -> bool:
    """Whether it is over, and began and burned only while nothing was published, which was told."""
    burned = alert["slot"] - alert["clear_run"] * SLOT
    return alert["phase"] == "resolved" and any(
        row["closed"] is not None and row["since"] <= alert["since"] and burned < row["closed"]
        for row in night.incidents("dark")
    )


def was_none(alert: dict[str, Any]) -> bool:
    """Whether it was held since it was clearing, until revised figures took it back."""
    return bool(alert["reason"] == "revised" and alert["clear_run"] > 0)


def check_what_is_stored(night: Night) -> None:
    """What was revised replaced what was shown first."""
    world = night.world
    for name, seen in night.witness.series.items():
        stored = night.samples(name)
        for slot in range(world.start, seen.cursor, SLOT):
            if world.settled(seen.members, slot) < world.now - HOURLY:
                assert abs(stored[slot] - world.final(seen.members, slot)) < 0.1, (name, slot)
