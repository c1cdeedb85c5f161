"""Finding what a person meant: an abbreviated domain, a mistyped word."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from alertbot.errors import UsageError

_MOST_NAMED = 5


def nearest(word: str, words: Sequence[str]) -> str | None:
    """The word that was probably meant."""
    close = difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.5)
    return close[0] if close else None


def resolve(word: str, names: Sequence[str]) -> str:
    """The one series a word means: its name, or a part that no other name holds; ``UsageError`` says what is near."""
    wanted = word.strip().strip("`<>").lower()
    if not wanted:
        raise UsageError("a domain is due")
    if wanted in names:
        return wanted
    for candidates in (
        [name for name in names if name.startswith(f"{wanted}.")],
        [name for name in names if name.startswith(wanted)],
        [name for name in names if wanted in name],
    ):
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise UsageError(f'"{wanted}" could be {_listed(candidates)}: write more of it')
    close = nearest(wanted, names)
    raise UsageError(f'no watched domain is named "{wanted[:80]}"' + (f": did you mean {close}?" if close else ""))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} or {len(names) - _MOST_NAMED} others"
