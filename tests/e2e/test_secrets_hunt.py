"""A hunt for secrets: the real process at DEBUG, all made to fail, then every place searched they could be in."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from fakes.rigs.needs import needs
from fakes.rigs.stage import API_TOKEN, SECRETS, Stage, StageClock
from fakes.rigs.waiting import for_a_while, wait_for
from fakes.wire.pinged import SECRET

pytestmark = needs("faketime")

START = int(datetime(2026, 11, 2, 10, 0, tzinfo=UTC).timestamp())
MINUTE = 60
STEP = 2 * MINUTE
FAILS_FROM = START + 12 * MINUTE
MODES = ("401", "500", "429", "hang", "garbage", "truncated", "drip", "reset")
WELL_FROM = FAILS_FROM + len(MODES) * STEP

SCENARIO = {
    "domains": {"video.example.com": {"level": 1.84e9}, "img.example.com": {"level": 3e8}},
    "lag": {"default": 120},
    "faults": [
        {"start": FAILS_FROM + index * STEP, "end": FAILS_FROM + (index + 1) * STEP, "mode": mode}
        for index, mode in enumerate(MODES)
    ],
}

RULES = """
[watch]
domains = ["*"]

[heartbeat]
url = "{there}/ping/{secret}"

[alertmanager]
urls = ["{there}"]

[metrics]
listen = "127.0.0.1:{port}"

[[rule]]
name = "video-ceiling"
kind = "threshold"
domains = ["video.*"]
above = "1 Gbps"
"""

RELAY_TOKEN = "tok-5ecret-of-the-alertmanagers"
HUNTED = {*SECRETS, SECRET, RELAY_TOKEN, quote(API_TOKEN, safe="")}
SLACK_MODES = ("500", "garbage", "portal", "429:1", "drop_before", "drop_after", "half", "invalid_auth", "fatal_error")


@pytest.fixture
def switch() -> Iterator[str]:
    """A dead man's switch, and an Alertmanager, that answers with a page which repeats all it was sent; its address."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(500)
            self.end_headers()
            self.wfile.write(f"no such page: {self.path} {self.headers}".encode())

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def found_in(text: str | bytes) -> set[str]:
    data = text if isinstance(text, bytes) else text.encode()
    return {secret for secret in HUNTED if secret.encode() in data}


def command_lines() -> bytes:
    """Those of every process of the machine."""
    lines = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines += path.read_bytes()
        except OSError:  # it has ended
            continue
    return lines


def test_no_secret_stands_anywhere_whatever_fails(tmp_path, switch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clock = StageClock.fast(START)
    rules = RULES.format(there=switch, secret=SECRET, port=port)
    with Stage(tmp_path / "stage", clock, SCENARIO, rules) as stage:
        bot = stage.bot("--log-level", "DEBUG", environment={"ALERTBOT_ALERTMANAGER_TOKEN": RELAY_TOKEN})
        wait_for(stage.told, "the first alert")
        seen: list[str | bytes] = []
        for mode in SLACK_MODES:
            for method in ("chat.postMessage", "chat.update", "auth.test", "apps.connections.open"):
                stage.spoil_slack(method, mode)
        right = stage.configuration.read_text()
        stage.configuration.write_text(right.replace("[heartbeat]", f'[heartbeat]\ntoken = "{API_TOKEN}"'))
        bot.signal(signal.SIGHUP)
        wait_for(lambda: "is not reloaded" in bot.printed, "a refusal")
        with httpx.Client(trust_env=False, timeout=30) as client:
            while "the CDN's API answers again" not in bot.printed:
                for_a_while(0.1)  # what else it says meanwhile is hunted through whenever it comes
                answers = [client.get(f"http://127.0.0.1:{port}{path}") for path in ("/metrics", "/healthz", "/x")]
                seen += [answer.content + str(answer.headers).encode() for answer in answers]
        stage.configuration.write_text(right)
        bot.signal(signal.SIGHUP)
        wait_for(lambda: "is reloaded" in bot.printed, "a reload")
        seen += [stage.shell("status"), stage.shell("status", "--json"), stage.shell("alerts"), command_lines()]
        bot.signal(signal.SIGABRT)  # as the watchdog would: it prints where it stood
        assert bot.wait() == -signal.SIGABRT

        log = bot.printed
        for words in (
            "HTTP 401",
            "HTTP 500",
            "no answer within",
            "Slack",
            "the heartbeat is not heard",
            "takes no alerts",
        ):
            assert words in log
        assert "Fatal Python error: Aborted" in log
        places = {str(number): text for number, text in enumerate(seen)} | {"log": log}
        files = [path for path in stage.configuration.parent.iterdir() if path != stage.configuration]
        places |= {path.name: path.read_bytes() for path in files}
        assert {"alertbot.db", "log"} <= set(places)
        assert {place: found_in(text) for place, text in places.items() if found_in(text)} == {}
        assert stage.leaks() == []
        # They were there to be found.
        assert found_in(stage.configuration.read_bytes()) == {SECRET}
