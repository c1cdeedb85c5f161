"""The CDN's statistics API over HTTP: three endpoints, each answer read without trust, each failure a typed error.

The token travels in the query string. ``HttpClient`` adds it below everything that logs, raises or prints a request, so
that no URL the rest of the program sees holds it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from alertbot.errors import (
    CredentialsError,
    FeedElsewhere,
    FeedError,
    FeedGarbled,
    FeedRefused,
    FeedThrottled,
    FeedUnreachable,
    HttpError,
    HttpGarbled,
)
from alertbot.feed.answers import (
    Answer,
    DataType,
    ElsewhereError,
    Grain,
    TimeSpan,
    added_up,
    read_code,
    read_document,
    read_each_domain,
    read_page,
    read_series,
    span_of,
)
from alertbot.feed.budget import Budget, Endpoint
from alertbot.feed.failures import failure_of, pause_after, redirection
from alertbot.feed.quotas import Priority
from alertbot.ops.http import HttpClient, read_body

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from alertbot.clock import Clock

__all__ = ["ALL", "Answer", "CdnApi", "DataType", "Grain"]

ALL = ("all",)
"""Asks for the account's total instead of domains."""

MAX_DOMAINS = 10
MAX_BODY = {Endpoint.BANDWIDTH: 2**20, Endpoint.EACH_DOMAIN: 4 * 2**20, Endpoint.DOMAINS: 4 * 2**20}
"""Bytes of an answer at most: ten days are 2,881 pairs, of some 30 bytes, for each of up to ten domains.

Reading JSON made to cost takes some 25 MB and 0.2 s for each MiB.
"""

_PAGE_SIZE = 500

T = TypeVar("T")


class Parameter(StrEnum):
    """What narrows a call to a part of the traffic."""

    PROTOCOL = "ip_protocol"
    REGION = "query_area"

    @property
    def endpoint(self) -> Endpoint:
        """What takes it; by region no total is told, only domains."""
        return Endpoint.EACH_DOMAIN if self is Parameter.REGION else Endpoint.BANDWIDTH


@dataclass(frozen=True)
class _Reply(Generic[T]):
    content: T
    began: float
    server_time: float | None


@dataclass(frozen=True)
class _Request(Generic[T]):
    """A call by the name it has in error texts, and how its ``data`` is read."""

    name: str
    endpoint: Endpoint
    params: Mapping[str, str]
    read: Callable[[Any], T]


class CdnApi:
    """The statistics of one account. Every method raises a ``FeedError`` whose text names the call, never the token.

    ``zone`` is the one in which the API reads times; ``timeout`` bounds each attempt, in real seconds. ``tried`` hears
    of each attempt: of its error, or ``None`` where it was answered.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        zone: ZoneInfo,
        *,
        budget: Budget,
        clock: Clock,
        ip_protocol: str = "all",
        timeout: float = 20.0,
        tried: Callable[[FeedError | None], None] = lambda _: None,
    ) -> None:
        if not token:
            raise CredentialsError("the CDN's API token is empty")
        self._zone = zone
        self._budget = budget
        self._clock = clock
        self._ip_protocol = ip_protocol
        self._tried = tried
        self._http = HttpClient(base_url, timeout=timeout, query={"token": token}, secrets=[token])

    async def bandwidth(
        self,
        domains: Sequence[str],
        start: int,
        end: int,
        *,
        grain: Grain = Grain.MINUTE5,
        data_type: DataType = DataType.BANDWIDTH,
        priority: Priority = Priority.POLL,
    ) -> Answer:
        """The sum of 1 to 10 domains, or ``ALL``, in the buckets that hold ``start`` to ``end`` (epoch seconds).

        ``ValueError`` for what the API would refuse: no or too many domains, a span over 10 days (31 of hours, days).
        """
        if tuple(domains) != ALL:
            _check_domains(domains)
        span = span_of(start, end, grain, self._zone)
        request = self._request(Endpoint.BANDWIDTH, domains, span, data_type, lambda data: read_series(data, span))
        reply = await self._ask(request, priority)
        return Answer(span.start, span.end, reply.content, reply.began, reply.server_time)

    async def each_domain(
        self, domains: Sequence[str], start: int, end: int, *, priority: Priority = Priority.POLL
    ) -> Mapping[str, Answer]:
        """Up to 10 domains' 5-minute buckets in one call; a domain the API left out is absent: unknown, not silent.

        ``FeedUnauthorised`` where the account lacks the permission for this endpoint.
        """
        _check_domains(domains)
        span = span_of(start, end, Grain.MINUTE5, self._zone)
        request = self._request(
            Endpoint.EACH_DOMAIN,
            domains,
            span,
            DataType.BANDWIDTH,
            lambda data: read_each_domain(data, domains, span),
        )
        reply = await self._ask(request, priority)
        return {
            domain: Answer(span.start, span.end, values, reply.began, reply.server_time)
            for domain, values in reply.content.items()
        }

    async def part(
        self, domains: Sequence[str], start: int, end: int, parameter: Parameter, value: str
    ) -> Mapping[int, float]:
        """What a part of some domains' traffic, or of the total's, came to in each 5-minute bucket; zeros are absent.

        Asked for once, in the commands' lane. By region a call takes 1 to 10 domains, and no total.
        """
        span = span_of(start, end, Grain.MINUTE5, self._zone)

        def read(data: Any) -> Mapping[int, float]:
            if parameter is Parameter.PROTOCOL:
                return read_series(data, span)
            return added_up(read_each_domain(data, domains, span), domains)

        request = self._request(parameter.endpoint, domains, span, DataType.BANDWIDTH, read)
        name, params = f"{request.name} {parameter}={value}", {**request.params, parameter: value}
        return (await self._ask(replace(request, name=name, params=params), Priority.COMMAND, once=True)).content

    async def domains(self, *, priority: Priority = Priority.POLL) -> tuple[str, ...]:
        """Every serving domain of the account, in the API's order."""
        names: dict[str, None] = {}
        for page in itertools.count(1):
            params = {"page_number": str(page), "page_size": str(_PAGE_SIZE), "domain_status": "serving"}
            reply = await self._ask(_Request(f"domain/list page {page}", Endpoint.DOMAINS, params, read_page), priority)
            found, total = reply.content
            before = len(names)
            names.update(dict.fromkeys(found))
            # A page without news ends it as well: the total may count what this page size or filter never shows.
            if len(names) >= total or len(names) == before:
                break
        return tuple(names)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _request(
        self, endpoint: Endpoint, domains: Sequence[str], span: TimeSpan, data_type: DataType, read: Callable[[Any], T]
    ) -> _Request[T]:
        asked, start, end = (datetime.fromtimestamp(each, self._zone) for each in (span.asked, span.start, span.end))
        params = {
            "domains": ",".join(domains),
            "start_time": f"{asked:%Y-%m-%d %H:%M}",
            "end_time": f"{end:%Y-%m-%d %H:%M}",
            "grad": span.grain.value,
            "data_type": data_type.value,
            "ip_protocol": self._ip_protocol,
        }
        until = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%Y-%m-%d %H:%M}"
        name = f"{endpoint} domains={','.join(domains)} {start:%Y-%m-%d %H:%M}..{until}"
        return _Request(name, endpoint, params, read)

    async def _ask(self, request: _Request[T], priority: Priority, *, once: bool = False) -> _Reply[T]:
        failures = 0
        while True:
            try:
                reply = await self._attempt(request, priority)
            except FeedError as error:
                self._tried(error)
                failures += 1
                pause = None if once else pause_after(error, failures)
                if pause is None:
                    raise
            else:
                self._tried(None)
                return reply
            await self._clock.sleep(pause)

    async def _attempt(self, request: _Request[T], priority: Priority) -> _Reply[T]:
        began = await self._budget.acquire(priority, request.name, request.endpoint)
        status, headers, body = await self._fetch(request, began)
        try:
            document = _document(status, body)
            code = read_code(document)
            if (status, code) != (HTTPStatus.OK, 0):
                message = self._http.clean(str(document.get("message") or redirection(status, headers)))
                failure = failure_of(request.name, status, code, message, headers)
                if isinstance(failure, FeedThrottled | FeedRefused):
                    self._budget.answered(began, request.endpoint, throttled=isinstance(failure, FeedThrottled))
                raise failure
            self._budget.answered(began, request.endpoint)
            return _Reply(request.read(document.get("data")), began, _date(headers.get("Date")))
        except ValueError as error:
            kind = FeedElsewhere if isinstance(error, ElsewhereError) else FeedGarbled
            raise kind(request.name, self._http.clean(str(error))) from None

    async def _fetch(self, request: _Request[T], began: float) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of one attempt."""
        try:
            async with self._http.ask("GET", request.endpoint, params=request.params) as response:
                self._budget.learn(response.headers, began, request.endpoint)
                return response.status_code, response.headers, await read_body(response, MAX_BODY[request.endpoint])
        except HttpError as error:
            kind = FeedGarbled if isinstance(error, HttpGarbled) else FeedUnreachable
            raise kind(request.name, str(error)) from None


def _document(status: int, body: bytes) -> Mapping[str, Any]:
    """The answer's JSON object; empty for a failure without one, such as a gateway's error page."""
    try:
        return read_document(body)
    except ValueError:
        if status == HTTPStatus.OK:
            raise
        return {}


def _check_domains(domains: Sequence[str]) -> None:
    if not 1 <= len(domains) <= MAX_DOMAINS or len(set(domains)) != len(domains):
        raise ValueError(f"the API takes 1 to {MAX_DOMAINS} different domains in one call, not {len(domains)}")
    if wrong := [domain for domain in domains if not domain or "," in domain or domain in ALL]:
        raise ValueError(f"{wrong[0]!r} is not a domain")


def _date(text: str | None) -> float | None:
    """Epoch seconds of a Date header; ``None`` where there is none to read."""
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
