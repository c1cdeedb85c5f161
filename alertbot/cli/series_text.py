"""Parses the values of a rule test: ``"1 Gbps x12, 0 x4, _ x2"``, where ``_`` is a slot that stays unknown."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from alertbot.config.words import secret_in_value
from alertbot.rules.base import Array
from alertbot.units import DAY_SLOTS, SLOT, parse_duration, parse_rate
from alertbot.words import quoted

MOST_SLOTS = 400 * DAY_SLOTS
"""Slots that a series of a test may have: enough for a year of history."""

EXAMPLE = "1 Gbps x12, 0 x4, _ x2"

_TOKEN = re.compile(r"\s*(?:([(),])|x\s*(\w+)|([^(),x]+))", re.ASCII)


def parse_series(text: str) -> Array:
    """The values of ``1 Gbps x12, 0 x4, _ x2``; ``ValueError`` with what to write for anything else."""
    if secret := secret_in_value(text):
        raise ValueError(secret)
    tokens = [(match[1], match[2], (match[3] or "").strip()) for match in _TOKEN.finditer(" ".join(text.split()))]
    parser = _Parser([token for token in tokens if any(token)])
    values = parser.values()
    if parser.has_more:
        raise ValueError(f'a ")" stands without its "(": write values such as "{EXAMPLE}"')
    return values


class _Parser:
    """Parses values separated by commas: a rate, ``0``, ``_``, a ramp ``A..B``, a list in brackets; each ``xN``.

    A token is a mark, what stands after an ``x``, or a word; the other two are empty.
    """

    def __init__(self, tokens: Sequence[tuple[str | None, str | None, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def has_more(self) -> bool:
        """Whether there are tokens that have not been parsed."""
        return self._at < len(self._tokens)

    def values(self) -> Array:
        """All values up to the end, or to a closing bracket."""
        parts = [self._value()]
        while self._take(","):
            parts.append(self._value())
        if self.has_more and self._tokens[self._at][0] != ")":
            raise ValueError(f"a comma is missing between two values: write values such as {quoted(EXAMPLE)}")
        return _joined(parts)

    def _value(self) -> Array:
        if self._take("("):
            values = self.values()
            if not self._take(")"):
                raise ValueError('the closing ")" is missing: write "(1 Gbps x144, 2 Gbps x144) x7"')
            return _repeated(values, self._times())
        word = self._tokens[self._at][2] if self.has_more else ""
        if not word:
            raise ValueError(f'a value is missing between the commas: write values such as "{EXAMPLE}"')
        self._at += 1
        first, ramp, last = word.partition("..")
        if not ramp:
            return _repeated(np.array([_rate(word)]), self._times())
        times = self._times()
        if times < 2:
            raise ValueError(f'{quoted(word)} needs the number of its slots: write "1 Gbps..2 Gbps x12"')
        return np.linspace(_rate(first), _rate(last), _few_enough(times))

    def _take(self, mark: str) -> bool:
        """Whether the next token is this mark, which is then taken."""
        found = self.has_more and self._tokens[self._at][0] == mark
        self._at += found
        return found

    def _times(self) -> int:
        """The number of slots after an ``x``, which is taken; 1 where none stands."""
        count = self._tokens[self._at][1] if self.has_more else None
        if count is None:
            return 1
        self._at += 1
        return _count(count)


def _count(text: str) -> int:
    if text.isdigit():
        times = int(text[:9])
    else:
        try:
            seconds = parse_duration(text)
        except ValueError:
            raise ValueError(f'{quoted("x" + text)} is no number of slots: write "x12", or "x1h"') from None
        if seconds % SLOT:
            raise ValueError(f'{quoted("x" + text)} is no whole number of 5-minute slots: write "x12", or "x1h"')
        times = seconds // SLOT
    if times < 1:
        raise ValueError(f'{quoted("x" + text)} is no slot at all: write "x1" or more')
    return times


def _rate(text: str) -> float:
    word = text.strip()
    if word == "_":
        return math.nan
    return 0.0 if word == "0" else parse_rate(word)


def _repeated(values: Array, times: int) -> Array:
    _few_enough(len(values) * times)
    return np.tile(values, times)


def _joined(parts: Sequence[Array]) -> Array:
    _few_enough(sum(map(len, parts)))
    return np.concatenate(parts)


def _few_enough(slots: int) -> int:
    """The same number; ``ValueError`` where it is too large."""
    if slots > MOST_SLOTS:
        raise ValueError(f"{slots:,} slots are more than 400 days: write {MOST_SLOTS:,} slots at most")
    return slots
