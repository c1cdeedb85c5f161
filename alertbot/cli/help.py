"""``alertbot help``: the pages of the documentation, which ship with the package, and any section of them by a word."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

from alertbot.errors import UsageError
from alertbot.messages.pages import PAGES, page_text, sections
from alertbot.words import did_you_mean, listed, quoted

_MOST_NAMED = 3
_HEADING, _PAGE, _TEXT = 20, 15, 5
"""What a word counts in a heading, in what is said of a page, and at most in a text."""

_ASIDE = frozenset(
    {"a", "an", "the", "is", "are", "to", "do", "does", "did", "i", "it", "my", "of", "for", "in", "on", "and"}
    | {"how", "what", "which", "when", "where", "can"}
)
_ENDING = re.compile(r"(?<=\w{4})(?:ing|ed|es|s|e)$")


@dataclass(frozen=True)
class _Place:
    """Where words stand: a page, or a section of it; ``said``: how many of them, and how plainly."""

    said: tuple[int, int]
    page: str
    heading: str | None

    def __str__(self) -> str:
        return self.page if self.heading is None else f'{self.page} under "{self.heading}"'


def answer(words: Sequence[str]) -> str:
    """A page, or what says most of these words, as Markdown; ``UsageError`` where nothing does."""
    topic = " ".join(words)
    if topic in PAGES:
        return page_text(topic)
    found = sorted((place for place in _places(words) if place.said[0]), key=lambda place: place.said, reverse=True)
    if not found:
        meant = did_you_mean(topic, list(PAGES))
        raise UsageError(f"no page is about {quoted(topic)}{meant} (the pages are {', '.join(PAGES)})")
    best = found[0]
    more = f"\nMore: {listed(map(str, found[1:]), _MOST_NAMED)}.\n" if found[1:] else ""
    if best.heading is None:
        return f"{page_text(best.page)}{more}"
    return f"From `alertbot help {best.page}`:\n\n## {best.heading}\n\n{sections(best.page)[best.heading]}\n{more}"


def _places(words: Sequence[str]) -> Iterator[_Place]:
    pages = [word for word in words if word in PAGES][:1] or list(PAGES)
    wanted = [word for word in words if word.lower() not in _ASIDE and [word] != pages] or words
    said = [re.compile(rf"\b{re.escape(_ENDING.sub('', word))}\w{{0,3}}\b", re.IGNORECASE) for word in wanted]
    for page in pages:
        about = [_PAGE * bool(each.search(PAGES[page])) for each in said]
        yield _Place((sum(map(bool, about)), sum(about)), page, None)
        for heading, text in sections(page).items():
            hits = [_HEADING * bool(each.search(heading)) + min(len(each.findall(text)), _TEXT) for each in said]
            yield _Place((sum(map(bool, hits)), sum(hits)), page, heading)


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
