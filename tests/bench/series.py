"""Weeks of lag, revisions, failures and restarts: what a Prometheus that scrapes meanwhile holds, against the truth.

    python tests/bench/series.py [--days N] [--real] [--late]

The real service in virtual time is scraped once a minute. What is kept is held against what the account carried and
what is stored: zeros that are none, known slots that are missing, other values than the final one (partial or revised
when first scraped). A Prometheus in memory keeps what one would without a window for late samples; Debian's is handed
what was served by ``promtool`` in the end. With ``--real`` it scrapes each text itself, in real time, its timestamps
moved into the past: that takes three times as long.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from fakes.rigs.working import START
from fakes.wire.real_prometheus import Prometheus, raw
from fakes.worlds.virtual import passes, run
from simulation.story import DOMAINS, HOUR, MINUTE, Mishap, Story
from simulation.world import Record, World, play
from trouble import Routine, harder, routine

from alertbot.feed.simulator.scenario import Delay, Fault, FaultMode, Revision, Scenario
from alertbot.ops.bandwidth import openmetrics_text
from alertbot.store import samples, schema
from alertbot.units import DAY, SLOT

_SAMPLE = re.compile(rb'^alertbot_bandwidth_bits_per_second\{\w+="([^"]+)"\} (\S+) (\d+)$', re.MULTILINE)
_STAMP = re.compile(rb"(?<=\} )(\S+) (\d{13})$", re.MULTILINE)
METRIC = "alertbot_bandwidth_bits_per_second"


class Revised(Routine):
    """Some of whose values are 10 % too low for an hour or a day."""

    def scenario(self) -> Scenario:
        dice = random.Random(7)
        revisions = []
        for day in range(START, self.end, DAY):
            for _ in range(6):
                slot = day + dice.randrange(288) * SLOT
                revisions.append(
                    Revision(dice.choice(DOMAINS), slot, slot + 6 * SLOT, slot + dice.choice((HOUR, DAY)), 0.9)
                )
        return replace(super().scenario(), revisions=tuple(revisions))


def troubled(days: int, *, late: bool) -> Story:
    """Routine trouble, all that the simulation draws, an outage of the API, kills, and domains that turn late."""
    story = harder(routine(days, random.Random(1)), days)
    dice, delays, faults, kills = random.Random(2), [], [], []
    for day in range(START, START + days * DAY, DAY):
        for _ in range(8 if late else 2):
            start, by = (
                day + dice.randrange(280) * SLOT,
                dice.choice((30, 60, 120, 240, 420, 900) if late else (60, 240)),
            )
            delays.append(Delay(dice.choice(DOMAINS), start, start + dice.choice((1, 6, 24)) * SLOT, by))
        down = day + dice.uniform(0, DAY - 4 * HOUR)
        faults.append(Fault(down, down + dice.choice((20, 50, 180)) * MINUTE, FaultMode.SERVER_ERROR))
        kills += [Mishap("kill", at, at, "3") for at in (day + dice.uniform(0, DAY) for _ in range(3))]
    return Revised(
        **{
            **vars(story),
            "delays": tuple(delays),
            "faults": story.faults + tuple(faults),
            "mishaps": story.mishaps + tuple(kills),
        }
    )


class Window:
    """A target that serves what is put into it, to a Prometheus in real time."""

    def __init__(self) -> None:
        self._text, self._fetched, self._turn = b"", 0, threading.Condition()
        window = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with window._turn:
                    text = window._text
                try:
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    return  # it waited for too long
                with window._turn:
                    window._fetched += 1
                    window._turn.notify_all()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.target = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def show(self, text: bytes) -> None:
        """Return once it was scraped: two scrapes later, the first may have begun before."""
        with self._turn:
            self._text, wanted = text, self._fetched + 2
            self._turn.wait_for(lambda: self._fetched >= wanted)


class Memory:
    """Keeps what Prometheus 2.42 keeps without a window: in order, the first value of each slot."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[int, float]] = {}
        self.refused = {"out of order": 0, "too old": 0, "another value": 0}

    def take(self, text: bytes, now: float) -> None:
        """One scrape at ``now``."""
        for name, value, stamp in _SAMPLE.findall(text):
            kept, slot = self.kept.setdefault(name.decode(), {}), int(stamp) // 1000
            newest = max(kept, default=0) if not kept else next(reversed(kept))
            if slot > newest and slot >= now - HOUR:
                kept[slot] = float(value)
            elif slot < now - HOUR:
                self.refused["too old"] += 1
            elif slot < newest:
                self.refused["out of order"] += 1
            elif kept[slot] != float(value):
                self.refused["another value"] += 1


class Scraped(World):
    """Is scraped once a minute, whatever happens."""

    memory: Memory
    first: Memory  # of every slot the value that was served first, however late
    window: Window | None = None
    moved = 0
    port = 0

    def _configure(self, name: str) -> None:
        super()._configure(name)
        path = self._house.path
        path.write_text(f'{path.read_text()}\n[metrics]\nlisten = ":{self.port}"\nseries = true\n')

    async def play(self) -> Record:
        scraping = asyncio.create_task(self._scrape())
        try:
            return await super().play()
        finally:
            scraping.cancel()

    async def _scrape(self) -> None:
        shown = b""
        while True:
            await passes(MINUTE)
            now = self._house.clock.time()
            if (now - START) % DAY < MINUTE:
                self._say_how_far(now)
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                continue
            writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
            lines = (await reader.read()).splitlines(keepends=True)
            writer.close()
            text = b"".join(line for line in lines if METRIC.encode() in line)
            self.memory.take(text, now)
            for name, value, stamp in _SAMPLE.findall(text):
                self.first.kept.setdefault(name.decode(), {}).setdefault(int(stamp) // 1000, float(value))
            self._house.simulator.calls.clear()
            if self.window is not None and text != shown:
                shown = text
                await asyncio.to_thread(self.window.show, _STAMP.sub(self._move, text))

    def _say_how_far(self, now: float) -> None:
        """A line a day."""
        stored = known_slots(self._house.store, START, int(now) // SLOT * SLOT - 2 * HOUR)
        days = (now - START) / DAY
        click.echo("\n".join(compared(f"after {days:.0f} days", self.first.kept, self._story.scenario(), stored)))

    def _move(self, match: re.Match[bytes]) -> bytes:
        return b"%s %d" % (match[1], int(match[2]) - self.moved * 1000)


def compared(
    name: str, kept: Mapping[str, Mapping[int, float]], scenario: Scenario, stored: Mapping[str, Mapping[int, float]]
) -> Iterator[str]:
    """What stands in a Prometheus against the truth."""
    zeros = missing = other = count = known = 0
    for series, values in stored.items():
        known += len(values)
        missing += len(values.keys() - kept.get(series, {}).keys())
        for slot, value in kept.get(series, {}).items():
            count += 1
            truth = sum(scenario.truth(each, slot) for each in (DOMAINS if series == "total" else (series,)))
            zeros += value == 0 and truth > 0
            other += abs(value - truth) > 1e-6 * truth
    yield f"| {name} | {count:,} | {zeros} | {missing} of {known:,} | {other} ({other / max(count, 1):.2%}) |"


def backfilled(kept: Mapping[str, Mapping[int, float]], folder: Path) -> Prometheus:
    """A Prometheus over the blocks that promtool makes of what was served."""
    series = (
        [({"series": name}, slot - Scraped.moved, each[slot]) for slot in sorted(each)] for name, each in kept.items()
    )
    with (folder / "history.txt").open("w") as file:
        file.writelines(openmetrics_text(series))
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "history.txt", "prometheus/data"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return Prometheus(folder / "prometheus", "127.0.0.1:9")


def known_slots(path: Path, first: int, last: int) -> dict[str, dict[int, float]]:
    """What is stored of each series as known and judged."""
    found = {}
    with closing(schema.open_for_reading(path)) as db:
        for name, cursor in samples.cursors(db).items():
            values = samples.series_between(db, name, first, min(cursor, last))
            rows = np.flatnonzero(~np.isnan(values)).tolist()
            found[name] = {first + SLOT * row: float(values[row]) for row in rows}
    return found


@click.command()
@click.option("--days", default=30, show_default=True)
@click.option("--real", is_flag=True)
@click.option("--late", is_flag=True, help="Eight times a day a domain turns late, by up to 15 minutes.")
def main(days: int, *, real: bool, late: bool) -> None:
    """Measure."""
    story = troubled(days, late=late)
    Scraped.memory, Scraped.first = Memory(), Memory()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            Scraped.port = free.getsockname()[1]
        Scraped.moved = (story.end - int(time.time())) // SLOT * SLOT + SLOT
        if real:
            Scraped.window = Window()
            prometheus = stack.enter_context(
                Prometheus(folder / "prometheus", Scraped.window.target, interval="30ms", window=f"{days + 2}d")
            )
        (folder / "bot").mkdir()
        record = run(play(story, folder / "bot", kind=Scraped))
        stored = known_slots(folder / "bot" / "alertbot.db", START, story.end - 2 * HOUR)
        click.echo(f"{days} days, {record.restarts} restarts, served to: samples, false zeros, missing, not final")
        scenario = story.scenario()
        for name, memory in (("anybody", Scraped.first), ("Prometheus without a window", Scraped.memory)):
            click.echo("\n".join(compared(name, memory.kept, scenario, stored)))
        click.echo(f"refused without a window: {Scraped.memory.refused}")
        if not real:
            prometheus = stack.enter_context(backfilled(Scraped.first.kept, folder))
        kept = raw(prometheus, METRIC, f"{days + 3}d", time.time())
        back = {name: {at + Scraped.moved: value for at, value in each.items()} for name, each in kept.items()}
        click.echo("\n".join(compared("Prometheus 2.42", back, scenario, stored)))


if __name__ == "__main__":
    main()
