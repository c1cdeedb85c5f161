"""What ``help`` answers: every command, one of them with an example, or a page of the documentation."""

from __future__ import annotations

from typing import Any

from alertbot.errors import UsageError
from alertbot.messages.blocks import Message, code, cut, escape
from alertbot.messages.pages import PAGES, sections
from alertbot.messages.status import help_message
from alertbot.messages.typed import meant_words
from alertbot.messages.usages import USAGES
from alertbot.query.scope import Scope
from alertbot.words import did_you_mean, nearest

_PAGE = 2_700
"""Characters of a page that are shown: Slack takes 3,000 in a paragraph."""


def help_on(rest: list[str], scope: Scope) -> tuple[Any, Message]:
    """The facts, and the same in words."""
    if not rest:
        lines = [f"{_usage(name, scope)} {usage.answers}" for name, usage in USAGES.items()]
        return USAGES, help_message(lines, "Add `public` to show an answer to the channel.")
    name = rest[0].lower() if rest[0].lower() in PAGES else meant_words(rest[:1], scope.watch)[0]
    if name in PAGES and (name not in USAGES or rest[1:]):
        return _page(name, rest[1:], scope)
    if name not in USAGES:
        meant = did_you_mean(rest[0], (*USAGES, *PAGES))
        raise UsageError(f'there is no command and no page "{rest[0][:40]}"{meant}')
    usage = USAGES[name]
    closing = f"For example {code(f'{scope.command} {usage.example}')}"
    return {name: usage}, help_message([f"{_usage(name, scope)} {usage.answers}"], closing)


def _usage(name: str, scope: Scope) -> str:
    return code(f"{scope.command} {name} {USAGES[name].takes}".rstrip())


def _page(name: str, rest: list[str], scope: Scope) -> tuple[Any, Message]:
    """A page: its sections, or the one that is named."""
    found = sections(name)
    if not rest:
        lines = [f"The page {code(name)}: {PAGES[name]}. Its sections:", *map(code, found)]
        return {name: PAGES[name]}, help_message(lines, f"For one of them: {code(f'{scope.command} help {name} ...')}")
    wanted = " ".join(rest).lower()
    heading = next((each for each in found if wanted in each.lower()), None) or nearest(wanted, found)
    if heading is None:
        raise UsageError(f'the page {name} has no section "{wanted[:40]}"')
    text = cut(escape(found[heading].replace("```", "")), _PAGE)
    closing = f"The whole page, on the server: {code(f'alertbot help {name}')}"
    return {heading: found[heading]}, help_message([f"*{escape(heading)}*", f"```{text}```"], closing)
