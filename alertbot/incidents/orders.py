"""What people order: acknowledge an incident, silence something, end a silence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias


@dataclass(frozen=True)
class Person:
    """Who gives an order: a Slack user's ``id`` and name; no ``id`` where it came from the shell."""

    id: str | None
    name: str


@dataclass(frozen=True)
class Ack:
    """Acknowledge the incident ``number``; without one, the only open one of the channel it is typed in."""

    number: int | None


@dataclass(frozen=True)
class Silence:
    """Post nothing of ``target`` (a glob over series, ``@group``, ``rule:NAME`` or ``#N``) between two times.

    Times are epoch seconds.
    """

    target: str
    begins: float
    ends: float
    reason: str = ""


@dataclass(frozen=True)
class Unsilence:
    """End the silence ``number`` now."""

    number: int


Order: TypeAlias = Ack | Silence | Unsilence


@dataclass(frozen=True)
class Requester:
    """Who asks, and where: ``channel`` as messages are sent there, ``channels`` all names it has.

    A silence's end is announced in its ``channel``; without one in the default channel. ``words``: what was typed.
    """

    person: Person
    channel: str | None = None
    channels: frozenset[str] = frozenset()
    words: str = field(default="", compare=False)


NOBODY = Requester(Person(None, "nobody"))
"""Asks for nobody in particular, as the demo does."""


class Executor(Protocol):
    """Carries out orders."""

    async def carry_out(self, order: Order, requester: Requester) -> str:
        """Do it at once: what has been done, as lines of mrkdwn; ``UsageError`` in plain text where it makes no sense.

        The same order twice does no harm.
        """
