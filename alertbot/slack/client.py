"""Slack's Web API as alertbot uses it: who am I, post, edit, show a picture, answer a command or a click.

Nothing is tried twice here: slack_sdk's default retry handlers post a second message when an answer is lost, so they
are switched off, and whoever calls decides. Every call opens a connection of its own, since a kept-alive one that
Slack closes while we write is a lost answer too.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from alertbot.charts.chart import Picture
from alertbot.clock import SYSTEM, Clock
from alertbot.errors import DeliveryError
from alertbot.messages.blocks import Message
from alertbot.ops.http import HttpClient
from alertbot.ops.network import proxy_for
from alertbot.slack.failures import delivery_error, raise_if_refused, refusal, webhook_error

EVENT_TYPE = "alertbot_message"
TIMEOUT = 30
"""Seconds for a whole call."""


_OK = 200
_ALT = 1_000
_PAGE, _MOST_CHANNELS = 200, 1000  # conversations.list is meant for 20 calls a minute

T = TypeVar("T")


@dataclass(frozen=True)
class Post:
    """A message for a channel (its id or name), or a reply in the thread of ``thread_ts``, to all where ``broadcast``.

    ``id`` stands in its metadata: by that the channel's history tells whether it arrived.
    """

    channel: str
    message: Message
    id: str
    thread_ts: str | None = None
    broadcast: bool = False


@dataclass(frozen=True)
class Posted:
    """Where a message stands: the channel's id and the message's ``ts`` in it."""

    channel_id: str
    ts: str


@dataclass(frozen=True)
class Channel:
    """A channel the bot can see. Its history can be read only by members."""

    id: str
    name: str
    private: bool
    member: bool


@dataclass(frozen=True)
class Identity:
    """Whose bot token it is; ``organisation``: the id of the one that the app is installed for as a whole, if it is."""

    team_id: str
    team: str
    organisation: str | None = None


class SlackClient:
    """Posts, edits and answers with the bot token; every failure is a ``DeliveryError`` that says what is known."""

    def __init__(self, bot_token: str, base_url: str, *, timeout: int = TIMEOUT, clock: Clock = SYSTEM) -> None:
        self._timeout = timeout
        self._clock = clock
        self.granted: frozenset[str] | None = None
        """What the bot token may do, by Slack's last answer; ``None`` where it did not say."""
        self._slack_time: tuple[float, float] | None = None  # Slack's clock, and the monotonic time it was read at
        self._logger = quiet_logger()
        self._web = web_client(bot_token, base_url, timeout=timeout, logger=self._logger)

    @property
    def time(self) -> float | None:
        """Epoch seconds by Slack's own clock, once an answer has shown it."""
        if self._slack_time is None:
            return None
        shown, at = self._slack_time
        return shown + self._clock.monotonic() - at

    async def auth_test(self) -> Identity:
        """Whose token this is; ``CredentialsError`` where Slack refuses it, ``DeliveryError`` where it cannot say."""
        try:
            answer = await self._asked(self._web.auth_test())
        except DeliveryError as error:
            raise_if_refused(error, "bot", "ALERTBOT_SLACK_BOT_TOKEN", "slack_bot_token")
            raise
        team_id = answer.get("team_id")
        if not isinstance(team_id, str):
            raise DeliveryError("garbled")
        organisation = team_id if team_id.startswith("E") else None
        if answer.get("is_enterprise_install"):
            organisation = str(answer.get("enterprise_id") or team_id)
        return Identity(team_id, str(answer.get("team")), organisation)

    async def answers(self) -> bool:
        """Whether Slack answers at all just now."""
        try:
            await self._asked(self._web.auth_test())
        except DeliveryError as error:
            return error.permanent
        return True

    async def post(self, post: Post) -> Posted:
        """Post a message, or a reply; where it then stands."""
        answer = await self._asked(
            self._web.chat_postMessage(
                channel=post.channel,
                metadata={"event_type": EVENT_TYPE, "event_payload": {"id": post.id}},
                thread_ts=post.thread_ts,
                reply_broadcast=post.broadcast or None,
                **post.message.payload(),
            )
        )
        return Posted(answer["channel"], answer["ts"])

    async def update(self, channel_id: str, ts: str, message: Message) -> None:
        """Replace a message's text, blocks and colour; its metadata stays."""
        # What an edit leaves out is kept, what it gives as an empty list is removed.
        content = {"blocks": [], "attachments": [], **message.content()}
        await self._asked(self._web.chat_update(channel=channel_id, ts=ts, **content))

    async def find(self, post: Post, *, since: float) -> Posted | None:
        """Where the post stands, if it was made at most ``since`` seconds ago; its channel must be given by id.

        Times are Slack's, since its own ``ts`` are compared: its clock is read off an answer first.
        """
        if self._slack_time is None:
            await self._asked(self._web.auth_test())
        now = self._clock.time() if self.time is None else self.time
        oldest = f"{max(0.0, now - since):.6f}"
        cursor: str | None = None
        while True:
            page = await self._history(post.channel, post.thread_ts, oldest, cursor)
            for message in page["messages"]:
                if _id_of(message) == post.id:
                    return Posted(post.channel, message["ts"])
            cursor = _next_cursor(page)
            if cursor is None:
                return None

    async def _history(self, channel_id: str, thread_ts: str | None, oldest: str, cursor: str | None) -> Any:
        options: dict[str, Any] = {"oldest": oldest, "limit": _PAGE, "include_all_metadata": True, "cursor": cursor}
        if thread_ts is None:
            return await self._asked(self._web.conversations_history(channel=channel_id, **options))
        return await self._asked(self._web.conversations_replies(channel=channel_id, ts=thread_ts, **options))

    async def channel_page(self, cursor: str | None) -> tuple[list[Channel], str | None]:
        """Some of the channels the bot can see, and where the others begin, if there are any.

        These are all public ones, and the private ones it is a member of.
        """
        page = await self._asked(
            self._web.conversations_list(
                types="public_channel,private_channel", exclude_archived=True, limit=_MOST_CHANNELS, cursor=cursor
            )
        )
        try:
            return [_channel(each) for each in page["channels"]], _next_cursor(page)
        except (KeyError, TypeError, AttributeError):
            raise DeliveryError("garbled") from None

    async def channel(self, channel_id: str) -> Channel:
        """One channel that the bot can see."""
        answer = await self._asked(self._web.conversations_info(channel=channel_id))
        try:
            return _channel(answer["channel"])
        except (KeyError, TypeError, AttributeError):
            raise DeliveryError("garbled") from None

    async def join(self, channel_id: str) -> None:
        """Become a member of a public channel."""
        await self._asked(self._web.conversations_join(channel=channel_id))

    async def upload(self, channel_id: str, picture: Picture, *, thread_ts: str | None = None) -> None:
        """Show a picture in a channel that the bot is a member of, or in a thread there.

        Slack works on it after its answer, and sometimes shows nothing in the end, which nobody can tell.
        """
        issued = await self._asked(
            self._web.files_getUploadURLExternal(
                filename=picture.name, length=len(picture.png), alt_txt=picture.alt[:_ALT]
            )
        )
        await _asked(self._send(issued["upload_url"], picture.png))
        files: list[dict[str, str | None]] = [{"id": issued["file_id"], "title": picture.title}]
        await self._asked(
            self._web.files_completeUploadExternal(files=files, channel_id=channel_id, thread_ts=thread_ts)
        )

    async def _send(self, url: str, png: bytes) -> None:
        """Post the bytes; whoever knows the URL may, so the token stays out of it."""
        http = HttpClient(url, timeout=self._timeout, private=True, headers={"Content-Type": "image/png"})
        try:
            async with http.ask("POST", "/", content=png) as sent:
                if sent.status_code != _OK:
                    raise refusal(sent.status_code, "", sent.headers)
        finally:
            await http.aclose()

    async def _asked(self, call: Awaitable[T]) -> T:
        """The answer of a call; its headers tell Slack's time, and what the token may do."""
        answer = await _asked(call)
        headers = {name.lower(): value for name, value in getattr(answer, "headers", {}).items()}
        if (scopes := headers.get("x-oauth-scopes")) is not None:
            self.granted = frozenset(scope.strip() for scope in scopes.split(",") if scope.strip())
        date = headers.get("date")
        if date:
            with contextlib.suppress(ValueError):
                self._slack_time = parsedate_to_datetime(date).timestamp(), self._clock.monotonic()
        return answer

    async def respond(
        self, response_url: str, message: Message, *, public: bool = False, replaces: bool = False
    ) -> None:
        """Answer a command or a click: 5 times within 30 minutes, seen by the user alone unless ``public``.

        ``replaces``: the answer takes the place of the message that was clicked.
        """
        webhook = AsyncWebhookClient(response_url, timeout=self._timeout, logger=self._logger, retry_handlers=[])
        webhook.proxy = proxy_for(response_url)
        # Both are always said: after a click Slack has answered in public, or in place of the message, by default.
        kind = "in_channel" if public else "ephemeral"
        body = {**message.payload(), "response_type": kind, "replace_original": replaces}
        error = webhook_error(await _asked(webhook.send_dict(body)))
        if error is not None:
            raise error


def web_client(token: str | None, base_url: str, *, timeout: int, logger: logging.Logger) -> AsyncWebClient:
    """slack_sdk's client, which never retries by itself."""
    client = AsyncWebClient(token, base_url, timeout, logger=logger, retry_handlers=[])
    client.proxy = proxy_for(base_url)  # by itself it knows no NO_PROXY
    return client


def quiet_logger() -> logging.Logger:
    """A logger for slack_sdk that says nothing: its debug lines hold response URLs and Socket Mode tickets."""
    # Outside the tree of loggers, so that no root handler or level brings it back.
    return logging.Logger("alertbot.slack.sdk", level=logging.CRITICAL + 1)  # noqa: LOG001 - see above


async def _asked(call: Awaitable[T]) -> T:
    try:
        return await call
    except Exception as error:  # noqa: BLE001 - besides its own errors the SDK lets AttributeError and others through
        raise delivery_error(error) from None


def _channel(described: Mapping[str, Any]) -> Channel:
    private, member = bool(described.get("is_private")), bool(described.get("is_member"))
    return Channel(described["id"], described["name"], private, member)


def _next_cursor(page: Any) -> str | None:
    """Where the next page begins; ``None`` after the last."""
    return (page.get("response_metadata") or {}).get("next_cursor") or None


def _id_of(message: Mapping[str, Any]) -> object:
    metadata = message.get("metadata") or {}
    return (metadata.get("event_payload") or {}).get("id") if metadata.get("event_type") == EVENT_TYPE else None
