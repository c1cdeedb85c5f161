"""What was posted, as people and time judged it: noise, or worth keeping.

Votes decide. Without any an incident was noise where it was over by itself within ten minutes and nobody acknowledged
it. What somebody acknowledged, or as many found useful as noise, is worth keeping.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from alertbot.alerts.lifecycle import Reason
from alertbot.incidents.incident import FiredAlert, Incident, IncidentKind, cleared_at, highest_severity
from alertbot.store import changes, incidents, mentions

SOON = 600
"""Seconds after it fired within which an alert that is over by itself was hardly worth a message."""


@dataclass(frozen=True)
class PostedIncident:
    """An incident of alerts as it is judged afterwards; ``acked_after``: seconds until somebody acknowledged it."""

    incident: Incident
    mentions: int = 0
    acked_after: float | None = None

    @property
    def rules(self) -> frozenset[str]:
        """The rules of its alerts."""
        return frozenset(each.alert.rule for each in self.incident.alerts)

    @property
    def loudest(self) -> frozenset[str]:
        """The rules whose severity it was posted and mentioned people with."""
        severity = highest_severity(self.incident.alerts)
        return frozenset(each.alert.rule for each in self.incident.alerts if each.severity == severity)

    @property
    def acknowledged(self) -> bool:
        """Whether anybody ever did."""
        return self.acked_after is not None or any(each.alert.acknowledged for each in self.incident.alerts)

    @property
    def over_soon(self) -> bool:
        """Whether all of it was over by itself within ten minutes."""
        return self.incident.closed is not None and all(map(_over_soon, self.incident.alerts))

    @property
    def worth_keeping(self) -> bool:
        """Whether an edit of a rule must not lose it."""
        return self.acknowledged or (bool(self.incident.votes) and self._useful >= 0)

    @property
    def doubtful(self) -> bool:
        """Whether it is worth keeping by the word of one, who may be mistaken."""
        return not self.acknowledged and self._useful <= 1

    @property
    def noise(self) -> bool:
        """Whether nobody would miss it."""
        if self.worth_keeping or self.incident.kind is not IncidentKind.ALERT:
            return False
        return self._useful < 0 if self.incident.votes else self.over_soon

    @property
    def _useful(self) -> int:
        """By how many votes more it was useful than noise."""
        return sum(1 if vote.useful else -1 for vote in self.incident.votes)


def _over_soon(fired: FiredAlert) -> bool:
    begun = fired.alert.slot if fired.alert.fired is None else fired.alert.fired
    return fired.reason == Reason.CLEARED and cleared_at(fired) - begun <= SOON


def posted_between(db: Database, first: float, last: float) -> list[PostedIncident]:
    """The incidents of alerts that were opened from ``first`` to ``last``, epoch seconds, the oldest first."""
    opened = [one for one in incidents.opened_between(db, first, last + 1) if one.alerts]
    called = mentions.of_incidents(db, [one.number for one in opened])
    acked = changes.first_acknowledged(db, first)
    return [
        PostedIncident(
            one, called.get(one.number, 0), max(at - one.opened, 0.0) if (at := acked.get(one.number)) else None
        )
        for one in opened
    ]
