"""Words for people: what a mistyped word was meant to be, choices, quotes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_LONGEST = 253
_COMPARED = 20


def nearest(word: str, words: Sequence[str]) -> str | None:
    """The word that was probably meant."""
    wanted = word.lower()[:_LONGEST]
    close = difflib.get_close_matches(wanted, _likely(wanted, words), n=1, cutoff=0.5)
    return close[0] if close else None


def did_you_mean(word: str, words: Sequence[str], mark: str = "") -> str:
    """``: did you mean this?``, to end a complaint with; empty where no word is like it. ``mark`` stands before it."""
    close = nearest(word, words)
    return f": did you mean {mark}{close}?" if close else ""


def _likely(wanted: str, words: Sequence[str]) -> Sequence[str]:
    """Those worth a close look, which takes its time: of many the ones that share most triples of letters."""
    if len(words) <= _COMPARED:
        return words
    parts = _triples(wanted)
    return sorted(words, key=lambda word: -len(parts & _triples(word)))[:_COMPARED]


def _triples(word: str) -> set[str]:
    padded = f" {word.lower()} "
    return {padded[start : start + 3] for start in range(len(padded) - 2)}


def did_you_mean_key(word: str, choices: Iterable[str]) -> str:
    """``, did you mean "threshold"?`` for ``treshold``; empty where no choice is like it."""
    folded = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.7)
    return f', did you mean "{folded[close[0]]}"?' if close else ""


def one_of(choices: Iterable[str]) -> str:
    """``"info", "warning" or "critical"``."""
    *most, last = (f'"{choice}"' for choice in choices)
    return f"{', '.join(most)} or {last}" if most else last


def quoted(text: str) -> str:
    """The text in quotes, cut where it is long."""
    return '"' + (text if len(text) <= 60 else text[:57] + "...") + '"'
