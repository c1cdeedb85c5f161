"""How alertbot does against a feed that is late, partial, revised and failing: false, missed, latency, calls.

    python tests/bench/feed.py [--days N] [--domains N] [--quick] [--table N]

The real client, watching, engine, store and outbox run against the real simulator over loopback HTTP, in virtual time:
a month takes a fraction of an hour. Prints tables; nothing is asserted.
"""

from __future__ import annotations

import gc
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.clockwork import run
from bench.rig import Rig, new_clock
from bench.verdict import Verdict, check, expected, judge, told_by
from bench.world import GROUP, START, Weather, make

from alertbot.feed.api import ALL
from alertbot.feed.simulator.server import Call
from alertbot.service.poller import REREAD
from alertbot.units import DAY, SLOT

_OUTAGE = 40 * 60
_SLOWEST = (1300.0, 1450.0, 1600.0)
_TURNS_SLOW_BY = 1100.0
_FAIR = Weather(lag=(300.0, 330.0), common=270.0)
"""Published 5 to 10 minutes after the close, all domains within a minute."""

_MEMORY = Path("/dev/shm")
"""Where there is one, the database lives in memory: what is measured is not the disk."""


def foul(days: float) -> Weather:
    """8 % failing calls, 2 % odd buckets, slow domains, two outages: the feed at its worst."""
    span = days * DAY
    outages = tuple((START + share * span, START + share * span + _OUTAGE) for share in (0.3, 0.7))
    turning = (START + 0.5 * span, _TURNS_SLOW_BY)
    return Weather(odd=0.02, failing=0.08, outages=outages, slow=_SLOWEST, turning=turning)


def restarts(days: float) -> list[tuple[float, float]]:
    """One a day, at another hour each; most take a minute, every third a quarter of an hour."""
    whole = range(max(int(days), 1))
    return [
        (START + min(days, 1) * DAY * (day + 0.25 + (0.37 * day) % 0.7), 60.0 if day % 3 else 900.0) for day in whole
    ]


@dataclass(frozen=True)
class Correctness:
    """What table 2 says of a run; ``seconds`` are the machine's."""

    verdict: Verdict
    incidents: int
    calls: int
    failed: int
    throttled: int
    errors: tuple[str, ...]
    held: tuple[float, ...]
    seconds: float


def correctness(days: float, domains: int, incidents: int, *, each_domain: bool) -> Correctness:
    """Play these days with the feed at its worst, and judge what was told."""
    began = time.perf_counter()
    world = make(domains, int(days * DAY), incidents, foul(days), each_domain=each_domain)
    with _folder() as folder:
        rig = Rig(world, new_clock(), Path(folder), each_domain=each_domain, more=GROUP)
        episodes = expected(world, rig.configure(), START + int(days * DAY) - 12 * SLOT)
        check(episodes, world.injected)

        def progress() -> None:
            _say_progress(judge(rig, episodes), rig, days)

        run(rig.clock, rig.run(START + days * DAY, restarts(days), progress))
        calls = rig.simulator.calls
        return Correctness(
            verdict=judge(rig, episodes),
            incidents=incidents,
            calls=len(calls),
            failed=sum(call.status != 200 for call in calls),
            throttled=sum(call.status == 429 for call in calls),
            errors=tuple(rig.errors),
            held=tuple(rig.held.values()),
            seconds=time.perf_counter() - began,
        )


def reaction(hours: float, domains: int, incidents: int, *, each_domain: bool) -> list[float]:
    """Seconds from the publication of the slot that completes an alert's proof to its post, for each incident told."""
    world = make(domains, int(hours * 3600), incidents, _FAIR, each_domain=each_domain)
    with _folder() as folder:
        rig = Rig(world, new_clock(), Path(folder), each_domain=each_domain)
        run(rig.clock, rig.run(START + hours * 3600))
        if rig.held or rig.errors:
            raise ValueError(f"nothing is late in this feed, and nothing fails: {rig.held}, {rig.errors}")
        told = [(each.posted, each.episode.fired + SLOT) for each in told_by(rig) if each.posted is not None]
        return [posted - world.published(proof) for posted, proof in told]


@dataclass(frozen=True)
class Price:
    """Calls a slot of fan-outs, the fewest possible, and of probes; seconds a fan-out took; calls refused with 429."""

    fan_out: float
    fewest: int
    probes: float
    took: tuple[float, ...]
    throttled: int


def price(domains: int, *, each_domain: bool) -> Price:
    """Count the calls of the second hour of a feed that does nothing wrong: the history is there by then."""
    world = make(domains, 2 * 3600, 0, _FAIR, each_domain=each_domain)
    middle = START + 3600
    with _folder() as folder:
        rig = Rig(world, new_clock(), Path(folder), each_domain=each_domain)
        run(rig.clock, rig.run(START + 2 * 3600))
        turns = [turn for turn in rig.turns if turn.began >= middle]
        ended = turns[-1].began + turns[-1].took
        calls = [call for call in rig.simulator.calls if turns[1].began <= call.time < ended]
        probes = sum(_is_probe(call) for call in calls)
        fan_outs = [turn for turn, before in zip(turns[1:], turns, strict=False) if turn.frontier != before.frontier]
        return Price(
            fan_out=(len(calls) - probes) / len(fan_outs),
            fewest=-(-domains // 10) if each_domain else domains,
            probes=probes / len(fan_outs),
            took=tuple(turn.took for turn in fan_outs),
            throttled=sum(call.status == 429 for call in rig.simulator.calls),
        )


def _is_probe(call: Call) -> bool:
    """A look at the total; fan-outs read it over two hours at least."""
    return call.domains == ALL and (call.end or 0) - (call.start or 0) < (REREAD - 1) * SLOT


def _say_progress(found: Verdict, rig: Rig, days: float) -> None:
    day = (rig.clock.time() - START) / DAY
    wrong = f"{len(found.false)} false, {len(found.missed)} missed, {len(found.repeated)} repeated"
    click.echo(f"  day {day:.1f} of {days:g}: {found.told} told, {wrong}; {len(rig.simulator.calls):,} calls", err=True)


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="alertbot-bench-", dir=_MEMORY if _MEMORY.is_dir() else None)


def show_correctness(title: str, found: Correctness) -> None:
    """Table 2, with a line for each exception."""
    verdict = found.verdict
    delays = np.array(verdict.delays or [np.nan]) / 60
    rows = (
        ("injected incidents", f"{found.incidents}"),
        ("alerts expected of the final truth", f"{verdict.expected}"),
        ("alerts told", f"{verdict.told}"),
        ("false", f"{len(verdict.false)}, of {len(verdict.wrongly)} series"),
        ("missed", f"{len(verdict.missed)}"),
        ("repeated", f"{len(verdict.repeated)}"),
        ("close of the deciding slot to the post", f"median {np.median(delays):.1f}, p95 {_p95(delays):.1f} min"),
        ("incidents about the feed itself", f"{len(verdict.feed)}"),
        ("calls, and of them failed", f"{found.calls:,}, {100 * found.failed / found.calls:.1f} %"),
        ("refused with 429", f"{found.throttled}"),
        ("series held back at the end", f"{len(found.held)}: {_counted(found.held)}"),
        ("errors logged", f"{len(found.errors)}"),
        ("seconds this took", f"{found.seconds:.0f}"),
    )
    _table(title, rows)
    for name, lines in (
        ("false", verdict.false),
        ("missed", verdict.missed),
        ("repeated", verdict.repeated),
        ("feed", verdict.feed),
        ("error", found.errors),
    ):
        for line in lines:
            click.echo(f"  {name}: {line}")


def show_reaction(hours: float, domains: int) -> None:
    """Table 3: from publication to the post."""
    rows = [("endpoint", "alerts   median s   p95 s   longest s   goal: median s")]
    for each_domain, goal in ((False, 25), (True, 15)):
        delays = np.array(reaction(hours, domains, domains // 3, each_domain=each_domain))
        figures = (
            f"{len(delays):>6}   {np.median(delays):>8.1f}   {_p95(delays):>5.1f}   {delays.max():>9.1f}   {goal:>4}"
        )
        rows.append((_endpoint(each_domain), figures))
    _table(f"From publication of the proof to the post: {domains} domains, {hours:g} hours", rows)


def show_prices(counts: Sequence[int]) -> None:
    """Table 4: calls a slot, and how long a fan-out took."""
    rows = [("domains, endpoint", "fan-out   fewest   probes   longest fan-out s   429")]
    for count in counts:
        for each_domain in (False, True):
            cost = price(count, each_domain=each_domain)
            figures = f"{cost.fan_out:>7.1f}   {cost.fewest:>6}   {cost.probes:>6.1f}   {max(cost.took):>17.1f}"
            rows.append((f"{count:,} {_endpoint(each_domain)}", f"{figures}   {cost.throttled:>3}"))
    _table("Calls a slot", rows)


def _counted(held: Sequence[float]) -> str:
    minutes = Counter(math.ceil(seconds / 60) for seconds in held)
    return ", ".join(f"{series} by {most} min" for most, series in sorted(minutes.items()))


def _endpoint(each_domain: bool) -> str:  # noqa: FBT001 - a column of the table
    return "eachDomain" if each_domain else "bandwidth"


def _p95(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    return float(np.percentile(values, 95))


def _table(title: str, rows: Iterable[tuple[str, str]]) -> None:
    click.echo(f"\n{title}")
    for name, figures in rows:
        click.echo(f"  {name:<40}{figures}")


@click.command(help=__doc__)
@click.option("--days", type=float, help="Virtual days with eachDomain; a tenth of them with the other endpoint.")
@click.option("--domains", type=int, help="How many domains they are.")
@click.option("--quick", is_flag=True, help="A day of 30 domains, and smaller accounts.")
@click.option("--table", "tables", type=click.IntRange(2, 4), multiple=True, help="Only this table.")
def main(days: float | None, domains: int | None, quick: bool, tables: tuple[int, ...]) -> None:  # noqa: FBT001 - click's
    """Print the tables."""
    gc.set_threshold(200_000)  # half a million calls are remembered
    days = days or (1 if quick else 30)
    domains = domains or (30 if quick else 200)
    tables = tables or (2, 3, 4)
    if 2 in tables:
        for each_domain, span in ((True, days), (False, max(days / 10, 1))):
            title = f"{span:g} days of {domains} domains, {_endpoint(each_domain)}, the feed at its worst"
            incidents = min(round(10 * span), domains * 2 // 3 * max(1, int(span / 5)))
            show_correctness(title, correctness(span, domains, incidents, each_domain=each_domain))
    if 3 in tables:
        show_reaction(12 if quick else 24, 30 if quick else 100)
    if 4 in tables:
        show_prices((10, 30) if quick else (10, 100, 1400))


if __name__ == "__main__":
    main()
