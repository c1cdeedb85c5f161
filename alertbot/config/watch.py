"""What one configuration watches: domains, groups and their series, and the rules and mutes laid over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property
from pathlib import Path

from alertbot.alerts.engine import Engine
from alertbot.alerts.mutes import Mute
from alertbot.config import Config
from alertbot.rules.base import Rule
from alertbot.rules.selection import SUM_PREFIX, TOTAL, Group, select


@dataclass(frozen=True)
class Watch:
    """``selection``: the series each rule judges, by its name."""

    domains: tuple[str, ...]
    groups: tuple[Group, ...]
    selection: Mapping[str, tuple[str, ...]]
    rules: Mapping[str, Rule]
    engine: Engine
    mutes: tuple[Mute, ...] = ()

    @cached_property
    def series(self) -> tuple[str, ...]:
        """Every watched series: the domains, the groups' sums, the total."""
        return _series(self.domains, self.groups)

    @property
    def patience(self) -> int:
        """The most slots any rule looks at before it fires: what a new series is judged on at once."""
        return max((max(rule.for_slots, rule.within_slots or 0) for rule in self.rules.values()), default=1)


def lay_out(config: Config, domains: Sequence[str]) -> Watch:
    """The series of these domains under a configuration, and its rules and mutes over them."""
    groups = tuple(group.resolve(domains) for group in config.groups)
    rules = {rule.name: rule for rule in config.rules if rule.enabled}
    selection = {name: select(rule.domains, rule.except_, domains, groups) for name, rule in rules.items()}
    engine = Engine(tuple(rules.values()), selection, _series(domains, groups))
    mutes = tuple(mute.resolve(domains, groups, rules) for mute in config.mutes)
    return Watch(tuple(domains), groups, selection, rules, engine, mutes)


def subject_of(config: Config, watch: Watch | None, command: str) -> Subject:
    """What can be asked about; ``command``: what questions begin with."""
    path, zone = config.store.path, config.slack.zone
    if watch is None:
        return Subject(command, path, zone, (), {}, {})
    disabled = tuple(rule for rule in config.rules if not rule.enabled)
    return Subject(command, path, zone, watch.series, watch.rules, watch.selection, watch.groups, watch.mutes, disabled)


def _series(domains: Sequence[str], groups: Sequence[Group]) -> tuple[str, ...]:
    return (*domains, *(group.series for group in groups if group.is_summed), TOTAL)


@dataclass(frozen=True)
class Subject:
    """The watched series, the rules over them, and how to name things; ``disabled``: rules that are switched off."""

    command: str
    path: Path
    zone: tzinfo
    series: Sequence[str]
    rules: Mapping[str, Rule]
    selection: Mapping[str, Sequence[str]]
    groups: Sequence[Group] = ()
    mutes: Sequence[Mute] = ()
    disabled: Sequence[Rule] = ()

    @property
    def domains(self) -> tuple[str, ...]:
        """The series that are neither a sum nor the total."""
        return tuple(name for name in self.series if name != TOTAL and not name.startswith(SUM_PREFIX))
