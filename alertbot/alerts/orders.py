"""What people tell alertbot to do: take on an incident, silence something, end a silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


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
