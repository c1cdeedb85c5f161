"""Checks the statistics API: whether it answers, takes the token, permits the calls and reads times as configured."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from alertbot.cli.doctor.domains import AccountCheck, ReadStored
from alertbot.cli.doctor.findings import Finding, clock_finding, failed, limited, ok, skipped, warning
from alertbot.cli.doctor.network import how_to_reach
from alertbot.clock import Clock
from alertbot.config import Config
from alertbot.errors import (
    FeedElsewhere,
    FeedError,
    FeedRefused,
    FeedThrottled,
    FeedUnauthorised,
    FeedUnreachable,
)
from alertbot.feed.api import ALL, Answer, CdnApi
from alertbot.feed.budget import Budget
from alertbot.feed.quotas import Priority
from alertbot.feed.reader import REFUSED_TOKEN
from alertbot.units import DAY, SLOT, format_clock, format_duration, slot_at

CALL = 8.0
"""Seconds for one attempt at a call; the client makes up to three."""

CHECK = 30.0
"""Seconds for a check of a few calls."""

READ = 60.0
"""Seconds for reading what domains carried lately."""

RECENT = 2 * 3600
OLD = 45 * 60
"""Seconds after its end at which an account's newest slot is late, whatever its usual lag."""

SURE = 26 * 3600
"""Seconds back from which no zone, however wrong, leads into the future."""

_NOT_FOUND = 404

CHECKS = ("API", "API token", "permission", "time zone", "data", "clock (API)", "rate limit", "domains", "coverage")


@dataclass(frozen=True)
class _FirstAnswer:
    """The first answer, None where the API reads times otherwise, and whether the total is permitted.

    ``domains``: what to ask for in further calls: the total, or a domain where that is refused.
    """

    answer: Answer | None
    permission: Finding
    domains: Sequence[str]


async def check_feed(config: Config, token: str | None, clock: Clock, stored: ReadStored) -> Sequence[Finding]:
    """Everything about the statistics API, in the order of ``CHECKS``."""
    if token is None:
        mend = "Set ALERTBOT_API_TOKEN, or put it into the systemd credential api_token."
        return [failed("API token", "there is none", mend), *_skipped_but({"API token"}, "the API token is missing")]
    budget = Budget(config.feed.calls_per_minute, clock)
    check = _FeedCheck(config, token, clock, budget)
    try:
        return await check.findings(stored)
    finally:
        await check.api.aclose()


class _FeedCheck:
    """Checks one account's API in the configured zone; goes by the API's own time once that is known."""

    def __init__(self, config: Config, token: str, clock: Clock, budget: Budget) -> None:
        self._config = config
        self._token = token
        self._clock = clock
        self._budget = budget
        self._now = clock.time()
        self.api = self._client(config.feed.zone)

    async def findings(self, stored: ReadStored) -> Sequence[Finding]:
        began = self._clock.monotonic()
        try:
            first = await self._first_answer()
        except FeedError as error:
            return _refused(error, self._config.feed.base_url)
        took = self._clock.monotonic() - began
        skew = self._set_clock(first.answer)
        if first.answer is not None and abs(self._now - self._clock.time()) > RECENT / 2:
            first = replace(first, answer=await self._ask(first.domains))  # what was asked for lay elsewhere
        account = AccountCheck(self._config, self.api, self._budget, self._now)
        zone, each, domains = await asyncio.gather(
            limited("time zone", lambda: self._zone(first.domains), CHECK),
            limited("permission", self._each_domain, CHECK),
            limited("domains", account.domains, CHECK),
        )
        data = self._data(first.answer) if not zone[0].mend else skipped("data", "not looked at: see the time zone")
        return [
            ok("API", f"{self._config.feed.base_url} answered within {took:.1f} s"),
            ok("API token", "accepted"),
            first.permission,
            *each,
            *zone,
            data,
            skipped("clock (API)", "the API does not tell its time") if skew is None else skew,
            account.rate(),
            *domains,
            *await limited("coverage", lambda: account.coverage(stored), READ),
        ]

    async def _first_answer(self) -> _FirstAnswer:
        """``FeedError`` where neither the total nor a domain is answered."""
        permitted = ok("permission", "stat/bandwidth is permitted")
        try:
            return _FirstAnswer(await self._ask(ALL), permitted, ALL)
        except FeedElsewhere:
            return _FirstAnswer(None, permitted, ALL)
        except FeedRefused as error:
            if error.code in {REFUSED_TOKEN, _NOT_FOUND}:
                raise
            what = f"the account's total is refused ({error.cause}), so ten of its domains stand for it"
            less = warning("permission", what, "Ask the vendor's support to permit domains=all for this token.")
            try:
                one = await self._one_domain()
                return _FirstAnswer(await self._ask(one), less, one)
            except FeedElsewhere:
                return _FirstAnswer(None, less, one)
            except FeedError:
                raise error from None

    async def _ask(self, domains: Sequence[str]) -> Answer:
        now = slot_at(self._now)
        return await self.api.bandwidth(domains, now - RECENT, now, priority=Priority.COMMAND)

    async def _one_domain(self) -> Sequence[str]:
        """The first of the domains to watch; ``FeedRefused`` where the account has none."""
        account = await self.api.domains(priority=Priority.COMMAND) if self._config.discovers else ()
        listed = self._config.watched(account)
        if not listed:
            raise FeedRefused("domain/list", "the account serves no domain", 0)
        return listed[:1]

    def _set_clock(self, answer: Answer | None) -> Finding | None:
        if answer is None or answer.server_time is None:
            return None
        self._now = answer.server_time
        return clock_finding("clock (API)", self._clock.time() - answer.server_time, "the API's")

    async def _each_domain(self) -> Sequence[Finding]:
        if not self._config.feed.each_domain:
            return []
        now = slot_at(self._now)
        try:
            await self.api.each_domain(await self._one_domain(), now - RECENT, now, priority=Priority.COMMAND)
        except FeedUnauthorised as error:
            what = f"stat/bandwidth/eachDomain is not permitted ({error.cause}), so each domain takes a call"
            return [warning("permission", what, "Ask the vendor's support for it, or set each_domain = false.")]
        except FeedElsewhere:
            pass
        except FeedError as error:
            return [warning("permission", str(error), "Set each_domain = false if it stays so.")]
        return [ok("permission", "stat/bandwidth/eachDomain is permitted")]

    async def _zone(self, domains: Sequence[str]) -> Sequence[Finding]:
        """Whether buckets of two days ago lie in the hours that were asked for."""
        zone = self._config.feed.zone.key
        try:
            shown = await self._buckets(self.api, domains)
        except FeedElsewhere as error:
            fits = await self._zone_that_fits(domains)
            mend = (
                f'Set [feed] timezone = "{fits}", which fits.' if fits else "Set it to the zone the API reads times in."
            )
            return [failed("time zone", f'[feed] timezone = "{zone}" is not the API\'s ({error.cause})', mend)]
        except FeedError as error:
            return [skipped("time zone", f"not known: {error}")]
        if not shown:
            return [skipped("time zone", "not known, since the account carried nothing two days ago")]
        return [ok("time zone", f"the API reads times in {zone}")]

    async def _zone_that_fits(self, domains: Sequence[str]) -> str | None:
        for name in dict.fromkeys(("Asia/Shanghai", "UTC", self._config.slack.zone.key)):
            client = self._client(ZoneInfo(name))
            try:
                if await self._buckets(client, domains):
                    return name
            except FeedError:
                continue
            finally:
                await client.aclose()
        return None

    async def _buckets(self, api: CdnApi, domains: Sequence[str]) -> bool:
        last = slot_at(self._now) - SURE
        return bool((await api.bandwidth(domains, last - DAY, last, priority=Priority.COMMAND)).values)

    def _data(self, answer: Answer | None) -> Finding:
        if answer is None:
            return skipped("data", "not looked at: see the time zone")
        newest = max((slot for slot, value in answer.values.items() if value > 0), default=None)
        if newest is None:
            what = f"the account shows no traffic within {format_duration(RECENT)}"
            return warning("data", what, "Is it the token of the account that you mean?")
        shown, age = format_clock(newest + SLOT, self._config.slack.zone, self._now), self._now - newest - SLOT
        if newest > self._now:
            return failed("data", f"data of {shown} lies in the future", "See the time zone and the clock.")
        if age > OLD:
            mend = "The CDN publishes late, or all traffic stopped: open a site."
            return warning("data", f"the newest is of {shown}, {format_duration(age)} ago", mend)
        return ok("data", f"up to {shown}, {format_duration(max(age, 0))} old")

    def _client(self, zone: ZoneInfo) -> CdnApi:
        feed = self._config.feed
        return CdnApi(
            feed.base_url,
            self._token,
            zone,
            budget=self._budget,
            clock=self._clock,
            ip_protocol=feed.ip_protocol,
            timeout=CALL,
        )


def _refused(error: FeedError, base_url: str) -> Sequence[Finding]:
    """What it means that the first call got no answer, and which checks cannot be made then."""
    answers = ok("API", f"{base_url} answers")
    if isinstance(error, FeedUnauthorised) and error.code == REFUSED_TOKEN:
        mend = "Put the right one into ALERTBOT_API_TOKEN, or into the systemd credential api_token."
        found = [answers, failed("API token", f"refused ({error.cause})", mend)]
        return [*found, *_skipped_but({"API", "API token"}, "the token is refused")]
    if isinstance(error, FeedUnauthorised):
        what = f"stat/bandwidth is not permitted ({error.cause})"
        mend = "Ask the vendor's support to permit it for this token: such permissions are off until they do."
        found = [answers, ok("API token", "accepted"), failed("permission", what, mend)]
        return [*found, *_skipped_but({"API", "API token", "permission"}, "there is no permission")]
    if isinstance(error, FeedThrottled):
        mend = "Something else uses this token: lower its calls, or give alertbot a token of its own."
        found = [answers, failed("rate limit", error.cause, mend)]
        return [*found, *_skipped_but({"API", "rate limit"}, "the API takes no more calls")]
    how = "does not answer" if isinstance(error, FeedUnreachable) else "does not answer as the statistics API does"
    what, mend = f"{base_url} {how} ({error.cause})", how_to_reach("[feed] base_url", error.cause)
    return [failed("API", what, mend), *_skipped_but({"API"}, "the API gives no answer")]


def _skipped_but(found: set[str], why: str) -> list[Finding]:
    return [skipped(check, f"not looked at, since {why}") for check in CHECKS if check not in found]
