"""Polling: a fan-out over the series that lag behind the frontier.

An answer counts only up to the frontier as it stood before the call began, less what the series is held back for
being late; within that an absent bucket is a true zero. The prompt series are asked for first, and each late one once
its lateness has passed. What a failed call would have shown stays unknown, and is asked for first the next time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from alertbot.alerts.ledger import Ledger
from alertbot.config.watch import Watch
from alertbot.errors import FeedError, FeedUnknownDomain
from alertbot.feed.api import CdnApi
from alertbot.feed.budget import Budget
from alertbot.feed.clock import ApiTime
from alertbot.feed.departures import departures, emptied
from alertbot.feed.lateness import LateSlot
from alertbot.feed.outages import FeedOutages
from alertbot.feed.plan import plan_calls
from alertbot.feed.reader import MOST_SLOTS, Reading, ReadRequest, ReadResult, SeriesReader, refuses_token
from alertbot.feed.second_looks import FRESH
from alertbot.rules.selection import TOTAL
from alertbot.service.attention import Attention
from alertbot.service.dispatcher import Dispatcher
from alertbot.service.fan_out import FanOut
from alertbot.service.older_history import CALL_SECONDS, OlderHistory
from alertbot.service.prober import Prober
from alertbot.units import DAY, DAY_SLOTS, SLOT, slot_at

REREAD = 24
"""Slots that every fan-out reads again: values may be revised."""

HOURLY_REREAD = 29 * 3600 // SLOT
"""Slots read again once an hour: a day back, and once more what is 28 hours old."""

HISTORY = 8 * DAY_SLOTS
"""Slots fetched at a first start at least: a week back to compare with, still one call a series."""

FAR_BEHIND = 4 * SLOT
"""Seconds of data by which a series may be behind the frontier, whatever the reason, before that is not healthy."""

GIVE_UP_AFTER = 5
"""Calls in a row without an answer after which a fan-out waits for the next probe."""


class Poller:
    """Reads the feed into a ledger and hands the dispatcher what was judged.

    ``keep``: slots of history at most. ``progress`` is called with the series of which history is read, and with all of
    them; ``judged`` with how many slots were judged, in how many seconds; ``fired``, after alerts were committed, with
    when that was and for how many seconds they could have been known.
    """

    def __init__(
        self,
        api: CdnApi,
        watch: Watch,
        ledger: Ledger,
        dispatcher: Dispatcher,
        prober: Prober,
        *,
        each_domain: bool,
        keep: int,
        time: ApiTime,
        outages: FeedOutages,
        budget: Budget,
        progress: Callable[[int, int], None],
        judged: Callable[[int, float], None] = lambda _slots, _seconds: None,
        fired: Callable[[float, float], None] = lambda _committed, _waited: None,
    ) -> None:
        self._watch = watch
        self.prober = prober
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._keep = keep
        self._time = time
        self._outages = outages
        self._progress = progress
        self._judged = judged
        self._attention = Attention(watch.series, ledger, prober, dispatcher.series_begun, time)
        self._fired = fired
        self._fan_out = FanOut(self._attention, time, budget.polls_a_minute)
        self._overtook = False  # whether that asks for newer slots than one that was not through
        self._lacks_history = set(watch.series)
        self._reread_at = dict.fromkeys(watch.series, 0)
        self._excluded: frozenset[str] = frozenset()
        self._unknown: set[str] = set()
        plan = plan_calls(watch.domains, watch.groups)
        self._reader = SeriesReader(api, plan, each_domain=each_domain, recent=REREAD, known=self._known)
        self._older = OlderHistory(self._reader, ledger, budget, time)

    async def fan_out(self) -> None:
        """Read, judge and commit every series of which a newer slot may be known; older history once there is none.

        It breaks off when a probe is due, since another slot may be there: the next one goes on where nothing is new.
        """
        frontier = self.prober.frontier.slot
        if frontier is None:
            return
        fan_out, a_call = self._fan_out, self._reader.domains_a_call
        self._overtook = fan_out.begin(frontier, self.behind(), a_call)
        fresh = fan_out.fresh(lambda series: self._ledger.cursor(series) is None)
        silent = 0
        while batch := fan_out.batch(a_call, self._not_to_ask()):
            outcomes = await self._reader.read([self._request(series, frontier) for series in batch], frontier)
            answered = await self._judge(outcomes, frontier)
            silent = 0 if answered else silent + len(batch)
            if silent >= GIVE_UP_AFTER or any(refuses_token(outcome) for outcome in outcomes.values()):
                fan_out.end()
                self._older.pause()
                return
            if fresh:
                self._progress(min(fan_out.tried, fresh), fresh)
            elif fan_out.left and self.prober.due_in() <= 0:
                return
        if self._older_history_in() <= 0:
            await self._older.read(crowded=fan_out.is_even)
            await self._commit({}, frontier, {}, ())

    @property
    def through(self) -> bool:
        """Whether all series of a slot were asked for, as far as could be before the next slot was there."""
        return self._overtook or not self._fan_out.left or self._outages.cause is not None

    def next_look(self) -> float:
        """Seconds until a series is to be asked for; infinite where none is."""
        frontier = self.prober.frontier.slot
        if frontier is None:
            return math.inf
        late = self._attention.next_look(frontier, self._reader.domains_a_call, self._not_to_ask())
        return min(late, self._fan_out.wait(), self._older_history_in())

    def _older_history_in(self) -> float:
        """Seconds until older history may be read; infinite where there is none, or something newer would wait."""
        if self._fan_out.left or self.prober.due_in() < CALL_SECONDS:
            return math.inf
        return self._older.due_in(crowded=self._fan_out.is_even)

    def behind(self) -> list[str]:
        """The series not asked for since the frontier moved, the total first."""
        frontier = self.prober.frontier.slot
        return [] if frontier is None else self._attention.behind(frontier, self._not_to_ask())

    def _not_to_ask(self) -> frozenset[str]:
        return self._excluded | {TOTAL} if self.prober.total_refused else self._excluded

    def unjudged(self, seconds: float) -> list[str]:
        """The series with a slot that could be known for so many seconds and is not judged.

        What cannot be read is no such series until it is far behind, whatever was restarted or could not be stored
        meanwhile; nor is one whose history, or whose second look, is still to come. While every call fails none is.
        """
        frontier, due = self.prober.frontier.slot, self.prober.frontier_before(seconds)
        if frontier is None or self._outages.cause is not None:
            return []
        excused = self._lacks_history | self._outages.unreadable.keys()
        left_out = self._not_to_ask()
        return [
            series
            for series in self._watch.series
            if series not in left_out
            and not self._attention.awaits_second_look(series, frontier)
            and (
                self._is_far_behind(series, frontier)
                or (due is not None and series not in excused and self._attention.lags(series, due))
            )
        ]

    def _is_far_behind(self, series: str, frontier: int) -> bool:
        return self._ledger.cursor(series) is not None and self._attention.lags(series, frontier - FAR_BEHIND)

    def exclude(self, domains: frozenset[str]) -> None:
        """Do not ask for these any more: the account does not have them. From now on sums are without them."""
        groups, now = self._watch.groups, slot_at(self._time.time())
        cursor, late = self._ledger.cursor, self.prober.max_lag
        self._reader.departed = departures(groups, domains, self._reader.departed, now, cursor, late)
        self.prober.exclude(domains)
        self._excluded = domains | emptied(groups, domains)
        self._fan_out.forget(self._excluded)
        self._unknown -= self._excluded
        for series in self._excluded:
            self._outages.series_read(series)

    @property
    def has_unknown_domains(self) -> bool:
        """Whether the API says of domains that are asked for that the account does not have them."""
        return bool(self._unknown)

    def carried_recently(self, series: str) -> bool:
        """Whether a series carried anything within the last known day."""
        last = self._ledger.cursor(series)
        return last is not None and bool(np.nansum(self._known(series, last - DAY + SLOT, DAY_SLOTS)) > 0)

    def _request(self, series: str, frontier: int) -> ReadRequest:
        """Read from the slot after the last known one; further back for what may be revised, and once for history."""
        oldest = frontier - self._keep * SLOT
        cursor = self._ledger.cursor(series)
        first = frontier - (REREAD - 1) * SLOT
        if frontier - self._reread_at[series] >= 3600:
            first = frontier - (HOURLY_REREAD - 1) * SLOT
        if cursor is not None:
            first = min(first, cursor + SLOT)
        if series in self._lacks_history:
            first = min(first, self._history_from(series, frontier, cursor))
        if first < oldest:
            self._ledger.give_up(series, oldest - SLOT)
        self._older.leave(series, max(first, oldest), frontier)
        return ReadRequest(series, max(first, oldest, frontier - (MOST_SLOTS - 1) * SLOT))

    def _history_from(self, series: str, frontier: int, cursor: int | None) -> int:
        """The first slot that the rules look back on and that is not known."""
        needed = self._watch.engine.depth_of(series) + self._watch.patience
        depth = max(HISTORY, needed) if cursor is None else needed
        first = frontier - depth * SLOT
        unknown = np.flatnonzero(np.isnan(self._known(series, first, depth)))
        return first + SLOT * int(unknown[0]) if len(unknown) else frontier

    async def _judge(self, outcomes: Mapping[str, ReadResult], frontier: int) -> int:
        """Take what was read, judge and commit it; how many series were answered."""
        read: dict[str, Reading] = {}
        for series, outcome in outcomes.items():
            if isinstance(outcome, FeedError):
                self._outages.series_failed(series, outcome)
                if isinstance(outcome, FeedUnknownDomain):
                    self._unknown.add(series)
            else:
                self._outages.series_read(series)
                self._unknown.discard(series)
                read[series] = outcome
        if read:
            # Revisions first: a series that raised a false alarm is held back before any newer slot of it is believed.
            late = [late for series, reading in read.items() for late in self._take_revised(series, reading, frontier)]
            late += [self.prober.lateness.false_alarm(series, frontier) for series in sorted(self._ledger.revise())]
            begun = {series: frontier for series in read if series not in self._dispatcher.series_begun}
            self._dispatcher.series_begun |= begun
            known = {series: self._take_new(series, reading, frontier) for series, reading in read.items()}
            self._attention.looked(read, known, frontier, self._reader.domains_a_call)
            await self._commit(read, frontier, begun, late)
            self._ledger.trim()
        return len(read)

    def _take_revised(self, series: str, reading: Reading, frontier: int) -> list[LateSlot]:
        """Take what was revised of slots already judged: the slots that turned out to be late."""
        cursor = self._ledger.cursor(series)
        if cursor is not None and cursor >= reading.first:
            self._ledger.take(series, reading.first, reading.values[: (cursor - reading.first) // SLOT + 1])
        recent = max(reading.first, frontier - (REREAD - 1) * SLOT)
        return self.prober.lateness.observe(
            series, recent, reading.values[(recent - reading.first) // SLOT :], reading.began
        )

    def _take_new(self, series: str, reading: Reading, frontier: int) -> int:
        """Take the slots that are known now and were not judged before: up to which the series is known."""
        known_to = self._believed_to(series, reading, frontier)
        if known_to >= reading.first:
            self._ledger.take(series, reading.first, reading.values[: (known_to - reading.first) // SLOT + 1])
        if reading.cut:
            self._ledger.give_up(series, reading.first - SLOT)
        if self._ledger.cursor(series) is None:
            # What has been so for a while is told at once: it began before any slot that may only be late.
            self._ledger.start(series, known_to - int(FRESH) - self._watch.patience * SLOT)
        if reading.first <= frontier - (HOURLY_REREAD - 1) * SLOT:
            self._reread_at[series] = frontier
        self._lacks_history.discard(series)
        return known_to

    def _believed_to(self, series: str, reading: Reading, frontier: int) -> int:
        """The last slot that an answer makes known.

        Of a series that nobody has looked at before the newest slots are believed where they are no zeros: it may be
        late. One look later that has shown itself.
        """
        known_to = self.prober.lateness.known_to(series, frontier, reading.began)
        if self._attention.is_new(series, frontier):
            carried = np.flatnonzero(reading.values[: (known_to - reading.first) // SLOT + 1])
            last = reading.first + SLOT * int(carried[-1]) if len(carried) else known_to
            return max(last, frontier - self.prober.max_lag // SLOT * SLOT)
        return known_to

    async def _commit(
        self, read: Mapping[str, Reading], frontier: int, begun: Mapping[str, int], late: Sequence[LateSlot]
    ) -> None:
        """Judge what is known now, and commit it with all that comes of it."""
        began = self._time.monotonic()
        entry = self._ledger.judge(frontier, self._attention.doubts)
        self._judged(entry.slots, self._time.monotonic() - began)
        self._attention.look_twice(read)
        committed = await self._dispatcher.commit(entry, frontier, begun, late)
        waited = [self._attention.known_for(change.alert, frontier) for change in entry.changes if change.fired]
        if known := [each for each in waited if each is not None]:
            self._fired(committed, max(known))

    def _known(self, series: str, first: int, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return self._ledger.grid.values(first, count, np.array([self._ledger.grid.column[series]]))[:, 0]
