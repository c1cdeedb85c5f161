"""What a failed call of the statistics API means, and whether to try it again: pure functions."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from alertbot.errors import (
    FeedBadRequest,
    FeedError,
    FeedGarbled,
    FeedRefused,
    FeedThrottled,
    FeedUnauthorised,
    FeedUnknownDomain,
    FeedUnreachable,
)
from alertbot.feed.budget import LONGEST_WAIT

if TYPE_CHECKING:
    from collections.abc import Mapping

ATTEMPTS = 3
_BACKOFF = (1.0, 4.0)
_THROTTLED_PAUSE = 5.0
_LONGEST_PAUSE = 300.0  # after which it is asked whether it still holds
_HOST = re.compile(r"[a-z0-9.-]{1,253}", re.ASCII)
_UNKNOWN_DOMAIN = 400_699
_REFUSALS: Mapping[int, type[FeedRefused]] = {400: FeedBadRequest, 401: FeedUnauthorised, 403: FeedUnauthorised}


def failure_of(call: str, status: int, code: int | None, message: str, headers: Mapping[str, str]) -> FeedError:
    """The error that an answer stands for, by its HTTP status, or where that is 200, by the body's ``code``."""
    code = code or 0
    cause = f"HTTP {status}" + (f", code {code}" if code else "") + (f": {message}" if message else "")
    if HTTPStatus.TOO_MANY_REQUESTS in {status, code // 1000}:
        return FeedThrottled(call, cause, _retry_after(headers))
    kind = code // 1000 if status == HTTPStatus.OK else status
    if 500 <= kind < 600:
        return FeedUnreachable(call, cause)
    if 300 <= kind < 500:  # a redirect too: the address is wrong
        refusal = FeedUnknownDomain if code == _UNKNOWN_DOMAIN else _REFUSALS.get(kind, FeedRefused)
        return refusal(call, cause, code or status)
    return FeedGarbled(call, cause)


def redirection(status: int, headers: Mapping[str, str]) -> str:
    """To which host an answer redirects, and nothing else of the address, which may repeat what was asked."""
    if not 300 <= status < 400:
        return ""
    try:
        host = urlsplit(headers.get("Location", "")).hostname or ""
    except ValueError:
        return ""
    return f"it redirects to {host}" if _HOST.fullmatch(host) else ""


def pause_after(error: FeedError, failures: int) -> float | None:
    """Seconds to wait before the next attempt, after so many ``failures``; ``None``: there is to be none."""
    if isinstance(error, FeedRefused) or failures >= ATTEMPTS:
        return None
    if isinstance(error, FeedGarbled):
        return _BACKOFF[0] if failures == 1 else None
    if isinstance(error, FeedThrottled):
        pause = _THROTTLED_PAUSE if error.retry_after is None else max(error.retry_after, _BACKOFF[0])
        return pause if pause <= LONGEST_WAIT else None
    return _BACKOFF[failures - 1]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("X-Retry-After", headers.get("Retry-After", "")).strip()
    # Retry-After may also be a date: then the usual pause does.
    return min(float(text), _LONGEST_PAUSE) if text.isascii() and text.isdigit() else None
