"""A strict CDN without HTTP: each domain shows its slots its own delay after the account's total lets them be known."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from bench.clockwork import VirtualClock

from alertbot.errors import FeedUnreachable
from alertbot.feed.api import ALL, Answer
from alertbot.feed.budget import Budget, Endpoint
from alertbot.feed.quotas import Priority
from alertbot.units import DAY, SLOT

START = 1_772_409_600
"""2026-03-02 00:00 UTC."""

PAST = 9 * DAY
CALL_SECONDS = 0.1
TOTAL_LAG = (300.0, 312.0)
"""Seconds after its close at which the total shows a slot, another moment each."""

REVISED = 12
"""Slots within which a bucket that first shows a part is complete."""

JITTER = 2.0
"""Seconds by which a domain's own delay differs from slot to slot."""


@dataclass(frozen=True)
class Outage:
    """A domain, or ``all``, is dark in the slots from ``start`` until ``end``."""

    domain: str
    start: int
    end: int


@dataclass
class Account:
    """What the domains carry, slots x domains, and when each slot of each is complete (epoch seconds).

    ``delays``: each domain's own. ``partial``: by row and column, what share of
    a bucket is shown from the frontier on until it is complete.
    """

    names: tuple[str, ...]
    first: int
    truth: np.ndarray
    total_at: np.ndarray
    complete: np.ndarray
    delays: np.ndarray
    outages: tuple[Outage, ...]
    partial: Mapping[int, Mapping[int, float]] = field(default_factory=dict)

    def row(self, slot: int) -> int:
        return (slot - self.first) // SLOT

    def proof(self, outage: Outage, slots: int = 2) -> float:
        """When the slot that completes an outage's proof could first be known, own delay included: epoch seconds."""
        deciding = self.row(outage.start) + slots - 1
        reached = float(self.total_at[deciding + 1])
        if outage.domain == ALL[0]:
            return reached
        return max(reached, float(self.complete[deciding, self.names.index(outage.domain)]))

    def shown(self, columns: Sequence[int], low: int, high: int, now: float) -> np.ndarray:
        """What these domains show of the rows from ``low`` to ``high``, together."""
        part = np.where(self.complete[low : high + 1, columns] <= now, self.truth[low : high + 1, columns], 0.0)
        for row in range(max(low, high - REVISED), high + 1):
            for place, column in enumerate(columns):
                share = self.partial.get(row, {}).get(column, 0.0)
                if share and self.total_at[row + 1] <= now < self.complete[row, column]:
                    part[row - low, place] = self.truth[row, column] * share
        return part.sum(axis=1)


def account(
    count: int, slots: int, own: float, outages: Sequence[Outage] = (), *, seed: int = 5, partial: float = 0.0
) -> Account:
    """An account of so many domains over so many slots from ``START`` on, their own delays up to ``own`` seconds.

    ``partial``: the share of buckets that first show 30 to 90 %.
    """
    dice = np.random.default_rng(seed)
    names = domain_names(count)
    first, rows = START - PAST, PAST // SLOT + slots + 12
    day = np.cos(2 * np.pi * np.arange(rows) / 288)
    level = 10 ** dice.uniform(7.5, 9.0, count)
    truth = level * (1 + 0.2 * day[:, None]) * (1 + dice.uniform(-0.03, 0.03, (rows, count)))
    for outage in outages:
        dark = slice((outage.start - first) // SLOT, (outage.end - first) // SLOT)
        truth[dark, slice(None) if outage.domain == ALL[0] else names.index(outage.domain)] = 0.0
    total_at = first + SLOT * np.arange(1.0, rows + 1) + dice.uniform(*TOTAL_LAG, rows)
    delays = dice.uniform(0.5, 1.0, count) * own if own else np.full(count, -60.0)
    late = delays[None, :] + (dice.uniform(0, JITTER, (rows, count)) if own else 0.0)
    complete = np.append(total_at[1:], total_at[-1] + SLOT)[:, None] + late
    shares: dict[int, dict[int, float]] = {}
    if partial:
        for row, column in np.argwhere(dice.random((rows, count)) < partial).tolist():
            if row > PAST // SLOT:
                shares.setdefault(row, {})[column] = float(dice.uniform(0.3, 0.9))
                complete[row, column] += dice.uniform(5, 240)
    return Account(names, first, truth.round(2), total_at, complete, delays, tuple(outages), shares)


def domain_names(count: int) -> tuple[str, ...]:
    return tuple(f"site-{number:04}.example.com" for number in range(count))


class StrictApi:
    """What ``CdnApi`` offers, of an account, within the budget; ``failing``: the share of calls that go wrong."""

    def __init__(self, account: Account, budget: Budget, clock: VirtualClock, *, failing: float = 0.0) -> None:
        self.calls = {"total": 0, "domains": 0}
        self.began: list[tuple[float, str]] = []
        self._account = account
        self._budget = budget
        self._clock = clock
        self._failing = failing
        self._dice = random.Random(3)
        self._column = {name: column for column, name in enumerate(account.names)}

    async def bandwidth(
        self, domains: Sequence[str], start: int, end: int, *, priority: Priority = Priority.POLL
    ) -> Answer:
        began = await self._reach(tuple(domains), Endpoint.BANDWIDTH, priority)
        return self._answer(domains, start, end, began)

    async def each_domain(
        self, domains: Sequence[str], start: int, end: int, *, priority: Priority = Priority.POLL
    ) -> Mapping[str, Answer]:
        began = await self._reach(tuple(domains), Endpoint.EACH_DOMAIN, priority)
        return {domain: self._answer((domain,), start, end, began) for domain in domains}

    async def _reach(self, domains: tuple[str, ...], endpoint: Endpoint, priority: Priority) -> float:
        self.calls["total" if domains == ALL else "domains"] += 1
        began = await self._budget.acquire(priority, "stat/bandwidth", endpoint)
        self.began.append((self._clock.time(), domains[0]))
        await self._clock.sleep(CALL_SECONDS / 2)
        if self._dice.random() < self._failing:
            raise FeedUnreachable("stat/bandwidth", "HTTP 500")
        return began

    def _answer(self, domains: Sequence[str], start: int, end: int, began: float) -> Answer:
        first, last, now = start - start % SLOT, end - end % SLOT, self._clock.time()
        low, high = max(self._account.row(first), 0), min(self._account.row(last), len(self._account.truth) - 1)
        if high < low:
            return Answer(first, last, {}, began, now)
        if tuple(domains) == ALL:
            whole = self._account.truth[low : high + 1].sum(axis=1)
            shown = np.where(self._account.total_at[low : high + 1] <= now, whole, 0.0)
        else:
            shown = self._account.shown([self._column[domain] for domain in domains], low, high, now)
        rows = np.flatnonzero(shown).tolist()
        values = {self._account.first + SLOT * (low + row): float(shown[row]) for row in rows}
        return Answer(first, last, values, began, now)
