"""Plays a story: the real service in virtual time, and around it all that the story lets go wrong."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes.rigs.scheduler import scheduled_by
from fakes.rigs.working import START, Working, working
from fakes.wire.pinged import DeadMansSwitch
from fakes.wire.slack import FakeSlack
from fakes.worlds.virtual import VirtualClock, VirtualLoop, passes
from simulation.disk import Disk, failing_disk
from simulation.story import DARK, DOMAINS, HIGH, LIMIT, MINUTE, Mishap, Story

from alertbot.errors import AlertbotError

DOWN = "down"

RESTART = 5.0
"""Seconds after which systemd starts the service again."""

PROBE = 'probe = "60s"'
"""Seldom, so that days take seconds."""

RULES = f"""
[watch]
domains = {json.dumps(DOMAINS)}

[[rule]]
name = "{DARK}"
kind = "drop"
to = "0 bps"
from = "5 Mbps"
severity = "critical"
repeat = "24h"

[[rule]]
name = "{HIGH}"
kind = "threshold"
above = "{LIMIT / 1e9:.0f} Gbps"
repeat = "24h"
"""

_CHANGES = {
    "as it was": (PROBE, RULES),
    "another rule": (PROBE, RULES + '[[rule]]\nname = "far-above"\nkind = "threshold"\nabove = "1 Tbps"\n'),
    "broken": (PROBE, RULES + '[[rule]]\nname = "far-above"\nabove = "much"\n'),
    "faster": ("", RULES),
}


@dataclass(frozen=True)
class Health:
    """How the service said it was at ``at``: ``wrong`` in words, ``None`` where all was well. Down is wrong, too."""

    at: float
    wrong: str | None


@dataclass(frozen=True)
class Event:
    """A message, a reply or an edit as people came to see it in Slack; ``text`` is all that can be read in it."""

    at: float
    subject: str
    kind: str
    text: str
    mentions: bool
    message: str


@dataclass(frozen=True)
class Record:
    """What came of a story: ``pings`` of the dead man's switch with their time, ``alerts`` as rows by column."""

    story: Story
    health: tuple[Health, ...]
    pings: tuple[tuple[float, str], ...]
    events: tuple[Event, ...]
    alerts: tuple[Mapping[str, Any], ...]
    incidents: Mapping[int, Mapping[str, Any]]
    owed: tuple[Mapping[str, Any], ...]
    restarts: int
    broken: tuple[str, ...]
    errors: tuple[str, ...]


class _Exceptions(logging.Handler):
    """Keeps what the log says of errors of the service's own, which there must not be."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.texts.append(f"{record.getMessage()}: {type(record.exc_info[1]).__name__}: {record.exc_info[1]}")

    @contextmanager
    def heard(self) -> Iterator[None]:
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield
        finally:
            root.removeHandler(self)


class World:
    """One service, played with; ``play`` returns once the story is over."""

    def __init__(self, story: Story, house: Working, disk: Disk, switch: DeadMansSwitch, heartbeat: str) -> None:
        self._story = story
        self._house = house
        self._disk = disk
        self._switch = switch
        self._heartbeat = f'[heartbeat]\nurl = "{heartbeat}"\n'
        self._health: list[Health] = []
        self._pings: list[tuple[float, str]] = []
        self._broken: list[str] = []
        self._starts = 0
        self._over = False
        self._errors = _Exceptions()
        self._clock = VirtualClock(house.clock.time() + story.clock_off)

    async def play(self) -> Record:
        """Let all happen that the story tells."""
        self._configure("as it was")
        with scheduled_by(self._clock), self._errors.heard():
            tasks = [asyncio.create_task(work) for work in (self._run(), self._look())]
            tasks += [asyncio.create_task(self._happen(each)) for each in self._story.mishaps]
            await self._until(self._story.end)
            self._over = True
            self._house.service.stop()
            await tasks[0]
            for task in tasks[1:]:
                task.cancel()
            results = await asyncio.gather(*tasks[1:], return_exceptions=True)
        for error in results:
            if error is not None and not isinstance(error, asyncio.CancelledError):
                raise error
        return self._record()

    async def _run(self) -> None:
        """Start the service, and again whenever it ends, as systemd does."""
        while not self._over:
            self._starts += 1
            try:
                await self._house.start(clock=self._clock)
                await self._house.running
            except AlertbotError as error:
                self._broken.append(f"{type(error).__name__}: {error}")
                await passes(MINUTE)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
            if not self._over:
                await passes(RESTART)

    async def _look(self) -> None:
        """Ask every minute how the service is."""
        while True:
            await passes(MINUTE)
            now = self._house.clock.time()
            running = getattr(self._house, "running", None)
            wrong = DOWN if running is None or running.done() else self._house.service._wiring.why_unhealthy()
            self._health.append(Health(now, wrong))
            self._pings += [(now, path) for path, _ in self._switch.pings]
            self._switch.pings.clear()

    async def _happen(self, mishap: Mishap) -> None:
        await self._until(mishap.start)
        act = {
            "slack": self._slack_fails,
            "disk": self._disk_fails,
            "kill": self._kill,
            "stop": self._stop,
            "clock": self._clock_steps,
            "configuration": self._configuration_changes,
        }
        await act[mishap.what](mishap)

    async def _slack_fails(self, mishap: Mishap) -> None:
        self._house.slack.fault(mishap.where, mishap.how, 20_000)
        await self._until(mishap.end)
        self._house.slack.mend(mishap.where, mishap.how)

    async def _disk_fails(self, mishap: Mishap) -> None:
        self._disk.fail(mishap.how, int(mishap.where))
        await self._until(mishap.end)
        self._disk.mend()

    async def _kill(self, mishap: Mishap) -> None:
        """Cut everything off in the middle of what it does; the disk keeps what was committed."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        await loop.after_news(int(mishap.how))
        self._house.running.cancel()
        await asyncio.gather(self._house.running, return_exceptions=True)

    async def _stop(self, _: Mishap) -> None:
        self._house.service.stop()
        with suppress(AlertbotError, asyncio.CancelledError):
            await asyncio.shield(self._house.running)

    async def _clock_steps(self, mishap: Mishap) -> None:
        self._clock.step(float(mishap.how))

    async def _configuration_changes(self, mishap: Mishap) -> None:
        self._configure(mishap.how)
        self._house.service.reload()
        await self._until(mishap.end)
        self._configure("as it was")
        self._house.service.reload()

    async def _until(self, moment: float) -> None:
        await passes(max(moment - self._house.clock.time(), 0.0))

    def _configure(self, name: str) -> None:
        feed, text = _CHANGES[name]
        self._house.write(text + self._heartbeat, slack='charts = false\nmention = { critical = "@here" }', feed=feed)

    def _record(self) -> Record:
        house = self._house
        subjects = dict(house.rows("SELECT id, subject FROM outbox"))
        columns = "id, rule, series, phase, since, fired, resolved, reason, incident"
        alerts = house.rows(f"SELECT {columns} FROM alerts WHERE fired IS NOT NULL")
        incidents = house.rows("SELECT id, kind, opened, closed, standing FROM incidents")
        owed = house.rows("SELECT subject, action, state FROM outbox WHERE state NOT IN ('sent', 'dropped')")
        return Record(
            story=self._story,
            health=tuple(self._health),
            pings=tuple(self._pings),
            events=tuple(_events(house.slack, subjects)),
            alerts=tuple(dict(zip(columns.split(", "), row, strict=True)) for row in alerts),
            incidents={
                row[0]: dict(zip(("id", "kind", "opened", "closed", "standing"), row, strict=True)) for row in incidents
            },
            owed=tuple(dict(zip(("subject", "action", "state"), row, strict=True)) for row in owed),
            restarts=self._starts - 1,
            broken=tuple(self._broken),
            errors=tuple(self._errors.texts),
        )


def _events(slack: FakeSlack, subjects: Mapping[str, str]) -> list[Event]:
    """All that stood in Slack at some time, in order; what has no subject is not of the outbox."""
    owners = {message.ts: message for message in slack.posts}
    events = []
    for message in slack.posts:
        first = message.edits[0] if message.edits else vars(message)
        subject = subjects.get(_id(message.metadata), "")
        kind = "reply" if message.thread_ts else "post"
        events.append(_event(float(message.ts), subject, kind, first, message.ts))
    for call in slack.calls:
        if call.method == "chat.update" and call.outcome == "ok":
            owner = owners[call.arguments["ts"]]
            events.append(_event(call.at, subjects.get(_id(owner.metadata), ""), "edit", call.arguments, owner.ts))
    return sorted(events, key=lambda each: each.at)


def _event(at: float, subject: str, kind: str, given: Mapping[str, Any], message: str) -> Event:
    text = str(given.get("text", "")) + json.dumps([given.get("blocks"), given.get("attachments")], ensure_ascii=False)
    return Event(at, subject, kind, text, "<!here>" in text, message)


def _id(metadata: Mapping[str, Any] | None) -> str:
    return str(((metadata or {}).get("event_payload") or {}).get("id"))


async def play(
    story: Story, folder: Path, *, start: float = START, disk: Disk | None = None, kind: type[World] = World
) -> Record:
    """Play a story in a folder, from ``start`` on: it may hold the database of what came before."""
    switch = DeadMansSwitch()
    heartbeat = await switch.start()
    with ExitStack() as stack:
        disk = stack.enter_context(failing_disk(disk))
        try:
            async with working(folder, begin=False, start=start, scenario=story.scenario()) as house:
                return await kind(story, house, disk, switch, heartbeat).play()
        finally:
            await switch.stop()
