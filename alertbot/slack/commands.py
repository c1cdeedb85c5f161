"""Slash commands: a line of text in, a message out; questions are answered, orders handed to who obeys.

Words are forgiving: any case, an unambiguous part of a domain, and a wrong word is answered with the nearest right one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from alertbot.alerts.ordering import ORDERS, Asked, parse_order
from alertbot.errors import AlertbotError, UsageError
from alertbot.query import answers
from alertbot.query.live import Live
from alertbot.query.names import nearest, resolve
from alertbot.rules.base import Rule
from alertbot.slack import replies
from alertbot.slack.blocks import Message, code, escape
from alertbot.slack.people import NOBODY, Asker, Obeys
from alertbot.slack.typed import words_of
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
    "ack": Usage("[#N]", "take on an incident; without a number the channel's only open one", "ack #412"),
    "silence": Usage(
        "TARGET 2h|until 06:00|from 22:00 for 3h [reason]", "tell nothing of TARGET for that time", "silence video.* 2h"
    ),
    "unsilence": Usage("ID", "end a silence now", "unsilence 3"),
    "silences": Usage("", "what is silenced, or was within a day, until when and by whom", "silences"),
}


@dataclass(frozen=True)
class Reply:
    """What to answer, and whether the whole channel sees it; ``chart``: the series and span of one to be shown too."""

    message: Message
    public: bool
    chart: tuple[str, int] | None = None


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
    """Answers commands about ``subject()``, which may change with the configuration, as of ``live()``.

    Orders go to ``obeys``.
    """

    def __init__(self, subject: Callable[[], Subject], live: Callable[[], Live], obeys: Obeys) -> None:
        self._subject = subject
        self._live = live
        self._obeys = obeys

    async def answer(self, text: str, asker: Asker = NOBODY) -> Reply:
        """The reply to what stood after the command's name; never raises for what a user can type."""
        words = words_of(text)
        public = len(words) > 1 and words[-1].lower() == "public"
        if public:
            words.pop()
        try:
            message = await self._message(words, asker)
            chart = self._shown(words[1:]) if public and words[0].lower() == "show" else None
        except UsageError as error:
            return Reply(self._explain(str(error), words), public=False)
        except AlertbotError as error:
            log.exception("the command %r could not be answered", text[:200])
            return Reply(Message(f"That cannot be answered now: {escape(str(error))}"), public=False)
        return Reply(message, public, chart)

    async def _message(self, words: Sequence[str], asker: Asker) -> Message:
        if _is_order(words):
            return replies.order_message(await self.obey(words, asker))
        return await asyncio.to_thread(self._answer, words)

    async def obey(self, words: Sequence[str], asker: Asker) -> str:
        """Carry out an order: what has been done, as mrkdwn; ``UsageError`` where it is wrong or makes no sense."""
        asked = Asked(self._live().now, self._subject().zone, asker.channel, asker.channels)
        return await self._obeys.obey(parse_order(words, asked), asker.person)

    def _answer(self, words: Sequence[str]) -> Message:
        name, rest = (words[0].lower(), list(words[1:])) if words else ("help", [])
        handlers = {
            "help": self._help,
            "status": self._status,
            "show": self._show,
            "alerts": self._alerts,
            "rules": self._rules,
            "silences": self._silences,
        }
        if name not in handlers:
            close = nearest(name, tuple(USAGES))
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
        subject, now = self._subject(), self._live().now
        series, span = self._shown(rest)
        return replies.show_message(answers.show(subject.path, series, span, now), subject.zone, now)

    def _shown(self, rest: list[str]) -> tuple[str, int]:
        """The series and the span that ``show`` is about."""
        if not rest:
            raise UsageError("which domain?")
        series = resolve(rest[0], self._subject().series)
        span = _span(rest[1]) if len(rest) > 1 else DAY
        _no_more(rest[2:])
        return series, span

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

    def _silences(self, rest: list[str]) -> Message:
        _no_more(rest)
        subject, now = self._subject(), self._live().now
        return replies.silences_message(answers.silences(subject.path, now), subject.zone, now)

    def _explain(self, problem: str, words: Sequence[str]) -> Message:
        sentence = escape(problem[:1].upper() + problem[1:])
        if _is_order(words):  # what is wrong with an order is said with an example, or no example would help
            return Message(sentence)
        usage = USAGES.get(words[0].lower()) if words else None
        command = self._subject().command
        example = f"for example {code(f'{command} {usage.example}')}" if usage else f"try {code(f'{command} help')}"
        return Message(f"{sentence} ({example})")


def _is_order(words: Sequence[str]) -> bool:
    return bool(words) and words[0].lower() in ORDERS


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
