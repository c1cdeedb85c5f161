"""Slash commands: a line of text in, a message out; questions are answered, orders carried out.

Words are forgiving: any case, an unambiguous part of a domain, and a wrong word is answered with the nearest right one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from alertbot.errors import AlertbotError, UsageError
from alertbot.incidents.order_parser import ORDERS, parse_order
from alertbot.incidents.orders import NOBODY, Executor, Preview, Requester, Silence
from alertbot.messages import questions, status
from alertbot.messages.blocks import Message, code, escape
from alertbot.messages.silences import PREVIEWED, preview_message
from alertbot.messages.typed import meant_words
from alertbot.messages.usages import USAGES
from alertbot.query.names import Meant
from alertbot.query.scope import Scope
from alertbot.slack.typed_text import words_of

log = logging.getLogger(__name__)

FAILED = Message("That went wrong: alertbot's log says why.")


@dataclass(frozen=True)
class Reply:
    """The answer to a command, and whether the whole channel sees it; ``chart``: of what, and over how many seconds."""

    message: Message
    public: bool
    chart: tuple[Meant, int] | None = None


class Commands:
    """Answers commands about ``scope()``, which may change with the configuration; ``executor`` carries out orders."""

    def __init__(self, scope: Callable[[], Scope], executor: Executor) -> None:
        self._scope = scope
        self._executor = executor

    async def answer(self, text: str, requester: Requester = NOBODY) -> Reply:
        """The reply to what stood after the command's name; never raises for what a user can type."""
        words = words_of(text)
        public = len(words) > 1 and words[-1].lower() == "public"
        if public:
            words.pop()
        words = meant_words(words, self._scope().watch)
        try:
            message = await self._message(words, requester)
            chart = questions.charted(words, self._scope().watch) if public else None
        except UsageError as error:
            return Reply(self._explain(str(error), words), public=False)
        except AlertbotError as error:
            log.exception("the command %r could not be answered", text[:200])
            return Reply(Message(f"That cannot be answered now: {escape(str(error))}"), public=False)
        except Exception:  # the boundary: whoever asked gets an answer, whatever went wrong
            log.exception("the command %r failed", text[:200])
            return Reply(FAILED, public=False)
        return Reply(message, public, chart)

    def answer_at_once(self, text: str) -> Message | None:
        """The message to send before the answer of a command that takes its time; ``None`` for other commands."""
        try:
            return questions.answer_at_once(words_of(text), self._scope())
        except AlertbotError:
            return None  # the answer will say so

    async def _message(self, words: Sequence[str], requester: Requester) -> Message:
        if _is_order(words):
            return self._ordered(await self.carry_out(words, requester))
        # What is asked about is looked up here, and no longer changes while a thread works on the answer.
        return (await asyncio.to_thread(questions.ask, list(words), self._scope())).message

    async def carry_out(self, words: Sequence[str], requester: Requester) -> str | Preview:
        """Carry out an order: what has been done, as mrkdwn; ``UsageError`` where it is wrong or makes no sense."""
        scope = self._scope()
        order = parse_order(words, scope.now, scope.zone)
        return await self._executor.carry_out(order, replace(requester, words=" ".join(words)))

    async def silence(self, words: Sequence[str], requester: Requester) -> Message:
        """Begin a silence that its words name, however much it covers: it was confirmed where it was clicked."""
        scope = self._scope()
        order = parse_order(words, scope.now, scope.zone)
        order = replace(order, confirmed=True) if isinstance(order, Silence) else order
        return self._ordered(await self._executor.carry_out(order, replace(requester, words=" ".join(words))))

    async def confirm(self, silence: Silence, asked: float, requester: Requester) -> Message:
        """Begin the silence of a preview that was shown at ``asked``, epoch seconds, unless that is long ago."""
        scope = self._scope()
        if scope.now > asked + PREVIEWED or silence.ends <= scope.now:
            return Message("This preview has expired, and nothing is silenced: type the command again.")
        return self._ordered(await self._executor.carry_out(replace(silence, confirmed=True), requester))

    def _ordered(self, answer: str | Preview) -> Message:
        scope = self._scope()
        if isinstance(answer, Preview):
            return preview_message(answer, scope.zone, scope.now)
        return status.order_message(answer)

    def _explain(self, problem: str, words: Sequence[str]) -> Message:
        # What is wrong with an order is said with an example, or no example would help.
        if _is_order(words) or "Write `" in problem:
            return Message(escape(sentence(problem)))
        return Message(f"{escape(sentence(problem))} ({example(words, self._scope().command)})")


def _is_order(words: Sequence[str]) -> bool:
    return bool(words) and words[0].lower() in ORDERS


def sentence(problem: str) -> str:
    """The problem with a capital letter, as a sentence begins."""
    return problem[:1].upper() + problem[1:]


def example(words: Sequence[str], command: str) -> str:
    """An example of the command that was meant, as mrkdwn; else where help is."""
    usage = USAGES.get(words[0].lower()) if words else None
    return f"for example {code(f'{command} {usage.example}')}" if usage else f"try {code(f'{command} help')}"
