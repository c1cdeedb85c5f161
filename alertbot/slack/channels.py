"""The channels messages go to: their ids, and whether their history can be read."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from alertbot.errors import DeliveryError
from alertbot.slack.client import Channel, SlackClient

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Membership:
    """The ids of channels by name, and what is wrong with a channel, in words."""

    ids: Mapping[str, str]
    problems: Mapping[str, str]


async def look_up(client: SlackClient, wanted: Collection[str], *, logged: Mapping[str, str]) -> Membership:
    """Find the wanted channels (``#name`` or an id) and join the public ones; raises ``DeliveryError``.

    Problems that were ``logged`` before are not logged again. A bot that is no member can post to a public channel, but
    not read its history, which tells what became of a message.
    """
    seen = {channel.name: channel for channel in await client.channels()}
    by_id = {channel.id: channel for channel in seen.values()}
    ids: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name in wanted:
        channel = seen.get(name.removeprefix("#")) or by_id.get(name)
        if channel is None:
            problems[name] = (
                "not found: create it, or if it is private, /invite the bot there; until then a lost message cannot be"
                " looked for and may be repeated"
            )
            continue
        ids[name] = channel.id
        if not channel.member and (problem := await _join(client, channel)):
            problems[name] = problem
    _log_new(problems, logged)
    return Membership(ids, problems)


def unlisted(error: DeliveryError, wanted: Collection[str], before: Membership | None) -> Membership:
    """The membership where Slack does not list its channels: known ids stay, other names are used as they are."""
    ids = {} if before is None else before.ids
    problem = (
        f"its id is not known, since Slack does not list its channels ({error.code}): a lost message cannot be looked"
        " for and may be repeated; name the channel by its id, or give the app the scopes of `alertbot manifest`"
    )
    problems = {name: problem for name in wanted if name.startswith("#") and name not in ids}
    _log_new(problems, {} if before is None else before.problems)
    return Membership(ids, problems)


def _log_new(problems: Mapping[str, str], logged: Mapping[str, str]) -> None:
    for name, problem in problems.items():
        if logged.get(name) != problem:
            log.warning("Slack channel %s: %s", name, problem)


async def _join(client: SlackClient, channel: Channel) -> str | None:
    try:
        await client.join(channel.id)
    except DeliveryError as error:
        if not error.permanent:
            raise
        return f"the bot is no member ({error.code}), so a lost message may be repeated there: /invite it"
    log.info("joined the Slack channel #%s", channel.name)
    return None
