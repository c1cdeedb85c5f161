"""Mutes: when which alerts are not posted. They are judged all the same.

A recurring mute follows a schedule; one that happens once, a launch or a migration, lies between two moments, and what
its series carried meanwhile is no measure of anything later: those slots serve as a reference for each other only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alertbot.rules.grid import Grid
from alertbot.rules.schedule import Schedule
from alertbot.units import SLOT, slot_at


@dataclass(frozen=True)
class Mute:
    """One ``[[mute]]`` over the present series and rules.

    Either ``schedule``, or ``start`` and ``end`` in epoch seconds, of which the end is not covered any more.
    """

    series: frozenset[str]
    rules: frozenset[str]
    reason: str
    schedule: Schedule | None = None
    start: int | None = None
    end: int | None = None

    @property
    def once(self) -> tuple[int, int] | None:
        """The first and the last slot that a mute which happens once touches; None for a recurring one."""
        return None if self.start is None or self.end is None else (slot_at(self.start), slot_at(self.end - 1))

    def covers(self, rule: str, series: str, slot: int) -> bool:
        """Whether it mutes this alert in a slot: by the slot's start, or by any of the slot where it happens once."""
        return rule in self.rules and series in self.series and self._holds(slot)

    def until(self, slot: int) -> float | None:
        """When it ends that holds in this slot; None where it does not hold, and where it always does."""
        if self.schedule is not None:
            return self.schedule.until(slot)
        return float(self.end) if self.end is not None and self._holds(slot) else None

    def _holds(self, slot: int) -> bool:
        if self.schedule is not None:
            return self.schedule.holds_at(slot)
        return self.start is not None and self.end is not None and slot < self.end and slot + SLOT > self.start


def muted(mutes: Sequence[Mute], rule: str, series: str, slot: int) -> Mute | None:
    """The first mute that covers this alert in this slot."""
    return next((mute for mute in mutes if mute.covers(rule, series, slot)), None)


def keep_out(grid: Grid, mutes: Iterable[Mute]) -> None:
    """Never use the slots of mutes that happen once as a reference for others, whichever rules they mute."""
    for mute in mutes:
        if mute.once is not None:
            grid.aside.mute(mute.series, *mute.once)
