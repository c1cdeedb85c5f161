"""What stands in an incident's thread, in words: every change of it, with who and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from alertbot.alerts.flapping import STAYS
from alertbot.alerts.incidents import Incident, IncidentKind, ToldAlert, series_of
from alertbot.alerts.paging import Note, NoteKind
from alertbot.alerts.telling import Setting, headline, sentence, tell, worst_of_each
from alertbot.alerts.wording import Markup, subject
from alertbot.units import counted, format_duration

_MOST_NAMED = 5


@dataclass(frozen=True)
class Said:
    """One reply, marked up: a sentence, and lines under it, however many."""

    headline: str
    lines: tuple[str, ...] = ()


def say(note: Note, incident: Incident, setting: Setting, markup: Markup) -> Said:
    """A note in words; ``incident`` as it stands now."""
    return _SAID[note.kind](_Matter(note, incident, setting, markup))


@dataclass(frozen=True)
class _Matter:
    """What a note is about."""

    note: Note
    incident: Incident
    setting: Setting
    markup: Markup

    @property
    def alerts(self) -> list[ToldAlert]:
        """The alerts meant, the worst of each series."""
        numbers = set(self.note.alerts)
        return worst_of_each([told for told in self.incident.alerts if told.number in numbers])

    @property
    def now(self) -> str:
        """What the incident is, in its own sentence."""
        if self.incident.kind is IncidentKind.ALERT:
            return headline(self.incident, self.setting, self.markup)
        return tell(self.incident, self.setting, self.markup).headline

    @property
    def by(self) -> str:
        """Who did it."""
        return self.markup.text(self.note.by)

    @property
    def until(self) -> str:
        """When it ends, as a part of a sentence."""
        return "" if self.note.until is None else f" until {self.setting.clock(self.note.until)}"

    @property
    def because(self) -> str:
        """Why, as the end of a sentence."""
        return f": {self.markup.text(self.note.reason)}" if self.note.reason else ""

    def sentence(self, told: ToldAlert) -> str:
        """One alert."""
        return sentence(told, self.setting, self.markup)

    def listed(self, head: str) -> Said:
        """The alerts meant, a line each."""
        return Said(head, tuple(self.sentence(told) for told in self.alerts))


def _several(count: int) -> str:
    return counted(count, "series", "series")


def _joined(matter: _Matter) -> Said:
    alerts = matter.alerts
    return (
        Said(f"One more: {matter.sentence(alerts[0])}") if len(alerts) == 1 else matter.listed(f"{len(alerts):,} more:")
    )


def _grew(matter: _Matter) -> Said:
    count = len(series_of(matter.incident.burning))
    return Said(f"It grew{f' to {_several(count)}' if count > 1 else ''}: {matter.now}")


def _flaps(matter: _Matter) -> Said:
    alerts = matter.alerts
    names = ", ".join(subject(told.alert.series, matter.markup) for told in alerts[:_MOST_NAMED])
    more = f" and {len(alerts) - _MOST_NAMED:,} more" if len(alerts) > _MOST_NAMED else ""
    times = max((told.fires for told in alerts), default=0)
    often = f"{'comes and goes' if len(alerts) == 1 else 'come and go'}, {times} times within 6 hours"
    quiet = f"nothing more is said until it stays for {format_duration(STAYS)}, or is steady for an hour"
    return Said(f"Flapping: {names}{more} {often}; {quiet}.")


def _steady(matter: _Matter) -> Said:
    alerts = matter.alerts
    if len(alerts) == 1:
        return Said(f"It flapped, and now stays so: {matter.sentence(alerts[0])}")
    return matter.listed(f"{_several(len(alerts))} flapped, and now stay so:")


def _still(matter: _Matter) -> Said:
    lasting = format_duration(matter.setting.now - matter.incident.opened)
    return Said(f"Still so, {lasting} after it was told: {matter.now}")


def _escalated(matter: _Matter) -> Said:
    waited = format_duration(matter.setting.now - (matter.incident.standing.untaken or matter.incident.opened))
    return Said(f"Nobody has acknowledged this for {waited}: {matter.now}")


def _silence_over(matter: _Matter) -> Said:
    ended = f"was ended by {matter.markup.text(matter.note.reason)}" if matter.note.reason else "is over"
    return Said(f"The silence by {matter.by} {ended}, and it burns: {matter.now}")


def _ended(matter: _Matter) -> Said:
    alerts = matter.alerts
    burning = f"{_several(len(series_of(matter.incident.burning)))} still in alert"
    if len(alerts) == 1:
        return Said(f"{matter.sentence(alerts[0])} ({burning})")
    return matter.listed(f"{_several(len(alerts))} no longer in alert, {burning}:")


_SAID: Mapping[NoteKind, Callable[[_Matter], Said]] = MappingProxyType(
    {
        NoteKind.JOINED: _joined,
        NoteKind.LISTED: lambda it: it.listed(f"All {_several(len(it.alerts))}:"),
        NoteKind.GREW: _grew,
        NoteKind.FLAPS: _flaps,
        NoteKind.STEADY: _steady,
        NoteKind.SURVIVED: lambda it: Said(f"The account as a whole is back, but not this: {it.now}"),
        NoteKind.STILL: _still,
        NoteKind.ESCALATED: _escalated,
        NoteKind.SILENCED: lambda it: Said(f"Silenced{it.until} by {it.by}{it.because}."),
        NoteKind.SILENCE_OVER: _silence_over,
        NoteKind.MUTED: lambda it: Said(f"Muted{it.until} by the configuration{it.because}."),
        NoteKind.MUTE_OVER: lambda it: Said(f"The mute is over, and it burns: {it.now}"),
        NoteKind.INHIBITED: lambda it: Said(
            f"Now a part of #{it.incident.standing.parent}, which is of the whole account: see there."
        ),
        NoteKind.ACKED: lambda it: Said(f"Acknowledged by {it.by}: no reminders until it is over, unless it grows."),
        NoteKind.ENDED: _ended,
        NoteKind.RESOLVED: lambda it: Said(f"Resolved: {it.now}"),
    }
)
