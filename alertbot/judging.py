"""What a replay comes to: how often each rule fires, how many pages a day, the worst; and what differs between two.

A page is an incident that is more than information, by the very grouping that the service does; silences, mutes,
flapping and what the account as a whole takes in are left out of account.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from statistics import median

from alertbot.alerts import wording
from alertbot.alerts.engine import AlertKey
from alertbot.alerts.grouping import Placed, Placing, place
from alertbot.alerts.incidents import LOUDNESS, ToldAlert
from alertbot.alerts.lifecycle import Alert, Change
from alertbot.alerts.routing import channel_for
from alertbot.rules.base import Rule, Severity
from alertbot.rules.selection import Group
from alertbot.units import DAY, SLOT, counted, format_duration

_MOST_SILENT = 10


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
        return LOUDNESS[self.severity], off, -self.fired.since

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


@dataclass(frozen=True)
class Ground:
    """What a replay was of: the days that were judged, the series that were, the groups, the readers' zone."""

    days: int
    series: int
    rules: Mapping[str, Rule]
    groups: Sequence[Group]
    channel: str
    zone: tzinfo

    def pages(self, firings: Sequence[Firing]) -> list[Placed]:
        """The incidents that these alerts would be told in, without those that are information only."""
        told = [
            ToldAlert(number, each.fired, each.severity.value, None, None)
            for number, each in enumerate(firings)
            if each.severity is not Severity.INFO
        ]
        placing = Placing(
            channel=lambda told: channel_for(self.rules[told.alert.rule], told.alert.series, self.groups, self.channel),
            begun=lambda _: -1,
            groups=self.groups,
            now=0.0,
        )
        return place(told, (), placing)


def summary(firings: Sequence[Firing], ground: Ground) -> Iterator[str]:
    """A replay in a few lines."""
    pages = ground.pages(firings)
    days = counted(ground.days, "day")
    fired_on = len({each.fired.series for each in firings})
    if not firings:
        yield f"0 alerts fired in {days}, judging {counted(ground.series, 'series', 'series')}."
        return
    yield (
        f"{counted(len(firings), 'alert')} fired in {days}, on {fired_on:,} of"
        f" {counted(ground.series, 'series', 'series')}: {_pages(len(pages), ground.days)}."
    )
    yield from _by_rule(firings, ground)
    worst = max(firings, key=lambda each: each.weight)
    yield f"The worst: {_sentence(worst, ground)}"
    yield from _by_day(pages, ground)
    yield from _by_series(firings)


def _pages(count: int, days: int) -> str:
    return f"{counted(count, 'page')}, {count / max(days, 1):.2g} a day"


def _by_rule(firings: Sequence[Firing], ground: Ground) -> Iterator[str]:
    own: dict[str, list[Firing]] = {}
    for each in firings:
        own.setdefault(each.fired.rule, []).append(each)
    width = max(map(len, own))
    for name, fired in sorted(own.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        lasted = sorted(each.until + SLOT - each.fired.since for each in fired)
        burning = sum(each.ended is None for each in fired)
        not_over = f", {burning:,} not over" if burning else ""
        series = counted(len({each.fired.series for each in fired}), "series", "series")
        yield (
            f"  {name:{width}}  {counted(len(fired), 'alert')} on {series}, {_weekly(len(fired), ground)};"
            f" {format_duration(median(lasted))} each, at most {format_duration(lasted[-1])}{not_over}"
        )
    silent = sorted(ground.rules.keys() - own.keys())
    if silent:
        more = f" and {len(silent) - _MOST_SILENT:,} more" if len(silent) > _MOST_SILENT else ""
        yield f"  never: {', '.join(silent[:_MOST_SILENT])}{more}"


def _weekly(count: int, ground: Ground) -> str:
    return f"{7 * count / max(ground.days, 1):.2g} a week"


def _by_day(pages: Sequence[Placed], ground: Ground) -> Iterator[str]:
    days = Counter(datetime.fromtimestamp(page.since, ground.zone).date() for page in pages)
    if days:
        day, count = max(days.items(), key=lambda pair: (pair[1], pair[0]))
        yield f"The busiest day: {day}, {counted(count, 'page')}; {max(ground.days - len(days), 0):,} days without any."


def _by_series(firings: Sequence[Firing]) -> Iterator[str]:
    most = Counter(each.fired.series for each in firings).most_common(3)
    yield f"Most of all: {', '.join(f'{name} ({count:,})' for name, count in most)}."


def _sentence(firing: Firing, ground: Ground) -> str:
    alert = firing.fired
    now = alert.slot + SLOT
    words = wording.headline(ground.rules[alert.rule], alert, None, ground.zone, now, wording.PLAIN)
    return f"{wording.stamp(alert.since, ground.zone)}, {alert.rule}: {words}"


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


def comparison_lines(found: Comparison, ground: Ground, other: Ground, pages: tuple[int, int]) -> Iterator[str]:
    """The differences, a line each, and what they come to; ``pages`` now and by the other file."""
    for each in found.differences:
        rules = ground if each.new else other
        alert = each.firing.fired
        words = wording.headline(rules.rules[alert.rule], alert, None, rules.zone, alert.slot + SLOT, wording.PLAIN)
        beside = f" (told by {', '.join(each.told_by)} {'before' if each.new else 'now'})" if each.told_by else ""
        what = "newly fires " if each.new else "falls silent"
        yield f"{wording.stamp(alert.slot + SLOT, ground.zone)}  {what}  {alert.rule}: {words}{beside}"
    new = sum(each.new for each in found.differences)
    yield (
        f"{counted(new, 'alert')} newly {'fires' if new == 1 else 'fire'},"
        f" {len(found.differences) - new:,} fall silent, {found.same:,} as before;"
        f" {_pages(pages[0], ground.days)}, before {_pages(pages[1], other.days)}."
    )


def as_difference(each: Difference) -> dict[str, object]:
    """One line of ``replay --json --against``."""
    firing = each.firing
    return {
        "difference": "newly fires" if each.new else "falls silent",
        "rule": firing.fired.rule,
        "series": firing.fired.series,
        "slot": firing.fired.slot,
        "since": firing.fired.since,
        "ended": firing.ended,
        "value": firing.fired.value,
        "reference": firing.fired.reference,
        "worst": firing.last.worst,
        "severity": firing.severity.value,
        "reason": firing.reason,
        "told_by": list(each.told_by),
    }


def days_between(days: Iterable[int], first: int, last: int) -> int:
    """How many of these UTC days have a slot from ``first`` to ``last``."""
    return sum(first < (day + 1) * DAY and last >= day * DAY for day in days)
