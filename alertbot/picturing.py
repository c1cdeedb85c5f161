"""Charts as files: what was replayed, and where a picture is written."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np

from alertbot.alerts.engine import AlertKey
from alertbot.alerts.lifecycle import Alert, Change
from alertbot.charts.chart import Chart
from alertbot.charts.worker import is_installed, render
from alertbot.errors import ChartError
from alertbot.query.plots import Mark, View, charted
from alertbot.replay import History, Span
from alertbot.rules.base import Array
from alertbot.units import DAY, DAY_SLOTS, SLOT, counted


@dataclass
class Tally:
    """The alerts of a replay as they pass: those that are over, and those under way."""

    marks: dict[str, list[Mark]] = field(default_factory=dict)
    _open: dict[AlertKey, Alert] = field(default_factory=dict)

    def over(self, changes: Iterable[Change]) -> Iterator[Change]:
        """Hand changes on, and keep count of them."""
        for change in changes:
            key = change.alert.rule, change.alert.series
            if change.fired:
                self._open[key] = change.alert
            elif self._open.pop(key, None) is not None:
                self._mark(Mark.of(change.alert), change.alert.series)
            yield change

    def close(self, last: int) -> None:
        """Nothing comes after the slot ``last``: what still fires fired up to it."""
        for alert in self._open.values():
            self._mark(replace(Mark.of(alert), last=max(last, alert.slot)), alert.series)
        self._open.clear()

    def worst(self) -> str | None:
        """The series with most alerts."""
        return max(self.marks, key=lambda series: len(self.marks[series]), default=None)

    def _mark(self, mark: Mark, series: str) -> None:
        self.marks.setdefault(series, []).append(mark)


def of_replay(history: History, tally: Tally, span: Span, view: View) -> Chart:
    """The series with most alerts over all that was replayed; without any, the first one that was judged."""
    days = history.days()
    judged = [series for names in view.selection.values() for series in names]
    candidates = [series for series in judged if series in set(history.series)]
    if not days or not candidates:
        raise ChartError("there is no chart: no history of any series that a rule judges")
    tally.close(min(days[-1] * DAY + DAY - SLOT, span.last))
    name = tally.worst() or candidates[0]
    first, last = max(days[0] * DAY, span.first), min(days[-1] * DAY + DAY - SLOT, span.last)
    read = _Reader(history)
    known = np.flatnonzero(~np.isnan(read(name, first, last))) if first <= last else np.empty(0)
    if not len(known):
        raise ChartError(f"there is no chart: nothing is known of {name} in this time")
    first, last = first + int(known[0]) * SLOT, first + int(known[-1]) * SLOT
    marks = [replace(mark, last=min(mark.last, last)) for mark in tally.marks.get(name, [])]
    chart = charted(read, {name: marks}, first, last, replace(view, now=last + SLOT))
    return replace(chart, title=f"{chart.title}: {counted(len(marks), 'alert')}")


class _Reader:
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


def check_target(path: Path) -> None:
    """``ChartError`` where no chart can be written there: better before a long replay than after it."""
    if not is_installed():
        raise ChartError("there can be no chart: matplotlib is not installed")
    if not path.parent.is_dir():
        raise ChartError(f"{path}: there is no folder {path.parent}: make it first")
    if path.is_dir():
        raise ChartError(f"{path}: is a folder: name a file, such as {path / 'out.png'}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ChartError(f"{path}: may not be written: name another place")


def write_chart(path: Path, chart: Chart) -> None:
    """Draw it into a file; ``ChartError`` where that cannot be."""
    png = asyncio.run(render(chart))
    try:
        path.write_bytes(png)
    except OSError as error:
        raise ChartError(f"{path}: {error.strerror}") from None
