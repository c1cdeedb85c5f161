"""Questions from the shell: the same answers as in Slack, beside a running service or without one."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click

from alertbot.cli.rules_patch import patch
from alertbot.cli.terminal import say
from alertbot.config import Config, load
from alertbot.config.load import glimpse
from alertbot.config.watch import lay_out
from alertbot.errors import ConfigError, UsageError
from alertbot.messages.blocks import Message
from alertbot.messages.questions import Answered, answer_at_once, ask
from alertbot.messages.silences import silences_message
from alertbot.messages.slack import plain
from alertbot.messages.status import status_message
from alertbot.query import status
from alertbot.query.as_json import to_json
from alertbot.query.live import Live
from alertbot.query.scope import scope_of
from alertbot.slack.commands import example
from alertbot.store import feed, samples
from alertbot.store.checkup import is_free, is_in_use
from alertbot.store.schema import reading
from alertbot.units import format_duration


def answer(config_path: Path, words: Sequence[str], *, as_json: bool) -> None:
    """Print the answer to a question, its name being the first word, as text or its facts as JSON."""
    {"status": _status, "silences": _silences}.get(words[0], _as_in_slack)(config_path, words, as_json=as_json)


def _status(config_path: Path, _: Sequence[str], *, as_json: bool) -> None:
    """Print how the service is, even where its configuration file has become wrong since it was read."""
    wrong: tuple[str, ...] = ()
    try:
        config = load(config_path)
    except ConfigError as error:
        config, wrong = glimpse(config_path), tuple(map(str, error.problems))
        if not _is_file(config.store.path):
            raise
    facts, written = status.stored_status(config.store.path)
    if wrong:  # what the file says now is newer than what the service last read
        facts = replace(facts, live=replace(facts.live, misconfigured=wrong))
    now = time.time()
    running = status.seems_to_run(written, now, config.feed.probe) and not is_free(config.store.path)
    if as_json:
        click.echo(json.dumps({**asdict(facts), "written": written, "running": running}))
        return
    say(plain(status_message(facts, config.slack.zone)))
    if not running:
        silent = format_duration(now - written)
        if is_in_use(config.store.path):
            say(f"The service runs, but has said nothing for {silent}: this is what it knew then.")
        else:
            say(f"The service does not seem to run: this is what it knew {silent} ago.")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # its folder may not be entered
        return False


def _silences(config_path: Path, _: Sequence[str], *, as_json: bool) -> None:
    """Print what is silenced; as JSON each silence is an object on a line of its own."""
    config = load(config_path)
    now = time.time()
    silences = status.silences(config.store.path, now)
    if not as_json:
        say(plain(silences_message(silences, config.slack.zone, now)))
        return
    for line in silences.lines:
        click.echo(json.dumps({"id": line.silence.number, "stage": line.stage, **asdict(line.silence)}))


def print_review(config_path: Path, words: Sequence[str], *, as_json: bool, diff: bool) -> None:
    """Print what the rules posted, and what would spare noise; ``diff``: the latter alone, as a patch of the file."""
    answered = _asked(config_path, ("review", *words))
    if diff:
        click.echo(patch(config_path, answered.facts.edits), nl=False)
    else:
        _print(answered, as_json=as_json)


def _as_in_slack(config_path: Path, words: Sequence[str], *, as_json: bool) -> None:
    """Print the answer that Slack gives, too."""
    _print(_asked(config_path, words), as_json=as_json)


def _print(answered: Answered, *, as_json: bool) -> None:
    if as_json:
        click.echo(to_json(answered.facts))
    else:
        say(plain(answered.message))


def _asked(config_path: Path, words: Sequence[str]) -> Answered:
    """The answer that Slack gives, too; ``UsageError`` shows an example of what is right."""
    config = load(config_path)
    live, domains = _stored(config)
    scope = scope_of(config, lay_out(config, domains), live, "alertbot")
    try:
        if (notice := answer_at_once(list(words), scope)) is not None:
            say(plain(notice), err=True)
        return ask(list(words), scope)
    except UsageError as error:
        if "Write `" in str(error):
            raise
        raise UsageError(f"{error} ({plain(Message(example(words, scope.command)))})") from None


def _stored(config: Config) -> tuple[Live, Sequence[str]]:
    """What the service last knew of the feed, as of now, and the domains it watches."""
    with reading(config.store.path) as db:
        held = feed.live(db)
        domains = config.watched(samples.domain_names(db))
    now = time.time()
    if held is None:
        return Live(now), domains
    written, facts = held
    live = Live.from_json(facts)
    return replace(live, now=live.now + max(now - written, 0.0)), domains
