"""APScheduler on a test's clock: it reads the machine's wherever it looks, and takes no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, tzinfo
from typing import Self
from unittest.mock import patch

from alertbot.clock import Clock

_READERS = ("apscheduler.schedulers.base", "apscheduler.triggers.interval", "alertbot.service.schedule")
"""Modules that ask ``datetime.now`` when a job is due."""


@contextmanager
def scheduled_by(clock: Clock) -> Iterator[None]:
    """While this is entered, jobs are due by that clock."""

    class ClockDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(clock.time(), tz)

    with ExitStack() as stack:
        for module in _READERS:
            stack.enter_context(patch(f"{module}.datetime", ClockDatetime))
        yield
