"""Lists of incidents in words: a line each, as one reads them who has just been woken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from alertbot.alerts.lifecycle import Reason
from alertbot.incidents.incident import (
    FEED_SEVERITY,
    AccountFall,
    FiredAlert,
    Incident,
    IncidentKind,
    cleared_at,
    series_of,
    worst_of_each,
)
from alertbot.messages.alert import names, several, subject
from alertbot.messages.blocks import Block, Message, code, context_block, escape, paragraphs
from alertbot.messages.feed_incident import was
from alertbot.messages.incident import tell
from alertbot.messages.incident_parts import Context, sentence
from alertbot.messages.slack import MARKUP
from alertbot.messages.suppressed import suppressed_words
from alertbot.query.incidents import Alerts, IncidentLine, Incidents, Unposted
from alertbot.query.scope import Scope
from alertbot.query.silent import SilentDomain
from alertbot.units import DAY, SLOT, format_between, format_clock, format_duration, format_rate
from alertbot.words import counted, listed

_MOST_UNPOSTED = 20
_MOST_SILENT = 20
_MOST_NAMED = 5


def alerts_message(alerts: Alerts, scope: Scope) -> Message:
    """What is open, what fires without being posted, and what ended."""
    words = _Words(scope)
    headline = _headline(alerts)
    blocks: list[Block] = [*paragraphs([headline, *map(words.line, alerts.open)])]
    if alerts.unposted:
        blocks += paragraphs(words.unposted(alerts.unposted))
    if alerts.ended:
        more = [f"and {alerts.ended_more:,} more: `incidents` lists them"] if alerts.ended_more else []
        blocks += paragraphs([f"Ended within {_span(alerts.span)}:", *map(words.line, alerts.ended), *more])
    if alerts.silent:
        blocks.append(context_block(silent_words(alerts.silent, scope.zone)))
    return Message(headline, tuple(blocks))


def silent_words(silent: Sequence[SilentDomain], zone: tzinfo) -> str:
    """Which domains carry nothing and usually do at this time, with when that is."""
    return (
        f"Silent as usual now: {listed((f'{code(each.domain)}{hours(each, zone)}' for each in silent), _MOST_SILENT)}."
    )


def hours(silent: SilentDomain, zone: tzinfo) -> str:
    """`` (22:00-06:00)``: when a domain is usually silent; nothing where it is all day."""
    if silent.begins is None or silent.ends is None:
        return ""
    begins, ends = (datetime.fromtimestamp(time, zone) for time in (silent.begins, silent.ends))
    return f" ({begins:%H:%M}-{ends:%H:%M})"


def incidents_message(incidents: Incidents, scope: Scope) -> Message:
    """What was open within a span, the oldest first."""
    words = _Words(scope)
    count = len(incidents.incidents) + incidents.more
    headline = f"{counted(count, 'incident') if count else 'No incidents'} within {_span(incidents.span)}."
    blocks: list[Block] = []
    if incidents.more:
        blocks.append(context_block(f"{incidents.more:,} older ones are left out"))
    return Message(headline, (*blocks, *paragraphs([headline, *map(words.line, incidents.incidents)])))


def _headline(alerts: Alerts) -> str:
    firing = f"{counted(alerts.alerts_firing, 'alert')} firing" if alerts.alerts_firing else ""
    opened = f"{counted(len(alerts.open), 'incident')} open" if alerts.open else ""
    return f"{', '.join(part for part in (opened, firing) if part) or 'No alerts'}."


def _span(seconds: int) -> str:
    return "a day" if seconds == DAY else format_duration(seconds)


def _was(incident: Incident) -> str | None:
    """What an incident that is over was about; ``None`` where only how it ended says it."""
    if incident.closed is None:
        return None
    if incident.kind in FEED_SEVERITY:
        return was(incident, MARKUP)
    alerts = worst_of_each(incident.alerts)
    if incident.kind is not IncidentKind.ALERT or any(each.reason != Reason.CLEARED for each in alerts):
        return None
    return _alerts_were(incident, alerts) if alerts else _account_was(incident.progress.wide)


def _account_was(wide: AccountFall | None) -> str | None:
    """What fell where all of it is in the incidents of other channels."""
    if wide is None or wide.over is None:
        return None
    return f"Account-wide: {wide.fell:,} of {counted(wide.carried, 'domain')} fell."


def _alerts_were(incident: Incident, alerts: Sequence[FiredAlert]) -> str:
    """``alerts``: the worst of each series."""
    often: dict[str, int] = {}
    for told in incident.alerts:
        series = told.alert.series
        often[series] = max(often.get(series, 1), len(incident.outages[told.number]))
    times = max(often.values()) if len(set(often.values())) == 1 else 1  # of several, only where all were as often
    again = f", {times} times" if times > 1 else ""
    dark = incident.falls and all(each.alert.worst == 0 for each in alerts)
    if len(alerts) == 1:
        worst = format_rate(alerts[0].alert.worst)
        how = "was dark" if dark else f"fell to {worst}" if incident.falls else f"rose to {worst}"
        return f"{subject(alerts[0].alert.series, MARKUP)} {how}{again}."
    how = "were dark" if dark else "fell" if incident.falls else "rose"
    which = names((each.alert.series for each in alerts), _MOST_NAMED, MARKUP)
    return f"{several(series_of(alerts))} {how}{again}: {which}."


@dataclass(frozen=True)
class _Words:
    """Puts lines in words for the readers of a scope."""

    scope: Scope

    def line(self, line: IncidentLine) -> str:
        """Number, severity, how long, whose word keeps it from paging, and what it is about."""
        about = _was(line.incident)
        what = tell(line.incident, self._context, MARKUP).headline if about is None else about
        facts = self._open(line) if line.closed is None else self._ended(line) if about is not None else ()
        return f"*#{line.number}* {', '.join((line.severity, *facts))}: {what}"

    def unposted(self, alerts: tuple[Unposted, ...]) -> list[str]:
        """What fires and is in no incident, with the reason."""
        more = len(alerts) - _MOST_UNPOSTED
        rest = [f"and {more:,} more"] if more > 0 else []
        return ["Firing, but not posted:", *map(self._unposted, alerts[:_MOST_UNPOSTED]), *rest]

    def _unposted(self, each: Unposted) -> str:
        rule = self.scope.watch.rules.get(each.alert.alert.rule)
        found = each.suppressed_by
        active = None if rule is None else rule.active
        why = "to be posted in a moment" if found is None else suppressed_words(found, active, self._clock)
        what = sentence(each.alert, self._context, MARKUP).removesuffix(".")
        return f"{each.alert.severity}, {escape(each.alert.alert.rule)}: {what} ({why})"

    def _open(self, line: IncidentLine) -> Iterator[str]:
        since = f"since {self._clock(line.since)}, " if line.kind is IncidentKind.VANISHED else ""
        yield f"{since}{format_duration(max(self.scope.now - line.since, 0))}"
        if line.incident.progress.parent is not None:
            return
        yield "not acknowledged" if line.acked_by is None else f"acknowledged by {escape(line.acked_by)}"
        if line.silenced_by is not None and line.silenced_until is not None:
            part = "in part " if line.silenced_in_part else ""
            yield f"{part}silenced by {escape(line.silenced_by)} until {self._clock(line.silenced_until)}"

    def _ended(self, line: IncidentLine) -> Iterator[str]:
        """From when to when it was."""
        alerts, wide = line.incident.alerts, line.incident.progress.wide
        if wide is not None and wide.over is not None and not alerts:
            yield self._from_to(wide.since, wide.over)
        elif line.kind is IncidentKind.ALERT:
            yield self._from_to(min(each.alert.since for each in alerts), max(map(cleared_at, alerts)))
        else:
            yield self._from_to(line.since, line.incident.facts.get("dark_until") or line.closed or line.since)

    def _from_to(self, begun: float, ended: float) -> str:
        """``Mon 2 Mar 22:05 to 22:50 (45m)``: a day that stays the same is said once."""
        first, last = self._clock(begun), self._clock(ended)
        if first.rpartition(" ")[0] == last.rpartition(" ")[0]:
            last = last.rpartition(" ")[2]
        return f"{first} to {last} ({format_between(begun, ended)})"

    def _clock(self, epoch: float) -> str:
        return format_clock(epoch, self.scope.zone, self.scope.now)

    @property
    def _context(self) -> Context:
        frontier = self.scope.live.frontier
        watch = self.scope.watch
        to = None if frontier is None else frontier + SLOT
        return Context(self.scope.now, to, len(watch.domains), frozenset(), watch.rules, self.scope.zone)
