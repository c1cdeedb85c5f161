"""An account as it really is, and the statistics API that shows it late, in part, revised, or not at all.

The world stands where ``CdnApi`` stands, so that thousands of virtual days cost no HTTP. It keeps its own time, which
no step of the machine's clock touches.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alertbot.errors import (
    FeedBadRequest,
    FeedError,
    FeedGarbled,
    FeedThrottled,
    FeedUnauthorised,
    FeedUnknownDomain,
    FeedUnreachable,
)
from alertbot.feed.api import ALL, Answer
from alertbot.feed.quotas import Priority
from alertbot.units import DAY, SLOT
from fakes.worlds.clock import FakeClock

HISTORY = 26 * DAY
"""Seconds of ordinary traffic before the story begins."""

Values = NDArray[np.float64]

FAILURES: Mapping[str, Callable[[str], FeedError]] = {
    "down": lambda call: FeedUnreachable(call, "HTTP 500"),
    "throttled": lambda call: FeedThrottled(call, "HTTP 429", 20.0),
    "garbled": lambda call: FeedGarbled(call, "the answer is not JSON"),
    "refused": lambda call: FeedUnauthorised(call, "HTTP 401, code 401001: token invalid", 401_001),
    "forbidden": lambda call: FeedUnauthorised(call, "HTTP 401, code 401006: no permission", 401_006),
}


class Killed(BaseException):
    """The process died in the middle of a call."""


@dataclass(frozen=True)
class Fault:
    """From ``start`` until ``end`` (seconds into the story) a ``share`` of the calls goes wrong.

    ``mode``: one of ``FAILURES``, ``hang`` (fails after a minute), ``empty`` (an answer without rows) or ``old`` (spans
    that begin more than a day ago are refused). ``target``: the calls for this domain, or ``all`` for the total.
    """

    start: float
    end: float
    mode: str
    target: str | None = None
    share: float = 1.0

    def strikes(self, now: float, domains: Sequence[str], chance: float) -> bool:
        return self.start <= now < self.end and self.target in {None, *domains} and chance < self.share


class World:
    """What each domain carries, when each bucket is published, and how much of it is shown until it is complete.

    Slots are counted from ``start``, the epoch second at which the story begins; lags count from a bucket's close.
    """

    def __init__(self, levels: Mapping[str, float], clock: FakeClock, *, slots: int, lag: float = 0.0) -> None:
        self.start = int(clock.time())
        self.clock = clock
        self.first = self.start - HISTORY
        self.end = self.start + slots * SLOT
        count = (self.end - self.first) // SLOT
        wave = 1 + 0.02 * np.sin(np.arange(count))
        self.truth: dict[str, Values] = {name: np.round(level * wave, 2) for name, level in levels.items()}
        close = self.first + SLOT * np.arange(1.0, count + 1)
        self.published: dict[str, Values] = {name: (close + lag).copy() for name in levels}
        self.complete: dict[str, Values] = {name: (close + lag).copy() for name in levels}
        self.share: dict[str, Values] = {name: np.ones(count) for name in levels}
        self._asleep: list[tuple[float, float]] = []

    @property
    def now(self) -> float:
        """Epoch seconds as they really are."""
        return self.start + self.clock.monotonic() + sum(seconds for _, seconds in self._asleep)

    def suspend(self, seconds: float) -> None:
        """The machine sleeps: its wall clock is right afterwards, its monotonic one stood still."""
        self._asleep.append((self.clock.monotonic(), seconds))
        self.clock.step_wall(seconds)

    def monotonic_at(self, moment: float) -> float:
        """What the machine's monotonic clock read at that epoch second."""
        elapsed = moment - self.start
        for at, seconds in self._asleep:
            if elapsed > at:
                elapsed = max(at, elapsed - seconds)
        return elapsed

    def epoch_at(self, monotonic: float) -> float:
        """When the machine's monotonic clock read that, epoch seconds; after a sleep where it did so all along."""
        return self.start + monotonic + sum(seconds for at, seconds in self._asleep if at <= monotonic)

    def traffic(self, domain: str, first: int, count: int, factor: float) -> None:
        """``count`` slots from the ``first`` on carry ``factor`` times the ordinary."""
        self.truth[domain][self._rows(first, count)] *= factor

    def delay(self, domain: str, first: int, lags: Sequence[float]) -> None:
        """These slots are published so many seconds after their close, complete at once."""
        rows = self._rows(first, len(lags))
        close = self.first + SLOT * (1.0 + np.arange(len(self.truth[domain])))
        moments = close[rows] + np.asarray(lags, dtype=float)[: rows.stop - rows.start]
        self.published[domain][rows] = self.complete[domain][rows] = moments

    def revise(self, domain: str, first: int, count: int, share: float, after: float) -> None:
        """These slots show ``share`` of the truth until ``after`` seconds after they were published."""
        rows = self._rows(first, count)
        self.share[domain][rows] = share
        self.complete[domain][rows] = self.published[domain][rows] + after

    def shown(self, domain: str, first: int, last: int, now: float) -> Values:
        """What the API shows at ``now`` of the slots ``first`` to ``last`` (epoch seconds): 0 where nothing."""
        values = np.zeros((last - first) // SLOT + 1)
        low, high = max(first, self.first), min(last, self.end - SLOT)
        if low <= high:
            rows = slice((low - self.first) // SLOT, (high - self.first) // SLOT + 1)
            part = np.where(now < self.complete[domain][rows], self.share[domain][rows], 1.0)
            part = np.where(now < self.published[domain][rows], 0.0, part)
            values[(low - first) // SLOT :][: rows.stop - rows.start] = np.round(self.truth[domain][rows] * part, 2)
        return values

    def shown_total(self, slot: int, now: float) -> float:
        """What the API shows of the account's total."""
        return float(sum(self.shown(domain, slot, slot, now)[0] for domain in self.truth))

    def settled(self, domains: Sequence[str], slot: int) -> float:
        """Since when a slot of these domains shows the truth, epoch seconds."""
        row = (slot - self.first) // SLOT
        return float(max(max(self.complete[domain][row], self.published[domain][row]) for domain in domains))

    def final(self, domains: Sequence[str], slot: int) -> float:
        """What these domains carried in a slot, together."""
        row = (slot - self.first) // SLOT
        return float(sum(self.truth[domain][row] for domain in domains))

    def _rows(self, first: int, count: int) -> slice:
        offset = HISTORY // SLOT
        return slice(
            max(offset + first, 0), min(max(offset + first + count, 0), offset + (self.end - self.start) // SLOT)
        )


class WorldApi:
    """The API of a world: what ``alertbot.feed.api.CdnApi`` offers, with its promises and its errors.

    ``heard`` is called with every successful answer for bandwidth: the series it is of and the answer.
    """

    def __init__(self, world: World, *, faults: Sequence[Fault] = (), seed: int = 0, dated: bool = True) -> None:
        self.names = tuple(world.truth)
        self.faults = list(faults)
        self.refused: set[str] = set()
        self.kill_in: int | None = None
        self.calls: list[tuple[str, ...]] = []
        self.heard: Callable[[tuple[str, ...], Answer], None] = lambda _domains, _answer: None
        self._world = world
        self._dated = dated
        self._random = random.Random(seed)

    async def bandwidth(
        self, domains: Sequence[str], start: int, end: int, *, priority: Priority = Priority.POLL
    ) -> Answer:
        asked = tuple(domains)
        if not asked:
            raise ValueError("a call is for one domain at least")
        call = f"stat/bandwidth domains={','.join(asked)}"
        began, empty = await self._reach(call, asked, start)
        if unknown := [domain for domain in asked if asked != ALL and not self._has(domain)]:
            raise FeedUnknownDomain(call, f"HTTP 400, code 400699: {unknown[0]} is not yours", 400_699)
        answer = self._answer(self.names if asked == ALL else asked, start, end, began, empty=empty)
        if not empty:
            self.heard(asked, answer)
        return answer

    async def each_domain(
        self, domains: Sequence[str], start: int, end: int, *, priority: Priority = Priority.POLL
    ) -> Mapping[str, Answer]:
        call = f"stat/bandwidth/eachDomain domains={','.join(domains)}"
        began, empty = await self._reach(call, tuple(domains), start)
        if unknown := [domain for domain in domains if not self._has(domain)]:
            raise FeedUnknownDomain(call, f"HTTP 400, code 400699: {unknown[0]} is not yours", 400_699)
        answers = {domain: self._answer((domain,), start, end, began, empty=empty) for domain in domains}
        for domain, answer in answers.items():
            if not empty:
                self.heard((domain,), answer)
        return answers

    async def domains(self, *, priority: Priority = Priority.POLL) -> tuple[str, ...]:
        await self._reach("domain/list", ("list",), int(self._world.now))
        return self.names

    def _has(self, domain: str) -> bool:
        return domain in self.names and domain not in self.refused

    async def _reach(self, call: str, domains: tuple[str, ...], start: int) -> tuple[float, bool]:
        """Travel there, meeting what goes wrong: when the call began, and whether its answer is empty."""
        self.calls.append(domains)
        if self.kill_in is not None:
            self.kill_in -= 1
            if self.kill_in <= 0:
                self.kill_in = None
                raise Killed
        began = self._world.clock.monotonic()
        await self._world.clock.sleep(self._random.uniform(0.05, 1.5))
        elapsed = self._world.now - self._world.start
        modes = {fault.mode for fault in self.faults if fault.strikes(elapsed, domains, self._random.random())}
        if "hang" in modes:
            await self._world.clock.sleep(63.0)
            raise FeedUnreachable(call, "no answer within 20 s")
        for mode in sorted(modes & FAILURES.keys()):
            raise FAILURES[mode](call)
        if "old" in modes and start < self._world.now - DAY - 3 * 3600:
            raise FeedBadRequest(call, "HTTP 400, code 400209: start_time is out of range", 400_209)
        return began, "empty" in modes

    def _answer(self, domains: Sequence[str], start: int, end: int, began: float, *, empty: bool) -> Answer:
        first, last, now = start - start % SLOT, end - end % SLOT, self._world.now
        shown = sum(self._world.shown(domain, first, last, now) for domain in domains) * (not empty)
        rows = np.flatnonzero(shown).tolist()
        if len(rows) < 100:
            self._random.shuffle(rows)
        values = {first + SLOT * row: float(shown[row]) for row in rows}
        return Answer(first, last, values, began, self._world.now if self._dated else None)
