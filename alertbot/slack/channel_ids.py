"""The ids of the channels that messages go to, as far as Slack has said them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping

from alertbot.errors import DeliveryError
from alertbot.ops.outage import Outage
from alertbot.slack.channels import Listing, Membership, is_id, look_up, unlisted
from alertbot.slack.client import SlackClient
from alertbot.slack.failures import DEAD_TOKEN, NOT_LISTED

log = logging.getLogger(__name__)


class ChannelIds:
    """The ids of ``channels``; ``recovered`` is called when one of them can be used that could not."""

    def __init__(self, channels: Collection[str], recovered: Callable[[], None]) -> None:
        self._channels = channels
        self._recovered = recovered
        self._membership: Membership | None = None
        self._listing = Listing()
        self._one_listing = asyncio.Lock()
        self._dead_token: DeliveryError | None = None  # why channels are not listed, where that is why
        self._posted_to: dict[str, str] = {}  # ids of channels by the name they were posted to
        self._outage = Outage()

    @property
    def problems(self) -> Mapping[str, str]:
        """What is wrong with which channel, in words."""
        return {} if self._membership is None else self._membership.problems

    @property
    def are_listed(self) -> bool:
        """Whether Slack has listed its channels, or said that it does not."""
        return self._membership is not None

    def of(self, channel: str) -> str | None:
        """The id of a channel; ``None`` while Slack has not listed its channels, the name where it does not."""
        if is_id(channel):
            return channel
        known = self._ids.get(channel) or self._posted_to.get(channel)
        return known or (None if self._membership is None else channel)

    def names_of(self, channel_id: str) -> list[str]:
        """The names by which the configuration calls a channel."""
        return [name for name, known in self._ids.items() if known == channel_id]

    @property
    def _ids(self) -> Mapping[str, str]:
        return {} if self._membership is None else self._membership.ids

    def why_unknown(self, channel: str) -> DeliveryError | None:
        """Why the id of a channel is not known yet; ``None`` where it is."""
        if self.of(channel) is not None:
            return None
        return DeliveryError(NOT_LISTED) if self._dead_token is None else self._dead_token

    def posted(self, channel: str, channel_id: str) -> None:
        """Slack took a message for a channel, and says its id."""
        if not is_id(channel):
            self._posted_to[channel] = channel_id

    def reconfigure(self, channels: Collection[str]) -> None:
        """Know these channels from now on, none of them until they are looked for."""
        if set(channels) != set(self._channels):
            self._channels, self._membership, self._posted_to = channels, None, {}

    async def look(self, client: SlackClient) -> None:
        """Ask Slack for the ids, and leave it for later where it does not answer."""
        async with self._one_listing:
            await self._look(client)

    async def _look(self, client: SlackClient) -> None:
        before = self.problems
        try:
            self._membership = await look_up(client, self._listing, self._channels, logged=before)
            if before.keys() - self.problems.keys():
                self._recovered()
            if times := self._outage.ended():
                log.info("Slack lists its channels again, after %d times that it did not", times)
        except DeliveryError as error:
            if error.permanent and error.code not in DEAD_TOKEN:
                self._membership = unlisted(error, self._channels, self._membership)
                return
            self._dead_token = error if error.code in DEAD_TOKEN else None
            cause = f"Slack does not list its channels ({error.code}): messages wait for it"
            if self._outage.is_news(cause):
                log.warning("%s", cause)
