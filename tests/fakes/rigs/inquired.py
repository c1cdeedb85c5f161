"""A house whose database is asked: what the running service would hand to the commands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from alertbot.messages.slack import plain
from alertbot.query.live import Live
from alertbot.query.scope import Scope, scope_of
from alertbot.slack.commands import Commands
from fakes.rigs.house import House
from fakes.rigs.obedience import Obedience


class Inquired:
    """Asks what stands in a house's database, as it is now; ``live`` adds what only the service knows."""

    def __init__(self, house: House, **live: Any) -> None:
        self.house = house
        self.live_facts = live
        self.commands = Commands(lambda: self.scope, Obedience())

    @property
    def scope(self) -> Scope:
        live = replace(Live(self.house.now, frontier=self.house.slot), **self.live_facts)
        return scope_of(self.house.config, self.house.watch, live, "/bandwidth")

    async def ask(self, text: str) -> str:
        """The answer as plain text."""
        return plain((await self.commands.answer(text)).message)
