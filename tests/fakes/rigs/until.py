"""Waiting for what another task does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fakes.worlds.virtual import VirtualLoop


async def until(holds: Callable[[], object], patience: float = 12 * 3600.0) -> None:
    """Return once ``holds()`` is true; ``TimeoutError`` where it is not within ``patience`` of the loop's seconds."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(patience):
        if isinstance(loop, VirtualLoop):
            await loop.until(holds)
        while not holds():  # noqa: ASYNC110 - what is waited for has no event to set
            await asyncio.sleep(0.01)
