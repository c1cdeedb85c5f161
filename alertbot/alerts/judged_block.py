"""One rule over a block of slots: which series it judges there, and what it makes of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from alertbot.alerts.lifecycle import Alert, Phase, Policy, Seen
from alertbot.rules.arrays import Columns
from alertbot.rules.base import Array, Direction, Judged, Mask, Rule
from alertbot.rules.grid import GridPast
from alertbot.rules.measured import Measured
from alertbot.units import SLOT

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class AppliedRule:
    """A rule with the columns of the grid that it judges, and the position of each among them."""

    rule: Rule
    policy: Policy
    columns: NDArray[np.intp]
    position: Mapping[int, int]

    @classmethod
    def to(cls, rule: Rule, columns: Iterable[int]) -> AppliedRule:
        """A rule applied to these columns."""
        policy = Policy(rule.for_slots, rule.clear_slots, rule.within_slots, rule.accept_slots)
        ordered = np.array(sorted(columns), dtype=np.intp)
        return cls(rule, policy, ordered, _positions(ordered))

    def only(self, columns: NDArray[np.intp]) -> AppliedRule:
        """The same rule applied to these columns, ascending, instead."""
        return replace(self, columns=columns, position=_positions(columns))

    def where(self, chosen: Mask) -> AppliedRule:
        """The same without the columns of the grid where ``chosen`` says no."""
        kept = chosen[self.columns]
        return self if kept.all() else self.only(self.columns[kept])


@dataclass(frozen=True)
class JudgedBlock:
    """A block under one rule, slots x the rule's series.

    ``in_breach``: the grid's columns in breach, by row. ``anew``: the series that were judged anew since, by column.
    """

    applied: AppliedRule
    values: Array
    judged: Judged
    in_breach: dict[int, set[int]]
    anew: dict[int, JudgedSeries] = field(default_factory=dict)

    def value(self, row: int, column: int) -> float:
        """What a series carried in a row, bit/s; NaN where unknown, or where the rule is not active."""
        series = self.series(column)
        return float(series.values[row - series.start])

    def series(self, column: int) -> JudgedSeries:
        """One series of the block, as it was judged last."""
        if (anew := self.anew.get(column)) is not None:
            return anew
        place = self.applied.position[column]
        return JudgedSeries(0, self.values[:, place], of_series(self.judged, place), None)

    def forget_breaches(self, column: int, row: int) -> None:
        """Forget where a series was found in breach from a row on."""
        if column not in self.anew and column not in self.applied.position:
            return
        before = self.series(column)
        for later in np.flatnonzero(before.judged.breach[row - before.start :]).tolist():
            self.in_breach.get(row + later, set()).discard(column)


@dataclass(frozen=True)
class JudgedSeries:
    """One series of a block from the row ``start`` on; ``over``: where an alert that fires is over."""

    start: int
    values: Array
    judged: Judged
    over: Mask | None

    def seen(self, rule: Rule, alert: Alert | None, row: int) -> Seen:
        """What a row of the block shows under a rule, and an alert of its that is under way."""
        place, judged = row - self.start, self.judged
        value = float(self.values[place])
        reference = None if judged.reference is None else float(judged.reference[place])
        over = self.over is not None and bool(self.over[place])
        return Seen(
            value=value,
            reference=reference,
            breach=bool(judged.breach[place]),
            cleared=fires(alert) and not math.isnan(value) and (over or (value == 0 and rises(alert))),
            direction=rule.kind.direction(value, reference),
            usual=None if judged.usual is None else float(judged.usual[place]),
            by_usual=keeps_usual(rule, alert) or (judged.by_usual is not None and bool(judged.by_usual[place])),
        )


def fires(alert: Alert | None) -> bool:
    """Whether there is an alert, and it fires."""
    return alert is not None and alert.phase is Phase.FIRING


def rises(alert: Alert | None) -> bool:
    """Whether there is an alert, and it is of a rise: over at 0 whatever its kind makes of that."""
    return alert is not None and alert.direction is Direction.RISE


def kept_reference(rule: Rule, alert: Alert | None) -> float:
    """The reference (bit/s) that an alert under way keeps, where its kind's does not move; else NaN."""
    return math.nan if alert is None or alert.reference is None or not rule.kind.frozen else alert.reference


def keeps_usual(rule: Rule, alert: Alert | None) -> bool:
    """Whether the reference that an alert under way keeps is what was usual."""
    return alert is not None and alert.by_usual and rule.kind.frozen


def fired_on(alert: Alert | None) -> float:
    """The reference (bit/s) that an alert fired on; NaN where there is none."""
    return math.nan if alert is None or alert.fired_on is None else alert.fired_on


def seen_of_measured(kind: Measured, past: GridPast | None, *, fires: bool) -> Seen:
    """What one slot of one series shows under a kind that judges a figure of its own; ``past`` is None where unknown.

    ``fires``: whether an alert does, which may be over.
    """
    found = None if past is None else kind.measure(past)[0][0]
    if found is None:
        return Seen(math.nan, None, breach=False, cleared=False, direction=Direction.RISE)
    return Seen(
        value=found.value,
        reference=found.reference,
        breach=bool(kind.breach(np.asarray(found.value), np.asarray(found.reference))),
        cleared=fires and kind.cleared(found.value),
        direction=kind.direction(found.value, found.reference),
        outlook=found.outlook,
    )


def _positions(columns: NDArray[np.intp]) -> dict[int, int]:
    return {column: position for position, column in enumerate(columns.tolist())}


def compact(columns: NDArray[np.intp]) -> Columns:
    """Columns side by side as a slice, which copies nothing."""
    if len(columns) and columns[-1] - columns[0] == len(columns) - 1:
        return slice(int(columns[0]), int(columns[-1]) + 1)
    return columns


def while_active(rule: Rule, values: Array, first: int) -> Array:
    """The values from the slot ``first`` on, unknown where the rule is not active."""
    if rule.active is None:
        return values
    active = rule.active.holds(first + SLOT * np.arange(len(values), dtype=np.int64))
    return values if active.all() else np.where(active[:, None], values, np.nan)


def judge(rule: Rule, past: GridPast, fixed: Array | None) -> Judged:
    """What a rule makes of some slots; those under a one-off mute are compared with what it covers as well."""
    judged = rule.kind.judge(past, fixed)
    muted = past.muted
    if muted is not None:
        inside = rule.kind.judge(past.meanwhile(), fixed)
        judged = Judged(
            _either(muted, inside.reference, judged.reference),
            np.where(muted, inside.breach, judged.breach),
            _either(muted, inside.usual, judged.usual),
            _either(muted, inside.by_usual, judged.by_usual),
        )
    if rule.active is None:
        return judged
    return replace(judged, breach=judged.breach & ~np.isnan(while_active(rule, past.now, past.first)))


def over(rule: Rule, past: GridPast, fired: Array) -> Mask:
    """Where an alert is over that fired against these references, one of each series."""
    found, muted = rule.kind.over(past, fired), past.muted
    return found if muted is None else np.where(muted, rule.kind.over(past.meanwhile(), fired), found)


def usual_level(rule: Rule, past: GridPast) -> Array | None:
    """What is usual at the time of each slot; None for a kind that does not know."""
    found, muted = rule.kind.usual_level(past), past.muted
    return found if muted is None else _either(muted, rule.kind.usual_level(past.meanwhile()), found)


def _either(where: Mask, inside: NDArray[T] | None, outside: NDArray[T] | None) -> NDArray[T] | None:
    return None if inside is None or outside is None else np.where(where, inside, outside)


def of_series(judged: Judged, place: int) -> Judged:
    """One series of what was judged."""
    return Judged(
        None if judged.reference is None else judged.reference[:, place],
        judged.breach[:, place],
        None if judged.usual is None else judged.usual[:, place],
        None if judged.by_usual is None else judged.by_usual[:, place],
    )
