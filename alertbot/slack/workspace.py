"""One Slack workspace: who we are in it, its commands and clicks, and where messages are posted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from alertbot.charts.chart import Picture
from alertbot.clock import Clock
from alertbot.errors import CredentialsError, CredentialsInactive, DeliveryError
from alertbot.incidents.orders import Person, Requester
from alertbot.messages.blocks import Message
from alertbot.ops.outage import Outage
from alertbot.slack.buttons import REPLACING, Buttons
from alertbot.slack.channels import Listing, Membership, is_id, look_up, unlisted
from alertbot.slack.charts import ChartReplies, ChartSource
from alertbot.slack.client import TIMEOUT, Identity, Post, Posted, SlackClient
from alertbot.slack.commands import Commands
from alertbot.slack.failures import AWAY, DEAD_TOKEN, NOT_LISTED, REFUSED_BLOCKS
from alertbot.slack.socket_mode import Click, SlashCommand, SocketListener

log = logging.getLogger(__name__)

RECHECK = 300.0
"""Seconds between two checks that Slack still knows us and that the channels are there."""

CHARTS_AGAIN = 86_400.0
"""Seconds after Slack refused a chart of its own until one is sent again: workspaces are given them one by one."""

RETRY = 30.0
"""Seconds until the next check where Slack did not answer the last."""

LISTING = 15.0
"""Seconds for which the start and a lookup wait for the channels to be listed, which goes on behind them."""

PASSING = 300.0
"""Seconds for which Slack may fail to say who we are before that is trouble: it has hiccups."""

OWN_WORKSPACE_ONLY = Message("This alertbot answers in its own workspace only.")
NOT_YET = Message("Slack has not said yet which workspace this alertbot belongs to: try again in a minute.")


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
        self._commands = commands
        self._charts = ChartReplies(chart_source, self.upload, clock)
        self._buttons = Buttons(commands, self._charts)
        self._clock = clock
        self._channels = channels
        self._membership: Membership | None = None
        self._listing = Listing()
        self._one_listing = asyncio.Lock()
        self._dead_token: DeliveryError | None = None  # why channels are not listed, where that is why
        self._posted_to: dict[str, str] = {}  # ids of channels by the name they were posted to
        self._identity: Identity | None = None
        self._recalled: str | None = None
        self._charts_refused: tuple[str, float] | None = None  # Slack's word, and when, monotonic
        self._auth_outage = Outage(clock.monotonic)
        self._listing_outage = Outage()
        self._listener: SocketListener | None = None
        self._checking: asyncio.Task[None] | None = None
        if app_token is not None:
            self._listener = SocketListener(app_token, self._command, self._click, base_url=base_url, clock=clock)

    @property
    def problems(self) -> Mapping[str, str]:
        """What is wrong with which channel, in words."""
        return {} if self._membership is None else self._membership.problems

    def id_of(self, channel: str) -> str | None:
        """The id of a channel; ``None`` while Slack has not listed its channels, the name where it does not."""
        if is_id(channel):
            return channel
        ids = {} if self._membership is None else self._membership.ids
        known = ids.get(channel) or self._posted_to.get(channel)
        return known or (None if self._membership is None else channel)

    @property
    def team_id(self) -> str | None:
        """The id of our own workspace, by Slack's last word or what was recalled; ``None`` while nobody said."""
        return self._recalled if self._identity is None else self._identity.team_id

    @property
    def charts_refused(self) -> str | None:
        """Slack's word for the refusal of a chart of its own within a day; ``None`` where there was none."""
        if self._charts_refused is None or self._clock.monotonic() - self._charts_refused[1] >= CHARTS_AGAIN:
            return None
        return self._charts_refused[0]

    def recall(self, team_id: str | None, charts_refused: str | None = None) -> None:
        """Take this for our own workspace until Slack says which it is: an earlier run was told so.

        ``charts_refused``: what it was told of charts.
        """
        self._recalled = team_id
        self._charts_refused = None if charts_refused is None else (charts_refused, self._clock.monotonic())

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
            self._warn_once(self._auth_outage, str(error))
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
        if set(channels) != set(self._channels):
            self._channels, self._membership, self._posted_to = channels, None, {}
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
        if not is_id(post.channel):
            self._posted_to[post.channel] = posted.channel_id
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
                    await self._find_channels()
        if self.id_of(post.channel) is None:
            raise DeliveryError(NOT_LISTED) if self._dead_token is None else self._dead_token
        post = self._by_id(post)
        try:
            return await self._client.find(post, since=since)
        except DeliveryError as error:
            if error.code != "not_in_channel":
                raise
            await self._find_channels()  # somebody put the bot out of a public channel: it may join again
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
            self._warn_once(self._auth_outage, f"Slack does not answer ({error.code}): messages wait for it")
            return
        if self._identity is None:
            log.info("Slack: posting to the workspace %s", identity.team)
            _warn_of_organisation(identity)
        self._identity = identity
        if times := self._auth_outage.ended():
            log.info("Slack answers again, after %d times that it did not", times)
            self._recovered()

    async def _find_channels(self) -> None:
        """Ask Slack for the ids of the channels, and leave it for later where it does not answer."""
        async with self._one_listing:
            await self._list_channels()

    async def _list_channels(self) -> None:
        before = self.problems
        try:
            self._membership = await look_up(self._client, self._listing, self._channels, logged=before)
            if before.keys() - self.problems.keys():
                self._recovered()
            if times := self._listing_outage.ended():
                log.info("Slack lists its channels again, after %d times that it did not", times)
        except DeliveryError as error:
            if error.permanent and error.code not in DEAD_TOKEN:
                self._membership = unlisted(error, self._channels, self._membership)
            else:
                self._dead_token = error if error.code in DEAD_TOKEN else None
                self._warn_once(
                    self._listing_outage, f"Slack does not list its channels ({error.code}): messages wait for it"
                )

    async def _find_and_check_channels(self, found: asyncio.Event) -> None:
        """Look for the channels, say so, and check regularly from then on."""
        await self._find_channels()
        found.set()
        await self._check_regularly()

    async def _check_regularly(self) -> None:
        """Check now and then that Slack knows us, and look again for channels that were not found or not joined."""
        while True:
            answers = self._membership is not None and self._auth_outage.cause is None
            await self._clock.sleep(RECHECK if answers else RETRY)
            try:
                await self._identify()
            except CredentialsError as error:
                self._warn_once(self._auth_outage, str(error))
            if self._membership is None or self._membership.problems:
                await self._find_channels()

    def _warn_once(self, outage: Outage, trouble: str) -> None:
        """Log why a call fails, each cause once until it succeeds."""
        if outage.is_news(trouble):
            log.warning("%s", trouble)

    async def _command(self, command: SlashCommand) -> None:
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

    async def _click(self, click: Click) -> None:
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
        if self.team_id is None:
            log.warning("%s was refused: Slack has not said yet which workspace is our own", what)
            return NOT_YET
        if asked.team_id == self.team_id:
            return None
        log.warning("%s from another workspace (%s) was refused", what, asked.team_id)
        return OWN_WORKSPACE_ONLY

    def _requester(self, asked: SlashCommand | Click) -> Requester:
        """Who asks where; the channel by its name in the configuration, since Slack calls all private ones alike."""
        ids = {} if self._membership is None else self._membership.ids
        own = [name for name, channel_id in ids.items() if channel_id == asked.channel_id]
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


def _warn_of_organisation(identity: Identity) -> None:
    if identity.organisation is not None:
        log.error(
            "the Slack app is installed for the whole organisation %s, and alertbot works in one workspace: commands"
            " and clicks are refused, and channels may not be found; install it in the workspace that holds them",
            identity.organisation,
        )
