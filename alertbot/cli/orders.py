"""``alertbot ack``, ``unack``, ``silence``, ``unsilence``: orders from the shell, which the service carries out."""

from __future__ import annotations

import getpass
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from alertbot.cli.terminal import readable, say
from alertbot.config import Config, load
from alertbot.config.watch import lay_out
from alertbot.errors import AlertbotError, UsageError
from alertbot.incidents.coverage import domains_covered, is_wide
from alertbot.incidents.order_parser import parse_order
from alertbot.incidents.orders import Silence
from alertbot.incidents.silences import INCIDENT_MARK
from alertbot.messages.blocks import Message
from alertbot.messages.silences import target_words
from alertbot.messages.slack import plain
from alertbot.query.status import seems_to_run
from alertbot.query.targets import target_meant
from alertbot.store import feed, requests, samples, schema
from alertbot.store.checkup import is_free, is_in_use
from alertbot.store.requests import RequestOutcome
from alertbot.units import format_duration

PATIENCE = 15.0
"""Seconds for which an answer is awaited beyond the time from one probe to the next."""

_LOOK = 0.2


def give_order(config_path: Path, words: Sequence[str], *, yes: bool = False, as_json: bool = False) -> None:
    """Leave an order for the service and print what it did; ``UsageError`` where the order is wrong or refused.

    A silence that covers much is asked about on a terminal, unless ``yes``.
    """
    words = [readable(word) for word in words]
    config = load(config_path)
    path, now = config.store.path, time.time()
    order = parse_order(words, now, config.slack.zone)  # so that what is wrong is refused at once
    if isinstance(order, Silence) and not yes and sys.stdin.isatty():
        _ask_first(config, order)
    number = requests.leave(path, _author(), words, now)
    if not _runs(path, now, config.feed.probe):
        later = "The service does not seem to run: this will be done when it starts, if that is within a day."
        _print(later, number, done=False, as_json=as_json)
        return
    outcome = _awaited(path, number, config.feed.probe + PATIENCE)
    if outcome.refused:
        raise UsageError(outcome.answer)
    _print(plain(Message(outcome.answer)), number, done=True, as_json=as_json)


def _print(answer: str, request: int, *, done: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"request": request, "done": done, "answer": answer}, ensure_ascii=False))
    else:
        say(answer)


def _ask_first(config: Config, order: Silence) -> None:
    """Ask whether a silence that covers much is meant; ends the command where it is not."""
    if order.target.startswith(INCIDENT_MARK):
        return  # which alerts it has, the service knows
    with schema.reading(config.store.path) as db:
        watch = lay_out(config, config.watched(samples.domain_names(db)))
    target = target_meant(order.target, watch)
    covered = domains_covered(target, None, watch.domains, watch.groups, watch.selection)
    if is_wide(target, covered, len(watch.domains)):
        what = plain(Message(target_words(target, len(covered))))
        lasting = format_duration(order.ends - order.begins)
        click.confirm(f"Silence {what} of {len(watch.domains):,} watched for {lasting}?", abort=True)


def _author() -> str:
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # this user id has no name
        name = "somebody"
    return f"{readable(name)} (shell)"


def _runs(path: Path, now: float, probe: float) -> bool:
    """Whether the service said something of late, and was not stopped since; if it never did, whether it runs."""
    with schema.reading(path) as db:
        held = feed.live(db)
    return is_in_use(path) if held is None else seems_to_run(held[0], now, probe) and not is_free(path)


def _awaited(path: Path, number: int, seconds: float) -> RequestOutcome:
    deadline = time.monotonic() + seconds
    with schema.reading(path) as db:
        while time.monotonic() < deadline:
            outcome = requests.outcome(db, number)
            if outcome is not None:
                return outcome
            time.sleep(_LOOK)
    raise AlertbotError(
        f"the service has not answered within {seconds:.0f}s: it does this once it looks at the feed again"
    )
