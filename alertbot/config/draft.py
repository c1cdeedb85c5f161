"""A file's sections, each checked on its own: what is wrong is reported and left out, and the rest still checked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from alertbot.config.kinds import KINDS, KindModel, RuleModel
from alertbot.config.lines import KeyPath
from alertbot.config.models import (
    AlertmanagerModel,
    DigestModel,
    FeedModel,
    GroupModel,
    HeartbeatModel,
    MetricsModel,
    MuteModel,
    Section,
    SlackModel,
    StoreModel,
    WatchModel,
)
from alertbot.config.problems import ProblemReport
from alertbot.config.words import found, secret_in_key
from alertbot.words import did_you_mean_key, one_of

SECTIONS: Mapping[str, type[Section]] = {
    "feed": FeedModel,
    "watch": WatchModel,
    "group": GroupModel,
    "slack": SlackModel,
    "store": StoreModel,
    "digest": DigestModel,
    "heartbeat": HeartbeatModel,
    "metrics": MetricsModel,
    "alertmanager": AlertmanagerModel,
    "rule": RuleModel,
    "mute": MuteModel,
}
"""Every section there is."""

_REPEATED = ("group", "rule", "mute")

S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class RuleDraft:
    """One rule: where it stands, the keys every rule has, and those of its kind, where it has one."""

    path: KeyPath
    common: RuleModel
    kind: KindModel | None


@dataclass(frozen=True)
class GroupDraft:
    """One group, and where it stands."""

    path: KeyPath
    model: GroupModel


@dataclass(frozen=True)
class MuteDraft:
    """One mute, and where it stands."""

    path: KeyPath
    model: MuteModel


@dataclass(frozen=True)
class Draft:
    """The whole file."""

    feed: FeedModel
    watch: WatchModel
    groups: tuple[GroupDraft, ...]
    slack: SlackModel
    store: StoreModel
    rules: tuple[RuleDraft, ...]
    mutes: tuple[MuteDraft, ...]
    digest: DigestModel
    heartbeat: HeartbeatModel
    metrics: MetricsModel
    alertmanager: AlertmanagerModel


def draft(data: Mapping[str, Any], report: ProblemReport) -> Draft:
    """The sections of a TOML document, with what is wrong in each reported."""
    for key in data.keys() - SECTIONS.keys():
        report.add((key,), _unknown_section(key))
    if data.get("rule", []) == []:
        report.add(("rule",), "there is no rule, so nothing would ever alert: copy a [[rule]] from rules.example.toml")
    return Draft(
        _single(FeedModel, "feed", data, report),
        _single(WatchModel, "watch", data, report),
        tuple(
            GroupDraft(path, section(GroupModel, table, path, report)) for path, table in _tables("group", data, report)
        ),
        _single(SlackModel, "slack", data, report),
        _single(StoreModel, "store", data, report),
        tuple(_rule(table, path, report) for path, table in _tables("rule", data, report)),
        tuple(
            MuteDraft(path, section(MuteModel, table, path, report)) for path, table in _tables("mute", data, report)
        ),
        _single(DigestModel, "digest", data, report),
        _single(HeartbeatModel, "heartbeat", data, report),
        _single(MetricsModel, "metrics", data, report),
        _single(AlertmanagerModel, "alertmanager", data, report),
    )


def section(model: type[S], raw: Mapping[str, Any], path: KeyPath, report: ProblemReport) -> S:
    """The table at ``path``, with every wrong key reported and left at its default."""
    sound = dict(raw)
    try:
        result = model.model_validate(sound)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            # "[key]" is where pydantic says that the key of a mapping is wrong, not its value
            where: KeyPath = tuple(part for part in problem["loc"] if part != "[key]")
            unknown = problem["type"] == "extra_forbidden"
            words = _unknown_key(str(where[0]), model) if unknown else problem["msg"].removeprefix("Value error, ")
            report.add((*path, *where), words)
            sound.pop(str(where[0]), None)
        result = model.model_validate(sound)
    for key, words in result.contradictions(raw.keys()):
        report.add((*path, key), words)
    return result


def _single(model: type[S], name: str, data: Mapping[str, Any], report: ProblemReport) -> S:
    raw = data.get(name, {})
    if not isinstance(raw, dict):
        report.add((name,), f"this is a section of its own: write it as [{name}], once")
        return model()
    return section(model, raw, (name,), report)


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


def _rule(raw: Mapping[str, Any], path: KeyPath, report: ProblemReport) -> RuleDraft:
    name = raw.get("kind")
    kind = KINDS.get(name) if isinstance(name, str) else None
    shared = {key: value for key, value in raw.items() if key in RuleModel.key_names()}
    own = {key: value for key, value in raw.items() if key not in shared}
    common = section(RuleModel, shared, path, report)
    if kind is not None:
        return RuleDraft(path, common, section(kind, own, path, report))
    known = {key for model in KINDS.values() for key in model.key_names()}
    for key in own.keys() - known:
        report.add((*path, key), _unknown_key(key, RuleModel))
    return RuleDraft(path, common, None)


def _unknown_section(key: str) -> str:
    if secret := secret_in_key(key):
        return secret
    if homes := _homes(key):
        return f"stands outside any section: it is a key of {homes}, so write it below that line"
    meant = did_you_mean_key(key, SECTIONS) or f": there are {', '.join(map(_title, SECTIONS))}"
    return f"unknown section{meant}"


def _unknown_key(key: str, model: type[Section]) -> str:
    if secret := secret_in_key(key):
        return secret
    kinds = [name for name, kind in KINDS.items() if key in kind.key_names()]
    if issubclass(model, KindModel) and kinds:
        return f"not a key of this kind: it belongs to kind {one_of(kinds)}"
    choices = _keys_beside(model)
    meant = did_you_mean_key(key, choices)
    if not meant and (homes := _homes(key)):
        return f"unknown here: it is a key of {homes}"
    return f"unknown key{meant or ': there are ' + ', '.join(choices)}"


def _homes(key: str) -> str:
    """The sections that have this key."""
    return " or ".join(_title(name) for name, model in SECTIONS.items() if key in model.key_names())


def _keys_beside(model: type[Section]) -> Collection[str]:
    """The keys that may stand in the same table."""
    return (*RuleModel.key_names(), *model.key_names()) if issubclass(model, KindModel) else model.key_names()


def _title(name: str) -> str:
    return f"[[{name}]]" if name in _REPEATED else f"[{name}]"
