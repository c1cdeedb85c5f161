"""What a check found: a grade, what it is about, and how to mend it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from alertbot.errors import AlertbotError
from alertbot.messages.pages import typed
from alertbot.words import listed, printable

_MOST_NAMED = 5
_SECRET = 5  # characters: what is shorter stands in half of all words
_CLOCK_WARNING, _CLOCK_FAILED = 60.0, 300.0


class Grade(StrEnum):
    """How a check went; ``SKIPPED`` where another that failed leaves nothing to look at."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One line that ``doctor`` prints. ``what`` is a clause without a full stop, ``mend`` a sentence or nothing."""

    check: str
    grade: Grade
    what: str
    mend: str = ""

    def without(self, secrets: Collection[str]) -> Finding:
        """The same with every secret blotted out: an answer of a server may repeat one."""
        what, mend = self.what, self.mend
        for secret in (each for each in secrets if len(each) >= _SECRET):
            what, mend = what.replace(secret, "***"), mend.replace(secret, "***")
        return Finding(self.check, self.grade, what, mend)

    def __str__(self) -> str:
        mend = f". {self.mend}" if self.mend else ""
        return printable(" ".join(f"{self.grade.value:<8} {self.check}: {self.what}{mend}".split("\n")))


def ok(check: str, what: str) -> Finding:
    """A check that finds everything as it should be."""
    return Finding(check, Grade.OK, what)


def warning(check: str, what: str, mend: str) -> Finding:
    """A check that finds something that works, but not well, or not for long."""
    return Finding(check, Grade.WARNING, what, mend)


def failed(check: str, what: str, mend: str) -> Finding:
    """A check that finds something that does not work."""
    return Finding(check, Grade.FAILED, what, mend)


def skipped(check: str, why: str) -> Finding:
    """A check that was not made."""
    return Finding(check, Grade.SKIPPED, why)


def split_mend(error: AlertbotError) -> tuple[str, str]:
    """What an error says is wrong, and how to mend it, which its text has after the last colon."""
    what, _, mend = str(error).rpartition(": ")
    return (what, f"{mend[:1].upper()}{mend[1:]}.") if what else (mend, "")


def named(names: Sequence[str]) -> str:
    """The first five of these names, and how many more there are."""
    return listed(names, _MOST_NAMED)


def in_help(topic: str, heading: str) -> str:
    """The command that prints what stands under a heading of a page."""
    return f"`alertbot help {' '.join([topic, *typed(heading)])}`"


def in_readme(heading: str) -> str:
    """A pointer to a heading of the README, which a first installation goes by."""
    return f'README, "{heading}"'


Check = Callable[[], Awaitable[Sequence[Finding]]]


async def limited(name: str, check: Check, seconds: float) -> Sequence[Finding]:
    """What a check finds, or one finding that it was not done within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await check()
    except TimeoutError:
        return [failed(name, f"not done within {seconds:.0f} s", "Try again; if it stays so, see what is slow there.")]


def clock_finding(check: str, ahead: float, whose: str) -> Finding:
    """Whether this machine's clock, which is so many seconds ``ahead`` of another, is right enough."""
    if abs(ahead) <= _CLOCK_WARNING:
        return ok(check, f"within {max(abs(ahead), 1):.0f} s of {whose}")
    what = f"this machine's is {abs(ahead) / 60:.1f} min {'ahead of' if ahead > 0 else 'behind'} {whose}"
    mend = "Set it: sudo timedatectl set-ntp true, then look at timedatectl."
    return failed(check, what, mend) if abs(ahead) > _CLOCK_FAILED else warning(check, what, mend)
