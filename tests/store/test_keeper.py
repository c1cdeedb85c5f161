"""The store's own thread."""

from __future__ import annotations

import asyncio

from alertbot.store.keeper import Storekeeper


async def test_a_database_is_closed_though_the_start_is_given_up_while_it_is_being_opened(tmp_path):
    keeper = Storekeeper()
    opening = asyncio.create_task(keeper.open(tmp_path / "alertbot.db"))
    await asyncio.sleep(0)
    opening.cancel()
    await keeper.close()  # that nothing is left open is seen after each test
