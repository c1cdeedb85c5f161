"""``alertbot status``: the same answer as in Slack, from the shell, beside a running service or without one."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import click

from alertbot.config import load
from alertbot.query import answers
from alertbot.replaying import state_directory
from alertbot.slack.messages import plain
from alertbot.slack.replies import status_message
from alertbot.units import format_duration

SILENT_AFTER = 180
"""Seconds without a word of the service after which it does not seem to run."""


def show_status(config_path: Path, *, as_json: bool) -> None:
    """Print how the bot is, as text or as one JSON object."""
    config = load(config_path, state_directory=state_directory())
    status, written = answers.stored_status(config.store.path)
    age = max(0.0, time.time() - written)
    if as_json:
        click.echo(json.dumps({**asdict(status), "written": written, "running": age < SILENT_AFTER}))
        return
    click.echo(plain(status_message(status, config.slack.zone)))
    if age >= SILENT_AFTER:
        click.echo(f"The service does not seem to run: this is what it knew {format_duration(age)} ago.")
