"""Probing: a cheap call for the account's total every few seconds, which says what can be known of all series."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence

from alertbot.errors import FeedError, FeedGarbled
from alertbot.feed.clock import ApiTime
from alertbot.feed.frontier import UNBROKEN_GAP, Frontier, Probe, advance, interrupted
from alertbot.feed.lateness import Lateness
from alertbot.feed.outages import FeedOutages
from alertbot.feed.probe_pace import ProbePace
from alertbot.feed.publications import Publications
from alertbot.feed.staleness import FeedFacts
from alertbot.feed.total import AccountTotal
from alertbot.rules.selection import Group
from alertbot.service.dispatcher import Dispatcher
from alertbot.store.restart import Memory
from alertbot.units import SLOT

log = logging.getLogger(__name__)


class Prober:
    """Keeps the frontier, how late series are, and when slots were published, and has the dispatcher store them."""

    def __init__(
        self,
        total: AccountTotal,
        dispatcher: Dispatcher,
        groups: Sequence[Group],
        *,
        probe: float,
        max_lag: int,
        time: ApiTime,
        outages: FeedOutages,
        frontier: Frontier,
        memory: Memory,
    ) -> None:
        self.frontier = frontier
        self.lateness = Lateness(max_lag, memory.late)
        self.publications = Publications(memory.published)
        self._total = total
        self._dispatcher = dispatcher
        self._groups = groups
        self.max_lag = max_lag
        self._pace = ProbePace(probe)
        self._time = time
        self._outages = outages
        self._carried: tuple[int, list[int]] = (0, [])  # where the last answer begins, and the slots with traffic
        self._changed_at: float | None = None
        self._probed_at: float | None = None
        self._answered_at = 0.0  # epoch seconds
        self._reached: deque[tuple[int, float]] = deque()  # where the frontier was when, monotonic

    @property
    def total_refused(self) -> bool:
        """Whether the API does not answer for the total, so that the domains are added up."""
        return self._total.refused

    def silent_until(self, since: int) -> int | None:
        """The slot with which traffic came back, where the account carried none in two slots or more from ``since`` on.

        ``None`` where nothing came back yet, or where what was not published for a while is there now.
        """
        start, carried = self._carried
        back = next((slot for slot in carried if slot >= since), None)
        return back if back is not None and start <= since and back >= since + 2 * SLOT else None

    def exclude(self, domains: frozenset[str]) -> None:
        """Leave these out of the total where the domains are added up: the account does not have them."""
        self._total.exclude(domains)

    async def probe(self) -> None:
        """Ask for the total; raises ``FeedError``, after which silence must be waited for afresh."""
        self._pace.asked(self._time.monotonic())
        try:
            answer = await self._total.ask(self.frontier)
            carried = sorted(slot for slot, value in answer.values.items() if value > 0)
            newest = carried[-1] if carried else None
            seen = self.frontier.newest
            if newest is None and not self._total.refused and seen is not None and answer.start <= seen:
                raise FeedGarbled("stat/bandwidth domains=all", "the API stopped returning data it returned earlier")
        except FeedError:
            self.frontier = interrupted(self.frontier)
            raise
        self._carried = answer.start, carried
        jumps = self._time.jumps
        self._time.learn(answer.server_time, newest)
        if self._time.jumps == jumps:  # else that was asked for by a wrong clock
            await self._advance(newest, self._time.monotonic())

    def _together(self) -> int | None:
        """The first of several slots that this answer is the first to show, where they usually come one by one.

        ``None`` where nobody looked meanwhile: a machine that slept did not see how they came.
        """
        seen, slept = self.frontier.newest, self._time.time() - self._answered_at >= UNBROKEN_GAP
        if seen is None or slept or self.publications.lag() is None:
            return None
        new = [slot for slot in self._carried[1] if slot > seen]
        return new[0] if len(new) > 1 else None

    async def _advance(self, newest: int | None, now: float) -> None:
        """Move the frontier as far as a probe at ``now``, monotonic seconds, allows."""
        before = self.frontier
        if self._probed_at is None:
            self._restore_lateness(now)
        probe = Probe(newest, self._time.earliest(), now, self._together())
        self.frontier = advance(before, probe, self.max_lag)
        if before.probed is None and self._probed_at is not None:
            self.lateness.paused(self._probed_at, now)
        self._probed_at, self._answered_at = now, self._time.time()
        if self.frontier.newest != before.newest or self._changed_at is None:
            self._changed_at = now
        if self.frontier.newest is not None and self.frontier.newest != before.newest:
            # What the frontier reached then, a later process must know.
            shown = self.publications.note(self.frontier.newest, self._time.time())
            await self._dispatcher.note_publication(self.frontier.newest, shown)
        if self.frontier.slot is not None and self.frontier.slot != before.slot:
            log.debug("the frontier is %s, the newest slot %s", self.frontier.slot, self.frontier.newest)
            self.lateness.reached(before.slot, self.frontier.slot, now)
            self._reached.append((self.frontier.slot, now))
            await self._dispatcher.begin_rules(self.frontier.slot)

    def _restore_lateness(self, now: float) -> None:
        """Learn when the frontier reached the slots of the last day, as an earlier process saw it."""
        before, since = None, now - self._time.time()
        for newest, shown in self.publications.in_order():
            self.lateness.reached(before, newest - SLOT, min(since + shown, now))
            before = newest - SLOT

    def frontier_before(self, seconds: float) -> int | None:
        """The slot where the frontier was so many seconds ago; ``None`` where it was nowhere then."""
        since = self._time.monotonic() - seconds
        while len(self._reached) > 1 and self._reached[1][1] <= since:
            self._reached.popleft()
        return self._reached[0][0] if self._reached and self._reached[0][1] <= since else None

    def facts(self, *, usually_silent: bool) -> FeedFacts:
        """How the feed stands, for ``staleness.assess``."""
        since = self._outages.first_answer if self.frontier.newest is None else self._changed_at
        return FeedFacts(
            now=self._time.time(),
            newest=self.frontier.newest,
            frontier=self.frontier.slot,
            unchanged=0.0 if since is None else self._time.monotonic() - since,
            failing=self._outages.failing_for(),
            cause=self._outages.cause,
            unreadable=self._outages.unreadable_for(),
            refused=self._outages.refused_for(),
            sums={group.series: group.members for group in self._groups if group.is_summed},
            usually_silent=usually_silent,
        )

    def due_in(self) -> float:
        """Seconds until the next probe. While calls fail nothing is known of when a slot is likely to be published."""
        due = None if self.frontier.probed is None else self.publications.due_at(self.frontier.newest)
        expected = None if due is None else due - self._time.time()
        return self._pace.due_in(self._time.monotonic(), expected)
