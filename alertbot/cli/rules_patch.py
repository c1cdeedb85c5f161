"""A patch of a rules file, for ``patch -p0`` and ``git apply`` in its folder: the edits that a review suggests.

The file's text is edited, so that comments and layout stay; what that leads to is read again and must be what is meant.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alertbot.config.lines import find_lines
from alertbot.config.read import read_toml
from alertbot.errors import UsageError
from alertbot.messages.review import edit_toml
from alertbot.query.edit_search import SuggestedEdit
from alertbot.query.edits import MUTE

_PAIR = re.compile(
    r"""(?P<key>\s*[\w"'-]+\s*=\s*)(?P<value>"[^"\\]*"|'[^']*'|\[[^\]\#]*\]|[^\s\#"'\[]+)(?P<rest>\s*(?:\#.*)?)"""
)


def patch(path: Path, edits: Sequence[SuggestedEdit]) -> str:
    """The unified difference that these edits make; ``UsageError`` where one cannot be written line by line."""
    text, _ = read_toml(path)
    edited = text
    for edit in edits:
        edited = _edited(edited, edit)
    name = f"./{path.name}"  # git apply takes the first part of a name away
    lines = difflib.unified_diff(text.splitlines(keepends=True), edited.splitlines(keepends=True), name, name)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _edited(text: str, edit: SuggestedEdit) -> str:
    data = tomllib.loads(text)
    toml = list(edit_toml(edit))
    if edit.key == MUTE:
        edited = f"{text.rstrip()}\n\n\n" + "\n".join(toml) + "\n"
        meant = {**data, "mute": [*data.get("mute", []), *tomllib.loads("\n".join(toml))["mute"]]}
    else:
        names = [rule["name"] for rule in data["rule"]]
        index, value = names.index(edit.rule), tomllib.loads(f"value = {edit.value}")["value"]
        edited = _with_key(text, ("rule", index), edit.key, edit.value)
        rules = [{**rule, edit.key: value} if at == index else rule for at, rule in enumerate(data["rule"])]
        meant = {**data, "rule": rules}
    if _read(edited) != meant:
        raise UsageError(f'{edit.key} of the rule "{edit.rule}" cannot be patched: change it by hand')
    return edited


def _with_key(text: str, rule: tuple[str, int], key: str, value: str) -> str:
    """The text with another value of a rule's key, which is added below ``kind`` where it is not there."""
    lines, where = text.splitlines(keepends=True), find_lines(text)
    at = where.get((*rule, key))
    if at is not None:
        ending = lines[at - 1][len(lines[at - 1].rstrip("\r\n")) :]
        found = _PAIR.fullmatch(lines[at - 1].rstrip("\r\n"))
        lines[at - 1] = "" if found is None else f"{found['key']}{value}{found['rest']}{ending}"
        return "".join(lines)
    at = where[(*rule, "kind")]
    kind = lines[at - 1]
    before, ending = kind.partition("=")[0], kind[len(kind.rstrip("\r\n")) :] or "\n"
    lines.insert(at, f"{key:{max(len(before) - 1, len(key))}} = {value}{ending}")
    return "".join(lines)


def _read(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
