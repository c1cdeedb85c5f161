"""Where every key of a TOML document stands, which no TOML parser for Python says.

The scanner reads a text that ``tomllib`` has accepted, so it only has to tell keys from values, never right from wrong.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]
"""A key and the keys and list positions that lead to it: ``("rule", 0, "domains", 2)``."""

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY_PART = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""")
_SCALAR = re.compile(
    r'''
    """ (?: [^"\\] | \\. | "(?!"") )*+ "{3,5}   # up to two quotes may stand before the closing three
    | \'\'\' (?: [^'] | '(?!\'\') )*+ '{3,5}
    | " (?: [^"\\] | \\. )* "
    | ' [^']* '
    | [^,\]}\#\n]+                              # a number, a date, true or false
    ''',
    re.DOTALL | re.VERBOSE,
)


def find_lines(text: str) -> Mapping[KeyPath, int]:
    """The line (from 1) on which each key, table and list element of a valid TOML ``text`` is first mentioned."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._text = text
        self._at = 0
        self._newlines = [found.start() for found in re.finditer("\n", text)]
        self._newest: dict[KeyPath, int] = {}  # the last element so far of each [[array of tables]]

    def document(self) -> None:
        table: KeyPath = ()
        self._take(_BLANK)
        while self._at < len(self._text):
            if self._sees("["):
                table = self._header()
            else:
                self._pair(table)
            self._take(_BLANK)

    def _header(self) -> KeyPath:
        brackets = 2 if self._sees("[[") else 1
        line = self._line()
        self._at += brackets
        *parents, last = self._key()
        self._at += brackets
        path: KeyPath = ()
        for part in parents:  # [rule.x] means the newest element of [[rule]]
            path = (*path, part)
            path = (*path, self._newest[path]) if path in self._newest else path
        path = (*path, last)
        if brackets == 2:
            self._newest[path] = self._newest.get(path, -1) + 1
            path = (*path, self._newest[path])
        self._mark(path, line)
        return path

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = (*table, *self._key())
        self._mark(path, line)
        self._at += 1  # the equals sign
        self._take(_SPACE)
        self._value(path)

    def _key(self) -> list[str]:
        parts = []
        while True:
            self._take(_SPACE)
            parts.append(_plain(self._take(_KEY_PART)))
            self._take(_SPACE)
            if not self._sees("."):
                return parts
            self._at += 1

    def _value(self, path: KeyPath) -> None:
        if self._sees("["):
            self._array(path)
        elif self._sees("{"):
            self._inline_table(path)
        else:
            self._take(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        while not self._ends("]"):
            self._mark((*path, index), self._line())
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        while not self._ends("}"):
            self._pair(path)

    def _ends(self, bracket: str) -> bool:
        """Go on to the next element, or over the closing bracket and say so."""
        self._take(_BLANK)
        if self._sees(","):
            self._at += 1
            self._take(_BLANK)
        if ends := self._sees(bracket):
            self._at += 1
        return ends

    def _mark(self, path: KeyPath, line: int) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], line)

    def _sees(self, mark: str) -> bool:
        return self._text.startswith(mark, self._at)

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise ValueError(f"line {self._line()} is not TOML")
        self._at = found.end()
        return found[0]

    def _line(self) -> int:
        return bisect_left(self._newlines, self._at) + 1


def _plain(part: str) -> str:
    """A part of a key without its quotes and escapes, for which tomllib is the judge."""
    return next(iter(tomllib.loads(f"{part} = 0"))) if part[0] in "\"'" else part
