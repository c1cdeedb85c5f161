"""Weeks of lag, revisions, failures and restarts: what a Prometheus that scrapes meanwhile holds, against the truth.

    python tests/bench/series.py [--days N] [--real] [--late] [--window 1d]

The real service in virtual time is scraped once a minute. What is kept is held against what the account carried and
what is stored: zeros that are none, values that were never true, known slots that are missing, others that are there.
A Prometheus in memory keeps what one would without a window for late samples; Debian's is handed what was served by
``promtool`` in the end. With ``--real`` it scrapes each text itself, its wall clock moved to the story's time, and is
restarted or killed every other day; in the end the queries of the dashboard are put to it. It needs a C compiler.
"""

from __future__ import annotations

import asyncio
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from fakes.rigs.working import START
from fakes.wire.real_prometheus import Prometheus, asked_by_dashboard, raw
from fakes.worlds.virtual import passes, run
from simulation.story import DOMAINS, HOUR, MINUTE, Mishap, Story
from simulation.world import Record, World, play
from trouble import Routine, harder, routine
from wall import Wall

from alertbot.feed.simulator.scenario import Delay, Fault, FaultMode, Revision, Scenario
from alertbot.ops.bandwidth import openmetrics_text
from alertbot.store import samples, schema
from alertbot.units import DAY, SLOT

_SAMPLE = re.compile(rb'^alertbot_bandwidth_bits_per_second\{\w+="([^"]+)"\} (\S+) (\d+)$', re.MULTILINE)
METRIC = "alertbot_bandwidth_bits_per_second"

SUMMED, SUM = DOMAINS[:2], "sum:both"
GROUP = f'[[group]]\nname = "both"\ndomains = ["{SUMMED[0]}", "{SUMMED[1]}"]\nsum = true\n'
REVISED = 0.9
"""What a value shows of the truth until it is revised."""

EXACT = 1e-6
RESTARTED = 2 * DAY // MINUTE + 31
"""Minutes between two restarts of Prometheus."""

COLUMNS = ("samples", "known", "missing", "not known", "false zeros", "wrong", "revised since")


class Revised(Routine):
    """Some of whose values are 10 % too low for an hour or a day."""

    def scenario(self) -> Scenario:
        dice = random.Random(7)
        revisions = []
        for day in range(START, self.end, DAY):
            for _ in range(6):
                slot = day + dice.randrange(288) * SLOT
                revisions.append(
                    Revision(dice.choice(DOMAINS), slot, slot + 6 * SLOT, slot + dice.choice((HOUR, DAY)), REVISED)
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of a Prometheus that gave up, or was killed."""


class Window:
    """A target that serves what is put into it to a Prometheus, whose wall clock it moves."""

    def __init__(self, wall: Wall) -> None:
        self._wall, self._text, self._scraped, self._turn = wall, b"", True, threading.Condition()
        self._server = _Server(("127.0.0.1", 0), type("OfWindow", (Request,), {"window": self}))
        self.target = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def show(self, text: bytes, now: float, *, patiently: bool) -> None:
        """Serve this from now on, once what was patiently shown before was scraped; "" where nobody answers."""
        with self._turn:
            if patiently:
                self.wait()
            if self._scraped:
                self._wall.put(now)
                self._text, self._scraped = text, not patiently

    def wait(self) -> None:
        """Return once what was patiently shown is scraped."""
        with self._turn:
            self._turn.wait_for(lambda: self._scraped)

    def serve(self, request: Request) -> None:
        """Answer; who asks again over the same connection has read the answer before in time."""
        with self._turn:
            self._scraped = self._scraped or request.answered is self._text
            self._turn.notify_all()
            text = request.answered = self._text
        with suppress(OSError):  # it waited for too long
            request.send_response(HTTPStatus.OK if text else HTTPStatus.SERVICE_UNAVAILABLE)
            request.send_header("Content-Length", str(len(text)))
            request.end_headers()
            request.wfile.write(text)


class Request(BaseHTTPRequestHandler):
    """Those of one connection."""

    protocol_version = "HTTP/1.1"
    window: Window
    answered: bytes | None = None

    def do_GET(self) -> None:
        self.window.serve(self)

    def log_message(self, *_: object) -> None:
        """Nothing."""


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
    prometheus: Prometheus
    truth: Truth
    port = 0

    def _configure(self, name: str) -> None:
        super()._configure(name)
        path = self._house.path
        text = path.read_text().replace("[feed]\n", "[feed]\neach_domain = true\n")  # fewer calls take less time
        path.write_text(f'{text}\n{GROUP}\n[metrics]\nlisten = ":{self.port}"\nseries = true\n')

    async def play(self) -> Record:
        scraping = asyncio.create_task(self._scrape())
        try:
            return await super().play()
        finally:
            scraping.cancel()

    async def _scrape(self) -> None:
        before: list[bytes] = []
        for minute in count(1):
            await passes(MINUTE)
            now = self._house.clock.time()
            text = await self._metrics()
            samples = [line for line in text.splitlines() if line.startswith(METRIC.encode())]
            self._remember(b"\n".join(samples), now)
            self._house.simulator.calls.clear()
            if self.window is not None:
                news = bool(samples) and samples != before
                await asyncio.to_thread(self.window.show, text, now, patiently=news)
                before = samples or before
                if minute % RESTARTED == 0:
                    number = signal.SIGKILL if minute // RESTARTED % 2 else signal.SIGTERM
                    await asyncio.to_thread(self.prometheus.restart, number)
            if minute % (DAY // MINUTE) == 0:
                self._say_how_far(now)

    async def _metrics(self) -> bytes:
        """The whole text; nothing where the service is down."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return b""
        with closing(writer):
            writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
            return (await reader.read()).partition(b"\r\n\r\n")[2]

    def _remember(self, text: bytes, now: float) -> None:
        self.memory.take(text, now)
        for name, value, stamp in _SAMPLE.findall(text):
            self.first.kept.setdefault(name.decode(), {}).setdefault(int(stamp) // 1000, float(value))

    def _say_how_far(self, now: float) -> None:
        """A line a day."""
        stored = known_slots(self._house.store, int(now) // SLOT * SLOT - 2 * HOUR)
        click.echo(compared(f"after {(now - START) / DAY:.0f} days", self.first.kept, self.truth, stored))


class Truth:
    """What a story's account carried."""

    def __init__(self, story: Story) -> None:
        self._scenario = story.scenario()
        self._known: dict[tuple[str, int], tuple[float, float]] = {}

    def between(self, series: str, slot: int) -> tuple[float, float]:
        """The least that was shown of it once it was complete, and what it carried."""
        if (series, slot) not in self._known:
            domains = {"total": DOMAINS, SUM: SUMMED}.get(series, (series,))
            carried = {name: self._scenario.truth(name, slot) for name in domains}
            revised = {each.domain for each in self._scenario.revisions if each.start <= slot < each.end}
            least = (value * (REVISED if name in revised else 1) for name, value in carried.items())
            self._known[series, slot] = sum(least), sum(carried.values())
        return self._known[series, slot]


Kept = Mapping[str, Mapping[int, float]]
"""Values by series and slot."""


def compared(name: str, kept: Kept, truth: Truth, stored: Kept) -> str:
    """What stands in a Prometheus against the truth, up to where something is stored."""
    found: Counter[str] = Counter()
    wrong = []
    for series, values in stored.items():
        last = max(values)
        held = {slot: value for slot, value in kept.get(series, {}).items() if START <= slot <= last}
        found["samples"] += len(held)
        found["known"] += len(values)
        found["missing"] += len(values.keys() - held.keys())
        found["not known"] += len(held.keys() - values.keys())
        for slot, value in held.items():
            least, most = truth.between(series, slot)
            found["false zeros"] += value == 0 and most > 0
            if not least * (1 - EXACT) <= value <= most * (1 + EXACT):
                wrong.append(f"{series} at {(slot - START) / HOUR:.2f} h is {value:.4g}, not {least:.4g} to {most:.4g}")
            elif value < most * (1 - EXACT):
                found["revised since"] += 1
    found["wrong"] = len(wrong)
    return f"| {name} | " + " | ".join(f"{found[each]:,}" for each in COLUMNS) + " |" + "; ".join(wrong[:4])


def backfilled(kept: Kept, folder: Path) -> Prometheus:
    """A Prometheus over the blocks that promtool makes of what was served."""
    series = ([({"series": name}, slot, each[slot]) for slot in sorted(each)] for name, each in kept.items())
    with (folder / "history.txt").open("w") as file:
        file.writelines(openmetrics_text(series))
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "history.txt", "prometheus/data"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return Prometheus(folder / "prometheus", "127.0.0.1:9")


def known_slots(path: Path, last: int) -> dict[str, dict[int, float]]:
    """What is stored of each series as known and judged."""
    found = {}
    with closing(schema.open_for_reading(path)) as db:
        for name, cursor in samples.cursors(db).items():
            values = samples.series_between(db, name, START, min(cursor, last))
            rows = np.flatnonzero(~np.isnan(values)).tolist()
            found[name] = {START + SLOT * row: float(values[row]) for row in rows}
    return found


def unanswered(prometheus: Prometheus, target: str, now: int) -> Iterator[str]:
    """The dashboard's queries by which nothing is found in the last day."""
    for name, query in asked_by_dashboard(target, DOMAINS[0]).items():
        if not prometheus.query_range(query, now - DAY, now, SLOT):
            yield name


def refused(log: str) -> dict[str, int]:
    """How many samples Prometheus says that it dropped, by why."""
    found: Counter[str] = Counter()
    for why, number in re.findall(r'msg="Error on ingesting ([^"]+)".*?num_dropped=(\d+)', log):
        found[why] += int(number)
    return dict(found)


@click.command()
@click.option("--days", default=30, show_default=True)
@click.option("--real", is_flag=True)
@click.option("--late", is_flag=True, help="Eight times a day a domain turns late, by up to 15 minutes.")
@click.option("--window", default="1d", show_default=True, help="How much older samples the real one takes.")
def main(days: int, window: str, *, real: bool, late: bool) -> None:
    """Measure."""
    story = troubled(days, late=late)
    Scraped.memory, Scraped.first, Scraped.truth = Memory(), Memory(), Truth(story)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            Scraped.port = free.getsockname()[1]
        if real:
            wall = Wall(folder)
            wall.put(START)
            Scraped.window = Window(wall)
            Scraped.prometheus = stack.enter_context(
                Prometheus(
                    folder / "prometheus", Scraped.window.target, interval="40ms", window=window, more=wall.environment
                )
            )
        (folder / "bot").mkdir()
        click.echo("| | " + " | ".join(COLUMNS) + " |")
        record = run(play(story, folder / "bot", kind=Scraped))
        _conclude(story, record, folder, stack)


def _conclude(story: Story, record: Record, folder: Path, stack: ExitStack) -> None:
    stored = known_slots(folder / "bot" / "alertbot.db", story.end - 2 * HOUR)
    slots = (story.end - 2 * HOUR - START) // SLOT + 1
    click.echo(f"of {slots:,} slots of {len(stored)} series each; {record.restarts} restarts of the service")
    truth = Scraped.truth
    click.echo(compared("served to anybody", Scraped.first.kept, truth, stored))
    click.echo(compared("kept without a window, by the rules", Scraped.memory.kept, truth, stored))
    click.echo(f"refused, by the rules: {Scraped.memory.refused}")
    if Scraped.window is None:
        prometheus = stack.enter_context(backfilled(Scraped.first.kept, folder))
    else:
        prometheus = Scraped.prometheus
        Scraped.window.wait()
        click.echo(f"refused by Prometheus: {refused(prometheus.log)}")
        click.echo(f"queries without an answer: {list(unanswered(prometheus, Scraped.window.target, story.end))}")
    span = f"{story.end - START + DAY}s"
    click.echo(compared("kept by Prometheus", raw(prometheus, METRIC, span, story.end), truth, stored))


if __name__ == "__main__":
    main()
