"""The server of ``/metrics`` for Prometheus and ``/healthz``; it is off unless the configuration asks for it."""

from __future__ import annotations

import errno
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from alertbot.errors import ListenError
from alertbot.ops.metrics import CONTENT_TYPE_LATEST

log = logging.getLogger(__name__)

Address = tuple[str, int]

_CLOSING = 1.0  # seconds that an answer under way is given at the end
_WHY = {
    errno.EADDRINUSE: "the port is taken: end the other program, or name another port",
    errno.EADDRNOTAVAIL: "this machine has no such address: name one of its own, such as 127.0.0.1",
    errno.EACCES: "not permitted: name a port from 1024 on",
}


class MetricsServer:
    """Serves what ``metrics()`` returns, and whether the service is healthy: ``problem()`` says what is wrong."""

    def __init__(self, metrics: Callable[[], Awaitable[bytes]], problem: Callable[[], str | None]) -> None:
        self._metrics = metrics
        self._problem = problem
        self._runner: web.AppRunner | None = None

    async def start(self, address: Address) -> None:
        """Listen at an address; ``ListenError``, which says what to do, where that cannot be."""
        app = web.Application()
        app.router.add_get("/metrics", self._serve_metrics)
        app.router.add_get("/healthz", self._serve_health)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSING)
        await runner.setup()
        host, port = address
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            why = _WHY.get(error.errno or 0, error.strerror or type(error).__name__)
            raise ListenError(f"metrics.listen: {shown}: {why}") from None
        self._runner = runner

    async def stop(self) -> None:
        """Listen no more; an answer under way is given a second."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve_metrics(self, _: web.Request) -> web.Response:
        try:
            return web.Response(body=await self._metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})
        except Exception:  # it must not fill the log at each scrape, as it would through aiohttp
            log.debug("the metrics cannot be told", exc_info=True)
            return web.Response(status=500, text="the metrics cannot be told: the log says why at DEBUG\n")

    async def _serve_health(self, _: web.Request) -> web.Response:
        problem = self._problem()
        return web.Response(text="ok\n") if problem is None else web.Response(status=503, text=f"{problem}\n")
