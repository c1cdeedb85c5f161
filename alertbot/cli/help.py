"""``alertbot help``: the pages of the documentation, which ship with the package."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import click

from alertbot.errors import UsageError
from alertbot.messages.pages import PAGES, page_text, sections
from alertbot.words import did_you_mean, listed, quoted

_MOST_NAMED = 3


def page(topic: str) -> str:
    """The page about a topic, as Markdown; ``UsageError`` says where else to look where there is none."""
    if topic not in PAGES:
        places = listed(_places(topic), _MOST_NAMED)
        meant = f": look in {places}" if places else did_you_mean(topic, list(PAGES))
        raise UsageError(f"there is no page {quoted(topic)}{meant} (the pages are {', '.join(PAGES)})")
    return page_text(topic)


def _places(word: str) -> Iterator[str]:
    """Where to read about a word: under the headings that hold it, else where it stands most often."""
    said = re.compile(rf"\b{re.escape(word)}s?\b", re.IGNORECASE)
    all_of_them = [(name, *section) for name in PAGES for section in sections(name).items()]
    found = [(0, name, heading) for name, heading, _ in all_of_them if said.search(heading)]
    found = found or [
        (-times, name, heading) for name, heading, text in all_of_them if (times := len(said.findall(text)))
    ]
    for _, name, heading in sorted(found):
        yield f'{name} under "{heading}"'


def topics() -> str:
    """The list of the pages."""
    width = max(map(len, PAGES))
    lines = [f"  {topic:<{width}}  {about}" for topic, about in PAGES.items()]
    head = ("alertbot help TOPIC prints one of these pages:", "")
    foot = (
        "",
        "Any other word says where it stands: alertbot help token",
        "alertbot COMMAND --help explains a command.",
    )
    return "\n".join([*head, *lines, *foot])


def show(topic: str | None) -> None:
    """Print a page, or the list of them: a page through a pager on a terminal, else as it is."""
    if topic is None:
        click.echo(topics())
    elif sys.stdout.isatty():
        click.echo_via_pager(page(topic))
    else:
        click.echo(page(topic).rstrip())
