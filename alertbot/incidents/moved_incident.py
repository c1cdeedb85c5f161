"""Traffic that moved is one incident: that of the fall, which the rises come into as long as the sums explain them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from alertbot.incidents.incident import Incident, IncidentKind, series_of
from alertbot.incidents.moved import APART, LOOKED_FOR, Moved, find, outgrown
from alertbot.incidents.state import Current, State
from alertbot.units import SLOT


def with_moves(state: State, joined: Mapping[int, Current]) -> tuple[dict[int, Current], dict[int, int]]:
    """What alerts come into, with what is found of where the traffic went.

    New incidents of rises that a fall explains are merged into that of the fall. Of those that were posted before it is
    said, by number, into which they belong.
    """
    changed = dict(joined)
    current = {one.number: Current(one) for one in state.incidents if one.closed is None} | changed
    for number, each in list(current.items()):
        incident = _with_move(each.incident, state)
        if incident is not each.incident:
            changed[number] = current[number] = replace(each, incident=incident)
    moved_into = dict[int, int]()
    for number, each in current.items():
        into = _explained_by(each.incident, current)
        if into is not None and number < 0:
            changed[into] = changed.get(into, current[into]).merged_with(changed.pop(number))
        elif into is not None:
            moved_into[number] = into
    return changed, moved_into


def _with_move(incident: Incident, state: State) -> Incident:
    """An incident with where its traffic went, as far as that is known by now."""
    before, progress = incident.progress.moved, incident.progress
    moved = _moved(incident, state)
    if moved == before:
        return incident
    if any(incident.explains(fired) for fired in incident.firing) and (moved is None or moved.over):
        # What rose is no other side of a fall any more: it is posted as if nobody had heard of it.
        progress = replace(progress, paged_at=None, paged_series=0, paged_severity=None)
    return replace(incident, progress=replace(progress, moved=moved))


def _moved(incident: Incident, state: State) -> Moved | None:
    moved, falling, frontier = incident.progress.moved, incident.falling, state.suppression.frontier
    if incident.kind is not IncidentKind.ALERT or incident.progress.wide is not None:
        return moved
    if not falling:
        ended = max((each.resolved or 0 for each in incident.alerts if not incident.explains(each)), default=0)
        return _no_longer(moved) if ended <= frontier - APART * SLOT else moved
    fell, since = series_of(falling), min(each.alert.since for each in falling)
    fresh = moved is None or since > moved.since + APART * SLOT or not fell <= moved.fallen
    traffic = state.traffic(since) if frontier - since <= LOOKED_FOR * SLOT else None
    if traffic is None or not fell <= traffic.column.keys():
        return moved
    if moved is not None and not fresh:
        return _no_longer(moved) if outgrown(moved, traffic) else moved
    return find(sorted(fell), since, traffic) or _no_longer(moved)


def _no_longer(moved: Moved | None) -> Moved | None:
    """That what rose is not explained by what fell any more."""
    return replace(moved, over=True) if moved is not None and moved.rose else None


def _explained_by(incident: Incident, current: Mapping[int, Current]) -> int | None:
    """The incident of the fall that all which fires in an incident of rises is the other side of."""
    rises = incident.kind is IncidentKind.ALERT and bool(incident.firing) and not incident.falls
    hosts = (each.incident for each in current.values() if rises and each.incident.channel == incident.channel)
    return next((host.number for host in hosts if all(map(host.explains, incident.firing))), None)
