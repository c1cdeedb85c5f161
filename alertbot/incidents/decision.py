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
from alertbot.incidents.holding import Hold, Holding
from alertbot.incidents.incident import Incident, IncidentKind, Standing, ToldAlert, Wide, loudest, series_of
from alertbot.incidents.paging import FEED_SEVERITY, Case, Note, NoteKind, Owed, owed
from alertbot.incidents.silences import HeldSilence
from alertbot.rules.base import Direction
from alertbot.rules.selection import TOTAL
from alertbot.units import SLOT, slot_at

RECENTLY = 2 * 3600
"""Seconds of slots within which falls began that may make a new account-wide incident."""


@dataclass(frozen=True)
class Scene:
    """All that is known. ``incidents``: those that are open, and what may still be joined, the oldest first.

    ``untold``: alerts that fired and are in no incident. ``settled``: whether all series of a slot were judged.
    ``carried``: the domains that carried traffic before anything fell. ``channel``: the default one. ``changed``: notes
    for incidents about what people did just now.
    """

    incidents: Sequence[Incident]
    untold: Sequence[ToldAlert]
    holding: Holding
    placing: Placing
    settled: bool
    channel: str
    carried: Collection[str] = ()
    changed: Mapping[int, tuple[Note, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
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
class Minutes:
    """What a turn came to. ``flaps``: what begins to flap, ``steadied``: what no longer does.

    ``announced``: silences whose end is near, to be said.
    """

    steps: tuple[Step, ...]
    flaps: tuple[AlertKey, ...]
    steadied: tuple[AlertKey, ...]
    announced: tuple[HeldSilence, ...]


def advance(scene: Scene) -> Minutes:
    """What the turn changes."""
    steadied = tuple(key for key, flap in scene.holding.flapping.items() if flap.over(scene.holding.frontier))
    flapping = {key: flap for key, flap in scene.holding.flapping.items() if key not in set(steadied)}
    scene = replace(scene, holding=replace(scene.holding, flapping=flapping))
    fresh, told = _placed(scene)
    flaps = tuple(dict.fromkeys(t.key for t in told if begins_to_flap(t) and t.key not in flapping))
    incidents = {number: each for number, each in _with_the_account(scene, fresh).items() if _concerns(each.incident)}
    parts = _parts(each.incident for each in incidents.values())
    steps = (_step(scene, each, frozenset(flaps), parts.get(number, ())) for number, each in incidents.items())
    return Minutes(
        tuple(step for step in steps if step is not None),
        flaps,
        steadied,
        tuple(each for each in scene.holding.silences if each.due_to_announce(scene.holding.now)),
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


def _placed(scene: Scene) -> tuple[dict[int, _Now], list[ToldAlert]]:
    """The incidents that alerts come into, by number, and these alerts."""
    told = [each for each in scene.untold if _is_to_be_told(each, scene)]
    known = {incident.number: _Now(incident) for incident in scene.incidents}
    fresh: dict[int, _Now] = {}
    for placed in place(told, scene.incidents, scene.placing):
        number = placed.number if placed.number is not None else -len(fresh) - 1
        before = fresh.get(number) or known.get(number) or _Now(_new(number, placed, scene))
        joined = (*before.joined, *(each.number for each in placed.alerts))
        fresh[number] = _Now(_filled(before.incident, placed), joined)
    return fresh, told


def _is_to_be_told(told: ToldAlert, scene: Scene) -> bool:
    held = scene.holding.held(told)
    if told.number in scene.placing.passed:
        return held in {None, Hold.CLEARING, Hold.INHIBITED}
    return held is None if told.resolved is None else scene.holding.was_missed(told)


def _new(number: int, placed: Placed, scene: Scene) -> Incident:
    return Incident(number, placed.kind, placed.channel, placed.since, scene.holding.now, None)


def _filled(incident: Incident, placed: Placed) -> Incident:
    since = min(incident.since, placed.since) if placed.kind is IncidentKind.ALERT else incident.since
    return replace(incident, since=since, alerts=(*incident.alerts, *placed.alerts), closed=None)


def _with_the_account(scene: Scene, fresh: Mapping[int, _Now]) -> dict[int, _Now]:
    """Every incident as it stands, with what the account as a whole makes of it."""
    now = {incident.number: _Now(incident) for incident in scene.incidents} | dict(fresh)
    host, wide = _account(scene, [each.incident for each in now.values()])
    if host is not None:
        now[host.number] = replace(now.get(host.number, _Now(host)), incident=host)
    whole = _Whole(host, wide, _open_dark(scene.incidents))
    now = {number: replace(each, incident=whole.take_in(each.incident, scene.holding)) for number, each in now.items()}
    return now if host is None else _in_one_message_each(now, host.number)


def _in_one_message_each(now: Mapping[int, _Now], host: int) -> dict[int, _Now]:
    """What fell with the account and was not told yet is told where a message of its channel tells of that already."""
    told = {number: each for number, each in now.items() if number >= 0 or number == host}
    for number, each in now.items():
        if number in told:
            continue
        place = _message_for(each.incident, told, host) if each.incident.standing.parent == host else None
        told[number if place is None else place] = each if place is None else told[place].with_all_of(each)
    return told


def _message_for(part: Incident, told: Mapping[int, _Now], host: int) -> int | None:
    """The incident of the part's channel that tells of the account's fall, or of a part of it."""
    of_this = [host, *(number for number, each in told.items() if each.incident.standing.parent == host)]
    return next((number for number in of_this if told[number].incident.channel == part.channel), None)


def _open_dark(incidents: Sequence[Incident]) -> Incident | None:
    dark = (one for one in incidents if one.kind is IncidentKind.DARK and one.closed is None)
    return next((one for one in dark if one.facts.get("account_wide")), None)


def _account(scene: Scene, incidents: Sequence[Incident]) -> tuple[Incident | None, Wide | None]:
    """The account-wide incident as it stands now, if there is one or is to be one."""
    frontier = scene.holding.frontier
    falls = [told for one in incidents if one.kind is IncidentKind.ALERT for told in _falls(one)]
    quiet = {told.number: scene.holding.quiet(told) for told in falls}
    host = next((one for one in incidents if one.standing.wide is not None and one.closed is None), None)
    if host is not None and host.standing.wide is not None:
        # Whoever silences some of it does not mean that it is over; of what is not active nothing is known.
        lasting = [told for told in falls if quiet[told.number] not in {Hold.INACTIVE, Hold.FLAPPING}]
        wide = account.afterwards(host.standing.wide, _begun(lasting), scene.carried, frontier)
        return replace(host, standing=replace(host.standing, wide=wide)), wide
    falling = [told for told in falls if quiet[told.number] in {None, Hold.CLEARING}]
    recent = [told for told in falling if told.alert.since >= frontier - RECENTLY]
    found = account.fell_together(_begun(recent), scene.carried)
    if found is None or _open_dark(scene.incidents) is not None:
        return None, None
    found = replace(found, severity=loudest(recent) or found.severity)
    host = _host(found, incidents, scene)
    return replace(host, standing=replace(host.standing, wide=found)), found


def _falls(incident: Incident) -> Iterator[ToldAlert]:
    """The falls under way in an incident."""
    if incident.closed is None:
        yield from (told for told in incident.burning if told.alert.direction is Direction.FALL)


def _begun(falling: Sequence[ToldAlert]) -> dict[str, int]:
    """The slot each series began to fall with."""
    begun: dict[str, int] = {}
    for told in falling:
        begun[told.alert.series] = min(told.alert.since, begun.get(told.alert.series, told.alert.since))
    return begun


def _host(wide: Wide, incidents: Sequence[Incident], scene: Scene) -> Incident:
    """The incident that tells of the account: the total's, else the largest of the default channel, else a new one."""
    with_total = (one for one in incidents if one.kind is IncidentKind.ALERT)
    by_total = [one for one in with_total if any(told.alert.series == TOTAL for told in _falls(one))]
    of_this = [one for one in incidents if _belongs(one, wide.since)]
    in_channel = [one for one in of_this if one.channel == scene.channel]
    if chosen := max(by_total or in_channel, key=lambda one: len(series_of(one.burning)), default=None):
        return chosen
    number = min(0, *(one.number for one in incidents)) - 1
    return Incident(number, IncidentKind.ALERT, scene.channel, wide.since, scene.holding.now, None)


def _belongs(incident: Incident, since: int) -> bool:
    """Whether an incident is of something that fell with the account, from the slot ``since`` on."""
    ordinary = incident.kind is IncidentKind.ALERT and incident.closed is None and incident.falls
    began = min((told.alert.since for told in incident.burning), default=None)
    return ordinary and began is not None and began >= since - TOGETHER * SLOT


@dataclass(frozen=True)
class _Whole:
    """What the account as a whole goes through: ``host`` is the incident of its fall, ``dark`` that of its silence."""

    host: Incident | None
    wide: Wide | None
    dark: Incident | None

    def take_in(self, incident: Incident, holding: Holding) -> Incident:
        """The incident as a part of that, or no longer."""
        standing = incident.standing
        parent = self._parent(incident, holding)
        if parent == standing.parent:
            return incident
        if parent is None and not _may_let_go(incident, holding):
            return incident
        # What outlives the whole is told as if nobody had heard of it yet.
        standing = replace(standing, parent=parent, paged_at=None, paged_series=0, paged_severity=None)
        return replace(incident, standing=standing)

    def _parent(self, incident: Incident, holding: Holding) -> int | None:
        if self.dark is not None and incident.number != self.dark.number and _belongs(incident, self.dark.since):
            return self.dark.number
        if self.host is None or self.wide is None or incident.number == self.host.number:
            return None
        over = account.is_over(self.wide, holding.frontier)
        return self.host.number if not over and _belongs(incident, self.wide.since) else None


def _may_let_go(incident: Incident, holding: Holding) -> bool:
    """After a darkness, what fell with it gets the time to be over with it."""
    return all(
        holding.frontier > slot_at(each.closed)
        for each in holding.darkness
        if each.since <= incident.since < each.closed
    )


def _parts(incidents: Iterable[Incident]) -> dict[int, list[ToldAlert]]:
    """What burns in the parts of each incident that has any."""
    parts: dict[int, list[ToldAlert]] = {}
    for incident in incidents:
        if incident.standing.parent is not None and incident.burning:
            parts.setdefault(incident.standing.parent, []).extend(incident.burning)
    return parts


def _step(scene: Scene, now: _Now, flaps: frozenset[AlertKey], parts: Sequence[ToldAlert]) -> Step | None:
    incident, joined = now.incident, frozenset(now.joined)
    changed = (*scene.changed.get(incident.number, ()), *_inhibited(scene, incident))
    if incident.kind in FEED_SEVERITY and not joined and not scene.settled and not changed:
        return None
    held = bool(parts) and all(scene.holding.quiet(told) is not None for told in parts)
    case = Case(incident, scene.holding, scene.settled, joined, flaps, changed, bool(parts), held)
    what = owed(case)
    if not (case.opens or joined or _differs(scene, incident, what)):
        return None
    after = replace(incident, standing=what.standing, closed=scene.holding.now if what.closed else None)
    return Step(after, tuple(sorted(joined)), what.notes, what.noted, what.closed, case.opens)


def _inhibited(scene: Scene, incident: Incident) -> tuple[Note, ...]:
    """That an incident people know of has become a part of a larger one."""
    before = _standing_of(scene, incident.number)
    if before is None or incident.standing.parent is None or before.parent is not None:
        return ()
    return (Note(NoteKind.INHIBITED),)


def _standing_of(scene: Scene, number: int) -> Standing | None:
    return next((one.standing for one in scene.incidents if one.number == number), None)


def _differs(scene: Scene, incident: Incident, what: Owed) -> bool:
    return bool(what.notes or what.noted or what.closed) or what.standing != _standing_of(scene, incident.number)
