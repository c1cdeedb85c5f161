"""From which slot on a sum is without the members that left the account: from then on, never backwards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from alertbot.rules.selection import Group
from alertbot.units import SLOT

Departed = Mapping[str, Mapping[str, int]]
"""By the sum's series: the members that left, and the first slot of which the sum is without each."""


def departures(
    groups: Iterable[Group],
    gone: Collection[str],
    former: Departed,
    now: int,
    cursor: Callable[[str], int | None],
    late: int,
) -> Departed:
    """When the sums of these groups lost the domains that are ``gone``; what is known of that by ``former`` stays.

    That is at the slot ``now``; or, where a sum is known for longer than its member is late at most (``late``, in
    seconds), after the last slot of the sum: it went on without it before a restart. ``cursor``: a series' last slot.
    """
    found: dict[str, Mapping[str, int]] = {}
    for group in groups:
        left = [name for name in group.members if name in gone] if group.is_summed else []
        if left:
            before, last = former.get(group.series, {}), cursor(group.series)
            found[group.series] = {name: before.get(name, _departed_at(last, cursor(name), now, late)) for name in left}
    return found


def _departed_at(summed: int | None, member: int | None, now: int, late: int) -> int:
    if summed is None or (member is not None and summed - member <= late):
        return now
    return summed + SLOT


def emptied(groups: Iterable[Group], gone: Collection[str]) -> set[str]:
    """The sums of which every member is gone."""
    return {group.series for group in groups if group.is_summed and set(group.members) <= set(gone)}
