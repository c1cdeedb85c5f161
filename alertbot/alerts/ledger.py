"""The ledger: what is known of every watched series, how far each was judged, and the alerts under way.

Each series has a cursor that moves over known slots strictly in order. Unknown slots wait; a gap that can never be
filled is given up, and then judged as unknown. So after a failed call, after downtime and in a replay the same slots
are judged in the same order with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alertbot.alerts.engine import Engine
from alertbot.alerts.learned_silence import LearnedSilence
from alertbot.alerts.lifecycle import Alert, AlertKey, Change, Phase, Reason
from alertbot.rules.base import Array, Mask
from alertbot.rules.episodes import Episode
from alertbot.rules.grid import Grid
from alertbot.units import DAY, DAY_SLOTS, NEVER, SLOT


@dataclass(frozen=True)
class Entry:
    """What a judgement changes: the days of samples that differ, cursors that moved, alerts, their changes.

    ``restored``: new normals that are over; see ``Judgement``. ``silences``: those that alerts taught, as they begin.
    """

    touched: frozenset[tuple[str, int]]
    cursors: Mapping[str, int]
    alerts: Mapping[AlertKey, Alert]
    changes: tuple[Change, ...]
    slots: int
    restored: tuple[Episode, ...] = ()
    silences: tuple[LearnedSilence, ...] = ()


class Ledger:
    """Holds the grid; ``cursors`` has the last slot judged of each series that was judged before.

    ``foreign``: the alerts that a rule of the same name but another kind fired, before the configuration was edited.
    ``live``: whether people see what comes of it: so what is critical is taken as the new normal only once somebody
    acknowledged it, and what is usually silent by earlier alerts alone is noted.
    """

    def __init__(
        self,
        engine: Engine,
        grid: Grid,
        cursors: Mapping[str, int],
        alerts: Mapping[AlertKey, Alert],
        *,
        live: bool = False,
        foreign: Collection[AlertKey] = (),
    ) -> None:
        self.grid = grid
        self.alerts = dict(alerts)
        self._foreign = foreign
        self._engine = engine
        self._live = live
        self._cursor = np.array([cursors.get(name, -1) for name in grid.series], dtype=np.int64)
        self._given_up = np.full(len(grid.series), -1, dtype=np.int64)
        self._touched: set[tuple[str, int]] = set()
        self._moved: set[int] = set()
        self._revised: dict[str, set[int]] = {}
        self._ended: list[Change] = []
        self._doubted = np.full(len(grid.series), NEVER, dtype=np.int64)

    def cursor(self, series: str) -> int | None:
        """The last slot judged of a series; ``None`` before the first."""
        slot = int(self._cursor[self.grid.column[series]])
        return None if slot < 0 else slot

    @property
    def judged_to(self) -> int:
        """The last slot judged of any series; -1 before the first."""
        return int(self._cursor.max(initial=-1))

    def newest_traffic(self, series: str) -> int | None:
        """The newest slot held in which a series carried anything."""
        column = np.array([self.grid.column[series]])
        for day in reversed(self.grid.days):
            rows = np.flatnonzero(self.grid.values(day * DAY, DAY_SLOTS, column)[:, 0] > 0)
            if len(rows):
                return day * DAY + SLOT * int(rows[-1])
        return None

    def start(self, series: str, cursor: int) -> None:
        """Begin to judge a series after the slot ``cursor``."""
        column = self.grid.column[series]
        self._cursor[column] = cursor
        self._moved.add(column)

    def take(self, series: str, first: int, values: Array) -> None:
        """Keep the known values of a series from the slot ``first`` on; NaN leaves what was known."""
        known = self.grid.values(first, len(values), np.array([self.grid.column[series]]))[:, 0]
        fresh = ~np.isnan(values) & (values != known)
        slots = first + SLOT * np.flatnonzero(fresh)
        self._touched.update((series, int(day)) for day in np.unique(slots // DAY))
        judged = slots[slots <= self._cursor[self.grid.column[series]]]
        if len(judged):
            self._revised.setdefault(series, set()).update(judged.tolist())
        self.grid.put(series, first, values)

    def acknowledge(self, alerts: Iterable[tuple[AlertKey, int]]) -> None:
        """Note that somebody acknowledged these, each named by its key and its first slot, as far as they fire."""
        for key, since in alerts:
            alert = self.alerts.get(key)
            if alert is not None and alert.phase is Phase.FIRING and alert.since == since:
                self.alerts[key] = replace(alert, acknowledged=True)

    def give_up(self, series: str, last: int) -> None:
        """Judge what is unknown up to the slot ``last`` as unknown: it will never be known."""
        column = self.grid.column[series]
        self._given_up[column] = max(self._given_up[column], last)

    @property
    def doubted(self) -> dict[str, int]:
        """The series that wait before a slot, as it is doubted that it fires, and that slot."""
        columns = np.flatnonzero(self._doubted < NEVER)
        return {self.grid.series[column]: int(self._doubted[column]) for column in columns.tolist()}

    def believe(self, series: str) -> None:
        """Judge a series on from the slot that was doubted."""
        self._doubted[self.grid.column[series]] = NEVER

    def judge(self, last: int, doubts: Callable[[Alert], bool] = lambda _alert: False) -> Entry:
        """Judge all that is known and was not judged yet, up to the slot ``last``, and what was revised anew.

        ``doubts`` says of an alert that would fire whether its series is to wait before that slot.
        """
        self.revise()
        changes, self._ended = self._ended, []
        restored: list[Episode] = []
        silences: list[LearnedSilence] = []
        slots = 0
        for first, due in self._blocks(last):
            judgement = self._engine.judge(self.grid, first, due, self.alerts, needs_ack=self._live)
            while doubted := [each.alert for each in judgement.changes if each.fired and doubts(each.alert)]:
                self._doubt(doubted, first, due)
                judgement = self._engine.judge(self.grid, first, due, self.alerts, needs_ack=self._live)
            self.alerts = dict(judgement.alerts)
            changes += judgement.changes
            restored += judgement.restored
            silences += self._engine.learned_silences(self.grid, first, due) if self._live else ()
            slots += int(due.sum())
        return replace(self._entry(changes, slots), restored=tuple(restored), silences=tuple(silences))

    def _doubt(self, alerts: Sequence[Alert], first: int, due: Mask) -> None:
        """Let the series of alerts wait before the slots with which these would fire, as if nothing had been judged."""
        for alert in alerts:
            column = self.grid.column[alert.series]
            self._doubted[column] = min(self._doubted[column], alert.slot)
            due[(alert.slot - first) // SLOT :, column] = False
            self.grid.aside.erase(alert.series, alert.rule, alert.since)

    def revise(self) -> frozenset[str]:
        """End the alerts that revised values no longer bear out, or show to be over; the series they are of.

        Those alone are looked at whose own slots were revised, or some that their reference may be made of. A revision
        never fires one: it is of the past. The next entry tells of it. What the rules look back on is held
        for alerts of the last day; older ones end by themselves.
        """
        ended = []
        for key, alert in sorted(self.alerts.items()):
            revised = self._revised.get(alert.series, ())
            if alert.since < alert.slot - DAY or not self._engine.is_made_of(alert, revised):
                continue
            needs_ack = self._live and not alert.acknowledged
            present, end = self._engine.rerun(self.grid, alert, needs_ack=needs_ack)
            if alert.phase is Phase.FIRING and (present is None or present.phase is not Phase.FIRING):
                del self.alerts[key]
                ended.append(self._revised_end(alert, end))
            elif alert.phase is Phase.PENDING and present is None:
                del self.alerts[key]
        self._revised = {}
        self._ended += ended
        return frozenset(change.alert.series for change in ended)

    def _revised_end(self, alert: Alert, end: Change | None) -> Change:
        """How an alert ends that fires no more: it was none, or it was over in a slot that came in late."""
        self.grid.aside.erase(alert.series, alert.rule, alert.since)
        if end is None:
            return Change(alert, fired=False, reason=Reason.REVISED)
        end = replace(end, alert=replace(end.alert, acknowledged=alert.acknowledged))
        self._engine.set_aside(self.grid, end)
        return end

    def settle(self) -> Entry:
        """End the alerts that the present rules no longer judge."""
        judgement = self._engine.settle(self.alerts, self._foreign)
        self.alerts = dict(judgement.alerts)
        return self._entry(list(judgement.changes), 0)

    def trim(self) -> None:
        """Let go of the days that no slot of the last day, judged or still to be, looks back on, and let the rest be.

        To be called once they are stored.
        """
        self.grid.rest()
        started = self._cursor[self._cursor >= 0]
        if len(started):
            self.grid.forget(int(started.min()) - DAY - max(self._engine.depth, DAY_SLOTS) * SLOT)

    def _entry(self, changes: list[Change], slots: int) -> Entry:
        cursors = {self.grid.series[column]: int(self._cursor[column]) for column in sorted(self._moved)}
        entry = Entry(frozenset(self._touched), cursors, dict(self.alerts), tuple(changes), slots)
        self._touched, self._moved = set(), set()
        return entry

    def _blocks(self, last: int) -> Iterator[tuple[int, Mask]]:
        """(first slot, due) of block after block, at most a day each, until nothing more is known."""
        while (first := self._next_due(last)) is not None:
            count = min(DAY_SLOTS, (last - first) // SLOT + 1)
            due = self._due(first, count)
            yield first, due
            advanced = np.flatnonzero(due.any(axis=0))
            self._cursor[advanced] += SLOT * due[:, advanced].sum(axis=0)
            self._moved.update(advanced.tolist())

    def _next_due(self, last: int) -> int | None:
        starts = np.unique(self._cursor[(self._cursor >= 0) & (self._cursor < last)])
        for cursor in starts.tolist():
            if self._due(cursor + SLOT, 1).any():
                return int(cursor) + SLOT
        return None

    def _due(self, first: int, count: int) -> Mask:
        """Slots x series: not judged yet, and known or given up without a hole since the cursor."""
        slots = (first + SLOT * np.arange(count))[:, None]
        judged = slots <= self._cursor
        reachable = (self._cursor >= 0) & (self._cursor >= first - SLOT) & (slots < self._doubted)
        usable = ~np.isnan(self.grid.values(first, count)) | (slots <= self._given_up) | judged
        due: Mask = np.logical_and.accumulate(usable, axis=0) & ~judged & reachable
        return due
