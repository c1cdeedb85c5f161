"""The heartbeat: tells a dead man's switch elsewhere that all is well, so that somebody hears when nothing comes.

Protocol of Healthchecks: the URL itself after a healthy cycle, ``/start`` when the service starts, ``/fail`` with the
reason where something fails: https://healthchecks.io/docs/http_api/. The URL may hold a secret, so it is put together
in a transport, below all that logs and raises. Whatever becomes of a ping never holds up or hurts the service.
"""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit, urlunsplit

import httpx

from alertbot.clock import Clock
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
_SERVER = "http://heartbeat"  # what the log may see instead of the URL


class Heartbeat:
    """Pings ``url``; without one, does nothing."""

    def __init__(self, url: str | None, clock: Clock) -> None:
        self._client = None if url is None else _client(url)
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
        if self._client is not None:
            await self._client.aclose()

    def _begin(self, kind: str, reason: str) -> None:
        """Ping beside all else; while the last one is under way there is none."""
        if self._client is None or (self._task is not None and not self._task.done()):
            return
        self._tried = kind, self._clock.monotonic()
        self._task = asyncio.create_task(self._ping(self._client, kind, reason))

    async def _ping(self, client: httpx.AsyncClient, kind: str, reason: str) -> None:
        failure = await _failure(client, kind, reason)
        if failure is None:
            self._told = kind, reason
            if times := self._failures.ended():
                log.info("the heartbeat is heard again after %d pings that failed", times)
        elif self._failures.is_news(failure):
            log.warning("the heartbeat is not heard (%s); alerts do not depend on it", failure)


class _AddressedTransport(httpx.AsyncBaseTransport):
    """Sends what is asked of ``_SERVER`` to the URL, which nothing above this sees."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = self._url.path.rstrip("/") + request.url.path.rstrip("/")
        address = urlunsplit((self._url.scheme, self._url.netloc, path, self._url.query, ""))
        headers = request.headers.copy()
        headers["Host"] = self._url.netloc
        return await self._inner.handle_async_request(
            httpx.Request(
                request.method, address, headers=headers, stream=request.stream, extensions=request.extensions
            )
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


def secrets_of(url: str) -> tuple[str, ...]:
    """What must not stand in a log of it: all of it, and what comes after its host, where that is more than a word."""
    parts = urlsplit(url)
    after = url.partition(parts.netloc)[2].strip("/")
    return (url, after) if len(after) >= _WORD else (url,)


def _client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=_SERVER, transport=_AddressedTransport(url), timeout=PATIENCE)


async def _failure(client: httpx.AsyncClient, kind: str, reason: str) -> str | None:
    """Ping; what came instead of a yes, in a word. An exception's own text may hold the URL, so it is not repeated."""
    try:
        # httpx's own time-outs count each phase.
        method, words = ("POST", reason[:_MOST_WORDS]) if reason else ("GET", None)
        async with asyncio.timeout(PATIENCE), client.stream(method, kind or "/", content=words) as answer:
            return None if answer.is_success else f"HTTP {answer.status_code}"
    except TimeoutError:
        return f"no answer within {PATIENCE:g} s"
    except Exception as error:  # noqa: BLE001 - whatever it was, the service goes on
        return type(error).__name__
