"""From a path to settings, or to every mistake in the file at once."""

from __future__ import annotations

import os
from datetime import tzinfo
from pathlib import Path
from types import MappingProxyType

from alertbot.config.checks import check, instant
from alertbot.config.draft import Draft, draft, section
from alertbot.config.kinds import KindModel, RuleModel
from alertbot.config.lines import find_lines
from alertbot.config.models import MuteModel, SlackModel, StoreModel
from alertbot.config.problems import ProblemReport
from alertbot.config.read import read_toml
from alertbot.config.settings import (
    AlertmanagerSettings,
    Config,
    DigestSettings,
    FeedSettings,
    GroupSettings,
    HeartbeatSettings,
    MetricsSettings,
    MuteSettings,
    SlackSettings,
    StoreSettings,
)
from alertbot.errors import ConfigError
from alertbot.rules.base import Rule, Severity
from alertbot.rules.schedule import Schedule
from alertbot.units import slots_of

_REPEAT = {Severity.CRITICAL: 30 * 60, Severity.WARNING: 4 * 3600, Severity.INFO: 0}
"""Seconds between reminders of what burns, where a rule does not say; 0: never."""


def load(path: Path, *, state_directory: Path | None = None) -> Config:
    """The settings in the TOML file ``path``; ``ConfigError`` with every problem in it.

    A relative ``[store] path`` lies in ``state_directory`` where that is given, else beside the file.
    """
    text, data = read_toml(path)
    report = ProblemReport(str(path), find_lines(text), data)
    drafted = draft(data, report)
    watch = check(drafted, report)
    report.finish()
    return _settings(drafted, watch, path.absolute(), state_directory)


def glimpse(path: Path, *, state_directory: Path | None = None) -> tuple[Path, tzinfo]:
    """The database and the readers' zone of a file in which something is wrong, as far as it says them rightly."""
    try:
        data = read_toml(path)[1]
    except ConfigError:
        data = {}
    report = ProblemReport(str(path), {}, data)
    sections = {name: data[name] for name in ("store", "slack") if isinstance(data.get(name), dict)}
    store = section(StoreModel, sections.get("store", {}), ("store",), report)
    slack = section(SlackModel, sections.get("slack", {}), ("slack",), report)
    return (state_directory or path.absolute().parent) / store.path, slack.timezone


def state_directory() -> Path | None:
    """Where systemd keeps the service's state, if it says so."""
    given = os.environ.get("STATE_DIRECTORY")
    return Path(given.split(":")[0]) if given else None


def _settings(drafted: Draft, watch: tuple[str, ...], path: Path, state_directory: Path | None) -> Config:
    zone = drafted.slack.timezone
    return Config(
        feed=_feed(drafted),
        watch=watch,
        watch_except=drafted.watch.except_,
        groups=tuple(
            GroupSettings(group.model.name, group.model.domains, group.model.sum, group.model.channel)
            for group in drafted.groups
        ),
        slack=_slack(drafted),
        # An absolute path stays as it is when it is joined to another.
        store=StoreSettings((state_directory or path.parent) / drafted.store.path, drafted.store.keep),
        rules=tuple(_rule(rule.common, rule.kind, zone) for rule in drafted.rules if rule.kind),
        path=path,
        mutes=tuple(_mute(mute.model, zone) for mute in drafted.mutes),
        digest=_digest(drafted),
        metrics=None if drafted.metrics.listen is None else MetricsSettings(drafted.metrics.listen),
        heartbeat=None if drafted.heartbeat.url is None else HeartbeatSettings(drafted.heartbeat.url),
        alertmanager=_alertmanager(drafted),
    )


def _digest(drafted: Draft) -> DigestSettings | None:
    digest = drafted.digest
    if digest.at is None:
        return None
    return DigestSettings(digest.at, frozenset().union(*digest.days), digest.channel or drafted.slack.channel)


def _alertmanager(drafted: Draft) -> AlertmanagerSettings | None:
    model = drafted.alertmanager
    if not model.urls:
        return None
    return AlertmanagerSettings(
        model.urls, MappingProxyType(model.labels), model.user, model.generator_url, model.resend
    )


def _feed(drafted: Draft) -> FeedSettings:
    feed = drafted.feed
    return FeedSettings(
        base_url=feed.base_url,
        zone=feed.timezone,
        each_domain=feed.each_domain,
        probe=feed.probe,
        max_lag=feed.max_lag,
        stale_after=feed.stale_after,
        ip_protocol=feed.ip_protocol,
        calls_per_minute=feed.calls_per_minute,
    )


def _slack(drafted: Draft) -> SlackSettings:
    slack = drafted.slack
    return SlackSettings(
        base_url=slack.base_url,
        channel=slack.channel,
        fallback_channel=slack.fallback_channel,
        command=slack.command,
        zone=slack.timezone,
        admins=slack.admins,
        mention=MappingProxyType(slack.mention),
        charts=slack.charts,
    )


def _mute(mute: MuteModel, zone: tzinfo) -> MuteSettings:
    zone = mute.timezone or zone
    return MuteSettings(
        mute.domains,
        mute.rules,
        mute.reason,
        schedule=None if mute.when is None else Schedule(mute.when, zone),
        start=None if mute.start is None else instant(mute.start, zone),
        end=None if mute.end is None else instant(mute.end, zone),
    )


def _rule(common: RuleModel, kind: KindModel, zone: tzinfo) -> Rule:
    severity = Severity(common.severity)
    repeat = _REPEAT[severity] if common.repeat is None else common.repeat
    return Rule(
        name=common.name,
        kind_name=common.kind,
        kind=kind.judged_in(common.timezone or zone),
        severity=severity,
        domains=common.domains,
        except_=common.except_,
        enabled=common.enabled,
        channel=common.channel,
        runbook=common.runbook,
        for_slots=slots_of(common.for_),
        clear_slots=slots_of(common.clear_for),
        within_slots=None if common.within is None else slots_of(common.within),
        accept_slots=kind.accept_slots,
        active=None if common.active is None else Schedule(common.active, common.timezone or zone),
        repeat=repeat or None,
        escalate_after=common.escalate_after,
        escalate_to=tuple(dict.fromkeys(common.escalate_to or ())),
    )
