"""What it means that a call of Slack's failed: whether it may have been carried out, passes, or is refused for good."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook.webhook_response import WebhookResponse

from alertbot.errors import CredentialsError, CredentialsInactive, DeliveryError, HttpTimeout, HttpUnreachable

SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds between which a pause lies that Slack asks for: after five minutes it is asked whether it still holds."""

REFUSED_TOKEN = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
    }
)
"""Slack's words for a token that cannot be used."""

DEAD_TOKEN = REFUSED_TOKEN - {"missing_scope", "no_permission"}
"""Slack's words for a token that no call may use; with the other words a call of another method may succeed."""

NOT_LISTED = "channels_not_listed"
"""Our own word: the id of a channel is not known, since Slack has not listed its channels yet."""

AWAY = "no_answer"
"""Our own word: Slack answers nothing at all just now."""

REFUSED_BLOCKS = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "invalid_attachments", "msg_blocks_too_long", "msg_too_long"}
)
"""Slack's words for a message whose blocks it does not take."""

REFUSED_CHANNEL = frozenset({"channel_not_found", "is_archived", "is_inactive", "not_in_channel", "team_not_found"})
"""Slack's words for a channel that the bot may not use, or not as it is now."""

GONE = frozenset({"message_not_found", "thread_not_found", "diverted"})
"""Words that say that a message, or its thread, is not there."""

_PASSING = frozenset(
    {
        "accesslimited",
        "ekm_access_denied",
        "external_channel_migrating",
        "message_limit_exceeded",
        "org_login_required",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)
# "It's possible some aspect of the operation succeeded before the error was raised", says every method's page.
_MAY_STAND = frozenset({"fatal_error", "internal_error"})
_LIKE_5XX = re.compile(r"(?:server|backend|upstream)_error|gateway|unavailable|overloaded|time(?:d_)?out")
_WORD = re.compile(r"[a-z][a-z0-9_]{2,60}")
_OK, _TOO_MANY, _SERVER_ERROR = 200, 429, 500

_UNSENT: Mapping[type[Exception], str] = {
    aiohttp.ClientHttpProxyError: "refused_by_proxy",
    aiohttp.ClientProxyConnectionError: "proxy_unreachable",
    aiohttp.ClientConnectorCertificateError: "untrusted_certificate",
    aiohttp.ClientConnectorError: "unreachable",
    HttpUnreachable: "unreachable",
}
"""What says that Slack was not asked at all, the more special before the more general."""


def raise_if_refused(error: DeliveryError, which: str, variable: str, credential: str) -> None:
    """``CredentialsError`` where the error is Slack's refusal of the token itself."""
    if error.code in REFUSED_TOKEN:
        kind = CredentialsInactive if error.code == "account_inactive" else CredentialsError
        raise kind(
            f"Slack refuses the {which} token ({error.code}): check {variable}, or the systemd credential {credential}"
        ) from None


def delivery_error(error: Exception) -> DeliveryError:
    """What a failed call of slack_sdk or aiohttp means; nothing of its own text is kept, only Slack's word for it."""
    if isinstance(error, DeliveryError):
        return error
    if isinstance(error, SlackApiError):
        return refusal(*_answered(error.response))
    if (unsent := next((code for kind, code in _UNSENT.items() if isinstance(error, kind)), None)) is not None:
        return DeliveryError(unsent)
    if isinstance(error, TimeoutError | HttpTimeout):
        return DeliveryError("timeout", unknown=True)
    return DeliveryError("answer_lost", unknown=True)


def _answered(response: Any) -> tuple[int, str, Mapping[str, str]]:
    """Status, Slack's word for the error ("" for none) and headers.

    The SDK's errors hold its own response, or aiohttp's where the body is not JSON.
    """
    data = getattr(response, "data", None)
    word = data.get("error") if isinstance(data, dict) else None
    status = response.status_code if hasattr(response, "status_code") else response.status
    return status, _word(word), response.headers


def webhook_error(response: WebhookResponse) -> DeliveryError | None:
    """Why an answer through a response URL was not taken; ``None`` where it was."""
    try:
        body = json.loads(response.body)
    except ValueError:
        body = response.body
    if response.status_code == _OK and (body == "ok" or (isinstance(body, dict) and body.get("ok"))):
        return None
    word = body.get("error") if isinstance(body, dict) else body
    return refusal(response.status_code, _word(word), response.headers)


def _word(given: object) -> str:
    return given if isinstance(given, str) and _WORD.fullmatch(given) else ""


def refusal(status: int, word: str, headers: Mapping[str, str]) -> DeliveryError:
    """What an HTTP status and Slack's word ("" for none) say of a call that was not carried out as asked."""
    if status == _TOO_MANY:
        return DeliveryError(word or "ratelimited", retry_after=_seconds(headers.get("Retry-After")))
    if status >= _SERVER_ERROR:
        return DeliveryError(word or f"http_{status}", unknown=True)
    if word in _PASSING:
        return DeliveryError(word, retry_after=_seconds(headers.get("Retry-After")))
    if word in _MAY_STAND or _LIKE_5XX.search(word):
        return DeliveryError(word, unknown=True)
    if status == _OK and not word:
        return DeliveryError("garbled", unknown=True)
    # Without a word it was not Slack that refused, but something on the way there.
    return DeliveryError(word or f"http_{status}", permanent=bool(word))


def _seconds(header: str | None) -> float | None:
    """The pause that Slack asks for, never so short that it is a hot loop, nor so long that alerts are forgotten."""
    if header is None or not (header.isascii() and header.isdigit()):
        return None
    return min(max(float(header), SHORTEST_PAUSE), LONGEST_PAUSE)
