"""An Alertmanager that answers wrongly, or never: what an operator is told of it, and what never stands in that."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from alertbot.alertmanager.client import Alertmanager
from alertbot.errors import CredentialsError, RelayError

SECRET = "tok-5ecret"


@asynccontextmanager
async def server(answer, heard=None):
    """Answers every request with these bytes; with none, never. ``heard`` collects what came."""

    serves = set()

    async def serve(reader, writer):
        serves.add(asyncio.current_task())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-l")), 0
        )
        body = await reader.readexactly(length)
        if heard is not None:
            heard.append((head, body))
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    serving = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{serving.sockets[0].getsockname()[1]}/prefix"
    finally:
        serving.close()
        await serving.wait_closed()
        await asyncio.gather(*serves)


@asynccontextmanager
async def client(url, **options):
    one = Alertmanager(url, **{"secret": SECRET, "timeout": 0.5} | options)
    try:
        yield one
    finally:
        await one.aclose()


def reply(status, body=b"", *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "no answer within 0.5 s"),
        (b"", "the connection broke"),
        (b"what?\r\n\r\n", "the connection broke"),
        (reply("404 Not Found", b"404 page not found\n"), "HTTP 404: 404 page not found"),
        (reply("401 Unauthorized", f"who is {SECRET}?\x1b[1m".encode()), "HTTP 401, it refuses the token or password"),
        (reply("403 Forbidden"), "HTTP 403, it refuses the token or password"),
        (reply("301 Moved", b"", "Location: https://am.example.com/"), "it is elsewhere: https://am.example.com/"),
        (reply("400 Bad Request", b'"label name is invalid"'), 'HTTP 400: "label name is invalid"'),
        (reply("500 Oops", b"x" * 5000), "HTTP 500: xxx"),
        (reply("502 Bad Gateway"), "HTTP 502"),
    ],
)
async def test_what_is_wrong_is_said_in_a_line_without_the_secret(answer, words):
    async with server(answer) as url, client(url) as alertmanager:
        with pytest.raises(RelayError) as caught:
            await alertmanager.send([{"labels": {"alertname": "x"}}])

    said = str(caught.value)
    assert words in said
    assert SECRET not in said
    assert said.isprintable()
    assert len(said) <= 200
    assert caught.value.__cause__ is None


async def test_one_that_is_not_there_is_told_so():
    async with client("http://127.0.0.1:9") as alertmanager:
        with pytest.raises(RelayError, match="cannot connect"):
            await alertmanager.send([])


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b'[{"labels": {}}]', b'[{"labels": {}, "endsAt": "soon"}]', b"\xff"]
)
async def test_garbage_for_its_alerts_is_told_as_that(body):
    async with server(reply("200 OK", body)) as url, client(url) as alertmanager:
        if body == b"{}":  # an empty object reads as no alerts
            assert await alertmanager.firing("alertbot") == {}
            return
        with pytest.raises(RelayError, match="no list of alerts"):
            await alertmanager.firing("alertbot")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"cluster": 1}', b'{"cluster": {"peers": 2}}'])
async def test_garbage_for_its_status_is_told_as_that(body):
    async with server(reply("200 OK", body)) as url, client(url) as alertmanager:
        with pytest.raises(RelayError, match="no status"):
            await alertmanager.members()


async def test_its_alerts_are_read_with_their_ends():
    body = b'[{"labels": {"b": "2", "a": "\xc3\xa4"}, "endsAt": "2026-03-02T00:05:00.250Z", "startsAt": "x"}]'
    heard = []
    async with server(reply("200 OK", body), heard) as url, client(url) as alertmanager:
        assert await alertmanager.firing("alertbot") == {(("a", "ä"), ("b", "2")): 1772409900.25}

    assert heard[0][0].startswith("GET /prefix/api/v2/alerts?filter=job%3D%22alertbot%22 ")


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({}, f"Authorization: Bearer {SECRET}"),
        ({"user": "alertbot"}, "Authorization: Basic YWxlcnRib3Q6dG9rLTVlY3JldA=="),
        ({"secret": None}, None),
    ],
)
async def test_it_is_asked_as_the_configuration_says(options, header):
    heard = []
    async with server(reply("200 OK"), heard) as url, client(url, **options) as alertmanager:
        await alertmanager.send([])

    ((head, body),) = heard
    assert head.startswith("POST /prefix/api/v2/alerts HTTP/1.1")
    assert body == b"[]"
    assert [line for line in head.splitlines() if line.startswith("Authorization")] == ([header] if header else [])


@pytest.mark.parametrize(
    ("secret", "user", "words"),
    [
        (None, "alertbot", "set ALERTBOT_ALERTMANAGER_TOKEN"),
        ("tok\nen", None, "copy it again"),
        ("tök", None, "copy it again"),
        ("to ken", None, "copy it again"),
    ],
)
def test_a_secret_that_cannot_be_one_is_refused_before_anything_is_sent(secret, user, words):
    with pytest.raises(CredentialsError) as caught:
        Alertmanager("http://127.0.0.1:9", secret=secret, user=user)

    assert words in str(caught.value)
    assert secret is None or secret not in str(caught.value)


@pytest.mark.parametrize("user", [None, "alertbot"])
def test_the_secret_is_in_no_repr(user):
    assert SECRET not in repr(vars(Alertmanager("http://127.0.0.1:9", secret=SECRET, user=user))["_http"])
