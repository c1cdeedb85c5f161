"""What keeps alerts and incidents from being posted or from paging, and by whose word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from alertbot.alerts.mutes import muted
from alertbot.incidents.incident import FiredAlert, Incident
from alertbot.incidents.silences import StoredSilence, in_force
from alertbot.incidents.suppression import Suppressed
from alertbot.query.scope import Scope
from alertbot.rules.base import Rule
from alertbot.store import incidents
from alertbot.store.suppressors import suppressors


@dataclass(frozen=True)
class SuppressedBy:
    """Why an alert is not posted or pages nobody: by whom, until when (epoch seconds), and for what reason.

    ``number``: of the silence or the incident.
    """

    why: Suppressed
    by: str = ""
    until: float | None = None
    reason: str = ""
    number: int | None = None


class WhySuppressed:
    """Asks ``Suppression`` as the service does, with one open database."""

    def __init__(self, db: Database, scope: Scope) -> None:
        self._db = db
        self._of_incidents: dict[int, SuppressedBy | None] = {}
        suppression = scope.watch.suppression(scope.now, scope.live.frontier, suppressors(db, scope.now))
        self._suppression = suppression.without_steadied()

    def of_firing(self, fired: FiredAlert) -> SuppressedBy | None:
        """What keeps an alert that fires from being posted, or from paging."""
        why = self._suppression.page_suppressed(fired)
        if why is not None:
            return self._of_alert(why, fired)
        return None if fired.incident is None else self._of_incident(fired.incident)

    def silences(self, fired: Iterable[FiredAlert]) -> dict[int, StoredSilence]:
        """The silence over each of these alerts that has one, by the alert's row."""
        found = ((each.number, self._suppression.silence(each)) for each in fired)
        return {number: silence for number, silence in found if silence is not None}

    def if_it_fired(self, rule: Rule, series: str, slot: int) -> SuppressedBy | None:
        """What would keep an alert that fired now from being posted, or paging; ``slot``: the last one judged."""
        suppression = self._suppression
        if silence := in_force(suppression.silences, rule.name, series, suppression.groups, suppression.now):
            return SuppressedBy(Suppressed.SILENCED, silence.author, silence.ends, silence.reason, silence.number)
        if mute := muted(suppression.mutes, rule.name, series, slot):
            return SuppressedBy(Suppressed.MUTED, until=mute.until(slot), reason=mute.reason)
        return SuppressedBy(Suppressed.FLAPPING) if (rule.name, series) in suppression.flapping else None

    def _of_alert(self, why: Suppressed, fired: FiredAlert) -> SuppressedBy:
        silence, mute = self._suppression.silence(fired), self._suppression.mute(fired)
        if why is Suppressed.SILENCED and silence is not None:
            return SuppressedBy(why, silence.author, silence.ends, silence.reason, silence.number)
        if why is Suppressed.MUTED and mute is not None:
            return SuppressedBy(why, until=mute.until(fired.alert.slot), reason=mute.reason)
        return SuppressedBy(why)

    def _of_incident(self, number: int) -> SuppressedBy | None:
        """What keeps a whole incident from paging; one with many alerts takes its time, so it is read once."""
        if number not in self._of_incidents:
            incident = incidents.load(self._db, number)
            self._of_incidents[number] = None if incident is None else incident_suppressed_by(incident)
        return self._of_incidents[number]


def incident_suppressed_by(incident: Incident) -> SuppressedBy | None:
    """What keeps the whole of an incident from paging."""
    progress = incident.progress
    if progress.parent is not None:
        return SuppressedBy(Suppressed.PART_OF, number=progress.parent)
    if progress.acked_at is not None:
        return SuppressedBy(Suppressed.ACKNOWLEDGED, progress.acked_by or "", number=incident.number)
    return None
