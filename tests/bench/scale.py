"""How much one process bears: what a slot, a replay, a CSV, the database and a start cost.

    python tests/bench/scale.py [live] [replay] [csv] [store] [start] [imports]

Without a word all of it is measured, which takes some minutes and 2 GB of disk. Each line is a process of its own:
its wall time, its CPU time and the peak of its resident memory. Nothing is asserted.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.rigs.night import config_for
from fakes.rigs.until import until

from alertbot.alerts.ledger import Ledger
from alertbot.clock import SystemClock
from alertbot.config.watch import Watch, lay_out
from alertbot.feed.simulator.scenario import Scenario, Shape
from alertbot.feed.simulator.server import Simulator
from alertbot.rules.base import Array, Rule, Severity
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.grid import Grid
from alertbot.rules.threshold import Threshold
from alertbot.service.dispatcher import Dispatcher
from alertbot.store import samples, schema
from alertbot.store.keeper import Storekeeper
from alertbot.store.scratch import room_for
from alertbot.units import DAY, DAY_SLOTS, SLOT

MIDNIGHT = 1_793_577_600
"""The first day of the made-up history."""

WEEK = 8
BATCH = 400
SLOTS = 12
_NOISE = 0.02
_ALERTBOT = Path(sys.executable).with_name("alertbot")

KINDS = (
    ("dark", Drop(to=0.0, from_=5e6)),
    ("fell", Drop(by=0.8, from_=2e7)),
    ("doubled", DayOverDay(2.5, days=1, weeks=1, floor=5e7)),
    ("ceiling", Threshold(above=5e10)),
    ("half", Drop(by=0.5, from_=1e8)),
    ("week", DayOverDay(0.4, days=0, weeks=1, floor=5e7)),
    ("median", DayOverDay(3.0, days=3, floor=5e7)),
    ("long", Drop(by=0.9, from_=1e7, window=36)),
    ("floor", Threshold(below=1.0)),
    ("tenfold", DayOverDay(10.0, days=1, floor=1e7)),
)

RULES = """
[[rule]]
name = "dark"
kind = "drop"
to = "0 bps"
from = "5 Mbps"

[[rule]]
name = "fell"
kind = "drop"
by = "80%"
from = "20 Mbps"

[[rule]]
name = "doubled"
kind = "day_over_day"
ratio = 2.5
weeks = 1
floor = "50 Mbps"
"""


def names_of(count: int) -> tuple[str, ...]:
    """Domains such as an account has."""
    return tuple(f"video-{number:05}.example.com" for number in range(count))


def day_of(levels: Array, day: int) -> Array:
    """288 slots x series: a daily wave and noise, the same every time."""
    slots = day * DAY + SLOT * np.arange(DAY_SLOTS)
    wave = 1 + 0.3 * np.sin(slots / DAY * 2 * np.pi)
    noise = np.random.default_rng(day).normal(1, _NOISE, (DAY_SLOTS, len(levels)))
    return np.asarray(wave[:, None] * levels * noise)


def levels_of(count: int) -> Array:
    """What each series carries on average, bit/s."""
    return np.random.default_rng(7).lognormal(18, 1.2, count)


def watched(folder: Path, series: int, rules: int) -> Watch:
    """Series under the first of ``KINDS``."""
    laid = [Rule(name, "kind", kind, Severity.WARNING) for name, kind in KINDS[:rules]]
    config = config_for(folder / "alertbot.db", names_of(series), laid)
    return lay_out(config, config.watched())


def fill(folder: Path, series: int, days: int, end: int) -> None:
    """A configuration and a database that holds ``days`` up to the slot ``end``."""
    named = ", ".join(f'"{name}"' for name in names_of(series))
    text = f'[watch]\ndomains = [{named}]\n\n[store]\npath = "alertbot.db"\nkeep = "40d"\n{RULES}'
    (folder / "rules.toml").write_text(text, encoding="utf-8")
    watch, levels = watched(folder, series, 3), levels_of(series)
    db = schema.open_database(folder / "alertbot.db")
    db.conn.execute("PRAGMA synchronous = OFF")
    with db.atomic():
        ids = samples.series_ids(db, watch.series)
        for day in range(end // DAY - days + 1, end // DAY + 1):
            grid = Grid(watch.series)
            block = grid.day(day)
            block[:, :series] = day_of(levels, day)
            block[:, series:] = block[:, :series].sum(axis=1)[:, None]
            block[day * DAY + SLOT * np.arange(DAY_SLOTS) > end] = np.nan
            samples.write_days(db, ids, grid, [(name, day) for name in watch.series])
        samples.write_cursors(db, ids, dict.fromkeys(watch.series, end))
        samples.write_begun(db, ids, dict.fromkeys(watch.series, end - days * DAY))
    db.close()


# -- live: run in a process of its own, as ``scale.py one-live SERIES RULES``


async def one_live(folder: Path, series: int, rules: int) -> dict[str, float]:
    """A day ends, slot after slot, in batches as the poller judges them: what each takes."""
    watch, levels = watched(folder, series, rules), levels_of(series)
    today = MIDNIGHT // DAY + WEEK
    grid = Grid(watch.series, room_for(folder, series, (WEEK + 1) * DAY_SLOTS))
    for day in range(today - WEEK, today):
        grid.day(day)[:, :series] = day_of(levels, day)
    keeper = Storekeeper()
    await keeper.open(folder / "alertbot.db")
    ledger = Ledger(watch.engine, grid, dict.fromkeys(watch.series, today * DAY - SLOT), {})
    nothing = dict.fromkeys(watch.series, 0)
    slack = config_for(folder / "alertbot.db", (), ()).slack
    dispatcher = Dispatcher(
        watch, ledger, keeper, slack, SystemClock(), series_begun=nothing, rules_begun=nothing, wake=lambda: None
    )
    values, names = day_of(levels, today), watch.series[:series]
    began = time.process_time()
    spent = [await _slot(dispatcher, ledger, names, today * DAY + row * SLOT, values[row]) for row in range(SLOTS)]
    cpu = (time.process_time() - began) / SLOTS
    await keeper.close()
    take, judge, commit = (1000 * float(np.median(each)) for each in zip(*spent, strict=True))
    return {"take": take, "judge": judge, "commit": commit, "cpu": cpu, "peak": peak(resource.RUSAGE_SELF)}


async def _slot(
    dispatcher: Dispatcher, ledger: Ledger, names: tuple[str, ...], slot: int, values: Array
) -> tuple[float, ...]:
    """Seconds for taking, judging and committing a slot."""
    take = judge = commit = 0.0
    for first in range(0, len(names), BATCH):
        began = time.perf_counter()
        for column in range(first, min(first + BATCH, len(names))):
            ledger.take(names[column], slot, values[column : column + 1])
        taken = time.perf_counter()
        entry = ledger.judge(slot)
        judged = time.perf_counter()
        await dispatcher.commit(entry, slot)
        ledger.trim()
        take, judge = take + taken - began, judge + judged - taken
        commit += time.perf_counter() - judged
    return take, judge, commit


def peak(whose: int) -> float:
    """Megabytes of resident memory at most."""
    return resource.getrusage(whose).ru_maxrss / 1024


# -- tables


def live() -> None:
    """What a slot costs, by series and rules."""
    click.echo("A slot, live: milliseconds (median of 12), CPU seconds of the whole process, peak of memory\n")
    click.echo(
        "| series | rules | take | judge | commit | CPU s | us a series | peak MB |\n|---|---|---|---|---|---|---|---|"
    )
    for series, rules in ((10, 10), (100, 10), (1_500, 3), (1_500, 10), (10_000, 10), (15_000, 3), (15_000, 10)):
        done = subprocess.run(
            [sys.executable, __file__, "one-live", str(series), str(rules)], check=True, capture_output=True
        )
        cost = json.loads(done.stdout)
        times = " | ".join(f"{cost[part]:.1f}" for part in ("take", "judge", "commit"))
        each = 1e6 * cost["cpu"] / series
        click.echo(f"| {series:,} | {rules} | {times} | {cost['cpu']:.3f} | {each:.0f} | {cost['peak']:.0f} |")


def measured(command: list[str], folder: Path) -> tuple[float, float, float]:
    """Wall and CPU seconds, and the peak of memory in MB, of a command; its output is thrown away."""
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"{command} ended with {process.returncode}")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def replay() -> None:
    """A month of stored history under three rules, by its size."""
    click.echo("A replay of the stored history, three rules\n")
    click.echo("| series | days | wall s | CPU s | peak MB |\n|---|---|---|---|---|")
    for series, days in ((150, 30), (1_500, 30), (1_500, 3), (15_000, 30)):
        with tempfile.TemporaryDirectory() as folder:
            fill(Path(folder), series, days, MIDNIGHT + days * DAY - SLOT)
            wall, cpu, most = measured([str(_ALERTBOT), "replay", "--json"], Path(folder))
        click.echo(f"| {series:,} | {days} | {wall:.2f} | {cpu:.2f} | {most:.0f} |")


def from_csv() -> None:
    """The same from a CSV, and writing it."""
    click.echo("1,500 series, 30 days, as a CSV of 13 million rows\n")
    click.echo("| | wall s | CPU s | peak MB |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, 1_500, 30, MIDNIGHT + 30 * DAY - SLOT)
        for what, line in (
            ("alertbot export", f"{_ALERTBOT} export > history.csv"),
            ("alertbot replay --csv", f"{_ALERTBOT} replay --csv history.csv --json"),
        ):
            wall, cpu, most = measured(["sh", "-c", line], folder)
            click.echo(f"| `{what}` | {wall:.1f} | {cpu:.1f} | {most:.0f} |")


def store() -> None:
    """Bytes a sample, and how fast they are written and read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        fill(folder, 1_500, 35, MIDNIGHT + 35 * DAY - SLOT)
        wrote = time.perf_counter() - began
        count = 1_501 * 35 * DAY_SLOTS
        size = sum(path.stat().st_size for path in folder.glob("alertbot.db*"))
        began = time.perf_counter()
        with closing(schema.open_for_reading(folder / "alertbot.db")) as db:
            samples.load(db, Grid((*names_of(1_500), "total")), MIDNIGHT, MIDNIGHT + 35 * DAY - SLOT)
        read = time.perf_counter() - began
    click.echo("1,500 series, 35 days at rest\n\n| samples | bytes each | written a second | read a second |")
    click.echo(f"|---|---|---|---|\n| {count:,} | {size / count:.2f} | {count / wrote:,.0f} | {count / read:,.0f} |")


def start() -> None:
    """From exec to READY and to the first judgement, with 35 days of 1,500 domains."""
    with tempfile.TemporaryDirectory() as name:
        ready, judged = asyncio.run(_started(Path(name)))
    click.echo("A start with 35 days of 1,500 domains\n\n| READY, s | first judgement, s |\n|---|---|")
    click.echo(f"| {ready:.2f} | {judged:.2f} |")


async def _started(folder: Path) -> tuple[float, float]:
    """Seconds from exec until systemd would be told READY, and until the first series is judged further."""
    now = int(time.time())
    fill(folder, 1_500, 35, now // SLOT * SLOT - 6 * SLOT)
    scenario = Scenario(token="t", domains={name: Shape(level=1e9) for name in names_of(1_500)})
    simulator = Simulator(scenario, SystemClock())
    with (folder / "rules.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[feed]\nbase_url = "{await simulator.start()}"\n')
    notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notified.bind(str(folder / "notify"))
    notified.setblocking(False)  # noqa: FBT003
    environment = {**os.environ, "ALERTBOT_API_TOKEN": "t", "NOTIFY_SOCKET": str(folder / "notify")}
    began = time.perf_counter()
    service = await asyncio.create_subprocess_exec(
        str(_ALERTBOT), "run", cwd=folder, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    loop = asyncio.get_running_loop()
    while b"READY=1" not in await loop.sock_recv(notified, 4096):
        pass
    ready = time.perf_counter() - began
    with closing(sqlite3.connect(folder / "alertbot.db")) as db:
        await until(lambda: db.execute("SELECT max(cursor) > min(cursor) FROM series").fetchone()[0])
    judged = time.perf_counter() - began
    service.terminate()
    await service.wait()
    await simulator.stop()
    notified.close()
    return ready, judged


def imports() -> None:
    """How soon the command line answers."""
    click.echo("The command line, the best of five\n\n| command | wall s | CPU s |\n|---|---|---|")
    example = str(Path(__file__).parents[2] / "rules.example.toml")
    for words in (["--help"], ["check", "-c", example]):
        wall, cpu, _ = min(measured([str(_ALERTBOT), *words], Path.cwd()) for _ in range(5))
        click.echo(f"| `alertbot {words[0]}` | {wall:.2f} | {cpu:.2f} |")


TABLES: dict[str, Callable[[], None]] = {
    "live": live,
    "replay": replay,
    "csv": from_csv,
    "store": store,
    "start": start,
    "imports": imports,
}


def chosen(words: tuple[str, ...]) -> Iterator[Callable[[], None]]:
    """The tables that were asked for."""
    unknown = set(words) - TABLES.keys()
    if unknown:
        raise click.UsageError(f"no table is called {', '.join(sorted(unknown))}: there are {', '.join(TABLES)}")
    yield from (table for name, table in TABLES.items() if not words or name in words)


@click.command()
@click.argument("words", nargs=-1)
def main(words: tuple[str, ...]) -> None:
    """Print the tables."""
    if words[:1] == ("one-live",):
        with tempfile.TemporaryDirectory() as folder:
            click.echo(json.dumps(asyncio.run(one_live(Path(folder), int(words[1]), int(words[2])))))
        return
    for table in chosen(words):
        table()
        click.echo()


if __name__ == "__main__":
    main()
