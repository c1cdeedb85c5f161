"""How far the first history is: a bar on a terminal, a log line now and then elsewhere."""

from __future__ import annotations

import logging
import sys
from typing import Protocol

from rich.console import Console
from rich.progress import Progress

log = logging.getLogger(__name__)

_STEPS = 10


class Reporter(Protocol):
    """Hears of a long task."""

    def __call__(self, done: int, total: int) -> None:
        """``done`` of ``total`` are there."""


def history_reporter() -> Reporter:
    """A bar where standard error is a terminal, else log lines."""
    return _Bar() if sys.stderr.isatty() else _Lines()


class _Lines:
    def __init__(self) -> None:
        self._told = -1

    def __call__(self, done: int, total: int) -> None:
        step = _STEPS * done // total
        if step != self._told:
            self._told = step
            log.info("history: %s of %s series are there", f"{done:,}", f"{total:,}")


class _Bar:
    def __init__(self) -> None:
        self._progress = Progress(console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("history")

    def __call__(self, done: int, total: int) -> None:
        self._progress.start()
        self._progress.update(self._task, completed=done, total=total)
        if done >= total:
            self._progress.stop()
