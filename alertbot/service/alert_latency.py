"""How long alerts took: from the moment their slot could be known until Slack took the message that tells of them."""

from __future__ import annotations

from collections.abc import Callable

_MOST = 1000
"""Commits whose messages are waited for."""


class AlertLatency:
    """Adds up what was waited for a slot and what its message took; ``observe`` is called with the seconds of both."""

    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe
        self._waited: dict[float, float] = {}

    def fired(self, committed: float, waited: float) -> None:
        """Note that alerts were committed then (epoch seconds), of slots that could be known for so many seconds."""
        self._waited[committed] = waited
        if len(self._waited) > _MOST:
            del self._waited[next(iter(self._waited))]

    def delivered(self, created: float, seconds: float) -> None:
        """Note that Slack took a message that was written then, so many seconds later: of several the first counts."""
        waited = self._waited.pop(created, None)
        if waited is not None:
            self._observe(waited + seconds)
