"""The house without its feed: ledger, engine, book, desk and store; a test tells what each series carried."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from alertbot.alerts.ledger import Ledger
from alertbot.alerts.mutes import keep_out
from alertbot.config import Config
from alertbot.config.watch import Watch, lay_out
from alertbot.incidents.order_parser import parse_order
from alertbot.incidents.orders import Order, Person, Preview, Requester
from alertbot.messages.slack import from_json, plain
from alertbot.service.dispatcher import Dispatcher
from alertbot.service.order_executor import OrderExecutor
from alertbot.store import outbox, restart, samples
from alertbot.store.alerts import foreign_alerts, open_alerts
from alertbot.units import DAY, DAY_SLOTS, SLOT
from fakes.rigs.atonce import AtOnceKeeper

START = 1_793_577_600 + DAY
"""Midnight UTC of a Monday in November 2026."""

LAG = 900
"""Seconds after a slot's beginning at which it is judged."""

ADA = Person("U0ADA", "Ada")


@dataclass(frozen=True)
class Row:
    """A message of the outbox."""

    number: int
    subject: str
    action: str
    channel: str
    text: str
    shown: str
    broadcast: bool
    at: float

    @property
    def pages(self) -> bool:
        """Whether it wakes people: a message of its own, or a reply that is shown in the channel."""
        return self.action == "post" or (self.action == "reply" and self.broadcast)


class House:
    """Runs a configuration slot by slot; ``now`` is the clock, which only the test moves on."""

    def __init__(self, config: Config, domains: Sequence[str]) -> None:
        self.config = config
        self.domains = tuple(domains)
        self.now = float(START)
        self.slot = START - SLOT
        self.woken = 0
        self._keeper = AtOnceKeeper()
        self._begun: dict[str, int] = {}

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def begin(self, usual: Mapping[str, float] | None = None) -> None:
        """Start the process; ``usual``: what each series carried in the two days before, at the very first start."""
        self._keeper = AtOnceKeeper()
        await self._keeper.open(self.config.store.path)
        self.watch: Watch = lay_out(self.config, self.domains)
        cursors = await self._keeper.do(samples.cursors)
        alerts = await self._keeper.do(open_alerts)
        memory = await self._keeper.do(restart.memory, 0)
        first, last = self.slot - 3 * DAY, self.slot
        grid = await self._keeper.do(restart.grid, self.watch.series, first, last)
        keep_out(grid, self.watch.mutes)
        kinds = {name: rule.kind_name for name, rule in self.watch.rules.items()}
        foreign = await self._keeper.do(foreign_alerts, kinds)
        self.ledger = Ledger(self.watch.engine, grid, cursors, alerts, live=True, foreign=foreign)
        self.dispatcher = Dispatcher(
            self.watch,
            self.ledger,
            self._keeper,
            self.config.slack,
            self,
            series_begun=memory.series_begun,
            rules_begun=memory.rules_begun or dict.fromkeys(self.watch.rules, 0),
            wake=self._wake,
            rules_meant_since=memory.rules_meant_since,
        )
        for series, value in (usual or {}).items():
            self.ledger.take(series, self.slot - 2 * DAY + SLOT, np.full(2 * DAY_SLOTS, value))
            self.ledger.start(series, self.slot)
        await self.dispatcher.commit(self.ledger.settle(), self.slot, dict.fromkeys(usual or {}, START - 7 * DAY))
        self.dispatcher.series_begun |= dict.fromkeys(self.watch.series, 0)

    async def restart(self, config: Config | None = None) -> None:
        await self.end()
        self.config = config or self.config
        await self.begin()

    async def end(self) -> None:
        await self._keeper.close()

    async def judge(self, values: Mapping[str, float], *, batches: int = 1) -> None:
        """The next slot, in which the series carried this much, read in so many batches."""
        self.slot += SLOT
        self.now = max(self.now, self.slot + LAG)
        names = list(values)
        size = -(-len(names) // batches)
        for start in range(0, len(names), size):
            for name in names[start : start + size]:
                self.ledger.take(name, self.slot, np.array([values[name]]))
            await self.dispatcher.commit(self.ledger.judge(self.slot), self.slot)
        await self.dispatcher.post_due()

    async def look(self, seconds: float = 0.0) -> None:
        """So much later nothing new was published, and the service looks."""
        self.now += seconds
        await self.dispatcher.post_due()

    async def say(self, words: str, who: Person = ADA, channels: frozenset[str] = frozenset()) -> str:
        """Somebody types a command, and confirms what is asked about."""
        answer = await self.ask(words, who, channels)
        return answer if isinstance(answer, str) else await self._order(replace(answer.silence, confirmed=True), who)

    async def ask(self, words: str, who: Person = ADA, channels: frozenset[str] = frozenset()) -> str | Preview:
        """Somebody types a command."""
        return await self._order(parse_order(words.split(), self.now, self.config.slack.zone), who, channels)

    async def _order(self, order: Order, who: Person, channels: frozenset[str] = frozenset()) -> Any:
        executor = OrderExecutor(lambda: self.dispatcher, self._keeper)
        return await executor.carry_out(order, Requester(who, channels=channels))

    async def post(self) -> None:
        """Have Slack take all messages that are queued."""
        for row in await self._keeper.do(outbox.waiting):
            await self._keeper.do(outbox.mark_sent, row, "C1", f"{row.number}.0", self.time())

    def _wake(self) -> None:
        self.woken += 1

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the database."""
        with closing(sqlite3.connect(self.config.store.path)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def outbox(self) -> list[Row]:
        """Every message so far, in order."""
        rows = self.rows("SELECT * FROM outbox ORDER BY number")
        return [
            Row(
                row["number"],
                row["subject"],
                row["action"],
                row["channel"],
                json.loads(row["body"])["text"],
                plain(from_json(row["body"])),
                bool(row["broadcast"]),
                row["created"],
            )
            for row in rows
        ]


def database(folder: Path) -> Path:
    return folder / "alertbot.db"
