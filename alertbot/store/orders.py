"""What an order changes, and who gave it: both in one transaction, so that neither stands there without the other."""

from __future__ import annotations

from collections.abc import Sequence

from sqlite_utils import Database

from alertbot.incidents.incident import Incident
from alertbot.incidents.orders import Requester, Silence
from alertbot.incidents.silences import StoredSilence
from alertbot.store import changes, turns
from alertbot.store.changes import ChangeKind, ordered_by
from alertbot.store.turns import Decider
from alertbot.units import format_iso


def acknowledge(db: Database, number: int, requester: Requester, decider: Decider, now: float) -> Incident | None:
    """Acknowledge an incident, unless it is closed or acknowledged; how it was before, if there is one."""
    incident = turns.acknowledge(db, number, requester.person, decider, now)
    if incident is not None and incident.closed is None and incident.progress.acked_at is None:
        before, after = f"#{number} open", f"#{number} acknowledged"
        changes.record(db, ordered_by(requester, now, ChangeKind.ACKNOWLEDGED, before=before, after=after))
    return incident


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


def unsilence(db: Database, silence: StoredSilence, requester: Requester, decider: Decider, now: float) -> None:
    """End a silence now."""
    turns.unsilence(db, silence.number, requester.person, decider, now)
    before = _described(silence.number, silence.target, silence.begins, silence.ends, silence.reason)
    before = f"{before}, by {silence.author}"
    after = f"s{silence.number} ended"
    changes.record(db, ordered_by(requester, now, ChangeKind.UNSILENCED, before=before, after=after))


def _described(number: int, target: str, begins: float, ends: float, reason: str) -> str:
    because = f" ({reason})" if reason else ""
    return f"s{number}: {target} from {format_iso(begins)} until {format_iso(ends)}{because}"
