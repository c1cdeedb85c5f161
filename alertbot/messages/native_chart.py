"""Slack's own charts, drawn from the numbers in an answer: a block of type ``data_visualization``.

Limits: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block. Each line has a value at every
label, and there is none for what is not known: what is unknown is left out, and said to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo

from alertbot.messages.blocks import NOTHING, Block, clipped
from alertbot.query.bandwidth import By, Top
from alertbot.query.trend import MOST, Trend
from alertbot.units import DAY, format_duration, rate_unit

_TITLE, _NAME, _AXIS = 50, 20, 50

Points = Sequence[float | None]


def line_chart(title: str, trend: Trend | None, zone: tzinfo) -> Block | None:
    """The lines of a trend over the stretches of which the first line is known; ``None`` where those are too few.

    A line of which one of them is not known is left out.
    """
    if trend is None:
        return None
    main = next(iter(trend.lines.values()))
    known = [place for place, value in enumerate(main) if value is not None]
    if len(known) < 2:
        return None
    labels = _times([trend.first + place * trend.step for place in known], zone)
    lines = {name: [values[place] for place in known] for name, values in trend.lines.items()}
    what = f"{'peak' if trend.peaks else 'average'} of {format_duration(trend.step)}"
    unknown = len(main) - len(known)
    below = f"{unknown} of {len(main)} not known" if unknown else None
    return _chart("line", title, labels, lines, what, below)


def top_chart(top: Top) -> Block | None:
    """A bar for each domain of a list, and for what it was compared with; ``None`` where there is none."""
    ranked = top.lines[:MOST]
    if not ranked:
        return None
    labels = [f"{place}. {line.series}" for place, line in enumerate(ranked, 1)]
    bars: Mapping[str, Points] = {
        By.PEAK: {"peak of 24h": [line.peak for line in ranked]},
        By.P95: {"95th percentile": [line.p95 for line in ranked]},
    }.get(top.by, {"now": [line.now for line in ranked], "yesterday": [line.yesterday for line in ranked]})
    return _chart("bar", f"Top {len(ranked)} of {top.domains:,} domains", labels, bars, "", None)


def _chart(
    kind: str, title: str, labels: Sequence[str], lines: Mapping[str, Points], what: str, below: str | None
) -> Block | None:
    """The block; ``None`` where its first line is not known throughout."""
    whole = {name: [value for value in values if value is not None] for name, values in lines.items()}
    whole = {name: values for name, values in whole.items() if len(values) == len(labels)}
    if next(iter(lines)) not in whole:
        return None
    unit, size = rate_unit(max(value for values in whole.values() for value in values))
    categories = [clipped(label, _NAME) for label in labels]
    axes = {"categories": categories, "y_label": clipped(", ".join(filter(None, (unit, what))), _AXIS)}
    return {
        "type": "data_visualization",
        "title": clipped(title.strip() or NOTHING, _TITLE),
        "chart": {
            "type": kind,
            "series": [
                {
                    "name": clipped(name, _NAME),
                    "data": [
                        {"label": label, "value": float(f"{value / size:.4g}")}
                        for label, value in zip(categories, values, strict=True)
                    ],
                }
                for name, values in whole.items()
            ],
            "axis_config": axes if below is None else {**axes, "x_label": clipped(below, _AXIS)},
        },
    }


def _times(moments: Sequence[int], zone: tzinfo) -> list[str]:
    """The times in the readers' zone, with the day where they are of more than one; no two alike."""
    shown = "%H:%M" if moments[-1] - moments[0] < DAY else "%-d %b %H:%M"
    return _distinct(datetime.fromtimestamp(moment, zone).strftime(shown) for moment in moments)


def _distinct(labels: Iterable[str]) -> list[str]:
    """Of an hour that comes twice, as clocks are put back, the second is said to come again."""
    found: dict[str, None] = {}
    for label in labels:
        found[label if label not in found else f"{label} again"] = None
    return list(found)
