"""What the account and its domains carried when, as messages and decisions about incidents need it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from alertbot.alerts.ledger import Ledger
from alertbot.alerts.lifecycle import Phase
from alertbot.incidents.account_incident import RECENTLY
from alertbot.incidents.incident import FiredAlert, Incident
from alertbot.incidents.moved import BEFORE, LOOKED_FOR, Traffic, beyond_usual
from alertbot.incidents.storm import TotalLoss
from alertbot.rules.base import Direction, Rule
from alertbot.rules.selection import TOTAL, Group
from alertbot.rules.terms import RECENT
from alertbot.units import DAY, SLOT

_BEFORE = 12
"""Slots before anything fell by which it is known what carried traffic."""

_JUST_BEFORE = 3
"""Known slots before a fall whose median says what was carried: an hour may hold another outage."""

_COMPARABLE = 36
"""Slots for which the level just before a fall still says what would have been carried."""


_DAYS = 7
"""Days before, of which the same time says what is usual when it is looked for where traffic went."""


class Levels:
    """Reads the grid of a ledger; ``domains`` are those that are watched."""

    def __init__(self, ledger: Ledger, domains: Sequence[str]) -> None:
        self._ledger = ledger
        self._domains = domains

    def carried(self, frontier: int | None) -> frozenset[str]:
        """The domains that carried traffic in the hour before anything fell of late; none where nothing did."""
        oldest = (frontier or 0) - RECENTLY
        begun = [
            alert.since
            for alert in self._ledger.alerts.values()
            if alert.phase is Phase.FIRING and alert.direction is Direction.FALL and alert.since >= oldest
        ]
        if not begun:
            return frozenset()
        had = (self._hour_before(min(begun), self._domains) > 0).any(axis=0)
        return frozenset(np.array(self._domains, dtype=object)[had])

    def shortfall(self, alerts: Sequence[FiredAlert], rules: Mapping[str, Rule]) -> Iterator[tuple[int, float]]:
        """Bytes by which less was carried in a fall, by an alert's row, where the level before it still says so."""
        for fired in alerts:
            alert, rule = fired.alert, rules.get(fired.alert.rule)
            count = (alert.slot - alert.since) // SLOT + 1 - alert.clear_run
            short = fired.resolved is not None and 0 < count <= _COMPARABLE
            before = None if rule is None else rule.kind.named(alert.reference, by_usual=alert.by_usual).get(RECENT)
            if not short or before is None:
                continue
            column = self._ledger.grid.column.get(alert.series)
            if column is None:
                continue
            values = self._ledger.grid.values(alert.since, count, np.array([column]))
            if not np.isnan(values).any():
                yield fired.number, float(np.maximum(before - values, 0).sum()) * SLOT / 8

    def at_zero(self, incident: Incident, frontier: int | None) -> frozenset[str]:
        """The domains that carry nothing now, and carried something in the hour before the incident began."""
        if not incident.falls or incident.closed is not None or frontier is None:
            return frozenset()
        now = self._ledger.grid.values(frontier, 1, self._columns(self._domains))[0]
        had = (self._hour_before(incident.since, self._domains) > 0).any(axis=0)
        return frozenset(np.array(self._domains, dtype=object)[had & (now == 0)])

    def floor(self, alerts: Sequence[FiredAlert], at_zero: Collection[str], rules: Mapping[str, Rule]) -> float | None:
        """The floor of the alerts' rules in bit/s, where these carried less than that in the hour before, all of them.

        That is why nothing fires for them. ``None`` where it is not, or where there are none.
        """
        others = sorted(set(at_zero) - {fired.alert.series for fired in alerts})
        kinds = [rule.kind for fired in alerts if (rule := rules.get(fired.alert.rule)) is not None]
        floors = [kind.least for kind in kinds if kind.least is not None]
        if not others or not floors or len(floors) < len(alerts):
            return None
        before = self._hour_before(min(fired.alert.since for fired in alerts), others)
        return min(floors) if float(np.nanmax(before, initial=0.0)) < min(floors) else None

    def lost(self, incident: Incident) -> float | None:
        """Bytes that the account did not carry while it was dark, where the level before it still says so."""
        count = (int(incident.facts.get("dark_until", 0)) - incident.since) // SLOT
        if TOTAL not in self._ledger.grid.column or not 0 < count <= _COMPARABLE:
            return None
        before = self._total_before(incident.since)
        return float(np.median(before[-_JUST_BEFORE:])) * count * SLOT / 8 if len(before) else None

    def total(self, incident: Incident) -> tuple[float, float] | None:
        """Bit/s of the account now, and before it fell; ``None`` where one of them is not known.

        The total may be read later than its domains: what it carried before they fell says nothing of the fall.
        """
        fall, known = incident.progress.wide, self._ledger.cursor(TOTAL)
        loss = None if fall is None or known is None or known < fall.since else self.loss(fall.since)
        return None if loss is None else (loss.now, loss.before)

    def loss(self, since: int, fell: Collection[str] = ()) -> TotalLoss | None:
        """What the total lost since that slot, and how much of it these domains did; ``None`` where that is unknown."""
        cursor = self._ledger.cursor(TOTAL)
        if cursor is None:
            return None
        before = self._total_before(since)
        now = self._ledger.grid.values(cursor, 1, self._columns([TOTAL]))[0, 0]
        if not len(before) or np.isnan(now):
            return None
        ordinary = float(np.abs(np.diff(before)).max(initial=0.0))
        return TotalLoss(
            float(np.median(before[-_JUST_BEFORE:])), float(now), self._lost(sorted(fell), since, cursor), ordinary
        )

    def traffic(self, since: int, frontier: int | None, groups: Sequence[Group]) -> Traffic | None:
        """What was carried around a slot, beyond what is usual; ``None`` where that is not known of the total."""
        first, count = since - BEFORE * SLOT, BEFORE + min(((frontier or 0) - since) // SLOT, LOOKED_FOR) + 1
        if TOTAL not in self._ledger.grid.column or count <= BEFORE:
            return None
        columns = self._columns([*self._domains, TOTAL])
        values, *earlier = (self._ledger.grid.values(first - day * DAY, count, columns) for day in range(_DAYS + 1))
        beyond = beyond_usual(values, earlier)
        domains, column = beyond[:, :-1], {name: position for position, name in enumerate(self._domains)}
        sums = {each.series: domains[:, [column[name] for name in each.members]].sum(axis=1) for each in groups}
        members = {each.series: frozenset(each.members) for each in groups}
        return Traffic(first, self._domains, domains, {TOTAL: beyond[:, -1], **sums}, members)

    def _lost(self, series: Sequence[str], since: int, slot: int) -> float:
        """By how much less these carry in a slot, together, than in the hour before ``since``, where both is known."""
        now = self._ledger.grid.values(slot, 1, self._columns(series))[0]
        before = self._hour_before(since, series)
        known = ~np.isnan(now) & ~np.isnan(before).all(axis=0)
        lost = np.nanmedian(before[:, known], axis=0) - now[known] if known.any() else np.zeros(0)
        return float(np.maximum(lost, 0).sum())

    def _total_before(self, since: int) -> NDArray[np.float64]:
        """What is known of the total in the hour before ``since``."""
        hour = self._hour_before(since, [TOTAL])[:, 0]
        return hour[~np.isnan(hour)]

    def _hour_before(self, since: int, series: Sequence[str]) -> NDArray[np.float64]:
        return self._ledger.grid.values(since - _BEFORE * SLOT, _BEFORE, self._columns(series))

    def _columns(self, series: Sequence[str]) -> NDArray[np.intp]:
        return np.array([self._ledger.grid.column[name] for name in series], dtype=np.intp)
