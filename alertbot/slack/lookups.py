"""Looks up messages whose answer was lost: each is found, or posted again once it is not there or that stays unknown.

A row that goes out again though an earlier attempt may have arrived is *doubtful*: where it fails it is looked up anew.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass

from alertbot.clock import Clock
from alertbot.errors import DeliveryError
from alertbot.slack.failures import AWAY, DEAD_TOKEN, GONE, NOT_LISTED
from alertbot.slack.poster import Poster, post_of
from alertbot.store import outbox
from alertbot.store.keeper import Storekeeper
from alertbot.store.outbox import OutboxRow

log = logging.getLogger(__name__)

LOOK_AFTER = (2.0, 10.0, 30.0, 60.0, 75.0)
"""Seconds after an attempt at which its message is looked up; after the last it counts as not posted.

A message that lands later still will stand there twice.
"""

LOOK_NO_LONGER = 900.0
"""Seconds after an attempt at which a message goes out again where Slack answers, but not what its history holds.

Each time it does, it is twice as long until the next: every one of them may stand there.
"""

MARGIN = 3600.0
"""Seconds of history before the attempt that are searched: more than any clock is off."""


@dataclass
class Lookup:
    """A message that may have arrived: when it was attempted (monotonic), and how often it was looked up since."""

    attempted: float
    count: int = 0

    @property
    def due(self) -> float:
        """When to look it up next."""
        return self.attempted + LOOK_AFTER[min(self.count, len(LOOK_AFTER) - 1)]

    @property
    def exhausted(self) -> bool:
        """Whether the last lookup was made."""
        return self.count == len(LOOK_AFTER)

    def looked_up(self, now: float) -> None:
        """Count a lookup begun at ``now``; those overdue by then, after a restart or an outage, are made by it too."""
        self.count = sum(now - self.attempted >= seconds for seconds in LOOK_AFTER)


class Lookups:
    """Keeps what is known of the rows that may have arrived; what is kept in memory may be lost."""

    def __init__(self, keeper: Storekeeper, poster: Poster, clock: Clock) -> None:
        self._keeper = keeper
        self._poster = poster
        self._clock = clock
        self._lookups: dict[int, Lookup] = {}
        self._doubtful: Counter[int] = Counter()  # how often a row went out again
        self._unreadable: set[str] = set()

    def attempted(self, row: OutboxRow) -> None:
        """Note that an attempt was made just now which may have arrived."""
        self._lookups[row.number] = Lookup(self._clock.monotonic())

    def is_doubtful(self, row: OutboxRow) -> bool:
        """Whether an earlier attempt at the row may have arrived, though it is tried again."""
        return self._doubtful[row.number] > 0

    def arrived(self, row: OutboxRow) -> None:
        """Note that Slack took the row."""
        del self._doubtful[row.number]

    def due(self, row: OutboxRow) -> float:
        """When the row is to be looked up next, monotonic."""
        return self._lookup_of(row).due

    async def look_up(self, row: OutboxRow) -> None:
        """Look for a row in Slack, and queue it again where it is not there at last."""
        lookup = self._lookup_of(row)
        began = self._clock.monotonic()
        passed = max(began - lookup.attempted, self._clock.time() - (row.attempted or row.created))
        found = await self._poster.find(post_of(row), since=passed + MARGIN)
        lookup.looked_up(began)
        if found is not None:
            await self._keeper.do(outbox.mark_found, row, found.channel_id, found.ts, self._clock.time())
        elif lookup.exhausted:
            await self._keeper.do(outbox.requeue, row.number, None)
        else:
            return
        del self._lookups[row.number]
        del self._doubtful[row.number]

    async def failed(self, row: OutboxRow, error: DeliveryError) -> float | None:
        """The seconds for which it is still to be looked up after that error; ``None``: it was queued again instead.

        While Slack answers nothing the message is not posted again: the answer to that would be lost as well.
        """
        if error.code in DEAD_TOKEN | {AWAY}:
            return float("inf")
        if not error.permanent:
            longest = LOOK_AFTER[-1] if error.code == NOT_LISTED else LOOK_NO_LONGER * 2 ** self._doubtful[row.number]
            left = self._lookup_of(row).attempted + longest - self._clock.monotonic()
            if left > 0:
                return left
            self._doubtful[row.number] += 1
        if row.channel not in self._unreadable and error.code not in GONE:
            self._unreadable.add(row.channel)
            log.warning(
                "the history of %s cannot be read (%s): a message whose answer was lost is posted again, and may then"
                " stand there twice; invite the bot to the channel",
                row.channel,
                error.code,
            )
        await self._keeper.do(outbox.requeue, row.number, error.code)
        del self._lookups[row.number]
        return None

    def _lookup_of(self, row: OutboxRow) -> Lookup:
        """When the row was tried and how often it was looked up; after a restart as far as the stored times tell.

        The machine's clock may have stepped since.
        """
        if row.number not in self._lookups:
            ago = self._clock.time() - (row.attempted or row.created)
            self._lookups[row.number] = Lookup(self._clock.monotonic() - min(max(ago, 0.0), LOOK_AFTER[-1]))
        return self._lookups[row.number]
