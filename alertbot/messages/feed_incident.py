"""The messages about the feed and about the account as a whole, of which no rule is."""

from __future__ import annotations

from collections.abc import Sequence

from alertbot.incidents.incident import (
    DOMAIN_LIST,
    Incident,
    IncidentKind,
    series_of,
)
from alertbot.incidents.thread_notes import MOST_LISTED
from alertbot.messages.alert import Markup, several, short_names
from alertbot.messages.incident_parts import (
    Context,
    IncidentText,
    Tone,
    details_of,
    small_print,
    state_lines,
    tone_of,
)
from alertbot.units import format_between, format_volume
from alertbot.words import listed

_MOST_NAMED = 5
_EITHER = "Either all traffic stopped or the CDN stopped reporting: open one of your sites to find out."


def dark(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    """Nothing new is published, or the whole account carries nothing."""
    since = context.clock(incident.since)
    state = tuple(state_lines(incident, context, markup))
    if incident.facts.get("unseen"):
        return _unseen(incident, context, state)
    if incident.usually_silent:
        return _usually_silent(incident, context, state)
    if incident.closed is not None:
        head = _data_is_back(incident, incident.closed, context)
        firing = series_of(incident.firing)
        lines = (f"{several(firing)} still in alert then: what lasts is posted.",) if firing else ()
        return IncidentText(head, lines, small_print(incident, context, Tone.OVER), Tone.OVER)
    tone = tone_of(incident, context)
    if incident.facts.get("account_wide"):
        series = series_of(incident.firing)
        count = f"{several(series)} in alert" if series else "no domain in alert yet"
        head = f"Still no data since {since}, so the whole account counts as at 0. {_EITHER}"
        return IncidentText(head, state, small_print(incident, context, tone, count), tone)
    head = f"No data since {since}. {_EITHER}"
    return IncidentText(head, state, small_print(incident, context, tone, "the API answers, with nothing newer"), tone)


def was(incident: Incident, markup: Markup) -> str:
    """What an incident that is over was about, for a list that says from when to when."""
    which = _unread(incident)
    named = listed(map(markup.name, short_names(which)[0]), _MOST_NAMED)
    if incident.kind is IncidentKind.VANISHED:
        return f"{several(which)} left the account: {named}."
    if incident.kind is IncidentKind.FEED:
        return _was_unreadable(incident, which, named)
    if incident.facts.get("unseen"):
        return "The account showed no traffic at all."
    if incident.usually_silent:
        return "The whole account was silent as usual."
    return "No data came." if incident.facts.get("dark_until") is None else "No traffic on the whole account."


def _was_unreadable(incident: Incident, which: Sequence[str], named: str) -> str:
    if not incident.facts.get("series"):
        return "The CDN's API gave no data."
    what = f"{several(which)} {'was' if len(which) == 1 else 'were'} unreadable: {named}."
    what = what if which else "the list of the account's domains was unreadable."
    return f"The CDN's API gave no data; then {what}" if incident.facts.get("failed") else what[:1].upper() + what[1:]


def _data_is_back(incident: Incident, closed: float, context: Context) -> str:
    """How a dark feed ended: as an outage where the data that came since proves that nothing was carried."""
    since, until = context.clock(incident.since), incident.facts.get("dark_until")
    if until is None:
        return f"Data is back after {format_between(incident.since, closed)}; none had come since {since}."
    lasted = format_between(incident.since, until)
    volume = "" if not context.lost else f", about {format_volume(context.lost)} less than usual"
    return f"No traffic on the whole account from {since} to {context.clock(until)} ({lasted}{volume})."


def _usually_silent(incident: Incident, context: Context, state: tuple[str, ...]) -> IncidentText:
    """The account carries nothing at an hour at which it usually carries nothing."""
    since = context.clock(incident.since)
    if incident.closed is not None:
        head = f"The whole account is no longer silent as usual; the silence began at {since}."
        return IncidentText(head, (), small_print(incident, context, Tone.OVER), Tone.OVER)
    head = f"Silent as usual from {since}: the whole account."
    lines = ("If it lasts longer than usual, a critical alert follows.", *state)
    return IncidentText(head, lines, details_of(incident, context, "the API answers"), tone_of(incident, context))


def _unseen(incident: Incident, context: Context, state: tuple[str, ...]) -> IncidentText:
    """The account never showed any traffic."""
    if incident.closed is not None:
        lasted = format_between(incident.since, incident.closed)
        head = f"The account shows traffic now, after {lasted} without any."
        return IncidentText(head, (), small_print(incident, context, Tone.OVER), Tone.OVER)
    head = "The account shows no traffic at all: is this the right token?"
    details = details_of(incident, context, f"the API answers, with nothing since {context.clock(incident.since)}")
    return IncidentText(head, state, details, tone_of(incident, context))


def feed(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    """The API gives no data, or none of some series."""
    since, tone = context.clock(incident.since), tone_of(incident, context)
    posted = f"posted {context.clock(incident.opened)}"
    if incident.closed is not None:
        unread = incident.facts.get("series")
        lasted = format_between(incident.since, incident.closed)
        # What could not be read at last may be less than what could not at first.
        what = "Everything can be read" if unread else "The CDN's API answers"
        head = f"{what} again after {lasted}; what was missed is being judged."
        return IncidentText(head, (), small_print(incident, context, Tone.OVER, f"from {since}", posted), Tone.OVER)
    state = tuple(state_lines(incident, context, markup))
    last = "" if context.data_to is None else f"last data {context.clock(context.data_to)}"
    if incident.facts.get("cause"):
        cause = markup.text(incident.facts["cause"])
        head = f"The CDN's API has been failing since {since}: {cause}. No rule is judged until it answers."
        return IncidentText(head, state, small_print(incident, context, tone, last, posted), tone)
    head, *more = _unreadable(incident, since, markup)
    causes = tuple(markup.text(cause) for cause in incident.facts.get("causes", ()))
    alone = (_alone(series, name, markup) for series, name in dict(incident.facts.get("alone", {})).items())
    return IncidentText(head, (*more, *alone, *causes, *state), small_print(incident, context, tone, posted), tone)


def unread_words(incident: Incident) -> str:
    """What cannot be read, for a line of health: ``no data: 2 domains and 1 group``."""
    which = _unread(incident)
    return f"no data: {several(which)}" if which else "the list of the account's domains"


def _unread(incident: Incident) -> list[str]:
    """The series that cannot be read."""
    return [name for name in incident.facts.get("series", ()) if name != DOMAIN_LIST]


def _unreadable(incident: Incident, since: str, markup: Markup) -> list[str]:
    """What cannot be read: series, the list of the account's domains, or both."""
    unread, without_list = _unread(incident), DOMAIN_LIST in incident.facts.get("series", ())
    if not unread:
        return [f"The list of the account's domains has been unreadable since {since}, so new domains are not watched."]
    shown = listed(map(markup.name, short_names(unread)[0]), _MOST_NAMED)
    whom, have = ("it", "has") if len(unread) == 1 else ("them", "have")
    which = several(unread)
    head = f"{which[:1].upper()}{which[1:]} {have} been unreadable since {since}, so no rule judges {whom}: {shown}."
    too = "The list of the account's domains is unreadable as well, so new domains are not watched."
    return [head, too] if without_list else [head]


def _alone(series: str, name: str, markup: Markup) -> str:
    """That a sum is unknown for one of its members."""
    mend = "take it out of the group, or ask the CDN's support why"
    return f"{markup.name(series)} is unknown because {markup.name(name)} alone has been refused for a day: {mend}."


def vanished(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    """Domains left the account."""
    left = list(incident.facts.get("series", ()))
    which = ", ".join(markup.name(name) for name in left[:MOST_LISTED])
    if incident.closed is not None:
        head = f"Back among the account's domains: {which}."
        return IncidentText(head, (), small_print(incident, context, Tone.OVER), Tone.OVER)
    they, its = ("it", "its") if len(left) == 1 else ("they", "their")
    head = f"No longer among the account's domains, though {they} carried traffic within the last day: {which}."
    state, tone = tuple(state_lines(incident, context, markup)), tone_of(incident, context)
    return IncidentText(head, state, small_print(incident, context, tone, f"{its} alerts stay open"), tone)
