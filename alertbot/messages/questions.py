"""Questions, as words: each is read strictly, asked of the query layer, and its facts put in words.

Slack and the shell ask the same ones here, so that they get the same answers and the same complaints.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeAlias

from alertbot.config.watch import Watch
from alertbot.errors import UsageError
from alertbot.incidents.when import Given, past_moment
from alertbot.messages.arguments import (
    WEEK,
    Words,
    how_many,
    no_more,
    one_series,
    only_seconds,
    ranked_by,
    rule_and_span,
    series_meant,
    take_seconds,
    takes_nothing,
)
from alertbot.messages.bandwidth import backtest_message, percentile_message, show_message, top_message
from alertbot.messages.blocks import Block, Message, code
from alertbot.messages.help import help_on
from alertbot.messages.incidents import alerts_message, incidents_message
from alertbot.messages.native_chart import line_chart, top_chart
from alertbot.messages.not_a_command import not_a_command
from alertbot.messages.review import review_message
from alertbot.messages.silences import silences_message
from alertbot.messages.status import rules_message, status_message
from alertbot.messages.typed import meant_words
from alertbot.messages.why import story_message, why_message
from alertbot.query import backtest, bandwidth, incidents, percentile, review, status, why, why_incident
from alertbot.query.bandwidth import By
from alertbot.query.names import Meant, resolve
from alertbot.query.scope import Scope
from alertbot.units import DAY, format_duration, slot_at
from alertbot.words import nearest

_TOP = 10

PATIENCE = 10.0
"""Seconds a replay may take without a word beforehand."""

_NUMBER = re.compile(r"#?([1-9]\d{0,9})", re.ASCII)
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_replaying = threading.Lock()


@dataclass(frozen=True)
class Answered:
    """An answer: the facts, and the same in words."""

    facts: Any
    message: Message


Question: TypeAlias = Callable[[Words, Scope], Answered]


def ask(words: Words, scope: Scope) -> Answered:
    """The answer to a question; ``UsageError`` where it is none."""
    words = meant_words(words, scope.watch) or ["help"]
    question = QUESTIONS.get(words[0])
    if question is None:
        raise not_a_command(words, scope.watch, scope.command)
    return question(words[1:], scope)


def answer_at_once(words: Words, scope: Scope) -> Message | None:
    """The message to send before the answer of a question that takes its time; ``None`` for other questions."""
    words, watch = meant_words(words, scope.watch), scope.watch
    if words and words[0] == "review":
        seconds = review.seconds_needed(scope)
        said = f"The review may take up to {format_duration(seconds)}: it comes here."
        return Message(said) if seconds >= PATIENCE else None
    if not words or words[0] != "replay":
        return None
    rule, span = rule_and_span([word for word in words[1:] if word.lower() != "public"], watch)
    seconds = backtest.seconds_needed(scope, rule, span)
    if seconds < PATIENCE:
        return None
    what, lasting = f"{code(rule.name)} over {format_duration(span)}", format_duration(seconds)
    return Message(f"Replaying {what} may take up to {lasting}: the answer comes here.")


def _help(rest: Words, scope: Scope) -> Answered:
    return Answered(*help_on(rest, scope))


def _status(rest: Words, scope: Scope) -> Answered:
    takes_nothing("status", rest)
    facts = status.status(scope.path, scope.live)
    return Answered(facts, status_message(facts, scope.zone))


def charted(words: Words, watch: Watch) -> tuple[Meant, int] | None:
    """What a chart beside the answer is to show, and over how many seconds, where one belongs there."""
    words = meant_words(words, watch)
    return _to_show(words[1:], watch) if words and words[0].lower() == "show" else None


def _to_show(rest: Words, watch: Watch) -> tuple[Meant, int]:
    what = series_meant(rest, watch)
    span = take_seconds(rest) if rest else DAY
    no_more(rest)
    return what, span


def _show(rest: Words, scope: Scope) -> Answered:
    what, span = _to_show(rest, scope.watch)
    facts = bandwidth.show(scope.path, what, span, scope.now)
    title = f"{facts.series}, {format_duration(span)}"
    return _charted(facts, show_message(facts, scope.zone, scope.now), line_chart(title, facts.trend, scope.zone))


def _top(rest: Words, scope: Scope) -> Answered:
    most = how_many(rest.pop(0)) if rest and _COUNT.fullmatch(rest[0]) else _TOP
    by = ranked_by(rest.pop(0)) if rest else By.NOW
    if rest and _COUNT.fullmatch(rest[0]) and most == _TOP:
        most = how_many(rest.pop(0))
    no_more(rest)
    facts = bandwidth.top(scope.path, scope.watch.domains, by, most, scope.now)
    return _charted(facts, top_message(facts, scope.zone, scope.now), top_chart(facts))


def _p95(rest: Words, scope: Scope) -> Answered:
    what = series_meant(rest, scope.watch)
    bill = percentile.bill_of(scope.watch, what)
    zone, first_day = (scope.zone, 1) if bill is None else (bill[1].calendar.zone, bill[1].calendar.first_day)
    month = percentile.month_of(rest.pop(0) if rest else None, zone, scope.now, first_day)
    no_more(rest)
    facts = percentile.percentile(scope.path, what, month, scope.zone, scope.now, bill)
    title = f"{facts.series}, {facts.month.month.name}"
    return _charted(facts, percentile_message(facts, scope.zone, scope.now), line_chart(title, facts.trend, scope.zone))


def _alerts(rest: Words, scope: Scope) -> Answered:
    span = only_seconds(rest, DAY)
    facts = incidents.alerts(scope, span)
    return Answered(facts, alerts_message(facts, scope))


def _incidents(rest: Words, scope: Scope) -> Answered:
    span = only_seconds(rest, WEEK)
    facts = incidents.within(scope, span)
    return Answered(facts, incidents_message(facts, scope))


def _watched_by(word: str, scope: Scope) -> str:
    """The series that a word means; the complaint names a rule where one is nearer."""
    try:
        return resolve(word, scope.watch.series)
    except UsageError:
        if close := nearest(word, scope.watch.rules, alike=0.7):
            raise UsageError(f'there is no rule "{word[:80]}": did you mean {close}?') from None
        raise


def _rules(rest: Words, scope: Scope) -> Answered:
    no_more(rest[1:])
    rules = scope.watch.rules
    found = [name for name in rules if rest and name.lower() == rest[0].lower()]
    series = _watched_by(rest[0], scope) if rest and not found else None
    lines = tuple(
        status.RuleLine(rules[name], len(scope.watch.selection[name]))
        for name in found or rules
        if series is None or series in scope.watch.selection[name]
    )
    return Answered(status.Rules(series, lines), rules_message(lines, series))


def _silences(rest: Words, scope: Scope) -> Answered:
    takes_nothing("silences", rest)
    facts = status.silences(scope.path, scope.now)
    return Answered(facts, silences_message(facts, scope.zone, scope.now))


def _why(rest: Words, scope: Scope) -> Answered:
    if not rest:
        raise UsageError("why what? Name an incident or a domain")
    if number := _NUMBER.fullmatch(rest[0]):
        no_more(rest[1:], f': write "why {rest[0][:80]}"')
        told = why_incident.story(scope, int(number[1]))
        worst = told.parts[0].told.alert.series if told.parts else ""
        return _charted(told, story_message(told, scope), line_chart(worst, told.trend, scope.zone))
    if not any(map(str.isdigit, "".join(rest[1:]))):  # words, and no time
        no_more(rest[1:], f': write "why {rest[0][:80]}"')
    at = slot_at(past_moment(rest[1:], Given(scope.now, scope.zone))) if rest[1:] else None
    facts = why.why(scope, one_series(rest[0], scope.watch), at)
    # Beside an answer about an earlier time the hours up to now would show another time than it speaks of.
    chart = None if facts.at is not None else line_chart(facts.series, facts.trend, scope.zone)
    return _charted(facts, why_message(facts, scope.zone, scope.now), chart)


def _charted(facts: Any, message: Message, chart: Block | None) -> Answered:
    return Answered(facts, replace(message, chart=chart))


def _replay(rest: Words, scope: Scope) -> Answered:
    rule, span = rule_and_span(rest, scope.watch)
    with _only_one():
        facts = backtest.backtest(scope, rule, span)
    return Answered(facts, backtest_message(facts, scope.zone, scope.now))


def _review(rest: Words, scope: Scope) -> Answered:
    span = only_seconds(rest, WEEK)
    with _only_one():
        facts = review.review(scope, span)
    return Answered(facts, review_message(facts))


@contextmanager
def _only_one() -> Iterator[None]:
    """Hold what replays the history: one at a time."""
    if not _replaying.acquire(blocking=False):
        raise UsageError("another replay is under way: ask again once it is answered")
    try:
        yield
    finally:
        _replaying.release()


QUESTIONS: Mapping[str, Question] = MappingProxyType(
    {
        "help": _help,
        "status": _status,
        "show": _show,
        "top": _top,
        "p95": _p95,
        "alerts": _alerts,
        "incidents": _incidents,
        "rules": _rules,
        "why": _why,
        "replay": _replay,
        "review": _review,
        "silences": _silences,
    }
)
