"""What fits an account as a whole: the rules that ``alertbot init`` writes, and the floors they watch from.

A floor is the lowest at which its rule hardly ever fired, but never so high that it leaves out a domain which makes up
a fair share of the traffic. How often a rule fires with a floor, a replay says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alertbot.alerts.lifecycle import Alert
from alertbot.alerts.replay import History
from alertbot.cli.limits import fired
from alertbot.config.kinds import rule_of
from alertbot.rules.base import Array, Rule
from alertbot.units import format_rate, friendly

_HEADROOM = 1.5
"""How many times the total's peak its ceiling is."""

_HEAVY = 0.95
"""The share of all traffic whose domains each rule must be able to watch."""

_A_FIRING_FOR = 50
"""A rule may have fired once for so many domains; a floor at which it fired more often is raised."""

_LOWEST = 1e4
"""No floor lies under this, in bit/s ..."""

_WORTH_WAKING = 1e6
"""... and none of a rule that wakes people under this, however small the account is."""


@dataclass(frozen=True)
class Starter:
    """What fits a whole account: its rules' floors, how often each fired, and a ceiling for the total; bit/s.

    ``fired`` is empty where there was no traffic to go by; ``ceiling`` is None where the total carried nothing, or is
    not known.
    """

    floors: Mapping[str, float]
    fired: Mapping[str, int]
    ceiling: float | None


@dataclass(frozen=True)
class StarterRule:
    """A rule of the file that ``init`` writes, by its keys; its floor stands under ``floor_key``.

    ``usual``: the floor (bit/s) where there is no traffic to go by. What is ``negligible`` times less than the
    account's peak is never watched, nor what is under ``least``.
    """

    keys: Mapping[str, object]
    floor_key: str
    usual: float
    negligible: int
    least: float = _LOWEST

    def at(self, floor: float) -> Rule:
        """The rule with this floor."""
        return rule_of({**self.keys, self.floor_key: format_rate(floor, digits=6)})


_DARK = {"name": "went-dark", "kind": "drop", "to": "0 bps", "for": "10m", "severity": "critical"}
_SMALL = {"name": "small-dark", "kind": "drop", "to": "0 bps", "for": "30m"}
_FALL = {"name": "sharp-fall", "kind": "drop", "by": "80%", "for": "15m"}
_OFF = {"name": "far-off", "kind": "baseline", "factor": 1.9, "zeros": False, "for": "5m"}

STARTER = {
    "went-dark": StarterRule(_DARK, "from", usual=5e6, negligible=20_000, least=_WORTH_WAKING),
    "small-dark": StarterRule(_SMALL, "from", usual=5e5, negligible=200_000),
    "sharp-fall": StarterRule(_FALL, "from", usual=20e6, negligible=5_000),
    "far-off": StarterRule(_OFF, "floor", usual=20e6, negligible=5_000),
}
"""The rules of that file, by name, but for those of the total."""


def starter(history: History, total: Array | None) -> Starter:
    """What fits all series of a history; ``total``: what the account carried (bit/s), where that may be asked for."""
    values = np.vstack([history.day(day)[0] for day in history.days()]) if history.series else np.zeros((0, 0))
    known = values[:, ~np.isnan(values).all(axis=0)]
    ceiling = friendly(_HEADROOM * _peak(total), up=True) if total is not None and _peak(total) > 0 else None
    if not _peak(known) > 0:
        return Starter({name: rule.usual for name, rule in STARTER.items()}, {}, ceiling)
    peak = _peak(total if total is not None else known.sum(axis=1))
    usual, high = _smallest_heavy(known)
    fair = dict.fromkeys(STARTER, friendly(usual / 2)) | {"far-off": friendly(high / 2)}
    highest = {name: max(fair[name], rule.least if rule.least > _LOWEST else 0.0) for name, rule in STARTER.items()}
    lowest = {
        name: min(friendly(max(peak / rule.negligible, rule.least)), highest[name]) for name, rule in STARTER.items()
    }
    floors, alerts = _raised(history, lowest, highest, max(1, known.shape[1] // _A_FIRING_FOR))
    times = Counter(alert.rule for alert in alerts)
    return Starter(floors, {name: times[name] for name in floors}, ceiling)


def _raised(
    history: History, floors: Mapping[str, float], highest: Mapping[str, float], allowed: int
) -> tuple[Mapping[str, float], list[Alert]]:
    """Floors with which each rule fires no more than ``allowed`` times, or the highest, and what fires with them."""
    while True:
        # With a low floor thousands may fire, each at a cost; fewer show as well how far to raise it.
        most = {name: 5 * allowed + 20 for name, floor in floors.items() if floor < highest[name]}
        rules = [replace(STARTER[name].at(floor), domains=tuple(history.series)) for name, floor in floors.items()]
        alerts = fired(history, rules, most)
        raised = {
            rule.name: min(_floor_above(floors[rule.name], rule, alerts, allowed), highest[rule.name]) for rule in rules
        }
        raised["sharp-fall"] = max(raised["sharp-fall"], min(raised["went-dark"], highest["sharp-fall"]))
        if raised == floors:
            return floors, alerts
        floors = raised


def _floor_above(floor: float, rule: Rule, alerts: Sequence[Alert], allowed: int) -> float:
    """The next round floor that leaves out all but the ``allowed`` largest of a rule's alerts."""
    sizes = [
        float(rule.kind.size(np.asarray(alert.value), np.asarray(alert.reference)))
        for alert in alerts
        if alert.rule == rule.name
    ]
    if len(sizes) <= allowed:
        return floor
    return max(floor, friendly(1.01 * sorted(sizes, reverse=True)[allowed], up=True))


def _smallest_heavy(values: Array) -> tuple[float, float]:
    """The usual rate and the peak of the smallest of those domains that together make up most of the traffic."""
    means = np.nanmean(values, axis=0)
    order = np.argsort(-means, kind="stable")
    share = np.cumsum(means[order]) / means.sum()
    smallest = values[:, order[int(np.searchsorted(share, _HEAVY))]]
    usual = float(np.nanmedian(smallest))
    return usual or float(np.nanmean(smallest)), _peak(smallest)


def _peak(values: Array) -> float:
    return float(np.nanmax(values, initial=0.0))
