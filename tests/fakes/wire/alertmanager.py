"""An Alertmanager on loopback that runs on the event loop's time: it takes alerts, ends them in time, and notifies.

What it makes of overlapping tellings of one alert is what the real one does (``Alert.Merge`` in types/types.go); the
same stories are told to both, in ``tests/alertmanager``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from alertbot.clock import Clock
from fakes.worlds.virtual import passes

GROUP_WAIT = GROUP_INTERVAL = 1.0
RESOLVE_TIMEOUT = 300.0
"""Seconds after which an alert without an end ends, as by default."""

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Page:
    """A notification: when it came, what it says, and which Alertmanager sent it."""

    at: float
    status: str
    alerts: tuple[Mapping[str, Any], ...]
    sender: str

    @property
    def names(self) -> list[str]:
        """Alert and series of each of its alerts."""
        return sorted(f"{each['labels']['alertname']} {each['labels'].get('series', '')}" for each in self.alerts)


@dataclass(frozen=True)
class _Alert:
    labels: Labels
    annotations: Mapping[str, str]
    starts: float
    ends: float
    timeout: bool

    def merged(self, newer: _Alert, now: float) -> _Alert:
        """This one with what was told of it later."""
        if not (self.starts <= newer.ends <= self.ends or self.starts <= newer.starts <= self.ends):
            return newer
        ends = newer.ends
        if newer.ends <= now:
            ends = max(ends, self.ends) if self.ends <= now else ends
        elif not self.timeout:
            ends = max(ends, self.ends)
        return replace(newer, starts=min(self.starts, newer.starts), ends=ends)


class FakeAlertmanager:
    """Serves the API that alertbot uses. ``pages``: what it notified, grouped by the alert's name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.pages: list[Page] = []
        self._alerts: dict[Labels, _Alert] = {}
        self._told: dict[str, tuple[set[Labels], set[Labels]]] = {}  # what each group's last page said: fires, is over
        self._groups: dict[str, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None
        self._port = 0
        app = web.Application()
        app.add_routes(
            [
                web.post("/api/v2/alerts", self._take),
                web.get("/api/v2/alerts", self._show),
                web.get("/api/v2/status", self._status),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{self._port}"]

    def alerts(self) -> list[dict[str, Any]]:
        """What it shows as burning."""
        return [_as_json(alert) for alert in self._alerts.values() if alert.ends > self._clock.time()]

    def of(self, name: str) -> list[Page]:
        """The notifications about alerts of this name."""
        return [page for page in self.pages if any(each["labels"]["alertname"] == name for each in page.alerts)]

    async def begin(self) -> None:
        """Start serving."""
        await self._runner.setup()
        await self.start()

    async def start(self, _number: int = 0) -> None:
        """Listen, as it does when its process starts."""
        assert self._runner.server is not None
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._runner.server, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def kill(self, _number: int = 0) -> None:
        """Answer nobody, as a machine that dies; what it knew is kept on its disk."""
        assert self._server is not None
        assert self._runner.server is not None
        self._server.close()
        for connection in list(self._runner.server.connections):
            if connection.transport is not None:
                connection.transport.abort()

    async def end(self) -> None:
        """Stop serving and notifying."""
        await self.kill()
        for group in self._groups.values():
            group.cancel()
        await asyncio.gather(*self._groups.values(), return_exceptions=True)
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        now = self._clock.time()
        for told in await request.json():
            alert = _of_json(told, now)
            known = self._alerts.get(alert.labels)
            self._alerts[alert.labels] = alert if known is None else known.merged(alert, now)
            name = dict(alert.labels)["alertname"]
            if name not in self._groups:
                self._groups[name] = asyncio.create_task(self._notify(name))
        return web.Response()

    async def _show(self, _request: web.Request) -> web.Response:
        return web.json_response(self.alerts())

    async def _status(self, _request: web.Request) -> web.Response:
        return web.json_response({"cluster": {"status": "disabled", "peers": []}})

    async def _notify(self, name: str) -> None:
        """Page what is new in a group, once it had time to gather, and from then on now and then."""
        await passes(GROUP_WAIT)
        while True:
            now = self._clock.time()
            group = {labels: alert for labels, alert in self._alerts.items() if dict(labels)["alertname"] == name}
            fires = {labels for labels, alert in group.items() if alert.ends > now}
            over = group.keys() - fires
            told_fires, told_over = self._told.get(name, (set(), set()))
            if fires - told_fires or (over & told_fires) - told_over:
                self._told[name] = fires, set(over)
                alerts = tuple(_as_json(group[labels]) for labels in sorted(fires | (over & told_fires)))
                self.pages.append(Page(now, "firing" if fires else "resolved", alerts, self.urls[0]))
            for labels in over:
                del self._alerts[labels]
            await passes(GROUP_INTERVAL)


def _of_json(told: Mapping[str, Any], now: float) -> _Alert:
    ends = told.get("endsAt")
    return _Alert(
        tuple(sorted(told["labels"].items())),
        told["annotations"],
        datetime.fromisoformat(told["startsAt"]).timestamp(),
        now + RESOLVE_TIMEOUT if ends is None else datetime.fromisoformat(ends).timestamp(),
        ends is None,
    )


def _as_json(alert: _Alert) -> dict[str, Any]:
    return {
        "labels": dict(alert.labels),
        "annotations": alert.annotations,
        "startsAt": datetime.fromtimestamp(alert.starts, UTC).isoformat(),
        "endsAt": datetime.fromtimestamp(alert.ends, UTC).isoformat(),
        "status": {"state": "active"},
    }
