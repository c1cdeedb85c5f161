"""Paging: which notes an incident is due at a moment, and what its readers know after them.

Each stage looks at one reason to say something, and takes the progress as the stages before it left it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from alertbot.alerts.lifecycle import Reason
from alertbot.incidents.account import is_over
from alertbot.incidents.acknowledgement import expire, unacknowledged
from alertbot.incidents.flapping import stays
from alertbot.incidents.incident import (
    FEED_SEVERITY,
    SEVERITY_RANK,
    FiredAlert,
    IncidentKind,
    Progress,
    series_of,
)
from alertbot.incidents.notes import Note, NoteKind
from alertbot.incidents.routing import is_channel
from alertbot.incidents.situation import Situation
from alertbot.incidents.suppression import Suppression
from alertbot.rules.base import Severity
from alertbot.units import SLOT

REPEAT = {Severity.CRITICAL.value: 1800, Severity.WARNING.value: 4 * 3600}
"""Seconds after which people are reminded, by severity, where no rule says otherwise; never of what is info."""

MOST_LISTED = 20
"""Series that a message lists; where there are more, all of them stand in its thread."""


@dataclass(frozen=True)
class Due:
    """What is to be said, and what the readers know then. ``closed``: the incident is over.

    ``noted``: what the thread knows from now on of the alerts of which that changes, by row.
    """

    notes: tuple[Note, ...]
    progress: Progress
    closed: bool
    noted: Mapping[int, int]


Stage = Callable[[Situation, Progress], tuple[Progress, Iterable[Note]]]


def due(situation: Situation) -> Due:
    """Everything that is to be said of an incident now."""
    progress, notes = situation.incident.progress, list(situation.changed)
    for stage in _stages(situation):
        progress, more = stage(situation, progress)
        notes += more
    closed = situation.incident.kind is IncidentKind.PASSED or (situation.settled and _is_over(situation))
    if closed and not situation.opens and situation.incident.kind is not IncidentKind.PASSED:
        notes.append(Note(NoteKind.RESOLVED))
    # What began again is said with the batch that shows it, by a note of its own or by one that pages beside it.
    noted = dict.fromkeys((each.number for each in situation.relapsed), 1)
    return Due(tuple(_one_page(notes)), progress, closed, {**noted, **_noted(situation)})


def _stages(situation: Situation) -> Sequence[Stage]:
    """In the order in which notes read best: what happened, then what is done about it, then who is paged."""
    kind = situation.incident.kind
    if kind is IncidentKind.PASSED:
        return (_list_in_full,)
    if kind in FEED_SEVERITY:
        # That a domain left the account is posted once; from then on the digest says so. A usual silence is no news.
        once = kind is IncidentKind.VANISHED or situation.incident.usually_silent
        return (_expire, _remind) if situation.settled and not once else ()
    if situation.opens:
        return (_open, _suppress)
    if kind in {IncidentKind.SUMMARY, IncidentKind.UPGRADE}:
        return (_suppress, _list_changes, _lose_data) if situation.settled else (_suppress,)
    if not situation.settled:
        return (_flap, _relapse, _suppress)
    shown = (_flap, _relapse, _outlive, _grow, _suppress, _list_changes, _lose_data)
    return (*shown, _expire, _remind, _escalate)


def _is_over(situation: Situation) -> bool:
    incident, suppression = situation.incident, situation.suppression
    if incident.kind in FEED_SEVERITY or incident.firing:
        return False
    wide = incident.progress.wide
    if wide is not None and not is_over(wide, suppression.frontier) and (wide.over is None or situation.has_parts):
        return False  # its parts would else seem to outlive it
    return not any(each.key in suppression.flapping or each.key in situation.new_flaps for each in incident.alerts)


def _open(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """The message itself pages people, unless the incident is a part of one that did."""
    progress = replace(progress, unacked_since=situation.suppression.now)
    return (progress if progress.parent is not None else _paged(situation, progress)), ()


def _paged(situation: Situation, progress: Progress) -> Progress:
    """What the readers know once they are paged with what fires now."""
    return replace(
        progress,
        paged_at=situation.suppression.now,
        paged_slot=_newest(situation),
        paged_severity=situation.severity,
        paged_series=max(progress.paged_series, len(series_of(situation.pageable))),
        paged_wide=progress.paged_wide or progress.wide is not None,
    )


def _newest(situation: Situation) -> int:
    return max((each.alert.slot for each in situation.incident.alerts), default=situation.suppression.frontier)


def _rearmed(situation: Situation, progress: Progress) -> Progress:
    """Paged again, since nobody has acknowledged what the incident is now."""
    now = situation.suppression.now
    return replace(unacknowledged(_paged(situation, progress), now), escalated=())


def _may_page(situation: Situation, progress: Progress) -> bool:
    return progress.parent is None and situation.deserves_page


def _flap(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """What begins to flap is posted once, then only what stays."""
    begin = [each for each in situation.pageable if each.number in situation.fresh and each.key in situation.new_flaps]
    flaps = tuple(each.number for each in begin)
    stay = tuple(
        each.number
        for each in situation.pageable
        if each.key in situation.suppression.flapping and stays(each) and each.number not in progress.steady
    )
    if progress.parent is not None:
        return progress, ()
    notes = [Note(kind, page=True, alerts=which) for kind, which in ((NoteKind.FLAPS, flaps), (NoteKind.STEADY, stay))]
    notes = [note for note in notes if note.alerts]
    if not notes:
        return progress, ()
    return replace(_rearmed(situation, progress), steady=(*progress.steady, *stay)), notes


def _relapse(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """It is over and begins again: whoever acknowledged the first outage did not mean this one."""
    relapsed = situation.relapsed
    if not relapsed:
        return progress, ()
    kind = NoteKind.REOPENED if situation.reopens else NoteKind.AGAIN
    note = Note(kind, page=True, alerts=tuple(each.number for each in relapsed))
    return _rearmed(situation, progress), (note,)


def _outlive(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """What still fires after the account's fall has ended is posted for itself."""
    wide = progress.wide
    if wide is None or not is_over(wide, situation.suppression.frontier):
        return progress, ()
    # Where all of it is suppressed just now, it is posted once that ends.
    progress = replace(progress, wide=None, paged_wide=False, paged_at=None, paged_severity=None, paged_series=0)
    return _survive(situation, progress)


def _survive(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    if not _may_page(situation, progress):
        return progress, ()
    return _rearmed(situation, progress), (_page(NoteKind.SURVIVED, situation),)


def _page(kind: NoteKind, situation: Situation) -> Note:
    return Note(kind, page=True, alerts=tuple(each.number for each in situation.pageable))


def _grow(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """More than people were paged with: a higher severity, twice as many series, or the whole account."""
    if not _may_page(situation, progress):
        return progress, ()
    if progress.paged_at is None:  # it was a part of another, or suppressed, until now
        return _survive(situation, progress)
    rank, paged = (SEVERITY_RANK[each or Severity.INFO] for each in (situation.severity, progress.paged_severity))
    wide = progress.wide is not None
    doubled = not wide and len(series_of(situation.pageable)) >= max(2 * progress.paged_series, 1)
    wider = wide and not progress.paged_wide
    if not (rank > paged or doubled or wider or _is_all_new(situation)):
        return progress, ()
    return _rearmed(situation, progress), (_page(NoteKind.GREW, situation),)


def _is_all_new(situation: Situation) -> bool:
    """Whether all that pages is new, in an incident of which nobody expected more: the rest flaps or is suppressed."""
    known = any(each.noted for each in situation.incident.alerts)
    return known and all(not each.noted for each in situation.pageable)


def _suppress(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """Silences and mutes that begin or end over what fires."""
    suppression, firing = situation.suppression, situation.incident.firing
    now = {silence.number: silence for each in firing if (silence := suppression.silence(each)) is not None}
    mute = next((found for each in firing if (found := suppression.mute(each)) is not None), None)
    begun = [
        Note(NoteKind.SILENCED, by=each.author, until=each.ends, reason=each.reason)
        for number, each in sorted(now.items())
        if number not in progress.silences
    ]
    if mute is not None and not progress.muted:
        begun.append(Note(NoteKind.MUTED, until=mute.until(suppression.frontier), reason=mute.reason))
    gone = [number for number in progress.silences if number not in now]
    ended = [*_ended_silences(suppression, gone, [each for each in firing if suppression.silence(each) is None])]
    if mute is None and progress.muted:
        ended.append(Note(NoteKind.MUTE_OVER))
    progress = replace(progress, silences=tuple(sorted(now)), muted=mute is not None)
    return progress, (*begun, *(ended if firing else ()))


def _ended_silences(suppression: Suppression, numbers: Sequence[int], heard: Sequence[FiredAlert]) -> Iterator[Note]:
    """The silences that ended over what is ``heard`` again: what another one still covers is not."""
    for each in suppression.silences:
        covered = any(each.matches(*fired.key, suppression.groups) for fired in heard)
        if each.number in numbers and covered and not each.in_force(suppression.now):
            yield Note(NoteKind.SILENCE_OVER, by=each.author, until=each.ends, reason=each.cancelled_by or "")


def _list_changes(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """What joined and what resolved since the thread last said so; what flaps is left out."""
    alerts = situation.incident.alerts
    flapping = situation.suppression.flapping
    said = {each.number for each in situation.relapsed}
    fresh = [each for each in alerts if not each.noted and each.number not in said]
    joined = tuple(each.number for each in fresh if each.key not in flapping)
    resolved = [each for each in alerts if each.resolved is not None and each.noted < 2]
    left = series_of(situation.incident.firing)
    # A new normal is said once, however many rules come to it.
    over = [each for each in resolved if each.reason != Reason.NEW_NORMAL or each.alert.series not in left]
    ended = tuple(each.number for each in over if each.key not in flapping)
    notes = []
    if not any(each.noted for each in alerts):  # it was opened just now: the message lists them, if it can
        notes += [Note(NoteKind.LISTED, alerts=joined)] if len(series_of(alerts)) > MOST_LISTED else []
    elif joined:
        notes.append(Note(NoteKind.JOINED, alerts=joined))
    if ended and situation.incident.firing:
        notes.append(Note(NoteKind.ENDED, alerts=ended))
    return progress, notes


def _lose_data(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """Series of which nothing is known any more: the message says so, and the thread need not."""
    lost = situation.incident.without_data(situation.suppression.frontier + SLOT)
    return replace(progress, without_data=tuple(sorted(lost))), ()


def _list_in_full(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """What came and went, where that is more than the message lists."""
    alerts = situation.incident.alerts
    before = {each.alert.series for each in alerts if each.number not in situation.fresh}
    if len(series_of(alerts)) <= MOST_LISTED:
        return progress, ()
    listed = len(before) > MOST_LISTED
    which = sorted(situation.fresh) if listed else [each.number for each in alerts]
    return progress, (Note(NoteKind.JOINED if listed else NoteKind.LISTED, alerts=tuple(which)),)


def _noted(situation: Situation) -> Mapping[int, int]:
    """What the thread knows of each alert from now on, where that changes."""
    if not situation.settled or situation.opens:
        return {}
    known = {each.number: 1 if each.resolved is None else 2 for each in situation.incident.alerts}
    return {each.number: known[each.number] for each in situation.incident.alerts if each.noted != known[each.number]}


def _remind(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """It still fires, nobody has acknowledged it, and the last page was long ago."""
    if not _may_page(situation, progress) or progress.acked_at is not None:
        return progress, ()
    if progress.paged_at is None:
        return _paged(situation, progress), ()
    every = _repeat(situation)
    news = situation.incident.kind in FEED_SEVERITY or _newest(situation) > (progress.paged_slot or 0)
    if every is None or not news or situation.suppression.now - progress.paged_at < every:
        return progress, ()
    return _paged(situation, progress), (_page(NoteKind.STILL, situation),)


def _expire(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """It was acknowledged so long ago that whoever did may have gone back to sleep."""
    if progress.parent is not None:
        return progress, ()
    return expire(situation, progress, _repeat(situation))


def _repeat(situation: Situation) -> int | None:
    """The shortest time, in seconds, after which one of its rules reminds people; ``None`` where none does."""
    if not situation.pageable:  # about the feed itself, or the account as a whole
        return REPEAT.get(situation.severity or "")
    rules = (situation.suppression.rules.get(each.alert.rule) for each in situation.pageable)
    return min((rule.repeat for rule in rules if rule is not None and rule.repeat is not None), default=None)


def _escalate(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """Nobody acknowledged it for so long that others are paged."""
    if not _may_page(situation, progress) or progress.acked_at is not None or progress.unacked_since is None:
        return progress, ()
    waited = situation.suppression.now - progress.unacked_since
    known = situation.suppression.rules
    rules = [known[name] for name in sorted({each.alert.rule for each in situation.pageable} & known.keys())]
    due = [rule for rule in rules if rule.escalate_after is not None and waited >= rule.escalate_after]
    fresh = [to for to in dict.fromkeys(t for rule in due for t in rule.escalate_to) if to not in progress.escalated]
    if not fresh:
        return progress, ()
    posted_in = (situation.incident.channel, *progress.copies)
    copies = tuple(to for to in fresh if is_channel(to) and to not in posted_in)
    note = replace(_page(NoteKind.ESCALATED, situation), mentions=tuple(fresh), copies=copies)
    progress = replace(progress, escalated=(*progress.escalated, *fresh), copies=(*progress.copies, *copies))
    return _paged(situation, progress), (note,)


def _one_page(notes: Sequence[Note]) -> Iterator[Note]:
    """Nobody is paged twice by what is said at once: only the first page stays, escalations aside."""
    paged = False
    for note in notes:
        if note.page and paged and note.kind is not NoteKind.ESCALATED:
            continue
        paged = paged or note.page
        yield note
