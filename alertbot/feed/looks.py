"""Which series is to be asked for when: the prompt ones at once, each late one once its lateness has passed.

Where ten domains take one call, late ones that are due at about the same time share it. A few calls more measure how
late a series is.

No I/O: what was known and the time come in, names go out.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from alertbot.feed.lateness import Lateness

TOGETHER = 15.0
"""Seconds within which late series are due that share a call: an alert waits no longer for the others."""

AT_ONCE = 3.0
"""Likewise, of second looks at what would fire."""

JUST_NOW = 60.0
"""Seconds after it was due for which a look is still awaited."""

SPARE = 0.1
"""Calls that measure lateness, for each call that reads what is due."""

A_FEW = 3.0
"""Calls a slot that do so beside these where series share calls: so few are made that a tenth is hardly any."""

MOST_SPARE = 30.0

_Look = tuple[float, str]
"""When a series is to be asked for, monotonic seconds."""


@dataclass(frozen=True)
class _Plan:
    """The looks of a frontier, ``a_call`` series in a call: those that are due, as they share calls, and spare ones.

    The spare ones would tell, before they are due, how late series are.
    """

    frontier: int
    a_call: int
    groups: Sequence[Sequence[_Look]]
    spare: Sequence[_Look]


class Looks:
    """Plans the looks at some series; ``known`` holds up to which slot each is known since this process began."""

    def __init__(self, series: Iterable[str], lateness: Lateness) -> None:
        self.known: dict[str, int | None] = dict.fromkeys(series)
        self._lateness = lateness
        self._waits: dict[str, float] = {}
        self._spare = 0.0
        self._granted_at: int | None = None  # the frontier for which a few more were granted
        self._plan: _Plan | None = None

    def behind(self, frontier: int) -> list[str]:
        """The series of which a newer slot is to be known."""
        return [series for series, known in self.known.items() if known is None or known < frontier]

    def is_late(self, series: str) -> bool:
        """Whether a series is asked for at a time of its own."""
        return self.known[series] is not None and (series in self._waits or series in self._lateness.late)

    def wait(self, series: str, until: float) -> None:
        """Ask for a series at that moment, monotonic seconds, and not before."""
        self._waits[series] = until
        self._plan = None

    def is_awaited(self, series: str, now: float) -> bool:
        """Whether a series is to be asked for at a moment that is still to come, or was just now."""
        return now < self._waits.get(series, -math.inf) + JUST_NOW

    def looked(self, known: Mapping[str, int], a_call: int) -> None:
        """Note up to which slot series are known that were asked for, ``a_call`` of them in a call."""
        if any(self.is_late(name) for name in known):
            self._plan = None
        for name in known:
            self._waits.pop(name, None)
        self.known.update(known)
        self._spare = min(self._spare + SPARE * len(known) / a_call, MOST_SPARE)

    def due(self, frontier: int, now: float, a_call: int, skip: Collection[str]) -> list[str]:
        """The late ones that are to be asked for now, ``a_call`` of them in a call; none of those to ``skip``."""
        plan = self._planned(frontier, a_call)
        if frontier != self._granted_at:
            self._granted_at = frontier
            self._spare = min(self._spare + min(A_FEW, SPARE * len(self.known)) * (1 - 1 / a_call), MOST_SPARE)
        found = [name for group in plan.groups if group[-1][0] <= now for _, name in group if name not in skip]
        # A loop that was held up may come to both looks at one: the one that is due tells what the other would.
        asked = {*found, *skip}
        measuring = [name for at, name in self._spare_looks(plan) if at <= now and name not in asked]
        measuring = measuring[: int(self._spare) * a_call]
        self._spare -= math.ceil(len(measuring) / a_call)
        return [*found, *measuring]

    def soonest(self, frontier: int, a_call: int, skip: Collection[str]) -> float:
        """When a late one is to be asked for next, monotonic seconds; infinite where none is."""
        plan = self._planned(frontier, a_call)
        times = [group[-1][0] for group in plan.groups if any(name not in skip for _, name in group)]
        times += [at for at, name in self._spare_looks(plan) if name not in skip]
        return min(times, default=math.inf)

    def _spare_looks(self, plan: _Plan) -> Sequence[_Look]:
        """The looks that would tell how late series are, where calls are left for them."""
        return plan.spare if self._spare >= 1 else ()

    def _planned(self, frontier: int, a_call: int) -> _Plan:
        """The plan, made anew once the frontier, what is known or what is awaited has changed."""
        if self._plan is None or (self._plan.frontier, self._plan.a_call) != (frontier, a_call):
            again = sorted((at, name) for name, at in self._waits.items() if self.known.get(name) is not None)
            due: list[_Look] = []
            spare: list[_Look] = []
            for name, next_look, spare_look in self._late_ones(frontier):
                if next_look < math.inf:
                    due.append((next_look, name))
                if spare_look < next_look:
                    spare.append((spare_look, name))
            groups = [*_shared(again, a_call, AT_ONCE), *_shared(sorted(due), a_call, TOGETHER)]
            self._plan = _Plan(frontier, a_call, groups, sorted(spare))
        return self._plan

    def _late_ones(self, frontier: int) -> Iterator[tuple[str, float, float]]:
        """Each late one of which a newer slot is to be known, when it is due, and when a look would tell more of it."""
        for name in list(self._lateness.late):  # those that are late no more are let go here
            known = self.known.get(name)
            if known is not None and known < frontier and name not in self._waits:
                yield name, self._lateness.next_look(name, known, frontier), self._lateness.spare_look(name, frontier)


def _shared(looks: Sequence[_Look], a_call: int, within: float) -> list[list[_Look]]:
    """Looks in their order, so many at most in a call that are due within so many seconds."""
    groups: list[list[_Look]] = []
    for at, name in looks:
        if groups and len(groups[-1]) < a_call and (at == groups[-1][0][0] or at - groups[-1][0][0] <= within):
            groups[-1].append((at, name))
        else:
            groups.append([(at, name)])
    return groups
