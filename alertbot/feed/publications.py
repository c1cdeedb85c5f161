"""When the account's total first showed each slot, and so when the next one is due."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from alertbot.units import DAY, SLOT

_LATELY = 12
"""Slots by which the next one is expected."""


class Publications:
    """Keeps the publications of the last day: epoch seconds by slot, as far as somebody watched."""

    def __init__(self, published: Mapping[int, float]) -> None:
        self._published = dict(published)

    def note(self, slot: int, now: float) -> float:
        """Note that a slot is shown; when it was shown first."""
        shown = self._published.setdefault(slot, now)
        for old in [old for old in self._published if old < slot - DAY]:
            del self._published[old]
        return shown

    def in_order(self) -> list[tuple[int, float]]:
        """Slots and when they were first shown, the oldest first."""
        return sorted(self._published.items())

    def lag(self) -> float | None:
        """Seconds after its close at which the total shows a slot: the median of the last day."""
        lags = self._lags()
        return statistics.median(lags) if lags else None

    def due_at(self, newest: int | None) -> float | None:
        """From when on the slot after ``newest`` is likely to be shown, epoch seconds; ``None`` where it is not known.

        A slot is noticed after it is shown, and late where nobody expected it: so the early ones of the last hour say.
        """
        lately = sorted(self._lags()[-_LATELY:])
        return None if not lately or newest is None else newest + 2 * SLOT + lately[len(lately) // 4]

    def _lags(self) -> list[float]:
        """Seconds after its close at which each slot was shown, the oldest first."""
        # A slot whose predecessor was not seen may have stood there since before anybody looked.
        return [shown - slot - SLOT for slot, shown in self.in_order() if slot - SLOT in self._published]
