"""How soon commands and buttons are answered for a large account: seconds, bytes, blocks.

    python tests/bench/answers.py [--domains N] [--days N] [--runs N] [--long]

A database is filled by the arrays; then each command is typed into the loopback Slack and answered by the real
workspace, commands and query layer. Slack refuses what Slack refuses, so each line of the table is an answer that was
accepted. Prints the table; nothing is asserted.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.rigs.house import House
from fakes.rigs.night import ceiling, config_for, dark, doubled, fell
from fakes.rigs.until import until
from fakes.wire.slack import APP_TOKEN, BOT_TOKEN, FakeSlack

from alertbot.alerts.lifecycle import Alert, Change, Phase, Reason
from alertbot.charts.painter import Pictures
from alertbot.clock import SystemClock
from alertbot.config import Config, GroupSettings
from alertbot.config.watch import Watch, lay_out
from alertbot.incidents.incident import IncidentKind
from alertbot.messages.incident_parts import Context
from alertbot.messages.slack import incident_message, to_json
from alertbot.query.live import Live
from alertbot.query.scope import scope_of
from alertbot.rules.base import Direction
from alertbot.rules.grid import Grid
from alertbot.service.order_executor import OrderExecutor
from alertbot.slack.client import Post
from alertbot.slack.commands import Commands
from alertbot.slack.workspace import Workspace
from alertbot.store import incidents, outbox, samples, schema
from alertbot.store.alerts import assign, traits_of, write
from alertbot.store.outbox import NewMessage
from alertbot.units import DAY, DAY_SLOTS, SLOT

LAST = 1_793_577_600 + 20 * DAY + 40 * SLOT
"""The last slot judged: on the 22nd of November 2026."""

_LONG = 253
_STORM = 0.5
"""The share of the domains that went dark four slots ago, and are one incident."""


@dataclass(frozen=True)
class Line:
    """What one command took: seconds of each run, bytes and blocks of its answer."""

    what: str
    seconds: list[float]
    size: int
    blocks: int

    def __str__(self) -> str:
        p50, p95 = np.percentile(self.seconds, [50, 95])
        return f"| `{self.what}` | {p50:.3f} | {p95:.3f} | {self.size:,} | {self.blocks} |"


def domains_of(count: int, *, long: bool) -> tuple[str, ...]:
    """Names such as an account has, or the longest there can be."""
    plain = [f"video-{number:05}.example.com" for number in range(count)]
    if not long:
        return tuple(plain)
    label = "x" * 60
    return tuple(f"{name[:11]}.{label}.{label}.{label}.{label}"[: _LONG - 8] + ".example" for name in plain)


def fill(config: Config, watch: Watch, days: int) -> None:
    """A day of all series at a time: a daily wave, noise, and a storm at the end."""
    rng = np.random.default_rng(7)
    level = rng.lognormal(17, 1.5, len(watch.domains))
    db = schema.open_database(config.store.path)
    db.conn.execute("PRAGMA synchronous = OFF")
    with db.atomic():
        ids = samples.series_ids(db, watch.series)
        for day in range(LAST // DAY - days + 1, LAST // DAY + 1):
            grid = _day(watch, day, level, rng)
            samples.write_days(db, ids, grid, [(name, day) for name in watch.series])
        samples.write_cursors(db, ids, dict.fromkeys(watch.series, LAST))
        _storm(db, watch)
    db.close()


def _day(watch: Watch, day: int, level: Any, rng: np.random.Generator) -> Grid:
    slots = day * DAY + SLOT * np.arange(DAY_SLOTS)
    wave = 1 + 0.3 * np.sin(slots / DAY * 2 * np.pi)
    values = wave[:, None] * level * rng.normal(1, 0.02, (DAY_SLOTS, len(level)))
    dark_from = LAST - 4 * SLOT
    values[np.ix_(slots >= dark_from, np.arange(len(level)) < _STORM * len(level))] = 0.0
    values[rng.random(values.shape) < 0.0005] = 0.0  # the odd hole, which some rules see
    grid = Grid(watch.series)
    block = grid.day(day)
    block[:, : len(level)] = values
    block[:, len(level) :] = values.sum(axis=1)[:, None]
    block[slots > LAST] = np.nan
    return grid


def _storm(db: Any, watch: Watch) -> None:
    since = LAST - 4 * SLOT
    alerts = [
        Alert("went-dark", name, Phase.FIRING, since, LAST, 0.0, 1e8, 0.0, Direction.FALL, since + SLOT, 0b11111)
        for name in watch.domains[: int(_STORM * len(watch.domains))]
    ]
    changes = [Change(alert, fired=True, reason=Reason.BREACH) for alert in alerts]
    numbers = write(db, {(each.rule, each.series): each for each in alerts}, changes, traits_of(watch.rules))
    number = incidents.create(db, IncidentKind.ALERT, "#cdn-alerts", since, LAST + 900)
    assign(db, number, numbers)
    incident = incidents.load(db, number)
    assert incident is not None
    body = to_json(incident_message(incident, _setting(watch), {"critical": "@here"}))
    drafts = [NewMessage(f"m{place}", f"incident:{number}", "post" if not place else "reply", "#cdn-alerts", body)
              for place in range(20)]  # fmt: skip
    outbox.enqueue(db, drafts, LAST + 900)


def _setting(watch: Watch) -> Context:
    zone = config_for(Path("x"), (), ()).slack.zone
    return Context(LAST + 900, LAST + SLOT, len(watch.domains), frozenset(), watch.rules, zone)


def commands_of(watch: Watch) -> Iterator[str]:
    """What is typed, each a line of the table."""
    name = watch.domains[3]
    yield from ("help", "status", f"show {name}", f"show {name} 7d", f"show {name} 35d", "show total", "show @first")
    yield from ("show @loose 7d", "show @loose 35d", "top", "top 50 change", "top 50 p95", f"p95 {name}", "p95 @loose")
    yield from ("alerts", "rules", f"rules {name}", f"why {name}", f"why {watch.domains[-1]}", "why #1", "silences")
    yield from ("ack #1", f"silence {name} 2h image work", "silence video-* until 06:00", "unsilence 1")
    yield from ("replay went-dark 7d", "replay doubled 7d", "show vidoe-00003.exmaple.com", "nonsense", "why #77")


async def measure(config: Config, watch: Watch, runs: int) -> list[Line]:
    """Every command, typed into Slack, and every button, clicked."""
    slack, house = FakeSlack(), House(config, watch.domains)
    house.slot, house.now = LAST, LAST + 900.0
    await house.begin()
    live = Live(LAST + 900.0, LAST, LAST + SLOT, domains=len(watch.domains), series=len(watch.series))
    scope = scope_of(config, watch, live, "/bandwidth")
    commands = Commands(lambda: scope, OrderExecutor(lambda: house.dispatcher, house._keeper))
    pictures = Pictures(lambda: scope)
    base_url, channels = await slack.start(), ("#cdn-alerts",)
    workspace = Workspace(
        BOT_TOKEN, APP_TOKEN, base_url, commands, SystemClock(), channels=channels, chart_source=pictures
    )
    await workspace.start()
    lines = []
    try:
        for text in commands_of(watch):
            lines.append(await _typed(slack, text, 3 if text.startswith("replay") else runs))
            click.echo(lines[-1])
        async for line in _clicked(slack, workspace, config, watch, runs):
            lines.append(line)
            click.echo(line)
        click.echo(f"\nThe loop was late by at most {await _late(slack):.3f} s while a week was replayed.")
    finally:
        await workspace.stop()
        await slack.stop()
        await house.end()
    return lines


async def _late(slack: FakeSlack) -> float:
    """Seconds by which the event loop wakes up too late at worst, while a replay is at work."""
    asked = asyncio.create_task(slack.command(text="replay went-dark 7d", answers=1, patience=60))
    worst = 0.0
    while not asked.done():
        began = time.perf_counter()
        await asyncio.sleep(0.01)
        worst = max(worst, time.perf_counter() - began - 0.01)
    return worst


async def _typed(slack: FakeSlack, text: str, runs: int) -> Line:
    seconds, answer = [], {}
    for _ in range(runs):
        began = time.perf_counter()
        answer = (await slack.command(text=text, answers=1, patience=60)).answers[0]
        seconds.append(time.perf_counter() - began)
    return _line(text if len(text) < 60 else f"{text[:50]}...", seconds, answer)


async def _clicked(
    slack: FakeSlack, workspace: Workspace, config: Config, watch: Watch, runs: int
) -> AsyncIterator[Line]:
    with schema.reading(config.store.path) as db:
        incident = incidents.load(db, 1)
    assert incident is not None
    message = incident_message(incident, _setting(watch), {}, charts=True)
    await workspace.post(Post("#cdn-alerts", message, "1"))
    for action, value in (("why", None), ("silence", "1 1h")):
        seconds, answer = [], {}
        for _ in range(runs):
            began = time.perf_counter()
            answer = (await slack.click(slack.posts[0], action, value=value, answers=1, patience=60)).answers[0]
            seconds.append(time.perf_counter() - began)
        yield _line(f"click: {action}", seconds, answer)
    began = time.perf_counter()
    while not slack.shared:  # on a busy machine one may take longer than the service waits for it
        asked = await slack.click(slack.posts[0], "chart", answers=0)
        await until(partial(_is_answered, slack, asked.response_url))
    yield Line(
        "click: chart, until it is in the thread", [time.perf_counter() - began], len(slack.shared[0].content), 0
    )


def _is_answered(slack: FakeSlack, response_url: str) -> bool:
    return bool(slack.shared or slack.answers(response_url))


def _line(what: str, seconds: list[float], answer: dict[str, Any]) -> Line:
    size = len(json.dumps(answer, ensure_ascii=False).encode())
    return Line(what, seconds, size, len(answer.get("blocks", ())))


def configured(path: Path, domains: tuple[str, ...]) -> Config:
    """Four rules, a group whose sum is watched, and one whose members are added up when asked for."""
    watched = replace(dark(), for_slots=2), fell(), ceiling(2e9), doubled()
    groups = (
        GroupSettings(name="first", domains=list(domains[:10]), sum=True),
        GroupSettings(name="loose", domains=list(domains[10:210])),
    )
    return config_for(path, domains, watched, groups=groups)


@click.command()
@click.option("--domains", "count", default=1500, show_default=True)
@click.option("--days", default=35, show_default=True)
@click.option("--runs", default=20, show_default=True)
@click.option("--long", is_flag=True, help="Names of 253 characters.")
def main(count: int, days: int, runs: int, *, long: bool) -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        config = configured(Path(folder) / "alertbot.db", domains_of(count, long=long))
        watch = lay_out(config, config.watched())
        began = time.perf_counter()
        fill(config, watch, days)
        size = config.store.path.stat().st_size / 1e6
        click.echo(f"{count:,} domains, {days} days: {size:,.0f} MB, written in {time.perf_counter() - began:.1f} s\n")
        click.echo("| command | p50 (s) | p95 (s) | bytes | blocks |\n|---|---|---|---|---|")
        asyncio.run(measure(config, watch, runs))


if __name__ == "__main__":
    main()
