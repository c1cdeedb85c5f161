"""Episodes: the spans of alerts, whose slots are set aside as no measure of what is usual."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alertbot.rules.base import Direction
from alertbot.units import SLOT

FALL, RISE, MUTE, HANDLED = 1, 2, 4, 8
"""Why a slot is set aside, as bits; ``HANDLED``: by an alert that people took care of, which teaches nothing."""

ASIDE = FALL | RISE | MUTE

REMEMBERED = 7 * 86_400
"""Seconds for which the level before a new normal is looked out for."""


@dataclass(frozen=True)
class Episode:
    """One alert's slots, ``first`` to ``last``, both included.

    ``accepted``: the first slot of the level that was taken as the new normal, which counts again from there on.
    ``reference``: what the alert fired on, in bit/s. ``ended``: whether the alert is over.
    """

    rule: str
    series: str
    first: int
    last: int
    direction: Direction
    reference: float | None = None
    accepted: int | None = None
    handled: bool = False
    ended: bool = False

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from the others of its series."""
        return self.rule, self.first

    @property
    def bits(self) -> int:
        """The marks of its slots."""
        return (FALL if self.direction is Direction.FALL else RISE) | (HANDLED if self.handled else 0)

    @property
    def until(self) -> int:
        """The last slot that is set aside."""
        return self.last if self.accepted is None else min(self.last, self.accepted - SLOT)


class Episodes:
    """The episodes of every series."""

    def __init__(self) -> None:
        self._untaught: set[str] = set()
        self._of: dict[str, dict[tuple[str, int], Episode]] = {}

    def teach(self, series: str, *, silence: bool) -> None:
        """Whether the alerts of a series may teach that it is usually silent; they do unless said otherwise."""
        (self._untaught.discard if silence else self._untaught.add)(series)

    def teaches(self, series: str) -> bool:
        """Whether they may."""
        return series not in self._untaught

    def put(self, episode: Episode) -> Episode | None:
        """Keep one, in the place of the same alert's earlier one, which is returned."""
        held = self._of.setdefault(episode.series, {})
        before = held.get(episode.key)
        held[episode.key] = episode
        return before

    def remove(self, series: str, rule: str, first: int) -> Episode | None:
        """Forget the one of an alert, and return it."""
        return self._of.get(series, {}).pop((rule, first), None)

    def of(self, series: str) -> tuple[Episode, ...]:
        """Those of a series."""
        return tuple(self._of.get(series, {}).values())

    def accepted_of(self, series: str, first: int) -> Iterator[Episode]:
        """Those of a series that ended as a new normal within the last days before the slot ``first``."""
        for episode in self.of(series):
            if episode.accepted is not None and first - episode.last <= REMEMBERED:
                yield episode

    def marks(self, series: str, first: int, last: int) -> NDArray[np.uint8]:
        """The marks of the slots ``first`` to ``last`` of a series, both included."""
        marks = np.zeros((last - first) // SLOT + 1, dtype=np.uint8)
        as_well = 0 if self.teaches(series) else HANDLED
        for episode in self._of.get(series, {}).values():
            begin, end = max(episode.first, first), min(episode.until, last)
            if begin <= end:
                marks[(begin - first) // SLOT : (end - first) // SLOT + 1] |= np.uint8(episode.bits | as_well)
        return marks

    def forget(self, before: int) -> None:
        """Let go of those that ended before the slot ``before``."""
        for series, held in list(self._of.items()):
            for key in [key for key, episode in held.items() if episode.last < before]:
                del held[key]
            if not held:
                del self._of[series]
