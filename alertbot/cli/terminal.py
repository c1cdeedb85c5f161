"""What commands say: on a terminal wrapped between words, elsewhere a line as it is, for ``grep`` and scripts."""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import click

_INDENT = "  "

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What an output that nothing can be written to says."""


def say(text: str, *, err: bool = False) -> None:
    """Print lines of text to standard output, or to standard error."""
    wide = shutil.get_terminal_size().columns
    click.echo(wrapped(text, wide) if _is_terminal(sys.stderr if err else sys.stdout) else text, err=err)


def readable(word: str) -> str:
    """A word of the command line as text: bytes that are no UTF-8 are shown as such."""
    return word.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@contextmanager
def standard_streams() -> Iterator[None]:
    """Have all three streams, and say in a line where what was printed could not be written."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # it was closed; what is opened next would take its place
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.filename is not None or error.errno not in {*_UNWRITABLE, errno.EPIPE}:
            raise
        _give_up_output()
        if error.errno != errno.EPIPE:  # nobody reads on
            what = f"alertbot: what it prints cannot be written: {error.strerror}: make room, or write it elsewhere"
            with suppress(OSError):
                say(what, err=True)
        sys.exit(1)


def _give_up_output() -> None:
    """Let what is still to be written at the end of the process go nowhere."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


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
