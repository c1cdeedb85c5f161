"""The heartbeat: pings a dead man's switch elsewhere, which alarms somebody once no ping comes any more.

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
"""Seconds that a problem must last before it is sent: for a single call that fails there is just no ping."""

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
        self._arrived: tuple[str, str] | None = None  # the last ping that arrived: its kind and reason
        self._failing_since: float | None = None
        self._failures = Outage()

    def start(self) -> None:
        """Ping that the service starts its work."""
        self._begin(START, "")

    def cycle(self, problem: str | None) -> None:
        """Ping after a cycle where one is due; ``problem``: what is wrong, in words."""
        now = self._clock.monotonic()
        if problem is None:
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = now
        kind = SUCCESS if problem is None else FAIL
        if self._tried is not None and self._tried[0] == kind and now - self._tried[1] < EVERY:
            return
        since = self._failing_since
        if since is not None and (now - since < LASTS or self._arrived == (FAIL, problem)):
            return
        self._begin(kind, problem or "")

    async def aclose(self) -> None:
        """Give up a ping under way, and close the connections."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()

    def _begin(self, kind: str, reason: str) -> None:
        """Begin a ping in the background, unless the last one is still under way."""
        if self._http is None or (self._task is not None and not self._task.done()):
            return
        self._tried = kind, self._clock.monotonic()
        self._task = asyncio.create_task(self._ping(self._http, kind, reason))

    async def _ping(self, http: HttpClient, kind: str, reason: str) -> None:
        failure = await _failure(http, kind, reason)
        if failure is None:
            self._arrived = kind, reason
            if times := self._failures.ended():
                log.info("the heartbeat is heard again after %d pings that failed", times)
        elif self._failures.is_news(failure):
            log.warning("the heartbeat is not heard (%s); alerts do not depend on it", failure)


def secrets_of(url: str) -> tuple[str, ...]:
    """What of a URL no log may show: all of it, and what comes after its host where that is more than a word."""
    parts = urlsplit(url)
    after = url.partition(parts.netloc)[2].strip("/")
    return (url, after) if len(after) >= _WORD else (url,)


async def _failure(http: HttpClient, kind: str, reason: str) -> str | None:
    """Ping once; why that did not succeed, in words, or ``None`` where it did."""
    try:
        method, words = ("POST", reason[:_MOST_WORDS]) if reason else ("GET", None)
        async with http.ask(method, kind or "/", content=words) as response:
            return None if response.is_success else f"HTTP {response.status_code}"
    except HttpError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever it was, the service goes on; its own text may hold the URL
        return type(error).__name__
