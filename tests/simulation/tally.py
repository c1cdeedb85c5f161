"""Counts what stories of the simulation had in them, and says so in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fakes.rigs.working import START
from simulation.story import Story

from alertbot.units import DAY


class Tally(NamedTuple):
    """What one story had: its days, how often each thing went wrong in it, and what there was to object to."""

    days: float
    faults: dict[str, int]
    objections: int


def tally(story: Story, objections: int) -> Tally:
    """Count one story."""
    return Tally((story.end - START) / DAY, dict(Counter(_faults(story))), objections)


def _faults(story: Story) -> Iterator[str]:
    yield from (f"API {fault.mode}" for fault in story.faults)
    yield from (f"{each.what} {each.how}" if each.what in _WORDED else each.what for each in story.mishaps)
    yield from ("late data" for delay in story.delays[:1])
    yield from ("partial slots" for _ in range(story.partial < 1.0))
    yield from ("wrong clock at the start" for _ in range(story.clock_off != 0))


_WORDED = ("slack", "disk", "clock", "configuration")
"""What goes wrong in several ways; for the others ``how`` is a number."""


def in_words(told: Iterable[Tally]) -> Iterator[str]:
    """How many stories and days those are, with which faults, the most frequent first."""
    told = list(told)
    faults: Counter[str] = Counter()
    for each in told:
        faults.update(each.faults)
    days, wrong = sum(each.days for each in told), sum(each.objections for each in told)
    yield f"{len(told)} seeds, {days:.0f} virtual days, {faults.total()} faults, {wrong} objections"
    yield ", ".join(f"{count} {name}" for name, count in faults.most_common())
