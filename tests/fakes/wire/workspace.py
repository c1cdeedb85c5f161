"""The workspace behind the loopback Slack: its channels, its messages, and the Web API methods on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from fakes.wire.blockkit import Refused, refuse_message
from fakes.wire.files import Files

BOT_TOKEN = "xoxb-loopback"
APP_TOKEN = "xapp-loopback"
TEAM, BOT_USER, BOT = "T0LOOP", "U0BOT", "B0BOT"
SCOPES = frozenset(
    {
        "channels:history",
        "channels:join",
        "channels:read",
        "chat:write",
        "chat:write.public",
        "commands",
        "files:write",
        "groups:history",
        "groups:read",
    }
)


@dataclass
class Channel:
    id: str
    name: str
    member: bool = True
    private: bool = False
    archived: bool = False


CHANNELS = (
    Channel("C0ALERTS", "cdn-alerts"),
    Channel("C0OPS", "ops"),
    Channel("C0DOWNLOADS", "downloads"),
    Channel("C0PUBLIC", "not-joined", member=False),
    Channel("G0PRIVATE", "private", private=True),
    Channel("G0HIDDEN", "hidden", member=False, private=True),
    Channel("C0OLD", "archived", archived=True),
)


@dataclass
class Message:
    """A message as it stands now; ``edits`` holds what stood there before, oldest first."""

    channel: str
    ts: str
    text: str = ""
    blocks: list[Any] = field(default_factory=list)
    attachments: list[Any] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    user: str = BOT_USER
    edits: list[dict[str, Any]] = field(default_factory=list)

    @property
    def everything(self) -> str:
        """All that can be read in it, one text a line."""
        return "\n".join([self.text, *_texts(self.blocks), *_texts(self.attachments)])


@dataclass(frozen=True)
class Method:
    """A Web API method: its handler's name, the arguments it takes, those it needs, the scopes that each suffice."""

    handler: str
    allowed: str = ""
    needed: str = ""
    scopes: tuple[str, ...] = ()


_PAGE = "cursor limit latest oldest inclusive include_all_metadata"
_CONTENT = "text blocks attachments metadata reply_broadcast parse link_names"
METHODS = {
    "auth.test": Method("_auth_test"),
    "apps.connections.open": Method("_connections_open"),
    "chat.postMessage": Method(
        "_post", f"{_CONTENT} thread_ts unfurl_links unfurl_media mrkdwn", "channel", ("chat:write",)
    ),
    "chat.update": Method("_update", _CONTENT, "channel ts", ("chat:write",)),
    "conversations.history": Method("_history", _PAGE, "channel", ("channels:history", "groups:history")),
    "conversations.replies": Method("_replies", _PAGE, "channel ts", ("channels:history", "groups:history")),
    "conversations.list": Method(
        "_list", "cursor limit types exclude_archived", scopes=("channels:read", "groups:read")
    ),
    "conversations.info": Method("_info", scopes=("channels:read", "groups:read"), needed="channel"),
    "conversations.join": Method("_join", scopes=("channels:join",), needed="channel"),
    "files.getUploadURLExternal": Method("_upload_url", "alt_txt snippet_type", "filename length", ("files:write",)),
    "files.completeUploadExternal": Method(
        "_complete", "channel_id channels initial_comment thread_ts blocks", "files", ("files:write",)
    ),
}


class Workspace:
    """Answers Web API methods; ``Refused`` where Slack would answer ``ok: false``."""

    def __init__(
        self,
        *,
        channels: Sequence[Channel] = CHANNELS,
        scopes: frozenset[str] = SCOPES,
        now: Callable[[], float] = time.time,
        paced: bool = False,
        socket_url: Callable[[], str],
        upload_url: Callable[[str], str],
    ) -> None:
        self.channels = {channel.id: Channel(**asdict(channel)) for channel in channels}
        self.scopes = scopes
        self.messages: list[Message] = []
        self.identity: dict[str, Any] = {
            "url": "https://loopback.slack.com/",
            "team": "Loopback",
            "user": "alertbot",
            "team_id": TEAM,
            "user_id": BOT_USER,
            "bot_id": BOT,
            "is_enterprise_install": False,
        }
        self.files = Files()
        self._now = now
        self._paced = paced
        self._socket_url = socket_url
        self._upload_address = upload_url
        self._last_post: dict[str, float] = {}
        self._last_ts = 0

    def plant(self, channel: str, text: str, user: str = "U0ADA") -> Message:
        """A message somebody else wrote."""
        message = Message(self.channel(channel).id, self._next_ts(), text, user=user)
        self.messages.append(message)
        return message

    def answer(self, name: str, arguments: dict[str, Any], authorization: str) -> dict[str, Any]:
        """The body of the answer, but its ``ok``."""
        method = METHODS.get(name)
        if method is None:
            raise Refused("unknown_method")
        _refuse_token(authorization, APP_TOKEN if name.startswith("apps.") else BOT_TOKEN)
        if method.scopes and not self.scopes & set(method.scopes):
            raise self._missing(method.scopes[0])
        needed = set(method.needed.split())
        problems = [f"[ERROR] missing required field: {key}" for key in sorted(needed - arguments.keys())]
        unknown = arguments.keys() - needed - set(method.allowed.split())
        problems += [f"[ERROR] unknown argument: {key}" for key in sorted(unknown)]
        if problems:
            raise Refused("invalid_arguments", *problems)
        handler: Callable[[dict[str, Any]], dict[str, Any]] = getattr(self, method.handler)
        return handler(arguments)

    def _missing(self, scope: str) -> Refused:
        return Refused("missing_scope", needed=scope, provided=",".join(sorted(self.scopes)))

    def channel(self, wanted: str, *, by_name: bool = True) -> Channel:
        """The channel of this id, or of this name with or without its #."""
        for channel in self.channels.values():
            if channel.id == wanted or (by_name and channel.name == wanted.removeprefix("#")):
                return channel
        raise Refused("channel_not_found")

    def _visible(self, wanted: str, family: str) -> Channel:
        """A channel by its id, where the bot has this family's scope for its kind and may know of it."""
        channel = self.channel(wanted, by_name=False)
        scope = f"{'groups' if channel.private else 'channels'}:{family}"
        if scope not in self.scopes:
            raise self._missing(scope)
        if channel.private and not channel.member:
            raise Refused("channel_not_found")
        return channel

    def _auth_test(self, _: dict[str, Any]) -> dict[str, Any]:
        return self.identity

    def _connections_open(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"url": self._socket_url()}

    def _post(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self.channel(given["channel"])
        if channel.private and not channel.member:
            raise Refused("channel_not_found")
        if channel.archived:
            raise Refused("is_archived")
        if not channel.member and "chat:write.public" not in self.scopes:
            raise Refused("not_in_channel")
        refuse_message(given)
        thread_ts = given.get("thread_ts")
        if thread_ts is not None:
            self._message(channel.id, thread_ts, "thread_not_found")
        elif _truth(given.get("reply_broadcast")):
            raise Refused("invalid_arguments", "[ERROR] reply_broadcast needs thread_ts")
        self._keep_pace(channel.id)
        message = Message(channel.id, self._next_ts(), thread_ts=thread_ts, metadata=given.get("metadata"))
        message.broadcast = _truth(given.get("reply_broadcast"))
        _fill(message, given)
        self.messages.append(message)
        return {"channel": channel.id, "ts": message.ts, "message": self._shown(message)}

    def _keep_pace(self, channel_id: str) -> None:
        now = self._now()
        if self._paced and now - self._last_post.get(channel_id, -1.0) < 1.0:
            raise Refused("ratelimited", retry_after="1")
        self._last_post[channel_id] = now

    def _update(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self.channel(given["channel"], by_name=False)
        message = self._message(channel.id, given["ts"], "message_not_found")
        if message.user != BOT_USER:
            raise Refused("cant_update_message")
        if channel.archived:
            raise Refused("is_archived")
        refuse_message(given, edit=True)
        message.edits.append({key: getattr(message, key) for key in ("text", "blocks", "attachments")})
        if "text" in given and "blocks" not in given:
            message.blocks = []
        _fill(message, given)
        message.metadata = given.get("metadata", message.metadata)
        return {"channel": channel.id, "ts": message.ts, "text": message.text}

    def _message(self, channel_id: str, ts: str, otherwise: str) -> Message:
        for message in self.messages:
            if (message.channel, message.ts) == (channel_id, ts):
                return message
        raise Refused(otherwise)

    def _history(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._visible(given["channel"], "history")
        if not channel.member:
            raise Refused("not_in_channel")
        top = [one for one in self.messages if one.channel == channel.id and (not one.thread_ts or one.broadcast)]
        return self._page(top[::-1], given)

    def _replies(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._visible(given["channel"], "history")
        if not channel.member:
            raise Refused("not_in_channel")
        parent = self._message(channel.id, given["ts"], "thread_not_found")
        return self._page([parent, *(one for one in self.messages if one.thread_ts == parent.ts)], given)

    def _page(self, messages: list[Message], given: dict[str, Any]) -> dict[str, Any]:
        oldest, latest = float(given.get("oldest", 0)), float(given.get("latest", "inf"))
        inclusive = _truth(given.get("inclusive"))
        found = [
            self._shown(message, metadata=_truth(given.get("include_all_metadata")))
            for message in messages
            if oldest < float(message.ts) < latest or (inclusive and float(message.ts) in {oldest, latest})
        ]
        return _paged("messages", found, given, 100)

    def _shown(self, message: Message, *, metadata: bool = True) -> dict[str, Any]:
        shown = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts}
        if message.user == BOT_USER:
            shown["bot_id"] = BOT
        for key in ("blocks", "attachments", "thread_ts", *(("metadata",) if metadata else ())):
            if getattr(message, key):
                shown[key] = getattr(message, key)
        return shown

    def _list(self, given: dict[str, Any]) -> dict[str, Any]:
        types = str(given.get("types", "public_channel")).split(",")
        for kind, scope in (("public_channel", "channels:read"), ("private_channel", "groups:read")):
            if kind in types and scope not in self.scopes:
                raise self._missing(scope)
        found = [
            _described(channel)
            for channel in self.channels.values()
            if ("private_channel" if channel.private else "public_channel") in types
            and (channel.member or not channel.private)
            and not (channel.archived and _truth(given.get("exclude_archived")))
        ]
        return _paged("channels", found, given, 100)

    def _info(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"channel": _described(self._visible(given["channel"], "read"))}

    def _join(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self.channel(given["channel"], by_name=False)
        if channel.private:
            raise Refused("method_not_supported_for_channel_type" if channel.member else "channel_not_found")
        if channel.archived:
            raise Refused("is_archived")
        channel.member = True
        return {"channel": _described(channel)}

    def _upload_url(self, given: dict[str, Any]) -> dict[str, Any]:
        file_id, key = self.files.issue(given)
        return {"upload_url": self._upload_address(key), "file_id": file_id}

    def _complete(self, given: dict[str, Any]) -> dict[str, Any]:
        """Share files; only members may, and ids count, not names."""
        wanted = given.get("channel_id")
        if wanted is None:
            return {"files": self.files.complete(given, None)}
        channel = self.channel(wanted, by_name=False)
        if channel.private and not channel.member:
            raise Refused("channel_not_found")
        if channel.archived:
            raise Refused("is_archived")
        if not channel.member:
            raise Refused("not_in_channel")
        if "thread_ts" in given:
            self._message(channel.id, given["thread_ts"], "thread_not_found")
        return {"files": self.files.complete(given, channel.id)}

    def _next_ts(self) -> str:
        self._last_ts = max(self._last_ts + 1, int(self._now() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"


def _refuse_token(authorization: str, wanted: str) -> None:
    token = authorization.removeprefix("Bearer ").strip()
    if not token:
        raise Refused("not_authed")
    if token in {BOT_TOKEN, APP_TOKEN} and token != wanted:
        raise Refused("not_allowed_token_type")
    if token != wanted:
        raise Refused("invalid_auth")


def _fill(message: Message, given: Mapping[str, Any]) -> None:
    for key in ("text", "blocks", "attachments"):
        if key in given:
            setattr(message, key, given[key])


def _truth(value: Any) -> bool:
    return value in (True, 1, "1", "true")


def _described(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.id,
        "name": channel.name,
        "is_private": channel.private,
        "is_archived": channel.archived,
        "is_member": channel.member,
    }


def _paged(key: str, found: list[Any], given: Mapping[str, Any], usual: int) -> dict[str, Any]:
    start, count = int(given.get("cursor") or 0), int(given.get("limit", usual))
    more = start + count < len(found)
    cursor = {"response_metadata": {"next_cursor": str(start + count) if more else ""}}
    return {key: found[start : start + count], "has_more": more, **cursor}


def _texts(part: Any) -> list[str]:
    if isinstance(part, list):
        return [text for item in part for text in _texts(item)]
    if not isinstance(part, dict):
        return []
    own = [part["text"]] if isinstance(part.get("text"), str) else []
    return own + [text for item in part.values() for text in _texts(item)]
