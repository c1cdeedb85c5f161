"""What stands in an incident's thread, in words: every change of it, with who and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from alertbot.alerts.lifecycle import Reason
from alertbot.incidents.flapping import STAYS
from alertbot.incidents.incident import FiredAlert, Incident, IncidentKind, highest_severity, series_of, worst_of_each
from alertbot.incidents.notes import Note, NoteKind
from alertbot.messages.alert import Markup, names, several, within
from alertbot.messages.alert_list import all_alert_lines
from alertbot.messages.incident import ending, headline, tell
from alertbot.messages.incident_parts import Context, sentence
from alertbot.rules.base import Direction
from alertbot.units import SLOT, format_duration

_MOST_NAMED = 5


@dataclass(frozen=True)
class ThreadText:
    """One reply, marked up: a sentence, and lines under it, however many."""

    headline: str
    lines: tuple[str, ...] = ()


def say(note: Note, incident: Incident, context: Context, markup: Markup) -> ThreadText:
    """A note in words; ``incident`` as it stands now."""
    return _SAID[note.kind](_Matter(note, incident, context, markup))


@dataclass(frozen=True)
class _Matter:
    """What a note is about."""

    note: Note
    incident: Incident
    context: Context
    markup: Markup

    @property
    def meant(self) -> list[FiredAlert]:
        """The alerts it is about."""
        numbers = set(self.note.alerts)
        return [told for told in self.incident.alerts if told.number in numbers]

    @property
    def others(self) -> list[FiredAlert]:
        """The other alerts of the incident."""
        numbers = set(self.note.alerts)
        return [told for told in self.incident.alerts if told.number not in numbers]

    @property
    def alerts(self) -> list[FiredAlert]:
        """The alerts it is about, the worst of each series."""
        return worst_of_each(self.meant)

    @property
    def now(self) -> str:
        """What the incident is, in its own sentence."""
        if self.incident.kind is IncidentKind.ALERT:
            return headline(self.incident, self.context, self.markup)
        return tell(self.incident, self.context, self.markup).headline

    @property
    def by(self) -> str:
        """Who did it."""
        return self.markup.text(self.note.by)

    @property
    def until(self) -> str:
        """When it ends, as a part of a sentence."""
        return "" if self.note.until is None else f" until {self.context.clock(self.note.until)}"

    @property
    def because(self) -> str:
        """Why, as the end of a sentence."""
        return f": {self.markup.text(self.note.reason)}" if self.note.reason else ""

    def sentence(self, told: FiredAlert) -> str:
        """One alert."""
        return sentence(told, self.context, self.markup, self.incident.outages)

    def listed(self, head: str) -> ThreadText:
        """The alerts meant."""
        return ThreadText(head, self.lines(self.alerts))

    def lines(self, alerts: Sequence[FiredAlert]) -> tuple[str, ...]:
        """All of these, in as few lines as say it."""
        return tuple(all_alert_lines(alerts, self.context, self.markup, self.incident.outages))


def _again(matter: _Matter, end: str = "") -> ThreadText:
    """What is out again, in one sentence, and the other domains under it."""
    first, *rest = matter.alerts
    with_it = f"; {_several(rest)} with it" if rest else ""
    head = f"{matter.sentence(first).removesuffix('.')}{with_it}.{end}"
    return ThreadText(head, matter.lines(rest))


def _joined(matter: _Matter) -> ThreadText:
    """What is new, line by line; of what stands in the thread already, only that further rules say it too."""
    told_of = {told.alert.series for told in matter.others if told.noted == 1}
    fresh = [told for told in matter.alerts if told.alert.series not in told_of]
    also = _by_rule(
        matter,
        [told for told in matter.meant if told.alert.series in told_of],
        "The rule {rule} now fires for {who} too",
    )
    if not fresh:
        return ThreadText(" ".join(also))
    if len(fresh) == 1:
        if len(matter.incident.outages[fresh[0].number]) > 1:
            return ThreadText(matter.sentence(fresh[0]), also)
        again = any(told.alert.series == fresh[0].alert.series for told in matter.others)
        return ThreadText(f"{'Again' if again else 'One more'}: {matter.sentence(fresh[0])}", also)
    return ThreadText(f"{_several(fresh, ' more')}:", (*matter.lines(fresh), *also))


def _by_rule(matter: _Matter, alerts: Sequence[FiredAlert], words: str) -> tuple[str, ...]:
    """A sentence for each rule of these alerts."""
    by_rule: dict[str, list[FiredAlert]] = {}
    for told in alerts:
        by_rule.setdefault(told.alert.rule, []).append(told)
    return tuple(
        f"{words.format(who=_who(matter, each), rule=matter.markup.text(name))}."
        for name, each in sorted(by_rule.items())
    )


def _who(matter: _Matter, alerts: Sequence[FiredAlert]) -> str:
    return within(alerts[0].alert.series, matter.markup) if len(alerts) == 1 else _several(alerts)


def _several(alerts: Iterable[FiredAlert], more: str = "") -> str:
    return several(series_of(alerts), more)


def _grew(matter: _Matter) -> ThreadText:
    """That it got worse: how many are down now, or how bad the one is."""
    incident = matter.incident
    firing = worst_of_each(incident.firing)
    if incident.account_wide or not firing:
        return ThreadText(f"Worse: {matter.now}")
    if len(firing) == 1:
        return ThreadText(f"Now {highest_severity(incident.firing)}: {matter.now}")
    which = names((told.alert.series for told in firing), _MOST_NAMED, matter.markup)
    since = matter.context.clock(min(told.alert.since for told in firing))
    return ThreadText(f"Now {_several(firing)} {'down' if incident.falls else 'up'} since {since}: {which}.")


def _flaps(matter: _Matter) -> ThreadText:
    alerts = matter.alerts
    which = names((told.alert.series for told in alerts), _MOST_NAMED, matter.markup)
    times = max((told.fires for told in alerts), default=0)
    often = f"came and went {times} times within 6 hours"
    quiet = f"Further changes are collected here; what lasts {format_duration(STAYS)} is posted again"
    return ThreadText(f"Flapping: {which} {often}. {quiet}.")


def _steady(matter: _Matter) -> ThreadText:
    alerts = matter.alerts
    if len(alerts) == 1:
        return ThreadText(f"No longer flapping: {matter.sentence(alerts[0])}")
    return matter.listed(f"{_several(alerts)} no longer flapping:")


def _still(matter: _Matter) -> ThreadText:
    # What is firing is known to do so as far as the data reaches, and not for longer.
    firing = matter.incident.firing
    since = min((fired.alert.since for fired in firing), default=matter.incident.since)  # it may have been over before
    known = matter.context.data_to if firing else None
    until = matter.context.now if known is None else max(float(known), since + SLOT)
    lasting = format_duration(until - since)
    return ThreadText(f"Still {_state(matter)} after {lasting}, not acknowledged: {matter.now}")


def _state(matter: _Matter) -> str:
    """``dark`` where all that fires is at 0."""
    firing = matter.incident.firing
    dark = bool(firing) and all(told.alert.value == 0 and told.alert.direction is Direction.FALL for told in firing)
    return "dark" if dark else "firing" if firing else "open"


def _escalated(matter: _Matter) -> ThreadText:
    waited = format_duration(matter.context.now - (matter.incident.progress.unacked_since or matter.incident.opened))
    return ThreadText(f"Nobody has acknowledged this for {waited}: {matter.now}")


def _stopped(matter: _Matter) -> str:
    """Until when reminders are stopped, where there are any."""
    ends = f"{matter.until}, or until it resolves" if matter.until else " until it resolves"
    return f" Reminders stopped{ends} or gets worse." if matter.incident.reminds else ""


def _acked_ago(matter: _Matter) -> str:
    return format_duration(matter.context.now - (matter.incident.progress.acked_at or matter.context.now))


def _silence_over(matter: _Matter) -> ThreadText:
    ended = f"{matter.markup.text(matter.note.reason)} ended the silence"
    whose = "" if matter.note.reason == matter.note.by else f" by {matter.by}"
    over = f"{ended}{whose}" if matter.note.reason else f"The silence by {matter.by} is over"
    return ThreadText(f"{over}; still {_state(matter)}: {matter.now}")


def _ended(matter: _Matter) -> ThreadText:
    """What is well again; of what other rules still see, only that one of them no longer does.

    Of what is in alert again by the same rule it is only said that in between it was not.
    """
    left = series_of(matter.incident.firing)
    again = {told.key for told in matter.incident.firing}
    over = [told for told in matter.alerts if told.alert.series not in left]
    between = [told for told in matter.meant if told.key in again]
    partly = [told for told in matter.meant if told.alert.series in left and told.key not in again]
    over_there = "no longer fires for {who}; another still does"
    rest = (
        *_in_between(matter, between),
        *_by_rule(
            matter, [told for told in partly if told.reason != Reason.RULE_CHANGED], f"The rule {{rule}} {over_there}"
        ),
        *_by_rule(
            matter,
            [told for told in partly if told.reason == Reason.RULE_CHANGED],
            f"The rule {{rule}} was changed and {over_there}",
        ),
    )
    still = f"{several(left)} still in alert"
    if not over:
        return ThreadText(" ".join(rest))
    if len(over) == 1:
        return ThreadText(f"{matter.sentence(over[0]).removesuffix('.')}; {still}.", rest)
    return ThreadText(f"{_several(over)} no longer in alert, {still}:", (*matter.lines(over), *rest))


def _in_between(matter: _Matter, alerts: Sequence[FiredAlert]) -> tuple[str, ...]:
    was = "was" if len(series_of(alerts)) == 1 else "were"
    return (f"In between {_who(matter, worst_of_each(alerts))} {was} not in alert.",) if alerts else ()


def _resolved(matter: _Matter) -> ThreadText:
    """The end; that something is taken as normal is no resolution."""
    return ThreadText(ending(matter.incident, matter.context, matter.now))


def _survived(matter: _Matter) -> ThreadText:
    """That what it was a part of explains it no longer."""
    moved = matter.incident.progress.moved
    rises = not matter.incident.falls or (moved is not None and bool(moved.rose))
    before = "No longer explained by what fell" if rises else "The account as a whole is back, but not this"
    return ThreadText(f"{before}: {matter.now}")


def _inhibited(matter: _Matter) -> ThreadText:
    what = "about the whole account" if matter.incident.falls else "traffic that moved here from another domain"
    return ThreadText(f"Now part of #{matter.incident.progress.parent}, {what}: see there.")


_SAID: Mapping[NoteKind, Callable[[_Matter], ThreadText]] = MappingProxyType(
    {
        NoteKind.AGAIN: _again,
        NoteKind.REOPENED: lambda it: _again(it, f" #{it.incident.number} reopened."),
        NoteKind.JOINED: _joined,
        NoteKind.LISTED: lambda it: it.listed(f"All {_several(it.alerts)}:"),
        NoteKind.GREW: _grew,
        NoteKind.FLAPS: _flaps,
        NoteKind.STEADY: _steady,
        NoteKind.SURVIVED: _survived,
        NoteKind.STILL: _still,
        NoteKind.ESCALATED: _escalated,
        NoteKind.SILENCED: lambda it: ThreadText(f"Silenced{it.until} by {it.by}{it.because}."),
        NoteKind.SILENCE_OVER: _silence_over,
        NoteKind.MUTED: lambda it: ThreadText(f"Muted{it.until} by the configuration{it.because}."),
        NoteKind.MUTE_OVER: lambda it: ThreadText(f"Mute over; still {_state(it)}: {it.now}"),
        NoteKind.INHIBITED: _inhibited,
        NoteKind.ACKED: lambda it: ThreadText(f"Acknowledged by {it.by}{it.because}.{_stopped(it)}"),
        NoteKind.STILL_ON_IT: lambda it: ThreadText(f"{it.by} is still on it{it.because}.{_stopped(it)}"),
        NoteKind.ASKED: lambda it: ThreadText(
            f"Still {_state(it)}, acknowledged by {it.by} {_acked_ago(it)} ago: {it.now}"
        ),
        NoteKind.LAPSED: lambda it: ThreadText(
            f"Open again: {it.by} acknowledged this and has not answered since. {it.now}"
        ),
        NoteKind.NOTED: lambda it: ThreadText(f"{it.by}{it.because}"),
        NoteKind.UNACKED: lambda it: ThreadText(
            f"{it.by} handed this back: no longer acknowledged.{' Reminders go on.' if it.incident.reminds else ''}"
        ),
        NoteKind.ENDED: _ended,
        NoteKind.RESOLVED: _resolved,
    }
)
