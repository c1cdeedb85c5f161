"""The engine: walks the grid over the slots that are due, rule by rule, and says which alerts fired and resolved.

Whatever the number of slots, a live poll's one or a replay's 288, the same code decides. References and breaches are
computed for the whole block as arrays, of the series with a slot due alone; Python steps only through the cells where
an alert is under way or begins. A block of very many series is cut into pieces, so that its arrays stay small.

An alert of a ``drop`` bars its slots from later references, one of a ``baseline`` from those of ``baseline``. Bars
take effect after all rules have judged a slot, so that the order of rules decides nothing; for the series barred within
the block, references are then computed anew: of one slot while each brings another bar, then of the rest of the block.

Outside its ``active`` windows a rule is shown a slot as unknown: whatever its value, it neither fires nor resolves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alertbot.alerts import lifecycle
from alertbot.alerts.lifecycle import Alert, Change, Phase, Policy, Reason, Seen
from alertbot.rules.base import Array, Bars, Direction, Mask, Measured, Rule
from alertbot.rules.grid import Columns, Grid
from alertbot.units import DAY_SLOTS, SLOT

AlertKey = tuple[str, str]
"""Rule name and series."""

MOST_CELLS = 500_000
"""Slots x series that are judged at once, where one slot of all series is not more than that already."""


@dataclass(frozen=True)
class Judgement:
    """What a block of slots came to: the alerts still under way, and what changed, by slot, rule and series."""

    alerts: Mapping[AlertKey, Alert]
    changes: tuple[Change, ...]


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
    """A block under one rule: slots x the rule's series."""

    charge: _Charge
    values: Array
    reference: Array | None
    hot: Mask


class Engine:
    """The rules, laid over the series of a grid. ``selection`` maps each rule's name to the series it judges."""

    def __init__(self, rules: Sequence[Rule], selection: Mapping[str, Sequence[str]], series: Sequence[str]) -> None:
        self._column = {name: position for position, name in enumerate(series)}
        self._charges = {
            rule.name: _charge(rule, [self._column[name] for name in selection[rule.name] if name in self._column])
            for rule in sorted(rules, key=lambda rule: rule.name)
            if rule.enabled
        }
        self.depth = max((charge.rule.kind.depth for charge in self._charges.values()), default=0)

    def depth_of(self, series: str) -> int:
        """How many slots back the rules look that judge one series."""
        column = self._column[series]
        judging = (charge.rule.kind for charge in self._charges.values() if column in charge.position)
        return max((kind.depth for kind in judging), default=0)

    def judge(self, grid: Grid, first: int, due: Mask, alerts: Mapping[AlertKey, Alert]) -> Judgement:
        """Judge the slots from ``first`` on where ``due`` (slots x series of the grid) says so; bars slots in the grid.

        A due slot whose value is NaN is passed over for good. ``alerts`` are those under way before ``first``.
        """
        changes: list[Change] = []
        rows = max(MOST_CELLS // max(due.shape[1], 1), 1)
        for start in range(0, due.shape[0], rows):
            part, begin = due[start : start + rows], first + start * SLOT
            sheets = [self._sheet(charge, grid, begin, part) for charge in self._worth(grid, begin, part, alerts)]
            walk = _Walk(grid, begin, part, sheets)
            walk.take(alerts)
            changes += [change for row in range(len(part)) for change in walk.judge(row)]
            alerts = walk.give()
        return Judgement(alerts, tuple(changes))

    def rerun(self, grid: Grid, alert: Alert) -> Alert | None:
        """What the alert's lifecycle, run from its first slot to its last on present values, comes to."""
        column, count = self._column[alert.series], (alert.slot - alert.since) // SLOT + 1
        due = np.zeros((count, len(grid.series)), dtype=bool)
        due[:, column] = True
        charge = self._charges[alert.rule]
        only = _laid(charge.rule, charge.policy, np.array([column], dtype=np.intp))
        walk = _Walk(grid, alert.since, due, [self._sheet(only, grid, alert.since, due)])
        for row in range(count):
            walk.judge(row)
        return walk.give().get((alert.rule, alert.series))

    def seen(self, grid: Grid, key: AlertKey, first: int, count: int, alert: Alert | None = None) -> tuple[Seen, ...]:
        """What ``count`` slots from ``first`` on show under one rule, as the lifecycle is told of them.

        ``alert``: the one under way, whose frozen reference counts from its first slot on.
        """
        rule, series = key
        column, charge = self._column[series], self._charges[rule]
        only = _laid(charge.rule, charge.policy, np.array([column], dtype=np.intp))
        due = np.ones((count, len(grid.series)), dtype=bool)
        sheet = self._sheet(only, grid, first, due)
        walk = _Walk(grid, first, due, [sheet])
        begun = count if alert is None else (alert.since - first) // SLOT
        under_way = {} if alert is None else {column: alert}
        return tuple(walk.seen(sheet, under_way if row >= begun else {}, row, [column])[0] for row in range(count))

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

    def _worth(self, grid: Grid, first: int, due: Mask, alerts: Mapping[AlertKey, Alert]) -> Iterator[_Charge]:
        """Each rule with the columns it has to look at: where a slot is due, and a breach possible or under way."""
        under_way: dict[str, list[int]] = {name: [] for name in self._charges}
        for rule, series in alerts:
            under_way[rule].append(self._column[series])
        live = np.asarray(due.any(axis=0))
        for name, charge in self._charges.items():
            due_there = charge.over(live)
            past = grid.past(first, due.shape[0], _compact(due_there.columns))
            possible = charge.rule.kind.possible(past)
            if possible is not None:
                wanted = np.zeros(len(live), dtype=bool)
                wanted[due_there.columns[possible.any(axis=0)]] = True
                wanted[under_way[name]] = True
                due_there = due_there.over(wanted)
            yield due_there

    def _sheet(self, charge: _Charge, grid: Grid, first: int, due: Mask) -> _Sheet:
        past = grid.past(first, due.shape[0], _compact(charge.columns))
        values = _awake(charge.rule, past.now, first)
        if isinstance(charge.rule.kind, Measured):
            hot = charge.rule.kind.hot(past) & ~np.isnan(values)
            return _Sheet(charge, values, None, hot & due[:, charge.columns])
        reference = charge.rule.kind.reference(past)
        return _Sheet(charge, values, reference, charge.rule.kind.breach(values, reference) & due[:, charge.columns])


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

    def __init__(self, grid: Grid, first: int, due: Mask, sheets: Sequence[_Sheet]) -> None:
        self._grid = grid
        self._first = first
        self._due = due
        self._sheets = {sheet.charge.rule.name: sheet for sheet in sheets}
        self._hot = {sheet.charge.rule.name: _hot_columns(sheet) for sheet in sheets}
        self._references = {sheet.charge.rule.name: sheet.reference for sheet in sheets}
        self._alerts: dict[str, dict[int, Alert]] = {name: {} for name in self._sheets}
        self._barred: dict[int, int] = {}  # column: the last row that barred slots of it
        self._settled: dict[str, set[int]] = {name: set() for name in self._sheets}  # compared anew to the block's end

    def take(self, alerts: Mapping[AlertKey, Alert]) -> None:
        """Start from the alerts that were under way."""
        for (rule, series), alert in alerts.items():
            self._alerts[rule][self._grid.column[series]] = alert

    def give(self) -> dict[AlertKey, Alert]:
        """The alerts under way now."""
        return {(a.rule, a.series): a for alerts in self._alerts.values() for a in alerts.values()}

    def judge(self, row: int) -> list[Change]:
        """Judge one slot under every rule: what changed, by rule and series."""
        changes: list[Change] = []
        for name, sheet in self._sheets.items():
            if self._barred:
                self._refresh(sheet, row)
            columns = self._stepped(sheet, row)
            if columns:
                changes += self._over(sheet, row, columns)
                seen = self.seen(sheet, self._alerts[name], row, columns)
                for column, each in zip(columns, seen, strict=True):
                    self._step(sheet, row, column, each, changes)
        self._bar(row)
        return changes

    def _refresh(self, sheet: _Sheet, row: int) -> None:
        """Compare the series barred within this block with what may still serve, and see anew where that is a breach.

        Those whose reference is frozen are left out.
        """
        name, kind, position = sheet.charge.rule.name, sheet.charge.rule.kind, sheet.charge.position
        held = self._alerts[name].keys() if kind.frozen else frozenset()
        columns = sorted((self._barred.keys() & position.keys()) - held - self._settled[name])
        if sheet.reference is None or not columns:
            return
        if self._references[name] is sheet.reference:
            self._references[name] = sheet.reference.copy()  # it may be a part of the grid itself
        still = [column for column in columns if self._barred[column] == row - 1]
        settled = [column for column in columns if self._barred[column] < row - 1]
        self._settled[name].update(settled)
        for some, count in ((still, 1), (settled, len(sheet.values) - row)):
            if some:
                self._compare(sheet, row, count, some)

    def _compare(self, sheet: _Sheet, row: int, count: int, columns: list[int]) -> None:
        """Compare so many slots from this one on with what may still serve."""
        name, kind = sheet.charge.rule.name, sheet.charge.rule.kind
        fresh = kind.reference(self._grid.past(self._first + row * SLOT, count, np.array(columns, dtype=np.intp)))
        if fresh is None:
            return
        rows = slice(row, row + count)
        places = [sheet.charge.position[column] for column in columns]
        np.asarray(self._references[name])[rows, places] = fresh
        for later, breach in enumerate(kind.breach(sheet.values[rows, places], fresh).tolist(), row):
            hot = self._hot[name].setdefault(later, set())
            hot.difference_update(columns)
            hot.update(column for column, burns in zip(columns, breach, strict=True) if burns)

    def _stepped(self, sheet: _Sheet, row: int) -> list[int]:
        """The columns in which this slot begins an alert or is the next of one, by the name of their series."""
        name, position = sheet.charge.rule.name, sheet.charge.position
        columns = {column for column in self._alerts[name] if column in position} | self._hot[name].get(row, set())
        due = (column for column in columns if self._due[row, column])
        return sorted(due, key=self._grid.series.__getitem__)

    def _over(self, sheet: _Sheet, row: int, columns: Sequence[int]) -> Iterator[Change]:
        """The alerts that end because what they were about has, as a month does; a slot that is known must show it."""
        kind, alerts, slot = sheet.charge.rule.kind, self._alerts[sheet.charge.rule.name], self._first + row * SLOT
        if not isinstance(kind, Measured):
            return
        for column in columns:
            alert, value = alerts.get(column), sheet.values[row, sheet.charge.position[column]]
            if alert is not None and not np.isnan(value) and kind.is_over(alert.since, slot):
                del alerts[column]
                if alert.phase is Phase.FIRING:
                    yield Change(replace(alert, slot=slot), fired=False, reason=Reason.MONTH_OVER)

    def _step(self, sheet: _Sheet, row: int, column: int, seen: Seen, changes: list[Change]) -> None:
        charge, slot = sheet.charge, self._first + row * SLOT
        alerts = self._alerts[charge.rule.name]
        alert = alerts.pop(column, None)
        if alert is not None:
            after, change = lifecycle.step(charge.policy, alert, slot, seen)
        elif seen.breach:
            after, change = lifecycle.begin(charge.policy, charge.rule.name, self._grid.series[column], slot, seen)
        else:
            return
        if after is not None:
            alerts[column] = after
        if change is not None:
            changes.append(change)

    def seen(self, sheet: _Sheet, alerts: Mapping[int, Alert], row: int, columns: Sequence[int]) -> list[Seen]:
        """What one slot shows of these columns under a rule, with the alerts under way there."""
        kind = sheet.charge.rule.kind
        values = sheet.values[row, [sheet.charge.position[column] for column in columns]]
        if isinstance(kind, Measured):
            return [
                self._measured(sheet.charge.rule, alerts.get(column), row, column, value)
                for column, value in zip(columns, values.tolist(), strict=True)
            ]
        reference = self._reference(sheet, alerts, row, columns)
        breach = kind.breach(values, reference).tolist()
        cleared = [False] * len(columns)
        if any(_fires(alerts.get(column)) for column in columns):
            past = self._grid.past(self._first + row * SLOT, 1, np.array(columns, dtype=np.intp))
            cleared = kind.cleared(values, reference, past.back(DAY_SLOTS)[0]).tolist()
        against = [None] * len(columns) if reference is None else reference.tolist()
        return [
            Seen(value, compared, burns, over and _fires(alerts.get(column)), kind.direction(value, compared))
            for column, value, compared, burns, over in zip(
                columns, values.tolist(), against, breach, cleared, strict=True
            )
        ]

    def _measured(self, rule: Rule, alert: Alert | None, row: int, column: int, value: float) -> Seen:
        """Likewise of one column, for a kind that judges a figure of its own; ``value`` is the slot's."""
        kind, found = rule.kind, None
        if isinstance(kind, Measured) and not math.isnan(value):
            found = kind.measure(self._grid.past(self._first + row * SLOT, 1, np.array([column])))[0][0]
        if found is None:
            return Seen(math.nan, None, breach=False, cleared=False, direction=Direction.RISE)
        figure, level = np.asarray(found.value), np.asarray(found.reference)
        return Seen(
            value=found.value,
            reference=found.reference,
            breach=bool(kind.breach(figure, level)),
            cleared=_fires(alert) and bool(kind.cleared(figure, level, np.asarray(math.nan))),
            direction=kind.direction(found.value, found.reference),
            outlook=found.outlook,
        )

    def _reference(self, sheet: _Sheet, alerts: Mapping[int, Alert], row: int, columns: Sequence[int]) -> Array | None:
        """The frozen reference of an alert under way, else the live one."""
        live = self._references[sheet.charge.rule.name]
        if live is None:
            return None
        reference = live[row, [sheet.charge.position[column] for column in columns]]
        if sheet.charge.rule.kind.frozen:
            for place, column in enumerate(columns):
                alert = alerts.get(column)
                if alert is not None and alert.reference is not None:
                    reference[place] = alert.reference
        return reference

    def _bar(self, row: int) -> None:
        slot = self._first + row * SLOT
        for name, sheet in self._sheets.items():
            bars = sheet.charge.rule.kind.bars
            if bars is Bars.NOBODY:
                continue
            for column, alert in self._alerts[name].items():
                if alert.phase is Phase.FIRING and alert.slot == slot:
                    self._grid.bar(alert.series, alert.since if alert.fired == slot else slot, slot, bars)
                    self._barred[column] = row
                    for settled in self._settled.values():
                        settled.discard(column)


def _fires(alert: Alert | None) -> bool:
    return alert is not None and alert.phase is Phase.FIRING


def _hot_columns(sheet: _Sheet) -> dict[int, set[int]]:
    """The grid's columns in breach, by row; only rows that have any."""
    hot: dict[int, set[int]] = {}
    for row, position in np.argwhere(sheet.hot).tolist():
        hot.setdefault(row, set()).add(int(sheet.charge.columns[position]))
    return hot
