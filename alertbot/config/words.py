"""Words for an operator who mistyped: what was meant, what was found."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import date, datetime, time

_SECRET = re.compile(r"xox[a-z]-|xapp-|hooks\.slack\.com|[?&]token=", re.IGNORECASE)
_SECRET_KEY = re.compile(r"token|secret|passw|api_?key|credential", re.IGNORECASE)
_SECRETS = (
    "secrets never stand in this file: set ALERTBOT_API_TOKEN, ALERTBOT_SLACK_BOT_TOKEN, ALERTBOT_SLACK_APP_TOKEN and "
    "ALERTBOT_ALERTMANAGER_TOKEN in the environment, or give systemd the credentials api_token, slack_bot_token, "
    "slack_app_token and alertmanager_token"
)
_FOUND = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a table",
    datetime: "a date and time",
    date: "a date",
    time: "a time of day",
}


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """``, did you mean "threshold"?`` for ``treshold``; empty where no choice is like it."""
    folded = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.7)
    return f', did you mean "{folded[close[0]]}"?' if close else ""


def one_of(choices: Iterable[str]) -> str:
    """``"info", "warning" or "critical"``."""
    *most, last = (f'"{choice}"' for choice in choices)
    return f"{', '.join(most)} or {last}" if most else last


def found(value: object) -> str:
    """What kind of TOML value this is; never the value itself, which may be a secret."""
    return _FOUND[type(value)]


def quoted(text: str) -> str:
    """The text in quotes, cut where it is long."""
    return '"' + (text if len(text) <= 60 else text[:57] + "...") + '"'


def secret_in_value(text: str) -> str | None:
    """The message for a value that looks like a token or a webhook; it does not repeat the value."""
    return f"this looks like a secret; {_SECRETS}" if _SECRET.search(text) else None


def secret_in_key(key: str) -> str | None:
    """The message for a key that is named like a secret."""
    return _SECRETS if _SECRET_KEY.search(key) else None
