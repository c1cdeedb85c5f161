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
    """Acknowledge the incident ``number``; without one, the only open one of the channel it is typed in.

    ``note``: what whoever does so says to the others.
    """

    number: int | None
    note: str = ""


@dataclass(frozen=True)
class Unack:
    """Take the acknowledgement of the incident ``number`` back; without one, of the only acknowledged one."""

    number: int | None


@dataclass(frozen=True)
class Silence:
    """Post nothing of ``target`` (a glob over series, ``@group``, ``rule:NAME`` or ``#N``) between two times.

    Times are epoch seconds. ``confirmed``: whoever orders it knows how much it covers.
    """

    target: str
    begins: float
    ends: float
    reason: str = ""
    confirmed: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Unsilence:
    """End the silence ``number`` now; without one, those over ``target``."""

    number: int | None
    target: str = ""


@dataclass(frozen=True)
class KeepPosting:
    """Post it whenever ``series`` is silent, however usual alerts taught that this is."""

    series: str


@dataclass(frozen=True)
class LearnSilence:
    """Take that back: what alerts teach of the silence of ``series`` is usual again."""

    series: str


@dataclass(frozen=True)
class CastVote:
    """Say that the incident ``number``, which is over, was ``useful`` to know of, or noise."""

    number: int
    useful: bool


Order: TypeAlias = Ack | Unack | Silence | Unsilence | KeepPosting | LearnSilence | CastVote


@dataclass(frozen=True)
class Preview:
    """A silence that covers so much that it is asked about first: ``domains`` of ``watched`` ones."""

    silence: Silence
    domains: int
    watched: int


@dataclass(frozen=True)
class Requester:
    """Who asks, and where: ``channel`` as messages are sent there, ``channels`` all names it has.

    A silence's end is announced in its ``channel``; without one in the default channel. ``words``: what was typed.
    """

    person: Person
    channel: str | None = None
    channels: frozenset[str] = frozenset()
    words: str = field(default="", compare=False)

    def command(self, slash: str) -> str:
        """What commands begin with where this person is: ``slash`` in Slack, alertbot's name in the shell."""
        return "alertbot" if self.person.id is None else slash


NOBODY = Requester(Person(None, "nobody"))
"""Asks for nobody in particular, as the demo does."""


class Executor(Protocol):
    """Carries out orders."""

    async def carry_out(self, order: Order, requester: Requester) -> str | Preview:
        """Do it at once: what has been done, as lines of mrkdwn; ``UsageError`` in plain text where it makes no sense.

        A silence that covers much is not begun before it is confirmed. The same order twice does no harm.
        """
