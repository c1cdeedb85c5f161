"""Weeks of routine trouble in minutes: how long health is red for nothing, and whether anything grows.

    python tests/bench/trouble.py [--days N] [--hard]

The real service in virtual time: of the API's calls 1 to 6 % fail, one domain reports a minute after the others, Slack
has hiccups of a minute or two, the machine's clock drifts and steps a little; once a day a domain goes dark. With
``--hard`` all that the simulation draws fails as well, an hour or two each day. A line a day; nothing is asserted.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.rigs.working import START
from fakes.worlds.virtual import run
from simulation.checker import objections
from simulation.story import DARK, DOMAINS, HOUR, LAG, MINUTE, Mishap, Outage, Story, draw
from simulation.world import Record, World, play

from alertbot.feed.simulator.scenario import Fault, FaultMode, Scenario
from alertbot.units import DAY, SLOT

SHARES = {
    FaultMode.SERVER_ERROR: (0.005, 0.02),
    FaultMode.RESET: (0.0, 0.02),
    FaultMode.GARBAGE: (0.0, 0.01),
    FaultMode.THROTTLED: (0.0, 0.01),
    FaultMode.HANG: (0.005, 0.01),
}
"""The shares of calls that fail in each way, drawn anew for every day."""

HICCUPS = ("500", "drop_before", "drop_after", "429:30", "internal_error", "hang")


class Routine(Story):
    """A story of whose domains one is always late."""

    def scenario(self) -> Scenario:
        return replace(super().scenario(), lag={"default": float(LAG), DOMAINS[-1]: LAG + 60.0})


def routine(days: int, dice: random.Random) -> Story:
    """So many days of it."""
    whole = range(START, START + days * DAY, DAY)
    return Routine(
        seed=0,
        end=START + days * DAY,
        outages=tuple(_daily_outage(day, dice) for day in whole),
        faults=tuple(fault for day in whole for fault in _daily_faults(day, dice)),
        delays=(),
        mishaps=tuple(mishap for day in whole for mishap in _daily_mishaps(day, dice)),
        clock_off=0.0,
        partial=0.7,
    )


def _daily_outage(day: int, dice: random.Random) -> Outage:
    start = day + dice.randrange(24, 240) * SLOT
    return Outage(DARK, dice.choice(DOMAINS), start, start + dice.choice((3, 6, 12)) * SLOT)


def _daily_faults(day: int, dice: random.Random) -> Iterator[Fault]:
    for mode, (least, most) in SHARES.items():
        yield Fault(day, day + DAY, mode, dice.uniform(least, most))


def _daily_mishaps(day: int, dice: random.Random) -> Iterator[Mishap]:
    for _ in range(6):
        start = day + dice.uniform(0, DAY - HOUR)
        yield Mishap("slack", start, start + dice.uniform(20, 2 * MINUTE), dice.choice(HICCUPS), "*")
    moment = day + dice.uniform(0, DAY - HOUR)
    yield Mishap("clock", moment, moment, str(dice.choice((-2, -1, 1, 2))))
    yield Mishap("stop", moment, moment, "0")


def harder(story: Story, days: int) -> Story:
    """The same, with a story of the simulation in every day."""
    extra = [(draw(day), day * DAY + 6 * HOUR) for day in range(days)]
    return replace(
        story,
        outages=tuple(replace(o, start=o.start + at, end=o.end + at) for each, at in extra for o in each.outages),
        faults=story.faults
        + tuple(replace(f, start=f.start + at, end=f.end + at) for each, at in extra for f in each.faults),
        mishaps=story.mishaps
        + tuple(replace(m, start=m.start + at, end=m.end + at) for each, at in extra for m in each.mishaps),
    )


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.name.startswith("alertbot.")


class Measured(World):
    """Prints a line a day, and forgets what only the rig remembers."""

    lines = _Lines()

    async def play(self) -> Record:
        asyncio.create_task(self._report()).add_done_callback(lambda task: task.cancelled() or task.exception())
        return await super().play()

    async def _report(self) -> None:
        click.echo("| day | minutes red | of which | messages | log lines | RSS MB | files | threads | tasks | CPU s |")
        click.echo("|---" * 10 + "|")
        seen = 0
        for day in range(1, (self._story.end - START) // DAY + 1):
            await self._until(START + day * DAY - 1)
            self._house.simulator.calls.clear()
            red = Counter(each.wrong.partition(":")[0] for each in self._health[seen:] if each.wrong is not None)
            seen = len(self._health)
            causes = ", ".join(f"{count} {cause}" for cause, count in red.most_common(4))
            held = " | ".join(str(each) for each in _held())
            told = len(self._house.slack.posts)
            click.echo(f"| {day} | {red.total()} | {causes} | {told} | {self.lines.count} | {held} |")


def _held() -> tuple[int, int, int, int, int]:
    """Megabytes of resident memory, files, threads, tasks, and seconds of CPU."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    files = len(list(Path("/proc/self/fd").iterdir()))
    rss = int(status["VmRSS"].split()[0]) // 1024
    return rss, files, threading.active_count(), len(asyncio.all_tasks()), int(time.process_time())


@click.command()
@click.option("--days", default=30, show_default=True)
@click.option("--hard", is_flag=True)
@click.option("--seed", default=1, show_default=True)
def main(days: int, seed: int, *, hard: bool) -> None:
    """Measure."""
    logging.basicConfig(level=logging.INFO, handlers=[Measured.lines])
    story = routine(days, random.Random(seed))
    if hard:
        story = harder(story, days)
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        record = run(play(story, Path(folder), kind=Measured))
    for objection in objections(record):
        click.echo(objection)


if __name__ == "__main__":
    main()
