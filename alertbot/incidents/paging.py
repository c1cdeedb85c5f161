"""Paging: which notes an incident is due at a moment, and what its readers know after them.

Each stage looks at one reason to say something, and takes the progress as the stages before it left it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from alertbot.incidents.account import is_over
from alertbot.incidents.acknowledgement import expire, unacknowledged
from alertbot.incidents.flapping import stays
from alertbot.incidents.incident import FEED_SEVERITY, SEVERITY_RANK, IncidentKind, Progress, series_of
from alertbot.incidents.notes import Note, NoteKind
from alertbot.incidents.routing import is_channel
from alertbot.incidents.situation import Situation
from alertbot.incidents.thread_notes import list_changes, list_in_full, lose_data, noted, suppress
from alertbot.rules.base import Severity

REPEAT = {Severity.CRITICAL.value: 1800, Severity.WARNING.value: 4 * 3600}
"""Seconds after which people are reminded, by severity, where no rule says otherwise; never of what is info."""


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
    again = dict.fromkeys((each.number for each in situation.relapsed), 1)
    return Due(tuple(_one_page(notes)), progress, closed, {**again, **noted(situation)})


def _stages(situation: Situation) -> Sequence[Stage]:
    """In the order in which notes read best: what happened, then what is done about it, then who is paged."""
    kind = situation.incident.kind
    if kind is IncidentKind.PASSED:
        return (list_in_full,)
    if kind in FEED_SEVERITY:
        # That a domain left the account is posted once; from then on the digest says so. A usual silence is no news.
        return (_expire, _remind) if situation.settled and situation.incident.reminds else ()
    if situation.opens:
        return (_open, suppress)
    if kind in {IncidentKind.SUMMARY, IncidentKind.UPGRADE}:
        return (suppress, list_changes, lose_data) if situation.settled else (suppress,)
    if not situation.settled:
        return (_flap, _relapse, suppress)
    shown = (_flap, _relapse, _outlive, _grow, suppress, list_changes, lose_data)
    return (*shown, _expire, _remind, _escalate)


def _is_over(situation: Situation) -> bool:
    incident, suppression = situation.incident, situation.suppression
    if incident.kind in FEED_SEVERITY or incident.firing:
        return False
    wide, moved = incident.progress.wide, incident.progress.moved
    if moved is not None and not moved.over and situation.has_parts:
        return False  # what rose may end a little later than what fell
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
    if not situation.incident.alerts:
        return progress, ()  # all of it was in its parts: what it was stays known
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
