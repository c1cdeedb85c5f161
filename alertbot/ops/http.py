"""HTTP as alertbot asks others: the CDN's API, Alertmanagers, a heartbeat's host, the host of Slack's uploads.

httpx logs every URL and puts it into its exceptions. So what is secret of a URL is added in a transport, below all
that logs, raises or prints a request, and the words of an error are cleaned besides. No redirect is followed, since it
would take the secret elsewhere. ``network`` says which proxy is used and whose certificates count.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode

import httpx

from alertbot.errors import HttpError, HttpGarbled, HttpTimeout, HttpUnreachable
from alertbot.ops import network
from alertbot.ops.logs import Secrets

_MOST_WORDS = 200

# At DEBUG httpcore logs an answer's headers, and a redirect's Location repeats the query it was asked with.
logging.getLogger("httpcore").setLevel(logging.INFO)


class HttpClient:
    """Asks the server at ``url``; ``timeout`` bounds each call as a whole, in real seconds.

    Secret, and so never shown, are ``query``, which is added to every call, and where the URL is ``private`` all that
    comes after its host. Nor do error texts show ``secrets``. ``headers`` go with every call.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        private: bool = False,
        query: Mapping[str, str] | None = None,
        secrets: Collection[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._timeout = timeout
        self._secrets = Secrets(secrets)
        whole = httpx.URL(url)
        path, _, own_query = whole.raw_path.decode().partition("?") if private else ("", "", urlencode(query or {}))
        proxy = network.proxy_for(url)
        self._through = "" if proxy is None else f" through the proxy {network.shown(proxy)}"
        self._client = httpx.AsyncClient(
            base_url=whole.join("/") if private else url,
            transport=_SecretTransport(path, own_query, _transport(whole.scheme, proxy)),
            headers=headers,
            cookies=_no_cookies(),
            timeout=timeout,
            follow_redirects=False,
        )

    @asynccontextmanager
    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: str | bytes | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """Give the head of an answer, while its connection stands; raises ``HttpError``, within the block too.

        Causes are not chained: they may quote what was sent.
        """
        try:
            # httpx's own time-outs count each phase, and a dripping server outlasts them.
            async with (
                asyncio.timeout(self._timeout),
                self._client.stream(method, path, params=params, json=json, content=content) as response,
            ):
                yield response
        except (TimeoutError, httpx.TimeoutException):
            raise HttpTimeout(f"no answer within {self._timeout:g} s") from None
        except (httpx.ConnectError, httpx.ProxyError) as error:
            raise HttpUnreachable(self.clean(f"cannot connect{self._through}: {error}")) from None
        except httpx.HTTPError as error:
            raise HttpError(self.clean(f"the connection broke: {str(error) or type(error).__name__}")) from None

    def clean(self, text: str) -> str:
        """Others' words for an operator: without secrets, on one line, cut to 200 characters."""
        text = self._secrets.hide(text)
        text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
        return text if len(text) <= _MOST_WORDS else f"{text[: _MOST_WORDS - 3]}..."

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


async def read_body(response: httpx.Response, largest: int) -> bytes:
    """The body, unpacked; ``HttpGarbled`` where it has more than ``largest`` bytes, or is not what its head says."""
    body = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > largest:
                raise HttpGarbled(f"the answer is larger than {largest // 2**20} MiB")
    except (httpx.RemoteProtocolError, httpx.DecodingError):
        raise HttpGarbled("the answer is cut short, or not encoded as it says") from None
    return bytes(body)


class _SecretTransport(httpx.AsyncBaseTransport):
    """Adds what is secret of a URL to a copy of each request; the one that httpx logs and its errors carry has none."""

    def __init__(self, path: str, query: str, inner: httpx.AsyncBaseTransport) -> None:
        self._path = path.rstrip("/")
        self._query = query
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._inner.handle_async_request(
            httpx.Request(
                request.method,
                self._whole(request.url),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        )

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _whole(self, url: httpx.URL) -> httpx.URL:
        path, _, query = url.raw_path.decode().partition("?")
        if self._path:
            path = self._path + path.rstrip("/")
        query = "&".join(part for part in (query, self._query) if part)
        return url.copy_with(raw_path=(f"{path}?{query}" if query else path).encode())


def _no_cookies() -> CookieJar:
    """A jar that takes nothing: cookies that pile up end in an answer of 431."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


def _transport(scheme: str, proxy: str | None) -> httpx.AsyncHTTPTransport:
    """The way out. Certificates are read only where there is TLS: that takes time."""
    verify = network.trust() if scheme == "https" else False
    if proxy is None:
        return httpx.AsyncHTTPTransport(verify=verify)
    proxy_trust = network.trust() if proxy.startswith("https:") else None
    return httpx.AsyncHTTPTransport(verify=verify, proxy=httpx.Proxy(proxy, ssl_context=proxy_trust))
