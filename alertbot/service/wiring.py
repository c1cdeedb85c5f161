"""What the service is made of, and how its parts reach each other."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace

from alertbot.alertmanager.alerts import AlertLayout
from alertbot.alertmanager.own_trouble import OwnTrouble
from alertbot.alertmanager.relay import Relay, RelaySource
from alertbot.charts.painter import Pictures
from alertbot.clock import Clock
from alertbot.config import Config, FeedSettings
from alertbot.config.credentials import Credentials, require_api_token
from alertbot.config.watch import Watch
from alertbot.errors import FeedError
from alertbot.feed.api import CdnApi
from alertbot.feed.budget import Budget
from alertbot.incidents.orders import Executor
from alertbot.ops.heartbeat import Heartbeat
from alertbot.ops.liveness import Liveness
from alertbot.ops.progress import Reporter
from alertbot.ops.server import MetricsServer
from alertbot.ops.trouble import Cause
from alertbot.query.live import Live
from alertbot.query.scope import Scope, scope_of
from alertbot.service.after_posts import after_posts
from alertbot.service.alert_latency import AlertLatency
from alertbot.service.anatomy import Anatomist
from alertbot.service.charts import ChartThreads
from alertbot.service.digest import DailyDigest
from alertbot.service.health import Health
from alertbot.service.loops import Loops
from alertbot.service.metrics import Metrics
from alertbot.service.order_executor import OrderExecutor
from alertbot.service.posting import poster_of, with_charts_if_possible, workspace_of
from alertbot.service.review import WeeklyReview
from alertbot.service.store_outage import StoreOutage
from alertbot.service.watcher import Watcher
from alertbot.slack.charts import ChartSource
from alertbot.slack.commands import Commands
from alertbot.slack.delivery import Delivery
from alertbot.slack.poster import LogPoster, Poster
from alertbot.store.keeper import Storekeeper
from alertbot.store.schema import Lock


@dataclass(frozen=True)
class Parts:
    """What one configuration puts to work; a reload replaces it. Charts are off in ``config`` where none can be."""

    config: Config
    api: CdnApi
    digest: DailyDigest
    review: WeeklyReview
    heartbeat: Heartbeat
    relay: Relay | None
    charts: ChartThreads | None


class Wiring:
    """What goes on through every reload, and the ``parts`` of the configuration at work.

    ``refused``: what is wrong with the configuration that was to be taken up last. ``retired``: the clients of earlier
    ones, of which something may yet be asked. ``CredentialsError`` where a token is missing or wrong.
    """

    def __init__(
        self, config: Config, credentials: Credentials, clock: Clock, *, progress: Reporter, poster: Poster | None
    ) -> None:
        self.refused: tuple[str, ...] = ()
        self.retired: list[CdnApi] = []
        self._token = require_api_token(credentials)
        self._relay_secret = credentials.alertmanager_token
        self._clock = clock
        self._shows_charts = credentials.slack_bot_token is not None and poster is None
        config = with_charts_if_possible(config, shown=self._shows_charts)
        self.lock = Lock(config.store.path)
        self.keeper = Storekeeper()
        self.loops = Loops()
        self.budget = Budget(config.feed.calls_per_minute, clock)
        self.metrics = self._metrics(config)
        self.server = MetricsServer(self.metrics.metrics, self._report)
        executor = OrderExecutor(lambda: self.watcher.dispatcher, self.keeper)
        self.commands = Commands(self._scope, executor)
        self.pictures = Pictures(self._scope)
        self.workspace = workspace_of(
            config, credentials, self.commands, clock, self._chart_source(config), self._retry
        )
        self.prints = self.workspace is None and poster is None
        poster = poster_of(poster or self.workspace or LogPoster(), self.workspace, config.trial)
        self.store_outage = StoreOutage(poster, config.slack.channel, clock)
        self.latency = AlertLatency(self.metrics.counts.alert_latency.observe)
        fallback = config.slack.fallback_channel
        self.delivery = Delivery(self.keeper, poster, clock, fallback, self._delivered, dated_by=self.now)
        self.health = self._health()
        self.parts = self._parts(config, None)
        self.watcher = self._watcher(executor, progress)
        self.anatomist = Anatomist(self.keeper, self.budget, clock, self._asked, self.wake)

    def under(self, config: Config) -> Parts:
        """The parts of another configuration; those at work where nothing changes for them."""
        return self._parts(with_charts_if_possible(config, shown=self._shows_charts), self.parts)

    def take(self, parts: Parts) -> None:
        """Put other parts to work in place of the present ones; not to be called during a turn."""
        former, self.parts = self.parts, parts
        config = parts.config
        if parts.api is not former.api:
            self.retired.append(former.api)
        self.budget.set_limit(config.feed.calls_per_minute)
        self.watcher.reconfigure(config, parts.api)
        self.store_outage.channel = config.slack.channel
        self.delivery.reconsider(config.slack.fallback_channel)
        if self.workspace is not None:
            self.workspace.reconfigure(config.channels, self._chart_source(config))
        self.start_loops(former)

    def _delivered(self, created: float, seconds: float) -> None:
        """Slack took a message that was written then, so many seconds later."""
        self.metrics.counts.delivery.observe(seconds)
        self.latency.delivered(created, seconds)

    def _retry(self) -> None:
        """Try again what Slack refused."""
        self.delivery.retry()

    def now(self) -> float:
        """Epoch seconds by the API's clock."""
        return self.watcher.now()

    def live(self) -> Live:
        """The feed as it stands."""
        return self.watcher.live()

    def why_unhealthy(self) -> str | None:
        """What is wrong with the service, in words."""
        return self.health.why_unhealthy()

    def wake(self) -> None:
        """There may be something to send."""
        self.delivery.wake()
        if self.parts.relay is not None:
            self.parts.relay.wake()

    def start_loops(self, former: Parts | None = None) -> None:
        """Start what the parts do beside all else, and end what the former ones did of it."""
        parts = self.parts
        if former is None or parts.charts is not former.charts:
            look = None if parts.charts is None else parts.charts.look
            self.loops.start("charts", None if look is None else after_posts(self.delivery, self._clock, look))
        if former is None or parts.relay is not former.relay:
            self.loops.start("relay", None if parts.relay is None else parts.relay.run())

    def _chart_source(self, config: Config) -> ChartSource | None:
        """What draws the charts that people ask for, where there are any."""
        return self.pictures if config.slack.charts else None

    def _metrics(self, config: Config) -> Metrics:
        return Metrics(
            config.store.path,
            self.budget,
            self.live,
            self._served,
            lambda: self.parts.config.feed.max_lag,
            self.why_unhealthy,
            lambda: self.delivery.owed_for,
            self._clock,
        )

    def _health(self) -> Health:
        return Health(
            Liveness(self._clock.monotonic),
            self.live,
            lambda: self.watcher.trouble,
            lambda: self.parts.config.slack.zone,
            self.store_outage,
            self.delivery,
            self.workspace,
            self.loops,
        )

    def _watcher(self, executor: Executor, progress: Reporter) -> Watcher:
        return Watcher(
            self.parts.config,
            self.parts.api,
            self.budget,
            self.keeper,
            self._clock,
            wake=self.wake,
            progress=progress,
            store_outage=self.store_outage,
            executor=executor,
            completed=self._completed,
            judged=self.metrics.counts.judged,
            fired=self.latency.fired,
        )

    def _parts(self, config: Config, former: Parts | None) -> Parts:
        api = self._api(config, former)
        return Parts(
            config=config,
            api=api,
            digest=DailyDigest(config, api, self.keeper, self.now),
            review=WeeklyReview(config, self.keeper, self.now, self._scope),
            heartbeat=self._heartbeat(config, former),
            relay=self._relay(config, former),
            charts=self._charts(config, former),
        )

    def _api(self, config: Config, former: Parts | None) -> CdnApi:
        feed = config.feed
        if former is not None and _address(feed) == _address(former.config.feed):
            return former.api
        return CdnApi(
            feed.base_url,
            self._token,
            feed.zone,
            budget=self.budget,
            clock=self._clock,
            ip_protocol=feed.ip_protocol,
            tried=self._tried,
        )

    def _heartbeat(self, config: Config, former: Parts | None) -> Heartbeat:
        if former is not None and config.heartbeat == former.config.heartbeat:
            return former.heartbeat
        return Heartbeat(None if config.heartbeat is None else config.heartbeat.url, self._clock)

    def _relay(self, config: Config, former: Parts | None) -> Relay | None:
        settings, zone = config.alertmanager, config.slack.zone
        if former is not None and (settings, zone) == (former.config.alertmanager, former.config.slack.zone):
            return former.relay
        if settings is None:
            return None
        layout = AlertLayout(zone, settings.labels, settings.generator_url)
        # Of two identical bots one alone may be in trouble: unlike all other alerts these say which.
        own = replace(layout, labels={"instance": socket.gethostname(), **settings.labels})
        own_trouble = OwnTrouble(self.health.troubles, own, self._clock)
        return Relay(settings, layout, self._relay_secret, self.keeper, self._clock, self._relay_source, own_trouble)

    def _charts(self, config: Config, former: Parts | None) -> ChartThreads | None:
        if former is not None and config.slack.charts == former.config.slack.charts:
            return former.charts
        if self.workspace is None or not config.slack.charts:
            return None
        return ChartThreads(self.keeper, self.pictures, self.workspace, self._clock)

    def _relay_source(self) -> RelaySource | None:
        """What the Alertmanagers' alerts are taken from; ``None`` before anything is known."""
        watch, live = self.watcher.watch, self.live()
        if watch is None or live.frontier is None:
            return None
        return RelaySource(watch, live.now, live.frontier, self.watcher.awaited())

    def _scope(self) -> Scope:
        config = self.parts.config
        return scope_of(config, self.watcher.watch, self.live(), config.slack.command)

    def _asked(self) -> tuple[CdnApi, FeedSettings, Watch | None]:
        """Whom to ask of the traffic, by which settings, and what is watched."""
        return self.parts.api, self.parts.config.feed, self.watcher.watch

    def _served(self) -> tuple[str, ...]:
        """The series whose bandwidth Prometheus may scrape."""
        metrics, watch = self.parts.config.metrics, self.watcher.watch
        return watch.series if metrics is not None and metrics.series and watch is not None else ()

    def _completed(self, live: Live) -> Live:
        """The feed as it stands, with what is wrong with the places where alerts go, and with the service."""
        workspace, relay = self.workspace, self.parts.relay
        trouble = self.health.trouble()
        return replace(
            live,
            channels={
                **({} if workspace is None else workspace.problems),
                **({} if relay is None else relay.problems),
            },
            trial=self.parts.config.trial,
            misconfigured=self.refused,
            workspace=None if workspace is None else workspace.team_id,
            unhealthy=None if trouble is None or trouble.cause is Cause.STARTING else trouble.report,
            charts_refused=None if workspace is None else workspace.charts_refused,
        )

    def _report(self) -> str | None:
        """What is wrong with the service, and where the run-book says what to do."""
        return self.health.report()

    def _tried(self, error: FeedError | None) -> None:
        """The API was asked: it may be down, but that is progress."""
        self.health.polls.beat()
        self.metrics.called(error)


def _address(feed: FeedSettings) -> tuple[object, ...]:
    """What a client is made of: where this differs, one does not serve the other."""
    return feed.base_url, feed.zone, feed.ip_protocol
