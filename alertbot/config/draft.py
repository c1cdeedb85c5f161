"""A file's sections, each checked on its own: what is wrong is reported and left out, and the rest still checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from alertbot.config.kinds import KINDS, KindSettings, RuleSettings
from alertbot.config.lines import KeyPath
from alertbot.config.problems import ProblemReport
from alertbot.config.settings import (
    AlertmanagerSettings,
    DigestSettings,
    FeedSettings,
    GroupSettings,
    HeartbeatSettings,
    MetricsSettings,
    MuteSettings,
    ReviewSettings,
    Section,
    SlackSettings,
    StoreSettings,
    WatchSettings,
)
from alertbot.config.words import closest, did_you_mean, found, secret_in_key
from alertbot.words import one_of

SECTIONS: Mapping[str, type[Section]] = {
    "feed": FeedSettings,
    "watch": WatchSettings,
    "group": GroupSettings,
    "slack": SlackSettings,
    "store": StoreSettings,
    "digest": DigestSettings,
    "review": ReviewSettings,
    "heartbeat": HeartbeatSettings,
    "metrics": MetricsSettings,
    "alertmanager": AlertmanagerSettings,
    "rule": RuleSettings,
    "mute": MuteSettings,
}
"""Every section there is."""

_REPEATED = ("group", "rule", "mute")
_NAMED_KEY = re.compile(r'"(\w+)"')

S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Located(Generic[S]):
    """One of several sections of a name, where it stands, and which of its keys are wrong and have been reported."""

    path: KeyPath
    section: S
    wrong: frozenset[str | None] = frozenset()


@dataclass(frozen=True)
class Draft:
    """The whole file; None for a section that it may do without and has not.

    ``lost``: sections of which one more was left out, its title being wrong.
    """

    feed: FeedSettings
    watch: WatchSettings
    groups: tuple[Located[GroupSettings], ...]
    slack: SlackSettings
    store: StoreSettings
    rules: tuple[Located[RuleSettings], ...]
    mutes: tuple[Located[MuteSettings], ...]
    digest: DigestSettings | None
    review: ReviewSettings | None
    heartbeat: HeartbeatSettings | None
    metrics: MetricsSettings | None
    alertmanager: AlertmanagerSettings | None
    lost: frozenset[str] = frozenset()


def draft(data: Mapping[str, Any], report: ProblemReport) -> Draft:
    """The sections of a TOML document, with what is wrong in each reported."""
    lost = set[str]()
    for key in data.keys() - SECTIONS.keys():
        report.add((key,), _unknown_section(key, data[key]))
        meant = closest(key, SECTIONS) if _is_section(data[key]) else None
        if meant is not None and meant not in data:  # so that a misspelt section is one mistake, not two
            report.read_as(key, meant)
            data = {**data, meant: data[key]}
        elif meant is not None:
            lost.add(meant)
    if data.get("rule", []) == []:
        report.add(("rule",), "there is no rule, so nothing would ever alert: copy a [[rule]] from rules.example.toml")
    return Draft(
        feed=single(FeedSettings, "feed", data, report),
        watch=single(WatchSettings, "watch", data, report),
        groups=_several(GroupSettings, "group", data, report),
        slack=single(SlackSettings, "slack", data, report),
        store=single(StoreSettings, "store", data, report),
        rules=tuple(_rule(table, path, report) for path, table in _tables("rule", data, report)),
        mutes=_several(MuteSettings, "mute", data, report),
        digest=_optional(DigestSettings, "digest", data, report),
        review=_optional(ReviewSettings, "review", data, report),
        heartbeat=_optional(HeartbeatSettings, "heartbeat", data, report),
        metrics=_optional(MetricsSettings, "metrics", data, report),
        alertmanager=_optional(AlertmanagerSettings, "alertmanager", data, report),
        lost=frozenset(lost),
    )


def located(model: type[S], raw: Mapping[str, Any], path: KeyPath, report: ProblemReport) -> Located[S]:
    """The table at ``path``, with every wrong key reported and left at its default."""
    sound, wrong = dict(raw), set[str | None]()
    try:
        result = model.model_validate(sound)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            # "[key]" is where pydantic says that the key of a mapping is wrong, not its value
            where: KeyPath = tuple(part for part in problem["loc"] if part != "[key]")
            unknown = problem["type"] == "extra_forbidden"
            words = _unknown_key(str(where[0]), model) if unknown else problem["msg"].removeprefix("Value error, ")
            report.add((*path, *where), words)
            wrong |= {closest(str(where[0]), model.key_names()) if unknown else str(where[0])}
            sound.pop(str(where[0]), None)
        result = model.model_validate(sound)
    for key, words in result.contradictions(raw.keys()):
        # What is said already to be wrong is neither missing nor at odds with anything.
        named = set(words.split() if words.startswith("missing") else _NAMED_KEY.findall(words))
        if not wrong & {key, *named}:
            report.add((*path, key), words)
    return Located(path, result, frozenset(wrong))


def section(model: type[S], raw: Mapping[str, Any], path: KeyPath, report: ProblemReport) -> S:
    """The same, without where it stands."""
    return located(model, raw, path, report).section


def single(model: type[S], name: str, data: Mapping[str, Any], report: ProblemReport) -> S:
    """The section of this name in a TOML document; its defaults where there is none."""
    raw = data.get(name, {})
    if not isinstance(raw, dict):
        report.add((name,), f"this is a section of its own: write it as [{name}], once")
        return model()
    return section(model, raw, (name,), report)


def _optional(model: type[S], name: str, data: Mapping[str, Any], report: ProblemReport) -> S | None:
    """The section; None where the file has none of this name."""
    return single(model, name, data, report) if name in data else None


def _several(model: type[S], name: str, data: Mapping[str, Any], report: ProblemReport) -> tuple[Located[S], ...]:
    return tuple(located(model, table, path, report) for path, table in _tables(name, data, report))


def _tables(name: str, data: Mapping[str, Any], report: ProblemReport) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """The elements of an array of tables."""
    raw = data.get(name, [])
    if not isinstance(raw, list):
        report.add((name,), f"there can be several of these: write it with double brackets, [[{name}]]")
        if isinstance(raw, dict):
            yield (name,), raw
        return
    for index, table in enumerate(raw):
        if isinstance(table, dict):
            yield (name, index), table
        else:
            report.add((name, index), f"write a table under [[{name}]], not {found(table)}")


def _rule(raw: Mapping[str, Any], path: KeyPath, report: ProblemReport) -> Located[RuleSettings]:
    name = raw.get("kind")
    if isinstance(name, str) and name in KINDS:
        return located(KINDS[name], raw, path, report)
    # Without a kind, a key that only some kinds have may be right.
    of_kinds = {key for kind in KINDS.values() for key in kind.key_names()} - set(RuleSettings.key_names())
    shared = {key: value for key, value in raw.items() if key not in of_kinds}
    return located(RuleSettings, shared, path, report)


def _is_section(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and all(isinstance(each, dict) for each in value))


def _unknown_section(key: str, value: object) -> str:
    if secret := secret_in_key(key):
        return secret
    if not _is_section(value) and (homes := _homes(key)):
        return f"stands outside any section: it is a key of {homes}, so write it below that line"
    meant = did_you_mean(key, SECTIONS) or f": there are {', '.join(map(_title, SECTIONS))}"
    return f"unknown section{meant}"


def _unknown_key(key: str, model: type[Section]) -> str:
    if secret := secret_in_key(key):
        return secret
    kinds = [name for name, kind in KINDS.items() if key in kind.key_names()]
    if issubclass(model, KindSettings) and kinds:
        return f"not a key of this kind: it belongs to kind {one_of(kinds)}"
    choices = model.key_names()
    meant = did_you_mean(key, choices)
    if not meant and (homes := _homes(key)):
        return f"unknown here: it is a key of {homes}, so write it there"
    return f"unknown key{meant or ': there are ' + ', '.join(choices)}"


def _homes(key: str) -> str:
    """The sections that have this key."""
    return " or ".join(_title(name) for name, model in SECTIONS.items() if key in model.key_names())


def _title(name: str) -> str:
    return f"[[{name}]]" if name in _REPEATED else f"[{name}]"
