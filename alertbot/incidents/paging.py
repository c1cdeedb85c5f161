"""Paging: what an incident owes its readers at a moment, as notes for its thread, and what they then know.

Each stage looks at one reason to say something, and takes the standing as the stages before it left it. A note that
*pages* is shown in the channel and mentions somebody; all others wake nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from alertbot.incidents.account import is_over
from alertbot.incidents.flapping import stays
from alertbot.incidents.holding import Holding
from alertbot.incidents.incident import LOUDNESS, Incident, IncidentKind, Standing, ToldAlert, loudest, series_of
from alertbot.incidents.routing import is_channel
from alertbot.rules.base import Severity

REPEAT = {Severity.CRITICAL.value: 1800, Severity.WARNING.value: 4 * 3600}
"""Seconds after which an incident about the feed itself, which has no rule, is told again."""

FEED_SEVERITY = {
    IncidentKind.DARK: Severity.CRITICAL.value,
    IncidentKind.FEED: Severity.WARNING.value,
    IncidentKind.VANISHED: Severity.WARNING.value,
}

MOST_LISTED = 20
"""Series that a message lists; where there are more, all of them stand in its thread."""


class NoteKind(StrEnum):
    """What a note in the thread says."""

    JOINED = "joined"
    LISTED = "listed"
    GREW = "grew"
    FLAPS = "flaps"
    STEADY = "steady"
    SURVIVED = "survived"
    STILL = "still"
    ESCALATED = "escalated"
    SILENCED = "silenced"
    SILENCE_OVER = "silence over"
    MUTED = "muted"
    MUTE_OVER = "mute over"
    INHIBITED = "inhibited"
    ACKED = "acked"
    ENDED = "ended"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Note:
    """Something to be said in an incident's thread. ``alerts``: the rows of those it is about.

    ``by``, ``until`` (epoch seconds) and ``reason``: of a silence, a mute or an ack. ``mentions``: whom to wake beside
    those of the severity; ``copies``: the channels among them that have no message of the incident yet.
    """

    kind: NoteKind
    page: bool = False
    alerts: tuple[int, ...] = ()
    by: str = ""
    until: float | None = None
    reason: str = ""
    mentions: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """An incident as it stands now: its alerts as they are, its standing as its readers know it.

    ``fresh``: the rows that have just come in. ``loud``: what burns and is held by nothing. ``new_flaps``: the keys
    that begin to flap. ``settled``: whether all series of a slot were judged, so that it can be said how much it is.
    ``changed``: notes from what people did just now. ``has_parts``: whether other incidents that burn are parts of it;
    ``parts_held``: whether all that burns in these is held by something.
    """

    incident: Incident
    holding: Holding
    settled: bool
    fresh: frozenset[int] = frozenset()
    new_flaps: frozenset[tuple[str, str]] = frozenset()
    changed: tuple[Note, ...] = ()
    has_parts: bool = False
    parts_held: bool = False
    loud: tuple[ToldAlert, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        loud = tuple(told for told in self.incident.burning if self.holding.quiet(told) is None)
        object.__setattr__(self, "loud", loud)

    @property
    def opens(self) -> bool:
        """Whether it is about to be opened."""
        return self.incident.number < 0

    @property
    def severity(self) -> str | None:
        """How loud it is."""
        wide = self.incident.standing.wide
        of_account = None if wide is None else wide.severity
        return FEED_SEVERITY.get(self.incident.kind) or loudest(self.loud) or of_account

    @property
    def tells(self) -> bool:
        """Whether there is anything to wake people for."""
        incident, wide = self.incident, self.incident.standing.wide
        of_account = wide is not None and wide.over is None and not incident.alerts and not self.parts_held
        return bool(self.loud) or incident.kind in FEED_SEVERITY or of_account


@dataclass(frozen=True)
class Owed:
    """What is to be said, and what the readers know then. ``closed``: it is over."""

    notes: tuple[Note, ...]
    standing: Standing
    closed: bool
    noted: Mapping[int, int]


Stage = Callable[[Case, Standing], tuple[Standing, Iterable[Note]]]


def owed(case: Case) -> Owed:
    """Everything an incident owes its readers now."""
    standing, notes = case.incident.standing, list(case.changed)
    for stage in _stages(case):
        standing, said = stage(case, standing)
        notes += said
    closed = case.incident.kind is IncidentKind.PASSED or (case.settled and _is_over(case))
    if closed and not case.opens and case.incident.kind is not IncidentKind.PASSED:
        notes.append(Note(NoteKind.RESOLVED))
    return Owed(tuple(_one_page(notes)), standing, closed, _noted(case))


def _stages(case: Case) -> Sequence[Stage]:
    """In the order in which it reads best: what happened, then what is done about it, then who is woken."""
    kind = case.incident.kind
    if kind is IncidentKind.PASSED:
        return (_list_in_full,)
    if kind in FEED_SEVERITY:
        return (_remind,) if case.settled else ()
    if case.opens:
        return (_open, _hush)
    if kind is IncidentKind.SUMMARY:
        return (_hush, _tell_changes) if case.settled else (_hush,)
    if not case.settled:
        return (_flap, _hush)
    return (_flap, _outlive, _grow, _hush, _tell_changes, _remind, _escalate)


def _is_over(case: Case) -> bool:
    incident, holding = case.incident, case.holding
    if incident.kind in FEED_SEVERITY or incident.burning:
        return False
    wide = incident.standing.wide
    if wide is not None and not is_over(wide, holding.frontier) and (wide.over is None or case.has_parts):
        return False  # what is a part of it would else seem to outlive it
    return not any(told.key in holding.flapping or told.key in case.new_flaps for told in incident.alerts)


def _open(case: Case, standing: Standing) -> tuple[Standing, Iterable[Note]]:
    """The message itself is what wakes people, unless it is a part of something that did."""
    standing = replace(standing, untaken=case.holding.now)
    return (standing if standing.parent is not None else _paged(case, standing)), ()


def _paged(case: Case, standing: Standing) -> Standing:
    """What the readers know once they were woken with what burns now."""
    return replace(
        standing,
        paged_at=case.holding.now,
        paged_slot=_newest(case),
        paged_severity=case.severity,
        paged_series=max(standing.paged_series, len(series_of(case.loud))),
        paged_wide=standing.paged_wide or standing.wide is not None,
    )


def _newest(case: Case) -> int:
    return max((told.alert.slot for told in case.incident.alerts), default=case.holding.frontier)


def _rearmed(case: Case, standing: Standing) -> Standing:
    """Nobody has taken on what it is now."""
    return replace(_paged(case, standing), acked_at=None, acked_by=None, untaken=case.holding.now, escalated=())


def _may_page(case: Case, standing: Standing) -> bool:
    return standing.parent is None and case.tells


def _flap(case: Case, standing: Standing) -> tuple[Standing, Iterable[Note]]:
    """What begins to flap is told once, then only what stays."""
    flaps = tuple(t.number for t in case.loud if t.number in case.fresh and t.key in case.new_flaps)
    stay = tuple(
        told.number
        for told in case.loud
        if told.key in case.holding.flapping and stays(told) and told.number not in standing.steady
    )
    if standing.parent is not None:
        return standing, ()
    notes = [Note(kind, page=True, alerts=which) for kind, which in ((NoteKind.FLAPS, flaps), (NoteKind.STEADY, stay))]
    notes = [note for note in notes if note.alerts]
    if not notes:
        return standing, ()
    return replace(_rearmed(case, standing), steady=(*standing.steady, *stay)), notes


def _outlive(case: Case, standing: Standing) -> tuple[Standing, Iterable[Note]]:
    """What still burns when the account as a whole is well again is told for itself."""
    wide = standing.wide
    if wide is None or not is_over(wide, case.holding.frontier):
        return standing, ()
    # Where all of it is held just now, it is told once it is no longer.
    standing = replace(standing, wide=None, paged_wide=False, paged_at=None, paged_severity=None, paged_series=0)
    return _survive(case, standing)


def _survive(case: Case, standing: Standing) -> tuple[Standing, Iterable[Note]]:
    if not _may_page(case, standing):
        return standing, ()
    return _rearmed(case, standing), (_page(NoteKind.SURVIVED, case),)


def _page(kind: NoteKind, case: Case) -> Note:
    return Note(kind, page=True, alerts=tuple(told.number for told in case.loud))


def _grow(case: Case, standing: Standing) -> tuple[Standing, Iterable[Note]]:
    """More than people were woken with: louder, twice as many, or the whole account."""
    if not _may_page(case, standing):
        return standing, ()
    if standing.paged_at is None:  # it was a part of something, or held, until now
        return _survive(case, standing)
    louder = LOUDNESS[case.severity or Severity.INFO] > LOUDNESS[standing.paged_severity or Severity.INFO]
    wide = standing.wide is not None
    doubled = not wide and len(series_of(case.loud)) >= max(2 * standing.paged_series, 1)
    wider = wide and not standing.paged_wide
    if not (louder or doubled or wider or _breaks_a_silence(case)):
        return standing, ()
    return _rearmed(case, standing), (_page(NoteKind.GREW, case),)


def _breaks_a_silence(case: Case) -> bool:
    """Whether what burns is all new, in an incident of which nobody expected more: the rest flaps, or is held."""
    known = any(told.noted for told in case.incident.alerts)
    return known and all(not told.noted for told in case.loud)


def _hush(case: Case, standing: Standing) -> tuple[Standing, Iterable[Note]]:
    """Silences and mutes that begin or end over what burns."""
    holding, burning = case.holding, case.incident.burning
    now = {each.number: each for told in burning if (each := holding.silence(told)) is not None}
    mute = next((found for told in burning if (found := holding.mute(told)) is not None), None)
    begun = [
        Note(NoteKind.SILENCED, by=each.author, until=each.ends, reason=each.reason)
        for number, each in sorted(now.items())
        if number not in standing.silences
    ]
    if mute is not None and not standing.muted:
        begun.append(Note(NoteKind.MUTED, until=mute.until(holding.frontier), reason=mute.reason))
    over = [*_ended_silences(holding, [number for number in standing.silences if number not in now])]
    if mute is None and standing.muted:
        over.append(Note(NoteKind.MUTE_OVER))
    standing = replace(standing, silences=tuple(sorted(now)), muted=mute is not None)
    return standing, (*begun, *(over if burning else ()))


def _ended_silences(holding: Holding, numbers: Sequence[int]) -> Iterator[Note]:
    for each in holding.silences:
        if each.number in numbers and not each.in_force(holding.now):
            yield Note(NoteKind.SILENCE_OVER, by=each.author, until=each.ends, reason=each.cancelled_by or "")


def _tell_changes(case: Case, standing: Standing) -> tuple[Standing, Iterable[Note]]:
    """Who joined and who is well again, since the thread last said so; what flaps is left out."""
    alerts = case.incident.alerts
    flapping = case.holding.flapping
    joined = tuple(told.number for told in alerts if not told.noted and told.key not in flapping)
    ended = tuple(t.number for t in alerts if t.resolved is not None and t.noted < 2 and t.key not in flapping)
    notes = []
    if not any(told.noted for told in alerts):  # it was opened just now: the message lists them, if it can
        notes += [Note(NoteKind.LISTED, alerts=joined)] if len(series_of(alerts)) > MOST_LISTED else []
    elif joined:
        notes.append(Note(NoteKind.JOINED, alerts=joined))
    if ended and case.incident.burning:
        notes.append(Note(NoteKind.ENDED, alerts=ended))
    return standing, notes


def _list_in_full(case: Case, standing: Standing) -> tuple[Standing, Iterable[Note]]:
    """What came and went, where that is more than the message lists."""
    alerts = case.incident.alerts
    before = {told.alert.series for told in alerts if told.number not in case.fresh}
    if len(series_of(alerts)) <= MOST_LISTED:
        return standing, ()
    listed = len(before) > MOST_LISTED
    which = sorted(case.fresh) if listed else [told.number for told in alerts]
    return standing, (Note(NoteKind.JOINED if listed else NoteKind.LISTED, alerts=tuple(which)),)


def _noted(case: Case) -> Mapping[int, int]:
    """What the thread knows of each alert from now on, where that changes."""
    if not case.settled or case.opens:
        return {}
    known = {told.number: 1 if told.resolved is None else 2 for told in case.incident.alerts}
    return {told.number: known[told.number] for told in case.incident.alerts if told.noted != known[told.number]}


def _remind(case: Case, standing: Standing) -> tuple[Standing, Iterable[Note]]:
    """It still burns, nobody took it on, and the last page is long ago."""
    if not _may_page(case, standing) or standing.acked_at is not None:
        return standing, ()
    if standing.paged_at is None:
        return _paged(case, standing), ()
    every = _repeat(case)
    news = case.incident.kind in FEED_SEVERITY or _newest(case) > (standing.paged_slot or 0)
    if every is None or not news or case.holding.now - standing.paged_at < every:
        return standing, ()
    return _paged(case, standing), (_page(NoteKind.STILL, case),)


def _repeat(case: Case) -> int | None:
    """The shortest time after which one of the rules wants to be told again; ``None``: none of them."""
    if not case.loud:  # about the feed itself, or the account as a whole
        return REPEAT.get(case.severity or "")
    rules = (case.holding.rules.get(told.alert.rule) for told in case.loud)
    return min((rule.repeat for rule in rules if rule is not None and rule.repeat is not None), default=None)


def _escalate(case: Case, standing: Standing) -> tuple[Standing, Iterable[Note]]:
    """Nobody took it on for so long that others are told."""
    if not _may_page(case, standing) or standing.acked_at is not None or standing.untaken is None:
        return standing, ()
    waited = case.holding.now - standing.untaken
    rules = [case.holding.rules[name] for name in sorted({t.alert.rule for t in case.loud} & case.holding.rules.keys())]
    due = [rule for rule in rules if rule.escalate_after is not None and waited >= rule.escalate_after]
    fresh = [to for to in dict.fromkeys(t for rule in due for t in rule.escalate_to) if to not in standing.escalated]
    if not fresh:
        return standing, ()
    told_in = (case.incident.channel, *standing.copies)
    copies = tuple(to for to in fresh if is_channel(to) and to not in told_in)
    note = replace(_page(NoteKind.ESCALATED, case), mentions=tuple(fresh), copies=copies)
    told = replace(standing, escalated=(*standing.escalated, *fresh), copies=(*standing.copies, *copies))
    return _paged(case, told), (note,)


def _one_page(notes: Sequence[Note]) -> Iterator[Note]:
    """Nobody is woken twice by what is said at once: only the first page stays one, an escalation aside."""
    paged = False
    for note in notes:
        if note.page and paged and note.kind is not NoteKind.ESCALATED:
            continue
        paged = paged or note.page
        yield note
