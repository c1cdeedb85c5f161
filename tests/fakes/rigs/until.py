"""Waiting for what another task does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fakes.rigs.waiting import PATIENCE
from fakes.worlds.virtual import VirtualLoop


async def until(holds: Callable[[], object]) -> None:
    """Return once ``holds()`` is true; ``TimeoutError`` where it never is: within half a day of virtual time."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(12 * 3600.0 if isinstance(loop, VirtualLoop) else PATIENCE):
        if isinstance(loop, VirtualLoop):
            await loop.until(holds)
        while not holds():  # noqa: ASYNC110 - what is waited for has no event to set
            await asyncio.sleep(0.01)
