"""What is known of one incident when it is decided what to post of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from alertbot.incidents.grouping import TOGETHER
from alertbot.incidents.incident import FEED_SEVERITY, FiredAlert, Incident, highest_severity
from alertbot.incidents.notes import Note
from alertbot.incidents.suppression import Suppression
from alertbot.units import SLOT


@dataclass(frozen=True)
class Situation:
    """An incident with its alerts as they are now, and its progress as its readers know it.

    ``settled``: whether all series of a slot were judged, so that it can be said how large it is. ``fresh``: the rows
    that have just come in. ``new_flaps``: the keys that begin to flap. ``changed``: notes about what people did just
    now. ``has_parts``: whether other incidents that fire are parts of this one; ``parts_suppressed``: whether all that
    fires in these is suppressed. ``reopens``: the incident was closed until now.
    """

    incident: Incident
    suppression: Suppression
    settled: bool
    fresh: frozenset[int] = frozenset()
    new_flaps: frozenset[tuple[str, str]] = frozenset()
    changed: tuple[Note, ...] = ()
    has_parts: bool = False
    parts_suppressed: bool = False
    reopens: bool = False

    @cached_property
    def pageable(self) -> tuple[FiredAlert, ...]:
        """What fires, is not suppressed, and is no other side of a fall."""
        unexplained = (each for each in self.incident.firing if not self.incident.explains(each))
        return tuple(each for each in unexplained if self.suppression.page_suppressed(each) is None)

    @property
    def opens(self) -> bool:
        """Whether the incident is about to be opened."""
        return self.incident.number < 0

    @property
    def relapsed(self) -> tuple[FiredAlert, ...]:
        """What has just come in, is to page people, and follows an outage that its readers know of.

        Not where they know of another alert of its series, which still fires: that is one outage under two rules.
        """
        progress = self.incident.progress
        if progress.parent is not None or (progress.wide is not None and not self.reopens):
            return ()
        fresh = [fired for fired in self.pageable if fired.number in self.fresh]
        if self.reopens:
            return tuple(fresh)
        known = [fired.alert for fired in self.incident.firing if fired.number not in self.fresh]
        out = {(alert.series, alert.direction) for alert in known}
        return tuple(
            fired
            for fired in fresh
            if len(self.incident.outages[fired.number]) > 1
            and (fired.alert.series, fired.alert.direction) not in out
            and all(abs(fired.alert.since - alert.since) > TOGETHER * SLOT for alert in known)
        )

    @property
    def severity(self) -> str | None:
        """The severity by which people are paged."""
        wide = self.incident.progress.wide
        of_account = None if wide is None else wide.severity
        return self.incident.feed_severity or highest_severity(self.pageable) or of_account

    @property
    def deserves_page(self) -> bool:
        """Whether there is anything to page people for."""
        incident, wide = self.incident, self.incident.progress.wide
        of_account = wide is not None and wide.over is None and not incident.alerts and not self.parts_suppressed
        return bool(self.pageable) or incident.kind in FEED_SEVERITY or of_account
