"""Reads series from the feed: one call each, or ten domains a call where the account may.

A refused call of ten domains is split until the one at fault is found; a sum with a refused member is unknown. What
could not be read is an error beside the series' name, never a zero.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np

from alertbot.errors import FeedBadRequest, FeedError, FeedGarbled, FeedRefused, FeedUnauthorised, FeedUnknownDomain
from alertbot.feed.api import Answer, CdnApi
from alertbot.feed.plan import Calls
from alertbot.feed.quotas import Priority
from alertbot.rules.base import Array
from alertbot.units import DAY, DAY_SLOTS, SLOT, format_iso

log = logging.getLogger(__name__)

MOST_SLOTS = 10 * DAY_SLOTS
"""The API's limit for a call at this grain."""

AT_ONCE = 8
DOMAINS_A_CALL = 10
REFUSED_TOKEN = 401_001
"""The API's code for a token it does not take: every other call fails from it too."""


@dataclass(frozen=True)
class ReadRequest:
    """A series to be read from the slot ``first`` on."""

    series: str
    first: int


@dataclass(frozen=True)
class Reading:
    """What was read of a series: its values from the slot ``first`` on, absent buckets as zeros.

    ``began``: monotonic seconds when the earliest of its calls began. ``cut``: older slots were refused for good.
    """

    first: int
    values: Array
    began: float
    cut: bool = False


ReadResult = Reading | FeedError
Known = Callable[[str, int, int], Array]
"""The values of a series that are known already: of so many slots from one on, NaN where none is."""


def refuses_token(result: ReadResult) -> bool:
    """Whether the API does not take the token, from which every other call fails too."""
    return isinstance(result, FeedUnauthorised) and result.code == REFUSED_TOKEN


class SeriesReader:
    """Reads series by their ``plan``; where the API refuses the whole of a request, its last ``recent`` slots.

    ``known`` tells what was read before, by which an empty answer is found out. ``priority`` is that of every call;
    without it, how far back a call reaches decides. ``departed``, by sum: the members that left the account, each with
    the first slot of which the sum is without it. Of all others a sum is known only where every call for it succeeds.
    """

    def __init__(
        self,
        api: CdnApi,
        plan: Mapping[str, Calls],
        *,
        each_domain: bool,
        recent: int,
        known: Known,
        priority: Priority | None = None,
    ) -> None:
        self.each_domain = each_domain
        self.departed: Mapping[str, Mapping[str, int]] = {}
        self._api = api
        self._plan = plan
        self._recent = recent
        self._known = known
        self._priority = priority

    @property
    def domains_a_call(self) -> int:
        """How many domains a call reads, as things are."""
        return DOMAINS_A_CALL if self.each_domain else 1

    def at(self, priority: Priority) -> SeriesReader:
        """The same reader, whose every call has this priority."""
        reader = copy(self)
        reader._priority = priority  # noqa: SLF001 - it is of this class
        return reader

    async def read(self, requests: Sequence[ReadRequest], last: int) -> dict[str, ReadResult]:
        """Read each series from its own first slot to ``last``, 10 days at most; an error stands for what failed."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def bounded(chunk: Sequence[ReadRequest]) -> dict[str, ReadResult]:
            async with gate:
                return await self._read_chunk(chunk, last)

        found: dict[str, ReadResult] = {}
        for part in await asyncio.gather(*(bounded(chunk) for chunk in self._chunks(requests))):
            found |= part
        return found

    def _chunks(self, requests: Sequence[ReadRequest]) -> list[list[ReadRequest]]:
        """Ten domains a chunk where one call reads them, those that begin alike together; else one series a chunk."""
        shared = sorted((each for each in requests if self._is_shared(each.series)), key=lambda each: each.first)
        tens = [shared[start : start + DOMAINS_A_CALL] for start in range(0, len(shared), DOMAINS_A_CALL)]
        return [*tens, *([each] for each in requests if not self._is_shared(each.series))]

    def _is_shared(self, series: str) -> bool:
        """Whether a call reads it beside others: a single domain, where the account may ask for ten."""
        return self.each_domain and self._plan[series] == ((series,),)

    async def _read_chunk(self, chunk: Sequence[ReadRequest], last: int) -> dict[str, ReadResult]:
        if self._is_shared(chunk[0].series):
            return await self._read_tens([each.series for each in chunk], min(each.first for each in chunk), last)
        return {each.series: await self._read_one(each, last) for each in chunk}

    async def _read_tens(self, names: Sequence[str], first: int, last: int) -> dict[str, ReadResult]:
        """Read several domains in one call, halved where the API refuses one of them."""
        try:
            answers = await self._api.each_domain(names, first, last, priority=self._priority_of(first, last))
        except FeedUnauthorised as error:
            if error.code == REFUSED_TOKEN:
                return dict.fromkeys(names, error)
            self._fall_back(error)
            return {name: await self._read_one(ReadRequest(name, first), last) for name in names}
        except FeedRefused as error:
            if len(names) == 1:
                return {names[0]: await self._read_one(ReadRequest(names[0], first), last)}
            log.debug("splitting %d domains: %s", len(names), error)
            middle = len(names) // 2
            return {
                **await self._read_tens(names[:middle], first, last),
                **await self._read_tens(names[middle:], first, last),
            }
        except FeedError as error:
            return dict.fromkeys(names, error)
        return {name: self._from_each(name, answers.get(name), first, last) for name in names}

    def _from_each(self, name: str, answer: Answer | None, first: int, last: int) -> ReadResult:
        if answer is None:
            return FeedGarbled(f"stat/bandwidth/eachDomain of {name}", "the answer leaves this domain out")
        values = np.zeros((last - first) // SLOT + 1)
        _add(values, first, answer)
        return self._checked(name, Reading(first, values, answer.began))

    def _fall_back(self, error: FeedError) -> None:
        if self.each_domain:
            self.each_domain = False
            log.warning("each_domain is not permitted for this account, so every domain takes a call: %s", error)

    async def _read_one(self, request: ReadRequest, last: int) -> ReadResult:
        recent = last - (self._recent - 1) * SLOT
        try:
            return await self._read_span(request.series, request.first, last)
        except FeedUnknownDomain as error:
            return error
        except FeedBadRequest as error:
            if request.first >= recent:
                return error
            log.warning("history before %s cannot be had: %s", format_iso(recent), error)
        except FeedError as error:
            return error
        try:
            reading = await self._read_span(request.series, recent, last)
        except FeedError as error:
            return error
        return Reading(reading.first, reading.values, reading.began, cut=True)

    async def _read_span(self, series: str, first: int, last: int) -> Reading:
        """Read a series from its calls; what is refused of the time before a member left is cut off."""
        values = np.zeros((last - first) // SLOT + 1)
        began: list[float] = []
        for begin, end, calls in reversed(self._pieces(series, first, last)):
            try:
                answers = [await self._sum(domains, begin, end) for domains in calls]
            except FeedRefused as error:
                if end == last or error.code == REFUSED_TOKEN:
                    raise
                log.debug("%s before %s cannot be had: %s", series, format_iso(end), error)
                after = end + SLOT
                return self._believed(series, Reading(after, values[(after - first) // SLOT :], min(began), cut=True))
            for answer in answers:
                _add(values, first, answer)
                began.append(answer.began)
        return self._believed(series, Reading(first, values, min(began)))

    def _pieces(self, series: str, first: int, last: int) -> list[tuple[int, int, Calls]]:
        """The spans between which members left a sum, from slot to slot, with the calls for those that were left."""
        departed = self.departed.get(series, {})
        begins = [first, *sorted({slot for slot in departed.values() if first < slot <= last})]
        ends = [*(begin - SLOT for begin in begins[1:]), last]
        return [
            (begin, end, _without(self._plan[series], {name for name, slot in departed.items() if slot <= begin}))
            for begin, end in zip(begins, ends, strict=True)
        ]

    async def _sum(self, domains: Sequence[str], first: int, last: int) -> Answer:
        return await self._api.bandwidth(domains, first, last, priority=self._priority_of(first, last))

    def _believed(self, series: str, reading: Reading) -> Reading:
        checked = self._checked(series, reading)
        if isinstance(checked, FeedError):
            raise checked
        return checked

    def _priority_of(self, first: int, last: int) -> Priority:
        return self._priority or (Priority.HISTORY if last - first > 2 * DAY else Priority.POLL)

    def _checked(self, series: str, reading: Reading) -> ReadResult:
        """An answer that shows nothing where traffic was seen before is a failure, not a revision to zero."""
        seen = self._known(series, reading.first, len(reading.values)) > 0
        if seen.any() and not (reading.values[seen] > 0).any():
            cause = f"shows none of the {int(seen.sum())} slots with traffic seen there before"
            return FeedGarbled(f"stat/bandwidth of {series} from {format_iso(reading.first)}", cause)
        return reading


def _without(calls: Calls, domains: Collection[str]) -> Calls:
    """The calls for all but some domains."""
    kept = (tuple(domain for domain in call if domain not in domains) for call in calls)
    return tuple(call for call in kept if call)


def _add(values: Array, first: int, answer: Answer) -> None:
    for slot, value in answer.values.items():
        values[(slot - first) // SLOT] += value
