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
from alertbot.incidents.incident import (
    SEVERITY_RANK,
    FiredAlert,
    Incident,
    IncidentKind,
    Progress,
    highest_severity,
    series_of,
)
from alertbot.incidents.routing import is_channel
from alertbot.incidents.suppression import Suppression
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
class Situation:
    """An incident as it stands now: its alerts as they are, its standing as its readers know it.

    ``fresh``: the rows that have just come in. ``pageable``: what burns and is held by nothing. ``new_flaps``: the keys
    that begin to flap. ``settled``: whether all series of a slot were judged, so that it can be said how much it is.
    ``changed``: notes from what people did just now. ``has_parts``: whether other incidents that burn are parts of it;
    ``parts_held``: whether all that burns in these is held by something.
    """

    incident: Incident
    suppression: Suppression
    settled: bool
    fresh: frozenset[int] = frozenset()
    new_flaps: frozenset[tuple[str, str]] = frozenset()
    changed: tuple[Note, ...] = ()
    has_parts: bool = False
    parts_held: bool = False
    pageable: tuple[FiredAlert, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        pageable = tuple(told for told in self.incident.firing if self.suppression.page_suppressed(told) is None)
        object.__setattr__(self, "pageable", pageable)

    @property
    def opens(self) -> bool:
        """Whether it is about to be opened."""
        return self.incident.number < 0

    @property
    def severity(self) -> str | None:
        """How loud it is."""
        wide = self.incident.progress.wide
        of_account = None if wide is None else wide.severity
        return FEED_SEVERITY.get(self.incident.kind) or highest_severity(self.pageable) or of_account

    @property
    def tells(self) -> bool:
        """Whether there is anything to wake people for."""
        incident, wide = self.incident, self.incident.progress.wide
        of_account = wide is not None and wide.over is None and not incident.alerts and not self.parts_held
        return bool(self.pageable) or incident.kind in FEED_SEVERITY or of_account


@dataclass(frozen=True)
class Due:
    """What is to be said, and what the readers know then. ``closed``: it is over."""

    notes: tuple[Note, ...]
    progress: Progress
    closed: bool
    noted: Mapping[int, int]


Stage = Callable[[Situation, Progress], tuple[Progress, Iterable[Note]]]


def due(situation: Situation) -> Due:
    """Everything an incident owes its readers now."""
    progress, notes = situation.incident.progress, list(situation.changed)
    for stage in _stages(situation):
        progress, said = stage(situation, progress)
        notes += said
    closed = situation.incident.kind is IncidentKind.PASSED or (situation.settled and _is_over(situation))
    if closed and not situation.opens and situation.incident.kind is not IncidentKind.PASSED:
        notes.append(Note(NoteKind.RESOLVED))
    return Due(tuple(_one_page(notes)), progress, closed, _noted(situation))


def _stages(situation: Situation) -> Sequence[Stage]:
    """In the order in which it reads best: what happened, then what is done about it, then who is woken."""
    kind = situation.incident.kind
    if kind is IncidentKind.PASSED:
        return (_list_in_full,)
    if kind in FEED_SEVERITY:
        return (_remind,) if situation.settled else ()
    if situation.opens:
        return (_open, _hush)
    if kind is IncidentKind.SUMMARY:
        return (_hush, _tell_changes) if situation.settled else (_hush,)
    if not situation.settled:
        return (_flap, _hush)
    return (_flap, _outlive, _grow, _hush, _tell_changes, _remind, _escalate)


def _is_over(situation: Situation) -> bool:
    incident, suppression = situation.incident, situation.suppression
    if incident.kind in FEED_SEVERITY or incident.firing:
        return False
    wide = incident.progress.wide
    if wide is not None and not is_over(wide, suppression.frontier) and (wide.over is None or situation.has_parts):
        return False  # what is a part of it would else seem to outlive it
    return not any(told.key in suppression.flapping or told.key in situation.new_flaps for told in incident.alerts)


def _open(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """The message itself is what wakes people, unless it is a part of something that did."""
    progress = replace(progress, untaken=situation.suppression.now)
    return (progress if progress.parent is not None else _paged(situation, progress)), ()


def _paged(situation: Situation, progress: Progress) -> Progress:
    """What the readers know once they were woken with what burns now."""
    return replace(
        progress,
        paged_at=situation.suppression.now,
        paged_slot=_newest(situation),
        paged_severity=situation.severity,
        paged_series=max(progress.paged_series, len(series_of(situation.pageable))),
        paged_wide=progress.paged_wide or progress.wide is not None,
    )


def _newest(situation: Situation) -> int:
    return max((told.alert.slot for told in situation.incident.alerts), default=situation.suppression.frontier)


def _rearmed(situation: Situation, progress: Progress) -> Progress:
    """Nobody has taken on what it is now."""
    return replace(
        _paged(situation, progress), acked_at=None, acked_by=None, untaken=situation.suppression.now, escalated=()
    )


def _may_page(situation: Situation, progress: Progress) -> bool:
    return progress.parent is None and situation.tells


def _flap(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """What begins to flap is told once, then only what stays."""
    flaps = tuple(t.number for t in situation.pageable if t.number in situation.fresh and t.key in situation.new_flaps)
    stay = tuple(
        told.number
        for told in situation.pageable
        if told.key in situation.suppression.flapping and stays(told) and told.number not in progress.steady
    )
    if progress.parent is not None:
        return progress, ()
    notes = [Note(kind, page=True, alerts=which) for kind, which in ((NoteKind.FLAPS, flaps), (NoteKind.STEADY, stay))]
    notes = [note for note in notes if note.alerts]
    if not notes:
        return progress, ()
    return replace(_rearmed(situation, progress), steady=(*progress.steady, *stay)), notes


def _outlive(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """What still burns when the account as a whole is well again is told for itself."""
    wide = progress.wide
    if wide is None or not is_over(wide, situation.suppression.frontier):
        return progress, ()
    # Where all of it is held just now, it is told once it is no longer.
    progress = replace(progress, wide=None, paged_wide=False, paged_at=None, paged_severity=None, paged_series=0)
    return _survive(situation, progress)


def _survive(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    if not _may_page(situation, progress):
        return progress, ()
    return _rearmed(situation, progress), (_page(NoteKind.SURVIVED, situation),)


def _page(kind: NoteKind, situation: Situation) -> Note:
    return Note(kind, page=True, alerts=tuple(told.number for told in situation.pageable))


def _grow(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """More than people were woken with: louder, twice as many, or the whole account."""
    if not _may_page(situation, progress):
        return progress, ()
    if progress.paged_at is None:  # it was a part of something, or held, until now
        return _survive(situation, progress)
    louder = (
        SEVERITY_RANK[situation.severity or Severity.INFO] > SEVERITY_RANK[progress.paged_severity or Severity.INFO]
    )
    wide = progress.wide is not None
    doubled = not wide and len(series_of(situation.pageable)) >= max(2 * progress.paged_series, 1)
    wider = wide and not progress.paged_wide
    if not (louder or doubled or wider or _breaks_a_silence(situation)):
        return progress, ()
    return _rearmed(situation, progress), (_page(NoteKind.GREW, situation),)


def _breaks_a_silence(situation: Situation) -> bool:
    """Whether what burns is all new, in an incident of which nobody expected more: the rest flaps, or is held."""
    known = any(told.noted for told in situation.incident.alerts)
    return known and all(not told.noted for told in situation.pageable)


def _hush(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """Silences and mutes that begin or end over what burns."""
    suppression, firing = situation.suppression, situation.incident.firing
    now = {each.number: each for told in firing if (each := suppression.silence(told)) is not None}
    mute = next((found for told in firing if (found := suppression.mute(told)) is not None), None)
    begun = [
        Note(NoteKind.SILENCED, by=each.author, until=each.ends, reason=each.reason)
        for number, each in sorted(now.items())
        if number not in progress.silences
    ]
    if mute is not None and not progress.muted:
        begun.append(Note(NoteKind.MUTED, until=mute.until(suppression.frontier), reason=mute.reason))
    over = [*_ended_silences(suppression, [number for number in progress.silences if number not in now])]
    if mute is None and progress.muted:
        over.append(Note(NoteKind.MUTE_OVER))
    progress = replace(progress, silences=tuple(sorted(now)), muted=mute is not None)
    return progress, (*begun, *(over if firing else ()))


def _ended_silences(suppression: Suppression, numbers: Sequence[int]) -> Iterator[Note]:
    for each in suppression.silences:
        if each.number in numbers and not each.in_force(suppression.now):
            yield Note(NoteKind.SILENCE_OVER, by=each.author, until=each.ends, reason=each.cancelled_by or "")


def _tell_changes(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """Who joined and who is well again, since the thread last said so; what flaps is left out."""
    alerts = situation.incident.alerts
    flapping = situation.suppression.flapping
    joined = tuple(told.number for told in alerts if not told.noted and told.key not in flapping)
    ended = tuple(t.number for t in alerts if t.resolved is not None and t.noted < 2 and t.key not in flapping)
    notes = []
    if not any(told.noted for told in alerts):  # it was opened just now: the message lists them, if it can
        notes += [Note(NoteKind.LISTED, alerts=joined)] if len(series_of(alerts)) > MOST_LISTED else []
    elif joined:
        notes.append(Note(NoteKind.JOINED, alerts=joined))
    if ended and situation.incident.firing:
        notes.append(Note(NoteKind.ENDED, alerts=ended))
    return progress, notes


def _list_in_full(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """What came and went, where that is more than the message lists."""
    alerts = situation.incident.alerts
    before = {told.alert.series for told in alerts if told.number not in situation.fresh}
    if len(series_of(alerts)) <= MOST_LISTED:
        return progress, ()
    listed = len(before) > MOST_LISTED
    which = sorted(situation.fresh) if listed else [told.number for told in alerts]
    return progress, (Note(NoteKind.JOINED if listed else NoteKind.LISTED, alerts=tuple(which)),)


def _noted(situation: Situation) -> Mapping[int, int]:
    """What the thread knows of each alert from now on, where that changes."""
    if not situation.settled or situation.opens:
        return {}
    known = {told.number: 1 if told.resolved is None else 2 for told in situation.incident.alerts}
    return {told.number: known[told.number] for told in situation.incident.alerts if told.noted != known[told.number]}


def _remind(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """It still burns, nobody took it on, and the last page is long ago."""
    if not _may_page(situation, progress) or progress.acked_at is not None:
        return progress, ()
    if progress.paged_at is None:
        return _paged(situation, progress), ()
    every = _repeat(situation)
    news = situation.incident.kind in FEED_SEVERITY or _newest(situation) > (progress.paged_slot or 0)
    if every is None or not news or situation.suppression.now - progress.paged_at < every:
        return progress, ()
    return _paged(situation, progress), (_page(NoteKind.STILL, situation),)


def _repeat(situation: Situation) -> int | None:
    """The shortest time after which one of the rules wants to be told again; ``None``: none of them."""
    if not situation.pageable:  # about the feed itself, or the account as a whole
        return REPEAT.get(situation.severity or "")
    rules = (situation.suppression.rules.get(told.alert.rule) for told in situation.pageable)
    return min((rule.repeat for rule in rules if rule is not None and rule.repeat is not None), default=None)


def _escalate(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """Nobody took it on for so long that others are told."""
    if not _may_page(situation, progress) or progress.acked_at is not None or progress.untaken is None:
        return progress, ()
    waited = situation.suppression.now - progress.untaken
    rules = [
        situation.suppression.rules[name]
        for name in sorted({t.alert.rule for t in situation.pageable} & situation.suppression.rules.keys())
    ]
    due = [rule for rule in rules if rule.escalate_after is not None and waited >= rule.escalate_after]
    fresh = [to for to in dict.fromkeys(t for rule in due for t in rule.escalate_to) if to not in progress.escalated]
    if not fresh:
        return progress, ()
    told_in = (situation.incident.channel, *progress.copies)
    copies = tuple(to for to in fresh if is_channel(to) and to not in told_in)
    note = replace(_page(NoteKind.ESCALATED, situation), mentions=tuple(fresh), copies=copies)
    told = replace(progress, escalated=(*progress.escalated, *fresh), copies=(*progress.copies, *copies))
    return _paged(situation, told), (note,)


def _one_page(notes: Sequence[Note]) -> Iterator[Note]:
    """Nobody is woken twice by what is said at once: only the first page stays one, an escalation aside."""
    paged = False
    for note in notes:
        if note.page and paged and note.kind is not NoteKind.ESCALATED:
            continue
        paged = paged or note.page
        yield note
