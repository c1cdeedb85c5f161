"""How calls leave the machine: one rule for proxies and certificates, and the token is the proxy's business nowhere."""

from __future__ import annotations

import asyncio
import logging
import shutil
import ssl
from contextlib import asynccontextmanager, suppress

import pytest
from fakes.wire.proxy import authority, proxying

from alertbot.errors import HttpUnreachable
from alertbot.ops import network
from alertbot.ops.http import HttpClient, read_body

SECRET = "0d7c-5ecret"
PROXY = "http://proxy.example.com:3128"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Sets variables; none of the machine's own counts."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    def put(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return put


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, "https://slack.com/api/", None),
        ({"HTTPS_PROXY": PROXY}, "https://slack.com/api/", PROXY),
        ({"https_proxy": PROXY}, "wss://wss-primary.slack.com/link", PROXY),
        ({"HTTPS_PROXY": PROXY}, "http://slack.com/", None),
        ({"HTTP_PROXY": PROXY}, "ws://slack.com/", PROXY),
        ({"ALL_PROXY": PROXY}, "https://slack.com/", PROXY),
        ({"HTTPS_PROXY": "proxy.example.com:3128"}, "https://slack.com/", PROXY),
        ({"HTTPS_PROXY": ""}, "https://slack.com/", None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "slack.com"}, "https://slack.com/", None),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "a.org, .slack.com"}, "https://files.slack.com/", None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "slack.com"}, "https://notslack.com/", PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, "https://slack.com/", None),
        ({"HTTP_PROXY": PROXY}, "http://localhost:9093/", None),
        ({"HTTP_PROXY": PROXY}, "http://127.0.0.2:9093/", None),
        ({"HTTP_PROXY": PROXY}, "http://[::1]:9093/", None),
        # What cannot be used is as good as none; `doctor` says so.
        ({"ALL_PROXY": "socks5://proxy.example.com:1080"}, "https://slack.com/", None),
        ({"HTTPS_PROXY": "http://proxy.example.com:port"}, "https://slack.com/", None),
        ({"HTTPS_PROXY": "http://"}, "https://slack.com/", None),
    ],
)
def test_the_environment_says_which_proxy_a_url_is_asked_for_through(environment, variables, url, proxy):
    environment(**variables)
    assert network.proxy_for(url) == proxy


def test_a_proxys_password_is_a_secret_and_not_shown(environment):
    environment(HTTPS_PROXY="http://bot:p%40ss-word@proxy.example.com:3128")
    assert set(network.proxy_secrets()) == {"p%40ss-word", "p@ss-word"}
    assert network.shown(network.proxy_for("https://slack.com/")) == PROXY


@asynccontextmanager
async def origin(heard, context=None):
    """The port of a server that answers ``yes`` to everything."""
    serves = set()

    async def serve(reader, writer):
        serves.add(asyncio.current_task())
        heard.append((await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[0])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nyes")
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as serving:
        yield serving.sockets[0].getsockname()[1]
    await asyncio.gather(*serves)


async def ask(url, **options):
    client = HttpClient(
        url, timeout=5.0, query={"token": SECRET}, secrets=[SECRET, *network.proxy_secrets()], **options
    )
    try:
        async with client.ask("GET", "stat") as response:
            return response.status_code, await read_body(response, 1000)
    finally:
        await client.aclose()


async def test_a_call_goes_through_the_proxy_and_its_token_into_no_log(environment, caplog):
    caplog.set_level(logging.DEBUG)
    heard = []
    async with origin(heard) as port, proxying({"feed.example.com": port}) as proxy:
        environment(HTTP_PROXY=proxy.url.replace("//", "//bot:p%40ss@"))
        assert await ask("http://feed.example.com/v2/") == (200, b"yes")
    assert heard == [f"GET /v2/stat?token={SECRET} HTTP/1.1"]
    assert "Proxy-Authorization: Basic Ym90OnBAc3M=" in proxy.heads[0]
    assert SECRET not in caplog.text
    assert "p@ss" not in caplog.text


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
async def test_a_companys_own_authority_counts_and_the_proxy_sees_the_host_alone(environment, tmp_path):
    certificate, key = authority(tmp_path, "feed.example.com")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    heard = []
    async with origin(heard, context) as port, proxying({"feed.example.com": port}) as proxy:
        environment(HTTPS_PROXY=proxy.url)
        with pytest.raises(HttpUnreachable, match=rf"through the proxy {proxy.url}: .*certificate verify failed"):
            await ask("https://feed.example.com/v2/")
        environment(SSL_CERT_FILE=str(certificate))
        assert await ask("https://feed.example.com/v2/") == (200, b"yes")
    assert proxy.asked == ["CONNECT feed.example.com:443 HTTP/1.1"] * 2
    assert not any(SECRET in head for head in proxy.heads)
    assert heard == [f"GET /v2/stat?token={SECRET} HTTP/1.1"]


async def test_a_proxy_that_refuses_or_is_not_there_is_named_without_its_password(environment):
    async with proxying({}, refuses="407 Proxy Authentication Required") as proxy:
        environment(HTTPS_PROXY=proxy.url.replace("//", "//bot:pass-word@"))
        with pytest.raises(HttpUnreachable) as refused:
            await ask("https://feed.example.com/v2/")
    assert str(refused.value) == f"cannot connect through the proxy {proxy.url}: 407 Proxy Authentication Required"
    with pytest.raises(HttpUnreachable, match=f"cannot connect through the proxy {proxy.url}: "):
        await ask("https://feed.example.com/v2/")
