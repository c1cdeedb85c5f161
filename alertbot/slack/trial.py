"""A trial: whatever would be said anywhere is said in one channel, and what stands elsewhere is left as it stands."""

from __future__ import annotations

from collections.abc import Callable

from alertbot.errors import DeliveryError
from alertbot.messages.blocks import Message
from alertbot.slack.client import Posted
from alertbot.slack.poster import Poster


class DivertedPoster:
    """Posts to ``channel`` alone; ``id_of`` says its id, ``None`` while that is not known.

    The configuration names no other channel during a trial, but a database may hold messages that are owed to others,
    or that stand there and are to be edited: these become new messages here.
    """

    def __init__(self, poster: Poster, channel: str, id_of: Callable[[str], str | None]) -> None:
        self._poster = poster
        self._channel = channel
        self._id_of = id_of

    async def post(
        self,
        channel: str,
        message: Message,
        *,
        metadata_id: str,
        thread_ts: str | None = None,
        broadcast: bool = False,
    ) -> Posted:
        if thread_ts is not None and not self._is_here(channel):
            thread_ts, broadcast = None, False
        return await self._poster.post(
            self._channel, message, metadata_id=metadata_id, thread_ts=thread_ts, broadcast=broadcast
        )

    async def update(self, channel_id: str, ts: str, message: Message) -> None:
        if not self._is_here(channel_id):
            raise DeliveryError("diverted", permanent=True)
        await self._poster.update(channel_id, ts, message)

    async def find(self, channel: str, metadata_id: str, *, since: float, thread_ts: str | None) -> Posted | None:
        if thread_ts is not None and not self._is_here(channel):
            thread_ts = None
        return await self._poster.find(self._channel, metadata_id, since=since, thread_ts=thread_ts)

    def _is_here(self, channel: str) -> bool:
        """Whether it is the trial's channel; ``DeliveryError`` while that cannot be told."""
        known = self._id_of(self._channel)
        if known is None:
            raise DeliveryError("channels_not_listed")
        return channel in {known, self._channel}
