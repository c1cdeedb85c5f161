"""One Prometheus Alertmanager over HTTP, by its API v2: tell it of alerts, and ask which it has.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

import httpx

from alertbot.errors import CredentialsError, RelayError

LARGEST_ANSWER = 64 * 1024 * 1024
_MOST_WORDS = 200

Labels = tuple[tuple[str, str], ...]


class Alertmanager:
    """The one at ``url``; every method raises ``RelayError``. ``timeout`` bounds each request, in seconds.

    ``secret`` is a bearer token, or the password of ``user`` where that is given.
    """

    def __init__(self, url: str, *, secret: str | None = None, user: str | None = None, timeout: float = 10.0) -> None:
        self.url = url
        self._secret = secret
        self._timeout = timeout
        # A transport of its own: httpx then takes no proxy from the environment, as Prometheus takes none. What the
        # machine trusts counts, a house's own authority included; httpx alone knows only those that browsers trust.
        trust = ssl.create_default_context() if url.startswith("https:") else False
        transport = httpx.AsyncHTTPTransport(verify=trust)
        self._client = httpx.AsyncClient(
            base_url=url, transport=transport, auth=_auth(secret, user), follow_redirects=False
        )

    async def tell(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        """Tell it of alerts, as its API has them; of none, only to see whether it would take them."""
        await self._ask("POST", "alerts", list(alerts))

    async def firing(self, job: str) -> dict[Labels, float]:
        """The alerts with this ``job`` label that burn, with when each ends by itself, epoch seconds."""
        body = await self._ask("GET", "alerts", None, {"filter": f'job="{job}"'})
        try:
            return dict(_burning(each) for each in json.loads(body))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise RelayError("it answers with something that is no list of alerts") from None

    async def members(self) -> int:
        """How many its cluster has, itself included."""
        body = await self._ask("GET", "status")
        try:
            return max(len(json.loads(body)["cluster"].get("peers") or ()), 1)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise RelayError("it answers with something that is no status") from None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _ask(self, method: str, what: str, alerts: Any = None, params: Mapping[str, str] | None = None) -> bytes:
        """The body of an answer that is well. Causes are not chained: they may quote what was sent."""
        try:
            async with (
                asyncio.timeout(self._timeout),  # httpx's own time-outs count each phase
                self._client.stream(
                    method, f"/api/v2/{what}", json=alerts, params=params, timeout=self._timeout
                ) as response,
            ):
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > LARGEST_ANSWER:
                        raise RelayError(f"its answer is larger than {LARGEST_ANSWER // 2**20} MiB")
        except (TimeoutError, httpx.TimeoutException):
            raise RelayError(f"no answer within {self._timeout:g} s") from None
        except httpx.ConnectError as error:
            raise RelayError(self._clean(f"cannot connect: {error}")) from None
        except httpx.HTTPError as error:
            raise RelayError(self._clean(f"the connection broke: {str(error) or type(error).__name__}")) from None
        if response.status_code != HTTPStatus.OK:
            raise RelayError(self._clean(_refusal(response, bytes(body))))
        return bytes(body)

    def _clean(self, text: str) -> str:
        """Others' words for an operator: without the secret, on one line, cut to 200 characters."""
        if self._secret:
            text = text.replace(self._secret, "***")
        text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
        return text if len(text) <= _MOST_WORDS else f"{text[: _MOST_WORDS - 3]}..."


def _auth(secret: str | None, user: str | None) -> httpx.Auth | None:
    if user is not None:
        if secret is None:
            raise CredentialsError(
                "[alertmanager] names a user but there is no password: set ALERTBOT_ALERTMANAGER_TOKEN, or give "
                "systemd the credential alertmanager_token"
            )
        return httpx.BasicAuth(user, secret)
    if secret is None:
        return None
    if not (secret.isascii() and secret.isprintable()) or " " in secret:
        raise CredentialsError("the Alertmanager's token holds characters that no token has: copy it again")
    return _Bearer(secret)


class _Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


def _burning(alert: Mapping[str, Any]) -> tuple[Labels, float]:
    labels = tuple(sorted((str(name), str(value)) for name, value in alert["labels"].items()))
    return labels, datetime.fromisoformat(alert["endsAt"]).timestamp()


def _refusal(response: httpx.Response, body: bytes) -> str:
    status = f"HTTP {response.status_code}"
    if response.has_redirect_location:
        return f"{status}, it is elsewhere: {response.headers['Location']}"
    said = body[:2000].decode(errors="replace")
    if response.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return f"{status}, it refuses the token or password: {said}"
    return f"{status}: {said}" if said.strip() else status
