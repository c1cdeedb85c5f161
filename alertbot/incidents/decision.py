"""The book of incidents: what a turn changes in it, from what was judged, what people said, and what time it is.

Pure: the scene has all the facts, the minutes say what is to be written and told. To be called within the transaction
that writes both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from alertbot.alerts.engine import AlertKey
from alertbot.incidents import account
from alertbot.incidents.flapping import begins_to_flap
from alertbot.incidents.grouping import TOGETHER, Placed, Placing, place
from alertbot.incidents.incident import (
    FEED_SEVERITY,
    AccountFall,
    FiredAlert,
    Incident,
    IncidentKind,
    Progress,
    highest_severity,
    series_of,
)
from alertbot.incidents.notes import Note, NoteKind
from alertbot.incidents.paging import Due, due
from alertbot.incidents.silences import StoredSilence
from alertbot.incidents.situation import Situation
from alertbot.incidents.suppression import Suppressed, Suppression
from alertbot.rules.base import Direction
from alertbot.rules.selection import TOTAL
from alertbot.units import SLOT, slot_at

RECENTLY = 2 * 3600
"""Seconds of slots within which falls began that may make a new account-wide incident."""


@dataclass(frozen=True)
class State:
    """All that is known. ``incidents``: those that are open, and what may still be joined, the oldest first.

    ``unposted``: alerts that fired and are in no incident. ``settled``: whether all series of a slot were judged.
    ``carried``: the domains that carried traffic before anything fell. ``channel``: the default one. ``changed``: notes
    for incidents about what people did just now.
    """

    incidents: Sequence[Incident]
    unposted: Sequence[FiredAlert]
    suppression: Suppression
    placing: Placing
    settled: bool
    channel: str
    carried: Collection[str] = ()
    changed: Mapping[int, tuple[Note, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class IncidentChange:
    """What becomes of one incident; its alerts and its standing are those of ``incident``.

    ``joined``: the rows of alerts that are new in it. ``noted``: what the thread knows of alerts, by row. ``opened``:
    it is new, and its number a stand-in below 0 until it is written.
    """

    incident: Incident
    joined: tuple[int, ...]
    notes: tuple[Note, ...]
    noted: Mapping[int, int]
    closed: bool
    opened: bool = False


@dataclass(frozen=True)
class Decision:
    """What a turn came to. ``flaps``: what begins to flap, ``steadied``: what no longer does.

    ``announced``: silences whose end is near, to be said.
    """

    changes: tuple[IncidentChange, ...]
    flaps: tuple[AlertKey, ...]
    steadied: tuple[AlertKey, ...]
    announced: tuple[StoredSilence, ...]


def decide(state: State) -> Decision:
    """What the turn changes."""
    steadied = state.suppression.steadied
    state = replace(state, suppression=state.suppression.without_steadied())
    fresh, told = _placed(state)
    flaps = tuple(dict.fromkeys(t.key for t in told if begins_to_flap(t) and t.key not in state.suppression.flapping))
    incidents = {number: each for number, each in _with_the_account(state, fresh).items() if _concerns(each.incident)}
    parts = _parts(each.incident for each in incidents.values())
    changes = (_step(state, each, frozenset(flaps), parts.get(number, ())) for number, each in incidents.items())
    return Decision(
        tuple(step for step in changes if step is not None),
        flaps,
        steadied,
        tuple(each for each in state.suppression.silences if each.due_to_announce(state.suppression.now)),
    )


@dataclass(frozen=True)
class _Now:
    """An incident as it is now; ``joined`` are the rows of alerts that have just come into it."""

    incident: Incident
    joined: tuple[int, ...] = ()

    def with_all_of(self, other: _Now) -> _Now:
        """The two in one."""
        alerts = (*self.incident.alerts, *other.incident.alerts)
        since = min(self.incident.since, other.incident.since)
        return _Now(replace(self.incident, since=since, alerts=alerts), (*self.joined, *other.joined))


def _concerns(incident: Incident) -> bool:
    """Leave out what is closed and stays so."""
    return incident.closed is None


def _placed(state: State) -> tuple[dict[int, _Now], list[FiredAlert]]:
    """The incidents that alerts come into, by number, and these alerts."""
    told = [each for each in state.unposted if _is_to_be_told(each, state)]
    known = {incident.number: _Now(incident) for incident in state.incidents}
    fresh: dict[int, _Now] = {}
    for placed in place(told, state.incidents, state.placing):
        number = placed.number if placed.number is not None else -len(fresh) - 1
        before = fresh.get(number) or known.get(number) or _Now(_new(number, placed, state))
        joined = (*before.joined, *(each.number for each in placed.alerts))
        fresh[number] = _Now(_filled(before.incident, placed), joined)
    return fresh, told


def _is_to_be_told(told: FiredAlert, state: State) -> bool:
    held = state.suppression.suppressed(told)
    if told.number in state.placing.passed:
        return held in {None, Suppressed.CLEARING, Suppressed.DARKNESS}
    return held is None if told.resolved is None else state.suppression.was_missed(told)


def _new(number: int, placed: Placed, state: State) -> Incident:
    return Incident(number, placed.kind, placed.channel, placed.since, state.suppression.now, None)


def _filled(incident: Incident, placed: Placed) -> Incident:
    since = min(incident.since, placed.since) if placed.kind is IncidentKind.ALERT else incident.since
    return replace(incident, since=since, alerts=(*incident.alerts, *placed.alerts), closed=None)


def _with_the_account(state: State, fresh: Mapping[int, _Now]) -> dict[int, _Now]:
    """Every incident as it stands, with what the account as a whole makes of it."""
    now = {incident.number: _Now(incident) for incident in state.incidents} | dict(fresh)
    host, wide = _account(state, [each.incident for each in now.values()])
    if host is not None:
        now[host.number] = replace(now.get(host.number, _Now(host)), incident=host)
    whole = _Whole(host, wide, _open_dark(state.incidents))
    now = {
        number: replace(each, incident=whole.take_in(each.incident, state.suppression)) for number, each in now.items()
    }
    return now if host is None else _in_one_message_each(now, host.number)


def _in_one_message_each(now: Mapping[int, _Now], host: int) -> dict[int, _Now]:
    """What fell with the account and was not told yet is told where a message of its channel tells of that already."""
    told = {number: each for number, each in now.items() if number >= 0 or number == host}
    for number, each in now.items():
        if number in told:
            continue
        place = _message_for(each.incident, told, host) if each.incident.progress.parent == host else None
        told[number if place is None else place] = each if place is None else told[place].with_all_of(each)
    return told


def _message_for(part: Incident, told: Mapping[int, _Now], host: int) -> int | None:
    """The incident of the part's channel that tells of the account's fall, or of a part of it."""
    of_this = [host, *(number for number, each in told.items() if each.incident.progress.parent == host)]
    return next((number for number in of_this if told[number].incident.channel == part.channel), None)


def _open_dark(incidents: Sequence[Incident]) -> Incident | None:
    dark = (one for one in incidents if one.kind is IncidentKind.DARK and one.closed is None)
    return next((one for one in dark if one.facts.get("account_wide")), None)


def _account(state: State, incidents: Sequence[Incident]) -> tuple[Incident | None, AccountFall | None]:
    """The account-wide incident as it stands now, if there is one or is to be one."""
    frontier = state.suppression.frontier
    falls = [told for one in incidents if one.kind is IncidentKind.ALERT for told in _falls(one)]
    quiet = {told.number: state.suppression.page_suppressed(told) for told in falls}
    host = next((one for one in incidents if one.progress.wide is not None and one.closed is None), None)
    if host is not None and host.progress.wide is not None:
        # Whoever silences some of it does not mean that it is over; of what is not active nothing is known.
        lasting = [told for told in falls if quiet[told.number] not in {Suppressed.INACTIVE, Suppressed.FLAPPING}]
        wide = account.afterwards(host.progress.wide, _begun(lasting), state.carried, frontier)
        return replace(host, progress=replace(host.progress, wide=wide)), wide
    falling = [told for told in falls if quiet[told.number] in {None, Suppressed.CLEARING}]
    recent = [told for told in falling if told.alert.since >= frontier - RECENTLY]
    found = account.fell_together(_begun(recent), state.carried)
    if found is None or _open_dark(state.incidents) is not None:
        return None, None
    found = replace(found, severity=highest_severity(recent) or found.severity)
    host = _host(found, incidents, state)
    return replace(host, progress=replace(host.progress, wide=found)), found


def _falls(incident: Incident) -> Iterator[FiredAlert]:
    """The falls under way in an incident."""
    if incident.closed is None:
        yield from (told for told in incident.firing if told.alert.direction is Direction.FALL)


def _begun(falling: Sequence[FiredAlert]) -> dict[str, int]:
    """The slot each series began to fall with."""
    begun: dict[str, int] = {}
    for told in falling:
        begun[told.alert.series] = min(told.alert.since, begun.get(told.alert.series, told.alert.since))
    return begun


def _host(wide: AccountFall, incidents: Sequence[Incident], state: State) -> Incident:
    """The incident that tells of the account: the total's, else the largest of the default channel, else a new one."""
    with_total = (one for one in incidents if one.kind is IncidentKind.ALERT)
    by_total = [one for one in with_total if any(told.alert.series == TOTAL for told in _falls(one))]
    of_this = [one for one in incidents if _belongs(one, wide.since)]
    in_channel = [one for one in of_this if one.channel == state.channel]
    if chosen := max(by_total or in_channel, key=lambda one: len(series_of(one.firing)), default=None):
        return chosen
    number = min(0, *(one.number for one in incidents)) - 1
    return Incident(number, IncidentKind.ALERT, state.channel, wide.since, state.suppression.now, None)


def _belongs(incident: Incident, since: int) -> bool:
    """Whether an incident is of something that fell with the account, from the slot ``since`` on."""
    ordinary = incident.kind is IncidentKind.ALERT and incident.closed is None and incident.falls
    began = min((told.alert.since for told in incident.firing), default=None)
    return ordinary and began is not None and began >= since - TOGETHER * SLOT


@dataclass(frozen=True)
class _Whole:
    """What the account as a whole goes through: ``host`` is the incident of its fall, ``dark`` that of its silence."""

    host: Incident | None
    wide: AccountFall | None
    dark: Incident | None

    def take_in(self, incident: Incident, suppression: Suppression) -> Incident:
        """The incident as a part of that, or no longer."""
        progress = incident.progress
        parent = self._parent(incident, suppression)
        if parent == progress.parent:
            return incident
        if parent is None and not _may_let_go(incident, suppression):
            return incident
        # What outlives the whole is told as if nobody had heard of it yet.
        progress = replace(progress, parent=parent, paged_at=None, paged_series=0, paged_severity=None)
        return replace(incident, progress=progress)

    def _parent(self, incident: Incident, suppression: Suppression) -> int | None:
        if self.dark is not None and incident.number != self.dark.number and _belongs(incident, self.dark.since):
            return self.dark.number
        if self.host is None or self.wide is None or incident.number == self.host.number:
            return None
        over = account.is_over(self.wide, suppression.frontier)
        return self.host.number if not over and _belongs(incident, self.wide.since) else None


def _may_let_go(incident: Incident, suppression: Suppression) -> bool:
    """After a darkness, what fell with it gets the time to be over with it."""
    return all(
        suppression.frontier > slot_at(each.closed)
        for each in suppression.darkness
        if each.since <= incident.since < each.closed
    )


def _parts(incidents: Iterable[Incident]) -> dict[int, list[FiredAlert]]:
    """What burns in the parts of each incident that has any."""
    parts: dict[int, list[FiredAlert]] = {}
    for incident in incidents:
        if incident.progress.parent is not None and incident.firing:
            parts.setdefault(incident.progress.parent, []).extend(incident.firing)
    return parts


def _step(state: State, now: _Now, flaps: frozenset[AlertKey], parts: Sequence[FiredAlert]) -> IncidentChange | None:
    incident, joined = now.incident, frozenset(now.joined)
    changed = (*state.changed.get(incident.number, ()), *_inhibited(state, incident))
    if incident.kind in FEED_SEVERITY and not joined and not state.settled and not changed:
        return None
    held = bool(parts) and all(state.suppression.page_suppressed(told) is not None for told in parts)
    case = Situation(incident, state.suppression, state.settled, joined, flaps, changed, bool(parts), held)
    what = due(case)
    if not (case.opens or joined or _differs(state, incident, what)):
        return None
    after = replace(incident, progress=what.progress, closed=state.suppression.now if what.closed else None)
    return IncidentChange(after, tuple(sorted(joined)), what.notes, what.noted, what.closed, case.opens)


def _inhibited(state: State, incident: Incident) -> tuple[Note, ...]:
    """That an incident people know of has become a part of a larger one."""
    before = _standing_of(state, incident.number)
    if before is None or incident.progress.parent is None or before.parent is not None:
        return ()
    return (Note(NoteKind.INHIBITED),)


def _standing_of(state: State, number: int) -> Progress | None:
    return next((one.progress for one in state.incidents if one.number == number), None)


def _differs(state: State, incident: Incident, what: Due) -> bool:
    return bool(what.notes or what.noted or what.closed) or what.progress != _standing_of(state, incident.number)
