"""What commands say: on a terminal wrapped between words, elsewhere a line as it is, for ``grep`` and scripts."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TextIO

import click

_INDENT = "  "


def say(text: str, *, err: bool = False) -> None:
    """Print lines of text to standard output, or to standard error."""
    wide = shutil.get_terminal_size().columns
    click.echo(wrapped(text, wide) if _is_terminal(sys.stderr if err else sys.stdout) else text, err=err)


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty()


def wrapped(text: str, columns: int) -> str:
    """The text in lines of at most so many characters, if no word is longer; what goes on is indented by two."""
    return "\n".join(line for whole in text.split("\n") for line in _lines(whole, columns))


def _lines(whole: str, columns: int) -> list[str]:
    if len(whole) <= columns:
        return [whole]
    indent = whole[: len(whole) - len(whole.lstrip())]
    return textwrap.wrap(
        whole, columns, subsequent_indent=indent + _INDENT, break_long_words=False, break_on_hyphens=False
    )
