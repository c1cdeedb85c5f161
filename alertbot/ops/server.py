"""The server of ``/metrics`` for Prometheus and ``/healthz``; it is off unless the configuration asks for it.

Few connections are kept at once and none for long, so that whoever reaches the port cannot use up the files that polls
and deliveries need. Each connection serves one request.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus

from alertbot.errors import ListenError
from alertbot.ops.metrics import CONTENT_TYPE_LATEST

log = logging.getLogger(__name__)

Address = tuple[str, int]

MOST_OPEN = 20
"""Connections at once; a new one ends the oldest of so many."""

PATIENCE = 10.0
"""Seconds for a request and its answer."""

_LARGEST_HEAD = 8192  # bytes
_TEXT = "text/plain; charset=utf-8"
_CLOSING = 1.0  # seconds that an answer under way is given at the end
_WHY = {
    errno.EADDRINUSE: "the port is taken: end the other program, or name another port",
    errno.EADDRNOTAVAIL: "this machine has no such address: name one of its own, such as 127.0.0.1",
    errno.EACCES: "not permitted: name a port from 1024 on",
}

_Answer = tuple[HTTPStatus, str, bytes]
"""The status, the type of the content and the content itself."""


class MetricsServer:
    """Serves what ``metrics()`` returns, and whether the service is healthy: ``problem()`` says what is wrong."""

    def __init__(self, metrics: Callable[[], Awaitable[bytes]], problem: Callable[[], str | None]) -> None:
        self._metrics = metrics
        self._problem = problem
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}  # the oldest first

    async def start(self, address: Address) -> None:
        """Listen at an address; ``ListenError``, which says what to do, where that cannot be."""
        host, port = address
        try:
            self._server = await asyncio.start_server(self._accept, host, port, limit=_LARGEST_HEAD)
        except OSError as error:
            shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            # From Python 3.13 on asyncio gives no number where none of the addresses is this machine's.
            why = _WHY.get(error.errno or errno.EADDRNOTAVAIL, error.strerror or type(error).__name__)
            raise ListenError(f"metrics.listen: {shown}: {why}") from None

    async def stop(self) -> None:
        """Listen no more; an answer under way is given a second."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        if self._open:
            await asyncio.wait(self._open, timeout=_CLOSING)
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= MOST_OPEN:
            oldest = next(iter(self._open))
            self._open.pop(oldest).transport.abort()  # it may not have begun, and would not do so itself
            oldest.cancel()
        task = asyncio.create_task(self._serve(reader, writer))
        self._open[task] = writer
        task.add_done_callback(lambda done: self._open.pop(done, None))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close the connection whatever came of it."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._respond(reader, writer)
        except (TimeoutError, OSError, EOFError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, _, _ = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        method, target = (*request.split(b" "), b"")[:2]
        status, kind, body = await self._answer(method, target.partition(b"?")[0])
        head = f"HTTP/1.1 {status} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + (b"" if method == b"HEAD" else body))
        await writer.drain()

    async def _answer(self, method: bytes, path: bytes) -> _Answer:
        answers = {b"/metrics": self._metrics_answer, b"/healthz": self._health_answer}
        if path not in answers:
            return HTTPStatus.NOT_FOUND, _TEXT, b"there are /metrics and /healthz\n"
        if method not in {b"GET", b"HEAD"}:
            return HTTPStatus.METHOD_NOT_ALLOWED, _TEXT, b"this is only to be read\n"
        return await answers[path]()

    async def _metrics_answer(self) -> _Answer:
        try:
            return HTTPStatus.OK, CONTENT_TYPE_LATEST, await self._metrics()
        except Exception:  # it must not fill the log at each scrape
            log.debug("the metrics cannot be gathered", exc_info=True)
            words = b"the metrics cannot be gathered: the log says why at DEBUG\n"
            return HTTPStatus.INTERNAL_SERVER_ERROR, _TEXT, words

    async def _health_answer(self) -> _Answer:
        problem = self._problem()
        if problem is None:
            return HTTPStatus.OK, _TEXT, b"ok\n"
        return HTTPStatus.SERVICE_UNAVAILABLE, _TEXT, f"{problem}\n".encode()
