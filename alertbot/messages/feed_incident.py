"""The messages about the feed and about the account as a whole, of which no rule is."""

from __future__ import annotations

from alertbot.incidents.incident import (
    Incident,
    series_of,
)
from alertbot.incidents.paging import MOST_LISTED
from alertbot.messages.alert import Markup, several
from alertbot.messages.incident_parts import (
    Context,
    IncidentText,
    Tone,
    details_of,
    state_lines,
    tone_of,
)
from alertbot.units import format_duration
from alertbot.words import listed


def dark(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    """Nothing new is published, or the whole account carries nothing."""
    since = context.clock(incident.since)
    state = tuple(state_lines(incident, context, markup))
    if incident.facts.get("unseen"):
        return _unseen(incident, context, state)
    if incident.usually_silent:
        return _usually_silent(incident, context, state)
    if incident.closed is not None:
        lasted = format_duration(incident.closed - incident.since)
        head = f"Data of the account comes again, after nothing new since {since}, for {lasted}."
        firing = series_of(incident.firing)
        lines = (f"{several(firing)} still in alert: what outlasts this is told.",) if firing else ()
        return IncidentText(head, lines, f"#{incident.number}", Tone.OVER)
    both = "all traffic stopped, or the CDN stopped publishing; open a site now"
    tone = tone_of(incident, context)
    if incident.facts.get("account_wide"):
        series = series_of(incident.firing)
        count = f"{several(series)} in alert" if series else "no domain in alert yet"
        head = f"The whole account is at 0 since {since}: {both}."
        return IncidentText(head, state, details_of(incident, context, count), tone)
    head = f"Nothing since {since}: {both}."
    return IncidentText(head, state, details_of(incident, context, "calls succeed but show nothing newer"), tone)


def _usually_silent(incident: Incident, context: Context, state: tuple[str, ...]) -> IncidentText:
    """The account carries nothing at an hour at which it usually carries nothing."""
    since = context.clock(incident.since)
    if incident.closed is not None:
        head = f"The hours in which the account is usually silent are over; it was silent from {since}."
        return IncidentText(head, (), f"#{incident.number}", Tone.OVER)
    head = f"No traffic on the whole account since {since}, as usual at this time."
    lines = ("If it lasts longer than usual, a critical alert follows.", *state)
    return IncidentText(head, lines, details_of(incident, context, "calls succeed"), tone_of(incident, context))


def _unseen(incident: Incident, context: Context, state: tuple[str, ...]) -> IncidentText:
    """The account never showed any traffic."""
    if incident.closed is not None:
        lasted = format_duration(incident.closed - incident.since)
        return IncidentText(
            f"The account shows traffic now, after {lasted} without any.", (), f"#{incident.number}", Tone.OVER
        )
    head = "The account shows no traffic at all: is this the right token?"
    details = details_of(incident, context, f"calls succeed but show nothing since {context.clock(incident.since)}")
    return IncidentText(head, state, details, tone_of(incident, context))


def feed(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    """The API gives no data, or none of some series."""
    since = context.clock(incident.opened)
    names = list(incident.facts.get("series", ()))
    if incident.closed is not None:
        head = "The CDN's API can be read again; what was missed is being judged."
        return IncidentText(head, (), f"open from {since}; #{incident.number}", Tone.OVER)
    small = f"told since {since}; #{incident.number}"
    state = tuple(state_lines(incident, context, markup))
    if incident.facts.get("cause"):
        cause = markup.text(incident.facts["cause"])
        head = f"The CDN's API gives no data: {cause}. No rule is judged until it does."
        return IncidentText(head, state, small, tone_of(incident, context))
    shown = listed(map(markup.name, names), MOST_LISTED)
    whom = "it" if len(names) == 1 else "them"
    which = several(names)
    head = f"{which[:1].upper()}{which[1:]} cannot be read, so no rule judges {whom}: {shown}."
    causes = tuple(markup.text(cause) for cause in incident.facts.get("causes", ()))
    alone = (_alone(series, name, markup) for series, name in dict(incident.facts.get("alone", {})).items())
    return IncidentText(head, (*alone, *causes, *state), small, tone_of(incident, context))


def _alone(series: str, name: str, markup: Markup) -> str:
    """That a sum is unknown for one of its members."""
    mend = "take it out of the group, or ask the CDN's support why"
    return f"{markup.name(series)} is unknown because {markup.name(name)} alone has been refused for a day: {mend}."


def vanished(incident: Incident, context: Context, markup: Markup) -> IncidentText:
    """Domains left the account."""
    names = ", ".join(markup.name(name) for name in list(incident.facts.get("series", ()))[:MOST_LISTED])
    if incident.closed is not None:
        return IncidentText(f"Back among the account's domains: {names}.", (), f"#{incident.number}", Tone.OVER)
    head = f"No longer among the account's domains, though it carried traffic within the last day: {names}."
    state = tuple(state_lines(incident, context, markup))
    return IncidentText(head, state, f"its alerts stay open; #{incident.number}", tone_of(incident, context))
