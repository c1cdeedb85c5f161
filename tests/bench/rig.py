"""The service without its process: the real client, scheduler's pace, watching, store and delivery, in virtual time."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.clockwork import TimedApi, TimedKeeper, VirtualClock
from bench.world import RULES, START, TOKEN, World

from alertbot.config import Config, load
from alertbot.feed.budget import Budget
from alertbot.feed.simulator.server import Simulator
from alertbot.messages.blocks import Message
from alertbot.service.order_executor import OrderExecutor
from alertbot.service.store_outage import StoreOutage
from alertbot.service.watcher import Watcher
from alertbot.slack.client import Post, Posted
from alertbot.slack.delivery import Delivery

CALL_SECONDS = 0.1
"""Virtual seconds a call takes."""

_CONFIG = """
[feed]
base_url = "{base_url}"
each_domain = {each_domain}

[watch]
domains = [{domains}]
"""


@dataclass
class Screen:
    """Takes messages as Slack does, at once; ``posts`` holds (time, outbox id)."""

    clock: VirtualClock
    posts: list[tuple[float, str]] = field(default_factory=list)
    updates: int = 0

    async def find(self, post: Post, *, since: float) -> Posted | None:
        """Nothing is ever lost here."""
        return None

    async def post(self, post: Post) -> Posted:
        self.posts.append((self.clock.time(), post.id))
        return Posted(post.channel, str(len(self.posts)))

    async def update(self, channel_id: str, ts: str, message: Message) -> None:
        self.updates += 1


@dataclass(frozen=True)
class Turn:
    """One turn: when it began, the frontier it ended with, and seconds and calls it took."""

    began: float
    frontier: int | None
    took: float
    calls: int


class _Errors(logging.Handler):
    """What was logged as an error: turns that failed among it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        cause = f": {record.exc_info[1]!r}" if record.exc_info else ""
        self.texts.append(record.getMessage() + cause)


class Rig:
    """One account, one database in ``folder``; what happened is left in ``screen``, ``turns`` and ``errors``.

    ``more``: groups and rules beside those of the world.
    """

    def __init__(self, world: World, clock: VirtualClock, folder: Path, *, each_domain: bool, more: str = "") -> None:
        self.world = world
        self.clock = clock
        self.simulator = Simulator(world, clock)
        self.screen = Screen(clock)
        self.turns: list[Turn] = []
        self.database = folder / "alertbot.db"
        self.held: dict[str, float] = {}
        self._folder = folder
        self._each_domain = each_domain
        self._more = more
        self._log = _Errors()

    @property
    def errors(self) -> list[str]:
        return self._log.texts

    async def run(
        self,
        until: float,
        restarts: Sequence[tuple[float, float]] = (),
        between: Callable[[], None] = lambda: None,
    ) -> None:
        """From now until then, epoch seconds; ``restarts``: when the service is killed, and for how many seconds.

        ``between`` is called while it is down.
        """
        logging.getLogger("alertbot").addHandler(self._log)
        base_url = await self.simulator.start()
        try:
            config = self.configure(base_url)
            for killed, down in restarts:
                await self._live(config, killed)
                between()
                await self.clock.sleep(down)
            await self._live(config, until)
        finally:
            await self.simulator.stop()
            logging.getLogger("alertbot").removeHandler(self._log)

    def configure(self, base_url: str = "http://127.0.0.1/v2/") -> Config:
        """The configuration, written and read as an operator's."""
        text = _CONFIG.format(
            base_url=base_url,
            each_domain=str(self._each_domain).lower(),
            domains=", ".join(f'"{name}"' for name in self.world.domains),
        )
        path = self._folder / "rules.toml"
        path.write_text(text + RULES + self._more, encoding="utf-8")
        return load(path)

    async def _live(self, config: Config, until: float) -> None:
        """One life of the service, ended wherever it stands."""
        keeper = TimedKeeper(self.clock)
        await keeper.open(self.database)
        budget = Budget(config.feed.calls_per_minute, self.clock)
        api = TimedApi(
            config.feed.base_url, TOKEN, config.feed.zone, budget=budget, clock=self.clock, seconds=CALL_SECONDS
        )
        delivery = Delivery(keeper, self.screen, self.clock)
        watcher = Watcher(
            config,
            api,
            budget,
            keeper,
            self.clock,
            wake=delivery.wake,
            progress=lambda _done, _total: None,
            store_outage=StoreOutage(self.screen, config.slack.channel, self.clock),
            executor=OrderExecutor(lambda: watcher.dispatcher, keeper),
        )
        tasks = [asyncio.create_task(delivery.run()), asyncio.create_task(self._turn(watcher, config.feed.probe))]
        await self.clock.sleep(until - self.clock.time())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.held = dict(watcher.live().held)
        await api.aclose()
        await keeper.close()

    async def _turn(self, watcher: Watcher, probe: float) -> None:
        """The scheduler's pace: every ``probe``, a turn that is late at once, earlier where a slot is due."""
        planned = self.clock.monotonic()
        while True:
            began, calls = self.clock.time(), len(self.simulator.calls)
            await watcher.tick()
            took = self.clock.time() - began
            self.turns.append(Turn(began, _frontier(watcher), took, len(self.simulator.calls) - calls))
            now = self.clock.monotonic()
            planned = min(max(planned + probe, now), now + watcher.due_in())
            await self.clock.sleep(planned - now)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What the database holds, once the service has ended."""
        with sqlite3.connect(self.database) as connection:
            found = connection.execute(query).fetchall()
        connection.close()
        return found


def _frontier(watcher: Watcher) -> int | None:
    """Without all else that ``live`` says."""
    return None if watcher._poller is None else watcher._poller.prober.frontier.slot


def new_clock() -> VirtualClock:
    """A clock at the start of the bench's world."""
    return VirtualClock(float(START))
