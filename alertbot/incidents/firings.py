"""What a replay comes to: how often each rule fires, how many pages a day, the worst; and what differs between two.

A page is an incident that is more than information, by the very grouping that the service does; silences, mutes,
flapping and what the account as a whole takes in are left out of account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from alertbot.alerts.engine import AlertKey
from alertbot.alerts.lifecycle import Alert, Change
from alertbot.incidents.grouping import Placed, Placing, place
from alertbot.incidents.incident import SEVERITY_RANK, FiredAlert
from alertbot.incidents.routing import channel_for
from alertbot.rules.base import Rule, Severity
from alertbot.rules.selection import Group
from alertbot.units import DAY, SLOT


@dataclass(frozen=True)
class Firing:
    """An alert: as it ``fired``, as it stood ``last``, the slot that ``ended`` it and why; None while it fires."""

    fired: Alert
    last: Alert
    severity: Severity
    ended: int | None = None
    reason: str | None = None

    @property
    def key(self) -> AlertKey:
        """Rule and series."""
        return self.fired.rule, self.fired.series

    @property
    def until(self) -> int:
        """The last slot in which it is known to have fired."""
        return self.last.slot if self.ended is None else self.ended - SLOT

    @property
    def weight(self) -> tuple[int, float, int]:
        """The loudest first, then what was farthest off."""
        off = abs(self.last.worst - (self.fired.reference or 0.0))
        return SEVERITY_RANK[self.severity], off, -self.fired.since

    def overlaps(self, other: Firing) -> bool:
        """Whether there is a slot that is within both, each from its breach's first slot on."""
        return self.fired.since <= other.until and other.fired.since <= self.until


@dataclass
class Record:
    """The alerts of a replay as they pass, in the order in which they fired."""

    rules: Mapping[str, Rule]
    _firings: dict[int, Firing] = field(default_factory=dict)
    _open: dict[AlertKey, int] = field(default_factory=dict)

    def over(self, changes: Iterable[Change]) -> Iterator[Change]:
        """Hand changes on, and keep the alerts that they make."""
        for change in changes:
            alert, key = change.alert, (change.alert.rule, change.alert.series)
            if change.fired:
                number = len(self._firings)
                self._open[key] = number
                self._firings[number] = Firing(alert, alert, self.rules[alert.rule].severity)
            elif (number := self._open.pop(key, -1)) >= 0:
                begun = self._firings[number]
                self._firings[number] = Firing(begun.fired, alert, begun.severity, alert.slot, change.reason.value)
            yield change

    def close(self, last: Callable[[str], int]) -> None:
        """Nothing comes after the ``last`` slot of each series: what still fires fired up to it."""
        for (_, series), number in self._open.items():
            firing = self._firings[number]
            slot = max(last(series), firing.last.slot)
            self._firings[number] = replace(firing, last=replace(firing.last, slot=slot))

    @property
    def firings(self) -> list[Firing]:
        """All of them."""
        return list(self._firings.values())


def pages(firings: Sequence[Firing], rules: Mapping[str, Rule], groups: Sequence[Group], channel: str) -> list[Placed]:
    """The incidents that these alerts would be posted in, without those that are information only.

    ``channel``: the default one.
    """
    fired = [
        FiredAlert(number, each.fired, each.severity.value, None, None)
        for number, each in enumerate(firings)
        if each.severity is not Severity.INFO
    ]
    placing = Placing(
        channel=lambda each: channel_for(rules[each.alert.rule], each.alert.series, groups, channel),
        begun=lambda _: -1,
        groups=groups,
        now=0.0,
    )
    return place(fired, (), placing)


@dataclass(frozen=True)
class Difference:
    """An alert that only one of two configurations would tell; ``told_by`` the other's rules that tell of it too."""

    firing: Firing
    new: bool
    told_by: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """What a configuration would tell that another would not, and the other way round; ``same``: alerts of both."""

    differences: tuple[Difference, ...]
    same: int


def compare(now: Sequence[Firing], before: Sequence[Firing]) -> Comparison:
    """Alerts of both are the same where rule and series are, and there is a slot within both."""
    fresh, gone = _unmatched(now, before), _unmatched(before, now)
    differences = [Difference(each, new=True, told_by=others) for each, others in fresh]
    differences += [Difference(each, new=False, told_by=others) for each, others in gone]
    ordered = sorted(differences, key=lambda each: (each.firing.fired.slot, each.firing.key, each.new))
    return Comparison(tuple(ordered), len(now) - len(fresh))


def _unmatched(own: Sequence[Firing], other: Sequence[Firing]) -> list[tuple[Firing, tuple[str, ...]]]:
    """The alerts that the other has no like of, with its rules that fire on the series meanwhile."""
    of_series: dict[str, list[Firing]] = {}
    for each in other:
        of_series.setdefault(each.fired.series, []).append(each)
    found = []
    for each in own:
        meanwhile = {like.fired.rule for like in of_series.get(each.fired.series, ()) if each.overlaps(like)}
        if each.fired.rule not in meanwhile:
            found.append((each, tuple(sorted(meanwhile))))
    return found


def days_between(days: Iterable[int], first: int, last: int) -> int:
    """How many of these UTC days have a slot from ``first`` to ``last``."""
    return sum(first < (day + 1) * DAY and last >= day * DAY for day in days)
