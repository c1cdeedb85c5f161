"""What people tell alertbot to do: take on an incident, silence something, end a silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True)
class Person:
    """Who says so: a Slack user's ``id`` and name; no ``id`` where it came from the shell."""

    id: str | None
    name: str


@dataclass(frozen=True)
class Ack:
    """Take on the incident ``number``; without one, the only open one of a channel, of which these are the names."""

    number: int | None
    channels: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Silence:
    """Tell nothing of ``target`` (a glob over series, ``@group``, ``rule:NAME`` or ``#N``) between two times.

    Times are epoch seconds. ``channel``: where it was asked for, and so where its end is announced; ``None``: in the
    default one.
    """

    target: str
    begins: float
    ends: float
    reason: str = ""
    channel: str | None = None


@dataclass(frozen=True)
class Unsilence:
    """End the silence ``number`` now."""

    number: int


Order: TypeAlias = Ack | Silence | Unsilence


@dataclass(frozen=True)
class Requester:
    """Who asks, and where: ``channel`` as messages are sent there, ``channels`` by all its names."""

    person: Person
    channel: str | None = None
    channels: frozenset[str] = frozenset()


NOBODY = Requester(Person(None, "nobody"))
"""Asks where nobody in particular does: the demo."""


class Executor(Protocol):
    """Carries out orders."""

    async def carry_out(self, order: Order, who: Person) -> str:
        """Do it at once: what has been done, as lines of mrkdwn; ``UsageError`` in plain text where it makes no sense.

        The same order twice does no harm.
        """
