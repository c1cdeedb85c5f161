"""What Alertmanagers have been told, and what is to be told now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from alertbot.alerts.engine import AlertKey
from alertbot.incidents.incident import FiredAlert, Incident

Labels = tuple[tuple[str, str], ...]
"""Names and values, by name: what an alert is known by."""


@dataclass(frozen=True)
class Relayed:
    """An alert as Alertmanagers know it, or are about to: from ``starts`` on, epoch seconds, over since ``ends``.

    ``key``: the rule and the series it is made of, else ``incident``, a number.
    """

    labels: Labels
    annotations: Mapping[str, str]
    link: str | None
    starts: float
    ends: float | None = None
    key: AlertKey | None = None
    incident: int | None = None


@dataclass(frozen=True)
class Facts:
    """All that fires, the incidents that are open, and what was relayed; of what ended, how it did."""

    firing: Sequence[FiredAlert]
    incidents: Sequence[Incident]
    known: Sequence[Relayed]
    ended: Mapping[AlertKey, FiredAlert] = field(default_factory=dict)
    closed: Mapping[int, Incident] = field(default_factory=dict)


@dataclass(frozen=True)
class Bulletin:
    """What is to be told: what burns, what is over. ``written``: what is new in that; ``forgotten``: what left it."""

    firing: tuple[Relayed, ...] = ()
    over: tuple[Relayed, ...] = ()
    written: tuple[Relayed, ...] = ()
    forgotten: tuple[Labels, ...] = ()
