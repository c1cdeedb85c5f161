"""A fan-out: what is to be asked for since the frontier moved, batch by batch.

Between two batches it may be left and taken up again, so that a probe does not wait for it: meanwhile another slot may
be there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from alertbot.feed.clock import ApiTime
from alertbot.feed.second_looks import AGAIN
from alertbot.rules.selection import TOTAL
from alertbot.service.attention import Attention
from alertbot.units import SLOT

BATCH = 40
"""Calls made before what they showed is judged and committed ..."""

EVENLY = 4.0
"""... and seconds between two batches, where they are spread evenly."""

LATE = 10.0
"""Seconds by which a batch may be late for the next ones to make up for it."""

MINUTE = 60.0


class FanOut:
    """Deals out the prompt series, and the late ones whose time has come; ``polls_a_minute`` says what may be asked.

    Where the calls hardly fit between two slots, they are spread evenly. Else a minute's calls would go out at once,
    and whatever comes next, the probe too, would wait for the rest of the minute.
    """

    def __init__(self, attention: Attention, time: ApiTime, polls_a_minute: Callable[[], int]) -> None:
        self._attention = attention
        self._time = time
        self._polls_a_minute = polls_a_minute
        self._left: list[str] = []
        self._asked_to: int | None = None  # the frontier up to which it asks
        self._tried: dict[str, float] = {}  # when each was asked for, monotonic seconds
        self.is_even = False
        self._next_at = -math.inf  # when the next batch may go out, monotonic seconds

    @property
    def left(self) -> bool:
        """Whether there are prompt series that were not asked for."""
        return bool(self._left)

    @property
    def tried(self) -> int:
        """How many series were asked for."""
        return len(self._tried)

    def begin(self, frontier: int, behind: Collection[str], a_call: int) -> bool:
        """Ask for those ``behind`` a frontier, ``a_call`` in a call, or go on where nothing is new.

        Whether another one was to be ended for that, which asked for what is older.
        """
        unfinished = self.left
        if unfinished and frontier == self._asked_to:
            return False
        self._left, self._tried = self._attention.prompt(behind), {}
        self._next_at = self._time.monotonic()
        if frontier != self._asked_to:
            self._asked_to = frontier
            minutes = len(self._left) / a_call / self._polls_a_minute()
            self.is_even = minutes * MINUTE > SLOT - MINUTE
        return unfinished

    def fresh(self, is_fresh: Callable[[str], bool]) -> int:
        """How many of what is left are asked for the first time."""
        return sum(map(is_fresh, self._left))

    def end(self) -> None:
        """Ask for no more of it until the frontier moves, or a probe has succeeded."""
        self._left = []

    def forget(self, series: Collection[str]) -> None:
        """Do not ask for these."""
        self._left = [each for each in self._left if each not in series]

    def wait(self) -> float:
        """Seconds until the next batch of prompt series may go out; infinite where none is left."""
        return self._next_at - self._time.monotonic() if self._left else math.inf

    def batch(self, a_call: int, skip: Collection[str]) -> list[str]:
        """What is to be asked for now: the late series whose time has come, some of the prompt ones, none to ``skip``.

        The total comes alone, since it says what the others are about.
        """
        now = self._time.monotonic()
        just_asked = {series for series, at in self._tried.items() if at > now - AGAIN}
        late = [] if self._asked_to is None else self._attention.late(self._asked_to, a_call, just_asked | set(skip))
        prompt = self._deal(now, a_call) if self.wait() <= 0 else []
        batch = [*late, *(series for series in prompt if series not in late)]
        self._tried |= dict.fromkeys(batch, now)
        return batch

    def _deal(self, now: float, a_call: int) -> list[str]:
        calls = math.ceil(EVENLY * self._polls_a_minute() / MINUTE) if self.is_even else BATCH
        count = 1 if self._left[:1] == [TOTAL] else calls * a_call
        dealt, self._left = self._left[:count], self._left[count:]
        if self.is_even:
            self._next_at = max(self._next_at, now - LATE) + count / a_call * MINUTE / self._polls_a_minute()
        return dealt
