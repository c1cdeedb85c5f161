"""What an order changes, and who gave it: both in one transaction, so that neither stands there without the other."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from sqlite_utils import Database

from alertbot.incidents.incident import Incident, Vote
from alertbot.incidents.orders import Requester, Silence
from alertbot.incidents.silences import StoredSilence
from alertbot.store import changes, learned_silences, outbox, turns, votes
from alertbot.store.changes import ChangeKind, ordered_by
from alertbot.store.outbox import NewMessage
from alertbot.store.turns import Decider
from alertbot.units import format_iso


def acknowledge(
    db: Database,
    number: int,
    requester: Requester,
    note: str,
    until: float | None,
    decider: Decider,
    now: float,
) -> Incident | None:
    """Acknowledge an incident, unless it is closed; how it was before, if there is one.

    Of one that is acknowledged already only a ``note`` is taken.
    """
    incident = turns.acknowledge(db, number, requester.person, note, until, decider, now)
    if (
        incident is not None
        and incident.closed is None
        and (incident.progress.acked_at is None or incident.progress.asked_at is not None or note)
    ):
        before = f"#{number} open" if incident.progress.acked_at is None else f"#{number} acknowledged"
        after = f"#{number} acknowledged{f' ({note})' if note else ''}"
        changes.record(db, ordered_by(requester, now, ChangeKind.ACKNOWLEDGED, before=before, after=after))
    return incident


def unacknowledge(db: Database, number: int, requester: Requester, decider: Decider, now: float) -> Incident | None:
    """Take the acknowledgement of an open incident back; how it was before, if there is one."""
    incident = turns.unacknowledge(db, number, decider, now)
    if incident is not None and incident.closed is None and incident.progress.acked_at is not None:
        before, after = f"#{number} acknowledged by {incident.progress.acked_by}", f"#{number} open"
        changes.record(db, ordered_by(requester, now, ChangeKind.UNACKNOWLEDGED, before=before, after=after))
    return incident


def vote(
    db: Database,
    incident: Incident,
    requester: Requester,
    shown: Callable[[str, Sequence[Vote]], str],
    now: float,
    *,
    useful: bool,
) -> None:
    """Write what somebody found an incident, which is over, and have its message say so; nobody is mentioned.

    ``shown`` puts the votes into the body of a message.
    """
    number, before = incident.number, votes.of_person(db, incident.number, requester.person)
    if before is useful:
        return
    votes.cast(db, number, requester.person, useful=useful, now=now)
    was, is_ = (None if each is None else f"#{number} {Vote('', each).word}" for each in (before, useful))
    changes.record(db, ordered_by(requester, now, ChangeKind.VOTED, before=was, after=is_))
    cast = votes.of_incidents(db, [number]).get(number, ())
    edits = (
        NewMessage(uuid.uuid4().hex, subject, "update", channel, shown(body, cast))
        for subject, channel, body in outbox.editable(db, number)
    )
    outbox.enqueue(db, list(edits), now)


def silence(
    db: Database,
    silence: Silence,
    requester: Requester,
    channel: str,
    pairs: Sequence[tuple[str, str]] | None,
    decider: Decider,
    now: float,
) -> int:
    """Begin a silence; its number. ``pairs``: the alerts it covers (rule, series), where it is of an incident."""
    number = turns.silence(db, silence, requester.person, channel, pairs, decider, now)
    after = _described(number, silence.target, silence.begins, silence.ends, silence.reason)
    changes.record(db, ordered_by(requester, now, ChangeKind.SILENCED, before=None, after=after))
    return number


def extend(
    db: Database,
    silence: StoredSilence,
    ends: float,
    reason: str,
    requester: Requester,
    decider: Decider,
    now: float,
) -> None:
    """Have a silence end later, at ``ends``."""
    turns.extend(db, silence.number, ends, reason, decider, now)
    before = _described(silence.number, silence.target, silence.begins, silence.ends, silence.reason)
    after = _described(silence.number, silence.target, silence.begins, ends, reason or silence.reason)
    changes.record(db, ordered_by(requester, now, ChangeKind.SILENCED, before=before, after=after))


def unsilence(db: Database, silence: StoredSilence, requester: Requester, decider: Decider, now: float) -> None:
    """End a silence now."""
    turns.unsilence(db, silence.number, requester.person, decider, now)
    before = _described(silence.number, silence.target, silence.begins, silence.ends, silence.reason)
    before = f"{before}, by {silence.author}"
    after = f"s{silence.number} ended"
    changes.record(db, ordered_by(requester, now, ChangeKind.UNSILENCED, before=before, after=after))


def keep_posting(db: Database, series: str, requester: Requester, edit: NewMessage | None, now: float) -> bool:
    """Post the silence of a series however usual it is; whether that is new. ``edit``: of what announced it."""
    if series in learned_silences.kept_posted(db):
        return False
    learned_silences.keep_posted(db, series, requester.person.name, now)
    _record_posting(db, ChangeKind.KEEPS_POSTING, series, requester, now)
    outbox.enqueue(db, () if edit is None else (edit,), now)
    return True


def learn_silence(db: Database, series: str, requester: Requester, now: float) -> bool:
    """Take what alerts teach of a series' silence as usual again; whether that is new."""
    if series not in learned_silences.kept_posted(db):
        return False
    learned_silences.learn_again(db, series)
    _record_posting(db, ChangeKind.LEARNS_SILENCE, series, requester, now)
    return True


def _record_posting(db: Database, kind: ChangeKind, series: str, requester: Requester, now: float) -> None:
    texts = f"silence of {series} learned", f"silence of {series} always posted"
    before, after = texts if kind is ChangeKind.KEEPS_POSTING else reversed(texts)
    changes.record(db, ordered_by(requester, now, kind, before=before, after=after))


def _described(number: int, target: str, begins: float, ends: float, reason: str) -> str:
    because = f" ({reason})" if reason else ""
    return f"s{number}: {target} from {format_iso(begins)} until {format_iso(ends)}{because}"
