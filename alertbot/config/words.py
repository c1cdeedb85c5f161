"""How mistakes in a TOML file are spoken of: what was found, what was meant, and what must never stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time

from alertbot import words

_SECRET = re.compile(r"xox[a-z]-|xapp-|hooks\.slack\.com|[?&]token=", re.IGNORECASE)
_SECRET_KEY = re.compile(r"token|secret|passw|api_?key|credential", re.IGNORECASE)
_SECRETS = (
    "secrets never stand in this file: set ALERTBOT_API_TOKEN, ALERTBOT_SLACK_BOT_TOKEN, ALERTBOT_SLACK_APP_TOKEN and "
    "ALERTBOT_ALERTMANAGER_TOKEN in the environment, or give systemd the credentials api_token, slack_bot_token, "
    "slack_app_token and alertmanager_token"
)
_ALIKE = 0.7
_MOST_COMPARED = 1000  # all time zones, and as many domains as are worth the time
_FOUND = {
    bool: "true or false",
    int: "a whole number",
    float: "a decimal number",
    str: "text",
    list: "a list",
    dict: "a table",
    datetime: "a date and time",
    date: "a date",
    time: "a time of day",
}


def quoted(text: str) -> str:
    """The text in quotes, cut where it is longer than most domains."""
    return words.quoted(text, 60)


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """``, did you mean "threshold"?`` for ``treshold``; empty where no choice is very like it."""
    return words.did_you_mean(word, choices, ', did you mean "{}"?', alike=_ALIKE, among=_MOST_COMPARED)


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that ``did_you_mean`` names."""
    return words.nearest(word, choices, alike=_ALIKE, among=_MOST_COMPARED)


def found(value: object) -> str:
    """What kind of TOML value this is; never the value itself, which may be a secret."""
    return _FOUND[type(value)]


def secret_in_value(text: str) -> str | None:
    """The message for a value that looks like a token or a webhook; it does not repeat the value."""
    return f"this looks like a secret; {_SECRETS}" if _SECRET.search(text) else None


def secret_in_key(key: str) -> str | None:
    """The message for a key that is named like a secret."""
    return _SECRETS if _SECRET_KEY.search(key) else None
