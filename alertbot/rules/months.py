"""The months by which bandwidth is billed: from a day of the month to the next, in a zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from alertbot.units import DAY_SLOTS, SLOT

LONGEST = 31 * DAY_SLOTS + 12
"""Slots of the longest month: 31 days, and the hour that comes twice when clocks are put back."""


@dataclass(frozen=True)
class Month:
    """The slots from ``start`` until ``end``, which is the next month's; ``name``: ``2026-11``, where it begins."""

    name: str
    start: int
    end: int

    @property
    def slots(self) -> int:
        """How many it has."""
        return (self.end - self.start) // SLOT


@dataclass(frozen=True)
class Calendar:
    """Months that begin at midnight of the day ``first_day`` in ``zone``."""

    first_day: int = 1
    zone: tzinfo = UTC

    def month(self, year: int, month: int) -> Month:
        """The month that begins in this one; 0 and 13 are those beyond the year's ends."""
        year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
        return Month(f"{year}-{month:02}", self._start(year, month), self._start(year, month + 1))

    def at(self, slot: int) -> Month:
        """The month that holds a slot."""
        local = datetime.fromtimestamp(slot, self.zone)
        month = self.month(local.year, local.month)
        if slot < month.start:
            return self.month(local.year, local.month - 1)
        return month

    def before(self, month: Month) -> Month:
        """The month before."""
        return self.at(month.start - SLOT)

    def _start(self, year: int, month: int) -> int:
        """The first slot at or after that midnight."""
        moment = datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, self.first_day, tzinfo=self.zone)
        return -(-int(moment.timestamp()) // SLOT) * SLOT
