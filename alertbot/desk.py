"""The desk: turns what a judgement changed into incidents and messages, and commits all of it in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from alertbot.alerts.incidents import Incident, IncidentKind, OpenIncident, Placement, Placing, place
from alertbot.alerts.ledger import Entry, Ledger
from alertbot.alerts.lifecycle import Change, Phase
from alertbot.alerts.routing import channel_for
from alertbot.alerts.telling import Setting
from alertbot.clock import Clock
from alertbot.config import SlackSettings
from alertbot.slack.messages import incident_message, to_json
from alertbot.store.feedlog import LateSlot
from alertbot.store.outbox import Draft
from alertbot.store.store import Batch, Report
from alertbot.storekeeper import Storekeeper
from alertbot.units import SLOT
from alertbot.watch import Watch


class Desk:
    """Writes for one watch and its ledger; ``wake`` is called once messages are owed.

    ``rules_begun`` says at which frontier each rule was first at work; what burned before is told as a summary.
    """

    def __init__(
        self,
        watch: Watch,
        ledger: Ledger,
        keeper: Storekeeper,
        slack: SlackSettings,
        clock: Clock,
        *,
        series_begun: Mapping[str, int],
        rules_begun: Mapping[str, int],
        wake: Callable[[], None],
    ) -> None:
        self.series_begun = dict(series_begun)
        self.rules_begun = dict(rules_begun)
        self._watch = watch
        self._ledger = ledger
        self._keeper = keeper
        self._slack = slack
        self._clock = clock
        self._wake = wake
        self._data_to: int | None = None

    async def commit(
        self, entry: Entry, frontier: int | None, begun: Mapping[str, int] | None = None, late: Sequence[LateSlot] = ()
    ) -> None:
        """Store samples, cursors, alerts and messages: all of it, or ``StoreError`` and nothing.

        ``begun``: the frontier at which series were asked for first; ``late``: slots that came late.
        """
        now = self._clock.time()
        self._data_to = None if frontier is None else frontier + SLOT
        batch = Batch(
            grid=self._ledger.grid,
            touched=entry.touched,
            cursors=entry.cursors,
            alerts=entry.alerts,
            changes=entry.changes,
            traits=self._watch.traits,
            now=now,
            begun=begun or {},
            late=late,
        )
        placing = Placing(self._channel, self._begun, now)

        def placed(incidents: Sequence[OpenIncident]) -> Sequence[Placement | None]:
            return place(entry.changes, incidents, placing)

        await self._keeper.do(lambda store: store.commit(batch, placed, self._drafts))
        if entry.changes:
            self._wake()

    async def begin(self, frontier: int) -> None:
        """The frontier moved: rules that were not at work before are from here on."""
        new = {name: frontier for name in self._watch.rules if name not in self.rules_begun}
        if new:
            await self._keeper.do(lambda store: store.remember({}, new))
            self.rules_begun |= new

    async def note_publication(self, slot: int, shown: float) -> None:
        """Keep when the total first showed a slot, epoch seconds."""
        await self._keeper.do(lambda store: store.remember({slot: shown}, {}))

    async def report(self, reports: Sequence[Report]) -> None:
        """Tell what is not an alert of any series."""
        if reports:
            now = self._clock.time()
            await self._keeper.do(lambda store: store.report(reports, self._drafts, now))
            self._wake()

    async def reported(self, kinds: Iterable[IncidentKind]) -> list[Incident]:
        """The open incidents of these kinds."""
        return await self._keeper.do(lambda store: store.incidents(kinds))

    def _drafts(self, incident: Incident, new: bool) -> Iterator[Draft]:  # noqa: FBT001 - the store calls it so
        message = incident_message(incident, self._setting(), self._slack.mention)
        yield Draft(
            id=uuid.uuid4().hex,
            subject=f"incident:{incident.number}",
            action="post" if new else "update",
            channel=incident.channel,
            body=to_json(message),
        )

    def _setting(self) -> Setting:
        firing = {alert.series for alert in self._ledger.alerts.values() if alert.phase is Phase.FIRING}
        return Setting(
            now=self._clock.time(),
            data_to=self._data_to,
            domains=len(self._watch.domains),
            firing=frozenset(firing.intersection(self._watch.domains)),
            rules=self._watch.rules,
            zone=self._slack.zone,
        )

    def _channel(self, change: Change) -> str:
        rule = self._watch.rules.get(change.alert.rule)
        default = self._slack.channel
        return default if rule is None else channel_for(rule, change.alert.series, self._watch.groups, default)

    def _begun(self, change: Change) -> int:
        """The frontier when this rule first judged this series."""
        series, rule = self.series_begun.get(change.alert.series, 0), self.rules_begun.get(change.alert.rule, 0)
        return max(series, rule)
