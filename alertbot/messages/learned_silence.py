"""Announces that a domain's silence, which alerts taught, is usual from now on, and asks whether to keep posting it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

from alertbot.alerts.learned_silence import LearnedSilence
from alertbot.messages.alert import subject
from alertbot.messages.blocks import Message, actions, button, code, context_block, escape
from alertbot.messages.slack import MARKUP, color_of, mention_markup
from alertbot.rules.base import Rule

KEEP_POSTING, LEARN_SILENCE = "keep-posting", "learn-silence"
"""The orders, by the words that give them."""

_EVENING, _MORNING = 18, 6


def learned_silence(
    silence: LearnedSilence, rule: Rule, zone: tzinfo, mention: Mapping[str, str], command: str
) -> Message:
    """The announcement, as loud as the alerts that it takes the place of."""
    night, tonight, when = _words(silence, zone)
    at = f"{datetime.fromtimestamp(silence.since, zone):%H:%M}"
    headline = (
        f"{subject(silence.series, MARKUP)} went to 0 at about {at} on {_how_often(silence, night, when)} and came back"
        f" by itself. From {tonight} this is taken as usual and not posted."
    )
    called = mention.get(rule.severity.value)
    order = code(f"{command} {KEEP_POSTING} {silence.series}")
    details = context_block(f"{rule.severity.value} - rule {escape(rule.name)} - the button does what {order} does")
    text = f"{mention_markup(called)} {headline}" if called else headline
    row = actions(button("Keep posting", "keep_posting", silence.series))
    return Message(text, (details, row), color_of(rule.severity))


def keeps_posting(series: str, who: str, command: str) -> Message:
    """What the announcement is edited to once somebody wants the silence posted."""
    undo = code(f"{command} {LEARN_SILENCE} {series}")
    name = subject(series, MARKUP)
    return Message(f"{name}: {escape(who)} keeps its silence posted, however usual it is. Undo: {undo}")


def _words(silence: LearnedSilence, zone: tzinfo) -> tuple[str, str, str]:
    """``nights``, ``tonight`` and the weekday, by the clock of the reader."""
    moment = datetime.fromtimestamp(silence.since, zone)
    dark = moment.hour >= _EVENING or moment.hour < _MORNING
    return ("nights", "tonight", f"{moment:%A}s") if dark else ("days", "today", f"{moment:%A}s")


def _how_often(silence: LearnedSilence, nights: str, weekday: str) -> str:
    if silence.days < 3 and silence.weekdays >= 3:
        return f"the last {silence.weekdays} {weekday}"
    return f"{silence.days} of the last 7 {nights}"
