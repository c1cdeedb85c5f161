"""The configuration as the rest of alertbot is handed it: frozen and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from alertbot.config.domains import usable
from alertbot.config.settings import (
    EVERYTHING,
    AlertmanagerSettings,
    DigestSettings,
    FeedSettings,
    GroupSettings,
    HeartbeatSettings,
    MetricsSettings,
    MuteSettings,
    ReviewSettings,
    SlackSettings,
    StoreSettings,
    WatchSettings,
)
from alertbot.incidents.routing import is_channel
from alertbot.rules.base import Rule
from alertbot.rules.selection import domains_matching


@dataclass(frozen=True)
class Config:
    """One configuration file; ``trial``: the channel to which everything is diverted."""

    feed: FeedSettings
    watch: WatchSettings
    groups: tuple[GroupSettings, ...]
    slack: SlackSettings
    store: StoreSettings
    rules: tuple[Rule, ...]
    path: Path
    mutes: tuple[MuteSettings, ...] = ()
    digest: DigestSettings | None = None
    review: ReviewSettings | None = None
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
        slack: dict[str, Any] = {"channel": channel, "fallback_channel": None, "mention": MappingProxyType({})}
        rules = (replace(rule, channel=None, escalate_to=(channel,) if rule.escalate_to else ()) for rule in self.rules)
        return replace(
            self,
            slack=self.slack.model_copy(update=slack),
            groups=tuple(group.model_copy(update={"channel": None}) for group in self.groups),
            rules=tuple(rules),
            digest=None if self.digest is None else self.digest.model_copy(update={"channel": channel}),
            alertmanager=None,
            trial=channel,
        )

    @property
    def discovers(self) -> bool:
        """Whether the domains are asked of the API rather than listed."""
        return self.watch.domains == EVERYTHING

    def watched(self, discovered: Sequence[str] = ()) -> tuple[str, ...]:
        """The domains to watch, listed or ``discovered``, without those that ``[watch] except`` names.

        What was discovered and is no domain's name is left out.
        """
        domains = usable(discovered) if self.discovers else self.watch.domains
        left_out = domains_matching(self.watch.except_, domains)
        return tuple(domain for domain in domains if domain not in left_out)
