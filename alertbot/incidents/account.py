"""The account as a whole: whether so much of it fell together that single domains are beside the point."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from alertbot.incidents.grouping import TOGETHER
from alertbot.incidents.incident import AccountFall
from alertbot.incidents.storm import Storms
from alertbot.rules.selection import TOTAL
from alertbot.units import SLOT

LEAST = 3
"""Fewer domains than this are never the whole account."""

_TOGETHER = TOGETHER * SLOT


def fell_together(falls: Mapping[str, int], carried: Collection[str], storms: Storms) -> AccountFall | None:
    """Whether the account fell: its total, or half of the domains that ``carried`` traffic, at about the same time.

    ``falls``: the slot with which the fall of each series began. No rule need say that the total fell: where half of it
    is gone, and not by the domains that are known to have fallen, others fell too.
    """
    begun = {series: since for series, since in falls.items() if series in carried}
    if (total := falls.get(TOTAL)) is not None:
        return AccountFall(total, _since(begun, total), len(carried))
    since, fell = _largest(sorted(begun.values()))
    if fell >= _needed(len(carried)):
        return AccountFall(since, fell, len(carried))
    storm = storms.whole_account(begun.values())
    return None if storm is None else AccountFall(storm, _since(begun, storm), len(carried))


def afterwards(
    fall: AccountFall, falls: Mapping[str, int], carried: Collection[str], frontier: int, storms: Storms
) -> AccountFall:
    """What became of the account's fall: more fell, or it is over, since too little of it is left.

    Once it is over for good it stays so: what fires again, as after hours in which no rule looked, outlived it.
    """
    if is_over(fall, frontier):
        return fall
    begun = {series: since for series, since in falls.items() if series in carried}
    fell = _since(begun, fall.since)
    if TOTAL in falls or fell >= _needed(fall.carried) or (fell and storms.lasts(fall.since)):
        return replace(fall, fell=max(fall.fell, fell), over=None)
    return fall if fall.over is not None else replace(fall, over=frontier)


def is_over(fall: AccountFall, frontier: int) -> bool:
    """Whether it is over for good: what still fires outlived it. What ends within a few slots ends together."""
    return fall.over is not None and frontier - fall.over >= _TOGETHER


def _since(begun: Mapping[str, int], slot: int) -> int:
    return sum(since >= slot - _TOGETHER for since in begun.values())


def _needed(carried: int) -> int:
    return max(LEAST, -(-carried // 2))


def _largest(sinces: list[int]) -> tuple[int, int]:
    """The first slot and the size of the largest run of beginnings, none far from the one before."""
    best = run = (0, 0)
    last = None
    for since in sinces:
        run = (run[0], run[1] + 1) if last is not None and since - last <= _TOGETHER else (since, 1)
        best, last = max(best, run, key=lambda each: each[1]), since
    return best
