"""Socket Mode: commands and clicks come in over a WebSocket that we open, so no port of ours is open to the world.

``connection`` keeps the connection. Here a wrong app token is refused at start instead of tried for ever, and what
arrives becomes a command or a click. Failures are logged once, and without their URL, which holds the ticket.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from alertbot.clock import SYSTEM, Clock
from alertbot.errors import CredentialsInactive, DeliveryError
from alertbot.slack.client import quiet_logger, web_client
from alertbot.slack.connection import HANDSHAKE, PING_INTERVAL, RENEW_AFTER, Connection
from alertbot.slack.failures import delivery_error, raise_if_refused

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SlashCommand:
    """What a user typed after the command's name, who typed it where, and where to send the answer."""

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
    """Keeps one Socket Mode connection, acknowledges what arrives at once and hands commands to ``on_command``."""

    def __init__(
        self,
        app_token: str,
        on_command: Callable[[SlashCommand], Awaitable[None]],
        on_click: Callable[[Click], Awaitable[None]],
        *,
        base_url: str,
        ping_interval: float = PING_INTERVAL,
        timeout: float = HANDSHAKE,
        renew_after: float = RENEW_AFTER,
        clock: Clock = SYSTEM,
    ) -> None:
        self._app_token = app_token
        self._on_command = on_command
        self._on_click = on_click
        self._web = web_client(None, base_url, timeout=HANDSHAKE, logger=quiet_logger())
        self._connection = Connection(
            self._ticket,
            self._received,
            ping_interval=ping_interval,
            timeout=timeout,
            renew_after=renew_after,
            clock=clock,
        )
        self._answers: set[asyncio.Task[None]] = set()

    @property
    def stuck(self) -> bool:
        """Whether neither pings nor attempts to connect go on."""
        return self._connection.stuck

    @property
    def connected(self) -> bool:
        """Whether commands can arrive, as far as the connection's own pings tell."""
        return self._connection.connected

    async def start(self) -> None:
        """Check the app token and connect in the background; ``CredentialsError`` where Slack refuses the token.

        One whose account is not active just now is tried again.
        """
        ticket = None
        try:
            ticket = await self._ticket()
        except DeliveryError as error:
            with contextlib.suppress(CredentialsInactive):
                _raise_if_refused(error)
            self._connection.failed(error)
        self._connection.start(ticket)

    async def stop(self) -> None:
        """Close the connection and end every task of it; commands still being answered are dropped."""
        for task in self._answers:
            task.cancel()
        await self._connection.stop()
        await asyncio.gather(*self._answers, return_exceptions=True)

    async def _ticket(self) -> str:
        """The address of a connection to be made: it holds a ticket that works once, and soon."""
        return await _ticket(self._web, self._app_token)

    def _received(self, envelope: Mapping[str, Any]) -> None:
        payload = envelope.get("payload")
        if not isinstance(payload, dict):
            return
        if envelope.get("type") == "slash_commands":
            command = _command(payload)
            self._begin(self._on_command(command), f"the command {command.text!r} of {command.user_id}")
        elif envelope.get("type") == "interactive":
            for click in _clicks(payload):
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


async def check_app_token(app_token: str, base_url: str) -> None:
    """Ask for a ticket and let it lapse; ``CredentialsError`` where Slack refuses the token, ``DeliveryError`` else."""
    try:
        await _ticket(web_client(None, base_url, timeout=HANDSHAKE, logger=quiet_logger()), app_token)
    except DeliveryError as error:
        _raise_if_refused(error)
        raise


async def _ticket(web: AsyncWebClient, app_token: str) -> str:
    try:
        answer = await web.apps_connections_open(app_token=app_token)
    except Exception as error:  # noqa: BLE001 - besides its own errors the SDK lets AttributeError and others through
        raise delivery_error(error) from None
    return str(answer["url"])


def _raise_if_refused(error: DeliveryError) -> None:
    raise_if_refused(error, "app", "ALERTBOT_SLACK_APP_TOKEN", "slack_app_token")


def _command(payload: Mapping[str, Any]) -> SlashCommand:
    names = ("text", "user_id", "user_name", "channel_id", "channel_name", "team_id", "response_url")
    return SlashCommand(**{name: str(payload.get(name, "")) for name in names})


def _clicks(payload: dict[str, Any]) -> Iterator[Click]:
    """The clicks on elements of a message; other interactions yield nothing."""
    # A message that only one user sees is not sent along: its place alone is.
    ts = (payload.get("message") or {}).get("ts") or (payload.get("container") or {}).get("message_ts")
    if payload.get("type") != "block_actions" or not ts or not payload.get("response_url"):
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
            message_ts=ts,
            team_id=team_id,
            response_url=payload["response_url"],
        )
