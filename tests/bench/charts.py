"""Charts to look at, and what they cost.

``python tests/bench/charts.py FOLDER`` draws eight of them into FOLDER, through the worker as the service does, and a
sheet with each as a phone shows it: 400 pixels wide, on a white and on a dark page. ``--cost 100`` first
draws that many and prints this process's resident memory before and after, and how long a chart takes.
"""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from alertbot.charts.chart import Chart, LimitLine, Panel
from alertbot.charts.worker import render
from alertbot.units import DAY, DAY_SLOTS, SLOT, format_rate

END = 1_793_613_600  # 2 November 2026, 10:00 UTC
ZONE = "Europe/Berlin"
SHOWN = 400
PAGES = {"white": "#ffffff", "dark": "#1a1d21"}


def level(first: int, count: int, size: float, seed: int) -> np.ndarray:
    """A site's days: little at night, most in the evening, some noise."""
    slots = first + SLOT * np.arange(count)
    hours = (slots + 3600) % DAY / 3600
    noise = np.random.default_rng(seed).normal(1, 0.025, count)
    return size * (0.62 - 0.34 * np.cos((hours - 2.5) / 24 * math.tau) + 0.06 * np.sin(hours / 4 * math.tau)) * noise


def panel(name: str, size: float, hours: float, seed: int = 0, *, late: int = 2, **more) -> Panel:
    """A series over so many hours to ``END``, of which the last few slots are not published yet."""
    count = int(hours * 3600) // SLOT
    first = END - count * SLOT
    values = level(first, count, size, seed)
    values[count - late :] = np.nan
    earlier = {"last_week": level(first, count, 0.93 * size, seed + 2)}
    if hours <= 24:
        earlier["yesterday"] = level(first, count, 1.04 * size, seed + 1)
    return Panel(name, more.pop("note", ""), values, **earlier, **more)


def chart(title: str, subtitle: str, *panels: Panel) -> Chart:
    first = END - len(panels[0].values) * SLOT
    return Chart(title, subtitle, f"{title}: {subtitle}", first, END - 100.0, ZONE, panels)


def normal() -> Chart:
    shown = panel("video.example.com", 1.84e9, 24)
    return chart(shown.name, f"{format_rate(shown.values[-3])}, data until 10:50, times in {ZONE}", shown)


def dark() -> Chart:
    shown = panel("video.example.com", 1.84e9, 6)
    fell = slice(-9, -2)
    shown.values[fell] = 0.0
    before = float(np.median(shown.values[-21:-9]))
    label = LimitLine(f"{format_rate(before)} before", over(shown, -21, before))
    return chart(f"#412 {shown.name}", f"0 bps, data until 10:50, times in {ZONE}", with_(shown, [label], [(-9, -3)]))


def spike() -> Chart:
    shown = panel("downloads.example.com", 5e8, 6)
    shown.values[-12:-2] *= np.linspace(1.8, 2.6, 10)
    twice = LimitLine("2.5 times a day earlier", 2.5 * shown.yesterday)
    return chart(
        f"#413 {shown.name}",
        f"{format_rate(shown.values[-3])}, data until 10:50, times in {ZONE}",
        with_(shown, [twice], [(-7, -3)]),
    )


def gap() -> Chart:
    shown = panel("img.example.com", 3.2e8, 24)
    shown.values[120:150] = np.nan
    shown.yesterday[:40] = np.nan
    ceiling = LimitLine("above 400 Mbps", np.full(len(shown.values), 4e8))
    return chart(shown.name, f"data until 10:50, times in {ZONE}", with_(shown, [ceiling], []))


def sparse() -> Chart:
    shown = panel("a-very-long-name-of-a-host-in-some-department.static.assets.example.com", 4.2e5, 24)
    dice = np.random.default_rng(7).random((2, len(shown.values)))
    shown.values[np.convolve(dice[0] < 0.03, np.ones(5), "same") == 0] = 0.0
    shown.values[(dice[1] < 0.04) | (np.arange(len(dice[1])) >= len(dice[1]) - 2)] = np.nan
    shown = Panel(shown.name, "", shown.values)
    return chart(shown.name, f"{format_rate(0)}, data until 10:50, times in {ZONE}", shown)


def week() -> Chart:
    shown = panel("video.example.com", 1.84e9, 7 * 24)
    shown.values[3 * DAY_SLOTS : 3 * DAY_SLOTS + 20] = 0.0
    ceiling = LimitLine("above 2.2 Gbps", np.full(len(shown.values), 2.2e9))
    return chart(
        shown.name,
        f"{format_rate(shown.values[-3])}, 7 days, data until 10:50, times in {ZONE}",
        with_(shown, [ceiling], [(3 * DAY_SLOTS, 3 * DAY_SLOTS + 19)]),
    )


def several() -> Chart:
    total = panel("total", 9.4e9, 6, 20)
    total.values[-9:-2] *= 0.4
    parts = [("video.example.com", 1.84e9, 0.0), ("img.example.com", 3.2e8, 0.0), ("dl1.example.com", 8e8, 0.15)]
    shown = [with_(total, [], [(-9, -3)])]
    for seed, (name, size, left) in enumerate(parts):
        one = panel(name, size, 6, 3 * seed)
        before = float(np.median(one.values[-21:-9]))
        one.values[-9:-2] *= left
        label = LimitLine(f"{format_rate(before)} before", over(one, -21, before))
        shown.append(with_(one, [label], [(-9, -3)]))
    return chart("#414 total and the worst 3 of 212 series", f"data until 10:50, times in {ZONE}", *shown)


def group() -> Chart:
    whole = panel("sum:downloads", 1.5e9, 24, 30)
    one = panel("dl1.example.com", 8e8, 24, 33)
    for each in (whole, one):
        each.values[-40:-2] *= 0.35
    marked = [with_(each, [], [(-40, -3)]) for each in (whole, one)]
    return chart("#415 sum:downloads and dl1.example.com", f"data until 10:50, times in {ZONE}", *marked)


def over(shown: Panel, first: int, value: float) -> np.ndarray:
    values = np.full(len(shown.values), np.nan)
    values[first:] = value
    return values


def with_(shown: Panel, limits: list[LimitLine], spans: list[tuple[int, int]]) -> Panel:
    """The panel with limits, and breaches by their places."""
    count = len(shown.values)
    first = END - count * SLOT
    breaches = tuple((first + SLOT * (begin % count), first + SLOT * (last % count)) for begin, last in spans)
    known = shown.values[~np.isnan(shown.values)]
    note = format_rate(float(known[-1]))
    return Panel(shown.name, note, shown.values, shown.yesterday, shown.last_week, tuple(limits), breaches)


GALLERY = (normal, dark, spike, gap, sparse, week, several, group)


async def draw_all() -> dict[str, bytes]:
    return {make.__name__: await render(make()) for make in GALLERY}


def show(folder: Path) -> None:
    from PIL import Image  # noqa: PLC0415 - comes with matplotlib; what the charts cost is measured without it

    folder.mkdir(parents=True, exist_ok=True)
    for name, png in asyncio.run(draw_all()).items():
        path = folder / f"{name}.png"
        path.write_bytes(png)
        picture = Image.open(path)
        small = picture.resize((SHOWN, round(picture.height * SHOWN / picture.width)), Image.Resampling.LANCZOS)
        sheet = Image.new("RGB", (2 * SHOWN + 80, small.height + 40), PAGES["white"])
        sheet.paste(Image.new("RGB", (SHOWN + 40, sheet.height), PAGES["dark"]), (SHOWN + 40, 0))
        for left in (20, SHOWN + 60):
            sheet.paste(small, (left, 20))
        sheet.save(folder / f"{name}-shown.png")
        click.echo(f"{path}: {len(png) // 1024} kB, {picture.width} x {picture.height}")


def resident() -> Iterator[tuple[str, int]]:
    """Resident memory of this process and its peak, kB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(("VmRSS:", "VmHWM:")):
            yield line.split(":")[0], int(line.split()[1])


async def cost(count: int) -> None:
    import alertbot.service.service  # noqa: F401, PLC0415 - so that it is the service's memory

    drawn, before = dark(), dict(resident())
    seconds = []
    for _ in range(count):
        began = time.monotonic()
        await render(drawn)
        seconds.append(time.monotonic() - began)
    after = dict(resident())
    click.echo(
        f"resident before {before['VmRSS']:,} kB, after {count} charts {after['VmRSS']:,} kB; peak {after['VmHWM']:,}"
    )
    click.echo(f"a chart: median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--cost", "count", type=int, default=0, help="First draw that many, and say what it took.")
def main(folder: Path, count: int) -> None:
    """Draw the gallery into FOLDER."""
    if count:
        asyncio.run(cost(count))
    show(folder)


if __name__ == "__main__":
    main()
