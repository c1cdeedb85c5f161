"""A storm: the account's total fell by more than the domains in alert explain, while others are still asked for.

Pure: levels come in, decisions go out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from alertbot.incidents.grouping import TOGETHER
from alertbot.incidents.incident import FiredAlert
from alertbot.rules.base import Direction
from alertbot.rules.selection import is_domain
from alertbot.units import SLOT

ORDINARY = 0.1
"""Share of its level by which the total moves for no particular reason."""

LONGEST_WAIT = 30.0
"""Seconds for which alerts wait until it is known how many domains fell."""


@dataclass(frozen=True)
class TotalLoss:
    """What the account's total carried ``before`` something fell, and ``now``, bit/s.

    ``explained``: what the domains in alert lost of that. ``ordinary``: by how much the total moved from slot to slot
    in the hour before.
    """

    before: float
    now: float
    explained: float
    ordinary: float = 0.0

    @property
    def halved(self) -> bool:
        """Whether half of the total or more is gone."""
        return self.now <= self.before / 2

    @property
    def is_any(self) -> bool:
        """Whether the total lost more than it does for no particular reason."""
        return self.now < (1 - ORDINARY) * self.before

    @property
    def is_storm(self) -> bool:
        """Whether the total moved, and less than half of that is explained."""
        lost = self.before - self.now
        return lost > max(ORDINARY * self.before, self.ordinary) and self.explained < lost / 2


@dataclass(frozen=True)
class Storms:
    """The losses of the total, by the slot with which domains began to fall.

    ``through``: whether every series of the slot was judged, and nothing is to be looked at again. ``may_wait``:
    whether alerts may still wait for that.
    """

    losses: Mapping[int, TotalLoss] = field(default_factory=dict)
    through: bool = True
    may_wait: bool = False

    def waits(self, fired: FiredAlert) -> bool:
        """Whether an alert is not posted before it is known how many domains fell with it."""
        loss = self.losses.get(fired.alert.since)
        single = fired.alert.direction is Direction.FALL and is_domain(fired.alert.series)
        return self.may_wait and single and loss is not None and loss.is_storm and not loss.halved

    def may_be_of_account(self, fired: FiredAlert) -> bool:
        """Whether an alert may be part of a fall of the account: a domain under a fixed limit need not have fallen."""
        if fired.alert.reference is not None or not is_domain(fired.alert.series):
            return True
        loss = self.losses.get(fired.alert.since)
        return loss is not None and loss.is_any

    def whole_account(self, sinces: Iterable[int]) -> int | None:
        """The first of these slots at which the account fell by half, and not for what is known; ``None``: none."""
        return min(
            (slot for slot in sinces if (loss := self.losses.get(slot)) and loss.halved and loss.is_storm), default=None
        )

    def lasts(self, since: int) -> bool:
        """Whether half of the total is gone since that slot."""
        loss = self.losses.get(since)
        return loss is not None and loss.halved


def fell_with(since: int, falls: Collection[FiredAlert]) -> frozenset[str]:
    """The domains that began to fall at about that slot."""
    together = (each.alert for each in falls if abs(each.alert.since - since) <= TOGETHER * SLOT)
    return frozenset(alert.series for alert in together if is_domain(alert.series))
