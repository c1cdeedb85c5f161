"""The service: wires feed, store, rules and Slack together and runs until it is told to stop.

Start-up, then polls by the scheduler and deliveries as they are owed, then shutdown. All writing to the database is
done by one thread of its own.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from alertbot.alerts.ledger import Ledger
from alertbot.clock import Clock
from alertbot.config import Config
from alertbot.credentials import Credentials, require_api_token
from alertbot.desk import Desk
from alertbot.errors import CredentialsError, FeedError, StoreError
from alertbot.feed.api import CdnApi
from alertbot.feed.budget import Budget
from alertbot.feed.frontier import Frontier
from alertbot.ops.progress import Reporter
from alertbot.ops.systemd import Notifier
from alertbot.poll import Pace, Poller
from alertbot.query.live import Live
from alertbot.slack.commands import Commands, Subject
from alertbot.slack.delivery import Delivery, LogPoster, Poster
from alertbot.slack.workspace import Workspace
from alertbot.store.schema import Lock
from alertbot.storekeeper import Storekeeper
from alertbot.troubles import Troubles
from alertbot.units import DAY, SLOT, format_clock
from alertbot.watch import Watch, lay_out

log = logging.getLogger(__name__)

REDISCOVER = 3600.0
"""Seconds after which the account's domains are asked for again, where they are not listed."""

CLOCK_CHECK = 5.0
CLOCK_STEP = 10.0
"""Seconds by which the wall clock may leave the monotonic one between two checks before that is called a step."""


class Service:
    """One configuration at work. ``speed``: how many of the clock's seconds pass in a real one."""

    def __init__(
        self,
        config: Config,
        credentials: Credentials,
        clock: Clock,
        *,
        notifier: Notifier,
        progress: Reporter,
        poster: Poster | None = None,
        speed: float = 1.0,
    ) -> None:
        self._config = config
        self._clock = clock
        self._speed = speed
        self._notifier = notifier
        self._progress = progress
        self._stopping = asyncio.Event()
        self._lock = Lock(config.store.path)
        self._keeper = Storekeeper()
        self._budget = Budget(config.feed.calls_per_minute, clock)
        self._api = _api(config, credentials, self._budget, clock)
        self._troubles = Troubles(clock)
        self._watch: Watch | None = None
        self._poller: Poller | None = None
        self._discovered: tuple[float, tuple[str, ...]] | None = None
        self.commands = Commands(self._subject, self.live)
        self._workspace = _workspace(config, credentials, self.commands, clock)
        self._poster: Poster = poster or self._workspace or LogPoster()
        self._delivery = Delivery(self._keeper, self._poster, clock)
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._tasks: list[asyncio.Task[None]] = []

    def stop(self) -> None:
        """End as soon as can be; may be called from a signal handler."""
        self._stopping.set()

    async def run(self) -> None:
        """Start, work until ``stop``, shut down. ``CredentialsError`` and ``StoreError`` end the start."""
        try:
            await self._start()
            await self._stopping.wait()
        finally:
            self._notifier.stopping()
            await self._shut_down()

    def live(self) -> Live:
        """What the feed looks like just now."""
        poller, watch = self._poller, self._watch
        if poller is None or watch is None:
            return Live(self._clock.time(), trouble=self._troubles.cause)
        return Live(
            now=poller.time(),
            frontier=poller.frontier.slot,
            newest=poller.frontier.newest,
            trouble=self._troubles.cause,
            unreadable=self._troubles.unreadable,
            calls_left=self._budget.left(),
            calls_per_minute=self._config.feed.calls_per_minute,
            domains=len(watch.domains),
            series=len(watch.series),
            behind=len(poller.behind()),
        )

    async def _start(self) -> None:
        self._lock.take()
        await self._keeper.open(self._config.store.path)
        if retried := await self._keeper.do(lambda store: store.unpark()):
            log.info("%d messages that Slack refused are tried again", retried)
        if self._workspace is not None:
            await self._workspace.start()
        elif isinstance(self._poster, LogPoster):
            log.warning("there are no Slack tokens: messages are printed here, and no commands arrive")
        self._schedule()
        self._tasks = [asyncio.create_task(self._delivery.run()), asyncio.create_task(self._watch_clock())]
        self._notifier.ready()
        log.info("watching begins: a look at the account's total every %d s", self._config.feed.probe)

    def _schedule(self) -> None:
        probe = IntervalTrigger(seconds=max(self._config.feed.probe / self._speed, 0.01))
        # One at a time; a run that is late runs once, at once.
        self._scheduler.add_job(
            self._poll, probe, max_instances=1, coalesce=True, misfire_grace_time=None, next_run_time=datetime.now(UTC)
        )
        self._scheduler.add_job(
            self._forget, "interval", hours=1, max_instances=1, coalesce=True, misfire_grace_time=None
        )
        self._scheduler.start()

    async def _shut_down(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._workspace is not None:
            await self._workspace.stop()
        await self._api.aclose()
        await self._keeper.close()
        self._lock.release()
        log.info("stopped")

    async def _poll(self) -> None:
        """One turn of the scheduler; what fails here is told and tried again at the next."""
        try:
            await self._discover()
            if self._poller is None:
                self._poller = await self._take_up(Frontier())
            await self._poller.cycle()
        except asyncio.CancelledError:
            return  # we are stopping: passed on, APScheduler would print it as a job that failed
        except FeedError as error:
            self._troubles.down(error)
        except StoreError as error:
            # What is in memory may be ahead of the database: begin again from what is stored.
            self._poller = None
            log.error("nothing can be stored, so nothing is judged: %s", error)  # noqa: TRY400 - the text says it all
        self._notifier.status(self._status_line())

    async def _discover(self) -> None:
        """The domains to watch; new ones of the account join where they are not listed."""
        if not self._config.discovers:
            self._discovered = self._discovered or (0.0, self._config.watched())
            return
        asked, known = self._discovered or (None, ())
        if asked is not None and self._clock.monotonic() - asked < REDISCOVER:
            return
        found = self._config.watched(await self._api.domains())
        fresh = [domain for domain in found if domain not in set(known)]
        self._discovered = self._clock.monotonic(), (*known, *fresh)
        if fresh:
            log.info("the account has %d domains to watch, %d of them new", len(known) + len(fresh), len(fresh))
            if self._poller is not None:
                self._poller = await self._take_up(self._poller.frontier)

    async def _take_up(self, frontier: Frontier) -> Poller:
        """Lay the rules over the watched series and take up what is stored of them."""
        config, (_, domains) = self._config, self._discovered or (0.0, ())
        watch = lay_out(config, domains)
        ledger = await self._ledger(watch)
        desk = Desk(watch, ledger, self._keeper, config.slack, self._clock, self._delivery.wake)
        await desk.commit(ledger.settle())
        self._watch = watch
        return Poller(
            self._api,
            watch,
            ledger,
            pace=Pace(config.feed.max_lag, config.store.keep // SLOT),
            clock=self._clock,
            troubles=self._troubles,
            frontier=frontier,
            commit=desk.commit,
            progress=self._progress,
        )

    async def _ledger(self, watch: Watch) -> Ledger:
        cursors = await self._keeper.do(lambda store: store.cursors())
        alerts = await self._keeper.do(lambda store: store.open_alerts())
        now = self._clock.time()
        oldest = min((slot for name, slot in cursors.items() if name in watch.plan), default=now)
        first = int(max(min(oldest, now) - watch.engine.depth * SLOT - DAY, now - self._config.store.keep))
        last = int(max(now, *cursors.values(), 0))
        grid = await self._keeper.do(lambda store: store.grid(watch.series, first, last))
        return Ledger(watch.engine, grid, cursors, alerts)

    async def _forget(self) -> None:
        """Delete the samples that are older than they are to be kept, a day at a time."""
        before = int(self._clock.time()) - self._config.store.keep
        try:
            while rows := await self._keeper.do(lambda store: store.forget(before)):
                log.debug("forgot %d days of series that ended before %d", rows, before)
        except StoreError as error:
            log.error("old samples stay: %s", error)  # noqa: TRY400 - the text says it all

    async def _watch_clock(self) -> None:
        """APScheduler waits for a wall clock that stepped back to catch up: run its jobs at once instead."""
        offset = self._clock.time() - self._clock.monotonic()
        while True:
            await asyncio.sleep(CLOCK_CHECK)
            moved = self._clock.time() - self._clock.monotonic() - offset
            if abs(moved) >= CLOCK_STEP:
                offset += moved
                log.warning("the machine's clock moved by %+d s: polling goes on", round(moved))
                for job in self._scheduler.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))

    def _subject(self) -> Subject:
        watch, slack = self._watch, self._config.slack
        if watch is None:
            return Subject(slack.command, self._config.store.path, slack.zone, (), {}, {})
        return Subject(slack.command, self._config.store.path, slack.zone, watch.series, watch.rules, watch.selection)

    def _status_line(self) -> str:
        live = self.live()
        if live.trouble is not None:
            return f"no data: {live.trouble}"
        if live.frontier is None:
            return "waiting for the first data"
        data = format_clock(live.frontier + SLOT, self._config.slack.zone, live.now)
        return f"data to {data}; {live.domains} domains; {live.behind} series wait"


def _api(config: Config, credentials: Credentials, budget: Budget, clock: Clock) -> CdnApi:
    feed = config.feed
    token = require_api_token(credentials)
    return CdnApi(feed.base_url, token, feed.zone, budget=budget, clock=clock, ip_protocol=feed.ip_protocol)


def _workspace(config: Config, credentials: Credentials, commands: Commands, clock: Clock) -> Workspace | None:
    if credentials.slack_bot_token is None:
        if credentials.slack_app_token is not None:
            raise CredentialsError(
                "there is a Slack app token but no bot token: set ALERTBOT_SLACK_BOT_TOKEN (xoxb-...) as well"
            )
        return None
    return Workspace(credentials.slack_bot_token, credentials.slack_app_token, config.slack.base_url, commands, clock)
