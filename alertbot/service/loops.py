"""What goes on beside all else until it is cancelled, each loop under a name."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Loops:
    """Keeps one task a name."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, work: Coroutine[Any, Any, None] | None) -> None:
        """Do this from now on in place of what is done under that name; ``None`` ends that and begins nothing."""
        if (former := self._tasks.pop(name, None)) is not None:
            former.cancel()
        if work is not None:
            self._tasks[name] = asyncio.create_task(work)

    def has_ended(self, name: str) -> bool:
        """Whether a loop that was started came to an end by itself, as none should."""
        return name in self._tasks and self._tasks[name].done()

    async def stop(self) -> None:
        """End them all."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
