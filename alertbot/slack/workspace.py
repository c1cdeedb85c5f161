"""One Slack workspace: who we are in it, whether it answers, and where messages are posted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from alertbot.charts.chart import Picture
from alertbot.clock import Clock
from alertbot.errors import CredentialsError, CredentialsInactive, DeliveryError
from alertbot.messages.blocks import Message
from alertbot.ops.outage import Outage
from alertbot.slack.channel_ids import ChannelIds
from alertbot.slack.charts import ChartReplies, ChartSource
from alertbot.slack.client import TIMEOUT, Identity, Post, Posted, SlackClient
from alertbot.slack.commands import Commands
from alertbot.slack.failures import AWAY
from alertbot.slack.interactions import Interactions
from alertbot.slack.socket_mode import SocketListener

log = logging.getLogger(__name__)

RECHECK = 300.0
"""Seconds between two checks that Slack still knows us and that the channels are there."""

RETRY = 30.0
"""Seconds until the next check where Slack did not answer the last."""

LISTING = 15.0
"""Seconds for which the start and a lookup wait for the channels to be listed, which goes on behind them."""

PASSING = 300.0
"""Seconds for which Slack may fail to say who we are before that is trouble: it has hiccups."""


class Workspace:
    """Posts as the bot, and answers commands and clicks where there is an app token too.

    ``recovered`` is called when Slack knows the bot again, or a channel can be used that could not.
    """

    def __init__(
        self,
        bot_token: str,
        app_token: str | None,
        base_url: str,
        commands: Commands,
        clock: Clock,
        *,
        channels: Collection[str],
        chart_source: ChartSource | None = None,
        recovered: Callable[[], None] = lambda: None,
        timeout: int = TIMEOUT,
    ) -> None:
        self._recovered = recovered
        self._client = SlackClient(bot_token, base_url, timeout=timeout, clock=clock)
        self._charts = ChartReplies(chart_source, self.upload, clock)
        self._clock = clock
        self._channels = ChannelIds(channels, recovered)
        self._interactions = Interactions(
            self._client, commands, self._charts, self._channels, clock, lambda: self.team_id
        )
        self._identity: Identity | None = None
        self._recalled: str | None = None
        self._auth_outage = Outage(clock.monotonic)
        self._listener: SocketListener | None = None
        self._checking: asyncio.Task[None] | None = None
        if app_token is not None:
            answers = self._interactions
            self._listener = SocketListener(app_token, answers.command, answers.click, base_url=base_url, clock=clock)

    @property
    def problems(self) -> Mapping[str, str]:
        """What is wrong with which channel, in words."""
        return self._channels.problems

    def id_of(self, channel: str) -> str | None:
        """The id of a channel; ``None`` while Slack has not listed its channels, the name where it does not."""
        return self._channels.of(channel)

    @property
    def team_id(self) -> str | None:
        """The id of our own workspace, by Slack's last word or what was recalled; ``None`` while nobody said."""
        return self._recalled if self._identity is None else self._identity.team_id

    @property
    def charts_refused(self) -> str | None:
        """Slack's word for the refusal of a chart of its own within a day; ``None`` where there was none."""
        return self._interactions.charts_refused

    def recall(self, team_id: str | None, charts_refused: str | None = None) -> None:
        """Take this for our own workspace until Slack says which it is: an earlier run was told so.

        ``charts_refused``: what it was told of charts.
        """
        self._recalled = team_id
        self._interactions.recall(charts_refused)

    @property
    def trouble(self) -> str | None:
        """Why Slack has not said for a while who we are, in words; ``None`` where it did."""
        return self._auth_outage.cause if (self._auth_outage.seconds or 0.0) >= PASSING else None

    @property
    def stuck(self) -> bool:
        """Whether the connection for commands makes no progress; true of none that is tried again and again."""
        return self._listener is not None and self._listener.stuck

    async def start(self) -> None:
        """Ask Slack who we are and listen for commands; ``CredentialsError`` where Slack refuses a token.

        A Slack that does not answer is no reason not to start, nor an account that is not active just now: messages
        wait in the outbox.
        """
        try:
            await self._identify()
        except CredentialsInactive as error:
            self._warn_once(str(error))
        found = asyncio.Event()
        self._checking = asyncio.create_task(self._find_and_check_channels(found))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LISTING):
                await found.wait()
        if self._listener is None:
            log.warning("there is no Slack app token: alerts are posted, but no commands or clicks arrive")
            return
        await self._listener.start()

    def reconfigure(self, channels: Collection[str], chart_source: ChartSource | None) -> None:
        """Post to these channels from now on, which are looked up in the background."""
        self._charts.source = chart_source
        self._channels.reconfigure(channels)
        if self._checking is not None:
            self._checking.cancel()
        self._checking = asyncio.create_task(self._find_and_check_channels(asyncio.Event()))

    async def stop(self) -> None:
        """Stop checking Slack and listening for commands."""
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)
        if self._listener is not None:
            await self._listener.stop()

    async def post(self, post: Post) -> Posted:
        """Post a message, or a reply; raises ``DeliveryError``."""
        posted = await self._client.post(self._by_id(post))
        self._channels.posted(post.channel, posted.channel_id)
        return posted

    async def update(self, channel_id: str, ts: str, message: Message) -> None:
        """Edit the message that was posted there; raises ``DeliveryError``."""
        await self._client.update(channel_id, ts, message)

    async def upload(self, channel_id: str, picture: Picture, thread_ts: str | None) -> None:
        """Show a picture in a channel that the bot is in, or in a thread there; raises ``DeliveryError``."""
        await self._client.upload(channel_id, picture, thread_ts=thread_ts)

    async def find(self, post: Post, *, since: float) -> Posted | None:
        """Where the post stands, if it was made at most ``since`` seconds ago; raises ``DeliveryError``.

        Its code is ``AWAY`` where Slack answers nothing else either.
        """
        try:
            return await self._found(post, since)
        except DeliveryError as error:
            if error.permanent or await self._client.answers():
                raise
            raise DeliveryError(AWAY, retry_after=error.retry_after) from None

    async def _found(self, post: Post, since: float) -> Posted | None:
        if self.id_of(post.channel) is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LISTING):
                    await self._channels.look(self._client)
        if (unknown := self._channels.why_unknown(post.channel)) is not None:
            raise unknown
        post = self._by_id(post)
        try:
            return await self._client.find(post, since=since)
        except DeliveryError as error:
            if error.code != "not_in_channel":
                raise
            await self._channels.look(self._client)  # somebody put the bot out of a public channel: it may join again
            return await self._client.find(post, since=since)

    def _by_id(self, post: Post) -> Post:
        """The post, its channel by id where that is known."""
        return replace(post, channel=self.id_of(post.channel) or post.channel)

    async def _identify(self) -> None:
        """Ask Slack who we are, and leave it for later where it does not answer.

        ``CredentialsError`` where it refuses the token.
        """
        try:
            identity = await self._client.auth_test()
        except DeliveryError as error:
            self._warn_once(f"Slack does not answer ({error.code}): messages wait for it")
            return
        if self._identity is None:
            log.info("Slack: posting to the workspace %s", identity.team)
            _warn_of_organisation(identity)
        self._identity = identity
        if times := self._auth_outage.ended():
            log.info("Slack answers again, after %d times that it did not", times)
            self._recovered()

    async def _find_and_check_channels(self, found: asyncio.Event) -> None:
        """Look for the channels, say so, and check regularly from then on."""
        await self._channels.look(self._client)
        found.set()
        await self._check_regularly()

    async def _check_regularly(self) -> None:
        """Check now and then that Slack knows us, and look again for channels that were not found or not joined."""
        while True:
            answers = self._channels.are_listed and self._auth_outage.cause is None
            await self._clock.sleep(RECHECK if answers else RETRY)
            try:
                await self._identify()
            except CredentialsError as error:
                self._warn_once(str(error))
            if not self._channels.are_listed or self._channels.problems:
                await self._channels.look(self._client)

    def _warn_once(self, trouble: str) -> None:
        """Log why Slack does not say who we are, each cause once until it does."""
        if self._auth_outage.is_news(trouble):
            log.warning("%s", trouble)


def _warn_of_organisation(identity: Identity) -> None:
    if identity.organisation is not None:
        log.error(
            "the Slack app is installed for the whole organisation %s, and alertbot works in one workspace: commands"
            " and clicks are refused, and channels may not be found; install it in the workspace that holds them",
            identity.organisation,
        )
