"""What a turn changes in the incidents, from what was judged, what people did, and what time it is.

Pure: ``State`` has all the facts, ``Decision`` says what is to be written and posted, within one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from alertbot.alerts.lifecycle import AlertKey
from alertbot.incidents.account_incident import with_account
from alertbot.incidents.flapping import Flap, begins_to_flap
from alertbot.incidents.grouping import Placed, place
from alertbot.incidents.incident import (
    FEED_SEVERITY,
    SEVERITY_RANK,
    FiredAlert,
    Incident,
    IncidentKind,
    Progress,
    series_of,
)
from alertbot.incidents.moved_incident import with_moves
from alertbot.incidents.notes import Note, NoteKind
from alertbot.incidents.paging import Due, due
from alertbot.incidents.silences import StoredSilence
from alertbot.incidents.situation import Situation
from alertbot.incidents.state import Current, State
from alertbot.incidents.suppression import Suppressed


@dataclass(frozen=True)
class IncidentChange:
    """What becomes of one incident; ``incident`` has its alerts and its progress after that.

    ``joined``: the rows of alerts that are new in it. ``noted``: what the thread knows of alerts, by row. ``opened``:
    it is new, and its number a stand-in below 0 until it is written. ``ends_account_wide``: it closes, and was of the
    account as a whole. ``edited``: its message says something else, of which the thread says nothing.
    """

    incident: Incident
    joined: tuple[int, ...]
    notes: tuple[Note, ...]
    noted: Mapping[int, int]
    closed: bool
    opened: bool = False
    ends_account_wide: bool = False
    edited: bool = False


@dataclass(frozen=True)
class Decision:
    """What a turn changes. ``flaps``: what begins to flap, ``steadied``: what no longer does.

    ``announced``: silences of which it is to be said that they end soon.
    """

    changes: tuple[IncidentChange, ...]
    flaps: tuple[AlertKey, ...]
    steadied: tuple[AlertKey, ...]
    announced: tuple[StoredSilence, ...]


def decide(state: State) -> Decision:
    """Decide what changes in the incidents, and what is to be said of that."""
    steadied = state.suppression.steadied
    state = replace(state, suppression=state.suppression.without_steadied())
    posted = [fired for fired in state.unposted if _is_to_be_posted(fired, state)]
    flapping = state.suppression.flapping
    flaps = tuple(dict.fromkeys(each.key for each in posted if begins_to_flap(each) and each.key not in flapping))
    known = {
        key: Flap(state.suppression.frontier, state.suppression.frontier) for key in flaps if _is_known(key, state)
    }
    state = replace(state, suppression=replace(state.suppression, flapping={**flapping, **known}))
    joined, moved_into = with_moves(state, _joined(posted, state))
    current = with_account(state, joined, moved_into)
    opened = {number: each for number, each in current.items() if each.incident.closed is None}
    parts = _firing_parts(each.incident for each in opened.values())
    fresh = frozenset(flaps) - known.keys()
    changes = (_change(state, each, fresh, parts.get(number, ())) for number, each in opened.items())
    return Decision(
        tuple(change for change in changes if change is not None),
        flaps,
        steadied,
        tuple(each for each in state.suppression.silences if each.due_to_announce(state.suppression.now)),
    )


def _is_known(key: AlertKey, state: State) -> bool:
    """Whether people know that this series flaps, by a rule of the same severity or a higher one."""
    rules, (rule, series) = state.suppression.rules, key
    others = {name for name, each in state.suppression.flapping if each == series and name in rules}
    return rule in rules and any(
        SEVERITY_RANK[rules[each].severity] >= SEVERITY_RANK[rules[rule].severity] for each in others
    )


def _is_to_be_posted(fired: FiredAlert, state: State) -> bool:
    if state.storms.waits(fired):
        return False
    why = state.suppression.suppressed(fired)
    if fired.number in state.placing.passed:
        return why in {None, Suppressed.CLEARING, Suppressed.DARKNESS}
    return why is None if fired.resolved is None else state.suppression.was_missed(fired)


def _joined(posted: Sequence[FiredAlert], state: State) -> dict[int, Current]:
    """The incidents that these alerts come into, by number."""
    known = {incident.number: Current(incident) for incident in state.incidents}
    joined: dict[int, Current] = {}
    for placed in place(posted, state.incidents, state.placing):
        number = placed.number if placed.number is not None else -len(joined) - 1
        before = joined.get(number) or known.get(number) or Current(_new(number, placed, state))
        rows = (*before.joined, *(each.number for each in placed.alerts))
        joined[number] = Current(_with_alerts(before.incident, placed), rows)
    return joined


def _new(number: int, placed: Placed, state: State) -> Incident:
    return Incident(number, placed.kind, placed.channel, placed.since, state.suppression.now, None)


def _with_alerts(incident: Incident, placed: Placed) -> Incident:
    ordinary, progress = placed.kind is IncidentKind.ALERT, incident.progress
    if ordinary and incident.closed is not None:
        # Nobody has acknowledged what it is now; that its domains belong together, people know.
        progress = Progress(paged_series=len(series_of(incident.alerts)), copies=progress.copies)
    since = min(incident.since, placed.since) if ordinary else incident.since
    alerts = (*incident.alerts, *placed.alerts)
    return replace(incident, since=since, alerts=alerts, closed=None, progress=progress)


def _firing_parts(incidents: Iterable[Incident]) -> dict[int, list[FiredAlert]]:
    """What fires in the parts of each incident that has any."""
    parts: dict[int, list[FiredAlert]] = {}
    for incident in incidents:
        if incident.progress.parent is not None and incident.firing:
            parts.setdefault(incident.progress.parent, []).extend(incident.firing)
    return parts


def _change(
    state: State, current: Current, flaps: frozenset[AlertKey], parts: Sequence[FiredAlert]
) -> IncidentChange | None:
    """What changes in one incident; ``None``: nothing."""
    joined, before = frozenset(current.joined), _progress_before(state, current.incident.number)
    incident = _checking(state, current.incident, before)
    changed = (*state.changed.get(incident.number, ()), *_inhibited(state, incident))
    if incident.kind in FEED_SEVERITY and not joined and not state.settled and not changed:
        return None
    suppressed = bool(parts) and all(state.suppression.page_suppressed(fired) is not None for fired in parts)
    situation = Situation(
        incident,
        state.suppression,
        state.settled,
        joined,
        flaps,
        changed,
        has_parts=bool(parts),
        parts_suppressed=suppressed,
        reopens=_was_closed(state, incident),
    )
    result = due(situation)
    if not (situation.opens or joined or _differs(state, incident, result)):
        return None
    after = replace(incident, progress=result.progress, closed=state.suppression.now if result.closed else None)
    ends_wide = result.closed and incident.account_wide
    return IncidentChange(
        after,
        tuple(sorted(joined)),
        result.notes,
        result.noted,
        result.closed,
        situation.opens,
        ends_wide,
        edited=before is not None and _says(before) != _says(result.progress),
    )


def _checking(state: State, incident: Incident, before: Progress | None) -> Incident:
    """The incident, which says that domains are being asked for from when the account fell until they all were."""
    begins = before is None or before.wide is None or before.checking
    checking = incident.progress.wide is not None and begins and not state.storms.through
    return replace(incident, progress=replace(incident.progress, checking=checking))


def _says(progress: Progress) -> tuple[object, ...]:
    """What the message alone says of an incident's progress, and no reply in its thread."""
    return progress.without_data, progress.checking, progress.moved


def _was_closed(state: State, incident: Incident) -> bool:
    """Whether an incident of alerts is reopened by what has come into it."""
    closed = (one.number for one in state.incidents if one.closed is not None)
    return incident.kind is IncidentKind.ALERT and incident.number in closed


def _inhibited(state: State, incident: Incident) -> tuple[Note, ...]:
    """The note that an incident people know of has become a part of a larger one."""
    before = _progress_before(state, incident.number)
    if before is None or incident.progress.parent is None or before.parent is not None:
        return ()
    return (Note(NoteKind.INHIBITED),)


def _progress_before(state: State, number: int) -> Progress | None:
    return next((one.progress for one in state.incidents if one.number == number), None)


def _differs(state: State, incident: Incident, result: Due) -> bool:
    said = bool(result.notes or result.noted or result.closed)
    return said or result.progress != _progress_before(state, incident.number)
