"""``why``: what each rule made of a series' last slots, and what keeps its alert from being posted.

Nothing here decides: the engine and the kinds are run again over the stored slots, and what suppresses an alert is
asked of ``Suppression``, as the service asks it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from sqlite_utils import Database

from alertbot.alerts.engine import Engine
from alertbot.alerts.lifecycle import Alert, Phase, Seen
from alertbot.alerts.mutes import keep_out
from alertbot.incidents.incident import FiredAlert
from alertbot.query.live import Live
from alertbot.query.scope import Scope
from alertbot.query.suppressed import SuppressedBy, WhySuppressed
from alertbot.query.trend import MOST, Trend, compared
from alertbot.query.why_facts import Basis, ExpectedRange, Missing, RuleWhy, SetAside, SlotWhy, Why
from alertbot.rules.base import Rule
from alertbot.rules.grid import Grid
from alertbot.rules.terms import Term
from alertbot.store import alerts, fired_alerts, samples
from alertbot.store.schema import reading
from alertbot.units import DAY, SLOT

MOST_SHOWN = 4
"""Slots shown of a rule, unless it looks at fewer."""


WEEK = 7 * DAY

ASIDE_SHOWN = 8 * DAY
"""Seconds of slots within which it is shown what was set aside."""


def why(scope: Scope, series: str, at: int | None = None) -> Why:
    """What every rule makes of a series: of its last slots, or of those up to ``at``."""
    watch, live = scope.watch, scope.live
    with reading(scope.path) as db:
        cursor = samples.cursor(db, series)
        meaning = [rule for name, rule in watch.rules.items() if series in watch.selection.get(name, ())]
        last = cursor if at is None or cursor is None else min(at, cursor)
        inquiry = Inquiry(db, scope)
        found = inquiry.explain(series, meaning) if last == cursor else inquiry.explain_then(series, meaning, last)
        set_aside = () if cursor is None else _set_aside(db, series, cursor)
        begun = samples.begun(db).get(series)
        value = None if last is None else _known(samples.sum_of(db, (series,), last, last)[0])
        trend = None if last is None else last_trend(db, series, last)
    held = live.held.get(series, 0)
    return Why(
        series=series,
        cursor=cursor,
        value=value,
        frontier=live.frontier,
        held=held,
        waiting=_waiting(cursor, live.frontier, held),
        unreadable=live.unreadable.get(series),
        trouble=live.trouble,
        gone=series in live.gone,
        rules=tuple(sorted(found, key=lambda each: (each.weight, each.rule.name))),
        others=tuple(sorted(watch.rules.keys() - {rule.name for rule in meaning})),
        disabled=tuple(watch.disabled),
        set_aside=set_aside,
        at=None if last == cursor else last,
        learned_at=_learned_at(begun, live),
        trend=trend,
    )


def last_trend(db: Database, series: str, last: int) -> Trend:
    """A series' slots up to ``last``, as many as a chart has room for, beside a day and a week earlier."""
    return compared(samples.sum_of(db, (series,), last - (MOST - 1) * SLOT - WEEK, last), MOST, last)


def _set_aside(db: Database, series: str, cursor: int) -> tuple[SetAside, ...]:
    """Of the days that are usual at this time."""
    since = cursor - ASIDE_SHOWN
    fired = fired_alerts.fired_between(db, series, since, cursor)
    told_in = {(each.alert.rule, each.alert.since): each.incident for each in fired}
    found = (
        SetAside(each.rule, each.first, each.last, told_in.get(each.key), each.accepted)
        for each in alerts.episodes(db, since)
        if each.series == series
    )
    return tuple(sorted(found, key=lambda each: (-each.first, each.rule)))


def _learned_at(begun: int | None, live: Live) -> float | None:
    if begun is None or live.frontier is None or live.frontier >= begun + live.learns_for:
        return None
    return begun + live.learns_for + live.now - live.frontier


def _waiting(cursor: int | None, frontier: int | None, held: float) -> int:
    if cursor is None or frontier is None:
        return 0
    return max((frontier - cursor) // SLOT - math.ceil(held / SLOT), 0)


class Inquiry:
    """Looks into single series, with one open database."""

    def __init__(self, db: Database, scope: Scope) -> None:
        self._db = db
        self._watch = scope.watch
        self.suppressed = WhySuppressed(db, scope)

    def explain(self, series: str, rules: Sequence[Rule]) -> tuple[RuleWhy, ...]:
        """What each of these rules makes of the last slots of a series."""
        cursor = samples.cursor(self._db, series)
        if cursor is None or not rules:
            return ()
        engine, grid = self._laid_out(series, rules, cursor)
        return tuple(self._rule(engine, grid, rule, cursor) for rule in rules)

    def explain_then(self, series: str, rules: Sequence[Rule], slot: int | None) -> tuple[RuleWhy, ...]:
        """What each of these rules makes, by present values, of the slots up to an earlier one, with its alert then."""
        if slot is None or not rules:
            return ()
        engine, grid = self._laid_out(series, rules, slot)
        fired = {each.alert.rule: each for each in fired_alerts.fired_between(self._db, series, slot, slot)}
        return tuple(self._then(engine, grid, rule, slot, fired.get(rule.name)) for rule in rules)

    def _then(self, engine: Engine, grid: Grid, rule: Rule, slot: int, fired: FiredAlert | None) -> RuleWhy:
        return self._found(engine, grid, rule, slot, None if fired is None else fired.alert, fired, None)

    def why_it_fired(self, fired: FiredAlert) -> RuleWhy | None:
        """What the rule makes, by present values, of the slots that made an alert fire; ``None`` where it is gone."""
        name, series = fired.key
        rule, slot = self._watch.rules.get(name), fired.alert.fired
        if rule is None or slot is None or series not in self._watch.selection.get(name, ()):
            return None
        engine, grid = self._laid_out(series, [rule], slot)
        suppressed_by = self.suppressed.of_firing(fired) if fired.resolved is None else None
        return self._found(engine, grid, rule, slot, fired.alert, fired, suppressed_by)

    def _laid_out(self, series: str, rules: Sequence[Rule], last: int) -> tuple[Engine, Grid]:
        """An engine of these rules over this series alone, and what they look at up to a slot."""
        engine = Engine(rules, {rule.name: (series,) for rule in rules}, (series,))
        return engine, self._grid(series, last - (engine.depth + max(map(_shown, rules))) * SLOT, last)

    def _grid(self, series: str, first: int, last: int) -> Grid:
        grid = Grid((series,))
        grid.put(series, first, samples.sum_of(self._db, (series,), first, last))
        for episode in alerts.episodes(self._db, first):
            if episode.series == series and episode.first <= last:
                grid.aside.record(replace(episode, last=min(episode.last, last)))
        keep_out(grid, self._watch.mutes)
        return grid

    def _rule(self, engine: Engine, grid: Grid, rule: Rule, cursor: int) -> RuleWhy:
        series = grid.series[0]
        alert = fired_alerts.open_alert(self._db, rule.name, series)
        fired = fired_alerts.last_fired(self._db, rule.name, series)
        suppressed_by = self._suppressed_by(rule, series, alert, fired, cursor)
        return self._found(engine, grid, rule, cursor, alert, fired, suppressed_by)

    def _found(
        self,
        engine: Engine,
        grid: Grid,
        rule: Rule,
        slot: int,
        alert: Alert | None,
        fired: FiredAlert | None,
        suppressed_by: SuppressedBy | None,
    ) -> RuleWhy:
        """``slot``: the last one to look at."""
        series, count = grid.series[0], _shown(rule)
        first = slot - (count - 1) * SLOT
        seen = engine.seen(grid, (rule.name, series), first, count, alert)
        judged = tuple(_judged(grid, rule, first + row * SLOT, each) for row, each in enumerate(seen))
        missing = judged[-1].missing
        return RuleWhy(
            rule=rule,
            series=series,
            judged=judged,
            terms=() if missing else _terms(rule, seen[-1]),
            basis=_basis(grid, rule, slot) if missing is Missing.REFERENCE else None,
            alert=alert,
            told=fired,
            suppressed_by=suppressed_by,
            usual=None if missing else _usual(grid, rule, slot),
        )

    def _suppressed_by(
        self, rule: Rule, series: str, alert: Alert | None, fired: FiredAlert | None, cursor: int
    ) -> SuppressedBy | None:
        if alert is not None and fired is not None and alert.phase is Phase.FIRING:
            return self.suppressed.of_firing(fired)
        return self.suppressed.if_it_fired(rule, series, cursor)


def _shown(rule: Rule) -> int:
    return min(max(rule.for_slots, 2), MOST_SHOWN)


def _judged(grid: Grid, rule: Rule, slot: int, seen: Seen) -> SlotWhy:
    value = float(grid.values(slot, 1)[0, 0])  # what a rule that is not active is not shown
    missing = None
    if math.isnan(value):
        missing = Missing.VALUE
    elif rule.active is not None and not rule.active.holds_at(slot):
        missing = Missing.INACTIVE
    elif seen.unknown:
        missing = Missing.REFERENCE
    reference = None if seen.reference is None else _known(seen.reference)
    return SlotWhy(slot, _known(value), reference, seen.breach, seen.cleared, missing)


def _terms(rule: Rule, seen: Seen) -> tuple[Term, ...]:
    return rule.kind.terms(seen.value, rule.kind.named(seen.reference, by_usual=seen.by_usual), seen.outlook)


def _basis(grid: Grid, rule: Rule, slot: int) -> Basis | None:
    backs = rule.kind.looks_at
    if not backs:
        return None
    pairs = list(_looked_at(grid, slot, backs))
    depth = rule.kind.depth
    held = np.flatnonzero(~np.isnan(grid.values(slot - depth * SLOT, depth + 1)[:, 0]))
    begins = None if not len(held) else rule.kind.begins(slot - (depth - int(held[0])) * SLOT)
    known, barred = sum(known for known, _ in pairs), sum(known and not usable for known, usable in pairs)
    return Basis(len(pairs), known, barred, begins)


def _usual(grid: Grid, rule: Rule, slot: int) -> ExpectedRange | None:
    found = rule.kind.expect(grid.past(slot, 1))
    if found is None:
        return None
    return ExpectedRange(float(found.expected[0, 0]), float(found.low[0, 0]), float(found.high[0, 0]))


def _looked_at(grid: Grid, slot: int, backs: Sequence[int]) -> Iterator[tuple[bool, bool]]:
    """Of each slot so far back: whether it is known, and whether it may serve."""
    for back in backs:
        value = grid.values(slot - back * SLOT, 1)[0, 0]
        usable = grid.past(slot, 1).back(back)[0, 0]
        yield not np.isnan(value), not np.isnan(usable)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
