"""A breach as the comparisons it is made of, each with its numbers: what an argument about an alert is settled by."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from alertbot.rules.base import ROUNDING, Direction, Kind, Outlook
from alertbot.rules.baseline import Baseline
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.percentile import Percentile
from alertbot.rules.threshold import Threshold
from alertbot.units import DAY_SLOTS, format_rate, format_share

_DIGITS = (3, 4, 5, 6, 9, 12, 17)


@dataclass(frozen=True)
class Term:
    """A comparison as it turned out (``0 bps <= 0 bps``), and whether it speaks for a breach."""

    text: str
    holds: bool


def terms(kind: Kind, value: float, reference: float | None, outlook: Outlook | None = None) -> tuple[Term, ...]:
    """The comparisons that decided (bit/s): a breach where all of them hold; none where something is not known."""
    if math.isnan(value) or (reference is not None and math.isnan(reference)):
        return ()
    found = () if reference is None else _against(kind, value, reference, outlook)
    if isinstance(kind, Threshold):
        found = _of_threshold(kind, value)
    if found:
        return found
    against = "" if reference is None else f" against {format_rate(reference)}"
    breach = kind.breach(np.asarray(value), None if reference is None else np.asarray(reference))
    return (Term(f"{format_rate(value)}{against}", bool(breach)),)


def _against(kind: Kind, value: float, reference: float, outlook: Outlook | None) -> tuple[Term, ...]:
    """The comparisons with a reference; none for a kind that has no words for them."""
    if isinstance(kind, Drop):
        return _of_drop(kind, value, reference)
    if isinstance(kind, DayOverDay):
        return _of_day_over_day(kind, value, reference)
    if isinstance(kind, Baseline):
        return _of_baseline(kind, value, reference)
    if isinstance(kind, Percentile) and outlook is not None:
        return _of_percentile(kind, outlook, reference)
    return ()


def looks_at(kind: Kind) -> tuple[int, ...]:
    """How many slots back lie those that the reference is made of; none where that cannot be listed."""
    if isinstance(kind, Drop):
        return tuple(range(1, kind.window + 1))
    if isinstance(kind, Baseline):
        return tuple(DAY_SLOTS * day for day in kind.backs)
    if isinstance(kind, DayOverDay):
        days = {DAY_SLOTS * day for day in range(1, kind.days + 1)}
        return tuple(sorted(days | {7 * DAY_SLOTS * week for week in range(1, kind.weeks + 1)}))
    return ()


def _of_threshold(kind: Threshold, value: float) -> tuple[Term, ...]:
    if kind.above is not None and value > kind.above:
        return (Term(_compared(value, ">", kind.above), holds=True),)
    if kind.below is not None and value < kind.below:
        return (Term(_compared(value, "<", kind.below), holds=True),)
    above = () if kind.above is None else (Term(_compared(value, "<=", kind.above), holds=False),)
    below = () if kind.below is None else (Term(_compared(value, ">=", kind.below), holds=False),)
    return (*above, *below)


def _of_drop(kind: Drop, value: float, reference: float) -> tuple[Term, ...]:
    if kind.to is not None:
        fallen = value <= kind.to
        first = Term(_compared(value, "<=" if fallen else ">", kind.to), fallen)
    else:
        share = 1 - (kind.by or 0)
        fallen = value <= share * reference * (1 + ROUNDING)
        of_what = f"{format_share(share)} of {format_rate(reference)} = "
        first = Term(_compared(value, "<=" if fallen else ">", share * reference, of_what), fallen)
    enough = reference >= kind.from_
    second = Term(f"reference {_compared(reference, '>=' if enough else '<', kind.from_)}", enough)
    return (first, second) if reference > 0 else (first, second, Term("a reference of 0 measures nothing", holds=False))


def _of_day_over_day(kind: DayOverDay, value: float, reference: float) -> tuple[Term, ...]:
    if reference <= 0:
        return (Term("a reference of 0 measures nothing", holds=False),)
    limit, rises = kind.ratio * reference, kind.ratio >= 1
    past = value >= limit * (1 - ROUNDING) if rises else value <= limit * (1 + ROUNDING)
    sign = (">=" if past else "<") if rises else ("<=" if past else ">")
    first = Term(_compared(value, sign, limit, f"{kind.ratio:g} x {format_rate(reference)} = "), past)
    return (first, _floor(value, reference, kind.floor))


def _of_baseline(kind: Baseline, value: float, reference: float) -> tuple[Term, ...]:
    if reference <= 0:
        return (Term("where nothing is usual, nothing is unusual", holds=False),)
    if value == reference:
        return (Term(f"{format_rate(value)} is usual at this time", holds=False),)
    if value == 0 and not kind.zeros:
        return (Term("an empty slot is left to other rules, since zeros = false", holds=False),)
    way, usual = kind.direction(value, reference), f"the usual {format_rate(reference)}"
    if kind.only not in {None, way}:
        return (Term(f"{format_rate(value)} is no {kind.only} from {usual}", holds=False),)
    if way is Direction.RISE:
        limit = kind.factor * reference
        past = value >= limit * (1 - ROUNDING)
        first = _compared(value, ">=" if past else "<", limit, f"{kind.factor:g} x {usual} = ")
    else:
        limit = reference / kind.factor
        past = value <= limit * (1 + ROUNDING)
        first = _compared(value, "<=" if past else ">", limit, f"{usual} / {kind.factor:g} = ")
    return (Term(first, past), _floor(value, reference, kind.floor))


def _floor(value: float, reference: float, floor: float) -> Term:
    larger = max(value, reference)
    counts = larger >= floor
    compared = _compared(larger, ">=" if counts else "<", floor, "floor ")
    return Term(compared if counts else f"both under the floor: {compared}", counts)


def _of_percentile(kind: Percentile, outlook: Outlook, level: float) -> tuple[Term, ...]:
    """Where one of the two has reached the level, that one decides; else both are shown, and neither has."""
    source = f"{format_share(level / kind.commit)} of {format_rate(kind.commit)} = "
    found = []
    for name, figure in outlook.figures:
        reached = figure >= level * (1 - ROUNDING)
        found.append(Term(f"{name} {_compared(figure, '>=' if reached else '<', level, source)}", reached))
    decided = tuple(term for term in found if term.holds)
    return decided or tuple(found)


def _compared(value: float, sign: str, limit: float, source: str = "") -> str:
    """``1.84 Gbps > 1.8 Gbps``, with as many digits as show that it is true; ``source``: where the limit is from."""
    for digits in _DIGITS:
        left, right = format_rate(value, digits), format_rate(limit, digits)
        if left != right or value == limit:
            break
    # What counts as equal though it differs by a rounding error is written as equal.
    untrue = (sign == "<=" and value > limit) or (sign == ">=" and value < limit)
    return f"{left} {sign} {source}{left if untrue else right}"
