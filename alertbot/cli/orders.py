"""``alertbot ack``, ``silence``, ``unsilence``: orders from the shell, which the service carries out."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click

from alertbot.config import load
from alertbot.errors import AlertbotError, UsageError
from alertbot.incidents.order_parser import parse_order
from alertbot.messages.blocks import Message
from alertbot.messages.slack import plain
from alertbot.query.status import seems_to_run
from alertbot.store import feed, requests, schema
from alertbot.store.requests import RequestOutcome

PATIENCE = 15.0
"""Seconds for which an answer is awaited beyond the time from one probe to the next."""

_LOOK = 0.2


def give_order(config_path: Path, words: Sequence[str]) -> None:
    """Leave an order for the service and print what it did; ``UsageError`` where the order is wrong or refused."""
    config = load(config_path)
    path, now = config.store.path, time.time()
    parse_order(words, now, config.slack.zone)  # so that what is wrong is refused at once
    number = requests.leave(path, _author(), words, now)
    if not _runs(path, now, config.feed.probe):
        click.echo("The service does not seem to run: this will be done when it starts, if that is within a day.")
        return
    outcome = _awaited(path, number, config.feed.probe + PATIENCE)
    if outcome.refused:
        raise UsageError(outcome.answer)
    click.echo(plain(Message(outcome.answer)))


def _author() -> str:
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # this user id has no name
        name = "somebody"
    return f"{name} (shell)"


def _runs(path: Path, now: float, probe: float) -> bool:
    """Whether the service said something of late."""
    with closing(schema.open_for_reading(path)) as db:
        held = feed.live(db)
    return held is not None and seems_to_run(held[0], now, probe)


def _awaited(path: Path, number: int, seconds: float) -> RequestOutcome:
    deadline = time.monotonic() + seconds
    with closing(schema.open_for_reading(path)) as db:
        while time.monotonic() < deadline:
            outcome = requests.outcome(db, number)
            if outcome is not None:
                return outcome
            time.sleep(_LOOK)
    raise AlertbotError(
        f"the service has not answered within {seconds:.0f}s: it does this once it looks at the feed again"
    )
