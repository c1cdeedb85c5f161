"""What a scrape of thousands of series costs: seconds, megabytes, and for how long it holds up the loop of the polls.

    python tests/bench/scrape.py [--series N]

A database of two days is served as the service serves it, to a Prometheus where there is one. The first scrape comes
after a start, others find a slot more of every series, or nothing new.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from fakes.rigs.waiting import wait_for
from fakes.wire.real_prometheus import BINARY, Prometheus
from scale import fill, names_of

from alertbot.ops.server import MetricsServer
from alertbot.rules.selection import TOTAL
from alertbot.service.series import SeriesMetrics
from alertbot.store import samples, schema
from alertbot.units import SLOT

LATE = 1200
TIMES = 7


@dataclass(frozen=True)
class Scrape:
    """``held``: for how many milliseconds at a time nothing else of the loop ran."""

    size: float
    seconds: float
    cpu: float
    held: float


class Held:
    """Sees for how long nothing else of the loop runs."""

    def __init__(self) -> None:
        self._longest = 0.0

    async def watch(self) -> None:
        before = time.perf_counter()
        while True:
            await asyncio.sleep(0.002)
            now = time.perf_counter()
            self._longest, before = max(self._longest, now - before), now

    def longest(self) -> float:
        """Seconds since this was asked last."""
        longest, self._longest = self._longest, 0.0
        return longest


class Target:
    """The series of a database, served at a port; ``later`` moves its clock."""

    def __init__(self, path: Path, names: tuple[str, ...], newest: int) -> None:
        self._metrics, self._names, self._now = SeriesMetrics(path, lambda: LATE), names, float(newest)
        self._server = MetricsServer(self._text, lambda: None)

    async def start(self, port: int) -> None:
        await self._server.start(("127.0.0.1", port))

    def later(self, seconds: float) -> None:
        self._now += seconds

    async def stop(self) -> None:
        await self._server.stop()

    async def _text(self) -> bytes:
        return await self._metrics.text(self._names, self._now, self._now)


def judge_to(path: Path, names: tuple[str, ...], slot: int) -> None:
    """Every series was judged up to this slot."""
    with closing(schema.open_database(path)) as db, db.atomic():
        ids = samples.series_ids(db, names)
        samples.write_cursors(db, ids, dict.fromkeys(names, slot))


async def scraped(url: str, held: Held) -> Scrape:
    """What one costs."""
    held.longest()
    began, cpu = time.perf_counter(), time.process_time()
    size = len(await asyncio.to_thread(lambda: urllib.request.urlopen(url).read()))
    return Scrape(size / 1e6, time.perf_counter() - began, time.process_time() - cpu, 1000 * held.longest())


def tell(what: str, scrapes: Sequence[Scrape]) -> None:
    """A line of the table."""
    figures = [[getattr(each, field.name) for each in scrapes] for field in fields(Scrape)]
    shown = " | ".join(f"{statistics.median(each):.2f} ({max(each):.2f})" for each in figures)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(f"| {what} | {shown} | {peak:.0f} |")


async def measure(folder: Path, series: int, port: int) -> None:
    newest = int(time.time()) // SLOT * SLOT - 3 * SLOT
    first = newest - TIMES * SLOT
    fill(folder, series, 2, newest)
    path, names, held = folder / "alertbot.db", (*names_of(series), TOTAL), Held()
    judge_to(path, names, first)
    target, url = Target(path, names, first), f"http://127.0.0.1:{port}/metrics"
    watching = asyncio.create_task(held.watch())
    await target.start(port)
    click.echo("| scrape: median (worst) | MB | seconds | CPU s | the loop is held up, ms | peak of memory, MB |")
    click.echo("|---|---|---|---|---|---|")
    tell("the first", [await scraped(url, held)])
    more = []
    for slot in range(first + SLOT, newest + SLOT, SLOT):
        await asyncio.to_thread(judge_to, path, names, slot)
        target.later(SLOT)
        more.append(await scraped(url, held))
    tell("a slot more", more)
    tell("nothing new", [await scraped(url, held) for _ in range(TIMES)])
    if BINARY is not None:
        await asyncio.to_thread(by_prometheus, folder, port)
    watching.cancel()
    await target.stop()


def by_prometheus(folder: Path, port: int) -> None:
    """What Prometheus says of it."""
    with Prometheus(folder / "prometheus", f"127.0.0.1:{port}", interval="5s", window="1d") as prometheus:
        for name in ("scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_duration_seconds"):
            wait_for(lambda name=name: prometheus.query(name), "a scrape")
            click.echo(f"Prometheus: {name} {float(prometheus.query(name)[0]['value'][1]):g}")
        click.echo(prometheus.log if "ingesting" in prometheus.log else "Prometheus took all of it")


@click.command()
@click.option("--series", default=15_000, show_default=True)
def main(series: int) -> None:
    """Measure."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), series, port))


if __name__ == "__main__":
    main()
