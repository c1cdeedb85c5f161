"""A loopback Slack that refuses what Slack refuses, with Slack's own error codes, and remembers what it was told.

Web API, Socket Mode and response URLs over real HTTP. In a test: ``base_url = await FakeSlack().start()``. As a process
of its own: ``python tests/fakes/wire/slack.py --port 8098 --log FILE`` prints its base URL first and also serves
``POST /_control/command``, ``/_control/click``, ``/_control/fault`` and ``/_control/mend``, ``GET /_control/messages``,
``/_control/calls`` and ``/_control/shared``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any, TextIO

from aiohttp import web

if not __package__:  # run as a script: the packages of tests/ are one folder up
    sys.path[0] = str(Path(__file__).parents[2])

from fakes.wire.blockkit import CHARTS, Refused, refuse_message
from fakes.wire.clicks import block_actions
from fakes.wire.files import Shared
from fakes.wire.socketmode import SocketMode
from fakes.wire.workspace import APP_TOKEN, BOT_TOKEN, BOT_USER, CHANNELS, SCOPES, TEAM, Channel, Message, Workspace
from fakes.worlds.virtual import wall_time

__all__ = ["APP_TOKEN", "BOT_TOKEN", "BOT_USER", "SCOPES", "TEAM", "Answer", "Call", "Channel", "FakeSlack", "Message"]

RESPONSE_USES, RESPONSE_LIFE = 5, 1800.0
_RESPONSE_KEYS = {
    "text",
    "blocks",
    "attachments",
    "response_type",
    "replace_original",
    "delete_original",
    "thread_ts",
    "unfurl_links",
    "unfurl_media",
}


@dataclass(frozen=True)
class Call:
    """A request as it came in, and what it was answered: ``ok``, Slack's error code, or the fault put in its way."""

    method: str
    arguments: Mapping[str, Any]
    at: float
    outcome: str


@dataclass(frozen=True)
class Answer:
    """What a command or a click led to: seconds until the ack, and the posts to its response URL."""

    ack_seconds: float
    answers: list[dict[str, Any]]
    response_url: str


@dataclass
class ResponseUrl:
    """A response URL: when it was issued, how often it was used, and what was posted to it."""

    issued: float
    uses: int = 0
    posts: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)


class FakeSlack:
    """One workspace with one app installed; ``paced`` switches the limit of one post a second a channel on."""

    def __init__(
        self,
        *,
        channels: Sequence[Channel] = CHANNELS,
        scopes: frozenset[str] = SCOPES,
        now: Callable[[], float] = wall_time,
        ticket_life: float = 30.0,
        paced: bool = False,
        log: TextIO | None = None,
    ) -> None:
        self.workspace = Workspace(
            channels=channels,
            scopes=scopes,
            now=now,
            paced=paced,
            socket_url=self._new_socket_url,
            upload_url=lambda key: f"{self._root}/upload/{key}",
        )
        self.socket = SocketMode(now, ticket_life)
        self.calls: list[Call] = []
        self.takes_charts = True  # of its own, in answers: workspaces are given them one by one
        self._responses: dict[str, ResponseUrl] = {}
        self._now = now
        self._log = log
        self._faults: list[tuple[str, str]] = []
        self._root = ""
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """Where the Web API is: ``http://127.0.0.1:PORT/api/``."""
        return f"{self._root}/api/"

    @property
    def messages(self) -> list[Message]:
        """Every message of the workspace, in order, as it stands now."""
        return self.workspace.messages

    @property
    def posts(self) -> list[Message]:
        """What the bot posted."""
        return [message for message in self.messages if message.user == BOT_USER]

    @property
    def shared(self) -> list[Shared]:
        """The files that people see, in order."""
        return self.workspace.files.shared

    @property
    def updates(self) -> list[Call]:
        """The bot's edits that were taken."""
        return [call for call in self.calls if call.method == "chat.update" and call.outcome == "ok"]

    async def start(self, port: int = 0) -> str:
        """Serve on the loopback interface; the base URL."""
        app = web.Application(client_max_size=2**22)
        app.add_routes(
            [
                web.route("*", "/api/{method}", self._serve_api),
                web.get("/link", self._serve_socket),
                web.post("/response/{key}", self._serve_response),
                web.post("/upload/{key}", self._serve_upload),
                web.post("/_control/command", self._control_command),
                web.post("/_control/click", self._control_click),
                web.post("/_control/fault", self._control_fault),
                web.post("/_control/mend", self._control_mend),
                web.get("/_control/{what:messages|calls|shared}", self._control_list),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self._root = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self.base_url

    async def stop(self) -> None:
        """Close everything; calls that hang are dropped."""
        self._stopping.set()
        await self.socket.stop()
        if self._runner:
            await self._runner.cleanup()

    def fault(self, method: str, mode: str, times: int = 1) -> None:
        """Spoil the next calls of a method, of ``response_url``, ``upload`` or ``socket`` (the handshake).

        Modes: ``drop_before`` (not processed), ``drop_after`` (processed, answer lost), ``hang`` (not processed),
        ``hang_after`` (processed), ``half`` (processed, half of the answer sent), ``slow`` (a while later), ``500``,
        ``garbage`` (JSON cut short), ``portal`` (a login page with status 200), ``429:N``, an error code of Slack's, or
        ``""`` for a call that is left alone.
        The method ``*`` is every one.
        """
        self._faults += [(method, mode)] * times

    def mend(self, method: str | None = None, mode: str | None = None) -> None:
        """No call is spoilt any more, or none of this method in this mode."""
        self._faults = [fault for fault in self._faults if method is not None and fault != (method, mode)]

    async def command(
        self,
        command: str = "/bandwidth",
        text: str = "",
        *,
        user: str = "U0ADA",
        channel: str = "cdn-alerts",
        team: str = TEAM,
        answers: int = 1,
        patience: float = 10.0,
    ) -> Answer:
        """Type a slash command; ``TimeoutError`` where no ack, or fewer answers than asked for, come in time."""
        where, url = self.workspace.channel(channel), self.response_url()
        payload = {
            "command": command,
            "text": text,
            "user_id": user,
            "user_name": user.lower(),
            "channel_id": where.id,
            "channel_name": "privategroup" if where.private else where.name,
            "team_id": team,
            "team_domain": "loopback",
            "api_app_id": "A0LOOP",
            "trigger_id": secrets.token_hex(8),
            "response_url": url,
        }
        return await self._delivered("slash_commands", payload, answers, patience)

    async def click(
        self,
        message: Message,
        action_id: str,
        value: str | None = None,
        *,
        user: str = "U0ADA",
        team: str = TEAM,
        answers: int = 0,
        patience: float = 10.0,
    ) -> Answer:
        """Click an element of a message as it stands, and confirm where that is asked; ``value`` picks an option.

        ``LookupError`` where the message has no such element or option; ``TimeoutError`` as for a command.
        """
        payload = block_actions(
            message,
            self.workspace.channel(message.channel),
            action_id,
            value,
            shown=self.workspace._shown(message),
            user=user,
            team=team,
            response_url=self.response_url(),
        )
        return await self._delivered("interactive", payload, answers, patience)

    async def _delivered(self, kind: str, payload: dict[str, Any], answers: int, patience: float) -> Answer:
        ack_seconds = await self.socket.deliver(kind, payload, patience)
        url = payload["response_url"]
        posts = self._responses[url].posts
        async with asyncio.timeout(patience):
            return Answer(ack_seconds, [await posts.get() for _ in range(answers)], url)

    def response_url(self) -> str:
        """A response URL as a command or a click carries it."""
        url = f"{self._root}/response/{secrets.token_hex(12)}"
        self._responses[url] = ResponseUrl(self._now())
        return url

    def answers(self, response_url: str) -> list[dict[str, Any]]:
        """What was posted to a response URL and not yet taken from here."""
        posts = self._responses[response_url].posts
        return [posts.get_nowait() for _ in range(posts.qsize())]

    def _new_socket_url(self) -> str:
        return f"ws{self._root.removeprefix('http')}/link?ticket={self.socket.ticket()}&app_id=A0LOOP"

    async def _serve_api(self, request: web.Request) -> web.StreamResponse:
        async def answer() -> tuple[str, web.Response]:
            authorization = request.headers.get("Authorization", "")
            try:
                body = self.workspace.answer(name, await _arguments(request), authorization)
            except Refused as refusal:
                return refusal.code, _refusal(refusal)
            scopes = ",".join(sorted(self.workspace.scopes))
            return "ok", web.json_response({"ok": True, **body}, headers={"X-OAuth-Scopes": scopes})

        name = request.match_info["method"]
        return await self._spoiled(name, request, answer)

    async def _serve_response(self, request: web.Request) -> web.StreamResponse:
        async def answer() -> tuple[str, web.Response]:
            try:
                self._take_response(f"{self._root}{request.path}", await _arguments(request))
            except Refused as refusal:
                status = 404 if refusal.code in {"used_url", "expired_url"} else 400
                return refusal.code, web.json_response({"ok": False, "error": refusal.code}, status=status)
            return "ok", web.json_response({"ok": True})

        return await self._spoiled("response_url", request, answer)

    async def _serve_upload(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()

        async def answer() -> tuple[str, web.Response]:
            if not self.workspace.files.receive(request.match_info["key"], content):
                return "refused", web.Response(status=400, text="error")
            return "ok", web.Response(text=f"OK - {len(content)}")

        return await self._spoiled("upload", request, answer)

    def _take_response(self, url: str, given: dict[str, Any]) -> None:
        response = self._responses.get(url)
        if response is None or self._now() - response.issued > RESPONSE_LIFE:
            raise Refused("expired_url")
        if response.uses >= RESPONSE_USES:
            raise Refused("used_url")
        if given.keys() - _RESPONSE_KEYS or given.get("response_type", "ephemeral") not in {"ephemeral", "in_channel"}:
            raise Refused("invalid_payload")
        refuse_message(given)
        if not self.takes_charts and any(block["type"] == CHARTS for block in given.get("blocks") or ()):
            raise Refused("invalid_blocks")
        response.uses += 1
        response.posts.put_nowait(given)

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        mode = self._due_fault("socket")
        if not mode:
            return await self.socket.serve(request)
        self.socket.refused += 1
        return await self._fault_response(mode) or _dropped(request)

    async def _spoiled(
        self, name: str, request: web.Request, answer: Callable[[], Awaitable[tuple[str, web.Response]]]
    ) -> web.StreamResponse:
        """Answer, unless a fault is due; either way the call is noted."""
        mode = self._due_fault(name)
        if mode and mode not in {"drop_after", "hang_after", "half", "slow"}:
            await self._note(name, request, f"fault {mode}")
            return await self._fault_response(mode) or _dropped(request)
        outcome, response = await answer()
        response.headers["Date"] = formatdate(self._now(), usegmt=True)
        await self._note(name, request, outcome)
        if mode == "half":
            await _half(request, response)
        if mode in {"half", "hang_after"}:
            await self._stopping.wait()
        if mode == "slow":
            await asyncio.sleep(0.1)
        return response if mode in {"", "slow"} else _dropped(request)

    def _due_fault(self, name: str) -> str:
        for fault in self._faults:
            if fault[0] in {name, "*"}:
                self._faults.remove(fault)
                return fault[1]
        return ""

    async def _fault_response(self, mode: str) -> web.Response | None:
        if mode == "hang":
            await self._stopping.wait()
        if mode in {"hang", "drop_before"}:
            return None
        if mode == "500":
            return web.Response(status=500, text="<html>Server Error</html>", content_type="text/html")
        if mode == "garbage":
            return web.Response(text='{"ok": tr', content_type="application/json")
        if mode == "portal":
            return web.Response(text="Please log in")
        code, _, seconds = mode.partition(":")
        return _refusal(Refused("ratelimited", retry_after=seconds) if code == "429" else Refused(mode))

    async def _note(self, name: str, request: web.Request, outcome: str) -> None:
        try:
            arguments = await _arguments(request)
        except Refused:
            arguments = {}
        call = Call(name, arguments, self._now(), outcome)
        self.calls.append(call)
        if self._log:
            self._log.write(json.dumps(asdict(call)) + "\n")
            self._log.flush()

    async def _control_command(self, request: web.Request) -> web.Response:
        try:
            return web.json_response(asdict(await self.command(**await request.json())))
        except TimeoutError:
            return web.json_response({"error": "no ack or no answer in time"}, status=504)

    async def _control_click(self, request: web.Request) -> web.Response:
        given = await request.json()
        held = {message.ts: message for message in self.messages}
        try:
            return web.json_response(asdict(await self.click(held[given.pop("ts")], **given)))
        except LookupError as error:
            return web.json_response({"error": str(error)}, status=400)
        except TimeoutError:
            return web.json_response({"error": "no ack or no answer in time"}, status=504)

    async def _control_fault(self, request: web.Request) -> web.Response:
        self.fault(**await request.json())
        return web.json_response({"ok": True})

    async def _control_mend(self, request: web.Request) -> web.Response:
        self.mend()
        return web.json_response({"ok": True})

    async def _control_list(self, request: web.Request) -> web.Response:
        items = [asdict(item) for item in getattr(self, request.match_info["what"])]
        return web.json_response(items, dumps=lambda held: json.dumps(held, default=len))  # of bytes, how many


async def _half(request: web.Request, response: web.Response) -> None:
    body = response.text or ""
    begun = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await begun.prepare(request)
    await begun.write(body[: len(body) // 2].encode())


def _dropped(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()


def _refusal(refusal: Refused) -> web.Response:
    extra = dict(refusal.extra)
    seconds = extra.pop("retry_after", None)
    body = {"ok": False, "error": refusal.code, **extra}
    if refusal.messages:
        body["response_metadata"] = {"messages": list(refusal.messages)}
    if seconds is None:
        return web.json_response(body)
    return web.json_response(body, status=429, headers={"Retry-After": seconds})


async def _arguments(request: web.Request) -> dict[str, Any]:
    if request.content_type == "image/png":
        return {}
    if request.content_type != "application/json":
        return {**request.query, **await request.post()}
    try:
        body = await request.json()
    except ValueError:
        raise Refused("invalid_json") from None
    if not isinstance(body, dict):
        raise Refused("json_not_object")
    return {**request.query, **body}


async def _serve(port: int, log: TextIO | None, *, paced: bool, charts: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    slack = FakeSlack(log=log, paced=paced)
    slack.takes_charts = charts
    sys.stdout.write(await slack.start(port) + "\n")
    sys.stdout.flush()
    await stop.wait()
    await slack.stop()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description="A loopback Slack for end-to-end tests.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, help="a JSON line for every call")
    parser.add_argument("--paced", action="store_true", help="refuse more than one post a second a channel")
    parser.add_argument("--no-charts", action="store_true", help="refuse charts of Slack's own")
    options = parser.parse_args()
    log = options.log.open("a") if options.log else None
    asyncio.run(_serve(options.port, log, paced=options.paced, charts=not options.no_charts))


if __name__ == "__main__":
    main()
