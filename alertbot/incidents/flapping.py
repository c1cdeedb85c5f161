"""Flapping: that an alert fires again and again is posted once, and after that only a firing that stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from alertbot.incidents.incident import FiredAlert

WITHIN = 6 * 3600
MOST_FIRES = 4
"""An alert flaps once it fired more often than this within so many seconds of slots."""

STEADY = 3600
"""Seconds of slots without a change after which an alert no longer flaps."""

STAYS = 1200
"""Seconds of slots after which a firing of an alert that flaps is posted after all."""


@dataclass(frozen=True)
class Flap:
    """A rule on a series that flaps: the slot of the ``first`` of these firings, and of its ``last`` change."""

    first: int
    last: int

    def has_ended(self, frontier: int) -> bool:
        """Whether it has been steady for long enough."""
        return frontier - self.last >= STEADY


def begins_to_flap(fired: FiredAlert) -> bool:
    """Whether this firing is one too many; one that has resolved already is posted as such."""
    return fired.fires > MOST_FIRES and fired.resolved is None


def flapped(fired: Iterable[int]) -> bool:
    """Whether an alert that fired in these slots has flapped."""
    slots = sorted(fired)
    return any(last - first < WITHIN for first, last in zip(slots, slots[MOST_FIRES:], strict=False))


def stays(fired: FiredAlert) -> bool:
    """Whether a firing has lasted for so long that it is more than a flutter."""
    return fired.resolved is None and fired.alert.slot - (fired.alert.fired or fired.alert.slot) >= STAYS
