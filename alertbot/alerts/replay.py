"""Replay: what the rules would have done with a history, by the very code that judges live.

The history comes a UTC day at a time, so that memory holds what the rules look back on and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from alertbot.alerts.engine import Engine
from alertbot.alerts.lifecycle import Alert, AlertKey, Change, Reason
from alertbot.alerts.mutes import Mute, keep_out
from alertbot.rules.base import Array, Direction, Mask, Rule
from alertbot.rules.grid import Grid
from alertbot.units import DAY, DAY_SLOTS, NEVER, SLOT

HOUR = 3600
"""Seconds after an end within which a second outage reopens the incident."""

_What = tuple[str, Direction]


class History(Protocol):
    """Where a replay's values come from."""

    @property
    def series(self) -> Sequence[str]:
        """The series there is history of."""

    def days(self) -> Sequence[int]:
        """The UTC days (since the epoch) with any history, ascending."""

    def day(self, day: int) -> tuple[Array, Mask]:
        """Values (288 slots x series, NaN unknown), and which slots lie within each series' history."""

    def last_of(self, series: str) -> int:
        """The last slot of a series' history; -1 where there is none."""


@dataclass(frozen=True)
class Span:
    """The slots to judge, both included; what lies before serves as reference only."""

    first: int = 0
    last: int = NEVER


def replay(engine: Engine, history: History, span: Span, mutes: Sequence[Mute] = ()) -> Iterator[Change]:
    """Every change of an alert, ordered by slot, rule and series; muted or not, but for what serves as reference."""
    grid = Grid(history.series)
    keep_out(grid, mutes)
    alerts: Mapping[AlertKey, Alert] = {}
    for day in history.days():
        values, within = history.day(day)
        grid.day(day)[:] = values
        slots = day * DAY + SLOT * np.arange(DAY_SLOTS)
        due = within & ((slots >= span.first) & (slots <= span.last))[:, None]
        if due.any():
            judgement = engine.judge(grid, day * DAY, due, alerts)
            alerts = judgement.alerts
            yield from judgement.changes
        grid.forget((day + 1) * DAY - engine.depth * SLOT)


class Reopenings:
    """Notices which firings are of an outage that reopens an incident, by whatever rule.

    It began within the hour of the end of the last one of its series and way.
    """

    def __init__(self) -> None:
        self._firing: dict[_What, set[str]] = {}
        self._ended: dict[_What, int] = {}
        self._over: dict[_What, int] = {}  # from which slot on nothing was in breach
        self._begun: dict[_What, tuple[int, ...]] = {}

    def notice(self, change: Change) -> tuple[int, ...]:
        """Take note of one change; the first slots of its incident's outages of the series, up to this one.

        Several: it came again.
        """
        alert = change.alert
        what = alert.series, alert.direction
        firing = self._firing.setdefault(what, set())
        if change.fired:
            self._begun[what] = self._outages(what, alert.since)
            firing.add(alert.rule)
            return self._begun[what]
        firing.discard(alert.rule)
        if change.reason is Reason.CLEARED:
            cleared = alert.slot - max(alert.clear_run - 1, 0) * SLOT
            self._over[what] = max(cleared, self._over.get(what, cleared))
            if not firing:
                self._ended[what] = alert.slot
        return self._begun.get(what, ())

    def _outages(self, what: _What, since: int) -> tuple[int, ...]:
        """The outages with the one that began at ``since``, which is the last one where that was not over yet."""
        begun = self._begun.get(what, ())
        if self._firing[what]:
            return begun
        if since - self._ended.get(what, -HOUR - 1) > HOUR:
            return (since,)
        return begun if since < self._over[what] else (*begun, since)


def as_event(change: Change, rules: Mapping[str, Rule], *, again: bool = False) -> dict[str, Any]:
    """One line of ``replay --json``; ``again``: whether it reopens an incident."""
    alert = change.alert
    event = {
        "event": "fired" if change.fired else "resolved",
        "rule": alert.rule,
        "series": alert.series,
        "slot": alert.slot,
        "since": alert.since,
        "value": alert.value,
        "reference": alert.reference,
        "severity": rules[alert.rule].severity.value,
        "reason": change.reason.value,
    }
    return event | {"again": True} if again else event
