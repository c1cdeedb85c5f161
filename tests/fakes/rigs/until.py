"""Waiting for what another task does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], object], patience: float = 10.0) -> None:
    """Return once ``holds()`` is true; ``TimeoutError`` where it is not within ``patience`` seconds."""
    async with asyncio.timeout(patience):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event to set
            await asyncio.sleep(0.002)
