"""Days of service in minutes: whether memory, files, threads or tasks grow, and what a sample takes at rest.

    python tests/bench/endurance.py [--domains N] [--hours N] [--speed N]

The real service on a fast clock, as in the demo, with a simulated CDN in the same process, whose own share of memory
stays what it is. Prints a line every few virtual hours; nothing is asserted.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[1]))

from alertbot.clock import FastClock
from alertbot.config import load
from alertbot.config.credentials import Credentials
from alertbot.feed.simulator.scenario import Event, Scenario, Shape
from alertbot.feed.simulator.server import Simulator
from alertbot.messages.blocks import Message
from alertbot.ops.systemd import Notifier
from alertbot.service.service import Service
from alertbot.slack.client import Post, Posted
from alertbot.units import DAY, DAY_SLOTS, SLOT

START = 1_793_577_600 + 7 * DAY
HOUR = 3600
_EVERY = 6

RULES = """
[feed]
base_url = "{base_url}"
each_domain = true

[watch]
domains = ["*"]

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
from = "5 Mbps"
severity = "critical"

[[rule]]
name = "far-off"
kind = "baseline"
factor = 1.9
for = "5m"

[[rule]]
name = "far-above-other-days"
kind = "day_over_day"
ratio = 3.0
days = 3
"""


class Channel:
    """Takes every message."""

    def __init__(self) -> None:
        self.posts = 0

    async def post(self, post: Post) -> Posted:
        self.posts += 1
        return Posted(post.channel, str(self.posts))

    async def update(self, channel_id: str, ts: str, message: Message) -> None:
        """An edit."""

    async def find(self, post: Post, *, since: float) -> None:
        return None


def scenario(domains: int, hours: int) -> Scenario:
    """Every hour a domain is dark for half an hour, or carries three times as much."""
    names = [f"video-{number:04}.example.com" for number in range(domains)]
    events = [
        Event(names[hour * 7 % domains], START + hour * HOUR, START + hour * HOUR + 6 * SLOT, 3.0 * (hour % 2))
        for hour in range(1, hours)
    ]
    shape = Shape(level=3e8, swing=0.3, noise=0.02)
    return Scenario(token="t", domains=dict.fromkeys(names, shape), events=tuple(events))


def held() -> tuple[float, int, int, int]:
    """Megabytes of resident memory, files, threads and tasks."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    files = len(list(Path("/proc/self/fd").iterdir()))
    return int(status["VmRSS"].split()[0]) / 1024, files, threading.active_count(), len(asyncio.all_tasks())


async def endure(folder: Path, domains: int, hours: int, speed: float) -> None:
    """Run it, and print what it holds."""
    clock = FastClock(START, speed)
    simulator, channel = Simulator(scenario(domains, hours), clock), Channel()
    (folder / "rules.toml").write_text(RULES.format(base_url=await simulator.start()), encoding="utf-8")
    service = Service(
        load(folder / "rules.toml"),
        Credentials(api_token="t"),
        clock,
        notifier=Notifier(None),
        progress=lambda _done, _total: None,
        poster=channel,
        speed=speed,
    )
    working = asyncio.create_task(service.run())
    click.echo("| virtual hour | RSS MB | files | threads | tasks | CPU s | data up to | posts |\n" + "|---" * 8 + "|")
    for hour in sorted({1, hours, *range(_EVERY, hours + 1, _EVERY)}):
        await clock.sleep(START + hour * HOUR - clock.time())
        simulator.calls.clear()
        rss, files, threads, tasks = held()
        data = service._wiring.live().frontier
        behind = "-" if data is None else f"{(clock.time() - data - SLOT) / 60:.0f} min ago"
        counts = f"{files} | {threads} | {tasks} | {time.process_time():.0f}"
        click.echo(f"| {hour} | {rss:.1f} | {counts} | {behind} | {channel.posts} |")
    service.stop()
    await working
    await simulator.stop()
    database = folder / "alertbot.db"
    with closing(sqlite3.connect(database)) as db:
        (days,) = db.execute("SELECT count(*) FROM samples").fetchone()
    click.echo(f"\n{database.stat().st_size / (days * DAY_SLOTS):.2f} bytes a sample, alerts and messages included")


@click.command()
@click.option("--domains", default=300, show_default=True)
@click.option("--hours", default=72, show_default=True)
@click.option("--speed", default=400.0, show_default=True)
def main(domains: int, hours: int, speed: float) -> None:
    """Measure."""
    logging.basicConfig(level=logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(endure(Path(folder), domains, hours, speed))


if __name__ == "__main__":
    main()
