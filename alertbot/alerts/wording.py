"""Alerts in words: one true sentence with numbers, for someone who has just been woken.

Times are of slots, in the reader's zone; ``quote`` marks a series' name up as the medium wants it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from alertbot.alerts.lifecycle import Alert, Change, Reason
from alertbot.rules.base import Direction, Rule
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.selection import SUM_PREFIX, TOTAL
from alertbot.rules.threshold import Threshold
from alertbot.units import SLOT, format_clock, format_duration, format_rate, format_share


@dataclass(frozen=True)
class Notice:
    """A change of an alert with what its reader wants to know beside it.

    ``rule`` is ``None`` where it is gone, which only a resolution outlives.
    ``number`` names the alert, ``now`` is the reader's clock, ``others`` counts the other watched domains and
    ``others_firing`` those of them with an alert that fires.
    """

    number: int
    rule: Rule | None
    change: Change
    now: float
    others: int
    others_firing: int


Quote = Callable[[str], str]


def headline(notice: Notice, zone: tzinfo, quote: Quote) -> str:
    """The one sentence: what happened, to whom, since when, with numbers."""
    alert = notice.change.alert
    name = subject(alert.series, quote)
    if notice.change.fired and notice.rule is not None:
        return _fired(notice.rule, alert, name, format_clock(alert.since, zone, notice.now))
    return _resolved(notice, name, zone)


def details(notice: Notice, zone: tzinfo) -> str:
    """The second line: how fresh the data is, what else is touched, and what to call this alert."""
    data = format_clock(notice.change.alert.slot + SLOT, zone, notice.now)
    parts = [f"data to {data}, now {format_clock(notice.now, zone, notice.now)}", f"rule {notice.change.alert.rule}"]
    if notice.others:
        parts.append(_others(notice))
    return "; ".join([*parts, f"#{notice.number}"])


def stamp(epoch: float, zone: tzinfo) -> str:
    """An instant with its date, for lists."""
    return f"{datetime.fromtimestamp(epoch, zone):%Y-%m-%d %H:%M}"


def subject(series: str, quote: Quote) -> str:
    """A series as the subject of a sentence."""
    if series == TOTAL:
        return "The whole account"
    if series.startswith(SUM_PREFIX):
        return f"The group {quote(series.removeprefix(SUM_PREFIX))}"
    return quote(series)


def _others(notice: Notice) -> str:
    noun = "domain" if notice.others == 1 else "domains"
    if not notice.others_firing:
        return f"the other {notice.others:,} {noun} normal"
    return f"{notice.others_firing:,} of the other {notice.others:,} {noun} in alert too"


def _fired(rule: Rule, alert: Alert, name: str, since: str) -> str:
    now = format_rate(alert.value)
    if isinstance(rule.kind, Threshold):
        limit = rule.kind.below if alert.direction is Direction.FALL else rule.kind.above
        side = "under" if alert.direction is Direction.FALL else "above"
        return f"{name} is {side} {format_rate(limit or 0)} since {since}: {now}."
    reference = alert.reference or 0.0
    if isinstance(rule.kind, DayOverDay):
        share = alert.value / reference if reference else 0.0
        much = f"{share:.3g} times" if rule.kind.ratio >= 1 else f"only {format_share(share)}"
        against = f"{now} against {format_rate(reference)}"
        return f"{name} carries {much} as much as {rule.kind.compared_with}, since {since}: {against}."
    if alert.value == 0:
        return f"{name} went dark at {since}: 0 bps, it carried {format_rate(reference)}."
    fallen = format_share(1 - alert.value / reference) if reference else "far"
    return f"{name} fell by {fallen} at {since}: {now}, it carried {format_rate(reference)}."


def _resolved(notice: Notice, name: str, zone: tzinfo) -> str:
    alert = notice.change.alert
    since = format_clock(alert.since, zone, notice.now)
    if notice.change.reason is Reason.RULE_CHANGED:
        return f"{name}: the rule {alert.rule} was changed or removed, so this alert, open since {since}, is closed."
    if notice.change.reason is Reason.NEW_NORMAL:
        lasted = format_duration(alert.slot + SLOT - alert.since)
        return (
            f"{name} stayed at {format_rate(alert.value)} for {lasted}: this is taken as the new normal, after {since}."
        )
    cleared = alert.slot - (alert.clear_run - 1) * SLOT
    lasted = format_duration(cleared - alert.since)
    at = format_clock(cleared, zone, notice.now)
    return f"{name} is normal again at {at}: {format_rate(alert.value)}. {_what_it_was(alert, since, lasted)}"


def _what_it_was(alert: Alert, since: str, lasted: str) -> str:
    if alert.direction is Direction.FALL:
        if alert.worst == 0:
            return f"It was down from {since}, for {lasted}, and carried nothing at its worst."
        return f"It was low from {since}, for {lasted}, {format_rate(alert.worst)} at its lowest."
    return f"It was high from {since}, for {lasted}, {format_rate(alert.worst)} at its peak."
