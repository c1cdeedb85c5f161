"""Brings what is stored of a watch back into memory."""

from __future__ import annotations

from collections.abc import Mapping

from alertbot.alerts.ledger import Ledger
from alertbot.alerts.mutes import keep_out
from alertbot.config import StoreSettings
from alertbot.config.watch import Watch
from alertbot.feed.frontier import Frontier
from alertbot.rules.selection import TOTAL
from alertbot.store import restart, samples
from alertbot.store.alerts import foreign_alerts, name_kinds, open_alerts
from alertbot.store.keeper import Storekeeper
from alertbot.store.scratch import room_for
from alertbot.units import DAY, DAY_SLOTS, SLOT, slot_at


async def restored_ledger(watch: Watch, settings: StoreSettings, keeper: Storekeeper, now: float) -> Ledger:
    """A ledger with the stored cursors and alerts, and as much history as the rules look back on."""
    cursors: Mapping[str, int] = await keeper.do(samples.cursors)
    kinds = {name: rule.kind_name for name, rule in watch.rules.items()}
    await keeper.do(name_kinds, kinds)
    foreign = await keeper.do(foreign_alerts, kinds)
    alerts = await keeper.do(open_alerts)
    watched = set(watch.series)
    oldest = min((slot for name, slot in cursors.items() if name in watched), default=now)
    depth = max(watch.engine.depth, DAY_SLOTS) * SLOT
    last = int(max(now, *cursors.values(), 0))
    # Bounded whatever the clock says, or a stored cursor: one that was never set shows 1970.
    first = int(max(min(oldest, now) - depth - DAY, last - settings.keep))
    room = room_for(settings.path.parent, len(watch.series), (last - first) // SLOT)
    grid = await keeper.do(restart.grid, watch.series, first, last, room)
    keep_out(grid, watch.mutes)
    reachable = {name: max(slot, slot_at(first) - DAY) for name, slot in cursors.items()}
    return Ledger(watch.engine, grid, reachable, watch.engine.recall(grid, alerts), live=True, foreign=foreign)


def restored_frontier(ledger: Ledger) -> Frontier:
    """Where the frontier stood when the service stopped, as far as the total's stored slots show."""
    newest = ledger.newest_traffic(TOTAL)
    return Frontier() if newest is None else Frontier(newest, newest - SLOT)
