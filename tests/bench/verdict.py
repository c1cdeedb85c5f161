"""What should have been told, what was, and the difference.

What should be told is what the rules make of the final truth, all of it known at once; that is checked against what
was put in: every injected incident fires its rule there, and nothing fires without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from bench.rig import Rig
from bench.world import START, Injected, World

from alertbot.alerts.ledger import Ledger
from alertbot.config import Config
from alertbot.config.watch import Watch, lay_out
from alertbot.feed.api import ALL
from alertbot.feed.plan import plan_calls
from alertbot.rules.grid import Grid
from alertbot.rules.selection import SUM_PREFIX, TOTAL
from alertbot.units import SLOT, format_iso

_SHOWN = {TOTAL: "account"}
"""What messages call a series, where that is not its name."""

_NEAR = 2 * SLOT
_PATIENCE = 5400
"""Seconds after which an alert counts as missed."""


@dataclass(frozen=True)
class Episode:
    """An alert from its first slot to the one that resolved it; ``fired`` is the slot that completed ``for``."""

    rule: str
    series: str
    since: int
    fired: int
    resolved: int | None

    def meets(self, other: Episode) -> bool:
        """Whether the two are the same alert: the same rule and series, at the same time."""
        return (
            (self.rule, self.series) == (other.rule, other.series)
            and self.since <= (other.resolved or 2**40) + _NEAR
            and other.since <= (self.resolved or 2**40) + _NEAR
        )


@dataclass(frozen=True)
class Told:
    """An alert in the database, with the incident it was told in and how often that was posted.

    ``posted``: when the alert was told, by that post or in its thread.
    """

    episode: Episode
    reason: str | None
    incident: int
    kind: str
    posts: int
    posted: float | None


@dataclass
class Verdict:
    """``false``, ``missed``, ``repeated``: a line for each; ``wrongly``: the series of the false ones."""

    expected: int = 0
    told: int = 0
    false: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    wrongly: set[str] = field(default_factory=set)
    delays: list[float] = field(default_factory=list)
    feed: list[str] = field(default_factory=list)


def expected(world: World, config: Config, last: int) -> list[Episode]:
    """What the rules make of the final truth up to the slot ``last``."""
    watch = lay_out(config, config.watched())
    ledger = Ledger(watch.engine, Grid(watch.series), {}, {})
    for series in watch.series:
        ledger.take(series, world.first, _truth(world, watch, series, last))
        ledger.start(series, START - SLOT)
    open_: dict[tuple[str, str], Episode] = {}
    episodes = []
    for change in ledger.judge(last).changes:
        alert = change.alert
        key = alert.rule, alert.series
        if change.fired:
            open_[key] = Episode(alert.rule, alert.series, alert.since, alert.slot, None)
        else:
            begun = open_.pop(key)
            episodes.append(Episode(begun.rule, begun.series, begun.since, begun.fired, alert.slot))
    return [*episodes, *open_.values()]


def check(episodes: Sequence[Episode], injected: Sequence[Injected]) -> None:
    """The known right answers: ``ValueError`` where truth under the rules is anything else."""
    for each in injected:
        whole = Episode(each.trouble.value, each.domain, each.start, each.start, each.end)
        if not any(whole.meets(episode) for episode in episodes):
            raise ValueError(f"{each} fires nothing")
    domains = {each.domain for each in injected}
    for episode in episodes:
        causes = (each for each in injected if each.domain == episode.series or episode.series not in domains)
        if not any(each.start <= episode.fired <= each.end + _NEAR for each in causes):
            raise ValueError(f"{episode} fires without an incident")


def _truth(world: World, watch: Watch, series: str, last: int) -> Any:
    (domains, *_) = plan_calls(watch.domains, watch.groups)[series]
    names = tuple(world.domains) if domains == ALL else domains
    count = (last - world.first) // SLOT + 1
    return np.sum([np.array(world.columns[name].values[:count]) for name in names], axis=0).round(2)


def judge(rig: Rig, episodes: Sequence[Episode]) -> Verdict:
    """Compare what was told until now with what should have been."""
    told = told_by(rig)
    due = [episode for episode in episodes if episode.fired < rig.clock.time() - _PATIENCE]
    verdict = Verdict(expected=len(due), told=len(told))
    for episode in due:
        matching = [each for each in told if each.episode.meets(episode)]
        if not any(each.posts for each in matching):
            verdict.missed.append(_line(rig, episode, "not told"))
        elif len(matching) > 1 or any(each.posts > 1 for each in matching):
            spans = ", ".join(_span(each) for each in matching)
            verdict.repeated.append(_line(rig, episode, f"told {len(matching)} times: {spans}"))
        else:
            verdict.delays += [each.posted - episode.fired - SLOT for each in matching if each.posted is not None]
    for each in told:
        if not any(each.episode.meets(episode) for episode in episodes):
            verdict.false.append(_line(rig, each.episode, _span(each)))
            verdict.wrongly.add(each.episode.series)
    verdict.feed = _feed(rig)
    return verdict


def told_by(rig: Rig) -> list[Told]:
    """Every alert that is in an incident, with how often that was posted and when the alert was told in it."""
    times: dict[str, list[float]] = {}
    for time, message in rig.screen.posts:
        times.setdefault(message, []).append(time)
    alerts: list[Any] = rig.rows(
        "SELECT rule, series, alerts.since, fired, resolved, reason, incident, incidents.kind FROM alerts"
        " JOIN incidents ON incidents.id = incident WHERE fired IS NOT NULL ORDER BY alerts.id"
    )
    messages: dict[int, list[Any]] = {}
    rows: list[Any] = rig.rows(
        "SELECT incidents.id, outbox.id, action, created, body FROM outbox"
        " JOIN incidents ON subject = 'incident:' || incidents.id WHERE action <> 'update' ORDER BY number"
    )
    for number, *message in rows:
        messages.setdefault(number, []).append(message)
    return [_told(alert, messages.get(alert[6], []), times) for alert in alerts]


def _told(alert: Sequence[Any], messages: Sequence[Sequence[Any]], times: dict[str, list[float]]) -> Told:
    """What opened the incident tells of an alert, or what said later in its thread that the alert joined it."""
    episode = Episode(*alert[:5])
    posts = [time for id_, action, _, _ in messages if action == "post" for time in times.get(id_, ())]
    told = [
        time
        for id_, _, created, body in messages
        if created >= episode.fired + SLOT
        and _SHOWN.get(episode.series, episode.series.removeprefix(SUM_PREFIX)) in body
        for time in times.get(id_, ())
    ]
    return Told(episode, alert[5], alert[6], alert[7], len(posts), min(told, default=None))


def _feed(rig: Rig) -> list[str]:
    rows: list[Any] = rig.rows(
        "SELECT kind, opened, closed, facts FROM incidents WHERE kind IN ('dark', 'feed', 'vanished') ORDER BY id"
    )
    return [
        f"{kind} from {format_iso(int(opened))} to {format_iso(int(closed)) if closed else 'the end'}: {facts}"
        for kind, opened, closed, facts in rows
    ]


def _span(told: Told) -> str:
    until = "still firing" if told.episode.resolved is None else f"to {format_iso(told.episode.resolved)}"
    return f"since {format_iso(told.episode.since)} {until} ({told.reason or 'open'}; {told.kind} #{told.incident})"


def _line(rig: Rig, episode: Episode, what: str) -> str:
    """One exception, with what the series was like then."""
    text = f"{episode.rule} of {episode.series} since {format_iso(episode.since)}: {what}"
    if episode.series not in rig.world.columns:
        return text
    lag = rig.world.lag_of(episode.series, episode.since)
    odd = rig.world.odd_buckets(episode.series, episode.since, episode.fired)
    values = [rig.world.truth(episode.series, slot) for slot in range(episode.since, episode.fired + SLOT, SLOT)]
    truth = ", ".join(f"{value / 1e6:.0f}" for value in values[:6])
    return f"{text}; its lag is {lag / 60:.1f} min, {odd} of its buckets shown otherwise at first, truth {truth} Mbit/s"
