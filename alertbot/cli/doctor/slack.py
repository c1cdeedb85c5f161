"""Checks Slack: tokens, scopes, channels, and with ``--post`` whether a click comes all the way back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence

from alertbot.cli.doctor.findings import (
    Finding,
    clock_finding,
    failed,
    in_readme,
    limited,
    named,
    ok,
    skipped,
    split_mend,
    warning,
)
from alertbot.cli.doctor.network import how_to_reach
from alertbot.cli.terminal import say
from alertbot.clock import Clock
from alertbot.config import Config
from alertbot.config.credentials import Credentials
from alertbot.errors import CredentialsError, DeliveryError
from alertbot.messages.blocks import Message, actions, button, section
from alertbot.messages.slack import mention_markup
from alertbot.rules.base import Severity
from alertbot.slack.channels import Listing, find
from alertbot.slack.client import Channel, Post, SlackClient
from alertbot.slack.manifest import SCOPES
from alertbot.slack.socket_mode import Click, SlashCommand, SocketListener, check_app_token

CALL = 8
"""Seconds for a call."""

CHECK = 30.0

PATIENCE = 60.0
"""Seconds for which a click is awaited."""

HEARD = "doctor"
"""The button's action id. A running service that is handed the click answers it as it does any it does not know."""

_JOIN = "channels:join"
_INSTALL = "Paste what `alertbot manifest` prints under App Manifest, and install the app again."
_BUSY = Message("`alertbot doctor` is at work for a minute and heard this instead: please do it once more then.")


async def check_slack(config: Config, credentials: Credentials, clock: Clock) -> Sequence[Finding]:
    """Whether the bot's token is right, what it may do and where; then whether the app's token is right."""
    bot, app = await asyncio.gather(
        limited("Slack", lambda: _bot(config, credentials, clock), CHECK),
        limited("Slack app token", lambda: _app(config, credentials), CHECK),
    )
    return [*bot, *app]


async def _bot(config: Config, credentials: Credentials, clock: Clock) -> Sequence[Finding]:
    token = credentials.slack_bot_token
    if token is None:
        create = f"Create the app ({in_readme('4. Create the Slack app')})"
        mend = f"{create}, and set ALERTBOT_SLACK_BOT_TOKEN or the credential slack_bot_token."
        if credentials.slack_app_token is not None:
            return [failed("Slack bot token", "there is none, but an app token", mend)]
        return [warning("Slack bot token", "there is none, so messages are only printed to the log", mend)]
    client = SlackClient(token, config.slack.base_url, timeout=CALL)
    try:
        identity = await client.auth_test()
    except CredentialsError as error:
        return [failed("Slack bot token", *split_mend(error)), skipped("Slack channels", "the bot token is refused")]
    except DeliveryError as error:
        mend = how_to_reach("[slack] base_url", error.code)
        return [failed("Slack", f"{config.slack.base_url} does not answer ({error.code})", mend)]
    found = [ok("Slack bot token", f"accepted by the workspace {identity.team}"), _scopes(client.granted)]
    if client.time is not None:
        found.append(clock_finding("clock (Slack)", clock.time() - client.time, "Slack's"))
    return [*found, *await _channels(client, config.channels)]


def _scopes(granted: frozenset[str] | None) -> Finding:
    if granted is None:
        return skipped("Slack scopes", "Slack does not say what the token may do")
    missing = [scope for scope in SCOPES if scope not in granted]
    if missing:
        return failed("Slack scopes", f"the bot token lacks {', '.join(missing)}", _INSTALL)
    return ok("Slack scopes", f"all {len(SCOPES)} are granted")


async def _channels(client: SlackClient, wanted: Sequence[str]) -> Sequence[Finding]:
    """Whether the bot is in each channel a message may go to."""
    try:
        meant = await find(client, Listing(), wanted)
    except DeliveryError as error:
        mend = _INSTALL if error.code == "missing_scope" else "Try again."
        return [failed("Slack channels", f"they cannot be listed ({error.code})", mend)]
    found, joined = [], []
    may_join = client.granted is None or _JOIN in client.granted
    for name, channels in meant.items():
        channel = channels[0] if channels else None
        if len(channels) > 1:
            found.append(_ambiguous(name, channels))
        elif name.startswith("D"):  # a direct message, of which nothing is to be found out
            continue
        elif channel is not None and channel.member:
            joined.append(name)
        else:
            found.append(_absent(name, channel, may_join=may_join))
    if joined:
        found.append(ok("Slack channels", f"the bot is a member of {named(joined)}"))
    return found


def _ambiguous(name: str, channels: Sequence[Channel]) -> Finding:
    ids = named([channel.id for channel in channels])
    mend = f"Name the one you mean by its id in place of {name}: its details in Slack show it."
    return warning("Slack channels", f"{ids} have the name {name} each, and messages go to {channels[0].id}", mend)


def _absent(name: str, channel: Channel | None, *, may_join: bool) -> Finding:
    if channel is None:
        what = f"{name} is not there, or private without the bot: not a member"
        return failed("Slack channels", what, f"Create it, or type /invite @alertbot in {name}.")
    if channel.private or not may_join:
        return failed("Slack channels", f"the bot is not a member of {name}", f"Type /invite @alertbot in {name}.")
    mend = f"alertbot run joins it, since it is public; or type /invite @alertbot in {name}."
    return warning("Slack channels", f"the bot is not a member of {name} yet", mend)


async def _app(config: Config, credentials: Credentials) -> Sequence[Finding]:
    token = credentials.slack_app_token
    if token is None:
        mend = "Set ALERTBOT_SLACK_APP_TOKEN (xapp-...), or the credential slack_app_token."
        return [warning("Slack app token", "there is none, so neither commands nor clicks arrive", mend)]
    try:
        await check_app_token(token, config.slack.base_url)
    except CredentialsError as error:
        return [failed("Slack app token", *split_mend(error))]
    except DeliveryError as error:
        return [failed("Slack app token", f"Slack does not say whether it takes it ({error.code})", "Try again.")]
    return [ok("Slack app token", "accepted, so commands and clicks can arrive")]


async def await_click(
    config: Config, credentials: Credentials, *, runs: bool, mention: bool = False, patience: float = PATIENCE
) -> Sequence[Finding]:
    """Post a button and wait for somebody to click it; ``runs``: the service is connected as well.

    ``mention``: as a critical alert, which calls those that one calls.
    """
    bot, app, check = credentials.slack_bot_token, credentials.slack_app_token, "Slack click"
    if bot is None or app is None:
        return [skipped(check, "nothing is posted, since a Slack token is missing")]
    try:
        return [
            await _Waiting(
                SlackClient(bot, config.slack.base_url, timeout=CALL), app, config, _test_text(config, mention=mention)
            ).click(runs, patience)
        ]
    except CredentialsError as error:
        return [failed(check, *split_mend(error))]
    except DeliveryError as error:
        mend = f"See the channels above, or type /invite @alertbot in {config.slack.channel}."
        return [failed(check, f"Slack does not take a message for {config.slack.channel} ({error.code})", mend)]


def _test_text(config: Config, *, mention: bool) -> str:
    """What is posted, and, where it is to ``mention``, whom a critical alert calls."""
    if not mention:
        return "alertbot doctor: this is what a message looks like. Click the button within a minute."
    called = config.slack.mention.get(Severity.CRITICAL.value)
    whom = "nobody, as [slack] mention has it" if called is None else mention_markup(called)
    return f"This is a test by alertbot doctor, nothing is wrong: a critical alert calls {whom}. Click the button."


class _Waiting:
    """One button, which this process alone knows by its value."""

    def __init__(self, client: SlackClient, app_token: str, config: Config, text: str) -> None:
        self._client = client
        self._text = text
        self._config = config
        self._value = secrets.token_hex(8)
        self._clicked: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._listener = SocketListener(app_token, self._command, self._click, base_url=config.slack.base_url)

    async def click(self, runs: bool, patience: float) -> Finding:  # noqa: FBT001 - one caller
        where = self._config.slack.channel
        await self._listener.start()
        try:
            row = actions(button("It works", HEARD, self._value, style="primary"))
            message = Message(self._text, (section(self._text), row))
            posted = await self._client.post(Post(where, message, f"doctor-{self._value}"))
            say(f"A message with a button is posted to {where}: click it.", err=True)
            who = await self._within(patience)
            ending = "nobody clicked the button in time." if who is None else f"the click of {who} arrived."
            await self._client.update(posted.channel_id, posted.ts, Message(f"alertbot doctor: {ending}"))
        finally:
            await self._listener.stop()
        if who is not None:
            return ok("Slack click", f"posted to {where}, and the click of {who} arrived")
        what = f"posted to {where}, but no click arrived within {patience:.0f} s"
        if runs:
            mend = "Slack may have handed it to the running service: stop that, then try again."
            return warning("Slack click", what, mend)
        return failed("Slack click", what, "Click sooner; or the app lacks Interactivity: paste its manifest again.")

    async def _within(self, patience: float) -> str | None:
        try:
            return await asyncio.wait_for(self._clicked, patience)
        except TimeoutError:
            return None

    async def _click(self, click: Click) -> None:
        if (click.action_id, click.value) != (HEARD, self._value):
            await self._client.respond(click.response_url, _BUSY)
        elif not self._clicked.done():
            self._clicked.set_result(click.user_name)

    async def _command(self, command: SlashCommand) -> None:
        await self._client.respond(command.response_url, _BUSY)
