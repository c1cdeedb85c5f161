"""How long a call waits for the limits of the API, by who asks: arithmetic over what was sent and what was stated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

# Seconds by which two calls may arrive closer together than they were sent.
JITTER = 0.25
# X-Retry-After counts whole seconds: a window may end up to one later than it says.
ROUNDING = 1.0


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
        if self.resets <= now or latest.earliest > self.resets + 2 * ROUNDING:
            return latest
        if latest.resets < self.resets - 2 * ROUNDING:
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
    full = [_binds_until(sent[-share], seconds) for seconds, share in shares if len(sent) >= share]
    spent = [quota.resets for quota in quotas if is_spent(quota, priority, reserve)]
    return max([0.0, *(until - now for until in full + spent)])


def room(
    now: float,
    priority: Priority,
    sent: Sequence[float],
    limits: Iterable[Limit],
    quotas: Iterable[Quota],
    *,
    reserve: int,
) -> int:
    """How many calls ``priority`` may send now, 0 or less for none; ``sent`` are the times of our calls."""
    free = [
        allowance(priority, limit.calls, reserve) - sum(_binds_until(at, limit.seconds) > now for at in sent)
        for limit in limits
    ]
    return min(free + [left_for(quota, priority, reserve) for quota in quotas])


def _binds_until(sent: float, seconds: float) -> float:
    """When a call counts no more among those of so many seconds; one sum for all who ask, since sums are rounded."""
    return sent + seconds + JITTER


def left_for(quota: Quota, priority: Priority, reserve: int) -> int:
    """How many calls a window has left for a priority; 0 or less: none."""
    return quota.left - (quota.calls - allowance(priority, quota.calls, reserve))


def is_spent(quota: Quota, priority: Priority, reserve: int) -> bool:
    """Whether a window has no more calls for a priority."""
    return left_for(quota, priority, reserve) <= 0
