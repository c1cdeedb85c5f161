"""The loopback Slack's side of Socket Mode: tickets that work once and soon, connections, envelopes and their acks."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web


class SocketMode:
    """Hands out tickets, upgrades them to connections, and delivers each envelope to any ONE of those."""

    def __init__(self, now: Callable[[], float], ticket_life: float) -> None:
        self._now = now
        self._ticket_life = ticket_life
        self._tickets: dict[str, float] = {}
        self._acks: dict[str, asyncio.Future[None]] = {}
        self._turn = 0
        self._changed = asyncio.Condition()
        self.connections: list[web.WebSocketResponse] = []
        self.refused = 0

    def ticket(self) -> str:
        """A new ticket; it opens one connection within its life."""
        ticket = secrets.token_hex(16)
        self._tickets[ticket] = self._now()
        return ticket

    def expire_tickets(self) -> None:
        """What happens to tickets while Slack is down."""
        self._tickets.clear()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket end: 408 for a ticket that was used, has expired or never was."""
        issued = self._tickets.pop(request.query.get("ticket", ""), None)
        if issued is None or self._now() - issued > self._ticket_life:
            self.refused += 1
            return web.Response(status=408)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await self._change(self.connections.append, socket)
        try:
            await socket.send_json({"type": "hello", "num_connections": len(self.connections)})
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    self._acked(message.json())
        finally:
            await self._change(self.connections.remove, socket)
        return socket

    async def _change(self, change: Callable[[web.WebSocketResponse], None], socket: web.WebSocketResponse) -> None:
        change(socket)
        async with self._changed:
            self._changed.notify_all()

    def _acked(self, answer: dict[str, Any]) -> None:
        waiting = self._acks.get(answer["envelope_id"])
        if waiting and not waiting.done():
            waiting.set_result(None)

    async def deliver(self, kind: str, payload: dict[str, Any], patience: float) -> float:
        """Seconds until the envelope's ack; ``TimeoutError`` after ``patience``, waiting for a connection included."""
        envelope_id = secrets.token_hex(8)
        envelope = {"envelope_id": envelope_id, "type": kind, "accepts_response_payload": True, "payload": payload}
        waiting = self._acks[envelope_id] = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(patience):
            async with self._changed:
                await self._changed.wait_for(lambda: self.connections)
            self._turn += 1
            sent = time.monotonic()
            await self.connections[self._turn % len(self.connections)].send_json(envelope)
            await waiting
        return time.monotonic() - sent

    async def connected(self, count: int = 1, patience: float = 10.0) -> None:
        """Wait until that many connections stand."""
        async with asyncio.timeout(patience), self._changed:
            await self._changed.wait_for(lambda: len(self.connections) == count)

    async def refresh(self) -> None:
        """Ask every connection to be renewed, as Slack does every few hours."""
        for socket in list(self.connections):
            await socket.send_json({"type": "disconnect", "reason": "refresh_requested", "debug_info": {}})

    def cut(self) -> None:
        """Break every connection without a word."""
        for socket in self.connections:
            transport = socket._req.transport if socket._req else None
            if transport:
                transport.abort()

    async def stop(self) -> None:
        """Close what is open."""
        for socket in list(self.connections):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await socket.close()
