"""Which domains are watched: those that are listed, or the account's, which is asked for them now and then."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from alertbot.clock import Clock
from alertbot.config import Config
from alertbot.config.domains import domain_name
from alertbot.errors import FeedError
from alertbot.feed.api import CdnApi
from alertbot.feed.outages import FeedOutages
from alertbot.incidents.incident import DOMAIN_LIST
from alertbot.store import samples
from alertbot.store.keeper import Storekeeper

log = logging.getLogger(__name__)

REDISCOVER = 3600.0
"""Seconds after which the account's domains are asked for again, where they are not listed."""

RECHECK = 300.0
"""Likewise, where the API says that a domain is not the account's any more, or did not answer."""

LIST = DOMAIN_LIST
"""The call that fails where the account's domains cannot be asked for."""

_LONGEST_NAME = 80


class Discovery:
    """Keeps the ``domains`` to watch, ``None`` before any is known, and which of them are ``gone`` from the account."""

    def __init__(self, config: Config, api: CdnApi, keeper: Storekeeper, clock: Clock, outages: FeedOutages) -> None:
        self.domains: tuple[str, ...] | None = None
        self.gone: frozenset[str] = frozenset()
        self._config = config
        self._api = api
        self._keeper = keeper
        self._clock = clock
        self._outages = outages
        self._asked: float | None = None
        self._failed: float | None = None
        self._unusable: frozenset[str] = frozenset()

    async def look(self, *, unknown: bool) -> tuple[str, ...] | None:
        """Ask the account where that is due: the domains that are new, ``None`` where none could be found.

        ``unknown``: whether the API says of a watched domain that the account does not have it.
        """
        if not self._config.discovers:
            self.domains = self.domains or self._config.watched()
            return None
        if self._clock.monotonic() < self._due(unknown=unknown):
            return None
        try:
            found = self._config.watched(self._usable(await self._api.domains()))
        except FeedError as error:
            self._outages.series_failed(LIST, error)
            self.domains = await self._known()
            # Polling must not wait for it at each turn; without any domain there is nothing else to do.
            self._failed = self._clock.monotonic() if self.domains else None
            return None
        self._outages.series_read(LIST)
        self._asked, self._failed = self._clock.monotonic(), None
        return await self._joined(found)

    def _due(self, *, unknown: bool) -> float:
        """When the account is to be asked next, monotonic seconds."""
        if self._failed is not None:
            return self._failed + RECHECK
        return 0.0 if self._asked is None else self._asked + (RECHECK if unknown else REDISCOVER)

    def _usable(self, listed: Sequence[str]) -> list[str]:
        """The names of the account's list that can be asked for, each once; the log names the others once."""
        usable, unusable = [], []
        for name in listed:
            try:
                usable.append(domain_name(name))
            except ValueError:
                unusable.append(name)
        for name in unusable:
            if name not in self._unusable:
                log.warning(
                    "the account's list names %r, which is no domain name: it is left out", name[:_LONGEST_NAME]
                )
        self._unusable = frozenset(unusable)
        return list(dict.fromkeys(usable))

    async def _joined(self, found: tuple[str, ...]) -> tuple[str, ...]:
        """Watch what was found beside what is known, which may come back: the domains that are new."""
        known = await self._known()
        fresh = tuple(domain for domain in found if domain not in set(known))
        self.domains = (*known, *fresh)
        self.gone = frozenset(known) - frozenset(found)
        if fresh:
            log.info("watching %d domains of the account, %d of them new", len(found), len(fresh))
        return fresh

    async def _known(self) -> tuple[str, ...]:
        if self.domains is not None:
            return self.domains
        return self._config.watched(await self._keeper.do(samples.domain_names))
