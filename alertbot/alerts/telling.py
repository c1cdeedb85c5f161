"""An incident in words: the headline that stands on a lock screen, the lines under it, and the small print.

Plain sentences for someone who has just been woken; what is not known is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum

from alertbot.alerts import wording
from alertbot.alerts.incidents import Incident, IncidentKind, ToldAlert
from alertbot.alerts.wording import Markup
from alertbot.rules.base import Rule
from alertbot.units import format_clock, format_duration

MOST_LISTED = 20


class Tone(StrEnum):
    """How a message looks, the loudest first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    OVER = "over"


@dataclass(frozen=True)
class Telling:
    """What a message says; ``details`` is plain text, the rest is marked up; ``runbook`` is a link."""

    headline: str
    lines: tuple[str, ...]
    details: str
    tone: Tone
    runbook: str | None = None


@dataclass(frozen=True)
class Setting:
    """What the reader wants to know beside the incident.

    ``now``: their clock. ``data_to``: up to when data is known, epoch seconds. ``domains``: how many are watched.
    ``firing``: those of them with an alert that fires.
    """

    now: float
    data_to: int | None
    domains: int
    firing: frozenset[str]
    rules: Mapping[str, Rule]
    zone: tzinfo


def tell(incident: Incident, setting: Setting, markup: Markup) -> Telling:
    """The message of an incident as it stands."""
    told = {
        IncidentKind.ALERT: _alert,
        IncidentKind.SUMMARY: _summary,
        IncidentKind.PASSED: _passed,
        IncidentKind.DARK: _dark,
        IncidentKind.FEED: _feed,
        IncidentKind.VANISHED: _vanished,
    }
    return told[incident.kind](incident, setting, markup)


def _alert(incident: Incident, setting: Setting, markup: Markup) -> Telling:
    alert = incident.alerts[0]
    rule = setting.rules.get(alert.alert.rule)
    others = _others(setting, {told.alert.series for told in incident.alerts})
    return Telling(
        headline=_sentence(alert, setting, markup),
        lines=(),
        details=_details(incident, setting, f"rule {alert.alert.rule}", others),
        tone=_tone(incident),
        runbook=None if rule is None else rule.runbook,
    )


def _summary(incident: Incident, setting: Setting, markup: Markup) -> Telling:
    burning = len(incident.burning)
    if len(incident.alerts) == 1:
        headline, lines = f"When watching began: {_sentence(incident.alerts[0], setting, markup)}", []
    else:
        left = f"{burning} of them still do" if burning else "all are over"
        left = "all of them still do" if burning == len(incident.alerts) else left
        headline = f"When watching began, {len(incident.alerts):,} alerts burned already; {left}."
        lines = list(_listed(incident, setting, markup))
    return Telling(headline, tuple(lines), _details(incident, setting), _tone(incident))


def _passed(incident: Incident, setting: Setting, markup: Markup) -> Telling:
    count = len(incident.alerts)
    first = min(told.alert.since for told in incident.alerts)
    last = max(told.resolved or told.alert.slot for told in incident.alerts)
    span = (
        f"between {format_clock(first, setting.zone, setting.now)} and {format_clock(last, setting.zone, setting.now)}"
    )
    noun = "1 alert" if count == 1 else f"{count:,} alerts"
    headline = f"While alertbot had no data, {noun} came and went {span}."
    return Telling(headline, tuple(_listed(incident, setting, markup)), _details(incident, setting), Tone.OVER)


def _dark(incident: Incident, setting: Setting, markup: Markup) -> Telling:
    since = format_clock(incident.since, setting.zone, setting.now)
    if incident.closed is not None:
        lasted = format_duration(incident.closed - incident.since)
        headline = f"Data of the account comes again, after nothing new since {since}, for {lasted}."
        return Telling(headline, tuple(_listed(incident, setting, markup)), f"#{incident.number}", Tone.OVER)
    both = "all traffic stopped, or the CDN stopped publishing; open a site now"
    headline = f"Nothing since {since}: {both}."
    if incident.facts.get("account_wide"):
        series = len({told.alert.series for told in incident.burning})
        headline = f"The whole account is at 0 since {since}: {both}."
        count = f"{series:,} series in alert" if series else "no series in alert yet"
        return Telling(headline, (), _details(incident, setting, count), Tone.CRITICAL)
    return Telling(headline, (), _details(incident, setting, "calls succeed but show nothing newer"), Tone.CRITICAL)


def _feed(incident: Incident, setting: Setting, markup: Markup) -> Telling:
    since = format_clock(incident.opened, setting.zone, setting.now)
    names = list(incident.facts.get("series", ()))
    if incident.closed is not None:
        headline = "The CDN's API can be read again; what was missed is being judged."
        return Telling(headline, (), f"open from {since}; #{incident.number}", Tone.OVER)
    small = f"told since {since}; #{incident.number}"
    if incident.facts.get("cause"):
        headline = (
            f"The CDN's API gives no data: {markup.text(incident.facts['cause'])}. No rule is judged until it does."
        )
        return Telling(headline, (), small, Tone.WARNING)
    listed = ", ".join(markup.name(name) for name in names[:MOST_LISTED])
    more = f" and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else ""
    headline = (
        f"{_count(names)} cannot be read, so no rule judges {'it' if len(names) == 1 else 'them'}: {listed}{more}."
    )
    return Telling(
        headline, tuple(markup.text(cause) for cause in incident.facts.get("causes", ())), small, Tone.WARNING
    )


def _vanished(incident: Incident, _setting: Setting, markup: Markup) -> Telling:
    names = ", ".join(markup.name(name) for name in list(incident.facts.get("series", ()))[:MOST_LISTED])
    if incident.closed is not None:
        return Telling(f"Back among the account's domains: {names}.", (), f"#{incident.number}", Tone.OVER)
    headline = f"No longer among the account's domains, though it carried traffic within the last day: {names}."
    return Telling(headline, (), f"its alerts stay open; #{incident.number}", Tone.WARNING)


def _sentence(told: ToldAlert, setting: Setting, markup: Markup) -> str:
    rule = setting.rules.get(told.alert.rule)
    return wording.headline(rule, told.alert, told.reason, setting.zone, setting.now, markup)


def _listed(incident: Incident, setting: Setting, markup: Markup) -> Iterator[str]:
    """Up to 20 alerts, those that burn first; the rest are counted."""
    ordered = sorted(incident.alerts, key=lambda told: (told.resolved is not None, told.number))
    for told in ordered[:MOST_LISTED]:
        yield _sentence(told, setting, markup)
    if len(ordered) > MOST_LISTED:
        yield f"and {len(ordered) - MOST_LISTED:,} more"


def _details(incident: Incident, setting: Setting, *extra: str) -> str:
    """How fresh the data is, what else there is to know, and what to call the incident."""
    now = format_clock(setting.now, setting.zone, setting.now)
    fresh = "" if setting.data_to is None else f"data to {format_clock(setting.data_to, setting.zone, setting.now)}, "
    return "; ".join([f"{fresh}now {now}", *(part for part in extra if part), f"#{incident.number}"])


def _others(setting: Setting, own: set[str]) -> str:
    others = setting.domains - len(own)
    if others <= 0:
        return ""
    noun = "domain" if others == 1 else "domains"
    firing = len(setting.firing - own)
    return (
        f"{firing:,} of the other {others:,} {noun} in alert too" if firing else f"the other {others:,} {noun} normal"
    )


def _tone(incident: Incident) -> Tone:
    burning = {told.severity for told in incident.burning}
    return next((tone for tone in Tone if tone.value in burning), Tone.OVER)


def _count(names: list[str]) -> str:
    return "1 domain" if len(names) == 1 else f"{len(names):,} domains"
