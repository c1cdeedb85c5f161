"""What the rest of alertbot is handed of the configuration: frozen, checked, in seconds, slots and bit/s."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from alertbot.alerts.mutes import Mute
from alertbot.incidents.routing import is_channel
from alertbot.rules.base import Rule
from alertbot.rules.schedule import Schedule
from alertbot.rules.selection import Group, domains_matching, names_matching, select

EVERYTHING = ("*",)


@dataclass(frozen=True)
class FeedSettings:
    """``[feed]``: the statistics API. Durations in seconds; ``base_url`` ends in a slash; ``zone`` is the API's own."""

    base_url: str
    zone: ZoneInfo
    each_domain: bool
    probe: int
    max_lag: int
    stale_after: int
    ip_protocol: str
    calls_per_minute: int


@dataclass(frozen=True)
class GroupSettings:
    """``[[group]]``: some domains under one name; ``patterns`` are globs over what is watched."""

    name: str
    patterns: tuple[str, ...]
    sum: bool
    channel: str | None

    def resolve(self, watched: Sequence[str]) -> Group:
        """The group with its members, in the order of ``watched``."""
        members = domains_matching(self.patterns, watched)
        return Group(self.name, tuple(domain for domain in watched if domain in members), self.sum, self.channel)


@dataclass(frozen=True)
class MuteSettings:
    """``[[mute]]``: ``patterns`` as a rule has them, ``rules`` globs over the rules' names.

    Either ``schedule``, or ``start`` and ``end`` in epoch seconds.
    """

    patterns: tuple[str, ...]
    rules: tuple[str, ...]
    reason: str
    schedule: Schedule | None = None
    start: int | None = None
    end: int | None = None

    def resolve(self, watched: Sequence[str], groups: Sequence[Group], rules: Iterable[str]) -> Mute:
        """The mute over these domains, their groups and these rules."""
        series = frozenset(select(self.patterns, (), watched, groups))
        return Mute(series, names_matching(self.rules, rules), self.reason, self.schedule, self.start, self.end)


@dataclass(frozen=True)
class SlackSettings:
    """``[slack]``: where messages go. ``zone`` is the readers'; ``mention`` maps a severity to ``@here`` or an id.

    ``charts``: whether incidents get one in their threads.
    """

    base_url: str
    channel: str
    fallback_channel: str | None
    command: str
    zone: ZoneInfo
    admins: tuple[str, ...]
    mention: Mapping[str, str]
    charts: bool = True


@dataclass(frozen=True)
class StoreSettings:
    """``[store]``: the database file, and how many seconds of history it keeps."""

    path: Path
    keep: int


@dataclass(frozen=True)
class DigestSettings:
    """``[digest]``: posted at the minute ``at`` of these days (from 0, Monday) of the readers' zone."""

    at: int
    days: frozenset[int]
    channel: str


@dataclass(frozen=True)
class HeartbeatSettings:
    """``[heartbeat]``: what is pinged; the URL may hold a secret."""

    url: str = field(repr=False)


@dataclass(frozen=True)
class MetricsSettings:
    """``[metrics]``: the host and the port that metrics are served at."""

    listen: tuple[str, int]


@dataclass(frozen=True)
class AlertmanagerSettings:
    """``[alertmanager]``: ``urls`` end in no slash, ``resend`` is seconds.

    ``labels`` are set on every alert; ``user`` is that of basic authentication; ``{series}`` in ``generator_url``
    stands for a series' name.
    """

    urls: tuple[str, ...]
    labels: Mapping[str, str]
    user: str | None
    generator_url: str | None
    resend: int


@dataclass(frozen=True)
class Config:
    """One configuration file. ``watch`` lists domains in lower-case ASCII, or is ``("*",)``: all of the account's.

    ``trial``: the channel to which everything is diverted.
    """

    feed: FeedSettings
    watch: tuple[str, ...]
    watch_except: tuple[str, ...]
    groups: tuple[GroupSettings, ...]
    slack: SlackSettings
    store: StoreSettings
    rules: tuple[Rule, ...]
    path: Path
    mutes: tuple[MuteSettings, ...] = ()
    digest: DigestSettings | None = None
    heartbeat: HeartbeatSettings | None = None
    metrics: MetricsSettings | None = None
    alertmanager: AlertmanagerSettings | None = None
    trial: str | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        """Every channel a message may go to."""
        digest = None if self.digest is None else self.digest.channel
        named = (self.slack.channel, self.slack.fallback_channel, digest)
        others = (*(group.channel for group in self.groups), *(rule.channel for rule in self.rules))
        escalated = (target for rule in self.rules for target in rule.escalate_to if is_channel(target))
        return tuple(dict.fromkeys(channel for channel in (*named, *others, *escalated) if channel is not None))

    def diverted_to(self, channel: str) -> Config:
        """The same for a trial: every message goes to this channel, and mentions nobody."""
        slack = replace(self.slack, channel=channel, fallback_channel=None, mention=MappingProxyType({}))
        rules = (replace(rule, channel=None, escalate_to=(channel,) if rule.escalate_to else ()) for rule in self.rules)
        return replace(
            self,
            slack=slack,
            groups=tuple(replace(group, channel=None) for group in self.groups),
            rules=tuple(rules),
            digest=None if self.digest is None else replace(self.digest, channel=channel),
            alertmanager=None,
            trial=channel,
        )

    @property
    def discovers(self) -> bool:
        """Whether the domains are asked of the API rather than listed."""
        return self.watch == EVERYTHING

    def watched(self, discovered: Sequence[str] = ()) -> tuple[str, ...]:
        """The domains to watch, listed or ``discovered``, without those that ``[watch] except`` names."""
        domains = discovered if self.discovers else self.watch
        left_out = domains_matching(self.watch_except, domains)
        return tuple(domain for domain in domains if domain not in left_out)
