"""The numbers of a rule kind that, changed, make its rules fire less often: what a review may suggest to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from alertbot.units import format_rate, format_share, friendly

_FACTORS = (1.2, 1.3, 1.4, 1.5, 1.8, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_PARTS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
_SHARES = (0.6, 0.7, 0.8, 0.9, 0.95)
_QUANTILES = (0.25, 0.5, 0.75, 0.9, 1.0)


@dataclass(frozen=True)
class Knob:
    """A number: its ``key`` in the file, its ``field`` in the kind.

    ``steps`` are numbers under which less fires, the nearest to the present one first, by that and by the sizes (bit/s,
    ascending) of what should not fire. ``written``: a number as TOML.
    """

    key: str
    field: str
    steps: Callable[[float, Sequence[float]], Iterator[float]]
    written: Callable[[float], str]


def floor(key: str, field: str) -> Knob:
    """A size below which nothing is a breach, or which has to be exceeded."""
    return Knob(key, field, _over, _rate)


def low_limit(key: str) -> Knob:
    """A bit rate below which it is a breach."""
    return Knob(key, key, lambda now, _: (friendly(part * now) for part in _PARTS[::2]), _rate)


def share(key: str) -> Knob:
    """A share by which something has to fall."""
    return Knob(
        key, key, lambda now, _: (each for each in _SHARES if each > now), lambda each: f'"{format_share(each)}"'
    )


def factor(key: str) -> Knob:
    """So many times, or where it is under 1 at most that part, of a reference."""
    return Knob(key, key, _factors, str)


def _rate(bps: float) -> str:
    return f'"{format_rate(bps)}"'


def _over(now: float, sizes: Sequence[float]) -> Iterator[float]:
    """Round numbers just over the sizes of a quarter of them, of half, and so on."""
    found = {friendly(1.01 * sizes[round(part * (len(sizes) - 1))], up=True) for part in _QUANTILES if sizes}
    return iter(sorted(each for each in found if each > now))


def _factors(now: float, _: Sequence[float]) -> Iterator[float]:
    return (each for each in (_FACTORS if now > 1 else _PARTS) if (each > now) == (now > 1) and each != now)
