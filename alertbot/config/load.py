"""From a path to settings, or to every mistake in the file at once."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from alertbot.config.checks import check
from alertbot.config.config import Config
from alertbot.config.draft import Draft, draft, single
from alertbot.config.kinds import KindSettings
from alertbot.config.lines import find_lines
from alertbot.config.problems import ProblemReport
from alertbot.config.read import read_toml
from alertbot.config.settings import FeedSettings, SlackSettings, StoreSettings, WatchSettings
from alertbot.errors import ConfigError

UNIT_FILES, STATES = Path("/etc/alertbot"), Path("/var/lib")
"""Where the units' configuration files lie, and the folders of their databases."""


def load(path: Path, *, state_directory: Path | None = None) -> Config:
    """The settings in the TOML file ``path``; ``ConfigError`` with every problem in it.

    A relative ``[store] path`` lies in ``state_directory``, by default systemd's; where there is none, in that of the
    file's unit, else beside the file.
    """
    text, data = read_toml(path)
    report = ProblemReport(str(path), find_lines(text), data)
    drafted = draft(data, report)
    domains = check(drafted, report)
    folder = _folder(path, state_directory)
    if (wrong := _no_place(drafted.store.in_folder(folder).path)) is not None:
        report.add(("store", "path"), wrong)
    report.finish()
    return _config(drafted, domains, path.absolute(), folder)


def glimpse(path: Path, *, state_directory: Path | None = None) -> Config:
    """The feed, Slack and the database of a file in which something is wrong, and nothing to watch.

    Every key has its default unless it is right.
    """
    try:
        data = read_toml(path)[1]
    except ConfigError:
        data = {}
    report = ProblemReport(str(path), {}, data)
    return Config(
        path=path.absolute(),
        feed=single(FeedSettings, "feed", data, report),
        watch=WatchSettings(),
        groups=(),
        slack=single(SlackSettings, "slack", data, report),
        store=single(StoreSettings, "store", data, report).in_folder(_folder(path, state_directory)),
        rules=(),
    )


def _no_place(path: Path) -> str | None:
    """Why no database can ever lie there; what may not be looked at, or is not there yet, may be a place."""
    if _leads_nowhere(path):
        return f'{path} is a link that leads to itself: name a file, such as "alertbot.db"'
    try:
        if path.is_dir():
            return f'{path} is a folder: name a file in it, such as "{path.name}/alertbot.db"'
        if path.exists() and not path.is_file():
            return f'{path} is no file: name another, such as "alertbot.db"'
        above = next(folder for folder in path.parents if folder.exists())
        return None if above.is_dir() else f'{above} is no folder: name a file in one, such as "alertbot.db"'
    except OSError:
        return None


def _leads_nowhere(path: Path) -> bool:
    """Whether it is a symbolic link that comes back to itself."""
    try:
        path.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def _folder(path: Path, state_directory: Path | None) -> Path:
    """Where the database of the file ``path`` lies unless it has a full path."""
    systemd, *_ = os.environ.get("STATE_DIRECTORY", "").split(":")
    return state_directory or (Path(systemd) if systemd else state_of_unit(path) or path.absolute().parent)


def state_of_unit(path: Path) -> Path | None:
    """The folder in which the unit of a file under ``/etc/alertbot`` keeps its database; ``None`` for other files."""
    folder = folder_of_unit(path)
    if folder is None:
        return None
    return STATES / ("alertbot" if folder == UNIT_FILES else f"alertbot-{folder.name}")


def folder_of_unit(path: Path) -> Path | None:
    """The folder of a unit's files, secrets among them, where the file ``path`` is one; ``None`` for other files."""
    folder = path.absolute().parent
    return folder if UNIT_FILES in (folder, folder.parent) else None


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
        store=drafted.store.in_folder(folder),
        rules=tuple(rule.section.rule(slack.zone) for rule in drafted.rules if isinstance(rule.section, KindSettings)),
        mutes=tuple(mute.section for mute in drafted.mutes),
        digest=digest,
        review=drafted.review,
        heartbeat=drafted.heartbeat,
        metrics=drafted.metrics,
        alertmanager=drafted.alertmanager,
    )
