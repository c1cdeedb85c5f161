"""From a path to settings, or to every mistake in the file at once."""

from __future__ import annotations

import os
from datetime import tzinfo
from pathlib import Path

from alertbot.config.checks import check
from alertbot.config.config import Config
from alertbot.config.draft import Draft, draft, section
from alertbot.config.kinds import KindSettings
from alertbot.config.lines import find_lines
from alertbot.config.problems import ProblemReport
from alertbot.config.read import read_toml
from alertbot.config.settings import SlackSettings, StoreSettings
from alertbot.errors import ConfigError


def load(path: Path, *, state_directory: Path | None = None) -> Config:
    """The settings in the TOML file ``path``; ``ConfigError`` with every problem in it.

    A relative ``[store] path`` lies in ``state_directory`` where that is given, else beside the file.
    """
    text, data = read_toml(path)
    report = ProblemReport(str(path), find_lines(text), data)
    drafted = draft(data, report)
    domains = check(drafted, report)
    report.finish()
    return _config(drafted, domains, path.absolute(), state_directory or path.absolute().parent)


def glimpse(path: Path, *, state_directory: Path | None = None) -> tuple[Path, tzinfo]:
    """The database and the readers' zone of a file in which something is wrong, as far as it says them rightly."""
    try:
        data = read_toml(path)[1]
    except ConfigError:
        data = {}
    report = ProblemReport(str(path), {}, data)
    sections = {name: data[name] for name in ("store", "slack") if isinstance(data.get(name), dict)}
    store = section(StoreSettings, sections.get("store", {}), ("store",), report)
    slack = section(SlackSettings, sections.get("slack", {}), ("slack",), report)
    return (state_directory or path.absolute().parent) / store.path, slack.zone


def state_directory() -> Path | None:
    """Where systemd keeps the service's state, if it says so."""
    given = os.environ.get("STATE_DIRECTORY")
    return Path(given.split(":")[0]) if given else None


def _config(drafted: Draft, domains: tuple[str, ...], path: Path, folder: Path) -> Config:
    slack, digest = drafted.slack, drafted.digest
    if digest is not None and not digest.channel:
        digest = digest.model_copy(update={"channel": slack.channel})
    return Config(
        path=path,
        feed=drafted.feed,
        watch=drafted.watch.model_copy(update={"domains": domains}),
        groups=tuple(group.section for group in drafted.groups),
        slack=slack,
        store=drafted.store.within(folder),
        rules=tuple(rule.section.rule(slack.zone) for rule in drafted.rules if isinstance(rule.section, KindSettings)),
        mutes=tuple(mute.section for mute in drafted.mutes),
        digest=digest,
        heartbeat=drafted.heartbeat,
        metrics=drafted.metrics,
        alertmanager=drafted.alertmanager,
    )
