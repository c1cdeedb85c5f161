"""What series carried over a span, in at most twenty stretches: a native chart of Slack's has room for no more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from alertbot.rules.base import Array
from alertbot.units import DAY_SLOTS, SLOT

MOST = 20
_MINUTES = (5, 10, 15, 20, 30, 60, 90, 120, 180, 240, 360, 720, 1440, 2880)

EARLIER = {"now": 0, "a day earlier": DAY_SLOTS, "a week earlier": 7 * DAY_SLOTS}
"""The lines of a span that is compared, and how many slots before it they lie."""


@dataclass(frozen=True)
class Trend:
    """Stretches of ``step`` seconds from the slot ``first`` on, the last of which may be shorter.

    ``lines``: bit/s of each, on average, or at most where these are ``peaks``; None where nothing is known of it.
    """

    first: int
    step: int
    lines: Mapping[str, tuple[float | None, ...]]
    peaks: bool = False


def trend_of(first: int, lines: Mapping[str, Array], *, peaks: bool = False) -> Trend:
    """The trend of lines of the same length, slot by slot from ``first`` on; NaN where unknown."""
    count = len(next(iter(lines.values())))
    step = next((60 * each for each in _MINUTES if math.ceil(count * SLOT / (60 * each)) <= MOST), 60 * _MINUTES[-1])
    return Trend(first, step, {name: _stretched(each, step // SLOT, peaks) for name, each in lines.items()}, peaks)


def compared(values: Array, count: int, last: int) -> Trend:
    """The last ``count`` slots beside the same a day and a week earlier; ``values`` reach back so far from ``last``."""
    lines = {name: values[: len(values) - back][-count:] for name, back in EARLIER.items()}
    return trend_of(last - (count - 1) * SLOT, lines)


def _stretched(values: Array, size: int, peaks: bool) -> tuple[float | None, ...]:  # noqa: FBT001 - one caller
    stretches = (values[place : place + size] for place in range(0, len(values), size))
    known = (each[~np.isnan(each)] for each in stretches)
    return tuple((float(each.max() if peaks else each.mean()) if len(each) else None) for each in known)
