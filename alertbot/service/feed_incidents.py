"""Keeps the incidents about the feed itself: silence, failing calls, domains that left the account."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from alertbot.feed.staleness import FeedAssessment, FeedFacts, FeedState, assess, silent_before
from alertbot.incidents.incident import Incident, IncidentKind
from alertbot.messages.feed_incident import unread_words
from alertbot.ops.trouble import Cause, Trouble
from alertbot.rules.selection import TOTAL
from alertbot.service.dispatcher import Dispatcher
from alertbot.service.prober import Prober
from alertbot.store import samples
from alertbot.store.feed_reports import FeedReport
from alertbot.store.keeper import Storekeeper
from alertbot.units import DAY, SLOT, slot_at

_KINDS = (IncidentKind.DARK, IncidentKind.FEED, IncidentKind.VANISHED)
_MOST_CAUSES = 3

WEEKS_BACK = tuple(7 * DAY * week for week in (1, 2, 3, 4))
DAYS_BACK = tuple(DAY * day for day in range(1, 4))
_BACKS = (WEEKS_BACK, DAYS_BACK)
_HOUR_SLOTS = 3600 // SLOT

_SILENCE: Mapping[FeedState, Mapping[str, object]] = {
    FeedState.USUALLY_SILENT: {"usually_silent": True},
    FeedState.SILENT: {"account_wide": False},
    FeedState.EMPTY: {"account_wide": True},
    FeedState.UNSEEN: {"unseen": True},
}
"""What a new incident says of a silence."""


class FeedIncidents:
    """Compares how the feed is with the incidents that are open, and reports the difference, restarts included."""

    def __init__(self, dispatcher: Dispatcher, keeper: Storekeeper, channel: str, stale_after: float) -> None:
        self._dispatcher = dispatcher
        self._keeper = keeper
        self._channel = channel
        self._stale_after = stale_after
        self._open: dict[IncidentKind, Incident] = {}

    async def restore(self) -> None:
        """Learn which of these incidents are open."""
        self._open = {each.kind: each for each in await self._dispatcher.open_incidents(_KINDS)}

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong with the feed, as long as an incident about it is open."""
        failing, dark = self._open.get(IncidentKind.FEED), self._open.get(IncidentKind.DARK)
        if failing is not None and (cause := failing.facts.get("cause")):
            return Trouble(Cause.CALLS, f"no data: {cause}")
        if failing is not None:
            return Trouble(Cause.UNREADABLE, f"{unread_words(failing)} cannot be read")
        if dark is not None and not dark.usually_silent:
            return Trouble(Cause.NOTHING_NEWER, "no data: calls succeed, but show nothing newer")
        return None

    async def update(self, prober: Prober, unreadable: Mapping[str, str]) -> None:
        """Open, change and close incidents as the feed is now; ``unreadable``: why single series cannot be read."""
        facts = prober.facts(usually_silent=False)
        dark = self._open.get(IncidentKind.DARK)
        if dark is not None and dark.usually_silent:
            # At such an hour a little traffic now and then is usual too.
            facts = prober.facts(usually_silent=await self._usually_silent(facts.now, dark.since))
        elif assess(facts, self._stale_after).silence is not FeedState.FINE:
            silent_from = (facts.newest or 0) + SLOT
            facts = prober.facts(usually_silent=await self._usually_silent(facts.now, silent_from))
        assessment = assess(facts, self._stale_after)
        causes = sorted(set(unreadable.values()))
        silent = self._about_silence(assessment, facts, prober.silent_until)
        await self._report([*silent, *self._about_calls(assessment, facts, causes)])

    async def report_vanished(self, domains: Sequence[str], since: int) -> None:
        """Report that these domains, which carried traffic within the last day, are no longer the account's."""
        incident = self._open.get(IncidentKind.VANISHED)
        names = [] if incident is None else list(incident.facts.get("series", ()))
        if list(domains) == names:
            return
        over = not domains
        facts = {"series": names if over else list(domains)}
        await self._report([self._of(IncidentKind.VANISHED, since, facts, over=over)])

    async def _usually_silent(self, moment: float, since: int) -> bool:
        """Whether the account usually carries nothing at this time.

        The time is that ``since`` it fell silent, the last hour at most: what came before is not in question.
        """
        now = slot_at(moment)
        first = max(now - _HOUR_SLOTS * SLOT, since)
        count = max((now - first) // SLOT, 1)
        begun = await self._keeper.do(samples.first_traffic, TOTAL)
        # What lies before the account's first traffic was no silence: nothing is known of it.
        weeks, days = ([back for back in each if begun is not None and first - back >= begun] for each in _BACKS)
        known = [
            await self._keeper.do(samples.earlier, TOTAL, first, count, backs) if backs else np.empty((0, count))
            for backs in (weeks, days)
        ]
        return silent_before(*known)

    def _about_silence(
        self, assessment: FeedAssessment, facts: FeedFacts, silent_until: Callable[[int], int | None]
    ) -> list[FeedReport]:
        incident = self._open.get(IncidentKind.DARK)
        wide = assessment.silence is FeedState.EMPTY
        if incident is None:
            fresh = _SILENCE.get(assessment.silence)
            return [] if fresh is None else [self._of(IncidentKind.DARK, assessment.since, fresh)]
        if incident.usually_silent:
            return self._after_usual_silence(assessment, facts, incident)
        if wide and not incident.facts.get("account_wide"):
            return [self._of(IncidentKind.DARK, incident.since, {"account_wide": True})]
        if _shows_newer(facts, assessment, incident):
            back = silent_until(incident.since)
            proven = {} if back is None else {"dark_until": back}
            return [self._of(IncidentKind.DARK, incident.since, {**incident.facts, **proven}, over=True)]
        return []

    def _after_usual_silence(
        self, assessment: FeedAssessment, facts: FeedFacts, incident: Incident
    ) -> list[FeedReport]:
        """The end of a silence that was usual: the hour is usually silent no more, or there is no data to say so.

        A silence that lasts is another incident then, which mentions people.
        """
        if facts.usually_silent or facts.failing is not None:
            return []
        ended = self._of(IncidentKind.DARK, incident.since, incident.facts, over=True)
        fresh = _SILENCE.get(assessment.silence)
        if fresh is None:
            return [ended]
        return [ended, FeedReport(IncidentKind.DARK, self._channel, assessment.since, dict(fresh), None)]

    def _about_calls(self, assessment: FeedAssessment, facts: FeedFacts, causes: Sequence[str]) -> list[FeedReport]:
        incident = self._open.get(IncidentKind.FEED)
        fresh: dict[str, object] = {}
        if assessment.calls is FeedState.FAILING:
            fresh = {"cause": assessment.cause}
        elif assessment.calls is FeedState.UNREADABLE:
            fresh = {"series": list(assessment.series), "causes": list(causes[:_MOST_CAUSES])}
            if assessment.alone:
                fresh["alone"] = dict(assessment.alone)
            if incident is not None and not incident.facts.keys().isdisjoint(("cause", "failed")):
                fresh["failed"] = True  # what is read last of all is not what the incident was about
        if not fresh:
            # Calls that failed for a moment only are neither the end of an incident nor a new one.
            if incident is None or facts.failing is not None:
                return []
            return [self._of(IncidentKind.FEED, incident.since, incident.facts, over=True)]
        if incident is not None and dict(incident.facts) == fresh:
            return []
        if incident is not None:
            return [self._of(IncidentKind.FEED, incident.since, fresh)]
        longest = max((facts.unreadable.get(name, 0.0) for name in assessment.series), default=0.0)
        lasting = longest if facts.failing is None else facts.failing
        return [self._of(IncidentKind.FEED, int(facts.now - lasting), fresh)]

    def _of(self, kind: IncidentKind, since: int, facts: Mapping[str, object], *, over: bool = False) -> FeedReport:
        incident = self._open.get(kind)
        number = None if incident is None else incident.number
        return FeedReport(kind, self._channel, since, dict(facts), number, over)

    async def _report(self, reports: Sequence[FeedReport]) -> None:
        if reports:
            await self._dispatcher.report(reports)
            await self.restore()


def _shows_newer(facts: FeedFacts, assessment: FeedAssessment, incident: Incident) -> bool:
    """Whether there is newer data than when the incident of a dark feed began, or any where there was none."""
    if facts.failing is not None or facts.newest is None:
        return False
    return bool(incident.facts.get("unseen")) or assessment.since > incident.since
