"""How soon an outage is told: from its proof to the message, by how late domains report behind the account's total.

    python tests/bench/seconds.py [--domains 60,300] [--delays 0,20,60,150,400] [--outages N]
    python tests/bench/seconds.py --storms 8,300,1400

Proof is when the slot that decides could first be known: its successor shown by the account's total, and the domain's
own delay gone by. The watching, engine, store and outbox are the real ones, in virtual time, against a strict CDN
within the calls it allows. A storm is 60 % of all domains, dark at once; its proof is the total's. Prints a table;
nothing is asserted.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.clockwork import VirtualClock, run
from bench.rig import Screen
from bench.strict import START, Account, Outage, StrictApi, account, domain_names
from fakes.rigs.atonce import AtOnceKeeper

from alertbot.config import load
from alertbot.feed.api import ALL
from alertbot.feed.budget import Budget
from alertbot.messages.blocks import Message
from alertbot.service.order_executor import OrderExecutor
from alertbot.service.store_outage import StoreOutage
from alertbot.service.watcher import Watcher
from alertbot.slack.client import Post, Posted
from alertbot.slack.delivery import Delivery
from alertbot.units import SLOT

WARM_UP = 72
"""Slots before the first outage: by then it is known how late each domain is."""

APART, LENGTH = 5, 3
"""Slots from one outage to the next, further than alerts begin together, and that one lasts."""

STORM = 0.6
"""The share of the domains that go dark in a storm."""

_MEMORY = Path("/dev/shm")

_CONFIG = """
[feed]
base_url = "http://127.0.0.1/v2/"
each_domain = {tens}

[watch]
domains = [{domains}]

[slack]
mention = {{ critical = "@here", warning = "@here" }}

[[rule]]
name = "total-fell"
kind = "drop"
domains = ["total"]
by = "40%"
severity = "critical"

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
from = "5 Mbps"
severity = "critical"

[[rule]]
name = "fell"
kind = "drop"
by = "60%"
from = "5 Mbps"
"""


@dataclass
class TextScreen(Screen):
    """Keeps what was posted and when; ``said`` holds (time, text), ``threads`` when of that were replies."""

    said: list[tuple[float, str]] = field(default_factory=list)
    edits: list[float] = field(default_factory=list)

    threads: set[float] = field(default_factory=set)

    async def post(self, post: Post) -> Posted:
        self.said.append((self.clock.time(), post.message.text))
        if post.thread_ts is not None:
            self.threads.add(self.clock.time())
        return await super().post(post)

    async def update(self, channel_id: str, ts: str, message: Message) -> None:
        self.edits.append(self.clock.time())
        await super().update(channel_id, ts, message)


@dataclass
class Found:
    """What came of one row: seconds from proof to message, and what was posted beside that."""

    delays: list[float]
    missed: int
    false: int
    calls: float
    probes: float
    errors: list[str]
    seconds: float


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.getMessage()} {record.exc_info[1] if record.exc_info else ''}")


class SecondsRig:
    """The service without HTTP, over one account."""

    def __init__(self, world: Account, folder: Path, *, tens: bool, failing: float = 0.0) -> None:
        self.clock = VirtualClock(float(START))
        self.screen = TextScreen(self.clock)
        self.log = _Errors()
        path = folder / "rules.toml"
        names = ", ".join(f'"{name}"' for name in world.names)
        path.write_text(_CONFIG.format(tens=str(tens).lower(), domains=names), encoding="utf-8")
        self.config = load(path)
        self.budget = Budget(self.config.feed.calls_per_minute, self.clock)
        self.api = StrictApi(world, self.budget, self.clock, failing=failing)

    async def run(self, slots: int) -> None:
        """From the start on for so many slots."""
        logging.getLogger("alertbot").addHandler(self.log)
        keeper = AtOnceKeeper()
        await keeper.open(self.config.store.path)
        delivery = Delivery(keeper, self.screen, self.clock)
        watcher = Watcher(
            self.config,
            self.api,  # type: ignore[arg-type]
            self.budget,
            keeper,
            self.clock,
            wake=delivery.wake,
            progress=lambda _done, _total: None,
            store_outage=StoreOutage(self.screen, self.config.slack.channel, self.clock),
            executor=OrderExecutor(lambda: watcher.dispatcher, keeper),
        )
        tasks = [asyncio.create_task(delivery.run()), asyncio.create_task(self._turns(watcher))]
        await self.clock.sleep(slots * SLOT)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await keeper.close()
        logging.getLogger("alertbot").removeHandler(self.log)

    async def _turns(self, watcher: Watcher) -> None:
        probe = self.config.feed.probe
        while True:
            began = self.clock.monotonic()
            await watcher.tick()
            now = self.clock.monotonic()
            await self.clock.sleep(min(watcher.due_in(), max(began + probe - now, 0.0)))


def outages_of(count: int, domains: int) -> tuple[list[Outage], int]:
    """So many outages, one after the other, and the slots that it takes."""
    names = domain_names(domains)
    begins = [START + SLOT * (WARM_UP + APART * number) for number in range(count)]
    found = [Outage(names[number * 7 % domains], begin, begin + LENGTH * SLOT) for number, begin in enumerate(begins)]
    return found, WARM_UP + APART * count + 6


def measure(domains: int, own: float, count: int, *, tens: bool, failing: float = 0.0, partial: float = 0.0) -> Found:
    """Play one row."""
    began = time.perf_counter()
    outages, slots = outages_of(count, domains)
    world = account(domains, slots, own, outages, partial=partial)
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        rig = SecondsRig(world, Path(folder), tens=tens, failing=failing)
        run(rig.clock, rig.run(slots))
    delays, told = [], set()
    for outage in outages:
        proof = world.proof(outage)
        found = [at for at, text in rig.screen.said if outage.domain in text and at >= outage.start]
        first = min((at for at in found if at < outage.end + 40 * 60), default=None)
        if first is not None:
            delays.append(first - proof)
            told.update((at, text) for at, text in rig.screen.said if outage.domain in text and at <= first)
    false = [text for at, text in rig.screen.said if (at, text) not in told and "esolved" not in text]
    rig.log.texts += [f"false: {text}" for text in false]
    warm = START + 2 * 3600
    calls = [name for at, name in rig.api.began if at >= warm]
    probes = sum(name == "all" for name in calls)
    spans = slots - 24
    return Found(
        delays=delays,
        missed=len(outages) - len(delays),
        false=len(false),
        calls=(len(calls) - probes) / spans / (-(-domains // 10) if tens else domains),
        probes=probes / spans,
        errors=rig.log.texts,
        seconds=time.perf_counter() - began,
    )


def storm(domains: int, *, tens: bool) -> str:
    """Play one storm: a row of its table."""
    began, slots, begin = time.perf_counter(), WARM_UP + 12, START + SLOT * WARM_UP
    dark = [Outage(name, begin, begin + 6 * SLOT) for name in domain_names(domains)[: round(STORM * domains)]]
    world = account(domains, slots, 0.0, dark)
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        rig = SecondsRig(world, Path(folder), tens=tens)
        run(rig.clock, rig.run(slots))
    proof, screen = world.proof(Outage(ALL[0], begin, begin)), rig.screen
    under_way = [(at - proof, text) for at, text in screen.said if proof <= at < begin + 6 * SLOT]
    posts = [at for at, _ in under_way if at + proof not in screen.threads]
    last = max((at for at in screen.edits if at < begin + 6 * SLOT), default=proof) - proof
    calls = sum("<!here>" in text for _, text in under_way)
    first = f"{posts[0]:>8.1f}" if posts else "       -"
    took = time.perf_counter() - began
    return f"  {domains:>7} {'ten' if tens else 'one':>7} {first} {last:>10.0f} {len(posts):>7} {calls:>9} {took:>6.0f}"


def _row(name: str, found: Found) -> str:
    delays = np.array(found.delays or [np.nan])
    figures = f"{np.median(delays):>7.0f} {np.percentile(delays, 95):>6.0f} {delays.max():>8.0f}"
    counts = f"{found.missed:>7} {found.false:>6} {found.calls:>8.3f} {found.probes:>7.1f} {found.seconds:>6.0f}"
    return f"  {name:<34}{figures} {counts}"


def _numbers(text: str) -> Sequence[int]:
    return [int(each) for each in text.split(",")]


@click.command(help=__doc__)
@click.option("--domains", default="60", help="How many domains, by commas.")
@click.option("--delays", default="0,20,60,150,400", help="Own delays of up to so many seconds, by commas.")
@click.option("--outages", default=60, help="Outages a row.")
@click.option("--tens/--no-tens", default=None, help="Only ten domains a call, or only one.")
@click.option("--storms", help="Storms over so many domains, by commas, and no other table.")
@click.option("--verbose", is_flag=True, help="What was logged, and what was posted for nothing.")
def main(
    domains: str,
    delays: str,
    outages: int,
    tens: bool | None,  # noqa: FBT001 - click's
    storms: str | None,
    verbose: bool,  # noqa: FBT001
) -> None:
    """Print the table."""
    if storms is not None:
        click.echo("From the proof of the total to the first post and to the last edit, seconds")
        click.echo("  domains  a call    first  last edit   posts  mentions   took")
        for count in _numbers(storms):
            for each in (False, True) if tens is None else (tens,):
                click.echo(storm(count, tens=each))
        return
    click.echo("From proof to message, seconds; calls beside probes, by the fewest that a slot takes")
    click.echo("  own delay, domains, calls            median    p95  longest  missed  false    calls  probes   took")
    for count in _numbers(domains):
        for own in _numbers(delays):
            for each in (False, True) if tens is None else (tens,):
                found = measure(count, own, outages, tens=each)
                click.echo(_row(f"up to {own} s, {count}, {'ten a call' if each else 'one a call'}", found))
                for text in found.errors if verbose else ():
                    click.echo(f"    {text}")


if __name__ == "__main__":
    main()
