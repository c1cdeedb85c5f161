"""A bot that judges what a test says each series carried, and tells Alertmanagers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from operator import ne
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from alertbot.alertmanager.alerts import AlertLayout
from alertbot.alertmanager.own_trouble import OwnTrouble
from alertbot.alertmanager.relay import Relay, RelaySource
from alertbot.clock import Clock
from alertbot.config import AlertmanagerSettings
from fakes.rigs.house import House
from fakes.rigs.night import config_for, dark
from fakes.rigs.until import until

RESEND = 1
NAMES = ("a.example.com", "b.example.com")
USUAL = {"a.example.com": 1e9, "b.example.com": 1e9, "total": 2e9}


class Bot:
    """The house, and its relaying; ``awaited``: the series it has yet to judge."""

    def __init__(
        self,
        folder: Path,
        urls: Sequence[str],
        clock: Clock,
        *,
        secret: str | None = None,
        usual: Mapping[str, float] = USUAL,
        **settings: Any,
    ) -> None:
        names = [name for name in usual if name != "total"]
        self.house = House(config_for(folder / "alertbot.db", names, [dark()]), names)
        self._usual = usual
        self._clock = clock
        self.awaited: frozenset[str] = frozenset()
        # Without its bounds: no file may ask for so short a time.
        self._settings = AlertmanagerSettings.model_construct(**{"urls": tuple(urls), "resend": RESEND} | settings)
        self._secret = secret
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Start it for the first time: everything is as usual."""
        await self.house.begin(self._usual)
        self.relay()

    def relay(self) -> None:
        """Begin to tell."""
        layout = AlertLayout(ZoneInfo("UTC"), self._settings.labels)
        keeper = self.house._keeper
        own = OwnTrouble(tuple, layout, self._clock)
        self.relaying = Relay(self._settings, layout, self._secret, keeper, self._clock, self._scene, own)
        self._task = asyncio.create_task(self.relaying.run())

    async def die(self) -> None:
        """As one that is killed: what was in memory is lost."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self.house.end()

    async def begin_again(self) -> None:
        """After it died."""
        await self.house.begin()
        self.relay()

    async def judge(self, values: Mapping[str, float], slots: int = 2) -> None:
        """So many slots in which the series carried this, told at once."""
        for _ in range(slots):
            await self.house.judge({**self._usual, **values})
        self.relaying.wake()

    @property
    def failures(self) -> int:
        """How often the Alertmanagers could not be told since they last were."""
        return sum(peer._failures.failures for peer in self.relaying._peers)

    async def sends(self, times: int) -> None:
        """Return once every Alertmanager took so many more requests; there is one for each ``RESEND`` at least."""
        peers = self.relaying._peers
        for _ in range(times):
            before = [peer._accepted for peer in peers]
            await until(lambda before=before: all(map(ne, before, (peer._accepted for peer in peers))))

    def _scene(self) -> RelaySource:
        return RelaySource(self.house.watch, self._clock.time(), self.house.slot, self.awaited)
