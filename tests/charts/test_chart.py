"""Charts: what they are made of, where their axes are marked, and the worker that draws them."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import subprocess
import sys
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from bench.charts import GALLERY, dark
from fakes.rigs.until import until

from alertbot.charts import worker
from alertbot.charts.chart import Chart, Panel
from alertbot.charts.drawing import draw
from alertbot.charts.ticks import rate_ticks, time_ticks
from alertbot.charts.worker import render
from alertbot.errors import ChartError
from alertbot.units import parse_time

NAN = float("nan")


def size(png):
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def same(one, other):
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name), equal_nan=True)
        for field in dataclasses.fields(one)
        if field.name in {"values", "yesterday", "last_week"} and getattr(one, field.name) is not None
    )


@pytest.mark.parametrize("make", GALLERY)
def test_a_chart_goes_to_its_worker_and_back_unchanged(make):
    chart = make()
    back = Chart.from_json(chart.to_json())
    assert (back.title, back.subtitle, back.first, back.now, back.zone) == (
        chart.title,
        chart.subtitle,
        chart.first,
        chart.now,
        chart.zone,
    )
    for one, other in zip(chart.panels, back.panels, strict=True):
        assert same(one, other)
        assert (one.name, one.note, one.breaches) == (other.name, other.note, other.breaches)
        assert all(
            a.label == b.label and np.array_equal(a.values, b.values, equal_nan=True)
            for a, b in zip(one.limits, other.limits, strict=True)
        )


@pytest.mark.parametrize(
    ("first", "end", "zone", "labels"),
    [
        ("03-02T05:00Z", "03-02T11:00Z", "UTC", "05:00 06:00 07:00 08:00 09:00 10:00 11:00"),
        ("03-02T05:10Z", "03-02T06:40Z", "Asia/Kolkata", "10:45 11:00 11:15 11:30 11:45 12:00"),
        ("03-02T12:00Z", "03-03T12:00Z", "Europe/Berlin", "18:00 Tue_3 06:00 12:00"),
        ("03-02T12:00Z", "03-09T12:00Z", "Europe/Berlin", "3_Mar Thu_5 Sat_7 Mon_9"),
        ("03-20T12:00Z", "04-04T12:00Z", "UTC", "21_Mar Tue_24 Fri_27 Mon_30 2_Apr"),
        # clocks are put forward, then back, at 01:00 UTC
        ("03-29T00:00Z", "03-29T06:00Z", "Europe/Berlin", "01:00 03:00 04:00 05:00 06:00 07:00 08:00"),
        ("10-24T22:00Z", "10-25T04:00Z", "Europe/Berlin", "Sun_25 01:00 02:00 03:00 04:00 05:00"),
    ],
)
def test_times_are_marked_on_round_hours_of_the_readers_clock(first, end, zone, labels):
    found = time_ticks(parse_time(f"2026-{first}"), parse_time(f"2026-{end}"), ZoneInfo(zone), 6)
    assert [label.replace(" ", "_") for _, label in found] == labels.split()
    assert [at for at, _ in found] == sorted({at for at, _ in found})


@pytest.mark.parametrize(
    ("top", "labels"),
    [
        (2.0e9, ["0", "0.5 Gbps", "1 Gbps", "1.5 Gbps", "2 Gbps"]),
        (8.7e8, ["0", "250 Mbps", "500 Mbps", "750 Mbps"]),
        (1e3, ["0", "0.25 kbps", "0.5 kbps", "0.75 kbps", "1 kbps"]),
        (9.4e12, ["0", "2.5 Tbps", "5 Tbps", "7.5 Tbps"]),
    ],
)
def test_bandwidth_is_marked_in_one_unit_from_zero_on(top, labels):
    assert [label for _, label in rate_ticks(top, 4)] == labels


@pytest.mark.parametrize("make", GALLERY)
def test_every_chart_of_the_gallery_is_drawn_for_a_phone(make):
    width, height = size(draw(make()))
    assert width == 1000
    assert height < 1400


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([NAN] * 12, id="nothing known"),
        pytest.param([0.0] * 12, id="nothing carried", marks=pytest.mark.slow),
        pytest.param([5e9, *[NAN] * 11], id="one slot known", marks=pytest.mark.slow),
        pytest.param([1e-3] * 12, id="next to nothing", marks=pytest.mark.slow),
        pytest.param([3e17] * 12, id="more than any network"),
    ],
)
def test_whatever_the_values_there_is_a_chart(values):
    panel = Panel("$x_{1}$ <b> \\frac", "n", np.array(values), yesterday=np.full(12, NAN), breaches=((600, 1200),))
    assert size(draw(Chart("$\\alpha", "s" * 300, "a", 0, 4000.0, "UTC", (panel,))))[0] == 1000


@pytest.mark.slow
async def test_the_worker_draws_what_is_drawn_here():
    assert size(await render(dark())) == size(draw(dark()))


async def test_a_worker_that_takes_too_long_is_killed_and_that_is_said():
    before = children()
    going_on = asyncio.get_running_loop().waiting_for_no_thread()
    with pytest.raises(ChartError, match=r"not drawn within 30 s"), going_on:
        await render(dark())
    assert children() == before


async def test_a_worker_ends_with_who_waits_for_it():
    before = children()
    waiting = asyncio.create_task(render(dark()))
    await until(lambda: len(children()) > len(before))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert children() == before


def children():
    """The worker processes of this one."""
    listed = subprocess.run(
        ["ps", "-o", "args=", "--ppid", str(os.getpid())], check=False, capture_output=True, text=True
    ).stdout
    return [line for line in listed.splitlines() if "alertbot.charts" in line]


async def test_where_matplotlib_is_not_installed_that_is_said(tmp_path, monkeypatch):
    (tmp_path / "matplotlib.py").write_text("raise ModuleNotFoundError(\"No module named 'matplotlib'\")")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(worker, "_BESIDE", str(tmp_path) + os.pathsep + str(worker._BESIDE))
    with pytest.raises(ChartError, match=r"^matplotlib is not installed$"):
        await render(dark())


@pytest.mark.slow
async def test_what_else_goes_wrong_in_the_worker_is_said_in_a_line():
    with pytest.raises(ChartError, match=r"ZoneInfoNotFoundError"):
        await render(dataclasses.replace(dark(), zone="Nowhere/Never"))


async def test_the_worker_is_handed_no_secret(monkeypatch, tmp_path):
    for name in ("ALERTBOT_API_TOKEN", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "5ecret")
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path))
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)  # matplotlib sets it where the home cannot be written
    found = worker._environment()
    assert "5ecret" not in str(found)
    assert found["MPLCONFIGDIR"] == str(tmp_path)


def test_the_service_never_loads_matplotlib():
    program = (
        "import sys, alertbot.service.service, alertbot.cli.run, alertbot.charts.worker as w, alertbot.cli.main\n"
        "print(w.is_installed(), sorted(name for name in sys.modules if 'matplotlib' in name or name == 'PIL'))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed == "True []\n"
