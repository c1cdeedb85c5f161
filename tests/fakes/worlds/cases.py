"""Alerts, incidents and what holds them, in as few words as tables take. Times count in slots from ``T``."""

from __future__ import annotations

from typing import Any

from alertbot.alerts.lifecycle import Alert, Phase
from alertbot.alerts.mutes import Mute
from alertbot.incidents.incident import FiredAlert, Incident, IncidentKind, Progress
from alertbot.incidents.silences import StoredSilence
from alertbot.incidents.suppression import Suppression
from alertbot.rules.base import Direction, Rule, Severity
from alertbot.rules.drop import Drop
from alertbot.units import DAY, SLOT

T = 20_514 * DAY
"""The slot that tables count from, midnight UTC of a Monday."""

DEFAULT = "#cdn-alerts"


def rule(name: str = "dark", **changes: Any) -> Rule:
    known = {"name": name, "kind_name": "drop", "kind": Drop(to=0.0), "severity": Severity.WARNING, "for_slots": 1}
    return Rule(**known | changes)


def told(
    number: int,
    series: str = "a",
    rule: str = "dark",
    *,
    since: int = 0,
    slot: int | None = None,
    severity: str = "warning",
    ended: int | None = None,
    rises: bool = False,
    clearing: int = 0,
    incident: int | None = None,
    noted: int = 0,
    fires: int = 1,
) -> FiredAlert:
    """An alert that fired on its first slot; ``slot`` is the last one judged."""
    last = since if slot is None else slot
    alert = Alert(
        rule=rule,
        series=series,
        phase=Phase.FIRING,
        since=T + since * SLOT,
        slot=T + (last if ended is None else ended) * SLOT,
        value=0.0,
        reference=1e9,
        worst=0.0,
        direction=Direction.RISE if rises else Direction.FALL,
        fired=T + since * SLOT,
        clear_run=clearing,
    )
    resolved = None if ended is None else T + ended * SLOT
    reason = None if ended is None else "cleared"
    return FiredAlert(number, alert, severity, resolved, reason, incident, noted, fires)


def incident(
    number: int,
    *alerts: FiredAlert,
    kind: IncidentKind = IncidentKind.ALERT,
    channel: str = DEFAULT,
    opened: int = 0,
    closed: int | None = None,
    **progress: Any,
) -> Incident:
    since = min((each.alert.since for each in alerts), default=T)
    ended = None if closed is None else float(T + closed * SLOT)
    return Incident(number, kind, channel, since, T + opened * SLOT, ended, alerts, {}, Progress(**progress))


def suppression(at: float, *rules: Rule, **facts: Any) -> Suppression:
    """What holds anything ``at`` so many slots, of which the last is judged."""
    known = {each.name: each for each in rules or (rule(),)}
    return Suppression(now=T + at * SLOT, frontier=T + int(at) * SLOT, rules=known, **facts)


def silence(number: int = 1, target: str = "*", begins: float = 0, ends: float = 100, **more: Any) -> StoredSilence:
    return StoredSilence(number, target, T + begins * SLOT, T + ends * SLOT, "Ada", "", DEFAULT, **more)


def mute(first: int, end: int, series: str = "a", rule: str = "dark") -> Mute:
    """Over the slots from ``first`` to before ``end``."""
    return Mute(frozenset({series}), frozenset({rule}), "works", start=T + first * SLOT, end=T + end * SLOT)
