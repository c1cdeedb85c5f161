"""What an incident's thread is told without paging anybody: what is suppressed, joined, ended or without data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from alertbot.alerts.lifecycle import Reason
from alertbot.incidents.incident import FiredAlert, Progress, series_of
from alertbot.incidents.notes import Note, NoteKind
from alertbot.incidents.situation import Situation
from alertbot.incidents.suppression import Suppression
from alertbot.units import SLOT

MOST_LISTED = 20
"""Series that a message lists; where there are more, all of them stand in its thread."""


def suppress(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
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


def list_changes(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """What joined and what resolved since the thread last said so; what flaps is left out."""
    alerts = situation.incident.alerts
    flapping = situation.suppression.flapping
    said = {each.number for each in situation.relapsed}
    known = series_of(each for each in alerts if each.noted)
    fresh = [each for each in alerts if not each.noted and each.number not in said]
    # A further rule that came and went meanwhile is nothing that fires now.
    fresh = [each for each in fresh if each.resolved is None or each.alert.series not in known]
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


def lose_data(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """Series of which nothing is known any more: the message says so, and the thread need not."""
    lost = situation.incident.without_data(situation.suppression.frontier + SLOT)
    return replace(progress, without_data=tuple(sorted(lost))), ()


def list_in_full(situation: Situation, progress: Progress) -> tuple[Progress, Iterable[Note]]:
    """What came and went, where that is more than the message lists."""
    alerts = situation.incident.alerts
    before = {each.alert.series for each in alerts if each.number not in situation.fresh}
    if len(series_of(alerts)) <= MOST_LISTED:
        return progress, ()
    listed = len(before) > MOST_LISTED
    which = sorted(situation.fresh) if listed else [each.number for each in alerts]
    return progress, (Note(NoteKind.JOINED if listed else NoteKind.LISTED, alerts=tuple(which)),)


def noted(situation: Situation) -> Mapping[int, int]:
    """What the thread knows of each alert from now on, where that changes."""
    if not situation.settled or situation.opens:
        return {}
    known = {each.number: 1 if each.resolved is None else 2 for each in situation.incident.alerts}
    return {each.number: known[each.number] for each in situation.incident.alerts if each.noted != known[each.number]}
