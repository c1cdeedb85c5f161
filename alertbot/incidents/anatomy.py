"""Anatomy: in which part of the traffic an incident lies, IPv6 alone say, by what each part carried before and now.

A slot counts only where the parts add up to the whole. So a part that is late, and an API that does not heed what it
is asked, say nothing; and what is too little of the whole to matter is not named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from alertbot.rules.base import Array

HOUR = 12
"""Slots before an incident by which it is known what each part carried; half of them must be known."""

ADDS_UP = 0.05
USUAL = 0.1
"""The share of what it carried by which a part may change and is as usual ..."""

USUAL_AT_MOST = 0.25
"""... or as far as it strayed in the hour before, up to this share."""

LEAST = 0.02
ALIKE = 0.15
ALL_OF_IT = 0.8, 1.25
"""What a part may have changed by, of the whole's change, to be all of it."""


class Verdict(StrEnum):
    """How the parts changed."""

    ONE_PART = "one part"
    ALIKE = "alike"
    UNLIKE = "unlike"


@dataclass(frozen=True)
class Portion:
    """A part by its name, and what it carried in the hour before and now, bit/s."""

    name: str
    before: float
    now: float


@dataclass(frozen=True)
class Anatomy:
    """What changed; of one part alone also which parts did not."""

    verdict: Verdict
    changed: tuple[Portion, ...]
    usual: tuple[Portion, ...] = ()

    @property
    def falls(self) -> bool:
        """Whether less is carried than before."""
        return sum(part.now - part.before for part in self.changed) < 0


def dissect(whole: Array, parts: Mapping[str, Array]) -> Anatomy | None:
    """What became of the parts since the incident began, bit/s in each slot from an hour before it on; NaN: unknown.

    ``None`` where that is not known, or where no part changed by as much as tells anything.
    """
    values = np.stack(list(parts.values()))
    known = np.abs(values.sum(axis=0) - whole) <= ADDS_UP * whole
    before, since = np.flatnonzero(known[:HOUR]), np.flatnonzero(known[HOUR:])
    if 2 * len(before) < HOUR or not len(since):
        return None
    hour, now = values[:, before], values[:, HOUR + since[-1]]
    level = np.median(hour, axis=1)
    change, size = now - level, np.maximum(level, now)
    strayed = np.abs(hour - level[:, np.newaxis]).max(axis=1)
    moved = np.abs(change) > np.maximum(USUAL * level, np.minimum(strayed, USUAL_AT_MOST * level))
    counts = size > LEAST * size.sum()
    if abs(change.sum()) <= USUAL * level.sum() or counts.sum() < 2 or not (counts & moved).any():
        return None
    named = [Portion(name, float(level[row]), float(now[row])) for row, name in enumerate(parts)]
    changed, still = _those(named, counts & moved), _those(named, counts & ~moved)
    if still and ALL_OF_IT[0] <= change[counts & moved].sum() / change.sum() <= ALL_OF_IT[1]:
        return Anatomy(Verdict.ONE_PART, changed, still)
    left = [(part.now + 1) / (part.before + 1) for part in changed]
    if not still and max(left) - min(left) <= ALIKE * max(1.0, *left):
        return Anatomy(Verdict.ALIKE, changed)
    return Anatomy(Verdict.UNLIKE, _those(named, counts))


def _those(parts: Iterable[Portion], meant: Iterable[bool]) -> tuple[Portion, ...]:
    return tuple(part for part, means in zip(parts, meant, strict=True) if means)
