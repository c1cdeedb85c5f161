"""Reads a request as strictly as the statistics API does: the simulator's gatekeeper, on its own reading of the rules.

It shares no code with the client on purpose: a mistake in one of them must not be repeated by the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from alertbot.units import DAY, SLOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

BANDWIDTH, EACH_DOMAIN, DOMAINS = "stat/bandwidth", "stat/bandwidth/eachDomain", "domain/list"

_COMMON = {"token", "domains", "start_time", "end_time", "grad", "data_type", "ip_protocol"}
PARAMETERS = {
    BANDWIDTH: _COMMON,
    EACH_DOMAIN: _COMMON | {"query_area", "stat_is_forward"},
    DOMAINS: {"token", "page_number", "page_size", "domain_status"},
}
STATUSES = ("serving", "suspended", "deleted")
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d))?", re.ASCII)
_LONGEST = {"minute5": 10 * DAY, "hour": 31 * DAY, "day": 31 * DAY}
_MOST_DOMAINS = 10
# From the start of a bucket surely into the next one, days of 23 and 25 hours included.
_STEPS = {"minute5": SLOT, "hour": 5400, "day": 129_600}


class RefusedError(Exception):
    """The API's own refusal; ``code`` is the HTTP status and three digits."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class AskedSpan:
    """What a statistics call asks for: each bucket's start with the slots it holds, as bytes or as bit/s."""

    buckets: tuple[tuple[int, range], ...]
    as_bytes: bool


def read_span(query: Mapping[str, str], zone: tzinfo) -> AskedSpan:
    """The span a query names; ``RefusedError`` 400209 for anything the API does not take."""
    grain = one_of(query, "grad", "minute5", "hour", "day")
    as_bytes = one_of(query, "data_type", "bandwidth", "traffic") == "traffic"
    start, end = read_start(query, zone), read_end(query, zone)
    if end <= start:
        raise RefusedError(400_209, "end_time must be later than start_time")
    if end - start > _LONGEST[grain]:
        raise RefusedError(400_209, f"at most {_LONGEST[grain] // DAY} days of {grain}")
    return AskedSpan(tuple(_buckets(start, end, grain, zone)), as_bytes)


def read_start(query: Mapping[str, str], zone: tzinfo) -> int:
    """``start_time`` in epoch seconds; a bare date is its first minute."""
    return _moment(query.get("start_time", ""), "00:00", zone)


def read_end(query: Mapping[str, str], zone: tzinfo) -> int:
    """``end_time`` in epoch seconds; a bare date is its last minute."""
    return _moment(query.get("end_time", ""), "23:59", zone)


def read_parts(query: Mapping[str, str], denied: tuple[str, ...]) -> tuple[str, str]:
    """Of which protocol and region a query asks; ``RefusedError`` 401006 where that is ``denied``."""
    parts = one_of(query, "ip_protocol", "all", "ipv4", "ipv6"), one_of(query, "query_area", "all", "cn", "abroad")
    if refused := set(parts) & set(denied):
        raise RefusedError(401_006, f"no permission for {min(refused)}")
    return parts


def read_domains(endpoint: str, query: Mapping[str, str], statuses: Mapping[str, str]) -> tuple[str, ...]:
    """The domains asked for, ``all`` as those that serve; ``RefusedError`` 400209 or 400699."""
    text = query.get("domains", "")
    if text == "all" and endpoint == BANDWIDTH:
        return tuple(domain for domain, status in statuses.items() if status == "serving")
    asked = tuple(dict.fromkeys(text.split(",")))
    if not text or len(asked) > _MOST_DOMAINS:
        raise RefusedError(400_209, f"domains must name 1 to {_MOST_DOMAINS} domains")
    if unknown := [domain for domain in asked if domain not in statuses]:
        raise RefusedError(400_699, f"unknown domain {unknown[0]}")
    return asked


def one_of(query: Mapping[str, str], name: str, *allowed: str) -> str:
    """A parameter that takes one of a few words, the first where it is left out."""
    value = query.get(name, allowed[0])
    if value not in allowed:
        raise RefusedError(400_209, f"{name} must be one of {', '.join(filter(None, allowed))}")
    return value


def whole(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    """A parameter that takes a whole number from 1 to ``most``."""
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise RefusedError(400_209, f"{name} must be a number from 1 to {most}")
    return int(text)


def _moment(text: str, bare: str, zone: tzinfo) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise RefusedError(400_209, "times are written YYYY-mm-dd HH:MM or YYYY-mm-dd")
    try:
        local = datetime.fromisoformat(text if match[4] else f"{text} {bare}")
    except ValueError:
        raise RefusedError(400_209, "no such time") from None
    return int(local.replace(tzinfo=zone).timestamp())


def _buckets(start: int, end: int, grain: str, zone: tzinfo) -> list[tuple[int, range]]:
    edge = _floor(start, grain, zone)
    buckets = []
    while edge <= end:
        after = _floor(edge + _STEPS[grain], grain, zone)
        buckets.append((edge, range(edge, after, SLOT)))
        edge = after
    return buckets


def _floor(epoch: int, grain: str, zone: tzinfo) -> int:
    if grain == "minute5":
        return epoch - epoch % SLOT
    local = datetime.fromtimestamp(epoch, zone)
    if grain == "hour":
        return epoch - int(timedelta(minutes=local.minute, seconds=local.second).total_seconds())
    return int(local.replace(hour=0, minute=0, second=0).timestamp())
