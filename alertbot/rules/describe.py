"""A rule in words, as ``/bandwidth rules`` lists it."""

from __future__ import annotations

from alertbot.rules.base import Direction, Kind, Rule
from alertbot.rules.baseline import Baseline
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.percentile import Percentile
from alertbot.rules.threshold import Threshold
from alertbot.units import SLOT, format_duration, format_ordinal, format_rate, format_share


def describe(rule: Rule) -> str:
    """What must be seen, for how long, and when."""
    lasting = format_duration(rule.for_slots * SLOT)
    if rule.within_slots is not None:
        lasting += f" within {format_duration(rule.within_slots * SLOT)}"
    when = "" if rule.active is None else f", only {rule.active}"
    return f"{_condition(rule.kind)} for {lasting}{when}"


def _condition(kind: Kind) -> str:
    if isinstance(kind, Threshold):
        limits = (("above", kind.above), ("below", kind.below))
        return " or ".join(f"{side} {format_rate(limit)}" for side, limit in limits if limit is not None)
    if isinstance(kind, Drop):
        fallen = f"by {format_share(kind.by)}" if kind.by is not None else f"to {format_rate(kind.to or 0)}"
        return f"fallen {fallen} from {format_rate(kind.from_)} or more"
    if isinstance(kind, DayOverDay):
        side = "at least" if kind.ratio >= 1 else "at most"
        return f"{side} {kind.ratio:g} times as much as {kind.compared_with}, from {format_rate(kind.floor)} on"
    if isinstance(kind, Percentile):
        levels = " and ".join(format_share(share) for share in sorted(kind.at))
        which = f"{format_ordinal(kind.percent)} percentile of the month"
        return f"{which}, so far or as forecast, at {levels} of {format_rate(kind.commit)}"
    if isinstance(kind, Baseline):
        up, down = f"at least {kind.factor:g} times", f"at most 1/{kind.factor:g} of"
        sides = {None: f"{up} or {down}", Direction.RISE: up, Direction.FALL: down}
        return f"{sides[kind.only]} what is usual at this time, from {format_rate(kind.floor)} on"
    raise TypeError(f"no words for {type(kind).__name__}")
