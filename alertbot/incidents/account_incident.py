"""The incident of a fall of the whole account, and the incidents that are parts of it.

One incident, its host, is posted for the whole account. What fell with the account is a part of that: it is posted, but
pages nobody by itself, unless it outlives the account's fall. The same holds for an account of which nothing is
published any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from alertbot.incidents import account
from alertbot.incidents.grouping import TOGETHER
from alertbot.incidents.incident import (
    AccountFall,
    FiredAlert,
    Incident,
    IncidentKind,
    highest_severity,
    series_of,
)
from alertbot.incidents.state import Current, State
from alertbot.incidents.suppression import Suppressed, Suppression
from alertbot.rules.base import Direction
from alertbot.rules.selection import TOTAL
from alertbot.units import SLOT, slot_at

RECENTLY = 2 * 3600
"""Seconds of slots within which falls began that may make a new account-wide incident."""


def with_account(
    state: State, changed: Mapping[int, Current], moved_into: Mapping[int, int] = MappingProxyType({})
) -> dict[int, Current]:
    """Every incident as it is now, by number, each as a part of the account's fall where it is one.

    ``changed``: those that alerts have just come into. ``moved_into``: rises that are the other side of a fall.
    """
    current = {incident.number: Current(incident) for incident in state.incidents} | dict(changed)
    host, fall = _host_and_fall(state, [each.incident for each in current.values()])
    if host is not None:
        current[host.number] = replace(current.get(host.number, Current(host)), incident=host)
    account_wide = _AccountWide(host, fall, _open_dark(state.incidents), moved_into)
    current = {
        number: replace(each, incident=account_wide.adopt(each.incident, state.suppression))
        for number, each in current.items()
    }
    return current if host is None else _merged_by_channel(current, host.number)


def _merged_by_channel(current: Mapping[int, Current], host: int) -> dict[int, Current]:
    """New parts of the account's fall join an incident of their channel that is of it already, if there is one."""
    merged = {number: each for number, each in current.items() if number >= 0 or number == host}
    for number, each in current.items():
        if number in merged:
            continue
        into = _same_fall(each.incident, merged, host) if each.incident.progress.parent == host else None
        merged[number if into is None else into] = each if into is None else merged[into].merged_with(each)
    return merged


def _same_fall(part: Incident, merged: Mapping[int, Current], host: int) -> int | None:
    """The incident of the part's channel that is of the account's fall, or of a part of it."""
    of_this = [host, *(number for number, each in merged.items() if each.incident.progress.parent == host)]
    here = (number for number in of_this if merged[number].incident.channel == part.channel)
    return next((number for number in here if merged[number].incident.closed is None), None)


def _open_dark(incidents: Sequence[Incident]) -> Incident | None:
    dark = (one for one in incidents if one.kind is IncidentKind.DARK and one.closed is None)
    return next((one for one in dark if one.facts.get("account_wide")), None)


def _host_and_fall(state: State, incidents: Sequence[Incident]) -> tuple[Incident | None, AccountFall | None]:
    """The account-wide incident as it is now, if there is one or is to be one."""
    frontier = state.suppression.frontier
    falls = [fired for one in incidents if one.kind is IncidentKind.ALERT for fired in _falls(one)]
    why = {fired.number: state.suppression.page_suppressed(fired) for fired in falls}
    host = next((one for one in incidents if one.progress.wide is not None and one.closed is None), None)
    if host is not None and host.progress.wide is not None:
        # Whoever silences some of it does not mean that it is over; of what is not active nothing is known.
        lasting = [fired for fired in falls if why[fired.number] not in {Suppressed.INACTIVE, Suppressed.FLAPPING}]
        fall = account.afterwards(host.progress.wide, _begun(lasting), state.carried, frontier, state.storms)
        return replace(host, progress=replace(host.progress, wide=fall)), fall
    falling = [fired for fired in falls if why[fired.number] in {None, Suppressed.CLEARING}]
    recent = [fired for fired in falling if fired.alert.since >= frontier - RECENTLY]
    recent = [fired for fired in recent if state.storms.may_be_of_account(fired)]
    found = account.fell_together(_begun(recent), state.carried, state.storms)
    if found is None or _open_dark(state.incidents) is not None:
        return None, None
    found = replace(found, severity=highest_severity(recent) or found.severity)
    host = _host(found, incidents, state)
    return replace(host, progress=replace(host.progress, wide=found)), found


def _falls(incident: Incident) -> Iterator[FiredAlert]:
    """The falls under way in an incident."""
    if incident.closed is None:
        yield from (fired for fired in incident.firing if fired.alert.direction is Direction.FALL)


def _begun(falling: Sequence[FiredAlert]) -> dict[str, int]:
    """The slot each series began to fall with."""
    begun: dict[str, int] = {}
    for fired in falling:
        begun[fired.alert.series] = min(fired.alert.since, begun.get(fired.alert.series, fired.alert.since))
    return begun


def _host(fall: AccountFall, incidents: Sequence[Incident], state: State) -> Incident:
    """The incident that is posted for the account: the total's, else the default channel's largest, else a new one."""
    of_alerts = (one for one in incidents if one.kind is IncidentKind.ALERT)
    of_total = [one for one in of_alerts if any(fired.alert.series == TOTAL for fired in _falls(one))]
    of_this = [one for one in incidents if _fell_with(one, fall.since)]
    in_channel = [one for one in of_this if one.channel == state.channel]
    if chosen := max(of_total or in_channel, key=lambda one: len(series_of(one.firing)), default=None):
        return chosen
    number = min(0, *(one.number for one in incidents)) - 1
    return Incident(number, IncidentKind.ALERT, state.channel, fall.since, state.suppression.now, None)


def _fell_with(incident: Incident, since: int) -> bool:
    """Whether an incident is of something that fell with the account, from the slot ``since`` on."""
    ordinary = incident.kind is IncidentKind.ALERT and incident.closed is None and incident.falls
    began = min((fired.alert.since for fired in incident.firing), default=None)
    return ordinary and began is not None and began >= since - TOGETHER * SLOT


@dataclass(frozen=True)
class _AccountWide:
    """What happens to the account: ``host`` is the incident of its ``fall``, ``dark`` that of its silence.

    ``moved_into``: the incident of the fall that each incident of rises is the other side of.
    """

    host: Incident | None
    fall: AccountFall | None
    dark: Incident | None
    moved_into: Mapping[int, int]

    def adopt(self, incident: Incident, suppression: Suppression) -> Incident:
        """The incident as a part of that, or as a part no longer."""
        progress = incident.progress
        parent = self._parent(incident, suppression)
        if parent == progress.parent:
            return incident
        if parent is None and not _may_leave(incident, suppression):
            return incident
        # An incident that outlives the account's fall pages again, as if nobody had heard of it.
        progress = replace(progress, parent=parent, paged_at=None, paged_series=0, paged_severity=None)
        return replace(incident, progress=progress)

    def _parent(self, incident: Incident, suppression: Suppression) -> int | None:
        if self.dark is not None and incident.number != self.dark.number and _fell_with(incident, self.dark.since):
            return self.dark.number
        if self.host is None or self.fall is None or incident.number == self.host.number:
            return self.moved_into.get(incident.number)
        ended = account.is_over(self.fall, suppression.frontier)
        part = not ended and _fell_with(incident, self.fall.since)
        return self.host.number if part else self.moved_into.get(incident.number)


def _may_leave(incident: Incident, suppression: Suppression) -> bool:
    """Whether a part that lasts was judged since the account's data came back: it may have ended with the silence."""
    return all(
        suppression.frontier > slot_at(each.closed)
        for each in suppression.darkness
        if each.since <= incident.since < each.closed
    )
