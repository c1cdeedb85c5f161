"""How long an acknowledgement holds: whoever gave it may have gone back to sleep.

Once it has held for ``ack_expires``, that person is asked in the thread; without an answer within ``repeat`` the
incident is open again. Nobody is asked while nothing pages anyway: outside the rule's hours, while it recovers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from alertbot.incidents.incident import FiredAlert, Incident, Progress
from alertbot.incidents.notes import Note, NoteKind
from alertbot.incidents.situation import Situation
from alertbot.rules.base import Rule, Severity

EXPIRES = {Severity.CRITICAL.value: 2 * 3600, Severity.WARNING.value: 8 * 3600}
"""Seconds for which an acknowledgement holds by default, by severity; of what is info it holds until the end."""


def expires(incident: Incident, rules: Mapping[str, Rule], now: float) -> float | None:
    """Until when an acknowledgement given ``now`` holds, epoch seconds; ``None``: until the incident resolves."""
    lasting = _lasting(incident, incident.firing, rules)
    return None if lasting is None else now + lasting


def _lasting(incident: Incident, alerts: Iterable[FiredAlert], rules: Mapping[str, Rule]) -> int | None:
    if incident.feed_severity is not None:
        return EXPIRES.get(incident.feed_severity)
    known = {each.alert.rule: rules[each.alert.rule] for each in alerts if each.alert.rule in rules}
    if not known and incident.progress.wide is not None:
        return EXPIRES.get(incident.progress.wide.severity)
    return min((rule.ack_expires for rule in known.values() if rule.ack_expires is not None), default=None)


def unacknowledged(progress: Progress, now: float) -> Progress:
    """What the readers know once nobody acknowledges the incident any more."""
    return replace(
        progress,
        acked_at=None,
        acked_by=None,
        acked_note="",
        acked_id=None,
        acked_until=None,
        asked_at=None,
        unacked_since=now,
    )


def expire(situation: Situation, progress: Progress, repeat: int | None) -> tuple[Progress, Iterable[Note]]:
    """Ask whoever acknowledged it long ago, or open it again where no answer came within ``repeat`` seconds."""
    now, until, asked = situation.suppression.now, progress.acked_until, progress.asked_at
    if progress.acked_at is None or until is None or now < until or not situation.deserves_page:
        return progress, ()
    if asked is None:
        call = () if progress.acked_id is None else (progress.acked_id,)
        note = Note(NoteKind.ASKED, by=progress.acked_by or "", mentions=call)
        return replace(progress, asked_at=now), (note,)
    if repeat is None or now < asked + repeat:
        return progress, ()
    note = Note(NoteKind.LAPSED, page=True, by=progress.acked_by or "")
    return replace(unacknowledged(progress, now), paged_at=now, escalated=()), (note,)
