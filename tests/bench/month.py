"""A month of lag, revisions, failures and restarts that a real Prometheus scrapes in minutes, against the truth.

    python tests/bench/month.py [--days N] [--seed N] [--window 1d]

The real watching and store over a world without HTTP, of which the text of the series is served to Debian's Prometheus
once a minute, its wall clock moved along (``series.py`` does the same with the whole service, which takes ten times as
long). It is restarted or killed every other day. It needs a C compiler. A line a day; nothing is asserted.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from fakes.rigs.night import Night, ceiling, config_for, dark
from fakes.wire.real_prometheus import Prometheus, raw
from fakes.worlds.clock import FakeClock
from fakes.worlds.world import Fault, World, WorldApi
from series import COLUMNS, METRIC, REVISED, SUM, SUMMED, Window, compared, known_slots, refused
from simulation.story import DOMAINS, HOUR, LAG, MINUTE
from wall import Wall

from alertbot.config import GroupSettings
from alertbot.rules.selection import TOTAL
from alertbot.service.series import SeriesMetrics
from alertbot.units import DAY, DAY_SLOTS, SLOT

HALF, HALF_FOR = 0.7, 200.0
"""What a bucket shows of the truth when it is first published, and for how many seconds."""

LATE = (30, 60, 120, 240, 420, 900)
MAX_LAG = 1800
RESTARTED = 2 * DAY_SLOTS + 7
"""Slots between two restarts of Prometheus."""


class Month:
    """The world of so many days, and what goes wrong in it; all of it follows from a seed."""

    def __init__(self, days: int, seed: int) -> None:
        self._dice = random.Random(seed)
        levels = {name: 1e8 * (1 + number) for number, name in enumerate(DOMAINS)}
        self.world = World(levels, FakeClock(), slots=(days + 1) * DAY_SLOTS, lag=float(LAG))
        self._revised: set[tuple[str, int]] = set()
        self.faults: list[Fault] = []
        self.restarts: dict[int, float] = {}
        for day in range(days):
            self._day(day * DAY_SLOTS)
        for name in DOMAINS:
            self._show_half_at_first(name)

    def between(self, series: str, slot: int) -> tuple[float, float]:
        """The least that was shown of a slot once it was complete, and what it carried."""
        domains = {TOTAL: DOMAINS, SUM: SUMMED}.get(series, (series,))
        carried = {name: self.world.final((name,), slot) for name in domains}
        least = (value * (REVISED if (name, slot) in self._revised else 1) for name, value in carried.items())
        return sum(least), sum(carried.values())

    def _day(self, first: int) -> None:
        dice, world = self._dice, self.world
        for _ in range(2):
            world.traffic(dice.choice(DOMAINS), self._slot(first), dice.choice((1, 3, 6, 12)), 0.0)
        if dice.random() < 0.2:
            whole = self._slot(first)
            for name in DOMAINS:
                world.traffic(name, whole, 12, 0.0)
        for _ in range(8):
            late = float(LAG + dice.choice(LATE))
            world.delay(dice.choice(DOMAINS), self._slot(first), [late] * dice.choice((1, 6, 24)))
        held, slots = self._slot(first), dice.choice((2, 3, 4))
        for name in DOMAINS:
            world.delay(name, held, [LAG + (slots - 1 - number) * SLOT + 60.0 for number in range(slots)])
        for _ in range(6):
            self._revise(dice.choice(DOMAINS), self._slot(first), dice.choice((HOUR, DAY)))
        self.faults += self._faults(first * SLOT)
        for _ in range(4):
            self.restarts[self._slot(first)] = dice.choice((5.0, 60.0, 600.0))

    def _slot(self, first: int) -> int:
        return first + self._dice.randrange(DAY_SLOTS)

    def _revise(self, name: str, first: int, after: float) -> None:
        self.world.revise(name, first, 6, REVISED, after)
        self._revised |= {(name, self.world.start + slot * SLOT) for slot in range(first, first + 6)}

    def _faults(self, day: float) -> Iterator[Fault]:
        dice = self._dice
        down = day + dice.uniform(0, DAY)
        yield Fault(down, down + dice.choice((20, 50, 180)) * MINUTE, "down")
        one = day + dice.uniform(0, DAY)
        yield Fault(one, one + 30 * MINUTE, "down", target=dice.choice(DOMAINS))
        for mode in ("down", "throttled", "garbled", "hang"):
            yield Fault(day, day + DAY, mode, share=dice.uniform(0.005, 0.02))

    def _show_half_at_first(self, name: str) -> None:
        """All but what shows less for longer."""
        world = self.world
        plain = world.complete[name] == world.published[name]
        world.share[name][plain] = HALF
        world.complete[name][plain] += HALF_FOR


class Scrapes:
    """Shows what is served of a night."""

    def __init__(self, night: Night, window: Window) -> None:
        self._night = night
        self._window = window
        self.begin()

    def begin(self) -> None:
        """The process started anew."""
        self._metrics = SeriesMetrics(Path(self._night.config.store.path), lambda: MAX_LAG)
        self._before = b""

    async def scrape(self) -> None:
        now, clock = self._night.world.now, self._night.clock
        text = await self._metrics.text((*DOMAINS, SUM, TOTAL), now, clock.monotonic())
        await asyncio.to_thread(self._window.show, text, now, patiently=text != self._before)
        self._before = text


async def live(month: Month, days: int, folder: Path, window: Window, prometheus: Prometheus) -> None:
    """Let it all happen."""
    path = folder / "alertbot.db"
    both = GroupSettings(name="both", domains=list(SUMMED), sum=True)
    config = config_for(path, DOMAINS, [dark(), ceiling(1e12)], groups=[both], max_lag=MAX_LAG)
    dice = random.Random(1)
    api = WorldApi(month.world, faults=month.faults)
    night = Night(config, month.world, api, witnessed=False)
    await night.begin()
    scrapes = Scrapes(night, window)
    for slot in range(days * DAY_SLOTS):
        if slot in month.restarts:
            await night.restart(after=month.restarts[slot])
            scrapes.begin()
        if dice.random() < 1 / 100:
            api.kill_in = dice.randrange(1, 8)
        if slot % RESTARTED == RESTARTED - 1:
            number = signal.SIGKILL if slot // RESTARTED % 2 else signal.SIGTERM
            await asyncio.to_thread(prometheus.restart, number)
        for _ in range(SLOT // MINUTE):
            await night.run(MINUTE)
            await scrapes.scrape()
        if slot % DAY_SLOTS == DAY_SLOTS - 1:
            tell(f"after {(slot + 1) // DAY_SLOTS} days", month, path, prometheus)
    window.wait()
    await night.end()


def tell(name: str, month: Month, path: Path, prometheus: Prometheus) -> None:
    """A line: what Prometheus holds by now against the truth."""
    now = month.world.now
    stored = known_slots(path, int(now) // SLOT * SLOT - 2 * HOUR)
    kept = raw(prometheus, METRIC, f"{int(now) - month.world.start + DAY}s", now)
    click.echo(compared(name, kept, month, stored))


def report(month: Month, path: Path, prometheus: Prometheus) -> None:
    """What there is to say in the end."""
    slots = (int(month.world.now) // SLOT * SLOT - 2 * HOUR - month.world.start) // SLOT + 1
    known: Mapping[str, Mapping[int, float]] = known_slots(path, month.world.start + (slots - 1) * SLOT)
    unknown = sum(slots - len(values) for values in known.values())
    zeros = sum(value == 0 for values in known.values() for value in values.values())
    click.echo(f"of {slots:,} slots of {len(known)} series {unknown} are unknown; {zeros:,} are true zeros")
    click.echo(f"refused by Prometheus: {refused(prometheus.log)}")


@click.command()
@click.option("--days", default=30, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--window", default="1d", show_default=True, help="How much older samples Prometheus takes.")
def main(days: int, seed: int, window: str) -> None:
    """Measure."""
    month = Month(days, seed)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        folder = Path(name)
        wall = Wall(folder)
        wall.put(month.world.now)
        target = Window(wall)
        with Prometheus(
            folder / "prometheus", target.target, interval="15ms", window=window, more=wall.environment
        ) as prometheus:
            click.echo("| | " + " | ".join(COLUMNS) + " |")
            asyncio.run(live(month, days, folder, target, prometheus))
            report(month, folder / "alertbot.db", prometheus)


if __name__ == "__main__":
    main()
