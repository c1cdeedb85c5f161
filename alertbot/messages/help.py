"""What ``help`` answers: every command, one of them with an example, or a page of the documentation."""

from __future__ import annotations

from typing import Any

from alertbot.errors import UsageError
from alertbot.messages.blocks import Message, code, cut, escape
from alertbot.messages.page_search import named, search
from alertbot.messages.pages import PAGES, PageSection, sections
from alertbot.messages.status import help_message
from alertbot.messages.typed import meant_words
from alertbot.messages.usages import USAGES
from alertbot.query.scope import Scope
from alertbot.words import did_you_mean

_PAGE = 2_700
"""Characters of a page that are shown: Slack takes 3,000 in a paragraph."""


def help_on(rest: list[str], scope: Scope) -> tuple[Any, Message]:
    """The facts, and the same in words."""
    if not rest:
        lines = [f"{_usage(name, scope)} {usage.answers}" for name, usage in USAGES.items()]
        return USAGES, help_message(lines, "Add `public` to show an answer to the channel.")
    name = rest[0].lower() if rest[0].lower() in PAGES else meant_words(rest[:1], scope.watch)[0]
    if name in USAGES and not rest[1:]:
        usage = USAGES[name]
        closing = f"For example {code(f'{scope.command} {usage.example}')}"
        return {name: usage}, help_message([f"{_usage(name, scope)} {usage.answers}"], closing)
    if name in PAGES and not rest[1:]:
        return _page(name, scope)
    section = named(rest) or next(iter(search(rest)), None)
    if section is None:
        meant = did_you_mean(rest[0], (*USAGES, *PAGES))
        raise UsageError(f'there is no command and no page "{" ".join(rest)[:40]}"{meant}')
    return _section(section)


def _usage(name: str, scope: Scope) -> str:
    return code(f"{scope.command} {name} {USAGES[name].takes}".rstrip())


def _page(name: str, scope: Scope) -> tuple[Any, Message]:
    """A page by its sections."""
    headings = (code(each.heading) for each in sections(name) if each.heading)
    lines = [f"The page {code(name)}: {PAGES[name]}. Its sections:", *headings]
    return {name: PAGES[name]}, help_message(lines, f"For one of them: {code(f'{scope.command} help {name} ...')}")


def _section(section: PageSection) -> tuple[Any, Message]:
    """A section, or what stands above the first of a page."""
    heading, text = section.heading or section.page, section.text.partition("\n")[2].strip()
    closing = f"The whole page, on the server: {code(f'alertbot help {section.page}')}"
    shown = f"```{cut(escape(text.replace('```', '')), _PAGE)}```"
    return {heading: text}, help_message([f"*{escape(heading)}*", shown], closing)
