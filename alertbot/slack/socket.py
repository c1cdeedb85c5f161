"""Socket Mode: commands and clicks come in over a WebSocket that we open, so no port of ours is open to the world.

slack_sdk's client keeps the connection; around it stand what it lacks: a wrong app token is told at start instead of
tried for ever, a ticket whose handshake failed is not used again, and a failure is logged once and without its URL,
which holds the ticket.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from alertbot.clock import Clock
from alertbot.errors import DeliveryError
from alertbot.slack.client import TIMEOUT, delivery_error, quiet_logger, raise_if_refused, web_client

PING_INTERVAL = 30.0
"""Seconds between pings, and between attempts to connect: apps.connections.open is meant for a call or so a minute."""

_CLOSING = 2.0  # seconds for the closing handshake; a dead connection never answers it

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SlashCommand:
    """What a user typed after the command's name, who typed it where, and where the answer goes."""

    text: str
    user_id: str
    user_name: str
    channel_id: str
    channel_name: str
    team_id: str
    response_url: str = field(repr=False)  # whoever knows it can answer in the bot's name


@dataclass(frozen=True)
class Click:
    """A click on an element of a message: which, its value (of a select: the chosen option's), whose, and where."""

    action_id: str
    value: str
    user_id: str
    user_name: str
    channel_id: str
    channel_name: str
    message_ts: str
    team_id: str
    response_url: str = field(repr=False)  # likewise


class SocketListener:
    """Keeps one Socket Mode connection, acknowledges what arrives at once and hands commands and clicks on."""

    def __init__(
        self,
        app_token: str,
        on_command: Callable[[SlashCommand], Awaitable[None]],
        on_click: Callable[[Click], Awaitable[None]],
        *,
        base_url: str,
        clock: Clock,
        ping_interval: float = PING_INTERVAL,
        timeout: int = TIMEOUT,
    ) -> None:
        self._app_token = app_token
        self._on_command = on_command
        self._on_click = on_click
        self._clock = clock
        self._ping_interval = ping_interval
        self._timeout = timeout
        self._web = web_client(None, base_url, timeout=timeout, logger=quiet_logger())
        self._client: _Client | None = None
        self._keepers: list[asyncio.Task[None]] = []
        self._answers: set[asyncio.Task[None]] = set()
        self._cause: str | None = None

    @property
    def connected(self) -> bool:
        """Whether commands can arrive, as far as the connection's own pings tell."""
        client = self._client
        session = client.current_session if client else None
        return client is not None and not client.stale and session is not None and not session.closed

    async def start(self) -> None:
        """Check the app token and connect in the background; ``CredentialsError`` where Slack refuses the token."""
        ticket = await self._first_ticket()
        client = _Client(self._app_token, _listening_logger(self._failed), self._web, ping_interval=self._ping_interval)
        await client.bound_handshakes(self._timeout)
        client.wss_uri = ticket
        client.socket_mode_request_listeners.append(self._received)
        self._client = client
        self._keepers = [asyncio.create_task(client.keep_connected()), asyncio.create_task(self._keep_fresh(client))]

    async def stop(self) -> None:
        """Close the connection and end every task of it; commands still being answered are dropped."""
        client, self._client = self._client, None
        if client is None:
            return
        own = [*self._keepers, *self._answers]
        for task in own:
            task.cancel()
        await client.shut()
        await asyncio.gather(*own, return_exceptions=True)

    async def _first_ticket(self) -> str | None:
        try:
            answer = await self._web.apps_connections_open(app_token=self._app_token)
        except Exception as error:  # noqa: BLE001 - whatever it was, only a refused token keeps us from starting
            failure = delivery_error(error)
            raise_if_refused(failure, "app", "ALERTBOT_SLACK_APP_TOKEN", "slack_app_token")
            self._failed(failure)
            return None
        return str(answer["url"])

    async def _keep_fresh(self, client: _Client) -> None:
        """Forget the ticket while there is no connection: the SDK tries the same one for ever, and each works once."""
        while True:
            await self._clock.sleep(self._ping_interval / 2)
            if not self.connected:
                client.wss_uri = None
            elif self._cause is not None:
                self._cause = None
                _log.info("Socket Mode: connected again")

    async def _received(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        # Slack has told the user that the command failed where this does not get through; so it is not run.
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        if request.type == "slash_commands":
            command = _command(request.payload)
            self._begin(self._on_command(command), f"the command {command.text!r} of {command.user_id}")
        elif request.type == "interactive":
            for click in _clicks(request.payload):
                self._begin(self._on_click(click), f"the click on {click.action_id!r} of {click.user_id}")

    def _begin(self, work: Awaitable[None], what: str) -> None:
        task = asyncio.create_task(self._finish(work, what))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _finish(self, work: Awaitable[None], what: str) -> None:
        try:
            await work
        except Exception:  # noqa: BLE001 - the boundary: one command that fails must not end the listener
            _log.exception("%s failed", what)

    def _failed(self, error: BaseException | None) -> None:
        cause = _cause(error)
        if cause != self._cause:
            self._cause = cause
            _log.warning("Socket Mode: %s; commands and clicks do not arrive until it is connected again", cause)


class _Client(SocketModeClient):
    """slack_sdk's client, with an end to its tasks and to a handshake that hangs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._running: set[asyncio.Task[Any]] = set()

    async def bound_handshakes(self, seconds: float) -> None:
        """Let a handshake take that long at most; aiohttp's default is five minutes."""
        await self.aiohttp_client_session.close()
        self.aiohttp_client_session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds))

    async def keep_connected(self) -> None:
        """Connect, however often it takes; from then on the SDK's own tasks see to it."""
        await self.connect()  # type: ignore[no-untyped-call]  # slack_sdk leaves it unannotated

    async def run_message_listeners(self, message: dict[str, Any], raw_message: str) -> None:
        """As the SDK's, which keeps no reference to the task it starts for each message."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._running.add(task)
        try:
            await super().run_message_listeners(message, raw_message)
        finally:
            self._running.discard(task)

    async def shut(self) -> None:
        """Close, and wait until every task is over; the SDK's ``close`` only asks them to end."""
        self.closed = True
        self.auto_reconnect_enabled = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING):
                await self.disconnect()  # type: ignore[no-untyped-call]  # likewise
        for task in self._running:
            task.cancel()
        await self.close()  # type: ignore[no-untyped-call]  # likewise
        tasks = [self.message_processor, self.current_session_monitor, self.message_receiver, *self._running]
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)


def _command(payload: dict[str, Any]) -> SlashCommand:
    return SlashCommand(
        text=payload.get("text", ""),
        user_id=payload["user_id"],
        user_name=payload.get("user_name", ""),
        channel_id=payload["channel_id"],
        channel_name=payload.get("channel_name", ""),
        team_id=payload["team_id"],
        response_url=payload["response_url"],
    )


def _clicks(payload: dict[str, Any]) -> Iterator[Click]:
    """The clicks on a message; other interactions are none of ours."""
    if payload.get("type") != "block_actions" or not payload.get("message") or not payload.get("response_url"):
        return
    user, channel = payload["user"], payload["channel"]
    # In a channel shared with another company the team is the channel's; the user's is their own.
    team_id = user.get("team_id") or (payload.get("team") or {}).get("id", "")
    for action in payload["actions"]:
        yield Click(
            action_id=action["action_id"],
            value=(action.get("selected_option") or action).get("value") or "",
            user_id=user["id"],
            user_name=user.get("name") or user.get("username") or user["id"],
            channel_id=channel["id"],
            channel_name=channel.get("name", ""),
            message_ts=payload["message"]["ts"],
            team_id=team_id,
            response_url=payload["response_url"],
        )


def _cause(error: BaseException | None) -> str:
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"handshake refused with HTTP {error.status}"
    if isinstance(error, DeliveryError):
        return error.code
    return delivery_error(error).code if isinstance(error, Exception) else "connection lost"


def _listening_logger(failed: Callable[[BaseException | None], None]) -> logging.Logger:
    """A logger for slack_sdk that prints nothing and passes on the exceptions it would print, with their tickets."""
    logger = logging.Logger("alertbot.slack.sdk", level=logging.ERROR)  # noqa: LOG001 - outside the tree, as quiet_logger
    logger.addHandler(_Passing(failed))
    return logger


class _Passing(logging.Handler):
    def __init__(self, failed: Callable[[BaseException | None], None]) -> None:
        super().__init__()
        self._failed_with = failed

    def emit(self, _record: logging.LogRecord) -> None:
        # The SDK logs inside its except blocks, mostly without exc_info: the exception is the one being handled.
        self._failed_with(sys.exc_info()[1])
