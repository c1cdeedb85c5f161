"""A CDN statistics API on loopback, as strict as the real one: for tests, the demo, and a trial without an account.

``python -m alertbot.feed.simulator --port 8099 --scenario FILE`` serves the scenario until it is told to stop. Where
the vendor's pages are silent it decides as follows: bandwidth of an hour or a day is the average over it, unknown
parameters are refused, and a throttled call does not count against any window.
"""

from __future__ import annotations

import asyncio
import random
import signal
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
from aiohttp import web

from alertbot.clock import Clock, SystemClock
from alertbot.errors import UsageError
from alertbot.feed.simulator import gatekeeper
from alertbot.feed.simulator.gatekeeper import RefusedError
from alertbot.feed.simulator.limits import CallLimits, limit_headers
from alertbot.feed.simulator.scenario import FaultMode, LimitWindow, Scenario
from alertbot.units import SLOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

_FAULT_CODES = {FaultMode.SERVER_ERROR: 500_001, FaultMode.UNAUTHORISED: 401_001, FaultMode.THROTTLED: 429_001}
_SPOILS = set(FaultMode) - set(_FAULT_CODES) - {FaultMode.LYING_LIMIT}
_USED_UP = LimitWindow("day", 300), 0, 86_399
_MOST_KEPT = 200_000
_HUGE = 256 * 1024 * 1024
_CHUNK = b" " * 65_536


@dataclass(frozen=True)
class Call:
    """A request the simulator received. ``start`` and ``end`` as read, epoch seconds; ``status`` 0: no answer.

    ``parts``: of which protocol and region it asks.
    """

    time: float
    endpoint: str
    domains: tuple[str, ...]
    start: int | None
    end: int | None
    status: int
    parts: tuple[str, str] = ("all", "all")


class Simulator:
    """Serves ``scenario`` at the clock's time; ``calls`` records every request."""

    def __init__(self, scenario: Scenario, clock: Clock) -> None:
        self.calls: list[Call] = []
        self._scenario = scenario
        self._clock = clock
        self._zone = ZoneInfo(scenario.timezone)
        self._limits = CallLimits(scenario)
        self._settled: dict[tuple[tuple[str, ...], int, tuple[str, str]], float] = {}
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> str:
        """Listen on loopback, port 0 for any free one; returns the base URL."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/v2/"

    async def stop(self) -> None:
        """Stop listening and drop what is still being served."""
        if self._runner is not None:
            await self._runner.cleanup()

    def truth(self, domain: str, slot: int) -> float:
        """What the domain really carried in that slot, bit/s."""
        return self._scenario.truth(domain, slot)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        now = self._clock.time()
        call, fault = self._call(request, now)
        status, body = self._answer(request, call.endpoint, fault, now)
        unanswered = fault in {FaultMode.HANG, FaultMode.RESET}
        self.calls.append(Call(**{**vars(call), "status": 0 if unanswered else status}))
        headers = self._limits.headers(call.endpoint, self._clock.monotonic())
        if fault is FaultMode.LYING_LIMIT:
            headers = limit_headers(*_USED_UP)
        response = web.json_response(body, status=status, headers=headers | {"Date": formatdate(now, usegmt=True)})
        return await _spoil(request, response, fault) if fault in _SPOILS else response

    def _call(self, request: web.Request, now: float) -> tuple[Call, FaultMode | None]:
        endpoint = request.path.removeprefix("/v2/")
        domains = tuple(filter(None, request.query.get("domains", "").split(",")))
        start, end = (
            _readable(read, request.query, self._zone) for read in (gatekeeper.read_start, gatekeeper.read_end)
        )
        strikes = (fault.strikes(now, endpoint, domains, len(self.calls)) for fault in self._scenario.faults)
        fault = next((fault.mode for fault, hit in zip(self._scenario.faults, strikes, strict=True) if hit), None)
        parts = request.query.get("ip_protocol", "all"), request.query.get("query_area", "all")
        return Call(now, endpoint, domains, start, end, 0, parts), fault

    def _answer(
        self, request: web.Request, endpoint: str, fault: FaultMode | None, now: float
    ) -> tuple[int, dict[str, Any]]:
        try:
            self._admit(request, endpoint, fault)
            return 200, {"code": 0, "data": self._data(endpoint, request.query, now)}
        except RefusedError as refusal:
            return refusal.code // 1000, {"code": refusal.code, "message": str(refusal)}

    def _admit(self, request: web.Request, endpoint: str, fault: FaultMode | None) -> None:
        if request.method != "GET" or not request.path.startswith("/v2/") or endpoint not in gatekeeper.PARAMETERS:
            raise RefusedError(404_001, "no such address")
        self._limits.count(endpoint, self._clock.monotonic())
        if fault in _FAULT_CODES:
            raise RefusedError(_FAULT_CODES[fault], "as the scenario says")
        if request.query.get("token") != self._scenario.token:
            raise RefusedError(401_001, "token is missing or invalid")
        if self._scenario.deny_all or (endpoint == gatekeeper.EACH_DOMAIN and not self._scenario.each_domain):
            raise RefusedError(401_006, "no permission for this endpoint")
        if self._scenario.deny_total and request.query.get("domains") == "all":
            raise RefusedError(401_006, "no permission for the total")
        if unknown := set(request.query) - gatekeeper.PARAMETERS[endpoint]:
            raise RefusedError(400_209, f"unknown parameter {min(unknown)}")

    def _data(self, endpoint: str, query: Mapping[str, str], now: float) -> Any:
        if endpoint == gatekeeper.DOMAINS:
            return self._domain_list(query)
        span = gatekeeper.read_span(query, self._zone)
        statuses = {name: shape.status for name, shape in self._scenario.domains.items()}
        asked = gatekeeper.read_domains(endpoint, query, statuses)
        parts = gatekeeper.read_parts(query, self._scenario.deny_parts)
        if endpoint == gatekeeper.BANDWIDTH:
            return self._series(span, asked, now, parts)
        by_end = gatekeeper.one_of(query, "stat_is_forward", "0", "1") == "1"
        return {
            name: {"domain": name, "data": self._series(span, (name,), now, parts, by_end=by_end)} for name in asked
        }

    def _series(
        self,
        span: gatekeeper.AskedSpan,
        domains: tuple[str, ...],
        now: float,
        parts: tuple[str, str],
        *,
        by_end: bool = False,
    ) -> list[list[float]]:
        data: list[list[float]] = []
        for start, slots in span.buckets:
            volume = sum(self._sum(domains, slot, now, parts) for slot in slots) * SLOT / 8
            value = round(volume if span.as_bytes else volume * 8 / (slots.stop - start), 2)
            if value > 0:
                data.append([slots.stop if by_end else start, value])
        # Order is not promised: seeded by the call, so that a test that fails fails again.
        random.Random(len(self.calls)).shuffle(data)  # noqa: S311 - no secret
        return data

    def _sum(self, domains: tuple[str, ...], slot: int, now: float, parts: tuple[str, str]) -> float:
        """What the API shows of these domains together; reckoned once where it changes no more."""
        if (known := self._settled.get((domains, slot, parts))) is not None:
            return known
        carried = sum(self._scenario.shown(domain, slot, now, *parts) for domain in domains)
        if self._scenario.is_settled(slot, now):
            if len(self._settled) >= _MOST_KEPT:
                self._settled.clear()
            self._settled[domains, slot, parts] = carried
        return carried

    def _domain_list(self, query: Mapping[str, str]) -> dict[str, Any]:
        page = gatekeeper.whole(query, "page_number", 1, 10**6)
        size = gatekeeper.whole(query, "page_size", 100, 500)
        status = gatekeeper.one_of(query, "domain_status", "", *gatekeeper.STATUSES)
        names = [name for name, shape in self._scenario.domains.items() if status in {"", shape.status}]
        listed = [{"domain": name} for name in names[(page - 1) * size : page * size]]
        return {"list": listed, "total_number": len(names)}


def _readable(read: Callable[[Mapping[str, str], tzinfo], int], query: Mapping[str, str], zone: tzinfo) -> int | None:
    try:
        return read(query, zone)
    except RefusedError:
        return None


async def _spoil(request: web.Request, answer: web.Response, mode: FaultMode) -> web.StreamResponse:
    """Spoil an answer on its way out. Waits by the machine's clock, as the client's time-out does."""
    body = answer.body if isinstance(answer.body, bytes) else b""
    headers = {name: value for name, value in answer.headers.items() if name not in {"Content-Type", "Content-Length"}}
    if mode is FaultMode.HANG:
        await asyncio.Event().wait()
    if mode is FaultMode.RESET:
        return _cut(request, answer)
    if mode is FaultMode.GARBAGE:
        return web.Response(text="<html>Bad gateway</html>", content_type="text/html", headers=headers)
    stream = web.StreamResponse(headers=headers)
    stream.content_length = _HUGE if mode is FaultMode.HUGE else len(body)
    await stream.prepare(request)
    if mode is FaultMode.HUGE:
        for _ in range(_HUGE // len(_CHUNK)):
            await stream.write(_CHUNK)
    elif mode is FaultMode.TRUNCATED:
        await stream.write(body[: len(body) // 2])
        return _cut(request, stream)
    else:
        await _drip(stream, body)
    return stream


async def _drip(stream: web.StreamResponse, body: bytes) -> None:
    for byte in body:
        await stream.write(bytes([byte]))
        await asyncio.sleep(0.05)


def _cut(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """Close the connection under the answer, after what was written of it has gone out."""
    if request.transport is not None:
        request.transport.close()
    return answer


async def serve(scenario: Scenario, port: int) -> None:
    """Serve until SIGTERM or SIGINT; the first line printed is the base URL."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    simulator = Simulator(scenario, SystemClock())
    click.echo(await simulator.start(port))
    await stopping.wait()
    await simulator.stop()


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="The port on 127.0.0.1; 0: any free one.")
@click.option("--scenario", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
def main(port: int, scenario: Path) -> None:
    """Serve a CDN statistics API on loopback, as the JSON file SCENARIO describes it."""
    try:
        parsed = Scenario.from_json(scenario.read_text(encoding="utf-8"))
    except (UsageError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{scenario}: {error}") from None
    asyncio.run(serve(parsed, port))
