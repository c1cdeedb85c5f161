"""Whether loops that never end still make progress: each says by when it will do so again."""

from __future__ import annotations

from collections.abc import Callable

GRACE = 240.0
"""Seconds that a loop may take longer than it said: more than any single call with its pauses. Slow is not stuck."""


class Liveness:
    """Watches one loop by the clock ``now``, in monotonic seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._due: float | None = now()

    def beat(self, within: float = 0.0) -> None:
        """Note progress; the next comes within so many seconds."""
        self._due = self._now() + within

    def idle(self) -> None:
        """Expect nothing until the next beat: there is nothing to do."""
        self._due = None

    @property
    def stalled(self) -> bool:
        """Whether the loop made no progress when it was to."""
        return self._due is not None and self._now() > self._due + GRACE
