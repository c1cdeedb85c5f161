"""Where delivery posts: Slack, or the log where there are no tokens."""

from __future__ import annotations

import logging
from typing import Protocol

from alertbot.messages.blocks import Message
from alertbot.messages.slack import from_json, plain
from alertbot.slack.client import Post, Posted
from alertbot.store.outbox import OutboxRow

log = logging.getLogger(__name__)


def post_of(row: OutboxRow) -> Post:
    """What a row posts: a message of its own, or a reply in the thread of the message it belongs to."""
    message = from_json(row.body)
    if row.text_only:
        message = Message(message.text)
    if row.action == "post":
        return Post(row.channel, message, row.id)
    return Post(row.channel_id or row.channel, message, row.id, row.ts, row.broadcast)


class Poster(Protocol):
    """Where messages go: Slack, or the log. Every method raises ``DeliveryError``."""

    async def post(self, post: Post) -> Posted:
        """Post a message, or a reply."""

    async def update(self, channel_id: str, ts: str, message: Message) -> None:
        """Edit the message that was posted there."""

    async def find(self, post: Post, *, since: float) -> Posted | None:
        """Where the post stands, if it was made at most ``since`` seconds ago."""


class LogPoster:
    """Prints messages to the log: what ``run`` does without Slack tokens."""

    def __init__(self) -> None:
        self._posted = 0

    async def post(self, post: Post) -> Posted:
        self._posted += 1
        log.warning("message for %s: %s", post.channel, plain(post.message).replace("\n", " | "))
        return Posted(post.channel, f"log.{self._posted}")

    async def update(self, channel_id: str, ts: str, message: Message) -> None:
        log.warning("message for %s, edited: %s", channel_id, plain(message).replace("\n", " | "))

    async def find(self, post: Post, *, since: float) -> Posted | None:
        return None
