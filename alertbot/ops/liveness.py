"""Whether what runs for ever still makes progress: each such loop says by when it will be heard of again."""

from __future__ import annotations

from collections.abc import Callable

GRACE = 240.0
"""Seconds beyond what a loop said: more than any single call with its pauses takes. Slow is not stuck."""


class Liveness:
    """One loop's. ``now`` tells monotonic seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._due: float | None = now()

    def beat(self, within: float = 0.0) -> None:
        """Progress; the next is heard of within so many seconds."""
        self._due = self._now() + within

    def idle(self) -> None:
        """There is nothing to do until somebody asks for something."""
        self._due = None

    @property
    def stalled(self) -> bool:
        """Whether it was not heard of when it was to be."""
        return self._due is not None and self._now() > self._due + GRACE
