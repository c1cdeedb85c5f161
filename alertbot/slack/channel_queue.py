"""What delivery keeps of each channel, and of each message that may have arrived."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from alertbot.ops.outage import Outage

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
"""Seconds for which a lane waits after a first failure that passes, doubled with each more, and at most."""

HUNG = {"post": 240.0, "update": 240.0, "find": 600.0}
"""Seconds by method that one message takes at most, or one look through the pages of a channel's history."""

LOOKS = (2.0, 10.0, 30.0, 60.0, 75.0)
"""Seconds after an attempt at which its message is looked for; after the last it counts as not posted.

One that lands later still will stand there twice.
"""


@dataclass
class ChannelQueue:
    """One method in one channel: when it may be used again, how long it waits after the next failure, what it does.

    ``failures``: those since something was taken. ``began``: since when it does what it does, in monotonic seconds.
    """

    method: str
    free_at: float = 0.0
    pause: float = FIRST_PAUSE
    failures: Outage = field(default_factory=Outage)
    task: asyncio.Task[None] | None = None
    began: float = 0.0

    def stuck(self, now: float) -> bool:
        """Whether what it does takes longer than it can."""
        return self.task is not None and now - self.began > HUNG[self.method]


@dataclass
class Search:
    """A message that may have arrived: when it was tried (monotonic), and how often it was looked for since."""

    tried: float
    looks: int = 0

    @property
    def due(self) -> float:
        """When to look next."""
        return self.tried + LOOKS[min(self.looks, len(LOOKS) - 1)]
