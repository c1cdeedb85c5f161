"""What one configuration watches: domains, groups and their series, and the rules and mutes laid over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from functools import cached_property

from alertbot.alerts.engine import Engine
from alertbot.alerts.mutes import Mute
from alertbot.config import Config
from alertbot.incidents.suppression import Suppression, Suppressors
from alertbot.rules.base import Rule
from alertbot.rules.selection import TOTAL, Group, is_domain, select


@dataclass(frozen=True)
class Watch:
    """The watched series and the rules over them.

    ``series``: the domains, the groups' sums, the total. ``selection``: the series each rule judges, by its name.
    ``disabled``: the names of rules that are switched off. ``zone``: the readers'.
    """

    zone: tzinfo
    series: tuple[str, ...] = ()
    rules: Mapping[str, Rule] = field(default_factory=dict)
    selection: Mapping[str, Sequence[str]] = field(default_factory=dict)
    groups: Sequence[Group] = ()
    mutes: Sequence[Mute] = ()
    disabled: Sequence[str] = ()

    @cached_property
    def domains(self) -> tuple[str, ...]:
        """The series that are neither a sum nor the total."""
        return tuple(name for name in self.series if is_domain(name))

    @cached_property
    def engine(self) -> Engine:
        """Judges these rules."""
        return Engine(tuple(self.rules.values()), self.selection, self.series)

    @property
    def patience(self) -> int:
        """The most slots any rule looks at before it fires: what a new series is judged on at once."""
        return max((max(rule.for_slots, rule.within_slots or 0) for rule in self.rules.values()), default=1)

    def suppression(self, now: float, frontier: int | None, stored: Suppressors) -> Suppression:
        """What may suppress an alert at ``now``, epoch seconds, with data up to the slot ``frontier``."""
        return Suppression(
            now=now,
            frontier=frontier or 0,
            rules=self.rules,
            groups=self.groups,
            mutes=self.mutes,
            silences=stored.silences,
            flapping=stored.flapping,
            darkness=stored.darkness,
        )

    def of_rule(self, name: str) -> Watch:
        """The same watch with one rule alone, or with none where it has no such rule."""
        rules = {each: rule for each, rule in self.rules.items() if each == name}
        return replace(self, rules=rules, selection={each: self.selection[each] for each in rules})


def lay_out(config: Config, domains: Sequence[str]) -> Watch:
    """The rules and mutes of a configuration over these domains, its groups' sums and the total."""
    groups = tuple(group.resolve(domains) for group in config.groups)
    sums = (group.series for group in groups if group.is_summed)
    return _laid_over(config, (*domains, *sums, TOTAL), domains, groups)


def lay_over(config: Config, series: Sequence[str]) -> Watch:
    """The rules and mutes of a configuration over these series and no others, as a CSV file holds them."""
    return _laid_over(config, tuple(series), series, ())


def _laid_over(config: Config, series: tuple[str, ...], domains: Sequence[str], groups: tuple[Group, ...]) -> Watch:
    rules = {rule.name: rule for rule in config.rules if rule.enabled}
    return Watch(
        zone=config.slack.zone,
        series=series,
        rules=rules,
        selection={name: select(rule.domains, rule.except_, domains, groups) for name, rule in rules.items()},
        groups=groups,
        mutes=tuple(mute.resolve(domains, groups, rules, config.slack.zone) for mute in config.mutes),
        disabled=tuple(rule.name for rule in config.rules if not rule.enabled),
    )
