"""An incident in words: the headline that stands on a lock screen, the lines under it, and the small print.

Plain sentences for someone who has just been woken; what is not known is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import StrEnum
from types import MappingProxyType

from alertbot.alerts.lifecycle import AlertKey, Reason
from alertbot.incidents.incident import (
    FEED_SEVERITY,
    FiredAlert,
    Incident,
    IncidentKind,
    cleared_at,
    highest_severity,
    series_of,
    worst_of_each,
)
from alertbot.incidents.paging import MOST_LISTED
from alertbot.incidents.silences import StoredSilence
from alertbot.messages.alert import Markup, alert_sentence, back_to_normal, several, subject
from alertbot.rules.base import Rule
from alertbot.rules.selection import TOTAL, is_domain
from alertbot.units import format_clock, format_duration, format_rate, format_volume
from alertbot.words import counted, listed

_NONE: Mapping[int, Sequence[int]] = MappingProxyType({})


class Tone(StrEnum):
    """How a message looks, the loudest first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    TAKEN = "acknowledged"
    QUIET = "quiet"
    OVER = "over"
    ACCEPTED = "accepted"
    """Closed since what it was about is taken as normal: that is no resolution."""

    @property
    def wakes(self) -> bool:
        """Whether somebody is mentioned."""
        return self in {Tone.CRITICAL, Tone.WARNING, Tone.INFO}


@dataclass(frozen=True)
class IncidentText:
    """What a message says; ``details`` is plain text, the rest is marked up; ``runbook`` is a link."""

    headline: str
    lines: tuple[str, ...]
    details: str
    tone: Tone
    runbook: str | None = None


@dataclass(frozen=True)
class Context:
    """What the reader wants to know beside the incident.

    ``now``: their clock. ``data_to``: up to when data is known, epoch seconds. ``domains``: how many are watched.
    ``firing``: those of them with an alert that fires. ``silences`` by number; ``flapping``: the keys that flap;
    ``suppressed``: the rows of alerts that are not posted now. ``shortfall``: bytes by which less was carried, by an
    alert's row, where that is known. ``total``: bit/s of the account now, and before it fell.
    ``at_zero``: the domains that carry nothing now, and did before the incident began, whatever a rule's floor.
    """

    now: float
    data_to: int | None
    domains: int
    firing: frozenset[str]
    rules: Mapping[str, Rule]
    zone: tzinfo
    silences: Mapping[int, StoredSilence] = field(default_factory=dict)
    flapping: frozenset[AlertKey] = frozenset()
    suppressed: frozenset[int] = frozenset()
    shortfall: Mapping[int, float] = field(default_factory=dict)
    total: tuple[float, float] | None = None
    at_zero: frozenset[str] = frozenset()

    def clock(self, epoch: float) -> str:
        """An instant in the reader's zone."""
        return format_clock(epoch, self.zone, self.now)


def tell(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    """The message of an incident as it stands."""
    told = {
        IncidentKind.ALERT: _alerts,
        IncidentKind.SUMMARY: _summary,
        IncidentKind.UPGRADE: _upgrade,
        IncidentKind.PASSED: _passed,
        IncidentKind.DARK: _dark,
        IncidentKind.FEED: _feed,
        IncidentKind.VANISHED: _vanished,
    }
    return told[incident.kind](incident, context, markup)


def _alerts(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    shown = worst_of_each(incident.alerts)
    return IncidentText(
        headline=headline(incident, context, markup),
        lines=(*_below(incident, shown, context, markup), *_state(incident, context, markup)),
        details=_details(incident, context, _rules(incident), _others(context, set(series_of(incident.alerts)))),
        tone=_tone(incident, context),
        runbook=_runbook(shown, context),
    )


def _below(incident: Incident, shown: Sequence[FiredAlert], context: Context, markup: Markup) -> Iterator[str]:
    """The alerts under the headline, but for the one that stands in it."""
    if incident.progress.parent is not None or len(shown) == 1:
        return
    wide = incident.closed is None and incident.progress.wide is not None
    named = incident.closed is None and not wide and bool(incident.firing)
    below = [told for told in shown if not (wide and told.alert.series == TOTAL)]
    yield from _alert_lines(below[1:] if named else below, context, markup, incident.outages)


def headline(incident: Incident, context: Context, markup: Markup) -> str:
    """The one sentence that says what an incident of alerts is about, as it stands."""
    firing = worst_of_each(incident.firing)
    if incident.progress.wide is not None and incident.closed is None:
        return _whole_account(incident, context, markup)
    if not firing:
        return _over(incident, context, markup)
    if incident.progress.parent is not None:
        names = listed((subject(told.alert.series, markup) for told in firing), MOST_LISTED)
        whole = f"Part of the account-wide fall #{incident.progress.parent}"
        return f"{whole}, since {_began(firing, context)}: {names}."
    first = sentence(firing[0], context, markup, incident.outages)
    if len(firing) == 1:
        return first
    verb = "fell" if incident.falls else "rose"
    return f"{first.removesuffix('.')}; {len(firing) - 1:,} more {_noun(firing[1:])} {verb} with it."


def _whole_account(incident: Incident, context: Context, markup: Markup) -> str:
    wide = incident.progress.wide
    if wide is None:
        raise ValueError("this incident is not account-wide")
    share = f"{wide.fell:,} of {counted(wide.carried, 'domain')} with traffic fell"
    total = [told for told in worst_of_each(incident.firing) if told.alert.series == TOTAL]
    if total:
        fell = sentence(total[0], context, markup, incident.outages)
        return f"{fell.removesuffix('.')}; {share}." if wide.fell else fell
    levels = (
        ""
        if context.total is None
        else f"; in all {format_rate(context.total[0])}, before {format_rate(context.total[1])}"
    )
    return f"The whole account is affected since {context.clock(wide.since)}: {share}{levels}."


def _over(incident: Incident, context: Context, markup: Markup) -> str:
    shown = worst_of_each(incident.alerts)
    shortfall = _shortfall(incident.alerts, context)
    if len(shown) == 1:
        return f"{sentence(shown[0], context, markup)}{shortfall}"
    if not shown:
        return "The account is as before."
    if all(told.reason == Reason.NEW_NORMAL for told in shown):
        return f"{several(series_of(shown))} are still at another level. From now on alerts compare with that."
    ended = max(cleared_at(told) for told in shown)
    lasted = format_duration(ended - min(told.alert.since for told in shown))
    well = sum(
        told.reason == Reason.CLEARED and back_to_normal(context.rules.get(told.alert.rule), told.alert)
        for told in shown
    )
    how = "are normal again" if well == len(shown) else f"are no longer in alert, {well:,} of them normal again"
    what = f"it began at {_began(shown, context)} and lasted {lasted}"
    return f"{several(series_of(shown))} {how} at {context.clock(ended)}; {what}.{shortfall}"


def _began(alerts: Sequence[FiredAlert], context: Context) -> str:
    return context.clock(min(told.alert.since for told in alerts))


def _shortfall(alerts: Sequence[FiredAlert], context: Context) -> str:
    """What its users did not get, over all outages; of several rules on a series the one that saw most counts."""
    by_rule: dict[AlertKey, float] = {}
    for told in alerts:
        volume = context.shortfall.get(told.number) if told.reason == Reason.CLEARED else None
        if volume is not None:
            by_rule[told.key] = by_rule.get(told.key, 0.0) + volume
    lost: dict[str, float] = {}
    for (_, series), volume in by_rule.items():
        lost[series] = max(volume, lost.get(series, 0.0))
    parts = [volume for series, volume in lost.items() if is_domain(series)]
    volume = sum(parts) if parts else max(lost.values(), default=0.0)
    return f" About {format_volume(volume)} were not served." if volume >= 1e6 else ""


def _noun(alerts: Sequence[FiredAlert]) -> str:
    plain = all(is_domain(told.alert.series) for told in alerts)
    if not plain:
        return "series"
    return "domain" if len(alerts) == 1 else "domains"


def _state(incident: Incident, context: Context, markup: Markup) -> Iterator[str]:
    """Who took it on, and what keeps it quiet."""
    progress = incident.progress
    if incident.closed is not None:
        return
    yield from _without_data(incident, context, markup)
    if progress.acked_at is not None:
        note = f": {markup.text(progress.acked_note)}" if progress.acked_note else "."
        yield f"Acknowledged by {markup.text(progress.acked_by or '')} at {context.clock(progress.acked_at)}{note}"
    for number in progress.silences:
        if (silence := context.silences.get(number)) is not None:
            yield silenced(silence, context, markup)
    if progress.muted:
        yield "Muted by the configuration for now."
    if flapping := {told.alert.series for told in incident.alerts if told.key in context.flapping}:
        names = ", ".join(subject(series, markup) for series in sorted(flapping)[:MOST_LISTED])
        yield f"Flapping: {names}. More is said once it stays in alert for 20m, or is steady for an hour."


def _without_data(incident: Incident, context: Context, markup: Markup) -> Iterator[str]:
    """Which series are not known any more, while others are, and since when: their alerts stay as they are."""
    old = incident.without_data(context.data_to or 0)
    if old:
        names = listed((subject(series, markup) for series in sorted(old)), MOST_LISTED)
        yield f"No data of {names} since {context.clock(min(old.values()))}."


def silenced(silence: StoredSilence, context: Context, markup: Markup) -> str:
    """By whom, until when, and why."""
    reason = f": {markup.text(silence.reason)}" if silence.reason else ""
    return f"Silenced until {context.clock(silence.ends)} by {markup.text(silence.author)}{reason}."


def _summary(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    firing = len(incident.firing)
    state = tuple(_state(incident, context, markup))
    if len(incident.alerts) == 1:
        head, lines = f"When watching began: {sentence(incident.alerts[0], context, markup)}", []
    else:
        left = f"{firing} of them still do" if firing else "all are over"
        left = "all of them still do" if firing == len(incident.alerts) else left
        head = f"When watching began, {len(incident.alerts):,} alerts burned already; {left}."
        lines = list(_alert_lines(worst_of_each(incident.alerts), context, markup))
    return IncidentText(head, (*lines, *state), _details(incident, context), _tone(incident, context))


def _upgrade(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    """What this version's rules find in what an older one judged: nothing that happened just now."""
    firing, count = len(incident.firing), counted(len(incident.alerts), "alert")
    left = "all over now" if not firing else "all firing" if firing == len(incident.alerts) else f"{firing:,} firing"
    head = f"Found by this version's rules, not by those before the upgrade: {count}, {left}."
    lines = _alert_lines(worst_of_each(incident.alerts), context, markup)
    state = _state(incident, context, markup)
    return IncidentText(head, (*lines, *state), _details(incident, context), _tone(incident, context))


def _passed(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    count = len(incident.alerts)
    first = min(told.alert.since for told in incident.alerts)
    last = max(told.resolved or told.alert.slot for told in incident.alerts)
    noun = "1 alert" if count == 1 else f"{count:,} alerts"
    head = f"While alertbot had no data, {noun} came and went between {context.clock(first)} and {context.clock(last)}."
    lines = tuple(_alert_lines(worst_of_each(incident.alerts), context, markup))
    return IncidentText(head, lines, _details(incident, context), Tone.OVER)


def _dark(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    since = context.clock(incident.since)
    state = tuple(_state(incident, context, markup))
    if incident.facts.get("unseen"):
        return _unseen(incident, context, state)
    if incident.closed is not None:
        lasted = format_duration(incident.closed - incident.since)
        head = f"Data of the account comes again, after nothing new since {since}, for {lasted}."
        firing = series_of(incident.firing)
        lines = (f"{several(firing)} still in alert: what outlasts this is told.",) if firing else ()
        return IncidentText(head, lines, f"#{incident.number}", Tone.OVER)
    both = "all traffic stopped, or the CDN stopped publishing; open a site now"
    tone = _tone(incident, context)
    if incident.facts.get("account_wide"):
        series = series_of(incident.firing)
        count = f"{several(series)} in alert" if series else "no domain in alert yet"
        head = f"The whole account is at 0 since {since}: {both}."
        return IncidentText(head, state, _details(incident, context, count), tone)
    head = f"Nothing since {since}: {both}."
    return IncidentText(head, state, _details(incident, context, "calls succeed but show nothing newer"), tone)


def _unseen(incident: Incident, context: Context, state: tuple[str, ...]) -> IncidentText:
    """The account never showed any traffic."""
    if incident.closed is not None:
        lasted = format_duration(incident.closed - incident.since)
        return IncidentText(
            f"The account shows traffic now, after {lasted} without any.", (), f"#{incident.number}", Tone.OVER
        )
    head = "The account shows no traffic at all: is this the right token?"
    details = _details(incident, context, f"calls succeed but show nothing since {context.clock(incident.since)}")
    return IncidentText(head, state, details, _tone(incident, context))


def _feed(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    since = context.clock(incident.opened)
    names = list(incident.facts.get("series", ()))
    if incident.closed is not None:
        head = "The CDN's API can be read again; what was missed is being judged."
        return IncidentText(head, (), f"open from {since}; #{incident.number}", Tone.OVER)
    small = f"told since {since}; #{incident.number}"
    state = tuple(_state(incident, context, markup))
    if incident.facts.get("cause"):
        cause = markup.text(incident.facts["cause"])
        head = f"The CDN's API gives no data: {cause}. No rule is judged until it does."
        return IncidentText(head, state, small, _tone(incident, context))
    shown = listed(map(markup.name, names), MOST_LISTED)
    whom = "it" if len(names) == 1 else "them"
    which = several(names)
    head = f"{which[:1].upper()}{which[1:]} cannot be read, so no rule judges {whom}: {shown}."
    causes = tuple(markup.text(cause) for cause in incident.facts.get("causes", ()))
    alone = (_alone(series, name, markup) for series, name in dict(incident.facts.get("alone", {})).items())
    return IncidentText(head, (*alone, *causes, *state), small, _tone(incident, context))


def _alone(series: str, name: str, markup: Markup) -> str:
    """That a sum is unknown for one of its members."""
    mend = "take it out of the group, or ask the CDN's support why"
    return f"{markup.name(series)} is unknown because {markup.name(name)} alone has been refused for a day: {mend}."


def _vanished(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    names = ", ".join(markup.name(name) for name in list(incident.facts.get("series", ()))[:MOST_LISTED])
    if incident.closed is not None:
        return IncidentText(f"Back among the account's domains: {names}.", (), f"#{incident.number}", Tone.OVER)
    head = f"No longer among the account's domains, though it carried traffic within the last day: {names}."
    state = tuple(_state(incident, context, markup))
    return IncidentText(head, state, f"its alerts stay open; #{incident.number}", _tone(incident, context))


def sentence(told: FiredAlert, context: Context, markup: Markup, outages: Mapping[int, Sequence[int]] = _NONE) -> str:
    """One alert in one sentence; ``outages``: those of its incident, by which it may not be the first."""
    rule, begun = context.rules.get(told.alert.rule), outages.get(told.number, ())
    return alert_sentence(rule, told.alert, told.reason, context.zone, context.now, markup, begun)


def _alert_lines(
    alerts: Sequence[FiredAlert], context: Context, markup: Markup, outages: Mapping[int, Sequence[int]] = _NONE
) -> Iterator[str]:
    """Up to 20 series, a line each; the rest are counted."""
    for told in alerts[:MOST_LISTED]:
        yield sentence(told, context, markup, outages)
    if len(alerts) > MOST_LISTED:
        yield f"and {len(alerts) - MOST_LISTED:,} more; the thread lists them all"


def _details(incident: Incident, context: Context, *extra: str) -> str:
    """How fresh the data is, what else there is to know, and what to call the incident."""
    fresh = "" if context.data_to is None else f"data to {context.clock(context.data_to)}, "
    now = f"now {context.clock(context.now)}"
    return "; ".join([f"{fresh}{now}", *(part for part in extra if part), f"#{incident.number}"])


def _rules(incident: Incident) -> str:
    names = list(dict.fromkeys(told.alert.rule for told in incident.alerts))
    if not names:
        return ""
    return f"{'rule' if len(names) == 1 else 'rules'} {listed(names, 3)}"


def _runbook(alerts: Sequence[FiredAlert], context: Context) -> str | None:
    """The link of the worst alert that has one."""
    rules = (context.rules.get(told.alert.rule) for told in alerts)
    return next((rule.runbook for rule in rules if rule is not None and rule.runbook is not None), None)


def _others(context: Context, own: set[str]) -> str:
    others = context.domains - len({series for series in own if is_domain(series)})
    if others <= 0:
        return ""
    noun = "domain" if others == 1 else "domains"
    firing = len(context.firing - own)
    said = (
        f"{firing:,} of the other {others:,} {noun} in alert too"
        if firing
        else f"no alert on the other {others:,} {noun}"
    )
    zero = len(context.at_zero - context.firing - own)
    if not zero:
        return said
    return f"{said} ({zero:,} of {'the rest' if firing else 'them'} {'is' if zero == 1 else 'are'} at 0 too)"


def _tone(incident: Incident, context: Context) -> Tone:
    progress = incident.progress
    if incident.closed is not None:
        accepted = any(told.reason == Reason.NEW_NORMAL for told in worst_of_each(incident.alerts))
        return Tone.ACCEPTED if accepted else Tone.OVER
    if progress.acked_at is not None:
        return Tone.TAKEN
    if progress.parent is not None:
        return Tone.QUIET
    wide = None if progress.wide is None else progress.wide.severity
    loud = highest_severity(told for told in incident.firing if told.number not in context.suppressed)
    severity = FEED_SEVERITY.get(incident.kind) or loud or wide
    return Tone.QUIET if severity is None else Tone(severity)  # what is held, flaps or is about to be over
