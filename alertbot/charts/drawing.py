"""Draws a chart with matplotlib: only the worker imports this.

Measured in inches of which 80 pixels are shown each where a phone shows the picture 400 pixels wide: 10 points are then
11 pixels. The card is opaque and light with a grey rim, so that it stands out from a white page and from a dark one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Text

from alertbot.charts.chart import Chart, LimitLine, Panel, Values
from alertbot.charts.ticks import rate_ticks, time_ticks
from alertbot.units import DAY, DAY_SLOTS, SLOT

CARD, RIM, INK, FAINT = "#f7f8fa", "#aab2bd", "#1b2430", "#5a6675"
NOW, YESTERDAY, LAST_WEEK = "#0b57d0", "#6b7787", "#b07a1e"
LIMIT, BREACH, ZERO, UNKNOWN = "#c5221f", "#f6c9c5", "#c5221f", "#b9c1cc"

_WIDTH, _DPI = 5.0, 200
_TITLE, _TEXT, _SMALL = 12.0, 10.0, 9.0
_LEFT, _RIGHT = 0.82, 0.14
_HEAD, _FOOT, _LEGEND = 0.62, 0.34, 0.26
_ONE, _EACH, _NAME = 2.1, 1.12, 0.26
_LINE, _THIN = 1.9, 1.3
_MARGIN = 0.035  # of the axis, at its right end, in which no time is written
_SETTINGS: Any = {
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "hatch.linewidth": 0.8,
    "hatch.color": UNKNOWN,
}


def draw(chart: Chart) -> bytes:
    """A PNG, 1000 pixels wide."""
    with mpl.rc_context(_SETTINGS):
        several = len(chart.panels) > 1
        each = _EACH if several else _ONE
        height = _HEAD + len(chart.panels) * (each + _NAME * several) + _FOOT + _LEGEND
        figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor=CARD, edgecolor=RIM, linewidth=2)
        FigureCanvasAgg(figure)
        _head(figure, chart, height)
        top = height - _HEAD
        for number, panel in enumerate(chart.panels, 1):
            top -= _NAME * several + each
            box = (_LEFT / _WIDTH, top / height, (_WIDTH - _LEFT - _RIGHT) / _WIDTH, each / height)
            axes = figure.add_axes(box, facecolor="white")
            _panel(axes, chart, panel)
            if several:
                _name(figure, axes, panel)
            _time_axis(axes, chart, labelled=number == len(chart.panels))
        _legend(figure, chart)
        out = io.BytesIO()
        figure.savefig(out, format="png", metadata={"Title": chart.title, "Description": chart.alt})
    return out.getvalue()


def _head(figure: Figure, chart: Chart, height: float) -> None:
    width = _WIDTH - 2 * _RIGHT
    left = _RIGHT / _WIDTH
    title = figure.text(left, 1 - 0.10 / height, chart.title, size=_TITLE, weight="bold", color=INK, va="top")
    _fit(figure, title, width)
    small = figure.text(left, 1 - 0.36 / height, chart.subtitle, size=_SMALL, color=FAINT, va="top")
    _fit(figure, small, width)


def _name(figure: Figure, axes: Axes, panel: Panel) -> None:
    """A panel's series above it, and what it carries."""
    note = axes.annotate(
        panel.note, (1, 1), (0, 3), xycoords="axes fraction", textcoords="offset points", ha="right", va="bottom"
    )
    note.set(size=_SMALL, color=FAINT)
    room = _WIDTH - _LEFT - _RIGHT - _width(figure, note) - 0.1
    name = axes.annotate(
        panel.name, (0, 1), (0, 3), xycoords="axes fraction", textcoords="offset points", ha="left", va="bottom"
    )
    name.set(size=_TEXT, color=INK, weight="bold")
    _fit(figure, name, room)


def _width(figure: Figure, text: Text) -> float:
    """Inches."""
    return float(text.get_window_extent(figure.canvas.get_renderer()).width) / _DPI  # type: ignore[attr-defined]


def _fit(figure: Figure, text: Text, room: float) -> None:
    """Cut the end of a text off until it fits into so many inches."""
    whole = text.get_text()
    for length in range(len(whole), 0, -1):
        if _width(figure, text) <= room:
            return
        text.set_text(f"{whole[: length - 1].rstrip()}…")


def _panel(axes: Axes, chart: Chart, panel: Panel) -> None:
    slots = chart.first + SLOT * np.arange(chart.count, dtype=np.float64)
    middle = slots + SLOT / 2
    top = _top(panel)
    axes.set_ylim(-0.045 * top, top)
    axes.set_xlim(chart.first, chart.end)
    for first, last in panel.breaches:
        axes.axvspan(first, last + SLOT, color=BREACH, lw=0, zorder=1)
    for first, last in _runs(np.isnan(panel.values)):
        _hatched(axes, slots[first], slots[last] + SLOT)
    _earlier(axes, middle, panel.last_week, LAST_WEEK, (1.2, 1.2))
    _earlier(axes, middle, panel.yesterday, YESTERDAY, (4.0, 1.6))
    for limit in panel.limits:
        axes.plot(middle, limit.values, color=LIMIT, lw=1.3, zorder=4)
    axes.axhline(0, color=INK, lw=0.8, zorder=2)
    _values(axes, middle, panel.values)
    _zeros(axes, middle, panel)
    _rate_axis(axes, top, 4 if len(chart.panels) == 1 else 3)
    for limit in panel.limits:
        _limit_label(axes, panel, limit, middle)


def _top(panel: Panel) -> float:
    shown = [panel.values, panel.yesterday, panel.last_week, *(limit.values for limit in panel.limits)]
    highest = max(
        (float(np.nanmax(each)) for each in shown if each is not None and not np.isnan(each).all()), default=0
    )
    return max(highest, 1000.0) * (1.24 if panel.limits else 1.14)  # room for a label


def _runs(mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Iterator[tuple[int, int]]:
    """First and last position of each stretch where it holds."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    for first, after in zip(edges[::2], edges[1::2], strict=True):
        yield int(first), int(after) - 1


def _hatched(axes: Axes, first: float, end: float) -> None:
    low, high = axes.get_ylim()
    patch = Rectangle((first, low), end - first, high - low, facecolor="#eef0f3", edgecolor=UNKNOWN, lw=0, hatch="////")
    patch.set_zorder(1.5)
    axes.add_patch(patch)


def _earlier(axes: Axes, middle: Values, values: Values | None, color: str, dashes: tuple[float, float]) -> None:
    if values is not None:
        axes.plot(middle, values, color=color, lw=1.3, dashes=dashes, zorder=3)


def _values(axes: Axes, middle: Values, values: Values) -> None:
    """The line; a slot between unknown ones as a dot."""
    width = _LINE if len(values) <= DAY_SLOTS else _THIN
    axes.plot(middle, values, color=NOW, lw=width, zorder=6, solid_capstyle="round", solid_joinstyle="round")
    axes.fill_between(middle, values, 0, color=NOW, alpha=0.10, lw=0, zorder=2)
    known = ~np.isnan(values)
    alone = known & ~np.concatenate(([False], known[:-1])) & ~np.concatenate((known[1:], [False]))
    axes.plot(middle[alone], values[alone], ".", color=NOW, ms=5, zorder=6)


def _zeros(axes: Axes, middle: Values, panel: Panel) -> None:
    """A true zero as a thick bar on the axis, red where it is in breach: nothing else looks like it."""
    in_breach = np.zeros(len(middle), dtype=bool)
    for first, last in panel.breaches:
        in_breach |= (middle >= first) & (middle <= last + SLOT)
    for mask, color in ((~in_breach, NOW), (in_breach, ZERO)):
        for first, last in _runs((panel.values == 0) & mask):
            ends = (middle[first] - SLOT / 2, middle[last] + SLOT / 2)
            axes.plot(ends, (0, 0), color=color, lw=4, zorder=7, solid_capstyle="butt")


def _limit_label(axes: Axes, panel: Panel, limit: LimitLine, middle: Values) -> None:
    """Beside the line, at its left end or, where it begins late, at its right: above or below, where there is room."""
    known = np.flatnonzero(~np.isnan(limit.values))
    if not len(known):
        return
    reach = max(len(middle) * 2 // 5, 1)
    late = known[0] > len(middle) - 1 - reach
    near = slice(max(known[-1] - reach, 0), known[-1] + 1) if late else slice(known[0], known[0] + reach)
    above = _is_above(panel, limit.values[near], near, axes.get_ylim()[1])
    level = float((np.nanmax if above else np.nanmin)(limit.values[near]))
    text = axes.annotate(
        limit.label,
        (middle[known[-1] if late else known[0]], level),
        (-3 if late else 3, 2 if above else -3),
        textcoords="offset points",
        ha="right" if late else "left",
        va="bottom" if above else "top",
    )
    text.set(size=_SMALL, color=LIMIT, weight="bold", zorder=8)
    text.set_bbox({"facecolor": "white", "alpha": 0.7, "lw": 0, "pad": 0.5})


def _is_above(panel: Panel, limit: Values, near: slice, top: float) -> bool:
    """Whether there is more room above a limit than below it, for a label there."""
    low, high = float(np.nanmin(limit)), float(np.nanmax(limit))
    lines = [each[near] for each in (panel.values, panel.yesterday, panel.last_week) if each is not None]
    levels = np.concatenate([line[~np.isnan(line)] for line in lines])
    over, under = levels[levels >= high], levels[levels < low]
    return float(over.min(initial=top)) - high >= min(low - float(under.max(initial=0.0)), 0.15 * top)


def _rate_axis(axes: Axes, top: float, most: int) -> None:
    ticks = rate_ticks(top / 1.02, most)
    axes.set_yticks([at for at, _ in ticks], [label for _, label in ticks])
    axes.grid(axis="y", color="#e3e6ea", lw=0.7, zorder=0)
    axes.tick_params(axis="y", length=0, labelsize=_TEXT, labelcolor=INK, pad=4)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set(color=RIM, linewidth=0.8)


def _time_axis(axes: Axes, chart: Chart, *, labelled: bool) -> None:
    ticks = time_ticks(chart.first, chart.end, ZoneInfo(chart.zone), 6)
    last = chart.end - _MARGIN * (chart.end - chart.first)
    axes.set_xticks([at for at, _ in ticks], [label if at <= last else "" for at, label in ticks])
    axes.grid(axis="x", color="#e3e6ea", lw=0.7, zorder=0)
    axes.tick_params(axis="x", length=3, color=RIM, labelsize=_TEXT, labelcolor=INK, labelbottom=labelled)


def _legend(figure: Figure, chart: Chart) -> None:
    handles = [*_legend_lines(chart), *_legend_patches(chart)]
    figure.legend(
        handles=handles,
        loc="lower center",
        ncols=len(handles),
        fontsize=_SMALL,
        labelcolor=INK,
        frameon=False,
        handlelength=1.5,
        handletextpad=0.4,
        columnspacing=1.0,
        borderaxespad=0.15,
    )


def _legend_lines(chart: Chart) -> Iterator[Artist]:
    shown = chart.count * SLOT
    yield Line2D([], [], color=NOW, lw=2.2, label="now" if shown <= DAY else "bandwidth")
    if any(panel.yesterday is not None for panel in chart.panels):
        yield Line2D([], [], color=YESTERDAY, lw=1.4, dashes=(4.0, 1.6), label="a day earlier")
    if any(panel.last_week is not None for panel in chart.panels):
        yield Line2D([], [], color=LAST_WEEK, lw=1.4, dashes=(1.2, 1.2), label="a week earlier")


def _legend_patches(chart: Chart) -> Iterator[Artist]:
    if any(panel.breaches for panel in chart.panels):
        yield Patch(facecolor=BREACH, label="alert")
    if any(np.isnan(panel.values).any() for panel in chart.panels):
        yield Patch(facecolor="#eef0f3", edgecolor=UNKNOWN, hatch="////", lw=0, label="no data")
