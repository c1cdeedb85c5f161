"""How often the statistics API may be called: never more than the configuration, the server and its burst limit allow.

The vendor limits each endpoint by itself, and a user's burst over all of them. Of an endpoint three kinds of bound hold
at once. Sliding windows over our own calls keep the configured limit and the server's stated one of a minute; they need
no answer to work. The server's ``Remaining`` also counts what other tools do with the same token. And each priority
leaves room for the more urgent ones: slash commands may use everything, polls leave a few calls free, back-filling
history leaves half.

A header may be wrong. So what the server states blocks nobody for more than five minutes: then a call goes out all the
same, and where it is answered, the statement counts for nothing.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from alertbot.errors import FeedThrottled
from alertbot.feed.quotas import JITTER, ROUNDING, Limit, Priority, Quota, allowance, is_spent, room, seconds_to_wait
from alertbot.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alertbot.clock import Clock

LONGEST_WAIT = 90.0
"""Seconds for which a call may wait before it fails instead: a used-up hour or day is news, not a pause."""

ASK_AFTER = 300.0
"""Seconds for which a stated limit may block a priority before a call finds out whether it still holds."""

_BURST_CALLS, _BURST_SECONDS = 24, 2.0
_BURST_AT = 300
# Calls a minute for which the whole burst is ours: who is given fewer takes that share of it, as others use the rest.
_GRAINS = {"minute": 60.0, "hour": 3600.0, "day": 86_400.0}


class Endpoint(StrEnum):
    """What is called: each has limits of its own."""

    BANDWIDTH = "stat/bandwidth"
    EACH_DOMAIN = "stat/bandwidth/eachDomain"
    DOMAINS = "domain/list"


_STATISTICS = (Endpoint.BANDWIDTH, Endpoint.EACH_DOMAIN)


@dataclass
class _Calls:
    """The calls to one endpoint: when they were ``sent``, and what the server stated of its ``quotas``, by grain.

    ``blocked``: since when a stated limit has been blocking a priority; ``asking``: the calls that go out all the same,
    by when they were sent. ``doubted``: the grains of which a statement turned out to be wrong.
    """

    turns: Mapping[Priority, asyncio.Lock]
    sent: deque[float] = field(default_factory=deque)
    quotas: dict[str, Quota] = field(default_factory=dict)
    blocked: dict[Priority, float] = field(default_factory=dict)
    asking: set[float] = field(default_factory=set)
    doubted: set[str] = field(default_factory=set)

    def minute_limits(self, own: Limit) -> list[Limit]:
        """What binds the calls of a minute: our own limit and the server's, where it stated one."""
        return [own, *(Limit(quota.calls, own.seconds) for grain, quota in self.quotas.items() if grain == "minute")]

    def room(self, now: float, priority: Priority, own: Limit, reserve: int) -> int:
        """How many calls the minute, the hour and the day have left for a priority; 0 or less: none."""
        running = [quota for quota in self.quotas.values() if quota.resets > now]
        return room(now, priority, self.sent, self.minute_limits(own), running, reserve=reserve)

    def minute_wait(self, now: float, priority: Priority, own: Limit, reserve: int) -> float:
        """Seconds until the minute has a call left for a priority, by our own limit and by what the server stated."""
        running = [quota for grain, quota in self.quotas.items() if grain == "minute" and quota.resets > now]
        return seconds_to_wait(now, priority, self.sent, self.minute_limits(own), running, reserve=reserve)

    def longer_wait(self, now: float, priority: Priority, reserve: int) -> float:
        """Seconds until the hour and the day have a call left for a priority, by what the server stated."""
        running = [quota for grain, quota in self.quotas.items() if grain != "minute" and quota.resets > now]
        return seconds_to_wait(now, priority, (), (), running, reserve=reserve)

    def until_asking(self, now: float, priority: Priority, longer: float) -> float:
        """Seconds until a call finds out whether the limit that blocks this priority for ``longer`` seconds holds."""
        if longer > LONGEST_WAIT:
            self.blocked.setdefault(priority, now)
        begun = self.blocked.get(priority) if longer > 0 else None
        return math.inf if begun is None else begun + ASK_AFTER - now

    def count(self, now: float, *, asks: bool) -> None:
        """Count a call that goes out now, and forget those that bind no more."""
        self.sent.append(now)
        if asks:
            self.asking = {now, *(sent for sent in self.asking if sent > now - ASK_AFTER)}
        _forget(self.sent, now - _GRAINS["minute"] - JITTER)
        self.quotas = {grain: replace(quota, left=quota.left - 1) for grain, quota in self.quotas.items()}

    def refute(self, reserve: int) -> None:
        """A call was answered though there was to be none: forget, and doubt, what blocks polls for so long."""
        spent = [grain for grain, quota in self.quotas.items() if is_spent(quota, Priority.POLL, reserve)]
        wrong = [grain for grain in spent if grain != "minute"]
        for grain in wrong:
            del self.quotas[grain]
        self.doubted.update(wrong)

    def believes(self, grain: str, quota: Quota, reserve: int) -> bool:
        """Whether a statement counts: one that blocks does not, where such a one turned out to be wrong."""
        if grain in self.doubted and is_spent(quota, Priority.POLL, reserve):
            return False
        self.doubted.discard(grain)
        return True


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
        self._sent: deque[float] = deque()  # to whatever endpoint
        # asyncio's locks are fair: of one priority, whoever waited longest goes first.
        self._calls = {each: _Calls({priority: asyncio.Lock() for priority in Priority}) for each in Endpoint}

    def set_limit(self, calls_per_minute: int) -> None:
        """Let at most so many calls a minute go out to each endpoint from now on; those that went out before count."""
        self._own = Limit(calls_per_minute, _GRAINS["minute"])
        self._burst = Limit(max(1, _BURST_CALLS * calls_per_minute // _BURST_AT), _BURST_SECONDS)

    async def acquire(
        self, priority: Priority, call: str = "statistics API", endpoint: Endpoint = Endpoint.BANDWIDTH
    ) -> float:
        """Wait until a call may go out, and count it: when that is, in monotonic seconds.

        ``FeedThrottled``, naming ``call``, where it takes long.
        """
        calls = self._calls[endpoint]
        async with calls.turns[priority]:
            while True:
                now = self._clock.monotonic()
                longer = calls.longer_wait(now, priority, self._reserve)
                asking = calls.until_asking(now, priority, longer)
                asks = asking <= 0
                if longer > LONGEST_WAIT and not asks:
                    cause = f"the API's limit leaves no {priority} call for {format_duration(longer)}"
                    raise FeedThrottled(call, cause, longer)
                wait = max(self._short_wait(now, priority, calls), 0.0 if asks else min(longer, asking))
                if wait <= 0:
                    break
                await self._clock.sleep(wait)
            self._count(now, calls, priority, asks=asks)
            return now

    def has_room(self, endpoint: Endpoint) -> bool:
        """Whether a call that nobody waits for may go out: half of each window is left, and no poll waits."""
        polls = any(each.turns[Priority.POLL].locked() for each in self._calls.values())
        return not polls and self.room(Priority.HISTORY, endpoint) > 0

    def room(self, priority: Priority, endpoint: Endpoint = Endpoint.BANDWIDTH) -> int:
        """How many calls of this priority may go out now, of which none would wait; 0 or less: none."""
        now = self._clock.monotonic()
        burst = room(now, priority, self._sent, [self._burst], [], reserve=self._reserve)
        return min(burst, self._calls[endpoint].room(now, priority, self._own, self._reserve))

    def learn(self, headers: Mapping[str, str], began: float, endpoint: Endpoint = Endpoint.BANDWIDTH) -> None:
        """Take over what an answer's ``X-Ratelimit-*`` and ``X-Retry-After`` say; what cannot be read is ignored.

        ``began``: when ``acquire`` let its call go out. Calls that went out after it are not in the answer's count.
        """
        stated = {name.lower(): value for name, value in headers.items()}
        grain = stated.get("x-ratelimit-grad", "").strip().lower()
        limit = _number(stated.get("x-ratelimit-limit"))
        left = _number(stated.get("x-ratelimit-remaining"))
        pause = _number(stated.get("x-retry-after"))
        if grain not in _GRAINS or limit is None or limit < 1 or left is None or pause is None:
            return
        now, calls = self._clock.monotonic(), self._calls[endpoint]
        since = sum(sent > began for sent in calls.sent)
        pause = min(pause, _GRAINS[grain])
        quota = Quota(int(limit), max(0, int(left) - since), now + pause + ROUNDING, began + pause)
        if calls.believes(grain, quota, self._reserve):
            before = calls.quotas.get(grain)
            calls.quotas[grain] = before.updated(quota, now) if before else quota

    def answered(self, began: float, endpoint: Endpoint = Endpoint.BANDWIDTH, *, throttled: bool = False) -> None:
        """Note whether the call that went out at ``began`` was answered, or refused as one too many."""
        calls = self._calls[endpoint]
        asked = began in calls.asking
        calls.asking.discard(began)
        if throttled:
            calls.doubted.clear()
        elif asked:
            calls.refute(self._reserve)

    def left(self) -> int:
        """How many calls for statistics may still go out in the current minute."""
        now, calls = self._clock.monotonic(), [self._calls[each] for each in _STATISTICS]
        return max(0, min(each.room(now, Priority.COMMAND, self._own, self._reserve) for each in calls))

    def polls_a_minute(self) -> int:
        """How many calls for statistics polls may make a minute to an endpoint, by our own limit and the server's."""
        limits = [limit.calls for each in _STATISTICS for limit in self._calls[each].minute_limits(self._own)]
        return allowance(Priority.POLL, min(limits), self._reserve)

    def stated(self) -> tuple[int, int] | None:
        """How many calls a minute the server allows, and how many were left when it last said so, if it did."""
        quota = self._calls[Endpoint.BANDWIDTH].quotas.get("minute")
        return None if quota is None else (quota.calls, quota.left)

    def _short_wait(self, now: float, priority: Priority, calls: _Calls) -> float:
        """Seconds until the burst and the minute have a call left for a priority."""
        burst = seconds_to_wait(now, priority, self._sent, [self._burst], [], reserve=self._reserve)
        return max(burst, calls.minute_wait(now, priority, self._own, self._reserve))

    def _count(self, now: float, calls: _Calls, priority: Priority, *, asks: bool) -> None:
        calls.blocked.pop(priority, None)
        if asks:
            calls.blocked[priority] = now
        self._sent.append(now)
        _forget(self._sent, now - _BURST_SECONDS - JITTER)
        calls.count(now, asks=asks)


def _forget(sent: deque[float], until: float) -> None:
    while sent and sent[0] <= until:
        sent.popleft()


def _number(text: str | None) -> float | None:
    """A header's count or seconds: finite and not negative, else ``None``."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
