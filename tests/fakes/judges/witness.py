"""The witness: sees every answer and every slot judged, knows the final truth, and objects to what is not borne out.

It takes nothing from the code it watches but what that decided: which slots were judged when, and what came of it. What
those slots showed it knows from the answers themselves, what the rules say of them from ``judges.oracle``, and whether
a slot could be told to be zero from the world's own schedule of publication.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from alertbot.alerts.ledger import Entry, Ledger
from alertbot.alerts.lifecycle import Alert, Change, Reason
from alertbot.config import Config
from alertbot.config.watch import lay_out
from alertbot.feed.api import Answer
from alertbot.feed.plan import plan_calls
from alertbot.rules.selection import TOTAL
from alertbot.units import SLOT
from fakes.judges.oracle import Oracle, State
from fakes.worlds.world import Values, World

COMPLETE = 0.95
FIRST_HOUR = 3600
AGAIN, AGAIN_AT_FIRST = 15.0, 60.0
"""Seconds from the first look at what fires to the second, and in a series' first hour; an answer takes a second."""

FRESH = 900.0
"""Seconds for which the frontier must have stood at a slot for one look to be enough."""

REREAD = 24
"""Slots in which a value that grows counts as late; what grows later is a revision."""


class Shown:
    """What the answers that were taken showed of a series, by slot; NaN where nothing was."""

    def __init__(self, first: int, count: int) -> None:
        self.first = first
        self.values = np.full(count, np.nan)

    def get(self, slot: int, default: float = math.nan) -> float:
        row = (slot - self.first) // SLOT
        return float(self.values[row]) if 0 <= row < len(self.values) else default

    def put(self, first: int, values: Values) -> int | None:
        """Keep these; the first slot that changed, of those that were known."""
        row = (first - self.first) // SLOT
        part = self.values[row : row + len(values)]
        changed = np.flatnonzero(~np.isnan(part) & (part != values))
        part[:] = values
        return first + SLOT * int(changed[0]) if len(changed) else None


@dataclass
class Seen:
    """One series as the witness knows it: the last answer, the one taken before it, and the last about earlier days."""

    members: tuple[str, ...]
    shown: Shown
    cursor: int | None = None
    begun: int | None = None
    answer: Answer | None = None
    before: Answer | None = None
    older: Answer | None = None
    looks: list[Answer] = field(default_factory=list)
    lateness: float = 0.0
    revised: bool = False
    disproved: bool = False
    false_pages: list[str] = field(default_factory=list)


class Witness:
    """Watches one world; an ``AssertionError`` is its objection."""

    def __init__(self, world: World, config: Config) -> None:
        self.judged_zero_wrongly: list[tuple[str, int]] = []
        self.slots = 0
        self._ended: list[tuple[Any, ...]] = []
        self._world = world
        self._max_lag = config.feed.max_lag
        self._frontier: int | None = None
        self._reached: dict[int, float] = {}  # epoch seconds as they really are
        self._began = math.inf  # likewise: when the present process first saw the feed
        self._first_reached = 0
        self._furthest: int | None = None
        self._newest: int | None = None
        self._unbroken: float | None = None
        self._last_success: float | None = None
        self._answered = False
        watch = lay_out(config, tuple(world.truth) if config.discovers else config.watch.domains)
        count = (world.end - world.first) // SLOT
        plan = plan_calls(watch.domains, watch.groups)
        self.series = {
            name: Seen(tuple(world.truth) if name == TOTAL else sum(calls, ()), Shown(world.first, count))
            for name, calls in plan.items()
        }
        self._asked = {calls[0]: name for name, calls in plan.items()}
        values = {name: seen.shown for name, seen in self.series.items()}
        self.oracle = Oracle(tuple(watch.rules.values()), watch.selection, values)
        for mute in watch.mutes:  # what one that happens once touches serves nobody but itself
            if mute.start is not None and mute.end is not None:
                touched = range(mute.start // SLOT * SLOT, mute.end, SLOT)
                self.oracle.muted.update((name, slot) for name in mute.series for slot in touched)

    @property
    def false_pages(self) -> dict[str, int]:
        """How many pages of each series the final truth does not bear out."""
        return {name: len(seen.false_pages) for name, seen in self.series.items() if seen.false_pages}

    def begins(self) -> None:
        """A process starts: what only memory held is gone."""
        self._frontier = self._unbroken = self._last_success = None
        self._began = math.inf
        for seen in self.series.values():
            seen.answer = seen.before = seen.older = None
            seen.looks = []

    # What the feed shows

    def heard(self, domains: tuple[str, ...], answer: Answer) -> None:
        """The API answered."""
        name = self._asked.get(domains)
        if name == TOTAL:
            self._answered = True
            newest = max(answer.values, default=None)
            if newest is not None:
                self._newest = newest if self._newest is None else max(self._newest, newest)
        if name is not None and answer.end == self._frontier:
            self.series[name].answer = answer
            self.series[name].looks = [*self.series[name].looks[-40:], answer]
        elif name is not None:
            self.series[name].older = answer

    def probing(self) -> None:
        """A probe begins."""
        self._answered = False

    def saw(self) -> None:
        """A probe succeeded: from the first one on, the process counts what passes by its own clock."""
        self._began = min(self._began, self._world.now)

    def probed(self, frontier: int | None) -> None:
        """A probe ended, with the frontier there."""
        now = self._world.clock.monotonic()
        gap = math.inf if self._last_success is None else now - self._last_success
        if not self._answered:
            self._unbroken = None
        else:
            self._unbroken = now if self._unbroken is None or gap >= 300 else self._unbroken
            self._last_success = now
        assert frontier is None or self._frontier is None or frontier >= self._frontier, "the frontier moved back"
        self._frontier = frontier
        if frontier is None or (self._furthest is not None and frontier <= self._furthest):
            return
        assert self._newest is not None
        if frontier > self._newest - SLOT:
            waited = 0.0 if self._unbroken is None else now - self._unbroken
            assert waited >= self._max_lag - 1, f"overdue after {waited} s of unbroken probing"
            closed = self._world.now - frontier - SLOT
            assert closed >= self._max_lag - 1, f"overdue {closed} s after its close"
        reached = self._world.now
        if self._furthest is None:  # nobody can know when these were reached: take the slots for time
            self._first_reached = frontier - SLOT
            self._reached.update(
                {slot: reached - (frontier - slot) - 60 for slot in range(frontier - 7200, frontier, SLOT)}
            )
        first = frontier if self._furthest is None else self._furthest + SLOT
        self._reached.update(dict.fromkeys(range(first, frontier + SLOT, SLOT), reached))
        self._furthest = frontier

    # What is made of it

    def started(self, name: str, cursor: int) -> None:
        """A series is judged from after this slot on."""
        seen = self.series[name]
        assert seen.cursor is None, f"{name} started twice"
        seen.cursor, seen.begun = cursor, self._frontier

    def taken(self, name: str, first: int, values: Values) -> None:
        """These values count as known."""
        seen = self.series[name]
        asked_for = [each for each in (seen.answer, seen.older) if each is not None and each.start <= first <= each.end]
        if not len(values):
            return
        assert asked_for, f"{name}: values are kept that no answer showed"
        answer = asked_for[0]
        shown = _array(answer, first, len(values))
        assert np.array_equal(values, shown), f"{name}: kept {values} where {shown} was shown"
        changed = seen.shown.put(first, shown)
        if changed is not None and seen.cursor is not None and changed <= seen.cursor:
            seen.revised = True
        if answer is seen.answer:
            self._notice_lateness(seen, answer)
            seen.before = answer

    def _notice_lateness(self, seen: Seen, answer: Answer) -> None:
        """What is complete only now was late for as long as an answer is known to have shown less."""
        if seen.before is None or seen.before is answer:
            return
        first = max(answer.start, seen.before.start, seen.before.end - (REREAD - 1) * SLOT)
        first = max(first, answer.end - (REREAD - 1) * SLOT)
        for slot in range(first, seen.before.end + SLOT, SLOT):
            grown = seen.before.values.get(slot, 0.0) < COMPLETE * answer.values.get(slot, 0.0)
            if grown and slot > self._first_reached:
                seen.lateness = max(seen.lateness, self._waited(slot, self._world.epoch_at(seen.before.began)))

    def judged(self, before: dict[str, int | None], ledger: Ledger, entry: Entry) -> None:
        """The ledger judged; ``before`` holds its cursors before it did."""
        spoken = {id(verdict) for verdict in self.oracle.verdicts}  # they are kept in the order of their slots
        for name, seen in self.series.items():
            after = ledger.cursor(name)
            assert before[name] == seen.cursor, f"{name} is judged from {before[name]}, was judged to {seen.cursor}"
            assert after is None or seen.cursor is None or after >= seen.cursor
            if after is not None and seen.cursor is not None:
                self._judge(name, seen, range(seen.cursor + SLOT, after + SLOT, SLOT))
                seen.cursor = after
        fresh = [verdict for verdict in self.oracle.verdicts if id(verdict) not in spoken]
        said = [(v.slot, v.rule, v.series, v.event, v.since, v.reason) for v in fresh]
        told = [_told(change) for change in entry.changes]
        assert sorted(told) == sorted(self._ended + said), f"told {told}, due {self._ended + said}"
        self._ended = []
        for change in entry.changes:
            if change.fired:
                self._looked_twice(change)
                self._paged(change)
            elif change.reason is Reason.REVISED:
                self.series[change.alert.series].disproved = True

    def _judge(self, name: str, seen: Seen, slots: range) -> None:
        for slot in slots:
            value = seen.shown.get(slot)
            assert not math.isnan(value), f"{name} at {slot} is judged though nothing was shown of it"
            if value == 0 and self._world.final(seen.members, slot) > 0:
                self.judged_zero_wrongly.append((name, slot))
                self._excuse(name, seen, slot)
            self.oracle.judge(slot, {name})
            self.slots += 1

    def _excuse(self, name: str, seen: Seen, slot: int) -> None:
        """A zero that was none is forgiven where the slot came later than anything that was seen of its series."""
        late = self._lateness(seen, slot)
        known = seen.lateness
        minutes = (slot - self._world.start) / 60
        assert late > min(known, self._max_lag), (
            f"{name} at minute {minutes:.0f} was judged zero: it came {late:.0f} s late, {known:.0f} s were known"
        )

    def _lateness(self, seen: Seen, slot: int) -> float:
        """Seconds from the frontier reaching a slot until it was complete."""
        if slot not in self._reached:
            return -math.inf
        row = (slot - self._world.first) // SLOT
        final = self._world.final(seen.members, slot)
        moments = sorted(
            {float(self._world.complete[domain][row]) for domain in seen.members}
            | {float(self._world.published[domain][row]) for domain in seen.members}
        )
        for moment in moments:
            shown = sum(float(self._world.shown(domain, slot, slot, moment)[0]) for domain in seen.members)
            if shown >= COMPLETE * final:
                return self._waited(slot, moment)
        return math.inf

    def _waited(self, slot: int, moment: float) -> float:
        """Seconds from the frontier reaching a slot until that moment.

        What the machine slept meanwhile does not count where the process at work was watching all the time: its own
        clock stood still too. One that began to watch since knows only at what time of day the slot was reached, and
        the sleep with it; the time in which the slot was late is what the design speaks of, so that is the measure
        there.
        """
        reached, began = self._reached[slot], min(self._began, moment)
        before = max(0.0, began - reached)
        return before + self._world.monotonic_at(moment) - self._world.monotonic_at(max(reached, began))

    def revised(self) -> None:
        """The ledger looked back: the alerts that present values no longer bear out end."""
        for (rule_name, name), state in sorted(self.oracle.states.items()):
            seen = self.series[name]
            if not seen.revised or seen.cursor is None or not (state.firing or state.shown):
                continue
            since = state.since
            rerun = Oracle(
                [rule for rule in self.oracle.rules if rule.name == rule_name], {rule_name: {name}}, self.oracle.values
            )
            # What was set aside before it began is as it stood then.
            before = (spell for spell in self.oracle.spells[name] if spell.since < since)
            rerun.spells[name] = [replace(spell, last=min(spell.last, since - SLOT)) for spell in before]
            for slot in range(since, seen.cursor + SLOT, SLOT):
                rerun.judge(slot, {name})
            present = rerun.states.get((rule_name, name), State())
            if state.firing and not present.firing:
                ends = [each for each in rerun.verdicts if each.event == "resolved"][:1]
                said = [(v.slot, v.rule, v.series, v.event, v.since, v.reason) for v in ends]
                self._ended += said or [(seen.cursor, rule_name, name, "resolved", since, Reason.REVISED.value)]
                kept = [spell for spell in self.oracle.spells[name] if (spell.rule, spell.since) != (rule_name, since)]
                late = [spell for spell in rerun.spells[name] if ends and spell.since == ends[0].since]
                self.oracle.spells[name] = [*kept, *late]
                self.oracle.states[rule_name, name] = State()
            elif not state.firing and not (present.firing or present.shown):
                self.oracle.states[rule_name, name] = State()
        for seen in self.series.values():
            seen.revised = False

    def _looked_twice(self, change: Change) -> None:
        """What fires was shown by two answers, the second of them a while after the first."""
        slot, name = change.alert.slot, change.alert.series
        seen, now = self.series[name], self._world.clock.monotonic()
        if slot not in self._reached or self._world.now - self._reached[slot] >= FRESH:
            return
        at_first = seen.begun is None or (self._frontier or 0) < seen.begun + FIRST_HOUR
        shown = [each for each in seen.looks if each.start <= slot <= each.end]
        alike = [
            each.began for each in shown if each.values.get(slot, 0.0) >= COMPLETE * shown[-1].values.get(slot, 0.0)
        ]
        between = max(alike, default=now) - min(alike, default=now)
        needed = AGAIN_AT_FIRST if at_first else AGAIN
        if name == TOTAL and not at_first and not seen.lateness:
            return  # how far it is says how far the others are
        assert between >= needed - 2, f"{name} fires after {between:.0f} s of looks, {needed:.0f} s are due"

    def _paged(self, change: Change) -> None:
        """A page for nothing: late values only, and never again once that came out."""
        alert, seen = change.alert, self.series[change.alert.series]
        slots = range(alert.since, alert.slot + SLOT, SLOT)
        wrong = [slot for slot in slots if seen.shown.get(slot) < COMPLETE * self._world.final(seen.members, slot)]
        if not wrong or self._borne_out(alert.rule, alert.series, slots):
            return
        late = max(self._lateness(seen, slot) for slot in wrong)
        if late <= self._max_lag:
            assert not seen.disproved, f"{alert.series} paged for nothing again, {late:.0f} s late"
            seen.false_pages.append(alert.rule)

    def _borne_out(self, rule_name: str, name: str, slots: Sequence[int]) -> bool:
        seen = self.series[name]
        truth = Shown(self._world.first, len(seen.shown.values))
        truth.values = sum(self._world.truth[domain] for domain in seen.members)
        rule = [rule for rule in self.oracle.rules if rule.name == rule_name]
        oracle = Oracle(rule, {rule_name: {name}}, {name: truth})
        for slot in slots:
            oracle.judge(slot, {name})
        return oracle.states[rule_name, name].firing


class WatchedLedger(Ledger):
    """A ledger that tells its witness what it does."""

    witness: ClassVar[Witness]

    def start(self, series: str, cursor: int) -> None:
        super().start(series, cursor)
        self.witness.started(series, cursor)

    def take(self, series: str, first: int, values: Values) -> None:
        super().take(series, first, values)
        self.witness.taken(series, first, values)

    def revise(self) -> frozenset[str]:
        self.witness.revised()
        return super().revise()

    def judge(self, last: int, doubts: Callable[[Alert], bool] = lambda _alert: False) -> Entry:
        before = {series: self.cursor(series) for series in self.grid.series}
        entry = super().judge(last, doubts)
        self.witness.judged(before, self, entry)
        return entry


def _array(answer: Answer, first: int, count: int) -> Values:
    values = np.zeros(count)
    for slot, value in answer.values.items():
        if 0 <= (row := (slot - first) // SLOT) < count:
            values[row] = value
    return values


def _told(change: Change) -> tuple[Any, ...]:
    alert = change.alert
    event = "fired" if change.fired else "resolved"
    return alert.slot, alert.rule, alert.series, event, alert.since, change.reason.value
