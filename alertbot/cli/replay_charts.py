"""The charts of ``alertbot replay``: of a series, of an alert, and the files they are written into."""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from alertbot.alerts.replay import History, Span
from alertbot.charts.chart import Chart
from alertbot.charts.plots import LONGEST, SHORTEST, Mark, charted
from alertbot.charts.worker import is_installed, render
from alertbot.config.watch import Watch
from alertbot.errors import ChartError
from alertbot.incidents.firings import Firing
from alertbot.rules.base import Array
from alertbot.units import DAY, DAY_SLOTS, SLOT
from alertbot.words import counted

MOST_CHARTS = 20
"""Charts that one replay draws: a second or two each."""

_AFTER = 2 * 3600  # seconds shown of the time after an alert
_UNSAFE = re.compile(r"[^\w.-]", re.ASCII)


def of_replay(history: History, firings: Sequence[Firing], span: Span, watch: Watch) -> Chart:
    """The series with most alerts over all that was replayed; without any, the first one that was judged."""
    days = history.days()
    judged = [series for names in watch.selection.values() for series in names]
    candidates = [series for series in judged if series in set(history.series)]
    if not days or not candidates:
        raise ChartError("there is no chart: no history of any series that a rule judges")
    most = Counter(each.series for each in firings).most_common(1)
    name = most[0][0] if most else candidates[0]
    first, last = max(days[0] * DAY, span.first), min(days[-1] * DAY + DAY - SLOT, span.last)
    read = _HistoryReader(history)
    known = np.flatnonzero(~np.isnan(read(name, first, last))) if first <= last else np.empty(0)
    if not len(known):
        raise ChartError(f"there is no chart: nothing is known of {name} in this time")
    first, last = first + int(known[0]) * SLOT, first + int(known[-1]) * SLOT
    marks = [Mark.of(each.last) for each in firings if each.series == name]
    marks = [replace(mark, last=min(mark.last, last)) for mark in marks]
    chart = charted(read, {name: marks}, first, last, watch, last + SLOT)
    return replace(chart, title=f"{chart.title}: {counted(len(marks), 'alert')}")


def of_firing(history: History, firing: Firing, watch: Watch) -> Chart:
    """One alert of a replay, with what lay before and after it."""
    lasted = firing.until + SLOT - firing.since
    span = min(max(4 * lasted, SHORTEST), LONGEST)
    last = min(firing.until + min(span // 4, _AFTER), (history.days()[-1] + 1) * DAY - SLOT) // SLOT * SLOT
    first = max(last - span // SLOT * SLOT + SLOT, history.days()[0] * DAY)
    mark = Mark(firing.rule, firing.since, min(firing.until, last), firing.fired.reference)
    chart = charted(_HistoryReader(history), {firing.series: [mark]}, first, last, watch, last + SLOT)
    return replace(chart, title=f"{chart.title}: {firing.rule}")


def chart_name(rank: int, firing: Firing) -> str:
    """A file's name that any disk takes: the rank among the worst, then rule, series and time."""
    began = datetime.fromtimestamp(firing.since, UTC)
    words = (firing.rule, firing.series, f"{began:%Y%m%dT%H%MZ}")
    return f"{rank:02}-{'-'.join(_UNSAFE.sub('_', word)[:60] for word in words)}.png"


class _HistoryReader:
    """Reads a replay's history one series at a time, as charts do."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._column = cache(self._read)

    def __call__(self, series: str, first: int, last: int) -> Array:
        days = range(first // DAY, last // DAY + 1)
        values = np.concatenate([self._column(series, day) for day in days])
        begin = (first - days[0] * DAY) // SLOT
        return values[begin : begin + (last - first) // SLOT + 1]

    def _read(self, series: str, day: int) -> Array:
        if day not in self._history.days():
            return np.full(DAY_SLOTS, np.nan)
        return np.array(self._history.day(day)[0][:, list(self._history.series).index(series)])


def make_folder(path: Path) -> None:
    """Make a folder for charts; ``ChartError`` where none can be: better before a long replay than after it."""
    _check_installed()
    try:
        if path.exists() and not path.is_dir():
            raise ChartError(f"{path}: is a file: name a folder")
        if not path.exists() and not path.parent.is_dir():
            raise ChartError(f"{path}: there is no folder {path.parent}: make it first")
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise ChartError(f"{path}: {error.strerror}: name another place") from None
    if not os.access(path, os.W_OK):
        raise ChartError(f"{path}: may not be written: name another place")


def _check_installed() -> None:
    if not is_installed():
        raise ChartError("there can be no chart: matplotlib is not installed")


def check_target(path: Path) -> None:
    """``ChartError`` where no chart can be written there: better before a long replay than after it."""
    _check_installed()
    try:
        if not path.parent.is_dir():
            raise ChartError(f"{path}: there is no folder {path.parent}: make it first")
        if path.is_dir():
            raise ChartError(f"{path}: is a folder: name a file, such as {path / 'out.png'}")
        place = path if path.exists() else path.parent
    except OSError as error:
        raise ChartError(f"{path}: {error.strerror}: name another place") from None
    if not os.access(place, os.W_OK):
        raise ChartError(f"{path}: may not be written: name another place")


def write_chart(path: Path, chart: Chart) -> None:
    """Draw it into a file; ``ChartError`` where that cannot be."""
    png = asyncio.run(render(chart))
    try:
        path.write_bytes(png)
    except OSError as error:
        raise ChartError(f"{path}: {error.strerror}: name another place") from None
