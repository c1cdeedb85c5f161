"""``alertbot audit``: who acknowledged, silenced and reloaded what, and what was refused."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, tzinfo
from pathlib import Path

import click

from alertbot.cli.terminal import say
from alertbot.config import load
from alertbot.errors import UsageError
from alertbot.store import changes
from alertbot.store.changes import RecordedChange
from alertbot.store.schema import reading
from alertbot.units import format_duration, parse_duration
from alertbot.words import counted, printable


def print_changes(config_path: Path, span: str, *, as_json: bool) -> None:
    """Print the changes of the last ``span``, such as ``7d``; as JSON each is an object on a line of its own."""
    config, seconds = load(config_path), _seconds(span)
    with reading(config.store.path) as db:
        found = changes.since(db, time.time() - seconds)
    if as_json:
        for change in found:
            click.echo(json.dumps(asdict(change)))
        return
    for change in found:
        for line in _lines(change, config.slack.zone):
            say(printable(line))
    how_many = counted(len(found), "change") if found else "No changes"
    times = f"; times in {config.slack.zone}" if found else ""
    say(f"{how_many} in the last {format_duration(seconds)}{times}.")


def _seconds(span: str) -> int:
    try:
        seconds = parse_duration(span)
    except ValueError as error:
        raise UsageError(f"{error} (for example alertbot audit 7d)") from None
    if not 0 < seconds <= changes.KEPT:
        raise UsageError(f"changes are kept for {format_duration(changes.KEPT)}: name a time up to that")
    return seconds


def _lines(change: RecordedChange, zone: tzinfo) -> Iterator[str]:
    """Two lines for a change: who did it, and what became of what."""
    yield f"{datetime.fromtimestamp(change.at, zone):%Y-%m-%d %H:%M}  {change.who}, {change.place}: {change.words}"
    told = [each for each in (change.before, change.after) if each]
    yield f"    {change.kind}: {' -> '.join(told)}"
