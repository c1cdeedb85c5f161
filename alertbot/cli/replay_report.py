"""What ``alertbot replay`` prints at the end: a summary, or what another configuration would change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from alertbot.config.watch import Watch
from alertbot.incidents.firings import Comparison, Difference, Firing, pages
from alertbot.incidents.grouping import Placed
from alertbot.messages.alert import PLAIN, alert_sentence, stamp
from alertbot.units import SLOT, format_duration
from alertbot.words import counted, how_often, listed

_MOST_SILENT = 10


@dataclass(frozen=True)
class ReplayScope:
    """What a replay judged: on how many days, how many series, by the rules of ``watch``.

    ``channel``: where alerts go whose rule and group name none.
    """

    days: int
    series: int
    watch: Watch
    channel: str

    def pages(self, firings: Sequence[Firing]) -> list[Placed]:
        """The incidents that these alerts would be posted in."""
        return pages(firings, self.watch.rules, self.watch.groups, self.channel)


def summary(firings: Sequence[Firing], scope: ReplayScope) -> Iterator[str]:
    """How often the rules fired, how many pages that makes, and the worst of it, a line each."""
    pages = scope.pages(firings)
    days = counted(scope.days, "day")
    fired_on = len({each.series for each in firings})
    if not firings:
        yield f"0 alerts fired in {days}, judging {counted(scope.series, 'series', 'series')}."
        return
    yield (
        f"{counted(len(firings), 'alert')} fired in {days}, on {fired_on:,} of"
        f" {counted(scope.series, 'series', 'series')}: {_pages(len(pages), scope.days)}."
    )
    yield from _by_rule(firings, scope)
    worst = max(firings, key=lambda each: each.weight)
    yield f"The worst: {_sentence(worst, scope)}"
    yield from _by_day(pages, scope)
    yield from _by_series(firings)


def _pages(count: int, days: int) -> str:
    return f"{counted(count, 'page')}, {how_often(count / max(days, 1))} a day"


def _by_rule(firings: Sequence[Firing], scope: ReplayScope) -> Iterator[str]:
    own: dict[str, list[Firing]] = {}
    for each in firings:
        own.setdefault(each.rule, []).append(each)
    width = max(map(len, own))
    for name, fired in sorted(own.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        lasted = sorted(each.until + SLOT - each.since for each in fired)
        firing = sum(each.ended is None for each in fired)
        not_over = f", {firing:,} not over" if firing else ""
        series = counted(len({each.series for each in fired}), "series", "series")
        yield (
            f"  {name:{width}}  {counted(len(fired), 'alert')} on {series}, {_weekly(len(fired), scope)};"
            f" {format_duration(median(lasted))} each, at most {format_duration(lasted[-1])}{not_over}"
        )
    silent = sorted(scope.watch.rules.keys() - own.keys())
    if silent:
        yield f"  never: {listed(silent, _MOST_SILENT)}"


def _weekly(count: int, scope: ReplayScope) -> str:
    return f"{how_often(7 * count / max(scope.days, 1))} a week"


def _by_day(pages: Sequence[Placed], scope: ReplayScope) -> Iterator[str]:
    days = Counter(datetime.fromtimestamp(page.since, scope.watch.zone).date() for page in pages)
    if days:
        day, count = max(days.items(), key=lambda pair: (pair[1], pair[0]))
        yield f"The busiest day: {day}, {counted(count, 'page')}; {max(scope.days - len(days), 0):,} days without any."


def _by_series(firings: Sequence[Firing]) -> Iterator[str]:
    most = Counter(each.series for each in firings).most_common(3)
    yield f"Most of all: {', '.join(f'{name} ({count:,})' for name, count in most)}."


def _sentence(firing: Firing, scope: ReplayScope) -> str:
    alert = firing.fired
    now = alert.slot + SLOT
    words = alert_sentence(scope.watch.rules[alert.rule], alert, None, scope.watch.zone, now, PLAIN, firing.outages)
    return f"{stamp(alert.since, scope.watch.zone)}, {alert.rule}: {words}"


def comparison_lines(
    found: Comparison, scope: ReplayScope, other: ReplayScope, pages: tuple[int, int]
) -> Iterator[str]:
    """The differences, a line each, then their number; ``pages``: with this configuration, and with the other."""
    for each in found.differences:
        watch = (scope if each.new else other).watch
        alert = each.firing.fired
        rule, now = watch.rules[alert.rule], alert.slot + SLOT
        words = alert_sentence(rule, alert, None, watch.zone, now, PLAIN, each.firing.outages)
        beside = (
            f" (posted by {', '.join(each.covered_by)} {'before' if each.new else 'now'})" if each.covered_by else ""
        )
        what = "newly fires " if each.new else "falls silent"
        yield f"{stamp(now, scope.watch.zone)}  {what}  {alert.rule}: {words}{beside}"
    new = sum(each.new for each in found.differences)
    yield (
        f"{counted(new, 'alert')} newly {'fires' if new == 1 else 'fire'},"
        f" {len(found.differences) - new:,} fall silent, {found.same:,} as before;"
        f" {_pages(pages[0], scope.days)}, before {_pages(pages[1], other.days)}."
    )


def as_difference(each: Difference) -> dict[str, object]:
    """One line of ``replay --json --against``."""
    firing = each.firing
    return {
        "difference": "newly fires" if each.new else "falls silent",
        "rule": firing.rule,
        "series": firing.series,
        "slot": firing.fired.slot,
        "since": firing.since,
        "ended": firing.ended,
        "value": firing.fired.value,
        "reference": firing.fired.reference,
        "worst": firing.last.worst,
        "severity": firing.severity.value,
        "reason": firing.reason,
        "told_by": list(each.covered_by),
    }
