"""The engine: walks the grid over the slots that are due, rule by rule, and says which alerts fired and resolved.

Whatever the number of slots, a live poll's one or a replay's 288, the same code decides. References and breaches are
computed for the whole block as arrays, of the series with a slot due alone; Python steps only through the cells where
an alert is under way or begins. A block of very many series is cut into pieces, so that its arrays stay small.

What fires is set aside: its slots are no measure of what is usual. That takes effect after all rules have judged a
slot, so that the order of rules decides nothing. An alert that fires is set aside to the end of the block at once,
since no slot looks at those after it, and its series is judged anew from the next slot on; so it is when the alert
ends. Judging it anew costs the same however long it fires.

Outside its ``active`` windows a rule is shown a slot as unknown: whatever its value, it neither fires nor resolves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from alertbot.alerts import lifecycle, new_normal
from alertbot.alerts.lifecycle import Alert, Change, Phase, Policy, Reason, Seen
from alertbot.rules.base import Array, Direction, Judged, Mask, Measured, Rule
from alertbot.rules.episodes import Episode
from alertbot.rules.grid import Columns, Grid, GridPast
from alertbot.units import SLOT

AlertKey = tuple[str, str]
"""Rule name and series."""

MOST_CELLS = 500_000
"""Slots x series that are judged at once, where one slot of all series is not more than that already."""


@dataclass(frozen=True)
class Judgement:
    """What a block of slots came to: the alerts still under way, and what changed, by slot, rule and series.

    ``restored``: new normals that are over, since the old level is back; their slots are set aside again.
    """

    alerts: Mapping[AlertKey, Alert]
    changes: tuple[Change, ...]
    restored: tuple[Episode, ...] = ()


@dataclass(frozen=True)
class _Charge:
    """A rule with the columns it judges."""

    rule: Rule
    policy: Policy
    columns: NDArray[np.intp]
    position: Mapping[int, int]  # column in the grid -> position among ``columns``

    def over(self, live: Mask) -> _Charge:
        """The same of those columns alone where ``live`` says so."""
        chosen = live[self.columns]
        return self if chosen.all() else _laid(self.rule, self.policy, self.columns[chosen])


@dataclass(frozen=True)
class _Sheet:
    """A block under one rule: slots x the rule's series. ``hot``: the grid's columns in breach, by row."""

    charge: _Charge
    values: Array
    judged: Judged
    hot: dict[int, set[int]]
    anew: dict[int, _Column] = field(default_factory=dict)


@dataclass(frozen=True)
class _Column:
    """One series of a sheet, judged anew from the row ``start`` on; ``over``: of an alert that fires."""

    start: int
    values: Array
    judged: Judged
    over: Mask | None


class Engine:
    """The rules, laid over the series of a grid. ``selection`` maps each rule's name to the series it judges."""

    def __init__(self, rules: Sequence[Rule], selection: Mapping[str, Sequence[str]], series: Sequence[str]) -> None:
        self._column = {name: position for position, name in enumerate(series)}
        self._charges = {
            rule.name: _charge(rule, [self._column[name] for name in selection[rule.name] if name in self._column])
            for rule in sorted(rules, key=lambda rule: rule.name)
            if rule.enabled
        }
        self.depth = max((charge.rule.kind.reach for charge in self._charges.values()), default=0)

    def depth_of(self, series: str) -> int:
        """How many slots back the rules look that judge one series."""
        column = self._column[series]
        judging = (charge.rule.kind for charge in self._charges.values() if column in charge.position)
        return max((kind.reach for kind in judging), default=0)

    def judge(self, grid: Grid, first: int, due: Mask, alerts: Mapping[AlertKey, Alert]) -> Judgement:
        """Judge the slots from ``first`` on where ``due`` (slots x series of the grid) says so; sets slots aside.

        A due slot whose value is NaN is passed over for good. ``alerts`` are those under way before ``first``.
        """
        changes: list[Change] = []
        restored: list[Episode] = []
        rows = max(MOST_CELLS // max(due.shape[1], 1), 1)
        for start in range(0, due.shape[0], rows):
            part, begin = due[start : start + rows], first + start * SLOT
            walk = _Walk(self._charges, grid, begin, part, alerts)
            changes += [change for row in range(len(part)) for change in walk.judge(row)]
            alerts = walk.give()
            restored += walk.restored
        return Judgement(alerts, tuple(changes), tuple(restored))

    def rerun(self, grid: Grid, alert: Alert) -> Alert | None:
        """What the alert's lifecycle, run from its first slot to its last on present values, comes to.

        What was set aside before it began is as it stood then.
        """
        charge, series = self._charges[alert.rule], alert.series
        depth, count = charge.rule.kind.reach, (alert.slot - alert.since) // SLOT + 1
        column = np.array([self._column[series]], dtype=np.intp)
        alone, begin = Grid((series,)), alert.since - depth * SLOT
        alone.put(series, begin, grid.values(begin, depth + count, column)[:, 0])
        alone.take_marks(grid, series, alert.since)
        only = {alert.rule: _laid(charge.rule, charge.policy, np.array([0], dtype=np.intp))}
        walk = _Walk(only, alone, alert.since, np.ones((count, 1), dtype=bool), {})
        for row in range(count):
            walk.judge(row)
        return walk.give().get((alert.rule, series))

    def seen(self, grid: Grid, key: AlertKey, first: int, count: int, alert: Alert | None = None) -> tuple[Seen, ...]:
        """What ``count`` slots from ``first`` on show under one rule, as the lifecycle is told of them.

        ``alert``: the one under way, whose frozen reference counts from its first slot on.
        """
        rule, series = key
        column, charge = self._column[series], self._charges[rule]
        only = {rule: _laid(charge.rule, charge.policy, np.array([column], dtype=np.intp))}
        due = np.ones((count, len(grid.series)), dtype=bool)
        walk = _Walk(only, grid, first, due, {})
        begun = count if alert is None else max((alert.since - first) // SLOT, 0)
        return tuple(
            walk.seen(rule, None if row < begun else alert, row, column, anew=row >= begun) for row in range(count)
        )

    def recall(self, grid: Grid, alerts: Mapping[AlertKey, Alert]) -> dict[AlertKey, Alert]:
        """The alerts, with what they fired on where an earlier version did not store it: as it was at their begin."""
        return {key: self._recalled(grid, alert) for key, alert in alerts.items()}

    def _recalled(self, grid: Grid, alert: Alert) -> Alert:
        charge = self._charges.get(alert.rule)
        if alert.phase is not Phase.FIRING or alert.fired_on is not None or charge is None:
            return alert
        if charge.rule.kind.frozen or self._column.get(alert.series) not in charge.position:
            return replace(alert, fired_on=alert.reference)
        found = self.seen(grid, (alert.rule, alert.series), alert.since, 1)[0].reference
        return replace(alert, fired_on=alert.reference if found is None or math.isnan(found) else found)

    def settle(self, alerts: Mapping[AlertKey, Alert]) -> Judgement:
        """What the present rules make of stored alerts: those that no longer judge their series end."""
        kept, changes = {}, []
        for (rule, series), alert in sorted(alerts.items()):
            charge = self._charges.get(rule)
            if charge is not None and self._column.get(series) in charge.position:
                kept[rule, series] = alert
            elif alert.phase is Phase.FIRING:
                changes.append(Change(alert, fired=False, reason=Reason.RULE_CHANGED))
        return Judgement(kept, tuple(changes))


def _charge(rule: Rule, columns: Iterable[int]) -> _Charge:
    ordered = np.array(sorted(columns), dtype=np.intp)
    policy = Policy(rule.for_slots, rule.clear_slots, rule.within_slots, rule.accept_slots)
    return _laid(rule, policy, ordered)


def _laid(rule: Rule, policy: Policy, columns: NDArray[np.intp]) -> _Charge:
    return _Charge(rule, policy, columns, {column: position for position, column in enumerate(columns.tolist())})


def _compact(columns: NDArray[np.intp]) -> Columns:
    """Columns side by side as a slice, which copies nothing."""
    if len(columns) and columns[-1] - columns[0] == len(columns) - 1:
        return slice(int(columns[0]), int(columns[-1]) + 1)
    return columns


def _awake(rule: Rule, values: Array, first: int) -> Array:
    """The values from the slot ``first`` on, unknown where the rule is not active."""
    if rule.active is None:
        return values
    awake = rule.active.holds(first + SLOT * np.arange(len(values), dtype=np.int64))
    return values if awake.all() else np.where(awake[:, None], values, np.nan)


class _Walk:
    """One pass over a block, slot after slot, with the alerts under way by rule and column."""

    def __init__(
        self, charges: Mapping[str, _Charge], grid: Grid, first: int, due: Mask, alerts: Mapping[AlertKey, Alert]
    ) -> None:
        self.restored: list[Episode] = []
        self._grid = grid
        self._first = first
        self._due = due
        self._charges = charges
        self._alerts: dict[str, dict[int, Alert]] = {name: {} for name in charges}
        for (rule, series), alert in alerts.items():
            self._alerts[rule][grid.column[series]] = alert
            if alert.phase is Phase.FIRING:
                # A prompt series may have been judged to beyond this block already.
                self._set_aside(alert, max(alert.slot, self._last))
        self._returns: dict[str, dict[int, list[Episode]]] = {}
        self._at_old_level: dict[int, Mask] = {}
        for series in {episode.series for episode in grid.episodes.accepted(first)}:
            self._look_out(series, 0)
        self._sheets = {name: self._sheet(charge) for name, charge in charges.items()}
        for name, under_way in self._alerts.items():
            self._anew(name, sorted(under_way), 0)

    def _look_out(self, series: str, row: int) -> None:
        """Find where the level from before a new normal is back, from a row on: no breach of any rule, and its end."""
        count = len(self._due) - row
        if count <= 0:
            return
        column, first = self._grid.column[series], self._first + row * SLOT
        found: dict[int, list[Episode]] = {}
        forgiven = np.zeros(len(self._due), dtype=bool)
        for episode in self._grid.episodes.accepted_of(series, first):
            charge = self._charges.get(episode.rule)
            if charge is not None:
                back, place = new_normal.old_level(charge.rule, self._grid, episode, first, count)
                if place is not None:
                    back[place + 1 :] = False
                    over = new_normal.ended(charge.rule, episode, first + place * SLOT)
                    found.setdefault(row + place, []).append(over)
                forgiven[row:] |= back
        self._returns[series] = found
        self._at_old_level[column] = forgiven

    @property
    def _last(self) -> int:
        return self._first + (len(self._due) - 1) * SLOT

    def give(self) -> dict[AlertKey, Alert]:
        """The alerts under way now; what was set aside beyond what they were judged to is not any more."""
        for alerts in self._alerts.values():
            for alert in alerts.values():
                if alert.phase is Phase.FIRING and alert.slot < self._last:
                    self._set_aside(alert, alert.slot)
        return {(a.rule, a.series): a for alerts in self._alerts.values() for a in alerts.values()}

    def judge(self, row: int) -> list[Change]:
        """Judge one slot under every rule: what changed, by rule and series."""
        changes: list[Change] = []
        moved: dict[str, set[int]] = {}
        for name, sheet in self._sheets.items():
            for column in self._stepped(name, sheet, row):
                changes += self._month_over(name, row, column)
                if self._step(name, row, column, changes):
                    moved.setdefault(name, set()).add(column)
        for change in [each for each in changes if each.reason is Reason.NEW_NORMAL]:
            changes += self._accepted_with(change)
        changes.sort(key=lambda each: (each.alert.rule, each.alert.series))
        self._take_effect(row, changes, moved)
        return changes

    def _accepted_with(self, change: Change) -> Iterator[Change]:
        """End the other alerts of a series and a direction with a new normal: what is usual is so for every rule."""
        ended, column = change.alert, self._grid.column[change.alert.series]
        for name, alerts in self._alerts.items():
            alert = alerts.get(column)
            if alert is None or alert.phase is not Phase.FIRING or alert.fired == ended.slot:
                continue
            if alert.direction is ended.direction and self._charges[name].policy.accept_slots is not None:
                del alerts[column]
                alert = replace(alert, levels=ended.levels)
                yield Change(alert, fired=False, reason=Reason.NEW_NORMAL)

    def _sheet(self, charge: _Charge) -> _Sheet:
        """The block under a rule: the series where a slot is due, and a breach possible."""
        rule = charge.rule
        charge = charge.over(np.asarray(self._due.any(axis=0)))
        possible = rule.kind.possible(self._past(charge.columns))
        if possible is not None:
            wanted = np.zeros(self._due.shape[1], dtype=bool)
            wanted[charge.columns[possible.any(axis=0)]] = True
            charge = charge.over(wanted)
        past = self._past(charge.columns)
        judged = self._judge(rule, past, charge.columns, 0, None)
        hot: dict[int, set[int]] = {}
        for row, position in np.argwhere(judged.breach & self._due[:, charge.columns]).tolist():
            hot.setdefault(row, set()).add(int(charge.columns[position]))
        return _Sheet(charge, _awake(rule, past.now, self._first), judged, hot)

    def _judge(
        self, rule: Rule, past: GridPast, columns: Sequence[int] | NDArray[np.intp], row: int, fixed: Array | None
    ) -> Judged:
        """What a rule makes of the rest of the block."""
        judged = _judge(rule, past, fixed)
        if self._at_old_level and judged.reference is not None:  # a fixed limit is none of what is usual
            for place, column in enumerate(columns):
                back = self._at_old_level.get(int(column))
                if back is not None:
                    judged.breach[:, place] &= ~back[row:]
        return judged

    def _past(self, columns: NDArray[np.intp], row: int = 0) -> GridPast:
        return self._grid.past(self._first + row * SLOT, len(self._due) - row, _compact(columns))

    def _anew(self, name: str, columns: Sequence[int], row: int) -> None:
        """Judge some series anew from a row to the end of the block."""
        charge, sheet = self._charges[name], self._sheets[name]
        rule = charge.rule
        columns = [column for column in columns if column in charge.position]
        if not columns or row >= len(self._due) or isinstance(rule.kind, Measured):
            return
        past = self._past(np.array(columns, dtype=np.intp), row)
        alerts = [self._alerts[name].get(column) for column in columns]
        firing = [place for place, alert in enumerate(alerts) if _fires(alert)]
        cuts = np.array([_END if alert is None or not _fires(alert) else alert.since for alert in alerts])
        fixed = np.array([_frozen(rule, alert) for alert in alerts])
        judged = self._judge(rule, past.without(cuts) if firing else past, columns, row, fixed)
        over = np.zeros(judged.breach.shape, dtype=bool)
        if firing:
            fired = np.array([_fired_on(alerts[place]) for place in firing])
            over[:, firing] = _over(rule, past.without(cuts).only(np.array(firing, dtype=np.intp)), fired)
        values = _awake(rule, past.now, self._first + row * SLOT)
        due = self._due[row:, columns]
        for place, column in enumerate(columns):
            self._cool(sheet, column, row)
            for later in np.flatnonzero(judged.breach[:, place] & due[:, place]).tolist():
                sheet.hot.setdefault(row + later, set()).add(column)
            sheet.anew[column] = _Column(row, values[:, place], _of(judged, place), over[:, place])

    def _cool(self, sheet: _Sheet, column: int, row: int) -> None:
        """Forget where a series was found in breach from a row on."""
        before = sheet.anew.get(column)
        if before is not None:
            breach, start = before.judged.breach, before.start
        elif column in sheet.charge.position:
            breach, start = sheet.judged.breach[:, sheet.charge.position[column]], 0
        else:
            return
        for later in np.flatnonzero(breach[row - start :]).tolist():
            sheet.hot.get(row + later, set()).discard(column)

    def _stepped(self, name: str, sheet: _Sheet, row: int) -> list[int]:
        """The columns in which this slot begins an alert or is the next of one, by the name of their series."""
        columns = self._alerts[name].keys() | sheet.hot.get(row, set())
        due = (column for column in columns if self._due[row, column])
        return sorted(due, key=self._grid.series.__getitem__)

    def _month_over(self, name: str, row: int, column: int) -> Iterator[Change]:
        """The alert that ends because what it was about has, as a month does; a slot that is known must show it."""
        kind, alerts, slot = self._charges[name].rule.kind, self._alerts[name], self._first + row * SLOT
        alert = alerts.get(column)
        if not isinstance(kind, Measured) or alert is None or math.isnan(self._value(name, row, column)):
            return
        if kind.is_over(alert.since, slot):
            del alerts[column]
            if alert.phase is Phase.FIRING:
                yield Change(replace(alert, slot=slot), fired=False, reason=Reason.MONTH_OVER)

    def _step(self, name: str, row: int, column: int, changes: list[Change]) -> bool:
        """Take an alert on by one slot; whether its series is to be compared otherwise from the next slot on."""
        charge, slot, alerts = self._charges[name], self._first + row * SLOT, self._alerts[name]
        alert = alerts.pop(column, None)
        seen = self.seen(name, alert, row, column)
        if alert is not None:
            after, change = lifecycle.step(charge.policy, alert, slot, seen)
        elif seen.breach:
            after, change = lifecycle.begin(charge.policy, name, self._grid.series[column], slot, seen)
        else:
            return False
        if after is not None:
            alerts[column] = after
        if change is not None:
            changes.append(self._with_usual(change, row, column))
        return change is not None or (charge.rule.kind.frozen and (alert is None) != (after is None))

    def _with_usual(self, change: Change, row: int, column: int) -> Change:
        """The change of an alert that is over, with what is usual then."""
        alert, rule = change.alert, self._charges[change.alert.rule].rule
        if change.reason is not Reason.CLEARED:
            return change
        past = self._grid.past(self._first + row * SLOT, 1, np.array([column], dtype=np.intp))
        level = rule.kind.usual_level(past.without(np.array([alert.since])))
        usual = math.nan if level is None else float(level[0, 0])
        return change if math.isnan(usual) else replace(change, alert=replace(alert, usual=usual))

    def _take_effect(self, row: int, changes: Sequence[Change], moved: Mapping[str, set[int]]) -> None:
        """Set aside what fired and no longer what ended, and judge anew what that concerns."""
        touched: set[int] = set()
        for change in changes:
            alert = change.alert
            if self._charges[alert.rule].rule.kind.sets_aside(alert.direction):
                self._end(change) if not change.fired else self._set_aside(alert, self._last)
                touched.add(self._grid.column[alert.series])
        back = (episode for ends in self._returns.values() for episode in ends.get(row, ()))
        for episode in sorted(back, key=lambda each: (each.series, each.key)):
            self._grid.record(episode)
            self.restored.append(episode)
            touched.add(self._grid.column[episode.series])
        for column in touched:
            series = self._grid.series[column]
            if series in self._returns or next(self._grid.episodes.accepted_of(series, self._first), None):
                self._look_out(series, row + 1)
        for name in self._sheets:
            self._anew(name, sorted(touched | moved.get(name, set())), row + 1)

    def _set_aside(self, alert: Alert, last: int) -> None:
        if self._charges[alert.rule].rule.kind.sets_aside(alert.direction):
            self._grid.record(_episode(alert, last))

    def _end(self, change: Change) -> None:
        """From the slot that resolves it on, nothing is set aside for an alert any more."""
        alert = change.alert
        settled = alert.settled if change.reason is Reason.NEW_NORMAL else None
        episode = _episode(alert, alert.slot - SLOT)
        episode = replace(episode, ended=True, accepted=None if settled is None else settled.since)
        self._grid.record(episode)

    def _value(self, name: str, row: int, column: int) -> float:
        sheet = self._sheets[name]
        anew = sheet.anew.get(column)
        if anew is not None:
            return float(anew.values[row - anew.start])
        return float(sheet.values[row, sheet.charge.position[column]])

    def seen(self, name: str, alert: Alert | None, row: int, column: int, *, anew: bool = False) -> Seen:
        """What one slot shows of a series under a rule; ``anew``: with this alert, which the walk does not know of."""
        rule, sheet = self._charges[name].rule, self._sheets[name]
        if anew:
            self._alerts[name] = {} if alert is None else {column: alert}
            self._anew(name, [column], row)
        if column not in sheet.anew and column not in sheet.charge.position:
            self._anew(name, [column], row)
        if isinstance(rule.kind, Measured):
            return self._measured(rule, alert, row, column)
        found = sheet.anew.get(column)
        if found is not None:
            place, judged, over = row - found.start, found.judged, found.over
        else:
            place, judged, over = row, _of(sheet.judged, sheet.charge.position[column]), None
        value = self._value(name, row, column)
        reference = None if judged.reference is None else float(judged.reference[place])
        return Seen(
            value=value,
            reference=reference,
            breach=bool(judged.breach[place]),
            cleared=_fires(alert) and over is not None and bool(over[place]) and not math.isnan(value),
            direction=rule.kind.direction(value, reference),
            usual=None if judged.usual is None else float(judged.usual[place]),
            by_usual=_by_usual(rule, alert) or (judged.by_usual is not None and bool(judged.by_usual[place])),
        )

    def _measured(self, rule: Rule, alert: Alert | None, row: int, column: int) -> Seen:
        """Likewise, for a kind that judges a figure of its own."""
        kind, found = rule.kind, None
        if isinstance(kind, Measured) and not math.isnan(self._value(rule.name, row, column)):
            found = kind.measure(self._grid.past(self._first + row * SLOT, 1, np.array([column])))[0][0]
        if found is None or not isinstance(kind, Measured):
            return Seen(math.nan, None, breach=False, cleared=False, direction=Direction.RISE)
        return Seen(
            value=found.value,
            reference=found.reference,
            breach=bool(kind.breach(np.asarray(found.value), np.asarray(found.reference))),
            cleared=_fires(alert) and kind.cleared(found.value),
            direction=kind.direction(found.value, found.reference),
            outlook=found.outlook,
        )


_END = 2**62


def _judge(rule: Rule, past: GridPast, fixed: Array | None) -> Judged:
    """What a rule makes of some slots; those under a one-off mute are compared with what it covers as well."""
    judged = rule.kind.judge(past, fixed)
    muted = past.muted
    if muted is not None and muted.any():
        inside = rule.kind.judge(past.meanwhile(), fixed)
        judged = Judged(
            _either(muted, inside.reference, judged.reference),
            np.where(muted, inside.breach, judged.breach),
            _either(muted, inside.usual, judged.usual),
            judged.by_usual,
        )
    if rule.active is None:
        return judged
    return replace(judged, breach=judged.breach & ~np.isnan(_awake(rule, past.now, past.first)))


def _over(rule: Rule, past: GridPast, fired: Array) -> Mask:
    over, muted = rule.kind.over(past, fired), past.muted
    return over if muted is None or not muted.any() else np.where(muted, rule.kind.over(past.meanwhile(), fired), over)


def _either(where: Mask, inside: Array | None, outside: Array | None) -> Array | None:
    return None if inside is None or outside is None else np.where(where, inside, outside)


def _of(judged: Judged, place: int) -> Judged:
    """One series of what was judged."""
    return Judged(
        None if judged.reference is None else judged.reference[:, place],
        judged.breach[:, place],
        None if judged.usual is None else judged.usual[:, place],
        None if judged.by_usual is None else judged.by_usual[:, place],
    )


def _episode(alert: Alert, last: int) -> Episode:
    return Episode(alert.rule, alert.series, alert.since, last, alert.direction, alert.fired_on)


def _fires(alert: Alert | None) -> bool:
    return alert is not None and alert.phase is Phase.FIRING


def _frozen(rule: Rule, alert: Alert | None) -> float:
    """The reference that an alert under way keeps, where its kind's does not move."""
    return math.nan if alert is None or alert.reference is None or not rule.kind.frozen else alert.reference


def _by_usual(rule: Rule, alert: Alert | None) -> bool:
    """Whether the reference that an alert under way keeps is what was usual."""
    return alert is not None and alert.by_usual and rule.kind.frozen


def _fired_on(alert: Alert | None) -> float:
    return math.nan if alert is None or alert.fired_on is None else alert.fired_on
