"""A trial: whatever is posted goes to one channel, and what stands elsewhere is left as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from alertbot.errors import DeliveryError
from alertbot.messages.blocks import Message
from alertbot.slack.client import Post, Posted
from alertbot.slack.failures import NOT_LISTED
from alertbot.slack.poster import Poster


class DivertedPoster:
    """Posts to ``channel`` alone; ``id_of`` says its id, ``None`` while that is not known.

    The configuration names no other channel during a trial, but a database may hold messages that wait for others, or
    that stand there and are to be edited: these become new messages here.
    """

    def __init__(self, poster: Poster, channel: str, id_of: Callable[[str], str | None]) -> None:
        self._poster = poster
        self._channel = channel
        self._id_of = id_of

    async def post(self, post: Post) -> Posted:
        return await self._poster.post(self._diverted(post))

    async def update(self, channel_id: str, ts: str, message: Message) -> None:
        if not self._is_here(channel_id):
            raise DeliveryError("diverted", permanent=True)
        await self._poster.update(channel_id, ts, message)

    async def find(self, post: Post, *, since: float) -> Posted | None:
        return await self._poster.find(self._diverted(post), since=since)

    def _diverted(self, post: Post) -> Post:
        """The post as the trial's channel gets it: a reply to what stands elsewhere becomes a message of its own."""
        if post.thread_ts is not None and not self._is_here(post.channel):
            post = replace(post, thread_ts=None, broadcast=False)
        return replace(post, channel=self._channel)

    def _is_here(self, channel: str) -> bool:
        """Whether a channel is the trial's; ``DeliveryError`` while that is not known."""
        known = self._id_of(self._channel)
        if known is None:
            raise DeliveryError(NOT_LISTED)
        return channel in {known, self._channel}
