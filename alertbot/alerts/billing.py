"""Alerts on a month's percentile in words: how far it is, of what, and how much burst is left."""

from __future__ import annotations

from alertbot.alerts.lifecycle import Alert, Reason
from alertbot.rules.base import ROUNDING, Outlook
from alertbot.rules.percentile import Percentile
from alertbot.units import SLOT, counted, format_duration, format_ordinal, format_rate, format_share


def sentence(kind: Percentile, alert: Alert, reason: str | None, name: str) -> str:
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
