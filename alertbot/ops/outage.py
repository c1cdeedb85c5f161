"""What fails again and again: each of its causes is news once, and its end once more, with a count."""

from __future__ import annotations

import time
from collections.abc import Callable


class Outage:
    """Counts the failures in a row of one operation, and keeps since when it fails (monotonic seconds)."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._since = 0.0
        self._causes: dict[str, int] = {}

    @property
    def cause(self) -> str | None:
        """Why the operation failed last; ``None`` where it succeeded since."""
        return next(reversed(self._causes), None)

    @property
    def seconds(self) -> float | None:
        """For how long the operation has been failing; ``None`` where it succeeded last."""
        return self._monotonic() - self._since if self._causes else None

    @property
    def failures(self) -> int:
        """How often the operation failed since it last succeeded."""
        return sum(self._causes.values())

    def is_news(self, cause: str) -> bool:
        """Count a failure; whether it is the first from this cause since the operation last succeeded."""
        if not self._causes:
            self._since = self._monotonic()
        fresh = cause not in self._causes
        self._causes[cause] = self._causes.pop(cause, 0) + 1
        return fresh

    def ended(self) -> int:
        """Note a success; how many failures came before it, 0 where the operation did not fail."""
        times = self.failures
        self._causes.clear()
        return times
