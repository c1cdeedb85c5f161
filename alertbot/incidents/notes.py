"""Notes: what is said in an incident's thread. A note that *pages* is shown in the channel and mentions somebody."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NoteKind(StrEnum):
    """What a note in the thread says."""

    AGAIN = "again"
    REOPENED = "reopened"
    JOINED = "joined"
    LISTED = "listed"
    GREW = "grew"
    FLAPS = "flaps"
    STEADY = "steady"
    SURVIVED = "survived"
    STILL = "still"
    ESCALATED = "escalated"
    SILENCED = "silenced"
    SILENCE_OVER = "silence over"
    MUTED = "muted"
    MUTE_OVER = "mute over"
    INHIBITED = "inhibited"
    ACKED = "acked"
    NOTED = "noted"
    UNACKED = "unacked"
    ASKED = "asked"
    STILL_ON_IT = "still on it"
    LAPSED = "lapsed"
    ENDED = "ended"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Note:
    """One thing to say. ``alerts``: the rows of those it is about.

    ``by``, ``until`` (epoch seconds) and ``reason``: of a silence, a mute or an acknowledgement. ``mentions``: whom to
    mention beside those of the severity; ``copies``: the channels among them that have no message of the incident yet.
    """

    kind: NoteKind
    page: bool = False
    alerts: tuple[int, ...] = ()
    by: str = ""
    until: float | None = None
    reason: str = ""
    mentions: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
