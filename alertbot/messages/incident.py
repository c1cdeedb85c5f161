"""An incident in words: the headline that stands on a lock screen, the lines under it, and the small print.

Plain sentences for someone who has just been woken; what is not known is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alertbot.alerts.lifecycle import AlertKey, Reason
from alertbot.incidents.incident import (
    FiredAlert,
    Incident,
    IncidentKind,
    cleared_at,
    series_of,
    worst_of_each,
)
from alertbot.incidents.thread_notes import MOST_LISTED
from alertbot.messages.alert import Markup, back_to_normal, lasting, names, several
from alertbot.messages.alert_list import alert_lines
from alertbot.messages.feed_incident import dark, feed, vanished
from alertbot.messages.incident_parts import (
    Context,
    IncidentText,
    Tone,
    details_of,
    sentence,
    silent_now,
    state_lines,
    tone_of,
)
from alertbot.messages.moved import in_headline, moved_lines, moved_sentence
from alertbot.rules.selection import TOTAL, is_domain
from alertbot.units import format_change, format_rate, format_volume
from alertbot.words import at, counted, listed

MOST_NAMED = 5


def tell(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    """The message of an incident as it stands."""
    told = {
        IncidentKind.ALERT: _alerts,
        IncidentKind.SUMMARY: _summary,
        IncidentKind.UPGRADE: _upgrade,
        IncidentKind.PASSED: _passed,
        IncidentKind.DARK: dark,
        IncidentKind.FEED: feed,
        IncidentKind.VANISHED: vanished,
    }
    return told[incident.kind](incident, context, markup)


def _alerts(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    shown = worst_of_each(incident.alerts)
    return IncidentText(
        headline=headline(incident, context, markup),
        lines=(
            *moved_lines(incident, context, markup),
            *_below(incident, shown, context, markup),
            *state_lines(incident, context, markup),
        ),
        details=details_of(incident, context, _others(context, set(series_of(incident.alerts))), _rules(incident)),
        tone=tone_of(incident, context),
        runbook=_runbook(shown, context),
    )


def _below(incident: Incident, shown: Sequence[FiredAlert], context: Context, markup: Markup) -> Iterator[str]:
    """The alerts under the headline, but for the one that stands in it."""
    if in_headline(incident):
        falls_first = sorted(shown, key=incident.explains)
        yield from alert_lines(falls_first, context, markup, incident.outages)
        return
    if incident.progress.parent is not None or len(shown) == 1:
        return
    wide = incident.closed is None and incident.progress.wide is not None
    named = incident.closed is None and not wide and bool(incident.firing)
    below = [told for told in shown if not (wide and told.alert.series == TOTAL)]
    yield from alert_lines(below[1:] if named else below, context, markup, incident.outages)


def headline(incident: Incident, context: Context, markup: Markup) -> str:
    """The one sentence that says what an incident of alerts is about, as it stands."""
    firing = worst_of_each(incident.firing)
    if incident.progress.wide is not None and incident.closed is None:
        return _whole_account(incident, context, markup)
    if not firing:
        return _over(incident, context, markup)
    if incident.progress.parent is not None:
        which = names((told.alert.series for told in firing), MOST_LISTED, markup)
        parent = f"#{incident.progress.parent}"
        whole = f"Part of the account-wide fall {parent}" if incident.falls else f"Part of {parent}, traffic that moved"
        return f"{whole}, since {_began(firing, context)}: {which}."
    if in_headline(incident):
        return moved_sentence(incident, context, markup)
    first = sentence(firing[0], context, markup, incident.outages)
    if len(firing) == 1:
        return first
    verb = "fell" if incident.falls else "rose"
    others = series_of(firing[1:])
    more = " more" if is_domain(firing[0].alert.series) == any(map(is_domain, others)) else ""
    return f"{first.removesuffix('.')}; {several(others, more)} {verb} with it."


def _whole_account(incident: Incident, context: Context, markup: Markup) -> str:
    wide = incident.progress.wide
    if wide is None:
        raise ValueError("this incident is not account-wide")
    now, was = context.total or (0.0, 0.0)
    total_fell = now < was and format_rate(now) != format_rate(was)  # small domains beside a large one move nothing
    if incident.progress.checking and total_fell:
        return f"Total traffic fell from {format_change(was, now)} {at(context.clock(wide.since))}."
    share = f"{wide.fell:,} of {counted(wide.carried, 'domain')} with traffic fell"
    total = [told for told in worst_of_each(incident.firing) if told.alert.series == TOTAL]
    if total:
        fell = sentence(total[0], context, markup, incident.outages)
        return f"{fell.removesuffix('.')}; {share}." if wide.fell else fell
    levels = "" if context.total is None else f"; the total is {format_rate(now)}, was {format_rate(was)}"
    fallen = f"{wide.fell:,} of {counted(wide.carried, 'domain')} with traffic have fallen"
    return f"Account-wide: {fallen} since {context.clock(wide.since)}{levels}."


def _over(incident: Incident, context: Context, markup: Markup) -> str:
    shown = worst_of_each(incident.alerts)
    shortfall = _shortfall(incident, context)
    if len(shown) == 1:
        return f"{sentence(shown[0], context, markup)}{shortfall}"
    if not shown:
        wide = incident.progress.wide
        since = "" if wide is None or wide.over is None else f" {_by(at(context.clock(wide.over)))}"
        return f"The account as a whole was back{since}."
    if all(told.reason == Reason.NEW_NORMAL for told in shown):
        return f"{several(series_of(shown))} are still at another level. From now on alerts compare with that."
    well = [told for told in shown if _is_well(told, context)]
    rest = [told for told in shown if told not in well]
    named = well or rest
    begun, ends = {told.alert.since for told in named}, {cleared_at(told) for told in named}
    clock = context.clock(max(ends))
    ended = at(clock)
    lasted = lasting(max(ends) - min(begun), (told.alert for told in named))
    at_once = f"{ended} after {lasted}" if well else f"since {clock}, after {lasted}"
    when = at_once if len(begun) == len(ends) == 1 else f"{_by(ended)}, {lasted} after it began"
    how = "back to normal" if well else "no longer in alert"
    others = f"; {several(series_of(rest))} no longer in alert" if well and rest else ""
    who = f"{_names(named, markup)}{' is' if len(named) == 1 else ''}"
    who = f"The {who[4:]}" if who.startswith("the ") else who
    return f"{who} {how} {when}{others}.{shortfall}"


def _by(when: str) -> str:
    """``by 12:40``, ``on Mon 2 Nov by 12:40``: at that time the last of several, the others before."""
    return "by ".join(when.rsplit("at ", 1))


def _is_well(told: FiredAlert, context: Context) -> bool:
    return told.reason == Reason.CLEARED and back_to_normal(context.rules.get(told.alert.rule), told.alert)


def _names(alerts: Sequence[FiredAlert], markup: Markup) -> str:
    return names((told.alert.series for told in alerts), MOST_NAMED, markup)


def ending(incident: Incident, context: Context, headline: str) -> str:
    """The headline of an incident that is over, with what kind of end that is."""
    shown = worst_of_each(incident.alerts)
    reasons = {told.reason for told in shown}
    if Reason.NEW_NORMAL in reasons or incident.kind is IncidentKind.PASSED or any(map(silent_now, shown)):
        return headline
    if reasons == {Reason.REVISED} and incident.closed is not None:
        return f"Corrected {at(context.clock(incident.closed))}: {headline[:1].lower()}{headline[1:]}"
    return f"Resolved: {headline}"


def _began(alerts: Sequence[FiredAlert], context: Context) -> str:
    return context.clock(min(told.alert.since for told in alerts))


def _shortfall(incident: Incident, context: Context) -> str:
    """What its users did not get, over all outages; of several rules on a series the one that saw most counts."""
    by_rule: dict[AlertKey, float] = {}
    for told in incident.alerts:
        volume = context.shortfall.get(told.number) if told.reason == Reason.CLEARED else None
        if volume is not None:
            by_rule[told.key] = by_rule.get(told.key, 0.0) + volume
    lost: dict[str, float] = {}
    for (_, series), volume in by_rule.items():
        lost[series] = max(volume, lost.get(series, 0.0))
    parts = [volume for series, volume in lost.items() if is_domain(series)]
    volume = sum(parts) if parts else max(lost.values(), default=0.0)
    in_all = " in all" if any(len(begun) > 1 for begun in incident.outages.values()) else ""
    return f" About {format_volume(volume)} less than usual{in_all}." if volume >= 1e6 else ""


def _summary(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    firing = len(incident.firing)
    state = tuple(state_lines(incident, context, markup))
    if len(incident.alerts) == 1:
        head, lines = f"When watching began: {sentence(incident.alerts[0], context, markup)}", []
    else:
        left = f"{firing:,} of them still {'is' if firing == 1 else 'are'}" if firing else "all are over"
        left = "all still are" if firing == len(incident.alerts) else left
        head = f"When watching began, {len(incident.alerts):,} alerts were firing already; {left}."
        shown = worst_of_each(incident.alerts)
        if firing:
            head, shown = f"{head} The worst: {sentence(shown[0], context, markup)}", shown[1:]
        lines = list(alert_lines(shown, context, markup))
    return IncidentText(head, (*lines, *state), details_of(incident, context), tone_of(incident, context))


def _upgrade(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    """What this version's rules find in what an older one judged: nothing that happened just now."""
    firing, count = len(incident.firing), counted(len(incident.alerts), "alert")
    left = "all over now" if not firing else "all firing" if firing == len(incident.alerts) else f"{firing:,} firing"
    head = f"Found by this version's rules, not by those before the upgrade: {count}, {left}."
    lines = alert_lines(worst_of_each(incident.alerts), context, markup)
    state = state_lines(incident, context, markup)
    return IncidentText(head, (*lines, *state), details_of(incident, context), tone_of(incident, context))


def _passed(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    count = len(incident.alerts)
    first = min(told.alert.since for told in incident.alerts)
    last = max(map(cleared_at, incident.alerts))
    noun = "1 alert" if count == 1 else f"{count:,} alerts"
    when, who = (
        f"between {context.clock(first)} and {context.clock(last)}",
        _names(worst_of_each(incident.alerts), markup),
    )
    head = f"While alertbot had no data, {noun} came and went {when}: {who}."
    lines = tuple(alert_lines(worst_of_each(incident.alerts), context, markup))
    return IncidentText(head, lines, details_of(incident, context), Tone.OVER)


def _rules(incident: Incident) -> str:
    rules = list(dict.fromkeys(told.alert.rule for told in incident.alerts))
    if not rules:
        return ""
    return f"{'rule' if len(rules) == 1 else 'rules'} {listed(rules, 3)}"


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
    floor = "" if context.floor is None else f", below the floor of {format_rate(context.floor)}"
    return f"{said} ({zero:,} of {'the rest' if firing else 'them'} {'is' if zero == 1 else 'are'} at 0 too{floor})"
