"""Alerts in words: one true sentence with numbers, for someone who has just been woken.

Times are of slots, in the reader's zone; ``markup`` is the medium's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

import numpy as np

from alertbot.alerts.lifecycle import Alert, Reason
from alertbot.rules.base import ROUNDING, Direction, Outlook, Rule
from alertbot.rules.baseline import Baseline
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.percentile import Percentile
from alertbot.rules.selection import SUM_PREFIX, TOTAL
from alertbot.rules.threshold import Threshold
from alertbot.units import SLOT, counted, format_clock, format_duration, format_ordinal, format_rate, format_share


@dataclass(frozen=True)
class Markup:
    """How the medium wants what comes from outside: a series' name, and any other text."""

    name: Callable[[str], str]
    text: Callable[[str], str]


PLAIN = Markup(str, str)

_OF_A_MONTH = {None, Reason.CLEARED.value, Reason.MONTH_OVER.value}


def alert_sentence(
    rule: Rule | None, alert: Alert, reason: str | None, zone: tzinfo, now: float, markup: Markup
) -> str:
    """The one sentence: what happened, to whom, since when, with numbers.

    ``reason`` is why it resolved, ``None`` while it fires; ``rule`` is ``None`` where it is gone.
    """
    name = subject(alert.series, markup)
    if rule is not None and isinstance(rule.kind, Percentile) and reason in _OF_A_MONTH:
        return _of_month(rule.kind, alert, reason, name)
    if reason is not None:
        return _resolved(replace(alert, rule=markup.text(alert.rule)), reason, name, zone, now)
    if rule is None:
        return f"{name} breaks the rule {markup.text(alert.rule)}, which is gone: {format_rate(alert.value)}."
    since = format_clock(alert.since, zone, now)
    if bool(rule.kind.breach(np.asarray(alert.value), np.asarray(alert.reference or np.nan))):
        return f"{_fired(rule, alert, name, since)}."
    # On its way back: the worst is what it is about.
    return f"{_fired(rule, replace(alert, value=alert.worst), name, since)}; now {format_rate(alert.value)}."


def stamp(epoch: float, zone: tzinfo) -> str:
    """An instant with its date, for lists."""
    return f"{datetime.fromtimestamp(epoch, zone):%Y-%m-%d %H:%M}"


def subject(series: str, markup: Markup) -> str:
    """A series as the subject of a sentence."""
    if series == TOTAL:
        return "The whole account"
    if series.startswith(SUM_PREFIX):
        return f"The group {markup.name(series.removeprefix(SUM_PREFIX))}"
    return markup.name(series)


def several(series: Iterable[str], more: str = "") -> str:
    """How many series, in the reader's words: ``300 domains and 1 group``; ``more`` stands after the first number."""
    names = list(series)
    total = names.count(TOTAL)
    groups = sum(name.startswith(SUM_PREFIX) for name in names)
    parts = [(len(names) - total - groups, "domain"), (groups, "group")]
    said = [counted(count, noun) for count, noun in parts if count] + ["the account's total"] * total
    if more and said[0][:1].isdigit():
        said[0] = said[0].replace(" ", f"{more} ", 1)
    return " and ".join(said) if len(said) < 3 else f"{said[0]}, {said[1]} and {said[2]}"


def _fired(rule: Rule, alert: Alert, name: str, since: str) -> str:
    now = format_rate(alert.value)
    if isinstance(rule.kind, Threshold):
        limit = rule.kind.below if alert.direction is Direction.FALL else rule.kind.above
        side = "under" if alert.direction is Direction.FALL else "above"
        return f"{name} is {side} {format_rate(limit or 0)} since {since}: {now}"
    reference = alert.reference or 0.0
    if isinstance(rule.kind, DayOverDay):
        share = alert.value / reference if reference else 0.0
        much = f"{share:.3g} times" if rule.kind.ratio >= 1 else f"only {format_share(share)}"
        against = f"{now} against {format_rate(reference)}"
        return f"{name} carries {much} as much as {rule.kind.compared_with}, since {since}: {against}"
    if isinstance(rule.kind, Baseline):
        return f"{name} carries {_against_usual(alert, reference)} usual at this time, since {since}"
    if alert.value == 0:
        return f"{name} went dark at {since}: 0 bps, it carried {format_rate(reference)}"
    fallen = format_share(1 - alert.value / reference) if reference else "far"
    return f"{name} fell by {fallen} at {since}: {now}, it carried {format_rate(reference)}"


def _against_usual(alert: Alert, reference: float) -> str:
    if alert.value == 0 or reference == 0:
        return f"{format_rate(alert.value)} against the {format_rate(reference)}"
    share = alert.value / reference
    much = f"{share:.3g} times" if alert.direction is Direction.RISE else f"only {format_share(share)} of"
    return f"{format_rate(alert.value)}, {much} the {format_rate(reference)}"


def _resolved(alert: Alert, reason: str, name: str, zone: tzinfo, now: float) -> str:
    since = format_clock(alert.since, zone, now)
    level = format_rate(alert.value)
    if reason == Reason.RULE_CHANGED:
        return f"{name}: the rule {alert.rule} was changed or removed, so this alert, open since {since}, is closed."
    if reason == Reason.MONTH_OVER:
        return f"{name}: the month is over that the rule {alert.rule} was about."
    if reason == Reason.REVISED:
        return f"{name}: the CDN revised its figures for the time since {since}, and by these it is not in breach."
    if reason == Reason.NEW_NORMAL:
        lasted = format_duration(alert.slot + SLOT - alert.since)
        return f"{name} stayed at {level} for {lasted}, since {since}: this is taken as the new normal."
    cleared = alert.slot - (alert.clear_run - 1) * SLOT
    lasted = format_duration(cleared - alert.since)
    at = format_clock(cleared, zone, now)
    return f"{name} is normal again at {at}: {level}. {_what_it_was(alert, since, lasted)}"


def _what_it_was(alert: Alert, since: str, lasted: str) -> str:
    if alert.direction is Direction.FALL:
        if alert.worst == 0:
            return f"It was down from {since}, for {lasted}, and carried nothing at its worst."
        return f"It was low from {since}, for {lasted}, {format_rate(alert.worst)} at its lowest."
    return f"It was high from {since}, for {lasted}, {format_rate(alert.worst)} at its peak."


def _of_month(kind: Percentile, alert: Alert, reason: str | None, name: str) -> str:
    """What a month has come to, or was when it ended; ``name`` is the series as the subject of a sentence."""
    which = f"{format_ordinal(kind.percent)} percentile"
    outlook = alert.outlook or Outlook(alert.value, None, 0)
    so_far = f"{format_rate(outlook.so_far)}, {_share(kind, outlook.so_far)}"
    if reason == Reason.MONTH_OVER:
        return f"{name}: the month is over; its {which} came to {so_far}."
    ahead = "" if outlook.forecast is None else f", on course for {format_rate(outlook.forecast)} by its end"
    if reason is not None:
        return f"{name} is back under {format_share(kind.clear)}: the {which} of the month so far is {so_far}{ahead}."
    left = _left(outlook.burst)
    if outlook.forecast is None or outlook.so_far >= kind.limits[0] * (1 - ROUNDING):
        rising = ahead if outlook.forecast is not None and outlook.forecast > outlook.so_far else ""
        return f"{name}: {which} of the month so far is {so_far}{rising}; {left}."
    course = f"{format_rate(outlook.forecast)}, {_share(kind, outlook.forecast)}"
    return f"{name} is on course for a {which} of {course}; {format_rate(outlook.so_far)} so far; {left}."


def _share(kind: Percentile, value: float) -> str:
    return f"{format_share(value / kind.commit)} of the {format_rate(kind.commit)} committed"


def _left(burst: int) -> str:
    """How many slots may still lie above what is committed."""
    return f"{counted(burst, 'slot')} ({format_duration(burst * SLOT)}) of burst left" if burst else "no burst left"
