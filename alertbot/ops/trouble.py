"""What makes the service unhealthy: its cause, which has an entry in the run-book, and the words for it just now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why the service is unhealthy; the value is the heading of its entry in the page ``runbook``."""

    STARTING = "Starting"
    LOOKS_HANG = "The looks at the feed hang"
    SENDING_HANGS = "Messages or commands hang"
    STORE = "Nothing can be stored"
    LOOKS = "Looks at the feed end in an error"
    CALLS = "The API gives no answers"
    UNREADABLE = "Domains cannot be read"
    NOTHING_NEWER = "Nothing newer comes"
    CLOCK = "The clocks disagree"
    UNJUDGED = "Data is not judged"
    WAITING = "A message waits for Slack"
    REFUSED = "Slack does not take messages"
    UNKNOWN_TO_SLACK = "Slack does not say who alertbot is"


@dataclass(frozen=True)
class Trouble:
    """What is wrong: ``words`` say it in one line."""

    cause: Cause
    words: str

    @property
    def entry(self) -> str:
        """The command that prints what the run-book says about it."""
        return f"alertbot help runbook {self.cause.lower()}"

    @property
    def report(self) -> str:
        """What is wrong, and on a second line where to read on."""
        return f"{self.words}\nrun-book: {self.entry}"
