"""A service at work in virtual time, with the simulator, the loopback Slack and systemd's socket around it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alertbot.config import load
from alertbot.config.credentials import Credentials
from alertbot.feed.simulator.scenario import Event, Fault, Scenario, Shape
from alertbot.feed.simulator.server import Simulator
from alertbot.ops.systemd import Notifier
from alertbot.service.service import Service
from fakes.rigs.scheduler import scheduled_by
from fakes.rigs.until import until
from fakes.wire.slack import APP_TOKEN, BOT_TOKEN, FakeSlack
from fakes.wire.systemd import Systemd
from fakes.worlds.virtual import VirtualClock

START = 1_793_613_600
MINUTE = 60
API_TOKEN = "t0ken-of-the-api"

DOMAINS = ("a.example.com", "b.example.com", "c.example.com")
WATCH = '[watch]\ndomains = ["a.example.com", "b.example.com"]\n'
CEILING = '[[rule]]\nname = "ceiling"\nkind = "threshold"\nabove = "1 Gbps"\n'


@dataclass
class Working:
    """``text``: the configuration but for the addresses of the feed and of Slack."""

    folder: Path
    clock: VirtualClock
    simulator: Simulator
    slack: FakeSlack
    systemd: Systemd
    feed_url: str
    feed: str = ""

    @property
    def path(self) -> Path:
        return self.folder / "rules.toml"

    @property
    def store(self) -> Path:
        return self.folder / "alertbot.db"

    def write(self, text: str, *, slack: str = "", feed: str = "") -> None:
        """Write the configuration, with more keys of [slack] and [feed]."""
        places = f'[feed]\nbase_url = "{self.feed_url}"\n{feed}\n[slack]\nbase_url = "{self.slack.base_url}"\n{slack}\n'
        self.path.write_text(places + text)

    async def start(self, **options: Any) -> None:
        """Start the service by what was written."""
        self.service = Service(
            load(self.path),
            Credentials(api_token=API_TOKEN, slack_bot_token=BOT_TOKEN, slack_app_token=APP_TOKEN),
            options.pop("clock", self.clock),
            notifier=Notifier(self.systemd.address, options.pop("watchdog", None)),
            progress=lambda _done, _total: None,
            read=lambda: load(self.path),
            **options,
        )
        self.running = asyncio.create_task(self.service.run())

    async def stop(self) -> None:
        """Stop the service, if it was started, and let its own end come out."""
        if hasattr(self, "running"):
            self.service.stop()
            await self.running

    async def reload(self) -> None:
        """Reload, and wait until systemd is told that this is over."""
        before = self.systemd.heard.count("READY=1")
        self.service.reload()
        await until(lambda: self.systemd.heard.count("READY=1") > before)

    def live(self) -> Mapping[str, Any]:
        """What the service last wrote of itself."""
        rows = self.rows("SELECT facts FROM live")
        return json.loads(rows[0][0]) if rows else {}

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        if not self.store.exists():
            return []
        with closing(sqlite3.connect(self.store)) as reading:
            try:
                return reading.execute(query, values).fetchall()
            except sqlite3.OperationalError:  # it is only just made
                return []

    def judged(self) -> list[str]:
        """The series of which something was judged."""
        return [name for (name,) in self.rows("SELECT name FROM series WHERE cursor IS NOT NULL")]

    async def until_judged(self, *series: str) -> None:
        await until(lambda: {*series, "total"} <= set(self.judged()))

    @asynccontextmanager
    async def hung_store(self) -> AsyncIterator[None]:
        """A database that does not answer until this is left, while time passes all the same."""
        begun, released = threading.Event(), threading.Event()
        self.service._wiring.keeper._thread.submit(lambda: (begun.set(), released.wait()))
        try:
            await until(begun.is_set)  # what the store's thread was in the middle of is done by then
            with asyncio.get_running_loop().waiting_for_no_thread():
                yield
        finally:
            released.set()


@asynccontextmanager
async def working(
    folder: Path,
    text: str = WATCH + CEILING,
    *,
    start: float = START,
    events: Sequence[Event] = (),
    faults: Sequence[Fault] = (),
    begin: bool = True,
    watchdog: float | None = None,
    scenario: Scenario | None = None,
    **keys: str,
) -> AsyncIterator[Working]:
    """A service at work by this configuration; where it does not ``begin``, the test starts it.

    A ``scenario`` takes the place of the usual one, ``events`` and ``faults`` included.
    """
    clock = VirtualClock(start)
    scenario = scenario or Scenario(
        token=API_TOKEN,
        domains={name: Shape(level=1e8) for name in DOMAINS},
        events=tuple(events),
        faults=tuple(faults),
    )
    simulator, slack, systemd = Simulator(scenario, clock), FakeSlack(now=clock.time), Systemd(folder / "notify")
    feed_url = await simulator.start()
    await slack.start()
    house = Working(folder, clock, simulator, slack, systemd, feed_url)
    house.write(text, **keys)
    async with AsyncExitStack() as ending:
        ending.callback(systemd.close)
        ending.push_async_callback(slack.stop)
        ending.push_async_callback(simulator.stop)
        ending.push_async_callback(house.stop)
        ending.enter_context(scheduled_by(clock))
        if begin:
            await house.start(watchdog=watchdog)
        yield house
