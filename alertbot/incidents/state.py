"""All that a decision is made on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from alertbot.incidents.grouping import Placing
from alertbot.incidents.incident import FiredAlert, Incident
from alertbot.incidents.moved import Traffic
from alertbot.incidents.notes import Note
from alertbot.incidents.storm import Storms
from alertbot.incidents.suppression import Suppression


@dataclass(frozen=True)
class State:
    """All that is known. ``incidents``: those that are open, and what may still be joined, the oldest first.

    ``unposted``: alerts that fired and are in no incident. ``settled``: whether all series of a slot were judged.
    ``carried``: the domains that carried traffic before anything fell. ``channel``: the default one. ``changed``: notes
    for incidents about what people did just now.
    ``storms``: what the account's total lost. ``traffic``: what was carried around a slot, where it is looked for where
    traffic went.
    """

    incidents: Sequence[Incident]
    unposted: Sequence[FiredAlert]
    suppression: Suppression
    placing: Placing
    settled: bool
    channel: str
    carried: Collection[str] = ()
    changed: Mapping[int, tuple[Note, ...]] = field(default_factory=dict)
    storms: Storms = field(default_factory=Storms)
    traffic: Callable[[int], Traffic | None] = lambda _: None


@dataclass(frozen=True)
class Current:
    """An incident as it is now; ``joined`` are the rows of alerts that have just come into it."""

    incident: Incident
    joined: tuple[int, ...] = ()

    def merged_with(self, other: Current) -> Current:
        """The two in one, under this one's number."""
        alerts = (*self.incident.alerts, *other.incident.alerts)
        since = min(self.incident.since, other.incident.since)
        return Current(replace(self.incident, since=since, alerts=alerts), (*self.joined, *other.joined))
