"""The store's thread without a thread."""

from __future__ import annotations

from typing import Any

from alertbot.store.keeper import Storekeeper


class AtOnceKeeper(Storekeeper):
    """Does the store's work at once instead of in a thread: handing it over would take longer than all the rest."""

    async def _run(self, work: Any) -> Any:
        return work()
