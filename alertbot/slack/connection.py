"""A WebSocket to Slack that is kept: opened with a ticket, pinged, renewed in time, opened again whenever it ends.

slack_sdk's own client is not used for this. It notices a dead peer after two and a half of its intervals at worst,
tries a ticket that was refused for ever, and closes a connection before the one in its place stands, with what was
under way in it. Here the loop that reads *is* the connection, so none can look healthy and be deaf; and an old one is
read on until well after the new one stands, so that a renewal loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from alertbot.clock import SYSTEM, Clock
from alertbot.errors import DeliveryError
from alertbot.ops.liveness import Liveness
from alertbot.ops.network import proxy_for
from alertbot.ops.outage import Outage
from alertbot.slack.failures import REFUSED_TOKEN, delivery_error

PING_INTERVAL = 5.0
"""Seconds between pings; three in a row without a word from Slack, and its end of the connection is dead.

They are counted, not timed: a machine that stood still for a while has read nothing, though Slack may have answered.
"""

HANDSHAKE = 15
"""Seconds for a ticket or a handshake.

Commands are to be back within 30 s of whatever happened: at most 20 until it is noticed, 15 here, 20 between attempts.
"""

RENEW_AFTER = 3600.0
"""Seconds without a command after which a connection is renewed: Slack may have forgotten whom it leads to."""

_CLOSING = 2.0  # seconds for the closing handshake; a dead connection never answers it
_LINGER = 10.0  # seconds for which an old connection is still read

_UNANSWERED = 3  # pings

# In ping intervals: how long a connection must have lasted for the next to be made at once, and to count as connected;
# the pause after a first attempt that failed, doubled with each more, and at most; that for a token Slack refuses.
_LASTING, _CONNECTED = 12.0, 2.0
_FIRST_PAUSE, _LONGEST_PAUSE, _REFUSED_PAUSE = 0.4, 4.0, 12.0

_RENEWALS = frozenset({"warning", "refresh_requested"})

_log = logging.getLogger(__name__)


class Connection:
    """Keeps a connection to the address that ``ticket`` returns; ``received`` gets what comes in, acknowledged.

    ``renew_after`` is as RENEW_AFTER. Pauses between attempts are multiples of ``ping_interval``.
    """

    def __init__(
        self,
        ticket: Callable[[], Awaitable[str]],
        received: Callable[[Mapping[str, Any]], None],
        *,
        ping_interval: float = PING_INTERVAL,
        timeout: float = HANDSHAKE,
        renew_after: float = RENEW_AFTER,
        clock: Clock = SYSTEM,
    ) -> None:
        self._clock = clock
        self._ticket = ticket
        self._received = received
        self._ping_interval = ping_interval
        self._timeout = timeout
        self._renew_after = renew_after
        self._pause = _FIRST_PAUSE
        self._session: aiohttp.ClientSession | None = None
        self._tasks: dict[_Socket, asyncio.Task[None]] = {}
        self._keeping: asyncio.Task[None] | None = None
        self._failures = Outage(clock.monotonic)
        self._liveness = Liveness(clock.monotonic)

    @property
    def stuck(self) -> bool:
        """Whether neither pings nor attempts to connect go on; a Slack that is away is no reason."""
        return self._keeping is not None and (self._keeping.done() or self._liveness.stalled)

    @property
    def connected(self) -> bool:
        """Whether anything can arrive, as far as pings tell."""
        return any(connection.open for connection in self._tasks)

    def start(self, ticket: str | None) -> None:
        """Connect in the background, first with this ticket where one is given."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout))
        self._keeping = asyncio.create_task(self._keep(self._session, ticket))

    async def stop(self) -> None:
        """Close every connection and end their tasks."""
        if self._keeping is None or self._session is None:
            return
        self._keeping.cancel()
        await asyncio.gather(self._keeping, *(each.close() for each in self._tasks), return_exceptions=True)
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._session.close()
        self._keeping = None

    def failed(self, error: Exception) -> None:
        """Log why nothing can arrive, once while it lasts."""
        cause = _cause(error)
        if not self.connected and self._failures.is_news(cause):
            _log.warning("Socket Mode: %s; commands and clicks do not arrive until it is connected again", cause)

    async def _keep(self, session: aiohttp.ClientSession, ticket: str | None) -> None:
        """Make one connection after the other; the old one is read on while the next is made."""
        while True:
            self._liveness.beat()
            try:
                connection = await self._connect(session, ticket or await self._ticket())
            except Exception as error:  # noqa: BLE001 - whatever it was, it is tried again
                self.failed(error)
                await self._wait_to_retry(error)
            else:
                await self._until_replaced(connection)
            ticket = None  # each works once

    async def _connect(self, session: aiohttp.ClientSession, ticket: str) -> _Socket:
        closing = aiohttp.ClientWSTimeout(ws_close=_CLOSING)
        socket = await session.ws_connect(ticket, autoping=False, proxy=proxy_for(ticket), timeout=closing)
        for old in self._tasks:
            old.retire()
        connection = _Socket(socket, self._received, self._ping_interval, self._liveness, self._clock)
        task = self._tasks[connection] = asyncio.create_task(connection.read())
        task.add_done_callback(lambda _: self._tasks.pop(connection))
        return connection

    async def _until_replaced(self, connection: _Socket) -> None:
        """Return once another connection is to be made: at once, or a while later where this one did not last."""
        began = self._clock.monotonic()
        if not await _within(connection.superseded, _CONNECTED * self._ping_interval):
            self._announce()
            while not await _within(connection.superseded, self._renew_after) and connection.was_used():
                continue
        if connection.refusal is not None:
            self.failed(DeliveryError(connection.refusal))
        if self._clock.monotonic() - began >= _LASTING * self._ping_interval:
            self._pause = _FIRST_PAUSE
        else:
            await self._wait_to_retry(None)

    def _announce(self) -> None:
        # Not logged at once: where Slack has no room for a connection, it takes it and closes it.
        if times := self._failures.ended():
            _log.info("Socket Mode: connected again, after %d attempts that failed", times)

    async def _wait_to_retry(self, error: Exception | None) -> None:
        """Wait before the next attempt, longer each time: apps.connections.open is meant for a few calls a minute."""
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        if isinstance(error, DeliveryError) and error.code in REFUSED_TOKEN:
            pause = _REFUSED_PAUSE
        asked = error.retry_after if isinstance(error, DeliveryError) else None
        seconds = pause * self._ping_interval if asked is None else asked
        self._liveness.beat(within=seconds)
        await self._clock.sleep(seconds)


class _Socket:
    """One WebSocket, pinged, and read until it ends. ``superseded`` is set once another is wanted in its place."""

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        received: Callable[[Mapping[str, Any]], None],
        interval: float,
        liveness: Liveness,
        clock: Clock,
    ) -> None:
        self.superseded = asyncio.Event()
        self.refusal: str | None = None  # why Slack would not have it
        self._socket = socket
        self._received = received
        self._interval = interval
        self._liveness = liveness
        self._clock = clock
        self._unanswered = 0
        self._used = False
        self._closing: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        return not self._socket.closed

    def was_used(self) -> bool:
        """Whether anything but pings came since this was last asked."""
        used, self._used = self._used, False
        return used

    async def read(self) -> None:
        """Read what comes in until the connection ends, from whatever cause."""
        pinging = asyncio.create_task(self._ping())
        try:
            async for message in self._socket:
                self._unanswered = 0
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self._receive(message.data)
                elif message.type is aiohttp.WSMsgType.PING:
                    await self._socket.pong(message.data)
        except (aiohttp.ClientError, OSError) as error:
            _log.debug("a Socket Mode connection broke: %s", type(error).__name__)
        finally:
            self.superseded.set()
            helpers = [task for task in (pinging, self._closing) if task is not None]
            for task in helpers:
                task.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await self._socket.close()

    async def _ping(self) -> None:
        """Ping now and then, and end a connection at whose other end nobody is any more."""
        with contextlib.suppress(aiohttp.ClientError, OSError):
            while self._unanswered < _UNANSWERED:
                self._unanswered += 1
                await self._socket.ping()
                self._liveness.beat(within=self._interval)
                await self._clock.sleep(self._interval)
        await self._socket.close()

    def retire(self) -> None:
        """Read what is still under way, then close, now that another connection stands; Slack may do so first."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close_later())

    async def close(self) -> None:
        await self._socket.close()

    async def _close_later(self) -> None:
        await self._clock.sleep(_LINGER)
        await self._socket.close()

    async def _receive(self, text: str) -> None:
        message = _parsed(text)
        if message.get("type") == "disconnect":
            await self._disconnect(str(message.get("reason")))
        elif "envelope_id" in message:
            # Where this does not get through, Slack says to the user that the command failed; so it is not run.
            await self._socket.send_json({"envelope_id": message["envelope_id"]})
            self._used = True
            self._hand_on(message)

    def _hand_on(self, message: Mapping[str, Any]) -> None:
        try:
            self._received(message)
        except Exception as error:  # noqa: BLE001 - the boundary: what Slack sends may end no connection
            _log.warning("Socket Mode: what makes no sense is left alone (%s)", type(error).__name__)

    async def _disconnect(self, reason: str) -> None:
        if reason not in _RENEWALS:
            self.refusal = reason
            await self._socket.close()
        self.superseded.set()


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event is set within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _parsed(text: str) -> Mapping[str, Any]:
    """A message of Slack's; empty where it is none."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _cause(error: Exception) -> str:
    """Why it failed, in words; an exception's own text holds the ticket, so nothing of it is used."""
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"handshake refused with HTTP {error.status}"
    return (error if isinstance(error, DeliveryError) else delivery_error(error)).code
