"""What differs between two configurations, in words for the log: names of keys and rules, never a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from alertbot.alerts.mutes import Mute
from alertbot.config.config import Config
from alertbot.config.lines import find_lines
from alertbot.config.read import read_toml
from alertbot.config.settings import Section
from alertbot.errors import ConfigError, Problem
from alertbot.words import counted, listed

_SECTIONS = ("feed", "slack", "store", "digest", "review", "heartbeat", "metrics", "alertmanager")
"""The sections of single keys."""

_FIXED = (("store", "path"), ("slack", "base_url"))
_MOST_NAMES = 10


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def changes(old: Config, new: Config) -> tuple[str, ...]:
    """Each thing that the new configuration changes; none where both are the same."""
    return (
        *_named("rule", old.rules, new.rules),
        *_domains(old, new),
        *_named("group", old.groups, new.groups),
        *(["mutes changed"] if _mutes(old) != _mutes(new) else []),
        *_settings(old, new),
    )


def demand_restart(old: Config, new: Config, path: Path) -> None:
    """``ConfigError`` where the file ``path`` changes what only a restart can: the database, Slack's address."""
    wrong = [key for key in _FIXED if getattr(getattr(old, key[0]), key[1]) != getattr(getattr(new, key[0]), key[1])]
    if not wrong:
        return
    words = "a reload cannot change this: restart the service for it, or put the former value back"
    raise ConfigError(tuple(problem(path, *key, words) for key in wrong))


def problem(path: Path, section: str, key: str, message: str) -> Problem:
    """Something wrong with a key of the file ``path`` that is none of the file's own mistakes, at its line."""
    lines = find_lines(read_toml(path)[0])
    return Problem(str(path), lines.get((section, key), lines.get((section,), 0)), f"{section}.{key}", message)


def _named(what: str, old: Iterable[_Named], new: Iterable[_Named]) -> Iterator[str]:
    before, after = {each.name: each for each in old}, {each.name: each for each in new}
    kept = before.keys() & after.keys()
    edited = [name for name in after if name in kept and before[name] != after[name]]
    for done, names in (
        ("added", [name for name in after if name not in kept]),
        ("removed", [name for name in before if name not in kept]),
        ("changed", edited),
    ):
        if names:
            yield f"{what}{'s' * (len(names) > 1)} {done}: {listed(names, _MOST_NAMES)}"


def _domains(old: Config, new: Config) -> Iterator[str]:
    if old.discovers or new.discovers:
        if old.watch != new.watch:
            yield "watch changed"
        return
    before, after = old.watched(), new.watched()
    for done, names in (
        ("added", [name for name in after if name not in set(before)]),
        ("removed", [name for name in before if name not in set(after)]),
    ):
        if names:
            yield f"{counted(len(names), 'domain')} {done}: {listed(names, _MOST_NAMES)}"


def _mutes(config: Config) -> list[tuple[Sequence[str], Sequence[str], Mute]]:
    """What is muted, and when: a local time is another one where the readers' zone is."""
    return [(mute.domains, mute.rules, mute.resolve((), (), (), config.slack.zone)) for mute in config.mutes]


def _settings(old: Config, new: Config) -> Iterator[str]:
    changed = [key for section in _SECTIONS for key in _section(section, getattr(old, section), getattr(new, section))]
    if changed:
        yield f"settings changed: {', '.join(changed)}"


def _section(name: str, old: Section | None, new: Section | None) -> Iterator[str]:
    if old is None or new is None:
        if old is not new:
            yield f"[{name}] {'added' if old is None else 'removed'}"
        return
    for attribute, field in type(old).model_fields.items():
        if getattr(old, attribute) != getattr(new, attribute):
            yield f"{name}.{field.alias or attribute}"
