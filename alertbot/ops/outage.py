"""What fails again and again from the same cause: told once, and once more, with a count, when it is over."""

from __future__ import annotations


class Outage:
    """Those of one thing since it last succeeded."""

    def __init__(self) -> None:
        self._causes: dict[str, int] = {}

    @property
    def cause(self) -> str | None:
        """Why it failed last; ``None`` where it succeeded since."""
        return next(reversed(self._causes), None)

    def is_news(self, cause: str) -> bool:
        """It failed; whether that is to be told, since it did not fail from this cause before."""
        fresh = cause not in self._causes
        self._causes[cause] = self._causes.pop(cause, 0) + 1
        return fresh

    def ended(self) -> int:
        """It succeeded; how often it failed before, 0 where it did not."""
        times = sum(self._causes.values())
        self._causes.clear()
        return times
