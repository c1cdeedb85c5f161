"""Slash commands: a line of text in, a message out.

Words are forgiving: any case, an unambiguous part of a domain, and a wrong word is answered with the nearest right one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from alertbot.errors import AlertbotError, UsageError
from alertbot.query import answers
from alertbot.query.live import Live
from alertbot.query.names import nearest, resolve
from alertbot.rules.base import Rule
from alertbot.slack import replies
from alertbot.slack.blocks import Message, code, escape
from alertbot.units import DAY, parse_duration

log = logging.getLogger(__name__)

LONGEST_SPAN = 35 * DAY


@dataclass(frozen=True)
class Usage:
    """A subcommand: what it takes, what it answers, an example."""

    takes: str
    answers: str
    example: str


USAGES = {
    "help": Usage("", "this list", "help"),
    "status": Usage(
        "",
        "how fresh the data is and what proves it, which domains are held back, calls left, the last failure,"
        " how many alerts fire",
        "status",
    ),
    "show": Usage("DOMAIN [24h|7d]", "a domain's bandwidth now, average, peak and 95th percentile", "show video 7d"),
    "alerts": Usage("", "what fires now, and what ended within a day", "alerts"),
    "rules": Usage("[DOMAIN]", "the rules, or those that watch a domain", "rules video.example.com"),
}


@dataclass(frozen=True)
class Reply:
    """What to answer, and whether the whole channel sees it."""

    message: Message
    public: bool


@dataclass(frozen=True)
class Subject:
    """What can be asked about: the watched series, the rules over them, and how to name things."""

    command: str
    path: Path
    zone: tzinfo
    series: Sequence[str]
    rules: Mapping[str, Rule]
    selection: Mapping[str, Sequence[str]]


class Commands:
    """Answers commands about ``subject()``, which may change with the configuration, as of ``live()``."""

    def __init__(self, subject: Callable[[], Subject], live: Callable[[], Live]) -> None:
        self._subject = subject
        self._live = live

    async def answer(self, text: str) -> Reply:
        """The reply to what stood after the command's name; never raises for what a user can type."""
        words = text.split()
        public = len(words) > 1 and words[-1].lower() == "public"
        if public:
            words.pop()
        try:
            message = await asyncio.to_thread(self._answer, words)
        except UsageError as error:
            return Reply(self._explain(str(error), words), public=False)
        except AlertbotError as error:
            log.exception("the command %r could not be answered", text[:200])
            return Reply(Message(f"That cannot be answered now: {escape(str(error))}"), public=False)
        return Reply(message, public)

    def _answer(self, words: Sequence[str]) -> Message:
        name, rest = (words[0].lower(), list(words[1:])) if words else ("help", [])
        handlers = {
            "help": self._help,
            "status": self._status,
            "show": self._show,
            "alerts": self._alerts,
            "rules": self._rules,
        }
        if name not in handlers:
            close = nearest(name, tuple(handlers))
            raise UsageError(f'there is no command "{name[:40]}"' + (f": did you mean {close}?" if close else ""))
        return handlers[name](rest)

    def _help(self, _rest: list[str]) -> Message:
        command = self._subject().command
        lines = [f"{code(f'{command} {name} {usage.takes}')} {usage.answers}" for name, usage in USAGES.items()]
        return replies.help_message(lines, "Add `public` to show an answer to the channel.")

    def _status(self, rest: list[str]) -> Message:
        _no_more(rest)
        subject = self._subject()
        return replies.status_message(answers.status(subject.path, self._live()), subject.zone)

    def _show(self, rest: list[str]) -> Message:
        subject = self._subject()
        if not rest:
            raise UsageError("which domain?")
        series = resolve(rest[0], subject.series)
        span = _span(rest[1]) if len(rest) > 1 else DAY
        _no_more(rest[2:])
        now = self._live().now
        return replies.show_message(answers.show(subject.path, series, span, now), subject.zone, now)

    def _alerts(self, rest: list[str]) -> Message:
        _no_more(rest)
        subject, now = self._subject(), self._live().now
        return replies.alerts_message(answers.alerts(subject.path, now), subject.zone, now)

    def _rules(self, rest: list[str]) -> Message:
        subject = self._subject()
        series = resolve(rest[0], subject.series) if rest else None
        _no_more(rest[1:])
        lines = [
            answers.RuleLine(rule, len(subject.selection[name]))
            for name, rule in subject.rules.items()
            if series is None or series in subject.selection[name]
        ]
        return replies.rules_message(lines, series)

    def _explain(self, problem: str, words: Sequence[str]) -> Message:
        usage = USAGES.get(words[0].lower()) if words else None
        command = self._subject().command
        example = f"for example {code(f'{command} {usage.example}')}" if usage else f"try {code(f'{command} help')}"
        return Message(f"{escape(problem[:1].upper() + problem[1:])} ({example})")


def _span(word: str) -> int:
    try:
        span = parse_duration(word.lower())
    except ValueError as error:
        raise UsageError(str(error)) from None
    if not 0 < span <= LONGEST_SPAN:
        raise UsageError(f"{word[:20]} is not between 5m and 35d")
    return span


def _no_more(rest: Sequence[str]) -> None:
    if rest:
        raise UsageError(f'"{" ".join(rest)[:40]}" is more than this takes')
