"""What a check found: a grade, what it is about, and how to mend it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from alertbot.words import listed

_MOST_NAMED = 5
_SECRET = 5  # characters: what is shorter stands in half of all words


class Grade(StrEnum):
    """How a check went; ``SKIPPED`` where another that failed leaves nothing to look at."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's. ``what`` is a clause without a full stop, ``mend`` a sentence or nothing."""

    check: str
    grade: Grade
    what: str
    mend: str = ""

    def without(self, secrets: Collection[str]) -> Finding:
        """The same with every secret blotted out that others' words may have brought in."""
        what, mend = self.what, self.mend
        for secret in (each for each in secrets if len(each) >= _SECRET):
            what, mend = what.replace(secret, "***"), mend.replace(secret, "***")
        return Finding(self.check, self.grade, what, mend)

    def __str__(self) -> str:
        mend = f". {self.mend}" if self.mend else ""
        return " ".join(f"{self.grade.value:<8} {self.check}: {self.what}{mend}".split("\n"))


def ok(check: str, what: str) -> Finding:
    """All is well."""
    return Finding(check, Grade.OK, what)


def warning(check: str, what: str, mend: str) -> Finding:
    """It works, but not as well as it might, or not for ever."""
    return Finding(check, Grade.WARNING, what, mend)


def failed(check: str, what: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(check, Grade.FAILED, what, mend)


def skipped(check: str, why: str) -> Finding:
    """It was not looked at."""
    return Finding(check, Grade.SKIPPED, why)


def named(names: Sequence[str]) -> str:
    """The first few of these names, and how many there are beside them."""
    return listed(names, _MOST_NAMED)


def in_help(topic: str, heading: str) -> str:
    """A pointer to a heading of a page that ``alertbot help`` prints."""
    return f'`alertbot help {topic}` under "{heading.replace("`", "")}"'


def in_readme(heading: str) -> str:
    """A pointer to a heading of the README, which a first installation goes by."""
    return f'README, "{heading}"'


Check = Callable[[], Awaitable[Sequence[Finding]]]


async def limited(name: str, check: Check, seconds: float) -> Sequence[Finding]:
    """What a check finds, or that it did not come to an end in time."""
    try:
        async with asyncio.timeout(seconds):
            return await check()
    except TimeoutError:
        return [failed(name, f"not done within {seconds:.0f} s", "Try again; if it stays so, see what is slow there.")]


def clock_finding(check: str, ahead: float, whose: str) -> Finding:
    """How far the machine's clock is ahead of another's, in seconds."""
    if abs(ahead) <= _CLOCK_WARNING:
        return ok(check, f"within {max(abs(ahead), 1):.0f} s of {whose}")
    what = f"this machine's is {abs(ahead) / 60:.1f} min {'ahead of' if ahead > 0 else 'behind'} {whose}"
    mend = "Set it: sudo timedatectl set-ntp true, then look at timedatectl."
    return failed(check, what, mend) if abs(ahead) > _CLOCK_FAILED else warning(check, what, mend)


_CLOCK_WARNING, _CLOCK_FAILED = 60.0, 300.0
