"""The loopback Slack's side of Socket Mode: tickets that work once and soon, connections, envelopes and their acks."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from typing import Any, cast

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
        self._dead_tickets = 0
        self._turned_away: list[str] = []
        self._frozen: list[web.WebSocketResponse] = []
        self.pongs: asyncio.Queue[bytes] = asyncio.Queue()
        self.connections: list[web.WebSocketResponse] = []
        self.refused = 0

    def ticket(self) -> str:
        """A new ticket; it opens one connection within its life."""
        ticket = secrets.token_hex(16)
        if self._dead_tickets:
            self._dead_tickets -= 1
        else:
            self._tickets[ticket] = self._now()
        return ticket

    def expire_tickets(self) -> None:
        """What happens to tickets while Slack is down."""
        self._tickets.clear()

    def spoil_tickets(self, times: int) -> None:
        """Let the next tickets be dead when they are used."""
        self._dead_tickets = times

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket end: 408 for a ticket that was used, has expired or never was."""
        issued = self._tickets.pop(request.query.get("ticket", ""), None)
        if issued is None or self._now() - issued > self._ticket_life:
            self.refused += 1
            return web.Response(status=408)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        if self._turned_away:
            self.refused += 1
            await self._dismiss(socket, self._turned_away.pop())
            return socket
        self.connections.append(socket)
        await self._notify()
        try:
            await socket.send_json({"type": "hello", "num_connections": len(self.connections)})
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    self._acked(message.json())
                elif message.type == WSMsgType.PING:
                    await socket.pong(message.data)
                elif message.type == WSMsgType.PONG:
                    self.pongs.put_nowait(message.data)
        finally:
            await self._forget(socket)
        return socket

    async def _forget(self, socket: web.WebSocketResponse) -> None:
        if socket in self.connections:
            self.connections.remove(socket)
            await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _dismiss(self, socket: web.WebSocketResponse, reason: str) -> None:
        await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {}})
        await socket.close()

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
            sent = asyncio.get_running_loop().time()
            await self.connections[self._turn % len(self.connections)].send_json(envelope)
            await waiting
        return asyncio.get_running_loop().time() - sent

    async def connected(self, count: int = 1, patience: float = 10.0) -> None:
        """Wait until that many connections stand."""
        async with asyncio.timeout(patience), self._changed:
            await self._changed.wait_for(lambda: len(self.connections) == count)

    async def refresh(self, reason: str = "refresh_requested") -> None:
        """Ask every connection to be renewed, as Slack does every few hours."""
        for socket in list(self.connections):
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {}})

    async def leave(self, socket: web.WebSocketResponse) -> None:
        """Close one connection, in good order: what it was sent is acknowledged by then."""
        await self._forget(socket)
        await asyncio.sleep(0.1)
        await socket.close()

    async def dismiss(self, reason: str) -> None:
        """Close every connection, and say why."""
        for socket in list(self.connections):
            await self._forget(socket)
            await self._dismiss(socket, reason)

    def turn_away(self, reason: str, times: int = 1) -> None:
        """Take the next handshakes, say why there is no room, and close."""
        self._turned_away += [reason] * times

    def cut(self) -> None:
        """Break every connection without a word."""
        for socket in self.connections:
            with contextlib.suppress(ConnectionError):
                _transport(socket).abort()

    def freeze(self) -> None:
        """Let every connection stand and be dead: nothing is read any more, nothing written, nothing closed."""
        for socket in self.connections:
            _transport(socket).pause_reading()
        self._frozen += self.connections
        self.connections.clear()

    async def stop(self) -> None:
        """Close what is open."""
        for socket in self._frozen:
            with contextlib.suppress(ConnectionError):
                _transport(socket).abort()
        for socket in list(self.connections):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await socket.close()


def _transport(socket: web.WebSocketResponse) -> asyncio.Transport:
    transport = socket._req.transport if socket._req else None
    if transport is None:
        raise ConnectionError("it is closed already")
    return cast("asyncio.Transport", transport)
