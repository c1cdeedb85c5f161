"""Keeps the incidents about the feed itself: silence, failing calls, domains that left the account."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from alertbot.feed.staleness import FeedAssessment, FeedFacts, FeedState, assess
from alertbot.incidents.incident import Incident, IncidentKind
from alertbot.service.dispatcher import Dispatcher
from alertbot.store.turns import FeedReport

_KINDS = (IncidentKind.DARK, IncidentKind.FEED, IncidentKind.VANISHED)
_MOST_CAUSES = 3


class FeedIncidents:
    """Compares how the feed is with the incidents that are open, and reports the difference, restarts included."""

    def __init__(self, dispatcher: Dispatcher, channel: str, stale_after: float) -> None:
        self._dispatcher = dispatcher
        self._channel = channel
        self._stale_after = stale_after
        self._open: dict[IncidentKind, Incident] = {}

    async def restore(self) -> None:
        """Learn what was told before."""
        self._open = {incident.kind: incident for incident in await self._dispatcher.reported(_KINDS)}

    def needs_history(self, facts: FeedFacts) -> bool:
        """Whether silence would be told unless it is usual: only then that needs to be found out."""
        return assess(facts, self._stale_after).silence is not FeedState.FINE

    async def look(self, facts: FeedFacts, causes: Callable[[], Sequence[str]]) -> None:
        """Open, change and close incidents as the facts are now; ``causes`` says why single series cannot be read."""
        assessment = assess(facts, self._stale_after)
        reports = [
            *self._about_silence(assessment, facts),
            *self._about_calls(assessment, facts, causes),
        ]
        await self._tell(reports)

    async def vanished(self, domains: Sequence[str], since: int) -> None:
        """These domains, which carried traffic within the last day, are no longer the account's."""
        told = self._open.get(IncidentKind.VANISHED)
        names = [] if told is None else list(told.facts.get("series", ()))
        if list(domains) == names:
            return
        over = not domains
        facts = {"series": names if over else list(domains)}
        await self._tell([self._report(IncidentKind.VANISHED, since, facts, over=over)])

    def _about_silence(self, assessment: FeedAssessment, facts: FeedFacts) -> list[FeedReport]:
        told = self._open.get(IncidentKind.DARK)
        wide = assessment.silence is FeedState.EMPTY
        if assessment.since is None:
            return []
        if told is None:
            if assessment.silence not in {FeedState.SILENT, FeedState.EMPTY}:
                return []
            return [self._report(IncidentKind.DARK, assessment.since, {"account_wide": wide})]
        if wide and not told.facts.get("account_wide"):
            return [self._report(IncidentKind.DARK, told.since, {"account_wide": True})]
        if facts.failing is None and assessment.since > told.since:
            return [self._report(IncidentKind.DARK, told.since, told.facts, over=True)]
        return []

    def _about_calls(
        self, assessment: FeedAssessment, facts: FeedFacts, causes: Callable[[], Sequence[str]]
    ) -> list[FeedReport]:
        told = self._open.get(IncidentKind.FEED)
        fresh: dict[str, object] = {}
        if assessment.calls is FeedState.FAILING:
            fresh = {"cause": assessment.cause}
        elif assessment.calls is FeedState.UNREADABLE:
            fresh = {"series": list(assessment.series), "causes": list(causes())[:_MOST_CAUSES]}
        if not fresh:
            # Calls that failed for a moment only are no end of what was told, nor a new beginning.
            if told is None or facts.failing is not None:
                return []
            return [self._report(IncidentKind.FEED, told.since, told.facts, over=True)]
        if told is not None and dict(told.facts) == fresh:
            return []
        return [self._report(IncidentKind.FEED, int(facts.now), fresh)]

    def _report(self, kind: IncidentKind, since: int, facts: Mapping[str, object], *, over: bool = False) -> FeedReport:
        told = self._open.get(kind)
        number = None if told is None else told.number
        return FeedReport(kind, self._channel, since, dict(facts), number, over)

    async def _tell(self, reports: Sequence[FeedReport]) -> None:
        if reports:
            await self._dispatcher.report(reports)
            await self.restore()
