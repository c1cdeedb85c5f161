"""A walk over a block of slots, one after the other, with the alerts that are under way.

What every rule makes of the block is computed once, as arrays. A series whose alert fires or ends is judged anew from
the next slot on, since what is set aside has changed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alertbot.alerts import lifecycle
from alertbot.alerts.judged_block import (
    AppliedRule,
    JudgedBlock,
    JudgedSeries,
    compact,
    fired_on,
    fires,
    judge,
    kept_reference,
    of_series,
    over,
    seen_of_measured,
    usual_level,
    while_active,
)
from alertbot.alerts.lifecycle import Alert, AlertKey, Change, Phase, Reason, Seen
from alertbot.alerts.new_normal import OldLevels
from alertbot.rules.base import Array, Judged, Mask, Rule, Severity
from alertbot.rules.episodes import Episode
from alertbot.rules.grid import Grid, GridPast
from alertbot.rules.measured import Measured
from alertbot.units import NEVER, SLOT


class Walk:
    """One pass over a block, slot after slot, with the alerts under way by rule and column.

    ``needs_ack``: whether what is critical is taken as the new normal only once somebody acknowledged it.
    """

    def __init__(
        self,
        applied: Mapping[str, AppliedRule],
        grid: Grid,
        first: int,
        due: Mask,
        alerts: Mapping[AlertKey, Alert],
        *,
        needs_ack: bool = False,
    ) -> None:
        self.restored: list[Episode] = []
        self._grid = grid
        self._first = first
        self._due = due
        self._needs_ack = needs_ack
        self._applied = applied
        judged = np.asarray(due.any(axis=0))
        # A poll judges series after series, each in a block of its own: what the others do is left alone.
        self._others: dict[AlertKey, Alert] = {}
        self._alerts: dict[str, dict[int, Alert]] = {name: {} for name in applied}
        for key, alert in alerts.items():
            rule, series = key
            if not judged[grid.column[series]]:
                self._others[key] = alert
                continue
            self._alerts[rule][grid.column[series]] = alert
            if alert.phase is Phase.FIRING:
                # A prompt series may have been judged to beyond this block already.
                self._set_aside(alert, max(alert.slot, self._last))
        self._old_levels = OldLevels(applied, grid, first, due)
        self._blocks = {name: self._judged_block(each) for name, each in applied.items()}
        for name, under_way in self._alerts.items():
            self._judge_anew(name, sorted(under_way), 0)

    @property
    def _last(self) -> int:
        return self._first + (len(self._due) - 1) * SLOT

    def give(self) -> dict[AlertKey, Alert]:
        """The alerts under way now; what was set aside beyond what they were judged to is not any more."""
        for alerts in self._alerts.values():
            for alert in alerts.values():
                if alert.phase is Phase.FIRING and alert.slot < self._last:
                    self._set_aside(alert, alert.slot)
        judged = {(a.rule, a.series): a for alerts in self._alerts.values() for a in alerts.values()}
        return self._others | judged

    def judge(self, row: int) -> list[Change]:
        """Judge one slot under every rule: what changed, by rule and series."""
        changes: list[Change] = []
        moved: dict[str, set[int]] = {}
        for name, block in self._blocks.items():
            for column in self._stepped(name, block, row):
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
            if alert.direction is ended.direction and self._applied[name].policy.accept_slots is not None:
                del alerts[column]
                # Outside of its own hours it was shown this slot as unknown.
                alert = replace(alert, value=ended.value, levels=ended.levels)
                yield Change(alert, fired=False, reason=Reason.NEW_NORMAL)

    def _judged_block(self, applied: AppliedRule) -> JudgedBlock:
        """The block under a rule: the series where a slot is due, and a breach possible."""
        rule = applied.rule
        asked = np.array(self._due.any(axis=0))
        if not isinstance(rule.kind, Measured):  # what an alert is under way of is judged anew in any case
            asked[list(self._alerts[rule.name])] = False
        applied = applied.where(asked)
        possible = rule.kind.possible(self._past(applied.columns))
        if possible is not None:
            wanted = np.zeros(self._due.shape[1], dtype=bool)
            wanted[applied.columns[possible.any(axis=0)]] = True
            applied = applied.where(wanted)
        past = self._past(applied.columns)
        judged = self._judge(rule, past, applied.columns, 0, None)
        in_breach: dict[int, set[int]] = {}
        for row, position in np.argwhere(judged.breach & self._due[:, applied.columns]).tolist():
            in_breach.setdefault(row, set()).add(int(applied.columns[position]))
        return JudgedBlock(applied, while_active(rule, past.now, self._first), judged, in_breach)

    def _judge(
        self, rule: Rule, past: GridPast, columns: Sequence[int] | NDArray[np.intp], row: int, fixed: Array | None
    ) -> Judged:
        """What a rule makes of the rest of the block."""
        judged = judge(rule, past, fixed)
        if judged.reference is not None:  # a fixed limit is none of what is usual
            self._old_levels.forgive(rule.kind, past.now, judged.breach, columns, row)
        return judged

    def _past(self, columns: NDArray[np.intp], row: int = 0) -> GridPast:
        return self._grid.past(self._first + row * SLOT, len(self._due) - row, compact(columns))

    def _slot(self, row: int, column: int) -> GridPast:
        """One slot of one series."""
        return self._grid.past(self._first + row * SLOT, 1, np.array([column], dtype=np.intp))

    def _judge_anew(self, name: str, columns: Sequence[int], row: int) -> None:
        """Judge some series anew from a row to the end of the block."""
        applied, block = self._applied[name], self._blocks[name]
        rule = applied.rule
        columns = [column for column in columns if column in applied.position]
        if not columns or row >= len(self._due) or isinstance(rule.kind, Measured):
            return
        past = self._past(np.array(columns, dtype=np.intp), row)
        alerts = [self._alerts[name].get(column) for column in columns]
        firing = [place for place, alert in enumerate(alerts) if fires(alert)]
        cuts = np.array([NEVER if alert is None or not fires(alert) else alert.since for alert in alerts])
        fixed = np.array([kept_reference(rule, alert) for alert in alerts])
        judged = self._judge(rule, past.without(cuts) if firing else past, columns, row, fixed)
        ended = np.zeros(judged.breach.shape, dtype=bool)
        if firing:
            fired = np.array([fired_on(alerts[place]) for place in firing])
            ended[:, firing] = over(rule, past.without(cuts).only(np.array(firing, dtype=np.intp)), fired)
        values = while_active(rule, past.now, self._first + row * SLOT)
        due = self._due[row:, columns]
        for place, column in enumerate(columns):
            block.forget_breaches(column, row)
            for later in np.flatnonzero(judged.breach[:, place] & due[:, place]).tolist():
                block.in_breach.setdefault(row + later, set()).add(column)
            block.anew[column] = JudgedSeries(row, values[:, place], of_series(judged, place), ended[:, place])

    def _stepped(self, name: str, block: JudgedBlock, row: int) -> list[int]:
        """The columns in which this slot begins an alert or is the next of one, by the name of their series."""
        columns = self._alerts[name].keys() | block.in_breach.get(row, set())
        due = (column for column in columns if self._due[row, column])
        return sorted(due, key=self._grid.series.__getitem__)

    def _month_over(self, name: str, row: int, column: int) -> Iterator[Change]:
        """The alert that ends because what it was about has, as a month does; a slot that is known must show it."""
        kind, alerts, slot = self._applied[name].rule.kind, self._alerts[name], self._first + row * SLOT
        alert = alerts.get(column)
        if not isinstance(kind, Measured) or alert is None or math.isnan(self._blocks[name].value(row, column)):
            return
        if kind.is_over(alert.since, slot):
            del alerts[column]
            if alert.phase is Phase.FIRING:
                yield Change(replace(alert, slot=slot), fired=False, reason=Reason.MONTH_OVER)

    def _step(self, name: str, row: int, column: int, changes: list[Change]) -> bool:
        """Take an alert on by one slot; whether its series is to be compared otherwise from the next slot on."""
        applied, slot, alerts = self._applied[name], self._first + row * SLOT, self._alerts[name]
        alert, before = alerts.pop(column, None), len(changes)
        seen = self.seen(name, alert, row, column)
        if alert is not None:
            policy = applied.policy.without_acceptance if self._waits_for_ack(alert, column) else applied.policy
            after, change = lifecycle.step(policy, alert, slot, seen)
            if change is not None and not change.fired and after is not None:
                changes.append(self._with_usual(change, row, column))
                after, change = lifecycle.fire_if_shown(policy, after)
        elif seen.breach:
            after, change = lifecycle.begin(applied.policy, name, self._grid.series[column], slot, seen)
        else:
            return False
        if after is not None:
            alerts[column] = after
        if change is not None:
            changes.append(self._with_usual(change, row, column))
        return len(changes) > before or (applied.rule.kind.frozen and (alert is None) != (after is None))

    def _waits_for_ack(self, alert: Alert, column: int) -> bool:
        """Whether a critical alert of this series and direction fires that nobody has acknowledged."""
        if not self._needs_ack:
            return False
        others = (alerts[column] for alerts in self._alerts.values() if column in alerts)
        return any(
            fires(each) and each.direction is alert.direction and self._is_unacknowledged(each)
            for each in (alert, *others)
        )

    def _is_unacknowledged(self, alert: Alert) -> bool:
        rule = self._applied[alert.rule].rule
        return rule.severity is Severity.CRITICAL and not rule.trial and not alert.acknowledged

    def _with_usual(self, change: Change, row: int, column: int) -> Change:
        """The change of an alert that is over, with what is usual then."""
        alert, rule = change.alert, self._applied[change.alert.rule].rule
        if change.reason is not Reason.CLEARED:
            return change
        level = usual_level(rule, self._slot(row, column).without(np.array([alert.since])))
        usual = math.nan if level is None else float(level[0, 0])
        return change if math.isnan(usual) else replace(change, alert=replace(alert, usual=usual))

    def _take_effect(self, row: int, changes: Sequence[Change], moved: Mapping[str, set[int]]) -> None:
        """Set aside what fired and no longer what ended, and judge anew what that concerns."""
        touched: set[int] = set()
        for change in changes:
            alert = change.alert
            if self._applied[alert.rule].rule.kind.sets_aside(alert.direction):
                if change.fired:
                    self._set_aside(alert, self._last)
                else:
                    self._grid.aside.record(ended_episode(change))
                touched.add(self._grid.column[alert.series])
        for episode in self._old_levels.ended(row):
            self._grid.aside.record(episode)
            self.restored.append(episode)
            touched.add(self._grid.column[episode.series])
        for column in touched:
            self._old_levels.look_again(self._grid.series[column], row + 1)
        for name in self._blocks:
            self._judge_anew(name, sorted(touched | moved.get(name, set())), row + 1)

    def _set_aside(self, alert: Alert, last: int) -> None:
        if self._applied[alert.rule].rule.kind.sets_aside(alert.direction):
            self._grid.aside.record(_episode(alert, last))

    def seen(self, name: str, alert: Alert | None, row: int, column: int, *, anew: bool = False) -> Seen:
        """What one slot shows of a series under a rule; ``anew``: with this alert, which the walk does not know of."""
        rule, block = self._applied[name].rule, self._blocks[name]
        if anew:
            self._alerts[name] = {} if alert is None else {column: alert}
            self._judge_anew(name, [column], row)
        if column not in block.anew and column not in block.applied.position:
            self._judge_anew(name, [column], row)
        if isinstance(rule.kind, Measured):
            known = not math.isnan(self._blocks[name].value(row, column))
            return seen_of_measured(rule.kind, self._slot(row, column) if known else None, fires=fires(alert))
        return block.series(column).seen(rule, alert, row)


def ended_episode(change: Change) -> Episode:
    """The slots of an alert that is over: from the one that resolves it on, nothing is set aside for it any more."""
    alert = change.alert
    settled = alert.settled if change.reason is Reason.NEW_NORMAL else None
    episode = _episode(alert, alert.slot - SLOT)
    return replace(episode, ended=True, accepted=None if settled is None else settled.since)


def _episode(alert: Alert, last: int) -> Episode:
    return Episode(
        alert.rule, alert.series, alert.since, last, alert.direction, alert.fired_on, handled=alert.acknowledged
    )
