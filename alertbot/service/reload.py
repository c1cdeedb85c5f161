"""Reloading: a changed configuration is read and checked while the old one is at work, then taken up, or refused.

What is wrong with it stands in the log, in ``status``, and in one message in Slack, which is edited once it is mended.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable

from alertbot.clock import Clock
from alertbot.config import Config
from alertbot.config.changes import changes, demand_restart, problem
from alertbot.errors import ConfigError, CredentialsError, ListenError, StoreError
from alertbot.messages.blocks import Message, code, escape, paragraphs
from alertbot.messages.slack import to_json
from alertbot.ops.systemd import Notifier
from alertbot.service.schedule import Jobs
from alertbot.service.wiring import Parts, Wiring
from alertbot.store import anatomy, outbox
from alertbot.store.changes import ChangeKind, RecordedChange, record
from alertbot.store.outbox import NewMessage
from alertbot.words import counted

log = logging.getLogger(__name__)

ONE_SITTING = 3600.0
"""Seconds after a mended configuration within which another wrong one edits the same message."""

MOST_LISTED = 20
"""Problems that the message in Slack lists; the log has all of them."""

_KEPT = "The changed configuration cannot be used, so the former one stays at work"
_FIXED = Message("The configuration can be used again, and is at work.")


class Reload:
    """Takes up what ``read()`` gives in place of ``config``, the configuration as it was written."""

    def __init__(
        self,
        wiring: Wiring,
        jobs: Jobs,
        config: Config,
        read: Callable[[], Config],
        clock: Clock,
        notifier: Notifier,
    ) -> None:
        self._wiring = wiring
        self._jobs = jobs
        self._config = config
        self._read = read
        self._clock = clock
        self._notifier = notifier
        self._asked = asyncio.Event()
        self._posted: tuple[str, str] | None = None  # the message in Slack: its subject and its channel
        self._listed: tuple[str, ...] = ()  # the problems that it lists
        self._mended: float | None = None  # when it was edited to say that all is well again, monotonic

    def ask(self) -> None:
        """Reload as soon as can be; may be called from a signal handler."""
        self._notifier.reloading(self._clock.monotonic())
        self._asked.set()

    async def run(self) -> None:
        """Reload whenever asked to, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self.reload()
            except StoreError as error:
                log.error("the reload could not be posted to Slack: %s", error)  # noqa: TRY400 - the text says it all
            except Exception:
                log.exception("the reload failed")
            self._notifier.ready()

    async def reload(self) -> None:
        """Read the configuration and take it up; where it is wrong, say so and keep the present one."""
        try:
            config = await asyncio.to_thread(self._read)
            demand_restart(self._config, config, config.path)
            changed = changes(self._config, config)
            await self._take(config)
        except ConfigError as error:
            await self._refused(error)
            await self._record(ChangeKind.REFUSED, " | ".join(map(str, error.problems)))
            return
        self._config = config
        what = "; ".join(changed) or "nothing changed"
        log.info("the configuration is reloaded: %s", what)
        await self._fixed()
        await self._record(ChangeKind.RELOADED, what)
        await self._wiring.keeper.do(anatomy.forget_refused)  # it may be permitted by now

    async def _record(self, kind: ChangeKind, after: str) -> None:
        """Keep what became of a reload; who asked for it, nobody says."""
        change = RecordedChange(self._clock.time(), "SIGHUP", None, str(self._config.path), kind, "reload", None, after)
        await self._wiring.keeper.do(record, change)

    async def _take(self, config: Config) -> None:
        """Put another configuration to work, between two turns; ``ConfigError`` where that cannot be, and no change."""
        wiring, former = self._wiring, self._wiring.parts
        parts = self._parts(config)
        await self._serve_metrics(config)
        await self._jobs.end_turn()
        wiring.take(parts)
        self._jobs.reschedule()
        if parts.heartbeat is not former.heartbeat:
            await former.heartbeat.aclose()
            parts.heartbeat.start()

    def _parts(self, config: Config) -> Parts:
        try:
            return self._wiring.under(config)
        except CredentialsError as error:
            raise ConfigError((problem(config.path, "alertmanager", "user", str(error)),)) from None

    async def _serve_metrics(self, config: Config) -> None:
        """Serve the metrics where this configuration says; ``ConfigError`` where that cannot be, and no change."""
        server, former = self._wiring.server, self._wiring.parts.config.metrics
        if config.metrics == former:
            return
        await server.stop()
        try:
            if config.metrics is not None:
                await server.start(config.metrics.listen)
        except ListenError as error:
            if former is not None:
                await server.start(former.listen)
            words = str(error).removeprefix("metrics.listen: ")
            raise ConfigError((problem(config.path, "metrics", "listen", words),)) from None

    async def _refused(self, error: ConfigError) -> None:
        self._wiring.refused = problems = tuple(map(str, error.problems))
        log.error("the configuration is not reloaded, the former one stays: %s", " | ".join(problems))
        if problems == self._listed:
            return
        if self._mended is not None and self._clock.monotonic() - self._mended > ONE_SITTING:
            self._posted = None
        first, self._mended = self._posted is None, None
        subject, channel = self._posted or (f"reload:{uuid.uuid4().hex}", self._config.slack.channel)
        await self._enqueue(subject, "post" if first else "update", channel, _refusal(problems))
        self._posted, self._listed = (subject, channel), problems

    async def _fixed(self) -> None:
        self._wiring.refused = ()
        if self._posted is not None and self._mended is None:
            subject, channel = self._posted
            await self._enqueue(subject, "update", channel, _FIXED)
            self._listed, self._mended = (), self._clock.monotonic()

    async def _enqueue(self, subject: str, action: str, channel: str, message: Message) -> None:
        draft = NewMessage(uuid.uuid4().hex, subject, action, channel, to_json(message))
        await self._wiring.keeper.do(outbox.enqueue, [draft], self._wiring.now())
        self._wiring.wake()


def _refusal(problems: tuple[str, ...]) -> Message:
    """The first problem stands in the headline, which is all that a lock screen shows."""
    more = len(problems) - MOST_LISTED
    lines = [f"{_KEPT}: {counted(len(problems), 'problem')}.", *map(code, problems[:MOST_LISTED])]
    if more > 0:
        lines.append(f"and {more:,} more, which the log lists")
    return Message(f"{_KEPT}: {escape(problems[0])}", paragraphs(lines))
