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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alertbot.alerts.judged_block import AppliedRule
from alertbot.alerts.learned_silence import LearnedSilence, learned_silences
from alertbot.alerts.lifecycle import Alert, AlertKey, Change, Outcome, Phase, Reason, Seen
from alertbot.alerts.walk import Walk, ended_episode
from alertbot.rules.base import Mask, Rule
from alertbot.rules.episodes import Episode
from alertbot.rules.grid import Grid
from alertbot.units import SLOT

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


class Engine:
    """The rules, laid over the series of a grid. ``selection`` maps each rule's name to the series it judges."""

    def __init__(self, rules: Sequence[Rule], selection: Mapping[str, Sequence[str]], series: Sequence[str]) -> None:
        self._column = {name: position for position, name in enumerate(series)}
        self._applied = {
            rule.name: AppliedRule.to(
                rule, [self._column[name] for name in selection[rule.name] if name in self._column]
            )
            for rule in sorted(rules, key=lambda rule: rule.name)
            if rule.enabled
        }
        self.depth = max((applied.rule.kind.reach for applied in self._applied.values()), default=0)

    def depth_of(self, series: str) -> int:
        """How many slots back the rules look that judge one series."""
        column = self._column[series]
        judging = (applied.rule.kind for applied in self._applied.values() if column in applied.position)
        return max((kind.reach for kind in judging), default=0)

    def judge(
        self, grid: Grid, first: int, due: Mask, alerts: Mapping[AlertKey, Alert], *, needs_ack: bool = False
    ) -> Judgement:
        """Judge the slots from ``first`` on where ``due`` (slots x series of the grid) says so; sets slots aside.

        A due slot whose value is NaN is passed over for good. ``alerts`` are those under way before ``first``.
        ``needs_ack``: whether what is critical is taken as the new normal only once somebody acknowledged it; a replay
        takes all as acknowledged.
        """
        changes: list[Change] = []
        restored: list[Episode] = []
        rows = max(MOST_CELLS // max(due.shape[1], 1), 1)
        for start in range(0, due.shape[0], rows):
            part, begin = due[start : start + rows], first + start * SLOT
            walk = Walk(self._applied, grid, begin, part, alerts, needs_ack=needs_ack)
            changes += [change for row in range(len(part)) for change in walk.judge(row)]
            alerts = walk.give()
            restored += walk.restored
        return Judgement(alerts, tuple(changes), tuple(restored))

    def is_made_of(self, alert: Alert, slots: Iterable[int]) -> bool:
        """Whether any of these slots of its series is one of an alert's own, or may have made its reference."""
        depends_on = self._applied[alert.rule].rule.kind.depends_on
        own = range(alert.since, alert.slot + SLOT, SLOT)
        return any(
            slot >= alert.since or any(depends_on((each - slot) // SLOT) for each in own)
            for slot in slots
            if slot <= alert.slot
        )

    def rerun(self, grid: Grid, alert: Alert, *, needs_ack: bool = False) -> Outcome:
        """What the alert's lifecycle, run from its first slot to its last on present values, comes to.

        What was set aside before it began is as it stood then. The change is the first end of what fired meanwhile.
        """
        applied, series = self._applied[alert.rule], alert.series
        depth, count = applied.rule.kind.reach, (alert.slot - alert.since) // SLOT + 1
        column = np.array([self._column[series]], dtype=np.intp)
        alone, begin = Grid((series,)), alert.since - depth * SLOT
        alone.put(series, begin, grid.values(begin, depth + count, column)[:, 0])
        alone.aside.take(grid.aside, series, alert.since)
        only = {alert.rule: applied.only(np.array([0], dtype=np.intp))}
        walk = Walk(only, alone, alert.since, np.ones((count, 1), dtype=bool), {}, needs_ack=needs_ack)
        changes = [change for row in range(count) for change in walk.judge(row)]
        end = next((change for change in changes if not change.fired), None)
        return walk.give().get((alert.rule, series)), end

    def set_aside(self, grid: Grid, end: Change) -> None:
        """Set aside the slots of an alert that is over, up to its end."""
        if self._applied[end.alert.rule].rule.kind.sets_aside(end.alert.direction):
            grid.aside.record(ended_episode(end))

    def seen(self, grid: Grid, key: AlertKey, first: int, count: int, alert: Alert | None = None) -> tuple[Seen, ...]:
        """What ``count`` slots from ``first`` on show under one rule, as the lifecycle is told of them.

        ``alert``: the one under way, whose frozen reference counts from its first slot on.
        """
        rule, series = key
        column, applied = self._column[series], self._applied[rule]
        only = {rule: applied.only(np.array([column], dtype=np.intp))}
        due = np.ones((count, len(grid.series)), dtype=bool)
        walk = Walk(only, grid, first, due, {})
        begun = count if alert is None else max((alert.since - first) // SLOT, 0)
        return tuple(
            walk.seen(rule, None if row < begun else alert, row, column, anew=row >= begun) for row in range(count)
        )

    def learned_silences(self, grid: Grid, first: int, due: Mask) -> tuple[LearnedSilence, ...]:
        """What begins to be silent in the slots from ``first`` on, and is no outage only since alerts taught that."""
        return tuple(learned_silences(self._applied.values(), grid, first, due))

    def recall(self, grid: Grid, alerts: Mapping[AlertKey, Alert]) -> dict[AlertKey, Alert]:
        """The alerts, with what they fired on where an earlier version did not store it: as it was at their begin."""
        return {key: self._recalled(grid, alert) for key, alert in alerts.items()}

    def _recalled(self, grid: Grid, alert: Alert) -> Alert:
        applied = self._applied.get(alert.rule)
        if alert.phase is not Phase.FIRING or alert.fired_on is not None or applied is None:
            return alert
        if applied.rule.kind.frozen or self._column.get(alert.series) not in applied.position:
            return replace(alert, fired_on=alert.reference)
        found = self.seen(grid, (alert.rule, alert.series), alert.since, 1)[0].reference
        return replace(alert, fired_on=alert.reference if found is None or math.isnan(found) else found)

    def settle(self, alerts: Mapping[AlertKey, Alert], foreign: Collection[AlertKey] = ()) -> Judgement:
        """What the present rules make of stored alerts: those end whose series, or direction, no rule judges any more.

        ``foreign``: those that a rule of the same name but another kind fired, which end as well.
        """
        kept, changes = {}, []
        for key, alert in sorted(alerts.items()):
            if key not in foreign and self._judges(alert):
                kept[key] = alert
            elif alert.phase is Phase.FIRING:
                changes.append(Change(alert, fired=False, reason=Reason.RULE_CHANGED))
        return Judgement(kept, tuple(changes))

    def _judges(self, alert: Alert) -> bool:
        """Whether the rule of this name judges the alert's series, and looks for breaches in its direction."""
        applied = self._applied.get(alert.rule)
        if applied is None or self._column.get(alert.series) not in applied.position:
            return False
        return applied.rule.kind.looks_for(alert.direction)
