"""One Prometheus Alertmanager over HTTP, by its API v2: send it alerts, and ask which it has.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

from alertbot.errors import CredentialsError, HttpError, RelayError
from alertbot.ops.http import HttpClient, read_body

LARGEST_ANSWER = 64 * 1024 * 1024

Labels = tuple[tuple[str, str], ...]


class Alertmanager:
    """The one at ``url``; every method raises ``RelayError``. ``timeout`` bounds each request, in seconds.

    ``secret`` is a bearer token, or the password of ``user`` where that is given.
    """

    def __init__(self, url: str, *, secret: str | None = None, user: str | None = None, timeout: float = 10.0) -> None:
        self.url = url
        headers = _authorization(secret, user)
        self._http = HttpClient(url, timeout=timeout, secrets=[secret] if secret else [], headers=headers)

    async def send(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        """Send it alerts, as its API takes them; none of them, only to see whether it takes any."""
        await self._ask("POST", "alerts", list(alerts))

    async def firing(self, job: str) -> dict[Labels, float]:
        """The firing alerts with this ``job`` label, by their labels: when each ends by itself, epoch seconds."""
        body = await self._ask("GET", "alerts", None, {"filter": f'job="{job}"'})
        try:
            return dict(_firing(each) for each in json.loads(body))
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
        await self._http.aclose()

    async def _ask(self, method: str, what: str, alerts: Any = None, params: Mapping[str, str] | None = None) -> bytes:
        """The body of an answer with status 200."""
        try:
            async with self._http.ask(method, f"/api/v2/{what}", json=alerts, params=params) as response:
                body = await read_body(response, LARGEST_ANSWER)
        except HttpError as error:
            raise RelayError(str(error)) from None
        if response.status_code != HTTPStatus.OK:
            elsewhere = response.headers["Location"] if response.has_redirect_location else None
            raise RelayError(self._http.clean(_refusal(response.status_code, elsewhere, body)))
        return body


def _authorization(secret: str | None, user: str | None) -> Mapping[str, str]:
    if user is not None:
        if secret is None:
            raise CredentialsError(
                "[alertmanager] names a user but there is no password: set ALERTBOT_ALERTMANAGER_TOKEN, or give "
                "systemd the credential alertmanager_token"
            )
        return {"Authorization": f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"}
    if secret is None:
        return {}
    if not (secret.isascii() and secret.isprintable()) or " " in secret:
        raise CredentialsError("the Alertmanager's token holds characters that no token has: copy it again")
    return {"Authorization": f"Bearer {secret}"}


def _firing(alert: Mapping[str, Any]) -> tuple[Labels, float]:
    labels = tuple(sorted((str(name), str(value)) for name, value in alert["labels"].items()))
    return labels, datetime.fromisoformat(alert["endsAt"]).timestamp()


def _refusal(status: int, elsewhere: str | None, body: bytes) -> str:
    if elsewhere is not None:
        return f"HTTP {status}, it is elsewhere: {elsewhere}"
    said = body[:2000].decode(errors="replace")
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return f"HTTP {status}, it refuses the token or password: {said}"
    return f"HTTP {status}: {said}" if said.strip() else f"HTTP {status}"
