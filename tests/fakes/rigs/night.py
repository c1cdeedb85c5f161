"""A night on watch: the real watching, on a real database, over a world, with a witness that sees every slot judged."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from alertbot.config import (
    Config,
    FeedSettings,
    GroupSettings,
    MuteSettings,
    SlackSettings,
    StoreSettings,
    WatchSettings,
)
from alertbot.feed.budget import Budget
from alertbot.rules.base import Rule, Severity
from alertbot.rules.baseline import Baseline
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.threshold import Threshold
from alertbot.service import restore, watcher
from alertbot.service.order_executor import OrderExecutor
from alertbot.service.prober import Prober
from alertbot.service.store_outage import StoreOutage
from alertbot.service.watcher import Watcher
from alertbot.slack.poster import LogPoster
from alertbot.units import DAY, SLOT
from fakes.judges.witness import WatchedLedger, Witness
from fakes.rigs.atonce import AtOnceKeeper
from fakes.worlds.clock import FakeClock
from fakes.worlds.world import Killed, World

CHANNEL = "#cdn-alerts"
_MEMORY = Path("/dev/shm")  # where there is one: SQLite waits for the disk after every turn


def dark(**changes: Any) -> Rule:
    return _rule("went-dark", "drop", Drop(to=0.0), severity=Severity.CRITICAL, **changes)


def fell(**changes: Any) -> Rule:
    return _rule("fell", "drop", Drop(by=0.8), **changes)


def ceiling(above: float, **changes: Any) -> Rule:
    return _rule("ceiling", "threshold", Threshold(above=above), **changes)


def doubled(**changes: Any) -> Rule:
    return _rule("doubled", "day_over_day", DayOverDay(ratio=2.0), **changes)


def far_off(**changes: Any) -> Rule:
    return _rule("far-off", "baseline", Baseline(factor=1.9), **changes)


def _rule(name: str, kind_name: str, kind: Any, **changes: Any) -> Rule:
    return Rule(**{"name": name, "kind_name": kind_name, "kind": kind, "severity": Severity.WARNING} | changes)


def config_for(
    path: Path,
    domains: Sequence[str],
    rules: Sequence[Rule],
    *,
    groups: Sequence[GroupSettings] = (),
    mutes: Sequence[MuteSettings] = (),
    zone: str = "UTC",
    each_domain: bool = False,
    max_lag: int = 1800,
    stale_after: int = 1200,
    mention: Mapping[str, str] | None = None,
) -> Config:
    return Config(
        feed=FeedSettings(
            base_url="http://127.0.0.1/v2/",
            each_domain=each_domain,
            max_lag=f"{max_lag}s",
            stale_after=f"{stale_after}s",
        ),
        watch=WatchSettings(domains=list(domains)),
        groups=tuple(groups),
        slack=SlackSettings(
            base_url="http://127.0.0.1/api/", channel=CHANNEL, timezone=zone, mention=dict(mention or {})
        ),
        store=StoreSettings(path=str(path)),
        rules=tuple(rules),
        path=path.with_name("rules.toml"),
        mutes=tuple(mutes),
    )


class _Watching(Watcher):
    """Tells the shell's commands nothing of what only the service knows: in nights nobody asks, and it takes long."""

    async def _write_live(self) -> None:
        return None


class Night:
    """Watches a world. Time passes in ``run``; everything is asked of the database afterwards, or of the witness."""

    def __init__(self, config: Config, world: World, api: Any, *, probe: float = 60.0, witnessed: bool = True) -> None:
        self.config = replace(config, feed=config.feed.model_copy(update={"probe": int(probe)}))
        self.world = world
        self.api = api
        self.clock: FakeClock = world.clock
        self.probe = probe
        self.witness = Witness(world, config)
        self.watcher: Watcher | None = None
        self._keeper = AtOnceKeeper()
        self._witnessed = witnessed
        if witnessed:
            api.heard = self.witness.heard

    async def begin(self) -> None:
        """Start the process."""
        self.witness.begins()
        self._keeper = AtOnceKeeper()
        await self._keeper.open(self.config.store.path)
        budget = Budget(self.config.feed.calls_per_minute, self.clock)
        self.watcher = _Watching(
            self.config,
            self.api,
            budget,
            self._keeper,
            self.clock,
            wake=_nothing,
            progress=lambda _done, _total: None,
            store_outage=StoreOutage(LogPoster(), self.config.slack.channel, self.clock),
            executor=OrderExecutor(lambda: None if self.watcher is None else self.watcher.dispatcher, self._keeper),
        )

    async def end(self) -> None:
        """Stop it between two turns: that a process is killed there makes no difference to the database."""
        self.watcher = None
        await self._keeper.close()

    async def restart(self, after: float = 0.0) -> None:
        await self.end()
        self.clock.advance(after)
        await self.begin()

    async def turn(self) -> None:
        """One turn; a process that is killed within it begins anew."""
        assert self.watcher is not None
        try:
            with _Complaints(), watched(self.witness) if self._witnessed else nullcontext():
                await self.watcher.tick()
        except Killed:
            await _let_die()
            await self.restart()

    async def run(self, seconds: float, probe: float | None = None) -> None:
        """Turn after turn for so many seconds."""
        until = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until:
            began = self.clock.monotonic()
            await self.turn()
            assert self.watcher is not None
            next_turn = began + (probe or self.probe) - self.clock.monotonic()
            self.clock.advance(max(0.0, min(next_turn, self.watcher.due_in(), until - self.clock.monotonic())))

    async def run_to(self, slot: int) -> None:
        """Until ``slot`` slots of the story have passed."""
        await self.run(self.world.start + slot * SLOT - self.world.now)

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the database."""
        connection = sqlite3.connect(self.config.store.path)
        try:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]
        finally:
            connection.close()

    def incidents(self, kind: str | None = None) -> list[dict[str, Any]]:
        rows = self.rows("SELECT * FROM incidents ORDER BY id")
        return [row | {"facts": json.loads(row["facts"])} for row in rows if kind in {None, row["kind"]}]

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that fired, the oldest first."""
        return self.rows("SELECT * FROM alerts WHERE fired IS NOT NULL ORDER BY id")

    def texts(self, incident: int) -> list[str]:
        """What was posted of an incident, and edited since."""
        return self._texts(incident, "action <> 'reply'")

    def replies(self, incident: int) -> list[str]:
        """What was said in its thread."""
        return self._texts(incident, "action = 'reply'")

    def _texts(self, incident: int, which: str) -> list[str]:
        query = f"SELECT body FROM outbox WHERE subject = ? AND {which} ORDER BY number"
        return [json.loads(row["body"])["text"] for row in self.rows(query, f"incident:{incident}")]

    def posts(self) -> int:
        return len(self.rows("SELECT 1 FROM outbox WHERE action = 'post'"))

    def samples(self, series: str) -> dict[int, float]:
        """What is stored of a series, by slot."""
        query = "SELECT day, slots FROM samples WHERE series = (SELECT id FROM series WHERE name = ?)"
        days = [(row["day"] * DAY, np.frombuffer(row["slots"])) for row in self.rows(query, series)]
        return {start + SLOT * row: float(values[row]) for start, values in days for row in range(len(values))}

    def cursors(self) -> Mapping[str, int]:
        return {row["name"]: row["cursor"] for row in self.rows("SELECT name, cursor FROM series")}


@contextmanager
def night_folder() -> Iterator[Path]:
    """A folder for a database, in memory where the machine has that."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@contextmanager
def watched(witness: Witness) -> Iterator[None]:
    """Within, ledgers and probers tell the witness what they do."""

    class WatchedProber(Prober):
        async def probe(self) -> None:
            witness.probing()
            try:
                await super().probe()
                witness.saw()
            finally:
                witness.probed(self.frontier.slot)

    class Ledger(WatchedLedger):
        pass

    Ledger.witness = witness
    ledger, prober = restore.Ledger, watcher.Prober
    restore.Ledger, watcher.Prober = Ledger, WatchedProber  # type: ignore[misc]
    try:
        yield
    finally:
        restore.Ledger, watcher.Prober = ledger, prober  # type: ignore[misc]


class _Complaints(logging.Handler):
    """Raises what alertbot caught and logged as an error: nothing may ever fail unexpectedly."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._errors: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._errors.append(error or AssertionError(record.getMessage()))

    def __enter__(self) -> None:
        logging.getLogger("alertbot").addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("alertbot").removeHandler(self)
        if self._errors:
            raise self._errors[0]


async def _let_die() -> None:
    """End what the killed process still had under way."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _nothing() -> None:
    return None
