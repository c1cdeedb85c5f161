"""The heartbeat: tells a dead man's switch elsewhere that all is well, so that somebody hears when nothing comes.

Protocol of Healthchecks: the URL itself after a healthy cycle, ``/start`` when the service starts, ``/fail`` with the
reason where something fails: https://healthchecks.io/docs/http_api/. The URL may hold a secret, so nothing after its
host is shown. Whatever becomes of a ping never holds up or hurts the service.
"""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit

from alertbot.clock import Clock
from alertbot.errors import HttpError
from alertbot.ops.http import HttpClient
from alertbot.ops.outage import Outage

log = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds between two pings at least."""

LASTS = 60.0
"""Seconds for which something must fail to be told: a single call that fails is only not pinged."""

PATIENCE = 10.0
"""Real seconds for one ping."""

SUCCESS, START, FAIL = "", "/start", "/fail"
_MOST_WORDS = 1000
_WORD = 8  # characters


class Heartbeat:
    """Pings ``url``; without one, does nothing."""

    def __init__(self, url: str | None, clock: Clock) -> None:
        self._http: HttpClient | None = None
        if url is not None:
            self._http = HttpClient(url, timeout=PATIENCE, private=True, secrets=secrets_of(url))
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._tried: tuple[str, float] | None = None  # the last ping's kind, and when
        self._told: tuple[str, str] | None = None  # the last ping that arrived: its kind and reason
        self._ailing: float | None = None  # since when something fails
        self._failures = Outage()

    def start(self) -> None:
        """The service is at work."""
        self._begin(START, "")

    def cycle(self, ailing: str | None) -> None:
        """A turn is over; ``ailing``: what is wrong, in words."""
        now = self._clock.monotonic()
        if ailing is None:
            self._ailing = None
        elif self._ailing is None:
            self._ailing = now
        kind = SUCCESS if ailing is None else FAIL
        if self._tried is not None and self._tried[0] == kind and now - self._tried[1] < EVERY:
            return
        if self._ailing is not None and (now - self._ailing < LASTS or self._told == (FAIL, ailing)):
            return
        self._begin(kind, ailing or "")

    async def aclose(self) -> None:
        """End it; a ping under way is given up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()

    def _begin(self, kind: str, reason: str) -> None:
        """Ping beside all else; while the last one is under way there is none."""
        if self._http is None or (self._task is not None and not self._task.done()):
            return
        self._tried = kind, self._clock.monotonic()
        self._task = asyncio.create_task(self._ping(self._http, kind, reason))

    async def _ping(self, http: HttpClient, kind: str, reason: str) -> None:
        failure = await _failure(http, kind, reason)
        if failure is None:
            self._told = kind, reason
            if times := self._failures.ended():
                log.info("the heartbeat is heard again after %d pings that failed", times)
        elif self._failures.is_news(failure):
            log.warning("the heartbeat is not heard (%s); alerts do not depend on it", failure)


def secrets_of(url: str) -> tuple[str, ...]:
    """What must not stand in a log of it: all of it, and what comes after its host, where that is more than a word."""
    parts = urlsplit(url)
    after = url.partition(parts.netloc)[2].strip("/")
    return (url, after) if len(after) >= _WORD else (url,)


async def _failure(http: HttpClient, kind: str, reason: str) -> str | None:
    """Ping; what came instead of a yes, in words."""
    try:
        method, words = ("POST", reason[:_MOST_WORDS]) if reason else ("GET", None)
        async with http.ask(method, kind or "/", content=words) as response:
            return None if response.is_success else f"HTTP {response.status_code}"
    except HttpError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever it was, the service goes on; its own text may hold the URL
        return type(error).__name__
