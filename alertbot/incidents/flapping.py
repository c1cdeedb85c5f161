"""Flapping: an alert that fires again and again is told so once, and then only when it stays."""

from __future__ import annotations

from dataclasses import dataclass

from alertbot.incidents.incident import FiredAlert

WITHIN = 6 * 3600
MOST_FIRES = 4
"""It flaps once it fired more often than this within so many seconds of slots."""

STEADY = 3600
"""Seconds of slots without a change after which it no longer flaps."""

STAYS = 1200
"""Seconds of slots after which a firing of one that flaps is told after all."""


@dataclass(frozen=True)
class Flap:
    """A rule on a series that flaps: the slot of the ``first`` of these firings, and of its ``last`` change."""

    first: int
    last: int

    def over(self, frontier: int) -> bool:
        """Whether it has been steady for long enough."""
        return frontier - self.last >= STEADY


def begins_to_flap(told: FiredAlert) -> bool:
    """Whether this firing is one too many; one that is over already is told as such."""
    return told.fires > MOST_FIRES and told.resolved is None


def stays(told: FiredAlert) -> bool:
    """Whether a firing has lasted for so long that it is more than a flutter."""
    return told.resolved is None and told.alert.slot - (told.alert.fired or told.alert.slot) >= STAYS
