"""What an incident's thread says of its anatomy: one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from alertbot.incidents.anatomy import Anatomy, Portion, Verdict
from alertbot.messages.blocks import Message
from alertbot.units import format_rate


def anatomy_line(found: Iterable[Anatomy], domains: int | None) -> Message:
    """What was found of one domain, of several ``domains`` together, or, with ``None``, of the account."""
    of = "Account total: " if domains is None else f"{domains} domains together: " if domains > 1 else ""
    first, *more = map(_sentence, found)
    return Message(" ".join(f"{each}." for each in (of + first if of else _capital(first), *map(_capital, more))))


def _sentence(anatomy: Anatomy) -> str:
    parts = anatomy.changed
    if anatomy.verdict is Verdict.ALIKE:
        return f"{_listed(parts)} {'fell' if anatomy.falls else 'rose'} alike"
    if anatomy.verdict is Verdict.UNLIKE:
        return "; ".join(f"{part.name} {_levels(part)}" for part in parts)
    levels = ", ".join(map(_levels, parts))
    return f"all of it {_listed(parts)} ({levels}); {_listed(anatomy.usual)} as usual"


def _levels(part: Portion) -> str:
    return f"{format_rate(part.now)}, was {format_rate(part.before)}"


def _listed(parts: Sequence[Portion]) -> str:
    return " and ".join(part.name for part in parts)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
