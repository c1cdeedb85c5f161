"""``alertbot help``: the pages of the documentation, which ship with the package, and any section of them by a word."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from alertbot.errors import UsageError
from alertbot.messages.page_search import named, search, vocabulary
from alertbot.messages.pages import PAGES, PageSection, sections
from alertbot.words import did_you_mean, quoted

_MORE = 3
"""How many other sections are named that may be meant."""


def answer(words: Sequence[str]) -> str:
    """A page, or the section that says most of these words, for a terminal; ``UsageError`` where nothing does."""
    topic = " ".join(words).lower()
    if topic in PAGES:
        return _page(topic)
    if (section := named(words)) is not None:
        return _printed(section)
    found = search(words)
    if not found:
        meant = did_you_mean(topic, [*PAGES, *vocabulary()], alike=0.75)
        raise UsageError(f"no page is about {quoted(topic)}{meant} (the pages are {', '.join(PAGES)})")
    best, *others = found
    lines = (f"  alertbot help {' '.join(each.words)}" for each in others[:_MORE])
    more = "\n".join(["", "If that is not it:", *lines, ""]) if others else ""
    if not best.heading:
        return f"{_page(best.page)}{more}"
    return f"From `alertbot help {best.page}`:\n\n{_printed(best)}{more}"


def _page(topic: str) -> str:
    return "\n".join(map(_printed, sections(topic)))


def _printed(section: PageSection) -> str:
    """A section with what its links lead to in lines of their own, ready to be typed."""
    aims = "".join(f"  {aim}\n" for aim in section.aims)
    return f"{section.text}\n" + (f"\nSee also:\n{aims}" if aims else "")


def topics() -> str:
    """The list of the pages."""
    width = max(map(len, PAGES))
    lines = [f"  {topic:<{width}}  {about}" for topic, about in PAGES.items()]
    head = ("alertbot help TOPIC prints one of these pages:", "")
    foot = (
        "",
        "Any other words print the section about them: alertbot help token refused",
        "alertbot COMMAND --help explains a command.",
    )
    return "\n".join([*head, *lines, *foot])


def show(words: Sequence[str]) -> None:
    """Print a page or a section, or the list of the pages: through a pager on a terminal, else as it is."""
    if not words:
        click.echo(topics())
    elif sys.stdout.isatty():
        click.echo_via_pager(answer(words))
    else:
        click.echo(answer(words).rstrip())
