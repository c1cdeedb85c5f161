"""Commands and clicks that arrive from Slack: whether they may be answered, and the answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from alertbot.clock import Clock
from alertbot.errors import DeliveryError
from alertbot.incidents.orders import Person, Requester
from alertbot.messages.blocks import Message
from alertbot.slack.buttons import REPLACING, Buttons
from alertbot.slack.channel_ids import ChannelIds
from alertbot.slack.charts import ChartReplies
from alertbot.slack.client import Posted, SlackClient
from alertbot.slack.commands import Commands
from alertbot.slack.failures import REFUSED_BLOCKS
from alertbot.slack.socket_mode import Click, SlashCommand

log = logging.getLogger(__name__)

CHARTS_AGAIN = 86_400.0
"""Seconds after Slack refused a chart of its own until one is sent again: workspaces are given them one by one."""

OWN_WORKSPACE_ONLY = Message("This alertbot answers in its own workspace only.")
NOT_YET = Message("Slack has not said yet which workspace this alertbot belongs to: try again in a minute.")


class Interactions:
    """Answers the commands and clicks of our own workspace, whose id ``team_id`` says, ``None`` while nobody did."""

    def __init__(
        self,
        client: SlackClient,
        commands: Commands,
        charts: ChartReplies,
        channels: ChannelIds,
        clock: Clock,
        team_id: Callable[[], str | None],
    ) -> None:
        self._client = client
        self._commands = commands
        self._charts = charts
        self._buttons = Buttons(commands, charts)
        self._channels = channels
        self._clock = clock
        self._team_id = team_id
        self._charts_refused: tuple[str, float] | None = None  # Slack's word, and when, monotonic

    @property
    def charts_refused(self) -> str | None:
        """Slack's word for the refusal of a chart of its own within a day; ``None`` where there was none."""
        if self._charts_refused is None or self._clock.monotonic() - self._charts_refused[1] >= CHARTS_AGAIN:
            return None
        return self._charts_refused[0]

    def recall(self, charts_refused: str | None) -> None:
        """Send no charts for a day where an earlier run was told this word."""
        self._charts_refused = None if charts_refused is None else (charts_refused, self._clock.monotonic())

    async def command(self, command: SlashCommand) -> None:
        """Answer a slash command, with its chart after it where one belongs there."""
        if (refusal := self._refusal(command, "a command")) is not None:
            await self._respond(command.response_url, refusal, public=False)
            return
        if (notice := self._commands.answer_at_once(command.text)) is not None:
            await self._respond(command.response_url, notice, public=False)
        reply = await self._commands.answer(command.text, self._requester(command))
        drawn = reply.chart is not None and self._charts.source is not None
        message = replace(reply.message, chart=None) if drawn else reply.message
        await self._respond(command.response_url, message, public=reply.public)
        if reply.chart is not None:
            trouble = await self._charts.of_series(*reply.chart, command.channel_id)
            if trouble is not None:
                await self._respond(command.response_url, trouble, public=False)

    async def click(self, click: Click) -> None:
        """Do what a button says, and answer where there is something to say."""
        if (refusal := self._refusal(click, "a click")) is not None:
            await self._respond(click.response_url, refusal, public=False)
            return
        under = Posted(click.channel_id, click.message_ts)
        answer = await self._buttons.press(click.action_id, click.value, self._requester(click), under)
        if answer is not None:
            replaces = click.action_id in REPLACING
            await self._respond(click.response_url, answer, public=False, replaces=replaces)

    def _refusal(self, asked: SlashCommand | Click, what: str) -> Message | None:
        """The answer to a command or click that is not from our own workspace, or may not be, as the log then says."""
        if (own := self._team_id()) is None:
            log.warning("%s was refused: Slack has not said yet which workspace is our own", what)
            return NOT_YET
        if asked.team_id == own:
            return None
        log.warning("%s from another workspace (%s) was refused", what, asked.team_id)
        return OWN_WORKSPACE_ONLY

    def _requester(self, asked: SlashCommand | Click) -> Requester:
        """Who asks where; the channel by its name in the configuration, since Slack calls all private ones alike."""
        own = self._channels.names_of(asked.channel_id)
        names = {asked.channel_id, *own, *([f"#{asked.channel_name}"] if asked.channel_name else [])}
        person = Person(asked.user_id, asked.user_name)
        return Requester(person, own[0] if own else asked.channel_id, frozenset(names))

    async def _respond(self, response_url: str, message: Message, *, public: bool, replaces: bool = False) -> None:
        """Answer, with the message's chart unless Slack takes none."""
        try:
            if message.chart is not None and self.charts_refused is None:
                try:
                    await self._client.respond(response_url, message.with_chart(), public=public, replaces=replaces)
                except DeliveryError as error:
                    if error.code not in REFUSED_BLOCKS:
                        raise
                    self._charts_refused = error.code, self._clock.monotonic()
                    log.info("Slack takes no charts of its own here (%s): answers come without for a day", error.code)
                else:
                    return
            await self._client.respond(response_url, message, public=public, replaces=replaces)
        except DeliveryError as error:
            log.warning("an answer was not taken by Slack (%s)", error.code)
