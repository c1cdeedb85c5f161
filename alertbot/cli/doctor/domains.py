"""Checks what is watched: whether the account has it, whether the calls suffice, whether rules can fire on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from alertbot.cli.doctor.coverage import coverage, largest_first
from alertbot.cli.doctor.findings import Finding, failed, in_help, named, ok, skipped, warning
from alertbot.config import Config
from alertbot.config.domains import usable
from alertbot.config.watch import Watch, lay_out
from alertbot.errors import FeedError
from alertbot.feed.api import ALL, CdnApi
from alertbot.feed.budget import Budget
from alertbot.feed.last_week import DAYS, LastWeek, read_last_week
from alertbot.feed.plan import plan_calls
from alertbot.feed.quotas import Priority
from alertbot.feed.reader import DOMAINS_A_CALL
from alertbot.messages.incidents import hours
from alertbot.query.silent import silent_hours
from alertbot.rules.base import Array
from alertbot.rules.grid import Grid
from alertbot.rules.selection import unmatched
from alertbot.units import SLOT, format_rate
from alertbot.words import counted, nearest

MOST_READ = 100
"""How many domains without history are read at most: a service that runs needs the calls, too."""

_MOST_COMPARED = 5
_CROWDED = 0.8
"""The share of the budget over which little is left for commands and for what goes wrong."""

ReadStored = Callable[[Sequence[str], float], Mapping[str, Array]]
"""What is stored of these domains' last days before a time, bit/s; nothing of those of which nothing is."""


class AccountCheck:
    """Checks an account's domains against a configuration at ``now``, epoch seconds."""

    def __init__(self, config: Config, api: CdnApi, budget: Budget, now: float) -> None:
        self._config = config
        self._api = api
        self._budget = budget
        self._now = now
        self._watch: Watch | None = None if config.discovers else lay_out(config, config.watched())

    async def domains(self) -> Sequence[Finding]:
        """Whether the account has what is watched."""
        try:
            listed = usable(await self._api.domains(priority=Priority.COMMAND))
        except FeedError as error:
            return [self._unlisted(error)]
        if not self._config.discovers:
            return [_served(self._config.watched(), listed)]
        self._watch = lay_out(self._config, self._config.watched(listed))
        if not self._watch.domains:
            what = f"none of the account's {counted(len(listed), 'domain')} is watched"
            return [failed("domains", what, "See [watch] except, and whether it is the right account.")]
        watches = f"{len(self._watch.domains):,} of the account's {len(listed):,} are watched"
        return [ok("domains", watches), *_unmatched(self._config, self._watch, listed)]

    def _unlisted(self, error: FeedError) -> Finding:
        what = f"the account's domains cannot be listed ({error.cause})"
        mend = "Ask the vendor's support to permit domain/list for this token"
        if self._config.discovers:
            return failed("domains", what, f"{mend}, or list the domains under [watch].")
        return warning("domains", f"{what}, so nobody knows whether those under [watch] exist", f"{mend}.")

    def rate(self) -> Finding:
        """Whether the calls that one slot takes may be made within five minutes."""
        feed, stated = self._config.feed, self._budget.stated()
        allowed, limit = feed.calls_per_minute, "the server states no limit"
        if stated is not None:
            allowed = min(allowed, stated[0])
            limit = f"the server allows {stated[0]:,} a minute and has {stated[1]:,} left"
        if self._watch is None:
            return skipped("rate limit", f"which domains are watched is not known; {limit}")
        need, budget = _calls(self._watch, each_domain=feed.each_domain) + SLOT // feed.probe, allowed * SLOT // 60
        what = f"a 5-minute slot takes {need:,} of {budget:,} calls; {limit}"
        ten = "" if feed.each_domain else "Set each_domain = true (ten domains a call, where permitted), "
        mend = f"{ten or 'Watch fewer domains, '}or give a second alertbot half of them and a token of its own."
        if need > budget:
            return failed("rate limit", f"{what}: alerts would come ever later", mend)
        if need > _CROWDED * budget:
            return warning("rate limit", what, mend)
        if stated is not None and stated[1] < stated[0] // 10:
            return warning("rate limit", f"{what}: something else uses the token", "Give alertbot a token of its own.")
        return ok("rate limit", what)

    async def coverage(self, stored: ReadStored) -> Sequence[Finding]:
        """Which domains no rule can ever fire on, or would not when they go dark, by what they carried lately."""
        watch = self._watch
        if watch is None or not watch.domains:
            return [skipped("coverage", "which domains are watched is not known")]
        lately = dict(await asyncio.to_thread(stored, watch.domains, self._now))
        fresh = [domain for domain in watch.domains if domain not in lately]
        read = await read_last_week(
            self._api,
            fresh[:MOST_READ],
            self._now,
            each_domain=self._config.feed.each_domain,
            progress=lambda _done, _total: None,
        )
        known = {**lately, **read.values}
        return await asyncio.to_thread(lambda: [*_uncovered(watch, known, read.first), *_silent(watch, known, read)])


def _served(watched: Sequence[str], listed: Sequence[str]) -> Finding:
    known = {name.lower() for name in listed}
    unknown = [domain for domain in watched if domain not in known]
    if not unknown:
        return ok("domains", f"the account serves all {len(watched):,} of them")
    near = {domain: nearest(domain, listed) for domain in unknown[:_MOST_COMPARED]}
    hints = [f"{domain} (nearest: {near[domain]})" if near.get(domain) else domain for domain in unknown]
    return failed(
        "domains", f"the account does not serve {named(hints)}", "Mend the name under [watch], or take it out."
    )


def _unmatched(config: Config, watch: Watch, listed: Sequence[str]) -> Iterator[Finding]:
    """Patterns that match no domain, which only shows once the account's domains are known."""
    domains, groups = watch.domains, watch.groups
    found = [("[watch] except", unmatched(config.watch.except_, listed, ()))]
    found += [(f'group "{each.name}"', unmatched(each.domains, domains, ())) for each in config.groups]
    found += [
        (f'rule "{each.name}"', unmatched((*each.domains, *each.except_), domains, groups)) for each in config.rules
    ]
    found += [("a mute", unmatched(mute.domains, domains, groups)) for mute in config.mutes]
    for where, patterns in found:
        if patterns:
            texts = named([f'"{pattern}"' for pattern in patterns])
            yield warning("domains", f"{where}: {texts} matches no watched domain", "Mend it, or take it out.")


def _calls(watch: Watch, *, each_domain: bool) -> int:
    """How many calls read every series once."""
    calls = [call for plan in plan_calls(watch.domains, watch.groups).values() for call in plan]
    single = sum(len(call) == 1 and call != ALL for call in calls)
    return len(calls) - (single - -(-single // DOMAINS_A_CALL) if each_domain else 0)


def _uncovered(watch: Watch, lately: Mapping[str, Array], first: int) -> Iterator[Finding]:
    found = coverage(watch, lately, first)
    if found.unruled:
        what = f"no rule means {named(found.unruled)}"
        yield warning("coverage", what, "Add them to a rule's domains, or leave them out under [watch].")
    if found.low:
        what = f"no rule can fire on {_by_peak(found.low)}: in {DAYS} days they stayed under every from and floor"
        yield warning("coverage", what, "Lower from or floor for them, or give them a rule of their own.")
    if found.unseen:
        what = f"nothing would be posted if these went dark: {_by_peak(found.unseen)}, by their last {DAYS} days"
        mend = f'Write a drop with to = "0 bps" and a lower from for them ({in_help("rules", "`drop`")}).'
        yield warning("coverage", what, mend)
    if found.silent:
        what = f"{named(found.silent)} carried nothing in {DAYS} days, so that no rule can fire"
        yield warning("coverage", what, "Leave them out under [watch] except, or wait for their traffic.")
    unread = len(watch.domains) - sum(domain in lately for domain in watch.domains)
    if unread and len(found.unruled) < len(watch.domains):
        what = f"of {counted(unread, 'domain')} nothing is known yet"
        yield skipped("coverage", f"{what}: look again once the service has fetched their history")
    if not (found.unruled or found.low or found.unseen or found.silent or unread):
        yield ok("coverage", f"a rule fires on each of {counted(len(watch.domains), 'domain')} that goes dark")


def _silent(watch: Watch, lately: Mapping[str, Array], read: LastWeek) -> Iterator[Finding]:
    """The domains that are silent at some time of day, so that no rule posts it then."""
    carried = [domain for domain in watch.domains if domain in lately and np.nansum(lately[domain]) > 0]
    grid = Grid(carried)
    for domain in carried:
        grid.put(domain, read.first, lately[domain])
    found = [f"{each.domain}{hours(each, watch.zone)}" for each in silent_hours(grid, watch.zone, read.last)]
    if found:
        yield ok("silence", f"silent as usual, so not posted at these times: {named(found)}")


def _by_peak(peaks: Mapping[str, float]) -> str:
    return named([f"{domain} (peak {format_rate(peaks[domain])})" for domain in largest_first(peaks)])
