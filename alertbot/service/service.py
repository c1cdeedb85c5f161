"""The service: start, work until it is to stop, shut down.

Polls come by the scheduler, deliveries as there are messages; all writing to the database is done by one thread of its
own. A reload replaces what stands between the feed and the store, between two turns; the database, the connection to
Slack and the outbox go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from alertbot.charts.painter import Pictures
from alertbot.clock import Clock
from alertbot.config import Config
from alertbot.config.credentials import Credentials
from alertbot.errors import ServiceBroken, StoreError, StoreTaken, StoreUnusable
from alertbot.ops.progress import Reporter
from alertbot.ops.systemd import Notifier
from alertbot.query.live import Live
from alertbot.service.after_posts import after_posts
from alertbot.service.reload import Reload
from alertbot.service.schedule import Jobs
from alertbot.service.wiring import Wiring
from alertbot.slack.commands import Commands
from alertbot.slack.poster import Poster
from alertbot.store import feed

log = logging.getLogger(__name__)


class Service:
    """One configuration at work. ``speed``: how many of the clock's seconds pass in a real one.

    ``read`` reads the configuration anew for a reload; without it, a reload changes nothing. ``CredentialsError`` where
    a token is missing.
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
        self._notifier = notifier
        self._stopping = asyncio.Event()
        self._crash: ServiceBroken | None = None
        self._wiring = Wiring(config, credentials, clock, progress=progress, poster=poster)
        self._clock = clock
        self._jobs = Jobs(self._wiring, clock, notifier, speed, self._end)
        self._reload = Reload(self._wiring, self._jobs, config, read or (lambda: config), clock, notifier)

    @property
    def commands(self) -> Commands:
        """Answers what people ask and order."""
        return self._wiring.commands

    @property
    def pictures(self) -> Pictures:
        """Draws charts of what is stored."""
        return self._wiring.pictures

    def stop(self) -> None:
        """End as soon as can be; may be called from a signal handler."""
        self._stopping.set()

    def reload(self) -> None:
        """Read the configuration anew as soon as can be; may be called from a signal handler."""
        self._reload.ask()

    async def run(self) -> None:
        """Start, work until ``stop``, shut down. ``CredentialsError`` and ``StoreUnusable`` end the start.

        ``ServiceBroken`` where only a new start can help.
        """
        try:
            await self._open_store()
            await self._unless_stopped(self._open_doors())
            if not self._stopping.is_set():
                self._start()
            await self._stopping.wait()
            if self._crash is not None:
                await self._wiring.store_outage.announce_crash(self._crash)
                raise self._crash
        finally:
            self._notifier.stopping()
            await self._shut_down()

    def _end(self, crash: ServiceBroken) -> None:
        self._crash = crash
        self.stop()

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some work, and give it up where ``stop`` comes first: a Slack that hangs may take half a minute."""
        stopped, working = asyncio.create_task(self._stopping.wait()), asyncio.create_task(work)
        try:
            await asyncio.wait({stopped, working}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            for task in (stopped, working):
                task.cancel()
            await asyncio.gather(stopped, working, return_exceptions=True)

    def _start(self) -> None:
        self._jobs.start()
        self._start_loops()
        self._wiring.parts.heartbeat.start()
        self._notifier.ready()
        self._notifier.status(self._wiring.health.line())
        log.info("watching begins: a look at the account's total every %d s", self._wiring.parts.config.feed.probe)

    async def _shut_down(self) -> None:
        wiring = self._wiring
        await asyncio.gather(self._jobs.stop(), wiring.loops.stop())
        if wiring.workspace is not None:
            await wiring.workspace.stop()
        await wiring.server.stop()
        await wiring.parts.heartbeat.aclose()
        for api in (*wiring.retired, wiring.parts.api):
            await api.aclose()
        await wiring.keeper.close()
        wiring.lock.release()
        log.info("stopped")

    async def _open_store(self) -> None:
        """Open the database; where it may yet be had, as on a full disk, every turn tries again."""
        wiring = self._wiring
        try:
            await wiring.keeper.open(wiring.parts.config.store.path, wiring.lock)
        except StoreTaken:
            raise
        except StoreUnusable as error:
            await wiring.store_outage.announce_failed_start(error)
            raise
        except StoreError as error:
            await wiring.store_outage.failed(error)

    async def _open_doors(self) -> None:
        """Serve the metrics and connect to Slack, where the configuration says so."""
        wiring, config = self._wiring, self._wiring.parts.config
        if config.metrics is not None:
            await wiring.server.start(config.metrics.listen)
        if wiring.workspace is not None:
            wiring.workspace.recall(*await self._last_workspace())
            await wiring.workspace.start()
        elif wiring.prints:
            beside = "" if wiring.parts.relay is None else ", alerts go to Alertmanager"
            log.warning("there are no Slack tokens: messages are printed here%s, and no commands arrive", beside)
        if config.trial is not None:
            log.warning("a trial: every message goes to %s, and mentions nobody", config.trial)

    async def _last_workspace(self) -> tuple[str | None, str | None]:
        """The id of Slack's workspace, as an earlier run was told, and its word for refused charts; or ``None``."""
        try:
            stored = await self._wiring.keeper.do(feed.live)
        except StoreError:
            return None, None
        live = None if stored is None else Live.from_json(stored[1])
        return (None, None) if live is None else (live.workspace, live.charts_refused)

    def _start_loops(self) -> None:
        wiring = self._wiring
        wiring.loops.start("delivery", wiring.delivery.run())
        wiring.loops.start("anatomy", after_posts(wiring.delivery, self._clock, wiring.anatomist.look))
        wiring.loops.start("clock", self._jobs.watch_clock())
        wiring.loops.start("reload", self._reload.run())
        if self._notifier.watchdog is not None:
            wiring.loops.start("watchdog", wiring.health.feed(self._notifier, self._clock, self._notifier.watchdog / 2))
        wiring.start_loops()
