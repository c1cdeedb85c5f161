"""The engine: walks the grid over the slots that are due, rule by rule, and says which alerts fired and resolved.

Whatever the number of slots, a live poll's one or a replay's 288, the same code decides. References and breaches are
computed for the whole block as arrays; Python steps only through the cells where an alert is under way or begins.

An alert of a ``drop`` bars its slots from later references. Bars take effect after all rules have judged a slot, so
that the order of rules decides nothing; for a series barred within the block, references are then computed slot by
slot.

Outside its ``active`` windows a rule is shown a slot as unknown: whatever its value, it neither fires nor resolves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alertbot.alerts import lifecycle
from alertbot.alerts.lifecycle import Alert, Change, Phase, Policy, Reason, Seen
from alertbot.rules.base import Array, Mask, Rule
from alertbot.rules.grid import Grid
from alertbot.units import DAY_SLOTS, SLOT

AlertKey = tuple[str, str]
"""Rule name and series."""


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

    def judge(self, grid: Grid, first: int, due: Mask, alerts: Mapping[AlertKey, Alert]) -> Judgement:
        """Judge the slots from ``first`` on where ``due`` (slots x series of the grid) says so; bars slots in the grid.

        A due slot whose value is NaN is passed over for good. ``alerts`` are those under way before ``first``.
        """
        walk = _Walk(grid, first, due, [self._sheet(charge, grid, first, due) for charge in self._charges.values()])
        walk.take(alerts)
        changes = [change for row in range(due.shape[0]) for change in walk.judge(row)]
        return Judgement(walk.give(), tuple(changes))

    def rerun(self, grid: Grid, alert: Alert) -> Alert | None:
        """What the alert's lifecycle, run from its first slot to its last on present values, comes to."""
        column, count = self._column[alert.series], (alert.slot - alert.since) // SLOT + 1
        due = np.zeros((count, len(grid.series)), dtype=bool)
        due[:, column] = True
        charge = self._charges[alert.rule]
        only = _Charge(charge.rule, charge.policy, np.array([column], dtype=np.intp), {column: 0})
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
        only = _Charge(charge.rule, charge.policy, np.array([column], dtype=np.intp), {column: 0})
        due = np.ones((count, len(grid.series)), dtype=bool)
        sheet = self._sheet(only, grid, first, due)
        walk = _Walk(grid, first, due, [sheet])
        begun = count if alert is None else (alert.since - first) // SLOT
        return tuple(walk.seen(sheet, alert if row >= begun else None, row, column) for row in range(count))

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

    def _sheet(self, charge: _Charge, grid: Grid, first: int, due: Mask) -> _Sheet:
        past = grid.past(first, due.shape[0], charge.columns)
        values, reference = _awake(charge.rule, past.now, first), charge.rule.kind.reference(past)
        return _Sheet(charge, values, reference, charge.rule.kind.breach(values, reference) & due[:, charge.columns])


def _charge(rule: Rule, columns: Iterable[int]) -> _Charge:
    ordered = np.array(sorted(columns), dtype=np.intp)
    policy = Policy(rule.for_slots, rule.clear_slots, rule.within_slots, rule.accept_slots)
    return _Charge(rule, policy, ordered, {int(column): position for position, column in enumerate(ordered)})


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
        self._alerts: dict[str, dict[int, Alert]] = {name: {} for name in self._sheets}
        self._barred: set[int] = set()

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
            alerts = self._alerts[name]
            stepped = (self._hot[name].get(row, set()) | alerts.keys() | self._barred) & sheet.charge.position.keys()
            for column in sorted(stepped, key=self._grid.series.__getitem__):
                if self._due[row, column]:
                    self._step(sheet, alerts, row, column, changes)
        self._bar(row)
        return changes

    def _step(self, sheet: _Sheet, alerts: dict[int, Alert], row: int, column: int, changes: list[Change]) -> None:
        charge, slot = sheet.charge, self._first + row * SLOT
        seen = self.seen(sheet, alerts.get(column), row, column)
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

    def seen(self, sheet: _Sheet, alert: Alert | None, row: int, column: int) -> Seen:
        """What one slot shows under a rule, with the alert under way there."""
        kind, position = sheet.charge.rule.kind, sheet.charge.position[column]
        value = np.asarray(sheet.values[row, position])
        reference = self._reference(sheet, alert, row, column)
        firing = alert is not None and alert.phase is Phase.FIRING
        return Seen(
            value=float(value),
            reference=None if reference is None else float(reference),
            breach=bool(kind.breach(value, reference)),
            cleared=firing and bool(kind.cleared(value, reference, self._day_before(row, column))),
            direction=kind.direction(float(value)),
        )

    def _day_before(self, row: int, column: int) -> Array:
        past = self._grid.past(self._first + row * SLOT, 1, np.array([column]))
        return past.back(DAY_SLOTS)[0, :1].reshape(())

    def _reference(self, sheet: _Sheet, alert: Alert | None, row: int, column: int) -> Array | None:
        """The frozen reference of an alert under way, else the live one, with what was barred within this block."""
        if sheet.reference is None:
            return None
        if alert is not None and alert.reference is not None and sheet.charge.rule.kind.frozen:
            return np.asarray(alert.reference)
        if column not in self._barred:
            return np.asarray(sheet.reference[row, sheet.charge.position[column]])
        fresh = sheet.charge.rule.kind.reference(self._grid.past(self._first + row * SLOT, 1, np.array([column])))
        return None if fresh is None else np.asarray(fresh[0, 0])

    def _bar(self, row: int) -> None:
        slot = self._first + row * SLOT
        for name, sheet in self._sheets.items():
            if not sheet.charge.rule.kind.bars:
                continue
            for column, alert in self._alerts[name].items():
                if alert.phase is Phase.FIRING and alert.slot == slot:
                    self._grid.bar(alert.series, alert.since if alert.fired == slot else slot, slot)
                    self._barred.add(column)


def _hot_columns(sheet: _Sheet) -> dict[int, set[int]]:
    """The grid's columns in breach, by row; only rows that have any."""
    hot: dict[int, set[int]] = {}
    for row, position in np.argwhere(sheet.hot).tolist():
        hot.setdefault(row, set()).add(int(sheet.charge.columns[position]))
    return hot
