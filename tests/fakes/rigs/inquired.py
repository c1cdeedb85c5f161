"""A house whose database is asked: what the running service would hand to the commands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from alertbot.config.watch import Subject, subject_of
from alertbot.messages.slack import plain
from alertbot.query.live import Live
from alertbot.slack.commands import Commands
from fakes.rigs.house import House
from fakes.rigs.obedience import Obedience


class Inquired:
    """Asks what stands in a house's database, as it is now; ``live`` adds what only the service knows."""

    def __init__(self, house: House, **live: Any) -> None:
        self.house = house
        self.live_facts = live
        self.commands = Commands(lambda: self.subject, lambda: self.live, Obedience())

    @property
    def subject(self) -> Subject:
        return subject_of(self.house.config, self.house.watch, "/bandwidth")

    @property
    def live(self) -> Live:
        return replace(Live(self.house.now, frontier=self.house.slot), **self.live_facts)

    async def ask(self, text: str) -> str:
        """The answer as plain text."""
        return plain((await self.commands.answer(text)).message)
