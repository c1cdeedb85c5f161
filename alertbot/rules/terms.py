"""A breach as the comparisons it is made of, each with its numbers: what an argument about an alert is settled by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alertbot.units import format_rate

RECENT, USUAL, LEVEL = "recent", "usual", "level"
"""The names of references: what was carried just before, what usually is at this time, and a level to be reached."""

References = Mapping[str, float]
"""What a value is compared with, in bit/s, by name; NaN where unknown, empty where fixed numbers decide alone."""

_DIGITS = (3, 4, 5, 6, 9, 12, 17)


@dataclass(frozen=True)
class Term:
    """A comparison as it turned out (``0 bps <= 0 bps``), and whether it speaks for a breach."""

    text: str
    holds: bool


NO_REFERENCE = Term("no traffic before, so nothing to compare with", holds=False)


def floor_term(value: float, reference: float, floor: float) -> Term:
    """Whether the larger of the two is at the floor, in bit/s."""
    larger = max(value, reference)
    counts = larger >= floor
    text = compared(larger, ">=" if counts else "<", floor, "floor ")
    return Term(text if counts else f"both under the floor: {text}", counts)


def compared(value: float, sign: str, limit: float, source: str = "") -> str:
    """``1.84 Gbps > 1.8 Gbps``, with as many digits as show that it is true; ``source``: where the limit is from."""
    for digits in _DIGITS:
        left, right = format_rate(value, digits), format_rate(limit, digits)
        if left != right or value == limit:
            break
    # What counts as equal though it differs by a rounding error is written as equal.
    untrue = (sign == "<=" and value > limit) or (sign == ">=" and value < limit)
    return f"{left} {sign} {source}{left if untrue else right}"
