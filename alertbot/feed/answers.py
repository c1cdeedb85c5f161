"""Reads the statistics API's answers without trust: pure functions from JSON to numbers.

What no answer to the call can hold is refused with a ``ValueError`` that says what is wrong, since a bucket that is
misread looks like traffic that is not there.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from alertbot.units import DAY, SLOT, format_iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo


class ElsewhereError(ValueError):
    """Buckets so far from what was asked for that the API must have understood the times differently."""


class Grain(StrEnum):
    """The length of a bucket."""

    MINUTE5 = "minute5"
    HOUR = "hour"
    DAY = "day"


class DataType(StrEnum):
    """What is counted: bit/s, or bytes."""

    BANDWIDTH = "bandwidth"
    TRAFFIC = "traffic"


@dataclass(frozen=True)
class Answer:
    """One series over the buckets from ``start`` to ``end``, both inclusive.

    ``values`` maps a bucket's start to bit/s (bytes for traffic); buckets of zero are absent. ``began`` is the
    monotonic time at which the request that was answered began, ``server_time`` the answer's own date (epoch seconds).
    """

    start: int
    end: int
    values: Mapping[int, float]
    began: float
    server_time: float | None


@dataclass(frozen=True)
class TimeSpan:
    """The buckets a call is for, both inclusive; ``asked`` is where the request begins, at or before ``start``."""

    start: int
    end: int
    asked: int
    grain: Grain
    zone: tzinfo


# At least as long as any bucket of the grain, the day of 25 hours included.
_SECONDS = {Grain.MINUTE5: SLOT, Grain.HOUR: 3600, Grain.DAY: 90_000}
# What a number or a code is written as where it is text; such a one has been seen in the vendor's samples.
_NUMBER = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
# Far beyond all networks there are, and yet so little that no sum of such numbers, nor a square, is infinite.
_MOST = 1e21
_LONGEST = {Grain.MINUTE5: 10 * DAY, Grain.HOUR: 31 * DAY, Grain.DAY: 31 * DAY}


def bucket_at(epoch: int, grain: Grain, zone: tzinfo) -> int:
    """The start of the bucket that an instant (epoch seconds) lies in; days and hours are the zone's."""
    if grain is Grain.MINUTE5:
        return epoch - epoch % SLOT
    local = datetime.fromtimestamp(epoch, zone)
    if grain is Grain.HOUR:
        return epoch - 60 * local.minute - local.second
    return int(local.replace(hour=0, minute=0, second=0).timestamp())


def span_of(start: int, end: int, grain: Grain, zone: tzinfo) -> TimeSpan:
    """The buckets from ``start`` to ``end`` (epoch seconds); ``ValueError`` for a span the API would refuse."""
    if end < start:
        raise ValueError("a span ends before it starts")
    if end - start > _LONGEST[grain]:
        raise ValueError(f"the API answers at most {_LONGEST[grain] // DAY} days of {grain} in one call")
    first, last = bucket_at(start, grain, zone), bucket_at(end, grain, zone)
    # The API wants an end later than the start: for a single bucket the one before is asked for too.
    return TimeSpan(first, last, first if first < last else bucket_at(first - 1, grain, zone), grain, zone)


def read_document(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer's body; NaN and Infinity, which are no JSON, are refused."""
    try:
        document = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ValueError("the answer is not JSON") from None
    if not isinstance(document, dict):
        raise ValueError("the answer is not a JSON object")
    return document


def read_code(document: Mapping[str, Any]) -> int | None:
    """The answer's own code, 0 for success, also where it is written as text; ``None`` where there is none."""
    code = document.get("code")
    if isinstance(code, str) and _WHOLE.fullmatch(code):
        return int(code)
    if isinstance(code, bool) or not isinstance(code, int | float):
        return None
    return int(code) if abs(code) < _MOST and code == int(code) else None


def read_series(data: Any, span: TimeSpan) -> dict[int, float]:
    """The values of the span's buckets, zeros left out: pairs nested or flat, in any order, the last of equals wins.

    One bucket more on either side is cut off; anything further out means the API understood the times differently,
    and then what is absent would not be zero.
    """
    margin = _SECONDS[span.grain]
    values = {}
    for at, value in _pairs(data):
        bucket = _whole(at, "the start of a bucket")
        if not span.asked - margin <= bucket <= span.end + margin:
            where = "lies outside what was asked for: the feed's timezone may be set wrong"
            raise ElsewhereError(f"bucket {_instant(bucket)} {where}")
        if bucket_at(bucket, span.grain, span.zone) != bucket:
            raise ValueError(f"{_instant(bucket)} is not the start of a {span.grain} bucket")
        values[bucket] = _number(value)
    return {bucket: value for bucket, value in values.items() if value > 0 and span.start <= bucket <= span.end}


def read_each_domain(data: Any, domains: Sequence[str], span: TimeSpan) -> dict[str, dict[int, float]]:
    """Each domain's values by its name as asked for. The inner ``domain`` counts, since the keys may mismatch."""
    entries = _object(data)
    names = {domain.lower(): domain for domain in domains}
    series: dict[str, dict[int, float]] = {}
    for entry in entries.values():
        inner = _object(entry).get("domain")
        name = names.get(inner.lower()) if isinstance(inner, str) else None
        if name is None or name in series:
            raise ValueError(f"a series of {_shown(inner)}, which was not asked for or came before")
        series[name] = read_series(entry.get("data"), span)
    return series


def added_up(series: Mapping[str, Mapping[int, float]], domains: Sequence[str]) -> dict[int, float]:
    """The sum of these domains' series; ``ValueError`` where one of them is missing."""
    if missing := [domain for domain in domains if domain not in series]:
        raise ValueError(f"the answer leaves out {missing[0]}")
    total: dict[int, float] = {}
    for values in series.values():
        for slot, value in values.items():
            total[slot] = total.get(slot, 0.0) + value
    return total


def read_page(data: Any) -> tuple[list[str], int]:
    """A page's domain names, and how many there are on all pages."""
    page = _object(data)
    if not page:
        return [], 0
    entries = page.get("list")
    if not isinstance(entries, list) or "total_number" not in page:
        raise ValueError("the answer holds no list of domains")
    return [_name(_object(entry).get("domain")) for entry in entries], _whole(
        page["total_number"], "a count of domains"
    )


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{_shown(value)} stands where a domain's name belongs")
    return value


def _object(data: Any) -> dict[str, Any]:
    """A JSON object; the API writes an empty one as ``[]``."""
    if data == []:
        return {}
    if not isinstance(data, dict):
        raise ValueError(f"{_shown(data)} stands where an object belongs")
    return data


def _pairs(data: Any) -> Iterator[tuple[Any, Any]]:
    if not isinstance(data, list):
        raise ValueError(f"{_shown(data)} stands where a list of pairs belongs")
    flat = data if not any(isinstance(item, list) for item in data) else _flattened(data)
    if len(flat) % 2:
        raise ValueError("a bucket without a value")
    return zip(flat[::2], flat[1::2], strict=True)


def _flattened(data: list[Any]) -> list[Any]:
    for pair in data:
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError(f"{_shown(pair)} stands where a pair belongs")
    return [item for pair in data for item in pair]


def _number(value: Any) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return _number(float(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{_shown(value)} is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not 0 <= number <= _MOST:
        raise ValueError(f"{_shown(value)} cannot be a rate or a volume")
    return number


def _whole(value: Any, what: str) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError(f"{_shown(value)} is not {what}")
    return int(number)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _instant(bucket: int) -> str:
    return format_iso(bucket) if bucket < 10**10 else _shown(bucket)
