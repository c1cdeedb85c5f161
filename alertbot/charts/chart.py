"""All that a chart shows. It is made where the figures are, and drawn in another process: so it goes through JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alertbot.units import SLOT

Values = NDArray[np.float64]
"""Bit/s, one for each slot of the chart; 0 is a true zero, NaN unknown."""


@dataclass(frozen=True)
class LimitLine:
    """What the values are held against, in words and slot by slot; NaN where it says nothing."""

    label: str
    values: Values


@dataclass(frozen=True)
class Panel:
    """One series. ``note`` is a few words beside its name; ``breaches`` are first and last slot, both included.

    ``yesterday`` and ``last_week`` are of the same time a day and a week earlier, ``None`` where they are not shown.
    """

    name: str
    note: str
    values: Values
    yesterday: Values | None = None
    last_week: Values | None = None
    limits: tuple[LimitLine, ...] = ()
    breaches: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Chart:
    """One picture: panels one above the other, over the slots from ``first`` on.

    ``now`` is the reader's clock, epoch seconds: what lies between the last known slot and it is not published yet.
    ``zone`` is the reader's, by its IANA name. ``alt`` says the same in words, for those who do not see it.
    """

    title: str
    subtitle: str
    alt: str
    first: int
    now: float
    zone: str
    panels: tuple[Panel, ...]

    @property
    def count(self) -> int:
        """How many slots it shows."""
        return len(self.panels[0].values)

    @property
    def end(self) -> int:
        """Where its last slot ends, epoch seconds."""
        return self.first + self.count * SLOT

    def to_json(self) -> str:
        """As text for the worker."""
        own = {key: getattr(self, key) for key in ("title", "subtitle", "alt", "first", "now", "zone")}
        return json.dumps({**own, "panels": [_panel_out(panel) for panel in self.panels]}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Chart:
        """What ``to_json`` wrote."""
        held = json.loads(text)
        return cls(**{**held, "panels": tuple(_panel_in(panel) for panel in held["panels"])})


def _panel_out(panel: Panel) -> dict[str, Any]:
    return {
        "name": panel.name,
        "note": panel.note,
        "values": _out(panel.values),
        "yesterday": _out(panel.yesterday),
        "last_week": _out(panel.last_week),
        "limits": [[limit.label, _out(limit.values)] for limit in panel.limits],
        "breaches": panel.breaches,
    }


def _panel_in(held: dict[str, Any]) -> Panel:
    return Panel(
        name=held["name"],
        note=held["note"],
        values=_array(held["values"]),
        yesterday=_in(held["yesterday"]),
        last_week=_in(held["last_week"]),
        limits=tuple(LimitLine(label, _array(values)) for label, values in held["limits"]),
        breaches=tuple((first, last) for first, last in held["breaches"]),
    )


def _out(values: Values | None) -> list[float | None] | None:
    """JSON knows no NaN."""
    return None if values is None else [None if math.isnan(value) else value for value in values.tolist()]


def _in(held: Sequence[float | None] | None) -> Values | None:
    return None if held is None else _array(held)


def _array(held: Sequence[float | None]) -> Values:
    return np.array([math.nan if value is None else value for value in held], dtype=np.float64)


@dataclass(frozen=True)
class Picture:
    """A PNG with its file's name, its title, and what it shows in words (1,000 characters at most)."""

    name: str
    title: str
    alt: str
    png: bytes = field(repr=False)
