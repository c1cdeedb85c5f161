"""Collects everything that is wrong with one configuration file, each thing with its line and a key people know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from alertbot.config.lines import KeyPath
from alertbot.config.words import secret_in_value
from alertbot.errors import ConfigError, Problem

_SHOWN_NAME = re.compile(r"[\w.-][\w .-]{0,59}")


class ProblemReport:
    """What was found wrong so far. Rules and groups are called by their names, or by their position from 1."""

    def __init__(self, file: str, lines: Mapping[KeyPath, int], data: Mapping[str, Any]) -> None:
        self._file = file
        self._lines = lines
        self._data = data
        self._found: dict[Problem, None] = {}
        self._shared: dict[str, list[KeyPath]] = {}
        self._written: dict[str, str] = {}

    def read_as(self, written: str, meant: str) -> None:
        """Say of what is wrong below the section ``meant`` that it stands below ``written``, a misspelt one."""
        self._written[meant] = written

    def add(self, path: KeyPath, message: str) -> None:
        """One thing wrong at ``path``; for a key that is missing its table's line is given."""
        if path and path[0] in self._written:
            path = (self._written[str(path[0])], *path[1:])
        self._found.setdefault(Problem(self._file, self.line(path), self.key(path), message))

    def add_once(self, path: KeyPath, message: str) -> None:
        """One thing wrong that may show in several places: said at the first, with the lines of the others."""
        self._shared.setdefault(message, []).append(path)

    def has(self, path: KeyPath) -> bool:
        """Whether something is wrong at this very key: what follows from it is no mistake of its own."""
        return any(problem.key == self.key(path) for problem in self._found)

    def line(self, path: KeyPath) -> int:
        """The line of a key, or of the nearest table around it; the first where the file has neither."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def finish(self) -> None:
        """Raise ``ConfigError`` with everything found, in file order, if there is anything."""
        for message, (first, *others) in self._shared.items():
            lines = [str(line) for line in dict.fromkeys(map(self.line, others)) if line != self.line(first)]
            also = f" (also in line{'s' * (len(lines) > 1)} {', '.join(lines)})" if lines else ""
            self.add(first, f"{message}{also}")
        if self._found:
            raise ConfigError(tuple(sorted(self._found, key=lambda problem: problem.line)))

    def key(self, path: KeyPath) -> str:
        """The key at a path as people know it: ``rule.went-dark.to``."""
        parts = [self._label(path[:2]), *path[2:]] if len(path) > 1 and isinstance(path[1], int) else path
        key = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in parts)
        return key.removeprefix(".") if key.isprintable() else ascii(key.removeprefix("."))

    def _label(self, path: KeyPath) -> str:
        section, index = str(path[0]), int(path[1])
        entry = self._data[section][index]
        name = entry.get("name") if isinstance(entry, dict) else None
        usable = isinstance(name, str) and _SHOWN_NAME.fullmatch(name) and not secret_in_value(name)
        return f"{section}.{name}" if usable else f"{section}[{index + 1}]"
