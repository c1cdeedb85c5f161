"""Slots, and the numbers people write and read: ``8 Gbps``, ``1h30m``, ``80%``.

Reading is strict, since a rate that was meant otherwise is an alert that never comes: ``8 GB``, ``1 GBps`` (bytes,
eight times off), ``1,5 Gbps`` and ``-5m`` are refused with an example of what would be right. Bit rates are decimal
(1 Gbps = 10^9 bit/s).
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, tzinfo

from alertbot.words import quoted

SLOT = 300
"""Seconds in a slot: a 5-minute bucket, named by the epoch second at which it starts."""

DAY = 86_400
DAY_SLOTS = DAY // SLOT

NEVER = 2**62
"""A slot that never comes."""

_RATES = (("Tbps", 1e12), ("Gbps", 1e9), ("Mbps", 1e6), ("kbps", 1e3), ("bps", 1.0))
_RATE_UNITS = {"bps": 1, "kbps": 10**3, "mbps": 10**6, "gbps": 10**9, "tbps": 10**12}
_DURATION_UNITS = {"s": 1, "m": 60, "h": 3600, "d": DAY}
_NUMBER = r"\d+(?:\.\d+)?"
_RATE = re.compile(rf"({_NUMBER})\s*([a-z]+)", re.IGNORECASE | re.ASCII)
_BYTES = re.compile(r"[kKmMgGtT]?i?B(?:ps|/s)?")
_DURATION = re.compile(r"(?:\d+[smhd])+", re.ASCII)
_DURATION_PART = re.compile(r"(\d+)([smhd])", re.ASCII)
_SHARE = re.compile(rf"({_NUMBER})\s*%", re.ASCII)
_MOST_SECONDS = 10 * 366 * DAY
_MOST_RATE = 1e18
_ROUND = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


def parse_rate(text: str) -> float:
    """Bit/s of ``8 Gbps``; ``ValueError`` with an example for anything else."""
    match = _RATE.fullmatch(text.strip())
    if _BYTES.fullmatch(text.strip().lstrip("0123456789. ")):
        raise ValueError(f'{quoted(text)} is not a bit rate: it counts bytes, and 1 GB a second is "8 Gbps"')
    unit = match and _RATE_UNITS.get(match[2].lower())
    if match is None or unit is None:
        raise ValueError(f'{quoted(text)} is not a bit rate: write bps, kbps, Mbps, Gbps or Tbps, "8 Gbps"')
    rate = float(match[1]) * unit
    if rate > _MOST_RATE:
        raise ValueError(f'{quoted(text)} is more than any network carries: write a bit rate such as "8 Gbps"')
    return rate


def parse_duration(text: str) -> int:
    """Seconds of ``30s``, ``5m``, ``2h``, ``7d`` or a sum such as ``1h30m``; ``ValueError`` for anything else."""
    stripped = text.strip()
    if not _DURATION.fullmatch(stripped):
        raise ValueError(f'{quoted(text)} is not a duration: write "30s", "5m", "2h", "7d" or a sum such as "1h30m"')
    parts = _DURATION_PART.findall(stripped)
    units = [unit for _, unit in parts]
    if len(set(units)) != len(units):
        raise ValueError(f'{quoted(text)} names a unit twice: write each unit once, such as "1h30m"')
    seconds = sum(int(number) * _DURATION_UNITS[unit] for number, unit in parts if len(number) <= 12)
    if seconds > _MOST_SECONDS or any(len(number) > 12 for number, _ in parts):
        raise ValueError(f'{quoted(text)} is longer than ten years: write a duration such as "35d"')
    return seconds


def parse_share(text: str) -> float:
    """0.8 of ``80%``; ``ValueError`` for anything that is not a percentage."""
    match = _SHARE.fullmatch(text.strip())
    if match is None or float(match[1]) > 10_000:
        raise ValueError(f'{quoted(text)} is not a percentage: write it with its sign, "80%"')
    return float(match[1]) / 100


def slots_of(seconds: float) -> int:
    """How many slots of data a duration asks for: rounded up, at least one."""
    return max(1, math.ceil(seconds / SLOT))


def slot_at(epoch: float) -> int:
    """The slot that holds this instant."""
    return int(epoch // SLOT) * SLOT


def format_rate(bps: float, digits: int = 3) -> str:
    """``1.84 Gbps``: so many significant digits in the unit a person would use; ``0 bps`` for a true zero."""
    return _scaled(bps, _RATES, digits)


def format_change(was: float, now: float) -> str:
    """``11.2 to 4.4 Gbps``: two rates, each with its unit where these differ."""
    first, second = format_rate(was), format_rate(now)
    number, _, unit = first.partition(" ")
    return f"{number if second.endswith(f' {unit}') else first} to {second}"


def rate_unit(bps: float) -> tuple[str, float]:
    """The unit a person would use for rates up to this one, and how many bit/s it is."""
    return next((each for each in _RATES if bps >= each[1]), _RATES[-1])


def format_volume(volume: float) -> str:
    """``759 GB`` of bytes, decimal as CDN invoices count them."""
    return _scaled(volume, (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)))


def _scaled(value: float, units: tuple[tuple[str, float], ...], digits: int = 3) -> str:
    if not math.isfinite(value):
        return "unknown"
    # 999.9 Mbps would print as "1000 Mbps": round first, then choose the unit.
    rounded = float(f"{value:.{digits}g}") + 0.0  # -0.0 is 0
    unit, size = next((pair for pair in units if abs(rounded) >= pair[1]), units[-1])
    count = rounded / size
    return f"{count:.{digits}g} {unit}" if count < 1000 else f"{count:.0f} {unit}"


def format_between(begun: float, ended: float) -> str:
    """How long it was between two times by what clocks show of them: ``1h 30m`` from 01:05:50 to 02:35:10."""
    shown = ended // 60 * 60 - begun // 60 * 60
    return format_duration(shown or ended - begun)


def format_duration(seconds: float) -> str:
    """``45s``, ``12m``, ``1h 30m``, ``3d 4h``: the two largest units that say something."""
    left = int(seconds)
    if left < 60:
        return f"{left}s"
    parts = []
    for unit, size in (("d", DAY), ("h", 3600), ("m", 60)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def format_lateness(seconds: float) -> str:
    """``24s``, ``4m 51s``, ``30m``: to the second where that says something."""
    if seconds >= 600:
        return format_duration(seconds)
    minutes, rest = divmod(round(seconds), 60)
    return " ".join(
        part for part in (f"{minutes}m" if minutes else "", f"{rest}s" if rest or not minutes else "") if part
    )


def format_share(share: float) -> str:
    """``80%``, ``0.4%``: as a person would round it."""
    return f"{100 * share:.3g}%" if abs(share) < 10 else f"{100 * share:.0f}%"


def format_ordinal(number: int) -> str:
    """``95th``, ``91st``, ``12th``."""
    tens, ones = divmod(number, 10)
    return f"{number}{'th' if tens % 10 == 1 else {1: 'st', 2: 'nd', 3: 'rd'}.get(ones, 'th')}"


def format_clock(epoch: float, zone: tzinfo, now: float | None = None) -> str:
    """``12:05`` on the day of ``now``, else ``Mon 2 Nov 12:05``, in the reader's zone."""
    local = datetime.fromtimestamp(epoch, zone)
    if now is not None and datetime.fromtimestamp(now, zone).date() == local.date():
        return f"{local:%H:%M}"
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def zone_name(zone: tzinfo, now: float) -> str:
    """``CET``, ``UTC``, ``UTC+08``: how clocks of a zone are called just now."""
    name = datetime.fromtimestamp(now, zone).tzname() or ""
    return name if name[:1].isalpha() else f"UTC{name}"


def format_iso(epoch: float) -> str:
    """``2026-11-02T10:05:00Z``: for files and logs."""
    return f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%dT%H:%M:%SZ}"


def parse_time(text: str) -> int:
    """Epoch seconds of ``1793613600`` or ISO 8601 (UTC where it names no offset); ``ValueError`` otherwise."""
    stripped = text.strip()
    if stripped.isascii() and stripped.isdigit() and len(stripped) <= 11:
        return int(stripped)
    try:
        moment = datetime.fromisoformat(stripped)
    except ValueError:
        example = "write epoch seconds or ISO 8601, 2026-11-02T10:05:00Z"
        raise ValueError(f"{quoted(text)} is not a time: {example}") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def friendly(value: float, *, up: bool = False) -> float:
    """The nearest round number that is not over (``up``: not under) this one; 0 for what is 0 or less."""
    if value <= 0:
        return 0.0
    size = 10.0 ** math.floor(math.log10(value))
    rounds = (step * size for step in _ROUND)
    if up:
        return min(each for each in rounds if each >= value * (1 - 1e-9))
    return max(each for each in rounds if each <= value * (1 + 1e-9))
