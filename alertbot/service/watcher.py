"""One turn of watching after another, from the domains to watch to judged slots and the feed's own incidents."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable

from alertbot.alerts.ledger import Ledger
from alertbot.clock import Clock
from alertbot.config import Config
from alertbot.config.watch import Watch, lay_out
from alertbot.errors import FeedError, StoreError, StoreLost
from alertbot.feed.api import CdnApi
from alertbot.feed.budget import Budget
from alertbot.feed.clock import ApiTime
from alertbot.feed.frontier import Frontier
from alertbot.feed.outages import FeedOutages
from alertbot.feed.second_looks import FIRST_HOUR
from alertbot.feed.total import AccountTotal
from alertbot.incidents.orders import Executor
from alertbot.messages.alert import several
from alertbot.ops.outage import Outage
from alertbot.ops.trouble import Cause, Trouble
from alertbot.query.live import Live
from alertbot.service.discovery import LIST, Discovery
from alertbot.service.dispatcher import Dispatcher
from alertbot.service.feed_incidents import FeedIncidents
from alertbot.service.poller import Poller
from alertbot.service.prober import Prober
from alertbot.service.requests import apply_requests
from alertbot.service.restore import restored_frontier, restored_ledger
from alertbot.service.store_outage import StoreOutage
from alertbot.store import feed, restart
from alertbot.store.keeper import Storekeeper
from alertbot.store.restart import Memory
from alertbot.units import DAY, SLOT, format_duration

log = logging.getLogger(__name__)

TOO_MANY_EXCEPTIONS, HOPELESS_EXCEPTIONS = 3, 10
"""Looks in a row that end in an error of our own: until the service is not healthy, and until it ends."""

APART = 2.0
"""Seconds between two turns at least: what is due at about the same time is asked for together."""

LONGEST_UNJUDGED = 600.0
"""Seconds for which a slot that could be known may be unjudged."""


class Watcher:
    """Watches what a configuration says. ``wake`` is called once there are messages to send.

    ``completed`` adds to what the feed looks like what the rest of the service knows.
    """

    def __init__(
        self,
        config: Config,
        api: CdnApi,
        budget: Budget,
        keeper: Storekeeper,
        clock: Clock,
        *,
        wake: Callable[[], None],
        progress: Callable[[int, int], None],
        store_outage: StoreOutage,
        executor: Executor,
        completed: Callable[[Live], Live] = lambda live: live,
        judged: Callable[[int, float], None] = lambda _slots, _seconds: None,
        fired: Callable[[float, float], None] = lambda _committed, _waited: None,
    ) -> None:
        self.watch: Watch | None = None
        self.dispatcher: Dispatcher | None = None
        self._config = config
        self._api = api
        self._budget = budget
        self._keeper = keeper
        self._clock = clock
        self._wake = wake
        self._progress = progress
        self._store_outage = store_outage
        self._executor = executor
        self._completed = completed
        self._judged = judged
        self._fired = fired
        self._time = ApiTime(clock)
        self._outages = FeedOutages(clock)
        self._poller: Poller | None = None
        self._feed_incidents: FeedIncidents | None = None
        self._discovery = Discovery(config, api, keeper, clock, self._outages)
        self._exceptions = Outage()
        self._lost: str | None = None  # what became of the database
        self._outdated = False  # what is at work is of an earlier configuration
        self._jumps = 0  # of the reckoning of time, when what is at work was restored

    def reconfigure(self, config: Config, api: CdnApi) -> None:
        """Work by another configuration from the next turn on; not to be called during one.

        Where the same API is asked, the frontier stays as it is: the silence that counts towards it has been watched.
        """
        if api is not self._api:
            self._poller = None
            self._outages = FeedOutages(self._clock)
        self._config, self._api = config, api
        self._discovery = Discovery(config, api, self._keeper, self._clock, self._outages)
        self._outdated = True

    async def tick(self) -> None:
        """Take one turn; what fails is logged, and tried again at the next.

        What is in memory may then be ahead of the database, so that the next begins again from what is stored.
        """
        try:
            if self._store_outage.lasts:
                await self._write_live()  # while that fails, there is no use in asking the API for more
            await self._discover()
            if self._poller is None or self._outdated:
                await self._restore()
            await apply_requests(self._keeper, self._executor, self._time, self._config.slack.zone)
            await self._probe_and_poll()
            if self.dispatcher is not None:
                await self.dispatcher.post_due(settled=self._poller is None or self._poller.through)
            await self._write_live()
            await self._store_outage.ended()
        except asyncio.CancelledError:
            self._poller = None
            raise
        except StoreError as error:
            self._poller = None
            self._lost = str(error) if isinstance(error, StoreLost) else None
            await self._store_outage.failed(error)
        except Exception as error:
            self._poller = None
            if self._exceptions.is_news(f"{type(error).__name__}: {error}"):
                log.exception("a turn failed: beginning again from what is stored")
        else:
            if times := self._exceptions.ended():
                log.info("turns succeed again, after %d that failed", times)

    async def _write_live(self) -> None:
        facts, now = self.live().to_json(), self._clock.time()
        await self._keeper.do(feed.write_live, facts, now)

    @property
    def trouble(self) -> Trouble | None:
        """Why nothing is judged that could be; ``None`` while all is well."""
        if self._exceptions.failures >= TOO_MANY_EXCEPTIONS:
            count, cause = self._exceptions.failures, self._exceptions.cause
            return Trouble(Cause.LOOKS, f"the last {count} looks at the feed ended in an error: {cause}")
        if (feed_trouble := None if self._feed_incidents is None else self._feed_incidents.trouble) is not None:
            return feed_trouble
        if (behind := self._time.behind) is not None:
            days = format_duration(behind)
            return Trouble(Cause.CLOCK, f"this machine's clock is {days} behind the CDN's: what is judged may be old")
        late = [] if self._poller is None else self._poller.unjudged(LONGEST_UNJUDGED)
        if not late:
            return None
        which = f"{several(late)} not judged for 10 minutes, such as {late[0]}"
        return Trouble(Cause.UNJUDGED, which)

    @property
    def hopeless(self) -> str | None:
        """Why only a new start can help: the database is lost, or look after look ended in an error."""
        if self._lost is not None:
            return f"{self._lost}; it goes on with what lies there now, so acknowledgements and silences may be gone"
        trouble = self.trouble
        return None if trouble is None or self._exceptions.failures < HOPELESS_EXCEPTIONS else trouble.words

    def now(self) -> float:
        """Epoch seconds by the API's clock."""
        return self._time.time()

    def due_in(self) -> float:
        """Seconds until the next turn has something to ask for; infinite where that is not known."""
        if self._poller is None:
            return math.inf
        return max(APART, min(self._poller.prober.due_in(), self._poller.next_look()))

    def live(self) -> Live:
        """What the feed looks like just now."""
        now = self._time.time()
        if self._poller is None or self.watch is None:
            return self._completed(Live(now, trouble=self._outages.cause))
        prober, frontier = self._poller.prober, self._poller.prober.frontier
        live = Live(
            now,
            trouble=self._outages.cause,
            frontier=frontier.slot,
            newest=frontier.newest,
            proof=frontier.proof,
            last_failure=self._outages.last_failure,
            learns_for=FIRST_HOUR,
            unreadable=self._outages.unreadable,
            calls_left=self._budget.left(),
            calls_per_minute=self._config.feed.calls_per_minute,
            domains=len(self.watch.domains),
            series=len(self.watch.series),
            behind=len(self._poller.behind()),
            held={} if frontier.slot is None else prober.lateness.hold_backs(frontier.slot),
            lag=prober.publications.lag(),
            skew=self._time.skew if self._time.apart is None else self._time.apart,
            gone=tuple(sorted(self._discovery.gone)),
        )
        return self._completed(live)

    def awaited(self) -> frozenset[str]:
        """The series that are still to be asked for since the frontier moved: newer slots of these may be known."""
        if self._poller is None:
            return frozenset() if self.watch is None else frozenset(self.watch.series)
        return frozenset(self._poller.behind())

    async def _probe_and_poll(self) -> None:
        if self._poller is None or self._feed_incidents is None:
            return
        if self._poller.prober.due_in() <= APART:
            try:
                await self._poller.prober.probe()
            except FeedError as error:
                self._outages.probe_failed(error)
            else:
                self._outages.probe_succeeded()
            if self._time.jumps != self._jumps:
                self._poller = None  # it looks at a time that it is not
                return
            await self._feed_incidents.update(self._poller.prober, self._outages.unreadable)
        if self._outages.cause is None:
            await self._poller.fan_out()

    async def _discover(self) -> None:
        """Watch the account's new domains from now on, and report those that left it."""
        unknown = self._poller is not None and self._poller.has_unknown_domains
        fresh = await self._discovery.look(unknown=unknown)
        if fresh is None:
            return
        if fresh:
            await self._restore()
        if self._poller is not None and self._feed_incidents is not None:
            self._poller.exclude(self._discovery.gone)
            missed = [domain for domain in sorted(self._discovery.gone) if self._poller.carried_recently(domain)]
            await self._feed_incidents.report_vanished(missed, int(self._time.time()))

    async def _restore(self) -> None:
        """Lay the rules over the watched series and restore what is stored of them; a frontier that is known stays."""
        config = self._config
        watch = lay_out(config, self._discovery.domains or ())
        self._jumps = self._time.jumps
        memory = await self._keeper.do(restart.memory, int(self._time.time()) - DAY)
        ledger = await restored_ledger(watch, config.store, self._keeper, self._time.time())
        dispatcher = Dispatcher(
            watch,
            ledger,
            self._keeper,
            config.slack,
            self._time,
            series_begun=memory.series_begun,
            rules_begun=memory.rules_begun,
            rules_meant_since=memory.rules_meant_since,
            wake=self._wake,
        )
        frontier = restored_frontier(ledger) if self._poller is None else self._poller.prober.frontier
        await dispatcher.commit(ledger.settle(), frontier.slot)
        self.dispatcher = dispatcher
        self._feed_incidents = FeedIncidents(dispatcher, self._keeper, config.slack.channel, config.feed.stale_after)
        await self._feed_incidents.restore()
        self._poller = self._poller_of(watch, ledger, dispatcher, frontier, memory)
        self._poller.exclude(self._discovery.gone)
        self._outages.forget_others({*watch.series, *([LIST] if config.discovers else [])})
        self.watch, self._outdated = watch, False

    def _poller_of(
        self, watch: Watch, ledger: Ledger, dispatcher: Dispatcher, frontier: Frontier, memory: Memory
    ) -> Poller:
        prober = Prober(
            AccountTotal(self._api, watch.domains, ledger.grid, self._time),
            dispatcher,
            watch.groups,
            probe=self._config.feed.probe,
            max_lag=self._config.feed.max_lag,
            time=self._time,
            outages=self._outages,
            frontier=frontier,
            memory=memory,
        )
        return Poller(
            self._api,
            watch,
            ledger,
            dispatcher,
            prober,
            each_domain=self._config.feed.each_domain,
            keep=self._config.store.keep // SLOT,
            time=self._time,
            outages=self._outages,
            budget=self._budget,
            progress=self._progress,
            judged=self._judged,
            fired=self._fired,
        )
