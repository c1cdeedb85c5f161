"""Reads a TOML file, or says in plain words, with the line, what keeps it from being read at all."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, NoReturn

from alertbot.errors import ConfigError, Problem

_AT_LINE = re.compile(r"\(at line (\d+)")
_SYNTAX = {
    "Invalid value": 'the value is missing or unreadable: write text in quotes, "8 Gbps", true and false in lower case',
    "Expected newline": 'something stands after the value: write text in quotes, "8 Gbps", and one key on a line',
    "Cannot overwrite": "this key or section is written twice: keep one of the two",
    "Cannot declare": "this section is opened twice: join the two; rules and groups take double brackets, [[rule]]",
    "Cannot mutate": "this adds to a table or list that is already complete: write everything in one place",
    "Cannot redefine": "this adds to a section that is already complete: write everything in one place",
    "Duplicate inline table key": "a key is written twice in one table: keep one of the two",
    "Unclosed array": 'a comma or the closing "]" of a list is missing',
    "Unclosed inline table": 'a comma or the closing "}" of a table is missing',
    "Unterminated string": "the closing quotes of a text are missing",
    "Illegal character '\\n'": "the closing quote of a text is missing",
    'Expected "\'"': "the closing quote of a text is missing",
    "Expected '='": 'a key needs "=" and a value after it',
    "Expected ']": "the closing bracket of a section is missing",
    "Unescaped": "a backslash in double quotes begins an escape: write the text in single quotes instead",
    "Invalid hex": "a backslash in double quotes begins an escape: write the text in single quotes instead",
    "Invalid date": "there is no such date or time: write one such as 2026-03-02T17:00:00",
    "Invalid initial character": "expected a key: letters, digits, dashes and underscores",
    "Invalid statement": "expected a key or a [section] here",
}


_START = "start from rules.example.toml"


def read_toml(path: Path, *, mend: str | None = None) -> tuple[str, dict[str, Any]]:
    """The text of a file and what it says; ``ConfigError`` where it cannot be read or says nothing.

    ``mend``: what to do about a file that is not there or empty, unless it is the configuration.
    """
    text = _read(path, mend or f"name yours with -c, or {_START}")
    return text, _parse(path, text, mend or _START)


def _read(path: Path, mend: str) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        _fail(path, 0, "file", f"there is no such file: {mend}")
    except IsADirectoryError:
        _fail(path, 0, "file", f"is a folder: {mend}")
    except PermissionError as error:
        _fail(path, 0, "file", f"cannot be read: {error.strerror}: run this with sudo, or as the service's user")
    except OSError as error:
        _fail(path, 0, "file", f"cannot be read: {error.strerror}: {mend}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _fail(path, content.count(b"\n", 0, error.start) + 1, "file", "is not UTF-8: save it in that encoding")


def _parse(path: Path, text: str, mend: str) -> dict[str, Any]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        _fail(path, _syntax_line(str(error), text), "syntax", _syntax_words(str(error)))
    except RecursionError:
        _fail(path, 1, "syntax", "lists or tables are nested too deeply")
    except ValueError:  # Python reads no integer of more than 4,300 digits
        _fail(path, 1, "syntax", "a number is too long")
    if not data:
        _fail(path, 1, "file", f"is empty: {mend}")
    return data


def _fail(path: Path, line: int, key: str, message: str) -> NoReturn:
    raise ConfigError((Problem(str(path), line, key, message),)) from None


def _syntax_line(message: str, text: str) -> int:
    found = _AT_LINE.search(message)
    return int(found[1]) if found else text.rstrip().count("\n") + 1


def _syntax_words(message: str) -> str:
    """Plain words for what the parser says; they repeat no value, which may be a secret."""
    plain = (words for start, words in _SYNTAX.items() if message.startswith(start))
    return next(plain, "TOML does not allow what stands here, perhaps a control character: type the line anew")
