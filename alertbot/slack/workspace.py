"""One Slack workspace: who we are in it, its commands and clicks, and where messages are posted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import replace

from alertbot.charts.chart import Picture
from alertbot.clock import Clock
from alertbot.errors import CredentialsError, DeliveryError
from alertbot.incidents.orders import Person, Requester
from alertbot.messages.blocks import Message
from alertbot.ops.outage import Outage
from alertbot.slack.buttons import Buttons
from alertbot.slack.channels import Membership, look_up, unlisted
from alertbot.slack.client import DEAD_TOKEN, Identity, Post, Posted, SlackClient
from alertbot.slack.commands import Commands
from alertbot.slack.pictures import Draws, Showing
from alertbot.slack.socket_mode import Click, SlashCommand, SocketListener

log = logging.getLogger(__name__)

HEARTBEAT = 300.0
SOON = 30.0
"""Seconds until Slack is asked again: whether it is there, and once it did not answer."""

STRANGER = Message("This alertbot answers in its own workspace only.")


class Workspace:
    """Posts as the bot, and answers commands and clicks where there is an app token too."""

    def __init__(
        self,
        bot_token: str,
        app_token: str | None,
        base_url: str,
        commands: Commands,
        clock: Clock,
        *,
        channels: Collection[str],
        draws: Draws | None = None,
    ) -> None:
        self._client = SlackClient(bot_token, base_url)
        self._commands = commands
        self._showing = Showing(draws, self.upload, clock)
        self._buttons = Buttons(commands, self._showing)
        self._clock = clock
        self._channels = channels
        self._standing: Membership | None = None
        self._identity: Identity | None = None
        self._asking = Outage()  # of asking Slack who we are, and for its channels
        self._listing = Outage()
        self._listener: SocketListener | None = None
        self._keeping: asyncio.Task[None] | None = None
        if app_token is not None:
            self._listener = SocketListener(app_token, self._command, self._click, base_url=base_url)

    @property
    def problems(self) -> Mapping[str, str]:
        """What is wrong with a channel, in words."""
        return {} if self._standing is None else self._standing.problems

    def id_of(self, channel: str) -> str | None:
        """The id of a channel; ``None`` while Slack has not listed its channels, the name where it does not."""
        return None if self._standing is None else self._standing.ids.get(channel, channel)

    @property
    def trouble(self) -> str | None:
        """Why Slack last did not say who we are, in words; ``None`` where it did."""
        return self._asking.cause

    @property
    def stuck(self) -> bool:
        """Whether the connection for commands makes no progress; true of none that is tried again and again."""
        return self._listener is not None and self._listener.stuck

    async def start(self) -> None:
        """Find out who we are and listen for commands; ``CredentialsError`` where Slack refuses a token.

        A Slack that does not answer is no reason not to start: messages wait for it in the outbox.
        """
        await self._identify()
        await self._look_around()
        self._keeping = asyncio.create_task(self._keep())
        if self._listener is None:
            log.warning("there is no Slack app token: alerts are posted, but no commands or clicks arrive")
            return
        await self._listener.start()

    def reconfigure(self, channels: Collection[str], draws: Draws | None) -> None:
        """Post to these channels from now on, which are looked up in the background."""
        self._showing.draws = draws
        if set(channels) != set(self._channels):
            self._channels, self._standing = channels, None
        if self._keeping is not None:
            self._keeping.cancel()
        self._keeping = asyncio.create_task(self._look_and_keep())

    async def stop(self) -> None:
        """Stop listening."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._listener is not None:
            await self._listener.stop()

    async def post(self, post: Post) -> Posted:
        """Post a message, or a reply; raises ``DeliveryError``."""
        return await self._client.post(self._by_id(post))

    async def update(self, channel_id: str, ts: str, message: Message) -> None:
        """Edit one; raises ``DeliveryError``."""
        await self._client.update(channel_id, ts, message)

    async def upload(self, channel_id: str, picture: Picture, thread_ts: str | None) -> None:
        """Show a picture in a channel that the bot is in, or in a thread there; raises ``DeliveryError``."""
        await self._client.upload(channel_id, picture, thread_ts=thread_ts)

    async def find(self, post: Post, *, since: float) -> Posted | None:
        """Where it stands, if it was posted at most ``since`` seconds ago; raises ``DeliveryError``."""
        if self._standing is None:
            await self._look_around()
        if self._standing is None:
            raise DeliveryError("channels_not_listed")
        post = self._by_id(post)
        try:
            return await self._client.find(post, since=since)
        except DeliveryError as error:
            if error.code != "not_in_channel":
                raise
            await self._look_around()  # somebody put the bot out of a public channel: it may join again
            return await self._client.find(post, since=since)

    def _by_id(self, post: Post) -> Post:
        """The post, its channel by id where that is known."""
        return replace(post, channel=self.id_of(post.channel) or post.channel)

    async def _identify(self) -> None:
        """Who we are; what Slack does not answer now is asked again later. ``CredentialsError`` where it refuses us."""
        try:
            identity = await self._client.auth_test()
        except DeliveryError as error:
            self._say(self._asking, f"Slack does not answer ({error.code}): messages wait for it")
            return
        if self._identity is None:
            log.info("Slack: posting to the workspace %s", identity.team)
        self._identity = identity
        if times := self._asking.ended():
            log.info("Slack answers again, after %d times that it did not", times)

    async def _look_around(self) -> None:
        """Where the channels are; what Slack does not answer now is asked again later."""
        try:
            self._standing = await look_up(self._client, self._channels, told=self.problems)
            if times := self._listing.ended():
                log.info("Slack lists its channels again, after %d times that it did not", times)
        except DeliveryError as error:
            if error.permanent and error.code not in DEAD_TOKEN:
                self._standing = unlisted(error, self._channels, self._standing)
            else:
                self._say(self._listing, f"Slack does not list its channels ({error.code}): messages wait for it")

    async def _look_and_keep(self) -> None:
        await self._look_around()
        await self._keep()

    async def _keep(self) -> None:
        """Ask Slack now and then whether it still knows us, and for channels that were not found or not joined."""
        while True:
            well = self._standing is not None and self._asking.cause is None
            await self._clock.sleep(HEARTBEAT if well else SOON)
            try:
                await self._identify()
            except CredentialsError as error:
                self._say(self._asking, str(error))
            if self._standing is None or self._standing.problems:
                await self._look_around()

    def _say(self, failures: Outage, trouble: str) -> None:
        """Log it, once while that call fails."""
        if failures.is_news(trouble):
            log.warning("%s", trouble)

    async def _command(self, command: SlashCommand) -> None:
        if self._is_strange(command, "a command"):
            await self._respond(command.response_url, STRANGER, public=False)
            return
        if (beforehand := self._commands.foretell(command.text)) is not None:
            await self._respond(command.response_url, beforehand, public=False)
        reply = await self._commands.answer(command.text, self._asker(command))
        await self._respond(command.response_url, reply.message, public=reply.public)
        if reply.chart is not None:
            trouble = await self._showing.of_series(*reply.chart, command.channel_id)
            if trouble is not None:
                await self._respond(command.response_url, trouble, public=False)

    async def _click(self, click: Click) -> None:
        if self._is_strange(click, "a click"):
            await self._respond(click.response_url, STRANGER, public=False)
            return
        under = Posted(click.channel_id, click.message_ts)
        answer = await self._buttons.press(click.action_id, click.value, self._asker(click), under)
        if answer is not None:
            await self._respond(click.response_url, answer, public=False)

    def _is_strange(self, asked: SlashCommand | Click, what: str) -> bool:
        """Whether it comes from another workspace, which the log then says."""
        if self._identity is None or asked.team_id == self._identity.team_id:
            return False
        log.warning("%s from another workspace (%s) was refused", what, asked.team_id)
        return True

    def _asker(self, asked: SlashCommand | Click) -> Requester:
        """Who asks where; the channel as the configuration calls it, since Slack calls every private one alike."""
        ids = {} if self._standing is None else self._standing.ids
        own = [name for name, channel_id in ids.items() if channel_id == asked.channel_id]
        names = {asked.channel_id, *own, *([f"#{asked.channel_name}"] if asked.channel_name else [])}
        person = Person(asked.user_id, asked.user_name)
        return Requester(person, own[0] if own else asked.channel_id, frozenset(names))

    async def _respond(self, response_url: str, message: Message, *, public: bool) -> None:
        try:
            await self._client.respond(response_url, message, public=public)
        except DeliveryError as error:
            log.warning("an answer was not taken by Slack (%s)", error.code)
