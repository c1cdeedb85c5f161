"""How often the statistics API may be called: never more than the configuration, the server and its burst limit allow.

Three kinds of bound hold at once. Sliding windows over our own calls keep the configured limit and the server's stated
one; they need no answer to work. The server's ``Remaining`` also counts what other tools do with the same token. And
each priority leaves room for the more urgent ones: slash commands may use everything, polls leave a few calls free,
back-filling history leaves half.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from alertbot.errors import FeedThrottled
from alertbot.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from alertbot.clock import Clock

LONGEST_WAIT = 90.0
"""Seconds for which a call may wait before it fails instead: a used-up hour or day is news, not a pause."""

_BURST_CALLS = 24
_BURST_SECONDS = 2.0
_GRAINS = {"minute": 60.0, "hour": 3600.0, "day": 86_400.0}
# Seconds by which two calls may arrive closer together than they were sent.
_JITTER = 0.25
# X-Retry-After counts whole seconds: a window may end up to one later than it says.
_ROUNDING = 1.0


class Priority(StrEnum):
    """Who asks, the most urgent first: a person's command, the live poll, the back-fill of history."""

    COMMAND = "command"
    POLL = "poll"
    HISTORY = "history"


@dataclass(frozen=True)
class Limit:
    """At most ``calls`` of our own calls in any ``seconds``."""

    calls: int
    seconds: float


@dataclass(frozen=True)
class Quota:
    """What the server last said of a window of ``calls``: ``left`` of them remain until it resets.

    The reset lies between ``earliest`` and ``resets`` (monotonic seconds), since nobody knows when the answer was
    written.
    """

    calls: int
    left: int
    resets: float
    earliest: float = 0.0

    def updated(self, latest: Quota, now: float) -> Quota:
        """This quota after another answer: a new window replaces it, an older one's late answer changes nothing.

        Within one window the lower count wins, since calls that are still under way are counted here already.
        """
        if self.resets <= now or latest.earliest > self.resets + 2 * _ROUNDING:
            return latest
        if latest.resets < self.resets - 2 * _ROUNDING:
            return self
        return replace(self, calls=latest.calls, left=min(self.left, latest.left))


def allowance(priority: Priority, calls: int, reserve: int) -> int:
    """How many of a window's ``calls`` this priority may use up, at least one; the rest is for more urgent ones."""
    if priority is Priority.COMMAND:
        return calls
    if priority is Priority.POLL:
        return calls - min(reserve, calls // 5)
    return max(1, calls // 2)


def seconds_to_wait(
    now: float,
    priority: Priority,
    sent: Sequence[float],
    limits: Iterable[Limit],
    quotas: Iterable[Quota],
    *,
    reserve: int,
) -> float:
    """Seconds until ``priority`` may send its next call, 0 for now; ``sent`` are the times of our calls, ascending."""
    shares = [(limit.seconds, allowance(priority, limit.calls, reserve)) for limit in limits]
    full = [sent[-share] + seconds + _JITTER for seconds, share in shares if len(sent) >= share]
    spent = [quota.resets for quota in quotas if quota.left <= quota.calls - allowance(priority, quota.calls, reserve)]
    return max([0.0, *(until - now for until in full + spent)])


class Budget:
    """Lets calls go out one by one, each priority's in order; ``reserve`` calls a window are kept for commands.

    Raises ``ValueError`` for fewer than one call a minute.
    """

    def __init__(self, calls_per_minute: int, clock: Clock, reserve: int = 6) -> None:
        if calls_per_minute < 1:
            raise ValueError(f"calls_per_minute must be 1 or more, not {calls_per_minute}")
        self._clock = clock
        self._reserve = reserve
        self.set_limit(calls_per_minute)
        self._sent: deque[float] = deque()
        self._quotas: dict[str, Quota] = {}
        # asyncio's locks are fair: of one priority, whoever waited longest goes first.
        self._turns = {priority: asyncio.Lock() for priority in Priority}

    def set_limit(self, calls_per_minute: int) -> None:
        """Let at most so many calls a minute go out from now on; those that went out before count."""
        self._own = (Limit(_BURST_CALLS, _BURST_SECONDS), Limit(calls_per_minute, _GRAINS["minute"]))

    async def acquire(self, priority: Priority, call: str = "statistics API") -> None:
        """Wait until a call may go out, and count it; ``FeedThrottled``, naming ``call``, where that takes long."""
        async with self._turns[priority]:
            while (wait := self._wait(priority)) > 0:
                if wait > LONGEST_WAIT:
                    raise FeedThrottled(
                        call, f"the API's limit leaves no {priority} call for {format_duration(wait)}", wait
                    )
                await self._clock.sleep(wait)
            self._count()

    def learn(self, headers: Mapping[str, str], began: float) -> None:
        """Take over what an answer's ``X-Ratelimit-*`` and ``X-Retry-After`` say; what cannot be read is ignored.

        ``began``: monotonic seconds when its call went out. Calls that went out after it are not in the answer's count.
        """
        stated = {name.lower(): value for name, value in headers.items()}
        grain = stated.get("x-ratelimit-grad", "").strip().lower()
        calls = _number(stated.get("x-ratelimit-limit"))
        left = _number(stated.get("x-ratelimit-remaining"))
        pause = _number(stated.get("x-retry-after"))
        if grain not in _GRAINS or calls is None or calls < 1 or left is None or pause is None:
            return
        now = self._clock.monotonic()
        since = sum(sent > began for sent in self._sent)
        pause = min(pause, _GRAINS[grain])
        quota = Quota(int(calls), max(0, int(left) - since), now + pause + _ROUNDING, began + pause)
        before = self._quotas.get(grain)
        self._quotas[grain] = before.updated(quota, now) if before else quota

    def left(self) -> int:
        """How many calls may still go out in the current minute."""
        now = self._clock.monotonic()
        lefts = [limit.calls - self._used(limit, now) for limit in self._limits() if limit.seconds > _BURST_SECONDS]
        lefts += [quota.left for quota in self._quotas.values() if quota.resets > now]
        return max(0, min(lefts))

    def stated(self) -> tuple[int, int] | None:
        """How many calls a minute the server allows, and how many were left when it last said so, if it did."""
        quota = self._quotas.get("minute")
        return None if quota is None else (quota.calls, quota.left)

    def _used(self, limit: Limit, now: float) -> int:
        return sum(sent > now - limit.seconds - _JITTER for sent in self._sent)

    def _wait(self, priority: Priority) -> float:
        now = self._clock.monotonic()
        running = [quota for quota in self._quotas.values() if quota.resets > now]
        return seconds_to_wait(now, priority, self._sent, self._limits(), running, reserve=self._reserve)

    def _limits(self) -> tuple[Limit, ...]:
        return self._own + tuple(Limit(quota.calls, _GRAINS[grain]) for grain, quota in self._quotas.items())

    def _count(self) -> None:
        """Count a call that goes out now, and forget those that bind no more."""
        now = self._clock.monotonic()
        self._sent.append(now)
        longest = max(limit.seconds for limit in self._limits()) + _JITTER
        while self._sent[0] <= now - longest:
            self._sent.popleft()
        self._quotas = {grain: replace(quota, left=quota.left - 1) for grain, quota in self._quotas.items()}


def _number(text: str | None) -> float | None:
    """A header's count or seconds: finite and not negative, else ``None``."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
