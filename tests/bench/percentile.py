"""What the kind ``percentile`` costs, and how far off its forecast is at day 10 and day 20 of a month.

    python tests/bench/percentile.py [--series N] [--csv HISTORY]

The cost: a slot of N series as the service judges it, a day as a replay does, and one series with an alert under way.
The forecast: over every month of a history (``domain,time,bps``; without one, two years made up here, with weekends,
growth, and bursts), against what the month came to; beside it, what the percentile so far would have said. And of how
many months each would have said at some time that they reach a limit which they ended 10 % under.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import numpy as np

from alertbot.cli.csv_history import read_csv
from alertbot.rules.base import Array
from alertbot.rules.grid import Grid
from alertbot.rules.months import Calendar
from alertbot.rules.percentile import WEEK, Percentile, nearest_rank
from alertbot.units import DAY, DAY_SLOTS, SLOT, parse_time

FIRST = parse_time("2026-01-01")
DAYS = (10, 20)
SERIES = 1_500


@click.command()
@click.option("--series", default=SERIES, show_default=True)
@click.option("--csv", "path", type=click.Path(path_type=Path, exists=True))
def main(series: int, path: Path | None) -> None:
    """Print both tables."""
    histories = made_up(20) if path is None else held(path)
    for line in (*cost(series), "", *error(histories), "", *wolf(histories)):
        click.echo(line)


def cost(series: int) -> Iterator[str]:
    """Seconds and megabytes."""
    grid, kind = Grid(tuple(f"s{number}" for number in range(series))), Percentile(10e9)
    for day in range(FIRST // DAY, FIRST // DAY + 31):
        grid.day(day)[:] = np.random.default_rng(day).lognormal(22, 0.3, (DAY_SLOTS, series))
    held_mb, last = _peak_mb(), FIRST + 30 * DAY
    kind.breaches(grid.past(last, 1))
    live = min(
        _seconds(lambda: (grid.put("s0", last, np.ones(1)), kind.breaches(grid.past(last, 1)))) for _ in range(9)
    )
    day = min(_seconds(lambda: kind.breaches(grid.past(last, DAY_SLOTS))) for _ in range(3))
    one = min(_seconds(lambda: kind.measure(grid.past(last, 1, np.array([0])))) for _ in range(9))
    yield f"| {series:,} series, a month held | seconds |"
    yield "|---|---|"
    yield f"| a slot, live | {live:.4f} |"
    yield f"| a day, replayed | {day:.3f} |"
    yield f"| the figures of one series under alert, a slot | {one:.4f} |"
    yield f"Memory: {held_mb:.0f} MB with the month in the grid, {_peak_mb() - held_mb:.0f} MB more while judging."


def error(histories: Mapping[str, tuple[int, Array]]) -> Iterator[str]:
    """How far the forecast was off, and the percentile so far."""
    off: dict[tuple[int, str], list[float]] = {(day, what): [] for day in DAYS for what in ("forecast", "so far")}
    months = 0
    for first, values in histories.values():
        for begin, end in whole_months(first, values):
            month, months = values[begin:end], months + 1
            final = nearest_rank(month[~np.isnan(month)])
            for day in DAYS:
                cut = begin + day * DAY_SLOTS
                week = values[max(cut - WEEK, 0) : cut]
                outlook = Percentile(1e30).outlook(values[begin:cut], week, end - cut)
                if outlook is not None and outlook.forecast is not None and final > 0:
                    off[day, "forecast"].append(abs(outlook.forecast / final - 1))
                    off[day, "so far"].append(abs(outlook.so_far / final - 1))
    yield f"| {months:,} months | median error | 90 % are within | worst |"
    yield "|---|---|---|---|"
    for (day, what), errors in off.items():
        found = np.array(errors or [np.nan])
        row = [np.median(found), np.percentile(found, 90), found.max()]
        yield f"| day {day}, {what} | {' | '.join(f'{each:.1%}' for each in row)} |"


def wolf(histories: Mapping[str, tuple[int, Array]]) -> Iterator[str]:
    """Months that end a tenth under a limit, and what would have said otherwise, looked at every six hours."""
    cried: dict[str, list[bool]] = {what: [] for what in ("so far", "so far, after a week", "forecast", "the rule")}
    for first, values in histories.values():
        for begin, end in whole_months(first, values):
            month = values[begin:end]
            limit = 1.1 * nearest_rank(month[~np.isnan(month)])
            cuts = range(begin + DAY_SLOTS, end, DAY_SLOTS // 4)
            seen = [
                Percentile(1e30).outlook(values[begin:cut], values[max(cut - WEEK, 0) : cut], end - cut) for cut in cuts
            ]
            known = [each for each in seen if each is not None]
            cried["so far"].append(any(each.so_far >= limit for each in known))
            cried["so far, after a week"].append(any(each.settled and each.so_far >= limit for each in known))
            cried["forecast"].append(any((each.forecast or 0) >= limit for each in known))
            cried["the rule"].append(any(figure >= limit for each in known for _, figure in each.figures))
    yield "| says so of a month that ends a tenth under the limit | of all months |"
    yield "|---|---|"
    for what, months in cried.items():
        yield f"| {what} | {np.mean(months or [np.nan]):.1%} |"


def whole_months(first: int, values: Array) -> Iterator[tuple[int, int]]:
    """The calendar months that lie within a history; of one shorter than two months, any 30 days."""
    month = Calendar(1, ZoneInfo("UTC")).at(first)
    found = False
    while (end := (month.end - first) // SLOT) <= len(values):
        begin = (month.start - first) // SLOT
        if begin >= 0:
            found = True
            yield begin, end
        month = Calendar(1, ZoneInfo("UTC")).at(month.end)
    if not found:
        for begin in range(0, len(values) - 30 * DAY_SLOTS + 1, 7 * DAY_SLOTS):
            yield begin, begin + 30 * DAY_SLOTS


def held(path: Path) -> dict[str, tuple[int, Array]]:
    """The series of a CSV."""
    return {
        name: (
            each.first // DAY * DAY,
            np.concatenate([each.day(day) for day in range(each.first // DAY, each.last // DAY + 1)]),
        )
        for name, each in read_csv(path).items()
    }


def made_up(series: int) -> dict[str, tuple[int, Array]]:
    """Two years each: days, weekends, growth of up to a half a year either way, bursts of hours."""
    slots = np.arange(730 * DAY_SLOTS)
    return {f"s{seed}": (FIRST, _made_up(np.random.default_rng(seed), slots)) for seed in range(series)}


def _made_up(rng: np.random.Generator, slots: Array) -> Array:
    day = 1 + rng.uniform(0.3, 0.8) * np.sin(2 * np.pi * slots / DAY_SLOTS - rng.uniform(0, 6))
    week = np.where(slots // DAY_SLOTS % 7 < 5, 1.0, rng.uniform(0.6, 1.3))
    growth = np.exp(rng.uniform(-0.4, 0.4) * slots / (365 * DAY_SLOTS))
    weather = np.repeat(np.exp(np.cumsum(rng.normal(0, 0.03, 730)) * 0.5), DAY_SLOTS)
    values = 1e9 * day * week * growth * weather * rng.lognormal(0, 0.05, len(slots))
    for start in rng.integers(0, len(slots), 60):
        values[start : start + int(rng.integers(6, 60))] *= rng.uniform(1.5, 3)
    return np.asarray(values)


def _seconds(work: object) -> float:
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - began


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
