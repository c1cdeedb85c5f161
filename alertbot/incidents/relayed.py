"""What was sent to Alertmanagers, and what is to be sent now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from alertbot.alerts.lifecycle import AlertKey
from alertbot.incidents.incident import FiredAlert, Incident

Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted by name: by these an Alertmanager knows which alert is meant."""


@dataclass(frozen=True)
class AlertmanagerAlert:
    """An alert as it is sent: it fires from ``starts``, and is resolved since ``ends`` (epoch seconds).

    It comes of the rule and the series of ``key``, else of the ``incident`` of this number.
    """

    labels: Labels
    annotations: Mapping[str, str]
    link: str | None
    starts: float
    ends: float | None = None
    key: AlertKey | None = None
    incident: int | None = None


@dataclass(frozen=True)
class RelayFacts:
    """All alerts that fire, the open incidents, and the alerts that were ``sent``.

    Of those sent that fire no more, ``ended`` and ``closed`` hold how the alert or the incident stands now.
    """

    firing: Sequence[FiredAlert]
    incidents: Sequence[Incident]
    sent: Sequence[AlertmanagerAlert]
    ended: Mapping[AlertKey, FiredAlert] = field(default_factory=dict)
    closed: Mapping[int, Incident] = field(default_factory=dict)


@dataclass(frozen=True)
class RelayPlan:
    """What is to be sent: the alerts that fire, and those that are resolved.

    ``to_store`` are those of them that are new or changed, ``to_forget`` those of which nothing more is sent.
    """

    firing: tuple[AlertmanagerAlert, ...] = ()
    resolved: tuple[AlertmanagerAlert, ...] = ()
    to_store: tuple[AlertmanagerAlert, ...] = ()
    to_forget: tuple[Labels, ...] = ()
