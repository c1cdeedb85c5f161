"""Calls over HTTP: what goes over the wire, what never stands in a log or an error, and what each failure is."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress

import pytest

from alertbot.errors import HttpError, HttpGarbled, HttpTimeout, HttpUnreachable
from alertbot.ops.http import HttpClient, read_body

SECRET = "0d7c-5ecret"


@asynccontextmanager
async def server(answer, heard=None, heads=None):
    """Answers every request with these bytes; with none, never. ``heard`` collects the first line of each.

    ``heads``: all that stands before the body, in small letters.
    """

    serves = set()

    async def serve(reader, writer):
        serves.add(asyncio.current_task())
        head = await reader.readuntil(b"\r\n\r\n")
        if heard is not None:
            heard.append(head.decode().splitlines()[0])
        if heads is not None:
            heads.append(head.decode().lower())
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as serving:
        yield f"http://127.0.0.1:{serving.sockets[0].getsockname()[1]}"
    await asyncio.gather(*serves)


def reply(body=b"", *headers, status="200 OK"):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def ask(url, path="", *, largest=1000, params=None, **options):
    client = HttpClient(url, **{"timeout": 5.0} | options)
    try:
        async with client.ask("GET", path, params=params) as response:
            return response.status_code, await read_body(response, largest)
    finally:
        await client.aclose()


@pytest.mark.parametrize(
    ("url", "path", "options", "line"),
    [
        ("/v2/", "stat", {"params": {"a": "b,c"}, "query": {"token": SECRET}}, f"/v2/stat?a=b%2Cc&token={SECRET}"),
        ("/v2/", "stat", {"query": {"token": f"{SECRET} +ä"}}, f"/v2/stat?token={SECRET}+%2B%C3%A4"),
        (f"/{SECRET}", "/start", {"private": True}, f"/{SECRET}/start"),
        (f"/{SECRET}/?r=%2F7", "/", {"private": True}, f"/{SECRET}?r=%2F7"),
        (f"?r={SECRET}", "/", {"private": True}, f"/?r={SECRET}"),
    ],
)
async def test_what_is_secret_of_a_url_is_asked_for_and_never_logged(url, path, options, line, caplog):
    caplog.set_level(logging.DEBUG)
    heard = []
    async with server(reply(b"yes"), heard) as root:
        assert await ask(root + url, path, **options) == (200, b"yes")
    assert heard == [f"GET {line} HTTP/1.1"]
    assert f"HTTP Request: GET {root}" in caplog.text
    assert SECRET not in caplog.text


async def test_no_cookie_is_kept():
    heads = []
    async with server(reply(b"", "Set-Cookie: a=b; Path=/", "Set-Cookie: c=d; Domain=127.0.0.1"), heads=heads) as root:
        client = HttpClient(root, timeout=5.0)
        for _ in range(2):
            async with client.ask("GET", "") as response:
                assert response.headers["set-cookie"]
        await client.aclose()
    assert len(heads) == 2
    assert not any("cookie:" in head for head in heads)


async def test_a_redirect_is_an_answer_and_not_followed():
    heard = []
    async with server(reply(b"", f"Location: http://127.0.0.1:1/{SECRET}", status="302 Found"), heard) as root:
        assert await ask(root) == (302, b"")
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (None, HttpTimeout, "no answer within 0.2 s"),
        (b"", HttpError, "the connection broke: "),
        (f"what {SECRET}?\r\n\r\n".encode(), HttpError, "the connection broke: "),
        (reply(b"x" * 1001), HttpGarbled, "the answer is larger than 0 MiB"),
        (reply(b"abc")[:-1], HttpGarbled, "the answer is cut short, or not encoded as it says"),
        (reply(b"abc", "Content-Encoding: gzip"), HttpGarbled, "the answer is cut short, or not encoded as it says"),
    ],
)
async def test_each_failure_is_its_own_error_in_a_line_without_secrets(answer, error, words):
    async with server(answer) as root:
        with pytest.raises(HttpError) as caught:
            await ask(root, timeout=0.2 if answer is None else 5.0, secrets=[SECRET])
    said = str(caught.value)
    assert type(caught.value) is error
    assert said.startswith(words)
    assert said.isprintable()
    assert SECRET not in said
    assert caught.value.__cause__ is None


async def test_a_server_that_is_not_there_cannot_be_reached():
    with pytest.raises(HttpUnreachable, match="cannot connect: "):
        await ask("http://127.0.0.1:9")


async def test_others_words_are_shown_on_one_line_without_secrets_and_cut():
    client = HttpClient("http://127.0.0.1:9", timeout=1, secrets=[SECRET])
    assert client.clean(f"who is\n {SECRET}?\x1b[1m") == "who is ***? [1m"
    assert client.clean("x" * 201) == "x" * 197 + "..."
    await client.aclose()
