"""What a chart shows of the stored history: a series, an incident's worst ones, or what was replayed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from functools import partial

import numpy as np

from alertbot.alerts.lifecycle import Alert
from alertbot.charts.chart import Chart, LimitLine, Panel
from alertbot.config.watch import Watch
from alertbot.incidents.incident import FiredAlert, Incident, IncidentKind, series_of, worst_of_each
from alertbot.incidents.silences import GROUP_MARK
from alertbot.query.names import Meant
from alertbot.query.scope import Scope
from alertbot.rules.base import Array, Breach, Direction, Kind, Rule, Shown
from alertbot.rules.episodes import Episode
from alertbot.rules.grid import Grid, GridPast
from alertbot.rules.selection import SUM_PREFIX, TOTAL, Group
from alertbot.store import incidents, samples
from alertbot.store.fired_alerts import fired_between
from alertbot.store.schema import reading
from alertbot.units import DAY, DAY_SLOTS, SLOT, format_clock, format_rate, slot_at, slots_of
from alertbot.words import counted, listed

Read = Callable[[str, int, int], Array]
"""Bit/s of a series from one slot to another, both included; NaN where unknown."""

MOST_PANELS = 4
SHORTEST, LONGEST = 6 * 3600, 7 * DAY
"""Seconds that the chart of an incident spans: four times as long as it lasts, but within these."""

_LONGEST_DAY = DAY_SLOTS + 12
_AFTER = 3600  # seconds shown of the time after an incident
_IN_SIGHT = 3.0  # a limit beyond so many times the most that was carried would make everything else flat


@dataclass(frozen=True)
class Mark:
    """An alert on a chart: the rule, the first and the last slot of the breach, what it was compared with (bit/s)."""

    rule: str
    since: int
    last: int
    reference: float | None

    @classmethod
    def of(cls, alert: Alert) -> Mark:
        """An alert as it stands; what it was well for at its end is not shown as breach."""
        return cls(alert.rule, alert.since, max(alert.since, alert.slot - alert.clear_run * SLOT), alert.reference)


def of_series(scope: Scope, what: Meant, span: int) -> Chart:
    """One series, or some added up, over the last ``span`` seconds, with the alerts it had."""
    first, last = _slots(scope.now - span, scope.now)
    with reading(scope.path) as db:
        fired = [] if len(what.series) > 1 else fired_between(db, what.series[0], first, last)

        def read(_: str, first: int, last: int) -> Array:
            return samples.sum_of(db, what.series, first, last)

        name = what.name if len(what.series) > 1 else what.series[0]
        return charted(read, {name: [Mark.of(told.alert) for told in fired]}, first, last, scope.watch, scope.now)


def of_day(scope: Scope, first: int, end: int) -> Chart:
    """What the account carried from the slot ``first`` until ``end``."""
    with reading(scope.path) as db:
        read = partial(samples.series_between, db)
        chart = charted(read, {TOTAL: []}, first, end - SLOT, scope.watch, scope.now)
    day = datetime.fromtimestamp(first, scope.zone)
    return replace(chart, title=f"{day:%A}, {day.day} {day:%B}: {chart.title}")


def of_incident(scope: Scope, number: int) -> Chart | None:
    """The worst series of an incident; ``None`` where there is none, or nothing of it that could be drawn."""
    with reading(scope.path) as db:
        incident = incidents.load(db, number)
        if incident is None:
            return None
        marks = _panels(incident, scope.watch.groups)
        if not marks:
            return None
        end = scope.now if incident.closed is None else min(scope.now, incident.closed + _AFTER)
        first, last = _slots(end - min(max(4 * (end - incident.since), SHORTEST), LONGEST), end)
        read = partial(samples.series_between, db)
        return charted(read, marks, first, last, scope.watch, scope.now, incident)


def _slots(first: float, end: float) -> tuple[int, int]:
    """The slots that a span of epoch seconds is shown by."""
    last = slot_at(end)
    return last - (slots_of(end - first) - 1) * SLOT, last


def _panels(incident: Incident, groups: Sequence[Group]) -> dict[str, list[Mark]]:
    """The series to be shown with their alerts: the whole that holds them first, then the worst."""
    worst = [told.alert.series for told in worst_of_each(incident.alerts)]
    whole = _whole(incident, groups)
    shown = list(dict.fromkeys([*whole, *worst]))[:MOST_PANELS]
    return {name: [Mark.of(told.alert) for told in _of(incident.alerts, name)] for name in shown}


def _of(alerts: Iterable[FiredAlert], series: str) -> Iterator[FiredAlert]:
    return (told for told in alerts if told.alert.series == series)


def _whole(incident: Incident, groups: Sequence[Group]) -> list[str]:
    """The total of what concerns the account, the sum of a group that holds all there is in it."""
    if incident.kind is IncidentKind.DARK or incident.progress.wide is not None:
        return [TOTAL]
    series = series_of(incident.alerts)
    if len(series) < 2:
        return []
    return [group.series for group in groups if group.sum and series <= {group.series, *group.members}][:1]


def charted(
    read: Read,
    marks: Mapping[str, Sequence[Mark]],
    first: int,
    last: int,
    watch: Watch,
    now: float,
    incident: Incident | None = None,
) -> Chart:
    """The series of ``marks`` with their alerts, from one slot to another, as readers see them at ``now``."""
    clock = partial(format_clock, zone=watch.zone, now=now)
    panels = tuple(_panel(read, name, first, last, alerts, watch) for name, alerts in marks.items())
    return Chart(
        title=_title(panels, incident),
        subtitle=_subtitle(panels, first, watch.zone, clock),
        alt=" ".join(_sentence(panel, first, last, clock) for panel in panels)[:1000],
        first=first,
        now=now,
        zone=str(watch.zone),
        panels=panels,
    )


def _panel(read: Read, name: str, first: int, last: int, marks: Sequence[Mark], watch: Watch) -> Panel:
    values = read(name, first, last)
    known = values[~np.isnan(values)]
    # Over more than a day its own earlier part would be drawn over it once more; the day on which summer ends is one.
    yesterday = read(name, first - DAY, last - DAY) if len(values) <= _LONGEST_DAY else None
    return Panel(
        name=called(name),
        note=format_rate(float(known[-1])) if len(known) else "unknown",
        values=values,
        yesterday=_unless_unknown(yesterday),
        last_week=_unless_unknown(read(name, first - 7 * DAY, last - 7 * DAY)),
        limits=tuple(_limits(read, name, first, values, marks, watch)),
        breaches=tuple(sorted({(mark.since, mark.last) for mark in marks})),
    )


def called(series: str) -> str:
    """A series as a chart names it."""
    if series == TOTAL:
        return "the whole account"
    for mark in (SUM_PREFIX, GROUP_MARK):
        if series.startswith(mark):
            return f"{series.removeprefix(mark)}, all of the group"
    return series


def _unless_unknown(values: Array | None) -> Array | None:
    return None if values is None or np.isnan(values).all() else values


def _limits(
    read: Read, name: str, first: int, values: Array, marks: Sequence[Mark], watch: Watch
) -> Iterator[LimitLine]:
    """What each rule that fired held the series against, and the fixed limits of all that watch it, each once."""
    fired = list(dict.fromkeys(mark.rule for mark in marks))
    others = [rule for rule, names in watch.selection.items() if name in names and rule not in fired]
    said = set()
    highest = float(np.nanmax(values, initial=0.0)) if not np.isnan(values).all() else 0.0
    for rule in (watch.rules.get(each) for each in (*fired, *others)):
        if rule is None:
            continue
        own = [mark for mark in marks if mark.rule == rule.name]
        for limit in _of_rule(read, name, first, values, rule, own):
            near = bool(own) or float(np.nanmax(limit.values, initial=0.0)) <= _IN_SIGHT * highest
            if near and limit.label not in said and not np.isnan(limit.values).all():
                said.add(limit.label)
                yield limit


def _of_rule(
    read: Read, name: str, first: int, values: Array, rule: Rule, marks: Sequence[Mark]
) -> Iterator[LimitLine]:
    kind = rule.kind

    def past() -> GridPast:
        return _past(read, name, first, values, kind, marks)

    slots = first + SLOT * np.arange(len(values), dtype=np.int64)
    breaches = [Breach(mark.since, mark.last, kind.named(mark.reference)) for mark in marks]
    return (LimitLine(label, limit) for label, limit in kind.limits_to_draw(Shown(slots, breaches, past)))


def _past(read: Read, name: str, first: int, values: Array, kind: Kind, marks: Sequence[Mark]) -> GridPast:
    """The values and what lay before them, as the kind looks at them: its breaches are no part of what is usual."""
    grid, begin = Grid((name,)), first - kind.depth * SLOT
    grid.put(name, begin, read(name, begin, first + (len(values) - 1) * SLOT))
    for mark in marks:
        if any(map(kind.sets_aside, Direction)):
            grid.aside.record(Episode("", name, mark.since, mark.last, Direction.FALL))
    return GridPast(grid, first, len(values), slice(None))


def _title(panels: Sequence[Panel], incident: Incident | None) -> str:
    number = "" if incident is None else f"#{incident.number} "
    if len(panels) == 1:
        return f"{number}{panels[0].name}"
    held = 0 if incident is None else len(series_of(incident.alerts))
    if held > len(panels):
        return f"{number.strip()}: the worst of {counted(held, 'series', 'series')}"
    return f"{number.strip()}: {listed((panel.name for panel in panels), 1)}"


def _subtitle(panels: Sequence[Panel], first: int, zone: tzinfo, clock: Callable[[float], str]) -> str:
    known = [np.flatnonzero(~np.isnan(panel.values)) for panel in panels]
    last = max((int(each[-1]) for each in known if len(each)), default=None)
    if last is None:
        return "nothing is known of this time"
    value = f"{panels[0].note}, " if len(panels) == 1 else ""
    return f"{value}data until {clock(first + (last + 1) * SLOT)}, times in {zone}"


def _sentence(panel: Panel, first: int, last: int, clock: Callable[[float], str]) -> str:
    """A panel in words."""
    known = panel.values[~np.isnan(panel.values)]
    span = f"Bandwidth of {panel.name} from {clock(first)} to {clock(last + SLOT)}"
    if not len(known):
        return f"{span}: nothing is known."
    bounds = f"between {format_rate(float(known.min()))} and {format_rate(float(known.max()))}"
    told = f"{span}: {panel.note} at last, {bounds}."
    spans = [f"{clock(begin)} to {clock(end + SLOT)}" for begin, end in panel.breaches[:3]]
    return f"{told} In alert from {', '.join(spans)}." if spans else told
