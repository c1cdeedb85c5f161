"""``alertbot help``: the pages of the documentation, which ship with the package."""

from __future__ import annotations

import sys
from importlib.resources import files

import click

from alertbot.errors import UsageError
from alertbot.words import did_you_mean

PAGES = {
    "rules": "the rule kinds, their keys and examples",
    "config": "every section and key of the configuration file, and the secrets",
    "slack": "incidents, charts, trouble of the feed, slash commands",
    "commands": "every command of the shell",
    "operations": "reload, logs, metrics, backups, upgrades, several accounts",
    "scale": "many domains, two machines, Prometheus Alertmanager",
    "runbook": "what each cause of an unhealthy service means, and what to do",
    "troubleshooting": "what to do when something is wrong",
}
"""What each page is about, in the order in which they are listed."""


def page(topic: str) -> str:
    """The page about a topic, as Markdown; ``UsageError`` lists the pages where there is none."""
    if topic not in PAGES:
        listed = ", ".join(PAGES)
        raise UsageError(f'there is no page "{topic[:80]}"{did_you_mean(topic, list(PAGES))} (there are {listed})')
    return (files("alertbot") / "help" / f"{topic}.md").read_text(encoding="utf-8")


def topics() -> str:
    """The list of the pages."""
    width = max(map(len, PAGES))
    lines = [f"  {topic:<{width}}  {about}" for topic, about in PAGES.items()]
    head = ("alertbot help TOPIC prints one of these pages:", "")
    return "\n".join([*head, *lines, "", "alertbot COMMAND --help tells the options of a command."])


def show(topic: str | None) -> None:
    """Print a page, or the list of them: a page through a pager on a terminal, else as it is."""
    if topic is None:
        click.echo(topics())
    elif sys.stdout.isatty():
        click.echo_via_pager(page(topic))
    else:
        click.echo(page(topic).rstrip())
