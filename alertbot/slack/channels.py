"""The channels messages go to: their ids, and whether their history can be read.

A channel that the configuration gives by its id is asked for alone: only names need the listing of all channels, which
takes minutes in a large workspace, and may never end where Slack has no patience for it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from alertbot.errors import DeliveryError
from alertbot.slack.client import Channel, SlackClient
from alertbot.words import listed

log = logging.getLogger(__name__)

_ID = re.compile(r"[CGD][A-Z0-9]{2,}")
_NOT_FOUND = (
    "not found: create it, or if it is private, /invite the bot there; until then a lost message cannot be looked for"
    " and may be repeated"
)


@dataclass(frozen=True)
class Membership:
    """The ids of channels by name, and what is wrong with a channel, in words."""

    ids: Mapping[str, str]
    problems: Mapping[str, str]


def is_id(channel: str) -> bool:
    """Whether it is the id of a channel rather than its name."""
    return _ID.fullmatch(channel) is not None


class Listing:
    """Lists the channels page by page, and goes on after a failure where that interrupted it."""

    def __init__(self) -> None:
        self._found: list[Channel] = []
        self._cursor: str | None = None

    async def complete(self, client: SlackClient) -> Sequence[Channel]:
        """Every channel the bot can see; raises ``DeliveryError``, to be called again then."""
        while True:
            try:
                page, self._cursor = await client.channel_page(self._cursor)
            except DeliveryError as error:
                if error.permanent:  # such as a cursor that Slack no longer knows
                    self._found, self._cursor = [], None
                raise
            self._found += page
            if self._cursor is None:
                found, self._found = self._found, []
                return found


async def look_up(
    client: SlackClient, listing: Listing, wanted: Collection[str], *, logged: Mapping[str, str]
) -> Membership:
    """Find the wanted channels (``#name`` or an id) and join the public ones; raises ``DeliveryError``.

    Problems that were ``logged`` before are not logged again. A bot that is no member can post to a public channel, but
    not read its history, which tells what became of a message.
    """
    ids: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name, candidates in (await find(client, listing, wanted)).items():
        if not candidates:
            problems[name] = _NOT_FOUND
            continue
        channel = candidates[0]
        ids[name] = channel.id
        if len(candidates) > 1:
            problems[name] = several(candidates)
        elif not channel.member and (problem := await _join(client, channel)):
            problems[name] = problem
    _log_new(problems, logged)
    return Membership(ids, problems)


async def find(client: SlackClient, listing: Listing, wanted: Collection[str]) -> Mapping[str, Sequence[Channel]]:
    """The channels that each of these names or ids may mean, the likeliest first; raises ``DeliveryError``."""
    seen = () if all(map(is_id, wanted)) else await listing.complete(client)
    return {name: await _by_id(client, name) if is_id(name) else list(_called(name, seen)) for name in wanted}


def _called(name: str, seen: Sequence[Channel]) -> Iterator[Channel]:
    """The channels of that name; of several those that the bot is a member of, where it is of any."""
    of_the_name = sorted((each for each in seen if each.name == name.removeprefix("#")), key=lambda each: each.id)
    mine = [each for each in of_the_name if each.member]
    yield from mine or of_the_name


def several(candidates: Sequence[Channel]) -> str:
    """What is wrong where several channels have the name that the configuration gives."""
    ids = listed((each.id for each in candidates), len(candidates))
    return f"{ids} have this name, and messages go to {candidates[0].id}: name the one you mean by its id"


async def _by_id(client: SlackClient, channel_id: str) -> Sequence[Channel]:
    """The channel of that id, where there is one that the bot can see; as it is where Slack does not say."""
    as_it_is = Channel(channel_id, channel_id, private=True, member=True)
    if channel_id.startswith("D"):  # a direct message
        return [as_it_is]
    try:
        return [await client.channel(channel_id)]
    except DeliveryError as error:
        if error.code == "channel_not_found":
            return ()
        if not error.permanent:
            raise
        return [as_it_is]


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
