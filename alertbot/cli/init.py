"""``alertbot init``: asks the API what the account carries, and writes a first configuration file that fits."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

import numpy as np

from alertbot.cli.csv_history import CsvHistory, SeriesHistory
from alertbot.cli.starter import starter
from alertbot.cli.starter_file import LISTED, Account, text
from alertbot.cli.terminal import say
from alertbot.clock import Clock, SystemClock
from alertbot.config import load
from alertbot.config.credentials import read_credentials, require_api_token
from alertbot.config.domains import domain_name
from alertbot.config.load import folder_of_unit
from alertbot.config.settings import FeedSettings, feed_at
from alertbot.errors import (
    AlertbotError,
    CredentialsError,
    FeedElsewhere,
    FeedError,
    FeedRefused,
    FeedUnknownDomain,
    UsageError,
)
from alertbot.feed.api import ALL, CdnApi
from alertbot.feed.budget import Budget
from alertbot.feed.last_week import DAYS, LastWeek, last_week_span, read_last_week
from alertbot.feed.quotas import Priority
from alertbot.feed.reader import REFUSED_TOKEN
from alertbot.messages.incidents import hours
from alertbot.ops.logs import Secrets, set_up
from alertbot.ops.progress import Reporter, history_reporter
from alertbot.query.silent import silent_hours
from alertbot.rules.base import Array
from alertbot.rules.grid import Grid
from alertbot.units import SLOT
from alertbot.words import counted, did_you_mean, listed

_ANOTHER = "name another file with -o, or replace it with --force"

_ELSEWHERE = "name another place with -o, or use sudo"

_MOST_NAMED = 10
_TEN_PAY = 10
"""From so many domains on it saves calls to ask for ten in one."""


def initialize(target: Path, domains: Sequence[str], base_url: str, timezone: str, *, force: bool) -> None:
    """Write ``target``; ``UsageError`` where it exists, or a domain, the URL or the zone cannot be right."""
    _check_target(target, force=force)
    credentials = read_credentials(os.environ, folder_of_unit(target))
    token = require_api_token(credentials)
    try:
        names, feed = tuple(dict.fromkeys(map(domain_name, domains))), feed_at(base_url, timezone)
    except ValueError as error:
        raise UsageError(str(error)) from None
    set_up(Secrets(credentials.secrets), journal=False)
    clock = SystemClock()

    async def work() -> Account:
        budget = Budget(feed.calls_per_minute, clock)
        api = CdnApi(feed.base_url, token, feed.zone, budget=budget, clock=clock)
        try:
            return await explore(api, names, clock, feed, history_reporter())
        finally:
            await api.aclose()

    account = asyncio.run(work())
    _write(target, text(account), force=force)
    watched = counted(len(account.domains), "domain")
    say(f"{target}: {watched}. Put your Slack channel in, then: alertbot check")
    _say_left_out(account)


def _say_left_out(account: Account) -> None:
    left_out = {
        "carried nothing in the last days": account.silent,
        "too small to wake anybody for": account.small,
        "could not be read": account.missed,
    }
    for what, found in left_out.items():
        if found:
            say(f"{counted(len(found), 'domain')} {what}: {listed(found, _MOST_NAMED)}")


async def explore(api: CdnApi, domains: Sequence[str], clock: Clock, feed: FeedSettings, progress: Reporter) -> Account:
    """What the account carried in the last days, and the rules that fit; ``AlertbotError`` where the API fails."""
    names, total, lately = await _read(api, domains, clock, feed, progress)
    read = [name for name in names if name in lately.values]
    slots = np.arange(lately.first, lately.last + SLOT, SLOT)
    history = CsvHistory({name: SeriesHistory(slots, lately.values[name]) for name in read})
    found = starter(history, total)
    peaks = {name: float(np.nanmax(lately.values[name], initial=0.0)) for name in read}
    return Account(
        domains=names,
        listed=bool(domains) or len(names) <= LISTED,
        silent=[name for name in read if not np.nansum(lately.values[name]) > 0],
        nightly=_nightly(lately, read),
        small=[name for name in read if 0 < peaks[name] < found.floors["went-dark"]],
        missed=sorted(lately.missed),
        feed=_feed_lines(feed, len(names), each_domain=lately.each_domain),
        days=DAYS,
        starter=found,
        peak=None if total is None else float(total.max()),
    )


async def _read(
    api: CdnApi, domains: Sequence[str], clock: Clock, feed: FeedSettings, progress: Reporter
) -> tuple[tuple[str, ...], Array | None, LastWeek]:
    """The domains, by default the account's, its total and what they carried lately."""
    try:
        names = tuple(domains) or await _listed(api)
        total = await _total(api, clock.time())
        lately = await read_last_week(
            api, names, clock.time(), each_domain=len(names) >= _TEN_PAY, progress=progress, priority=Priority.POLL
        )
        _check(lately, names, await _listed(api) if _unknown(lately) else ())
    except FeedRefused as error:
        raise _refusal(error) from None
    except FeedElsewhere as error:
        raise AlertbotError(f"{error}: say with --timezone in which zone the API reads times") from None
    except FeedError as error:
        raise AlertbotError(f"{error}: check that this machine reaches {feed.base_url}, and try again") from None
    return names, total, lately


def _nightly(lately: LastWeek, read: Sequence[str]) -> list[str]:
    """The domains that are silent at some time of day, each with when, in the zone of the file."""
    carried = [name for name in read if np.nansum(lately.values[name]) > 0]
    grid = Grid(carried)
    for name in carried:
        grid.put(name, lately.first, lately.values[name])
    return [f"{each.domain}{hours(each, UTC)}" for each in silent_hours(grid, UTC, lately.last)]


async def _listed(api: CdnApi) -> tuple[str, ...]:
    found = []
    for name in await api.domains():
        try:
            found.append(domain_name(name))
        except ValueError as error:
            say(f"left out: {error}", err=True)
    if not found:
        raise AlertbotError("the account serves no domain: name those that you want to watch with --domain")
    return tuple(dict.fromkeys(found))


async def _total(api: CdnApi, now: float) -> Array | None:
    """The account's last days; ``None`` where its total is not permitted."""
    first, last = last_week_span(now)
    try:
        answer = await api.bandwidth(ALL, first, last)
    except FeedRefused as error:
        if error.code == REFUSED_TOKEN:
            raise
        return None
    return np.array([answer.values.get(slot, 0.0) for slot in range(first, last + 1, SLOT)])


def _unknown(lately: LastWeek) -> list[str]:
    return [name for name, error in lately.missed.items() if isinstance(error, FeedUnknownDomain)]


def _check(lately: LastWeek, names: Sequence[str], listed: Sequence[str]) -> None:
    """Raise an error where a domain does not exist or none could be read; name those that could not be."""
    if unknown := _unknown(lately):
        raise UsageError(f"the account has no domain {unknown[0]}{did_you_mean(unknown[0], listed)}")
    if not lately.values:
        raise next(iter(lately.missed.values()))
    for name, error in list(lately.missed.items())[:5]:
        say(f"{name} could not be read: {error.cause}", err=True)
    if len(lately.values) + len(lately.missed) < len(names):
        raise next(iter(lately.missed.values()))


def _refusal(error: FeedRefused) -> AlertbotError:
    if error.code == REFUSED_TOKEN:
        return CredentialsError(
            f"the API refuses the token ({error.cause}): check ALERTBOT_API_TOKEN, or the credential api_token"
        )
    if error.call.startswith("domain/list"):
        return AlertbotError(f"{error}: name the domains with --domain, or ask the vendor's support for domain/list")
    return AlertbotError(f"{error}: check --base-url, or ask the vendor's support for the permission")


def _feed_lines(feed: FeedSettings, domains: int, *, each_domain: bool) -> list[str]:
    default = FeedSettings()
    lines = []
    if feed.base_url != default.base_url:
        lines.append(f'base_url    = "{feed.base_url}"')
    if feed.zone != default.zone:
        lines.append(f'timezone    = "{feed.zone.key}"      # the zone in which the API reads times')
    if each_domain and domains >= _TEN_PAY:
        lines.append("each_domain = true                      # ten domains a call, which this account is permitted to")
    return lines


def _check_target(target: Path, *, force: bool) -> None:
    """Say what is wrong with the place of the file before the API is asked for long."""
    try:
        if target.is_dir():
            raise UsageError(f"{target} is a folder: name a file in it with -o")
        if target.exists() and not force:
            raise UsageError(f"{target} is there already: {_ANOTHER}")
        there = target.parent.is_dir()
    except OSError as error:
        raise AlertbotError(f"{target} cannot be written: {error.strerror}: {_ELSEWHERE}") from error
    if not there:
        raise UsageError(f"{target}: there is no folder {target.parent}: make it first")
    if not os.access(target.parent, os.W_OK):
        raise AlertbotError(f"{target} cannot be written: {_ELSEWHERE}")


def _write(target: Path, content: str, *, force: bool) -> None:
    """Write the whole file or nothing; without ``force`` a file that has appeared meanwhile is left alone."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            part = Path(file.name)
            try:
                file.write(content)
                file.flush()
                part.chmod(0o644)
                load(part)
                if force:
                    part.replace(target)
                else:
                    os.link(part, target)
            finally:
                part.unlink(missing_ok=True)
    except FileExistsError:
        raise UsageError(f"{target} is there already: {_ANOTHER}") from None
    except OSError as error:
        raise AlertbotError(f"{target} cannot be written: {error.strerror}: {_ELSEWHERE}") from error
