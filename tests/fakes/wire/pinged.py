"""A dead man's switch on loopback: notes what is pinged, and can answer badly."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fakes.worlds.virtual import passes

SECRET = "0b5e55ed-7e57-4bad-c0de-5ec12e7beef5"


class DeadMansSwitch:
    """``mode``: ``ok``, a status, ``hang`` or ``drop``."""

    def __init__(self) -> None:
        self.pings: list[tuple[str, str]] = []  # what came after the URL, and the body
        self.queries: list[str] = []
        self.mode = "ok"
        self._runner: Any = None

    async def start(self) -> str:
        """Serve; the URL to be pinged."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.host = f"127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        return f"http://{self.host}/ping/{SECRET}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        assert request.headers.getall("Host") == [self.host]
        path = request.path.removeprefix(f"/ping/{SECRET}")
        self.pings.append((path, await request.text()))
        self.queries.append(request.raw_path.partition("?")[2])
        if self.mode == "hang":
            await passes(3600)
        if self.mode == "drop":
            request.transport.close()
        return web.Response(status=200 if self.mode == "ok" else int(self.mode) if self.mode.isdigit() else 500)
