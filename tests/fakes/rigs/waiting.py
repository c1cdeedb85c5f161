"""Waiting for real processes: for an event, with a patience of minutes, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 300.0
"""Real seconds after which what is waited for will not come. Nothing is judged by how long it took."""


def wait_for(holds: Callable[[], object], what: str) -> None:
    """Return once ``holds()`` is true; the test fails where that is not so for minutes."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"it does not come: {what}"
        time.sleep(0.05)


def for_a_while(seconds: float) -> None:
    """Let real time pass, in two cases alone, which have no event: for nothing to happen, and for a random instant.

    Whatever happens in it may have happened or not by its end: a test must hold either way.
    """
    time.sleep(seconds)
