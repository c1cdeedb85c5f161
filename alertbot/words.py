"""Words for people: what a mistyped word was meant to be, choices, quotes, plurals."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from unicodedata import category

_LONGEST = 253


def nearest(word: str, words: Iterable[str], *, alike: float = 0.5, among: int = 20) -> str | None:
    """The word that was probably meant, whatever the case of its letters.

    ``alike``: how like it a word must be, up to 1. Looking closely at a word takes its time, so only those ``among``
    them are looked at that share most triples of letters with it.
    """
    wanted, folded = word.lower()[:_LONGEST], {each.lower(): each for each in words}
    if swapped := [each for each in folded if len(each) == len(wanted) and sorted(each) == sorted(wanted)]:
        return folded[swapped[0]]  # "edn" is "end", "form" is "from": too short to be alike otherwise
    likely = list(folded)
    if len(likely) > among:
        parts = _triples(wanted)
        likely = sorted(likely, key=lambda each: -len(parts & _triples(each)))[:among]
    close = difflib.get_close_matches(wanted, likely, n=1, cutoff=alike)
    return folded[close[0]] if close else None


def did_you_mean(
    word: str, words: Iterable[str], form: str = ": did you mean {}?", *, alike: float = 0.5, among: int = 20
) -> str:
    """``: did you mean this?``, to end a complaint with; empty where no word is like it."""
    close = nearest(word, words, alike=alike, among=among)
    return form.format(close) if close else ""


def _triples(word: str) -> set[str]:
    padded = f" {word} "
    return {padded[start : start + 3] for start in range(len(padded) - 2)}


def one_of(choices: Iterable[str]) -> str:
    """``"info", "warning" or "critical"``."""
    *most, last = (f'"{choice}"' for choice in choices)
    return f"{', '.join(most)} or {last}" if most else last


def listed(names: Iterable[str], most: int) -> str:
    """``a, b and 3 more``: the first ``most`` names, and how many there are beside them."""
    names = list(names)
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def printable(text: str) -> str:
    """The text on one line, with what would move a terminal's cursor or change its colours written as in Python."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or category(char) == "Zs" else char.encode("unicode_escape").decode()
        for char in text
    )


def quoted(text: str, longest: int = 40) -> str:
    """The text in quotes, cut where it is longer than this; what cannot be printed stands as its code."""
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return '"' + (text if len(text) <= longest else text[: longest - 3] + "...") + '"'


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 domain``, ``1,500 domains``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def at(clock: str) -> str:
    """``at 12:05``, ``on Mon 2 Nov at 12:05``: when something happened, by what a clock and perhaps a date showed."""
    day, _, time = clock.rpartition(" ")
    return f"on {day} at {time}" if day else f"at {time}"


def how_often(times: float) -> str:
    """``710``, ``2.4``, ``0.05``: how often something happens, in figures that are read at a glance."""
    if 0 < times < 0.01:
        return "less than 0.01"
    digits = 0 if times >= 9.95 or not times else 1 if times >= 0.95 else 2
    figure = f"{times:,.{digits}f}"
    return figure.rstrip("0").rstrip(".") if digits else figure


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def ordinal(number: int) -> str:
    """``second``, ``third``; beyond the tenth in figures: ``11th``, ``21st``."""
    if number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    teens = number % 100 in {11, 12, 13}
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
