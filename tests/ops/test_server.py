"""The server of metrics and health under requests that are no good: they cost it little, and nobody else anything."""

from __future__ import annotations

import asyncio
import logging
import select
import socket
from contextlib import ExitStack, asynccontextmanager, suppress

import pytest
from fakes.worlds.virtual import passes

from alertbot.ops.server import MOST_OPEN, PATIENCE, MetricsServer


@asynccontextmanager
async def serving(metrics=b"up 1\n"):
    """The server's port."""

    async def gather():
        if isinstance(metrics, Exception):
            raise metrics
        return metrics

    server = MetricsServer(gather, lambda: None)
    await server.start(("127.0.0.1", 0))
    yield server._server.sockets[0].getsockname()[1]
    await server.stop()


async def connect(port, said=b"GET /metrics HTTP/1.1\r\nHost: x\r\n"):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    return reader, writer


async def ask(port, line="GET /metrics HTTP/1.1"):
    """All that comes back."""
    reader, writer = await connect(port, f"{line}\r\nHost: x\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.decode()


async def closed(reader):
    """Whether the server has closed the connection, without a word."""
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


async def test_hundreds_of_half_open_requests_hold_no_files_and_a_scrape_is_still_answered():
    async with serving() as port:
        half = []
        for _ in range(300):
            half.append(await connect(port))
            await asyncio.sleep(0)
        assert (await ask(port)).endswith("up 1\n")
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert len(left) <= MOST_OPEN
        for reader, writer in half:
            assert await closed(reader)
            writer.close()


async def test_requests_that_come_all_at_once_are_no_more_than_so_many_either():
    async with serving() as port:
        with ExitStack() as clients:
            half = [clients.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(3 * MOST_OPEN)]
            await asyncio.sleep(0.01)
            assert len(asyncio.all_tasks() - {asyncio.current_task()}) <= MOST_OPEN
            ended, _, _ = select.select(half, [], [], 0)
            assert len(ended) == 2 * MOST_OPEN


async def test_a_request_that_does_not_end_is_given_up():
    async with serving() as port:
        loop = asyncio.get_running_loop()
        reader, writer = await connect(port)
        began = loop.time()
        assert await closed(reader)
        assert loop.time() - began == pytest.approx(PATIENCE, abs=1)
        writer.close()


async def test_who_does_not_read_the_answer_is_given_up():
    async with serving(b"x" * 20_000_000) as port:
        _, writer = await connect(port, b"GET /metrics HTTP/1.1\r\n\r\n")
        await passes(PATIENCE + 1)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        writer.transport.abort()


@pytest.mark.parametrize(
    "said", [b"x" * 100_000, b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\r\n\r\n", b" \r\n\r\n"]
)
async def test_what_is_no_request_breaks_nothing(said, caplog):
    caplog.set_level(logging.DEBUG)
    async with serving() as port:
        reader, writer = await connect(port, said)
        with suppress(ConnectionError):
            assert (await reader.read()).startswith((b"HTTP/1.1 404", b""))
        writer.close()
        assert (await ask(port)).endswith("up 1\n")
    assert "Traceback" not in caplog.text


async def test_head_and_queries_are_answered_as_for_get():
    async with serving() as port:
        head = await ask(port, "HEAD /metrics HTTP/1.1")
        assert "Content-Length: 5\r\n" in head
        assert head.endswith("\r\n\r\n")
        assert (await ask(port, "GET /metrics?debug=1 HTTP/1.1")).endswith("up 1\n")


async def test_metrics_that_cannot_be_gathered_are_500_and_no_line_in_the_log(caplog):
    async with serving(ValueError("no")) as port:
        assert (await ask(port)).startswith("HTTP/1.1 500 Internal Server Error\r\n")
    assert caplog.text == ""
