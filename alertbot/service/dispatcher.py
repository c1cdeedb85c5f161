"""Turns what was judged into incidents and messages, and commits all of it in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from alertbot.alerts.ledger import Entry, Ledger
from alertbot.clock import Clock
from alertbot.config import SlackSettings
from alertbot.config.watch import Watch
from alertbot.incidents.incident import Incident, IncidentKind
from alertbot.incidents.notes import Note
from alertbot.incidents.storm import LONGEST_WAIT
from alertbot.service.turn import Turn
from alertbot.store import alerts, feed_reports, incidents, turns
from alertbot.store.alerts import traits_of
from alertbot.store.feed import LateSlot, write_publications
from alertbot.store.feed_reports import FeedReport
from alertbot.store.keeper import Storekeeper
from alertbot.store.rules import write_rules_begun
from alertbot.store.turns import Batch
from alertbot.units import SLOT


class Dispatcher:
    """Writes for one watch and its ledger; ``wake`` is called once there are messages to send.

    ``series_begun`` and ``rules_begun``: the frontier at which each was first at work. What was in breach before is
    posted as a summary. ``rules_meant_since``: the last slot judged by what a rule meant before an upgrade.
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
        rules_meant_since: Mapping[str, int] | None = None,
    ) -> None:
        self.series_begun = dict(series_begun)
        self.rules_begun = dict(rules_begun)
        self._rules_meant_since = rules_meant_since or {}
        self.watch = watch
        self.slack = slack
        self.wake = wake
        self._ledger = ledger
        self._keeper = keeper
        self._clock = clock
        self._frontier: int | None = None
        self._waiting_since: float | None = None  # when alerts began to wait for the size of a storm, monotonic seconds

    async def commit(
        self, entry: Entry, frontier: int | None, begun: Mapping[str, int] | None = None, late: Sequence[LateSlot] = ()
    ) -> float:
        """Store samples, cursors, alerts and messages: all of it, or ``StoreError`` and nothing; when that was.

        ``begun``: the frontier at which series were asked for first; ``late``: slots that came late.
        """
        self._frontier = frontier
        batch = Batch(
            grid=self._ledger.grid,
            touched=entry.touched,
            cursors=entry.cursors,
            alerts=entry.alerts,
            changes=entry.changes,
            traits=traits_of(self.watch.rules),
            now=self._clock.time(),
            begun=begun or {},
            late=late,
            restored=entry.restored,
            silences=entry.silences,
        )
        turn = self.turn()
        await self._keeper.do(turns.commit, batch, turn)
        if entry.silences:
            self.wake()
        if entry.changes:
            self._waiting_since = (self._waiting_since or self._clock.monotonic()) if turn.waits else None
            await self.note_acknowledged()
            self.wake()
        elif self._waiting_since is not None and not turn.may_wait:
            await self._post(turn)
        return batch.now

    async def post_due(self, *, settled: bool = True) -> None:
        """Post what is due by now; where all series of a slot are judged, what that comes to altogether."""
        await self._post(self.turn(settled=settled))

    async def _post(self, turn: Turn) -> None:
        if not turn.may_wait:
            self._waiting_since = None
        if await self._keeper.do(turns.post_due, turn, turn.now):
            await self.note_acknowledged()
            self.wake()

    def teach(self, series: str, *, silence: bool) -> None:
        """Whether alerts of a series may teach that it is usually silent, from the next slot on."""
        self._ledger.grid.aside.teach(series, silence=silence)
        self.wake()

    async def note_acknowledged(self) -> None:
        """Note in the ledger which alerts people acknowledged, by an order or by an incident that others came into."""
        self._ledger.acknowledge(await self._keeper.do(alerts.acknowledged))

    def turn(self, *, settled: bool = False, changed: Mapping[int, tuple[Note, ...]] | None = None) -> Turn:
        """What decides, as things are now, and words it; ``changed``: notes about what people did just now."""
        since = self._waiting_since
        return Turn(
            self.watch,
            self._ledger,
            self.slack,
            (self.series_begun, self.rules_begun),
            self._rules_meant_since,
            self._clock.time(),
            self._frontier,
            settled=settled,
            may_wait=not settled and (since is None or self._clock.monotonic() - since < LONGEST_WAIT),
            changed=changed or {},
        )

    def now(self) -> float:
        """Epoch seconds by the API's clock."""
        return self._clock.time()

    async def begin_rules(self, frontier: int) -> None:
        """Note that rules which were not at work before are from here on, or from the next slot to be judged."""
        begun = max(frontier, self._ledger.judged_to + SLOT)  # after a restart the frontier is where it was judged to
        new = {name: begun for name in self.watch.rules if name not in self.rules_begun}
        if new:
            await self._keeper.do(write_rules_begun, new)
            self.rules_begun |= new

    async def note_publication(self, slot: int, shown: float) -> None:
        """Keep when the total first showed a slot, epoch seconds."""
        await self._keeper.do(write_publications, {slot: shown})

    async def report(self, reports: Sequence[FeedReport]) -> None:
        """Open, change or close incidents about the feed itself."""
        if reports:
            turn = self.turn()
            await self._keeper.do(feed_reports.report, reports, turn, turn.now)
            self.wake()

    async def open_incidents(self, kinds: Iterable[IncidentKind]) -> list[Incident]:
        """The open incidents of these kinds."""
        return await self._keeper.do(incidents.open_incidents, kinds)
