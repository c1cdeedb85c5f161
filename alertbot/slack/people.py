"""Who asks, and who does what they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from alertbot.alerts.orders import Order, Person


@dataclass(frozen=True)
class Asker:
    """Who asks, and where: ``channel`` as messages are sent there, ``channels`` by all its names."""

    person: Person
    channel: str | None = None
    channels: frozenset[str] = frozenset()


NOBODY = Asker(Person(None, "nobody"))
"""Asks where nobody in particular does: the demo."""


class Obeys(Protocol):
    """Carries out orders."""

    async def obey(self, order: Order, who: Person) -> str:
        """Do it at once: what has been done, as lines of mrkdwn; ``UsageError`` in plain text where it makes no sense.

        The same order twice does no harm.
        """
