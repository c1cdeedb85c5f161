"""Shows how much of the first history is read: a bar on a terminal, a log line now and then elsewhere."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar  # it has no public name

log = logging.getLogger(__name__)

_STEPS = 10
_WIPE = "\r\033[K\033[?25h"  # empties the line, and shows the cursor, which click's bar hides


class Reporter(Protocol):
    """Is called as a long task goes on."""

    def __call__(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` series are read."""


def history_reporter() -> Reporter:
    """A bar where standard error is a terminal, else log lines."""
    return _Bar() if sys.stderr.isatty() else _Lines()


class _Lines:
    def __init__(self) -> None:
        self._logged = -1

    def __call__(self, done: int, total: int) -> None:
        step = _STEPS * done // total
        if step != self._logged:
            self._logged = step
            log.info("history: %s of %s series are there", f"{done:,}", f"{total:,}")


class _Bar:
    """A bar on the line where the cursor is; the line is empty again once the task is done."""

    def __init__(self) -> None:
        self._bar = _new_bar()

    def __call__(self, done: int, total: int) -> None:
        self._bar.length = total
        self._bar.make_step(done - self._bar.pos)
        self._bar.render_progress()
        if done >= total:
            click.echo(_WIPE, nl=False, err=True)
            self._bar = _new_bar()


def _new_bar() -> ProgressBar[int]:
    return click.progressbar(length=1, label="history", file=sys.stderr)
