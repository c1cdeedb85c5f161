"""The service: wires feed, store, rules and Slack together and runs until it is told to stop.

Start-up, then polls by the scheduler and deliveries as they are owed, then shutdown. All writing to the database is
done by one thread of its own.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from alertbot.alerts.orders import Order, Person
from alertbot.alerts.relay import Terms
from alertbot.charting import Charting, Pictures
from alertbot.charts.worker import is_installed
from alertbot.clock import Clock
from alertbot.config import Config
from alertbot.credentials import Credentials, require_api_token
from alertbot.digesting import Digesting
from alertbot.distress import Distress
from alertbot.errors import CredentialsError, StoreError, StoreTaken, StoreUnusable
from alertbot.feed.api import CdnApi
from alertbot.feed.budget import Budget
from alertbot.ops.progress import Reporter
from alertbot.ops.systemd import Notifier
from alertbot.query.live import Live
from alertbot.query.plots import View
from alertbot.query.subject import Subject
from alertbot.relaying import Relaying, Scene
from alertbot.slack.commands import Commands
from alertbot.slack.delivery import Delivery
from alertbot.slack.diverted import DivertedPoster
from alertbot.slack.pictures import Draws
from alertbot.slack.posting import LogPoster, Poster
from alertbot.slack.workspace import Workspace
from alertbot.store.schema import Lock
from alertbot.storekeeper import Storekeeper
from alertbot.units import SLOT, counted, format_clock
from alertbot.watch import subject_of
from alertbot.watching import Watching

log = logging.getLogger(__name__)

_POLL = "poll"

AFTER_DUE = 1.0
"""Seconds after the expected publication of a slot at which an early look is worth it."""

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
        slack = credentials.slack_bot_token is not None and poster is None
        charts = config.slack.charts and slack and _can_draw()
        config = replace(config, slack=replace(config.slack, charts=charts))
        self._config = config
        self._clock = clock
        self._speed = speed
        self._notifier = notifier
        self._stopping = asyncio.Event()
        self._lock = Lock(config.store.path)
        self._keeper = Storekeeper()
        self._budget = Budget(config.feed.calls_per_minute, clock)
        self._api = _api(config, credentials, self._budget, clock)
        self.commands = Commands(self._subject, self._live, self)
        self.pictures = Pictures(config.store.path, self._view)
        self._workspace = _workspace(config, credentials, self.commands, clock, self.pictures if charts else None)
        self._poster: Poster = poster or self._workspace or LogPoster()
        self._prints = isinstance(self._poster, LogPoster)
        if config.trial is not None:
            id_of = self._workspace.id_of if self._workspace is not None else str
            self._poster = DivertedPoster(self._poster, config.trial, id_of)
        self._distress = Distress(self._poster, config.slack.channel, clock)
        self._watching = Watching(
            config,
            self._api,
            self._budget,
            self._keeper,
            clock,
            wake=self._wake,
            progress=progress,
            distress=self._distress,
            channels=self._problems,
        )
        self._digesting = Digesting(config, self._api, self._keeper, clock)
        self._delivery = Delivery(self._keeper, self._poster, clock, config.slack.fallback_channel)
        self._relaying = self._alertmanagers(credentials)
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._tasks: list[asyncio.Task[None]] = []

    def stop(self) -> None:
        """End as soon as can be; may be called from a signal handler."""
        self._stopping.set()

    async def run(self) -> None:
        """Start, work until ``stop``, shut down. ``CredentialsError`` and ``StoreUnusable`` end the start."""
        try:
            await self._start()
            await self._stopping.wait()
        finally:
            self._notifier.stopping()
            await self._shut_down()

    async def obey(self, order: Order, who: Person) -> str:
        """Carry out what somebody asks for."""
        return await self._watching.obey(order, who)

    def _live(self) -> Live:
        return self._watching.live()

    def _wake(self) -> None:
        self._delivery.wake()
        if self._relaying is not None:
            self._relaying.wake()

    def _problems(self) -> dict[str, str]:
        """What is wrong with the places where alerts go."""
        slack = {} if self._workspace is None else self._workspace.problems
        return {**slack, **({} if self._relaying is None else self._relaying.problems)}

    def _alertmanagers(self, credentials: Credentials) -> Relaying | None:
        settings = self._config.alertmanager
        if settings is None:
            return None
        terms = Terms(self._config.slack.zone, settings.labels, settings.generator_url)
        secret = credentials.alertmanager_token
        return Relaying(settings, terms, secret, self._keeper, self._clock, self._scene)

    def _scene(self) -> Scene | None:
        """What the Alertmanagers' alerts are taken from; ``None`` before anything is known."""
        watch, live = self._watching.watch, self._watching.live()
        if watch is None or live.frontier is None:
            return None
        return Scene(watch, live.now, live.frontier, self._watching.awaited())

    async def _start(self) -> None:
        await self._open_store()
        if self._workspace is not None:
            await self._workspace.start()
        elif self._prints:
            beside = "" if self._relaying is None else ", alerts go to Alertmanager"
            log.warning("there are no Slack tokens: messages are printed here%s, and no commands arrive", beside)
        if self._config.trial is not None:
            log.warning("a trial: every message goes to %s, and mentions nobody", self._config.trial)
        self._schedule()
        self._tasks = [asyncio.create_task(self._delivery.run()), asyncio.create_task(self._watch_clock())]
        if self._workspace is not None and self._config.slack.charts:
            charting = Charting(self._keeper, self.pictures, self._workspace, self._clock)
            self._tasks.append(asyncio.create_task(charting.run()))
        if self._relaying is not None:
            self._tasks.append(asyncio.create_task(self._relaying.run()))
        self._notifier.ready()
        self._notifier.status(self._status_line())
        log.info("watching begins: a look at the account's total every %d s", self._config.feed.probe)

    async def _open_store(self) -> None:
        """Open the database; where it may yet be had, as on a full disk, every turn tries again."""
        try:
            await self._keeper.open(self._config.store.path, self._lock)
        except StoreTaken:
            raise
        except StoreUnusable as error:
            await self._distress.last_words(error)
            raise
        except StoreError as error:
            await self._distress.failed(error)

    def _schedule(self) -> None:
        probe = IntervalTrigger(seconds=max(self._config.feed.probe / self._speed, 0.01))
        # One at a time; a run that is late runs once, at once.
        self._scheduler.add_job(
            self._poll,
            probe,
            id=_POLL,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC),
        )
        self._scheduler.add_job(
            self._forget, "interval", hours=1, max_instances=1, coalesce=True, misfire_grace_time=None
        )
        if self._config.digest is not None:
            every = max(60 / self._speed, 0.01)
            self._scheduler.add_job(
                self._digest, "interval", seconds=every, max_instances=1, coalesce=True, misfire_grace_time=None
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
        """One turn of the scheduler; the next comes early where a slot is about to be published."""
        try:
            await self._watching.turn()
        except asyncio.CancelledError:
            return  # we are stopping: passed on, APScheduler would print it as a job that failed
        self._notifier.status(self._status_line())
        due = self._watching.due_in()
        if due is not None and 0 < due + AFTER_DUE < self._config.feed.probe:
            moment = datetime.now(UTC) + timedelta(seconds=(due + AFTER_DUE) / self._speed)
            self._scheduler.modify_job(_POLL, next_run_time=moment)

    async def _forget(self) -> None:
        """Delete what is older than it is to be kept, a few rows at a time, between which all else has its turn."""
        keep, now, gone = self._config.store.keep, self._clock.time(), 0
        try:
            while rows := await self._keeper.do(lambda store: store.forget(keep, now)):
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
        except asyncio.CancelledError:
            return  # we are stopping, as above
        except StoreError as error:
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

    def _subject(self) -> Subject:
        return subject_of(self._config, self._watching.watch, self._config.slack.command)

    def _view(self) -> View:
        subject = self._subject()
        return View(self._live().now, subject.zone, subject.rules, subject.selection, subject.groups)

    def _status_line(self) -> str:
        live = self._watching.live()
        if self._distress.cause is not None:
            return f"nothing can be stored: {self._distress.cause}"
        if live.trouble is not None:
            return f"no data: {live.trouble}"
        if live.frontier is None:
            return "waiting for the first data"
        data = format_clock(live.frontier + SLOT, self._config.slack.zone, live.now)
        return f"data to {data}; {counted(live.domains, 'domain')}; {counted(live.behind, 'series', 'series')} waiting"


def _api(config: Config, credentials: Credentials, budget: Budget, clock: Clock) -> CdnApi:
    feed = config.feed
    token = require_api_token(credentials)
    return CdnApi(feed.base_url, token, feed.zone, budget=budget, clock=clock, ip_protocol=feed.ip_protocol)


def _can_draw() -> bool:
    if not is_installed():
        log.warning("matplotlib is not installed: there are no charts")
        return False
    return True


def _workspace(
    config: Config, credentials: Credentials, commands: Commands, clock: Clock, draws: Draws | None
) -> Workspace | None:
    if credentials.slack_bot_token is None:
        if credentials.slack_app_token is not None:
            raise CredentialsError(
                "there is a Slack app token but no bot token: set ALERTBOT_SLACK_BOT_TOKEN (xoxb-...) as well"
            )
        return None
    slack = config.slack
    return Workspace(
        credentials.slack_bot_token,
        credentials.slack_app_token,
        slack.base_url,
        commands,
        clock,
        channels=config.channels,
        draws=draws,
    )
