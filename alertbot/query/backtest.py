"""``replay RULE 7d``: when a rule as it is configured would have fired, by the code that judges live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from alertbot.alerts.engine import Engine
from alertbot.alerts.replay import Span, replay
from alertbot.config.watch import Watch
from alertbot.incidents.firings import Firing, FiringRecord
from alertbot.query.scope import Scope
from alertbot.rules.base import Direction, Rule
from alertbot.store.fired_alerts import count_fired
from alertbot.store.history import StoredHistory
from alertbot.store.schema import reading
from alertbot.units import DAY, SLOT

MOST_LISTED = 10

CELLS_A_SECOND = 1_200_000
"""Slots of series that a slow machine judges in a second under one rule; measured by tests/bench/answers.py."""

ALERTS_A_SECOND = 100
"""Alerts that fire and end in a replay in a second beside that: each has what follows on it judged anew."""


@dataclass(frozen=True)
class Backtest:
    """What a rule would have done in the slots ``first`` to ``last``; ``None`` where nothing is stored.

    ``series``: how many it judges. ``times``: how often it would have fired, on ``fired_on`` series; ``firing``: how
    many of these had not ended. ``lines``: the newest, up to ten.
    """

    rule: Rule
    asked: int
    first: int | None
    last: int | None
    series: int
    times: int
    fired_on: int
    firing: int
    worst: Firing | None
    lines: tuple[Firing, ...]


def seconds_needed(scope: Scope, rule: Rule, span: int) -> float:
    """About how long it takes at worst."""
    watch = scope.watch
    with reading(scope.path) as db:
        alerts = count_fired(db, int(scope.now - span))
    cells = span / SLOT * len(watch.selection[rule.name]) * len(_judged_with(watch, rule))
    return cells / CELLS_A_SECOND + alerts / ALERTS_A_SECOND


def backtest(scope: Scope, rule: Rule, span: int) -> Backtest:
    """Judge the last ``span`` seconds of stored history; what lies before serves as reference."""
    watch = scope.watch
    series = tuple(watch.selection[rule.name])
    with reading(scope.path) as db:
        engine = engine_of(watch, rule, series)
        first = int(scope.now - span) // SLOT * SLOT
        history = _Lately(db, series, first - engine.depth * SLOT)
        days = history.days()
        if not series or not days or not history.ends:
            return Backtest(rule, span, None, None, len(series), 0, 0, 0, None, ())
        record = FiringRecord(watch.rules)
        for change in replay(engine, history, Span(first), watch.mutes):
            if change.alert.rule == rule.name:
                record.add(change)
        found = record.firings
    return Backtest(
        rule=rule,
        asked=span,
        first=max(first, history.begins),
        last=history.ends,
        series=len(series),
        times=len(found),
        fired_on=len({each.series for each in found}),
        firing=sum(each.ended is None for each in found),
        worst=max(found, key=lambda each: each.off, default=None),
        lines=tuple(sorted(found, key=lambda each: (-each.fired.slot, each.series))[:MOST_LISTED]),
    )


def engine_of(watch: Watch, rule: Rule, series: Sequence[str]) -> Engine:
    """Judges by the rule over its series, and those whose alerts keep slots of them from serving as a reference."""
    rules = _judged_with(watch, rule)
    wanted = set(series)
    selection = {each.name: [name for name in watch.selection[each.name] if name in wanted] for each in rules}
    return Engine(rules, selection, series)


def _judged_with(watch: Watch, rule: Rule) -> list[Rule]:
    """The rule, and those whose alerts keep slots from serving as its reference."""
    return [
        each for each in watch.rules.values() if each.name == rule.name or any(map(each.kind.sets_aside, Direction))
    ]


class _Lately(StoredHistory):
    """The stored history from the day of a slot on."""

    def __init__(self, database: Database, series: Sequence[str], first: int) -> None:
        super().__init__(database, series)
        self._first_day = first // DAY
        begins, ends = self._spans
        known = ends >= 0
        self.begins = int(begins[known].min()) if known.any() else 0
        self.ends = int(ends[known].max()) if known.any() else 0

    def days(self) -> Sequence[int]:
        return [day for day in super().days() if day >= self._first_day]
