"""The digest in words: what yesterday was like, in a message that wakes nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo

from alertbot.incidents.incident import Incident, IncidentKind, cleared_at, series_of, worst_of_each
from alertbot.messages.blocks import Message, code, context_block, escape, section
from alertbot.query.digest import Digest, Volume, revised
from alertbot.rules.selection import SUM_PREFIX, TOTAL
from alertbot.units import format_clock, format_duration, format_rate, format_volume
from alertbot.words import counted, listed

_KNOWN = 0.995
"""The share of slots below which it is said that some are missing."""

_NAMED = 10


def digest_message(digest: Digest, zone: tzinfo) -> Message:
    """Total first, then who carried it, who moved, what burned, and whether the figures can be trusted."""
    headline = _headline(digest, zone)
    parts = [
        _listed("Most traffic", digest.top),
        _listed("Biggest moves", digest.movers),
        "\n".join(_incidents(digest, zone)),
    ]
    blocks = [section(part) for part in parts if part]
    return Message(headline, (section(headline), *blocks, context_block("\n".join(_feed(digest, zone)))))


def _headline(digest: Digest, zone: tzinfo) -> str:
    local = datetime.fromtimestamp(digest.start, zone)
    day = f"{local:%A}, {local.day} {local:%B}"
    if digest.total.now is None:
        return f"*{day}*: too little is known of that day to add it up."
    peak = ""
    if digest.peak is not None and digest.peak_slot is not None:
        peak = f", peak {format_rate(digest.peak)} at {format_clock(digest.peak_slot, zone, digest.end - 1)}"
    average = "" if digest.average is None else f"; {format_rate(digest.average)} on average{peak}"
    return f"*{day}*: {format_volume(digest.total.now)} in all{_against(digest.total)}{average}."


def _against(volume: Volume) -> str:
    if volume.change is None:
        return ""
    if abs(volume.change) < 0.005:
        return ", as much as the day before"
    return f", {_percent(abs(volume.change))} {'more' if volume.change > 0 else 'less'} than the day before"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share < 10 else f"{share:,.0f} times"


def _listed(title: str, volumes: tuple[Volume, ...]) -> str:
    if not volumes:
        return ""
    lines = [f"{code(each.series)} {format_volume(each.now or 0.0)}{_moved(each)}" for each in volumes]
    return "\n".join([f"*{title}*", *lines])


def _moved(volume: Volume) -> str:
    if volume.change is None:
        return "" if volume.before is None else " (nothing the day before)"
    return f" ({volume.change:+z.0%})"


def _incidents(digest: Digest, zone: tzinfo) -> Iterator[str]:
    count = len(digest.incidents) + digest.more
    if not count:
        yield "*No incidents*"
        return
    extra = []
    if digest.flapped:
        extra.append(f"{counted(digest.flapped, 'alert')} flapped")
    if again := revised(digest):
        extra.append(f"{counted(again, 'alert')} taken back, since figures were revised")
    yield f"*{counted(count, 'incident')}*{''.join(f'; {each}' for each in extra)}"
    for incident in digest.incidents:
        yield _incident(incident, zone)
    if digest.more:
        yield f"and {digest.more:,} more"


def _incident(incident: Incident, zone: tzinfo) -> str:
    worst = worst_of_each(incident.alerts)
    others = len(series_of(incident.alerts)) - 1
    name = _subject(worst[0].alert.series) if worst else "the whole account"
    more = f" and {others:,} more" if others > 0 else ""
    rule = f" ({escape(worst[0].alert.rule)})" if worst else ""
    since = format_clock(incident.since, zone, incident.since)
    ended = max(map(cleared_at, incident.alerts), default=incident.closed or incident.since)
    lasting = "still open" if incident.closed is None else format_duration(ended - incident.since)
    return f"#{incident.number} {name}{more}{rule}, from {since}, {lasting}"


def _subject(series: str) -> str:
    if series == TOTAL:
        return "the whole account"
    return f"the group {code(series.removeprefix(SUM_PREFIX))}" if series.startswith(SUM_PREFIX) else code(series)


def _feed(digest: Digest, zone: tzinfo) -> Iterator[str]:
    if digest.known < _KNOWN:
        yield f"{digest.known:.1%} of the day's 5-minute values are known; volumes are scaled from these"
    what = {IncidentKind.DARK: "nothing new was published", IncidentKind.FEED: "data could not be read"}
    for incident in digest.feed:
        since = format_clock(incident.since, zone, incident.since)
        lasting = "" if incident.closed is None else f" for {format_duration(incident.closed - incident.since)}"
        yield f"{what.get(incident.kind, 'a domain left the account')} from {since}{lasting} (#{incident.number})"
    for incident in digest.gone:
        names = listed(map(code, incident.facts.get("series", ())), _NAMED)
        yield f"not back among the account's domains: {names} (#{incident.number})"
    if not digest.feed and digest.known >= _KNOWN:
        yield "the feed was complete"
