"""One Slack workspace: who we are in it, its commands, and where messages are posted."""

from __future__ import annotations

import logging

from alertbot.clock import Clock
from alertbot.errors import DeliveryError
from alertbot.slack.blocks import Message
from alertbot.slack.client import Identity, Posted, SlackClient
from alertbot.slack.commands import Commands
from alertbot.slack.socket import SlashCommand, SocketListener

log = logging.getLogger(__name__)


class Workspace:
    """Posts as the bot, and answers commands where there is an app token too."""

    def __init__(self, bot_token: str, app_token: str | None, base_url: str, commands: Commands, clock: Clock) -> None:
        self._client = SlackClient(bot_token, base_url)
        self._commands = commands
        self._identity: Identity | None = None
        self._listener: SocketListener | None = None
        if app_token is not None:
            self._listener = SocketListener(app_token, self._command, base_url=base_url, clock=clock)

    async def start(self) -> None:
        """Find out who we are and listen for commands; ``CredentialsError`` where Slack refuses a token.

        A Slack that does not answer is no reason not to start: messages wait for it in the outbox.
        """
        try:
            self._identity = await self._client.auth_test()
            log.info("Slack: posting to the workspace %s", self._identity.team)
        except DeliveryError as error:
            log.warning("Slack does not answer (%s): messages wait for it", error.code)
        if self._listener is None:
            log.warning("there is no Slack app token: alerts are posted, but no commands arrive")
            return
        await self._listener.start()

    async def stop(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            await self._listener.stop()

    async def post(self, channel: str, message: Message, *, metadata_id: str) -> Posted:
        """Post a message; raises ``DeliveryError``."""
        return await self._client.post(channel, message, metadata_id=metadata_id)

    async def update(self, channel_id: str, ts: str, message: Message) -> None:
        """Edit one; raises ``DeliveryError``."""
        await self._client.update(channel_id, ts, message)

    async def _command(self, command: SlashCommand) -> None:
        if self._identity is not None and command.team_id != self._identity.team_id:
            log.warning("a command from another workspace (%s) was refused", command.team_id)
            refusal = Message("This alertbot answers in its own workspace only.")
            await self._respond(command.response_url, refusal, public=False)
            return
        reply = await self._commands.answer(command.text)
        await self._respond(command.response_url, reply.message, public=reply.public)

    async def _respond(self, response_url: str, message: Message, *, public: bool) -> None:
        try:
            await self._client.respond(response_url, message, public=public)
        except DeliveryError as error:
            log.warning("an answer to a command was not taken by Slack (%s)", error.code)
