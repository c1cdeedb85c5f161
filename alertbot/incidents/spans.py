"""Durations as people type them: ``2h``, ``2 hours``, ``1h 30m``, ``half an hour``; the configuration stays strict."""

from __future__ import annotations

import re

from alertbot.units import DAY

_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), DAY),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), 7 * DAY),
}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([a-z]*)", re.ASCII)
_WHOLE = re.compile(r"(?:\d{1,9}(?:\.\d{1,3})?[a-z]*)+", re.ASCII)


def take_span(words: list[str]) -> int | None:
    """The seconds that the first words say; takes these words, or none of them where they say no duration."""
    if half := _half(words):
        return half
    left, total, last = list(words), 0.0, float("inf")
    while left:
        taken = _taken(left)
        if taken is None or taken[1] >= last:  # "2h 3h" is no sum: the second is of something else
            break
        seconds, last, count = taken
        total, left = total + seconds, left[count:]
        if len(left) > 1 and left[0].lower() == "and" and _taken(left[1:]) is not None:
            left = left[1:]
    if total == 0:
        return None
    del words[: len(words) - len(left)]
    return int(total)


def _half(words: list[str]) -> int | None:
    for begin in (["half", "an", "hour"], ["half", "hour"]):
        if [word.lower() for word in words[: len(begin)]] == begin:
            del words[: len(begin)]
            return 1800
    return None


def _taken(words: list[str]) -> tuple[float, float, int] | None:
    """Seconds, the smallest unit among them, and how many words say so."""
    first, unit = words[0].lower(), _UNITS.get(words[1].lower().rstrip(",.")) if len(words) > 1 else None
    if unit is not None and first in {"a", "an", "one"}:
        return unit, unit, 2
    if not _WHOLE.fullmatch(first):
        return None
    parts = _PART.findall(first)
    if len(parts) == 1 and not parts[0][1]:
        return None if unit is None else (float(parts[0][0]) * unit, unit, 2)
    sizes = [_UNITS.get(name, 0) for _, name in parts]
    if not all(sizes) or len(set(sizes)) < len(sizes):
        return None
    return sum(float(number) * size for (number, _), size in zip(parts, sizes, strict=True)), min(sizes), 1
