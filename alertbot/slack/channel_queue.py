"""What delivery remembers of each channel: which of its queues are free, and since when their work lasts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from alertbot.clock import Clock
from alertbot.ops.outage import Outage

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
"""Seconds for which a queue waits after a first failure that passes, doubled with each more, and at most."""

SPACING = {"update": 1.2, "find": 1.2}
"""Seconds between two calls of a method, whatever the channel: Slack takes 50 edits and 50 lookups a minute."""

HUNG = {"post": 240.0, "update": 240.0, "find": 600.0}
"""Seconds by method that one message takes at most, or one lookup through the pages of a channel's history."""


@dataclass
class ChannelQueue:
    """One method of Slack's in one channel, which does one thing at a time: ``task``, since ``began``.

    It is free again at ``free_at``, and waits for ``pause`` seconds after its next failure. ``failures`` counts those
    since it last succeeded. Times are monotonic seconds.
    """

    method: str
    free_at: float = 0.0
    pause: float = FIRST_PAUSE
    failures: Outage = field(default_factory=Outage)
    task: asyncio.Task[None] | None = None
    began: float = 0.0

    def stuck(self, now: float) -> bool:
        """Whether its task takes longer than it can."""
        return self.task is not None and now - self.began > HUNG[self.method]

    def succeeded(self) -> int:
        """Note a success; how many failures came before it."""
        self.pause = FIRST_PAUSE
        return self.failures.ended()


class ChannelQueues:
    """The queues of all methods and channels, and when each method may be called again, whatever the channel."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queues: dict[tuple[str, str], ChannelQueue] = {}
        self._free_at: dict[str, float] = {}

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """What the queues are doing."""
        return tuple(queue.task for queue in self._queues.values() if queue.task is not None)

    @property
    def stuck(self) -> bool:
        """Whether a task takes longer than it can."""
        now = self._clock.monotonic()
        return any(queue.stuck(now) for queue in self._queues.values())

    def of(self, method: str, channel: str) -> ChannelQueue:
        """The queue of a method in a channel."""
        return self._queues.setdefault((method, channel), ChannelQueue(method))

    def free_in(self, queue: ChannelQueue, due: float) -> float:
        """The seconds until the queue may be used for what is ``due`` then (monotonic); 0 or less: now."""
        return max(due, queue.free_at, self._free_at.get(queue.method, 0.0)) - self._clock.monotonic()

    def claim(self, queue: ChannelQueue) -> None:
        """Note that the queue begins a task now."""
        queue.began = self._clock.monotonic()
        self._free_at[queue.method] = queue.began + SPACING.get(queue.method, 0.0)

    def back_off(self, queue: ChannelQueue, retry_after: float | None) -> float:
        """The seconds for which a queue waits after a failure, more each time; Slack's word holds for the method."""
        if retry_after is not None:
            self._free_at[queue.method] = self._clock.monotonic() + retry_after
            return retry_after
        pause, queue.pause = queue.pause, min(2 * queue.pause, LONGEST_PAUSE)
        return pause
