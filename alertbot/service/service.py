"""The service: wires feed, store, rules and Slack together and runs until it is told to stop.

Start-up, then polls by the scheduler and deliveries as they are owed, then shutdown. All writing to the database is
done by one thread of its own. A reload replaces what stands between the feed and the store, between two turns; the
database, the connection to Slack and the outbox go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from alertbot.alertmanager.alerts import AlertLayout
from alertbot.alertmanager.relay import Relay, RelaySource
from alertbot.charts.painter import Pictures
from alertbot.clock import Clock
from alertbot.config import Config
from alertbot.config.changes import problem
from alertbot.config.credentials import Credentials
from alertbot.errors import ConfigError, CredentialsError, FeedError, ListenError, StoreError, StoreTaken, StoreUnusable
from alertbot.feed.api import CdnApi
from alertbot.feed.budget import Budget
from alertbot.ops.heartbeat import Heartbeat
from alertbot.ops.liveness import Liveness
from alertbot.ops.outage import Outage
from alertbot.ops.progress import Reporter
from alertbot.ops.server import MetricsServer
from alertbot.ops.systemd import Notifier
from alertbot.query.live import Live
from alertbot.query.scope import Scope, scope_of
from alertbot.service import wiring
from alertbot.service.charts import ChartThreads
from alertbot.service.digest import DailyDigest
from alertbot.service.health import Health
from alertbot.service.metrics import Metrics
from alertbot.service.orders import OrderExecutor
from alertbot.service.reload import Reload
from alertbot.service.store_outage import StoreOutage
from alertbot.service.watcher import Watcher
from alertbot.slack.charts import ChartSource
from alertbot.slack.commands import Commands
from alertbot.slack.delivery import Delivery
from alertbot.slack.poster import LogPoster, Poster
from alertbot.slack.trial import DivertedPoster
from alertbot.store import retention
from alertbot.store.keeper import Storekeeper
from alertbot.store.schema import Lock

log = logging.getLogger(__name__)

_POLL = "poll"

AFTER_DUE = 1.0
"""Seconds after the expected publication of a slot at which an early look is worth it."""

SOON = 0.2
"""Seconds after a reload at which the first turn of the new configuration begins: the last one has ended by then."""

CLOCK_CHECK = 5.0
CLOCK_STEP = 10.0
"""Seconds by which the wall clock may leave the monotonic one between two checks before that is called a step."""

LET_END = 10.0
"""Seconds that a reload gives the turn under way to end; one that takes longer, over a long history, is cut short."""


class Service:
    """One configuration at work. ``speed``: how many of the clock's seconds pass in a real one.

    ``read`` reads the configuration anew for a reload; without it, a reload changes nothing.
    """

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
        read: Callable[[], Config] | None = None,
    ) -> None:
        self._draws = credentials.slack_bot_token is not None and poster is None
        self._config = config = wiring.with_charts_if_possible(written := config, shown=self._draws)
        self._credentials = credentials
        self._clock = clock
        self._speed = speed
        self._notifier = notifier
        self._stopping = asyncio.Event()
        self._lock = Lock(config.store.path)
        self._keeper = Storekeeper()
        self._budget = Budget(config.feed.calls_per_minute, clock)
        self._measuring = Metrics(config.store.path, self._budget, self._live, self._ailing, clock.time())
        self._metrics = MetricsServer(self._measuring.metrics, self._ailing)
        self._api = wiring.client(config, credentials, self._budget, clock, self._tried)
        executor = OrderExecutor(lambda: self._watcher.dispatcher, self._keeper)
        self.commands = Commands(self._scope, executor)
        self.pictures = Pictures(self._scope)
        self._workspace = wiring.workspace(config, credentials, self.commands, clock, self._pictures_of(config))
        self._poster: Poster = poster or self._workspace or LogPoster()
        self._prints = isinstance(self._poster, LogPoster)
        if config.trial is not None:
            id_of = self._workspace.id_of if self._workspace is not None else str
            self._poster = DivertedPoster(self._poster, config.trial, id_of)
        self._store_outage = StoreOutage(self._poster, config.slack.channel, clock)
        self._watcher = Watcher(
            config,
            self._api,
            self._budget,
            self._keeper,
            clock,
            wake=self._wake,
            progress=progress,
            store_outage=self._store_outage,
            executor=executor,
            channels=self._problems,
            misconfigured=lambda: self._reloading.problems,
            judged=self._measuring.counts.judged,
        )
        self._reloading = Reload(
            written,
            read or (lambda: written),
            self._take,
            self._keeper,
            clock,
            notifier=notifier,
            wake=self._wake,
        )
        self._digesting = DailyDigest(config, self._api, self._keeper, clock)
        self._undigested = Outage()
        self._heartbeat = Heartbeat(wiring.heartbeat_url(config), clock)
        self._delivery = Delivery(
            self._keeper,
            self._poster,
            clock,
            config.slack.fallback_channel,
            self._measuring.counts.delivery.observe,
        )
        self._health = Health(
            Liveness(clock.monotonic),
            self._live,
            lambda: self._config.slack.zone,
            self._store_outage,
            self._delivery,
            self._workspace,
        )
        self._relaying = self._alertmanagers(config)
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._tasks: list[asyncio.Task[None]] = []
        self._watchdog: asyncio.Task[None] | None = None
        self._turn: asyncio.Task[None] | None = None
        self._charting: asyncio.Task[None] | None = None
        self._relays: asyncio.Task[None] | None = None
        self._former: list[CdnApi] = []  # clients of earlier configurations: something may yet be asked of them

    def stop(self) -> None:
        """End as soon as can be; may be called from a signal handler."""
        self._stopping.set()

    def reload(self) -> None:
        """Read the configuration anew as soon as can be; may be called from a signal handler."""
        self._reloading.ask()

    async def run(self) -> None:
        """Start, work until ``stop``, shut down. ``CredentialsError`` and ``StoreUnusable`` end the start."""
        try:
            await self._start()
            await self._stopping.wait()
        finally:
            self._notifier.stopping()
            await self._shut_down()

    def _live(self) -> Live:
        return self._watcher.live()

    def _wake(self) -> None:
        self._delivery.wake()
        if self._relaying is not None:
            self._relaying.wake()

    def _problems(self) -> dict[str, str]:
        """What is wrong with the places where alerts go."""
        slack = {} if self._workspace is None else self._workspace.problems
        return {**slack, **({} if self._relaying is None else self._relaying.problems)}

    def _alertmanagers(self, config: Config) -> Relay | None:
        settings = config.alertmanager
        if settings is None:
            return None
        layout = AlertLayout(config.slack.zone, settings.labels, settings.generator_url)
        secret = self._credentials.alertmanager_token
        return Relay(settings, layout, secret, self._keeper, self._clock, self._scene)

    def _scene(self) -> RelaySource | None:
        """What the Alertmanagers' alerts are taken from; ``None`` before anything is known."""
        watch, live = self._watcher.watch, self._watcher.live()
        if watch is None or live.frontier is None:
            return None
        return RelaySource(watch, live.now, live.frontier, self._watcher.awaited())

    async def _start(self) -> None:
        await self._open_store()
        if self._config.metrics is not None:
            await self._metrics.start(self._config.metrics.listen)
        if self._workspace is not None:
            await self._workspace.start()
        elif self._prints:
            beside = "" if self._relaying is None else ", alerts go to Alertmanager"
            log.warning("there are no Slack tokens: messages are printed here%s, and no commands arrive", beside)
        if self._config.trial is not None:
            log.warning("a trial: every message goes to %s, and mentions nobody", self._config.trial)
        self._schedule()
        works = (self._delivery.run(), self._watch_clock(), self._reloading.run())
        self._tasks = [asyncio.create_task(work) for work in works]
        self._health.loops["messages do not go out any more"] = self._tasks
        if self._notifier.watchdog is not None:
            feeding = self._health.feed(self._notifier, self._notifier.watchdog / 2)
            self._watchdog = asyncio.create_task(feeding)
        self._chart()
        self._relay()
        self._heartbeat.start()
        self._notifier.ready()
        self._notifier.status(self._health.line())
        log.info("watching begins: a look at the account's total every %d s", self._config.feed.probe)

    async def _open_store(self) -> None:
        """Open the database; where it may yet be had, as on a full disk, every turn tries again."""
        try:
            await self._keeper.open(self._config.store.path, self._lock)
        except StoreTaken:
            raise
        except StoreUnusable as error:
            await self._store_outage.announce_failed_start(error)
            raise
        except StoreError as error:
            await self._store_outage.failed(error)

    async def _take(self, config: Config) -> None:
        """Put another configuration to work, between two turns."""
        relaying = self._relayed_by(config)
        await self._serve_metrics(config)
        config = wiring.with_charts_if_possible(config, shown=self._draws)
        while self._turn is not None and not self._turn.done():
            await asyncio.wait({self._turn}, timeout=LET_END)
            self._turn.cancel()
            await asyncio.wait({self._turn})
        former, self._config = self._config, config
        if not wiring.same_api(config, former):
            self._former.append(self._api)
            self._api = wiring.client(config, self._credentials, self._budget, self._clock, self._tried)
        self._budget.set_limit(config.feed.calls_per_minute)
        self._watcher.reconfigure(config, self._api)
        self._digesting = DailyDigest(config, self._api, self._keeper, self._clock)
        self._store_outage.channel = config.slack.channel
        self._delivery.reconsider(config.slack.fallback_channel)
        if self._workspace is not None:
            self._workspace.reconfigure(config.channels, self._pictures_of(config))
        self._chart()
        if relaying is not self._relaying:
            self._relaying = relaying
            self._relay()
        self._scheduler.reschedule_job(_POLL, trigger=self._probing())
        self._scheduler.modify_job(_POLL, next_run_time=datetime.now(UTC) + timedelta(seconds=SOON))
        if wiring.heartbeat_url(config) != wiring.heartbeat_url(former):
            await self._heartbeat.aclose()
            self._heartbeat = Heartbeat(wiring.heartbeat_url(config), self._clock)
            self._heartbeat.start()

    async def _serve_metrics(self, config: Config) -> None:
        """Serve the metrics where this configuration says; ``ConfigError`` where that cannot be, and no change."""
        if config.metrics == self._config.metrics:
            return
        await self._metrics.stop()
        try:
            if config.metrics is not None:
                await self._metrics.start(config.metrics.listen)
        except ListenError as error:
            if self._config.metrics is not None:
                await self._metrics.start(self._config.metrics.listen)
            words = str(error).removeprefix("metrics.listen: ")
            raise ConfigError((problem(config.path, "metrics", "listen", words),)) from None

    def _tried(self, error: FeedError | None) -> None:
        """The API was asked: it may be down, but that is progress."""
        self._health.polls.beat()
        self._measuring.called(error)

    def _ailing(self) -> str | None:
        return self._health.ailing()

    def _relayed_by(self, config: Config) -> Relay | None:
        """Who tells the Alertmanagers by this configuration: the one at work, if nothing changes for it."""
        if (config.alertmanager, config.slack.zone) == (self._config.alertmanager, self._config.slack.zone):
            return self._relaying
        try:
            return self._alertmanagers(config)
        except CredentialsError as error:
            raise ConfigError((problem(config.path, "alertmanager", "user", str(error)),)) from None

    def _relay(self) -> None:
        """Let the Alertmanagers be told by the one at work now, and by no other; what was told is told again."""
        if self._relays is not None:
            self._relays.cancel()
        self._relays = None if self._relaying is None else asyncio.create_task(self._relaying.run())
        self._health.loops["Alertmanagers are not told any more"] = [] if self._relays is None else [self._relays]

    def _pictures_of(self, config: Config) -> ChartSource | None:
        return self.pictures if config.slack.charts else None

    def _chart(self) -> None:
        """Begin to give incidents their charts, or stop it, as the configuration says."""
        if self._workspace is not None and self._config.slack.charts and self._charting is None:
            charting = ChartThreads(self._keeper, self.pictures, self._workspace, self._clock)
            self._charting = asyncio.create_task(charting.run())
        elif self._charting is not None and not self._config.slack.charts:
            self._charting.cancel()
            self._charting = None

    def _probing(self) -> IntervalTrigger:
        return IntervalTrigger(seconds=max(self._config.feed.probe / self._speed, 0.01))

    def _schedule(self) -> None:
        # One at a time; a run that is late runs once, at once.
        self._scheduler.add_job(
            self._poll,
            self._probing(),
            id=_POLL,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC),
        )
        self._scheduler.add_job(
            self._forget, "interval", hours=1, max_instances=1, coalesce=True, misfire_grace_time=None
        )
        every = max(60 / self._speed, 0.01)
        self._scheduler.add_job(
            self._digest, "interval", seconds=every, max_instances=1, coalesce=True, misfire_grace_time=None
        )
        self._scheduler.start()

    async def _shut_down(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        others = (self._charting, self._relays, self._turn, self._watchdog)
        tasks = [*self._tasks, *(task for task in others if task is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._workspace is not None:
            await self._workspace.stop()
        await self._metrics.stop()
        await self._heartbeat.aclose()
        for api in (*self._former, self._api):
            await api.aclose()
        await self._keeper.close()
        self._lock.release()
        log.info("stopped")

    async def _poll(self) -> None:
        """One turn of the scheduler; the next comes early where a slot is about to be published."""
        self._health.polls.beat()
        self._turn = asyncio.create_task(self._watcher.tick())
        try:
            await self._turn
        except asyncio.CancelledError:
            return  # we are stopping, or reloading: passed on, APScheduler would print it as a job that failed
        self._health.turned(self._config.feed.probe)
        self._notifier.status(self._health.line())
        self._heartbeat.cycle(self._ailing())
        due = self._watcher.due_in()
        if due is not None and 0 < due + AFTER_DUE < self._config.feed.probe:
            moment = datetime.now(UTC) + timedelta(seconds=(due + AFTER_DUE) / self._speed)
            self._scheduler.modify_job(_POLL, next_run_time=moment)

    async def _forget(self) -> None:
        """Delete what is older than it is to be kept, a few rows at a time, between which all else has its turn."""
        keep, now, gone = self._config.store.keep, self._clock.time(), 0
        try:
            while rows := await self._keeper.do(retention.forget, keep, now):
                gone += rows
        except StoreError as error:
            log.error("what is old stays: %s", error)  # noqa: TRY400 - the text says it all
        if gone:
            log.debug("forgot %d rows older than %d s", gone, keep)

    async def _digest(self) -> None:
        """Post yesterday's digest where it is due."""
        try:
            if await self._digesting.look():
                self._wake()
            self._undigested.ended()
        except asyncio.CancelledError:
            return  # we are stopping, as above
        except StoreError as error:
            if self._undigested.is_news(str(error)):
                log.error("the digest is not posted: %s", error)  # noqa: TRY400 - the text says it all

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

    def _scope(self) -> Scope:
        return scope_of(self._config, self._watcher.watch, self._live(), self._config.slack.command)
