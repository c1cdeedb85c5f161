"""What the messages of all incidents are made of: the reader's context, the tone, the small print, the lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import StrEnum
from types import MappingProxyType

from alertbot.alerts.lifecycle import AlertKey, Reason
from alertbot.incidents.incident import (
    FiredAlert,
    Incident,
    highest_severity,
    worst_of_each,
)
from alertbot.incidents.silences import StoredSilence
from alertbot.incidents.thread_notes import MOST_LISTED
from alertbot.messages.alert import Markup, alert_sentence, is_still_silent, within
from alertbot.rules.base import Rule
from alertbot.rules.selection import is_domain
from alertbot.units import format_clock, zone_name
from alertbot.words import at, counted, listed

NO_OUTAGES: Mapping[int, Sequence[int]] = MappingProxyType({})


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
    SILENT = "silent as usual"
    """Closed since nothing is usual at this time: that is none either."""

    @property
    def label(self) -> str:
        """How the small print calls it; nothing where other lines say why it is quiet."""
        return {Tone.QUIET: "", Tone.OVER: "resolved", Tone.ACCEPTED: "new normal"}.get(self, self.value)

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
    ``at_zero``: the domains that carry nothing now, and did before the incident began, whatever a rule's floor;
    ``floor``: that of the incident's rules in bit/s, where it says why those of them are not in alert.
    ``lost``: bytes by which the whole account carried less while it was dark, where that is known.
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
    floor: float | None = None
    lost: float | None = None

    def clock(self, epoch: float) -> str:
        """An instant in the reader's zone."""
        return format_clock(epoch, self.zone, self.now)


def state_lines(incident: Incident, context: Context, markup: Markup) -> Iterator[str]:
    """Who took it on, and what keeps it quiet."""
    progress = incident.progress
    if incident.closed is not None:
        return
    if progress.checking:
        shown = {told.alert.series for told in incident.alerts}
        listed_above = len(shown) > 1 and any(map(is_domain, shown))  # what is alone stands in no list
        rest = "the list above may grow" if listed_above else "the list follows here"
        yield f"Checking {counted(context.domains, 'domain')}; {rest}."
    yield from _without_data(incident, context, markup)
    if progress.acked_at is not None:
        note = f": {markup.text(progress.acked_note)}" if progress.acked_note else "."
        yield f"Acknowledged by {markup.text(progress.acked_by or '')} {at(context.clock(progress.acked_at))}{note}"
    heard = any(told.number not in context.suppressed for told in incident.firing)
    for number in progress.silences:
        if (silence := context.silences.get(number)) is not None:
            yield silenced(silence, context, markup, "Partly silenced" if heard else "Silenced")
    if progress.muted:
        yield "Muted by the configuration for now."
    if flapping := {told.alert.series for told in incident.alerts if told.key in context.flapping}:
        names = ", ".join(within(series, markup) for series in sorted(flapping)[:MOST_LISTED])
        yield f"Flapping: {names}. Posted again after 20m in alert, or once steady for an hour."


def _without_data(incident: Incident, context: Context, markup: Markup) -> Iterator[str]:
    """Which series are not known any more, while others are, and since when: their alerts stay as they are."""
    old = incident.without_data(context.data_to or 0)
    if old:
        names = listed((within(series, markup) for series in sorted(old)), MOST_LISTED)
        yield f"No data for {names} since {context.clock(min(old.values()))}."


def silenced(silence: StoredSilence, context: Context, markup: Markup, how: str) -> str:
    """By whom, until when, and why; ``how``: whether all of it is."""
    reason = f": {markup.text(silence.reason)}" if silence.reason else ""
    return f"{how} until {context.clock(silence.ends)} by {markup.text(silence.author)}{reason}."


def sentence(
    told: FiredAlert, context: Context, markup: Markup, outages: Mapping[int, Sequence[int]] = NO_OUTAGES
) -> str:
    """One alert in one sentence; ``outages``: those of its incident, by which it may not be the first."""
    rule, begun = context.rules.get(told.alert.rule), outages.get(told.number, ())
    return alert_sentence(rule, told.alert, told.reason, context.zone, context.now, markup, begun)


def details_of(incident: Incident, context: Context, *extra: str) -> str:
    """What to call the incident, how fresh the data is, and what else there is to know."""
    fresh = "" if context.data_to is None else f"data until {context.clock(context.data_to)}"
    return small_print(incident, context, tone_of(incident, context), fresh, *extra)


def small_print(incident: Incident, context: Context, tone: Tone, *parts: str) -> str:
    """``#412 critical - data until 12:10 - times in CET``: what is empty is left out."""
    name = f"#{incident.number} {tone.label}".rstrip()
    zone = f"times in {zone_name(context.zone, context.now)}"
    return " - ".join([name, *(part for part in parts if part), zone])


def silent_now(told: FiredAlert) -> bool:
    """Whether its alert ended since silence is usual at this time: that is no resolution."""
    return told.reason == Reason.CLEARED and is_still_silent(told.alert)


def tone_of(incident: Incident, context: Context) -> Tone:
    """How the message looks: by what fires, and by what people did about it."""
    progress = incident.progress
    if incident.closed is not None:
        shown = worst_of_each(incident.alerts)
        if any(map(silent_now, shown)):
            return Tone.SILENT
        accepted = any(told.reason == Reason.NEW_NORMAL for told in shown)
        return Tone.ACCEPTED if accepted else Tone.OVER
    if progress.acked_at is not None:
        return Tone.TAKEN
    if progress.parent is not None:
        return Tone.QUIET
    wide = None if progress.wide is None else progress.wide.severity
    heard = (told for told in incident.firing if not incident.explains(told))
    loud = highest_severity(told for told in heard if told.number not in context.suppressed)
    severity = incident.feed_severity or loud or wide
    return Tone.QUIET if severity is None else Tone(severity)  # what is held, flaps or is about to be over
