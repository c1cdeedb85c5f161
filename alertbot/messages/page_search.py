"""Finds the section of the pages that a question is about.

Every word of a question counts in every section: most as the name of a key or in a heading, least in the text, and the
more the fewer sections have it. Words are compared by their stems, and by what the pages call the same thing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType

from alertbot.messages.pages import PAGES, PageSection, sections, typed

_HEADING, _KEY, _COMMAND, _PART, _STRESSED = 6.5, 6.0, 4.0, 3.0, 2.0
"""What a word weighs in a heading, as a key, as a command, as a part of a key, in bold or italics."""

_WORD = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
_ENDING = re.compile(r"(?<=\w{3})(?:ing|ions?|ers?|ies|ed|es|s|e|y)$")
_BULLET = re.compile(r"^- ((?:`\w+`(?: \(`[^`]*`\))?(?:, |: ))+)", re.MULTILINE)
_NAME = re.compile(r"`(\w+)`(?=[,:]| \()")
_COMMANDS = re.compile(r"^(?:sudo )?alertbot ([a-z0-9-]+)", re.MULTILINE)
_STRESS = re.compile(r"\*(\w[^*`\"]*)\*")

_FILLER = frozenset(
    _WORD.findall(
        "a about after all am an and any are as at be been being by can could did do does for from get gets "
        "go had has have help how i if in into is it its like make me mean means my need no not of on one or "
        "our please say says should show so some such tell than that the them then there these they this "
        "those to too two until up use want was we were what when where which while who will with without "
        "would you your"
    )
)
"""Words that say nothing of what a question is about."""

_CALLED: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("restore", "recover"), "backup"),
        **dict.fromkeys(("rollback", "downgrade", "revert", "old version", "previous version"), "back"),
        **dict.fromkeys(("color", "yellow", "amber", "orange", "red", "green", "blue", "grey", "gray"), "colour"),
        **dict.fromkeys(("delay", "latency", "slow", "fast", "quickly", "time to", "how long until"), "soon"),
        **dict.fromkeys(("downtime", "maintenance", "planned", "deployment"), "mute"),
        **dict.fromkeys(("snooze", "quiet", "hush", "pause", "suppress", "stop alerts"), "silence"),
        **dict.fromkeys(("rotate", "renew", "replace", "changed"), "new"),
        **dict.fromkeys(("password", "credential", "secret", "api key"), "token"),
        **dict.fromkeys(("reject", "invalid", "unauthorized"), "refuse"),
        **dict.fromkeys(("weekdays", "weekend", "office", "business", "working", "monday", "schedule"), "active"),
        **dict.fromkeys(("night pages", "at night", "during the day", "by day"), "active"),
        **dict.fromkeys(("no rule", "without a rule"), "watched"),
        **dict.fromkeys(("bill", "billed", "charge", "charged", "invoice"), "p95"),
        **dict.fromkeys(("pager", "notify", "notification"), "ping"),
        **dict.fromkeys(("no alert", "not alert", "not post", "for nothing", "missed"), "false"),
        "bot is red": "unhealthy",
        **dict.fromkeys(("kept", "retention"), "keep"),
        "time zone": "timezone",
        "update": "upgrade",
        "restart": "start",
        "email": "mail",
        "remove": "uninstall",
    }
)
"""What people call things, with what the pages call them."""


def named(question: Sequence[str]) -> PageSection | None:
    """The section whose page and heading these words are."""
    words = tuple(typed(" ".join(question)))
    return next((each for each in _all() if each.words == words and each.heading), None)


def search(question: Sequence[str]) -> list[PageSection]:
    """The sections that say something of a question, the best first; none where no word of it is anywhere.

    A page that is named first is no more than a hint, and one by which nothing is found that the rest does not find.
    """
    first, rest = question[0].lower(), question[1:]
    if first in PAGES and rest and not search(rest):
        return []
    asked = [_meanings(word, page=word == first and first in PAGES) for word in _asked(question)]
    scores = {each: sum(_score(words, weights) for words in asked) for each, weights in _index().items()}
    return sorted((each for each in scores if scores[each]), key=lambda each: -scores[each])


def vocabulary() -> frozenset[str]:
    """The words that are in any section."""
    return frozenset(word for each in _all() for word in _WORD.findall(each.text.lower()))


def _asked(question: Sequence[str]) -> list[str]:
    """The words of a question that say something, each once."""
    text = f" {' '.join(question).lower()} "
    for phrase in (each for each in _CALLED if " " in each):
        text = text.replace(f" {phrase} ", f" {_CALLED[phrase]} ")
    known = _stemmed()
    found = ([word] if _stem(word) in known else re.split("[_-]", word) for word in _WORD.findall(text))
    words = [part for parts in found for part in parts]
    return list(dict.fromkeys(word for word in words if word not in _FILLER) or words)


def _meanings(word: str, *, page: bool) -> frozenset[str]:
    """A word and what the pages call it, as stems and as names of keys, and perhaps the word as a page."""
    if word in _FILLER and f"`{word}" in _stemmed():
        return frozenset({f"`{word}"})
    words = (word, *(_CALLED.get(word) or _CALLED.get(word.removesuffix("s"), "")).split())
    hint = [f"{word}.md"] if page else []
    return frozenset([*map(_stem, words), *(f"`{each}" for each in words), *hint])


def _score(words: frozenset[str], weights: Mapping[str, float]) -> float:
    weight = max((weights.get(each, 0.0) for each in words), default=0.0)
    return weight and weight * _rarity(words)


def _rarity(words: frozenset[str]) -> float:
    having = sum(not words.isdisjoint(weights) for weights in _index().values())
    return math.log(1 + len(_index()) / having)


@cache
def _all() -> tuple[PageSection, ...]:
    return tuple(each for page in PAGES for each in sections(page))


@cache
def _index() -> Mapping[PageSection, Mapping[str, float]]:
    usual = sum(len(each.text) for each in _all()) / len(_all())
    return {each: _weights(each, 2 * usual / (usual + len(each.text))) for each in _all()}


@cache
def _stemmed() -> frozenset[str]:
    return frozenset(word for weights in _index().values() for word in weights)


def _weights(section: PageSection, in_text: float) -> Mapping[str, float]:
    """What each word weighs in a section; ``in_text``: in its text, the less the longer that is."""
    keys = [key for line in _BULLET.findall(section.text) for key in _NAME.findall(line)]
    found = (
        (in_text, _stems(section.text)),
        (_STRESSED, _stems(" ".join(_STRESS.findall(section.text)))),
        (_STRESSED, () if section.heading else _stems(f"{section.page} {PAGES[section.page]}")),
        (_PART, _stems(" ".join(keys))),
        (_COMMAND, _stems(" ".join(_COMMANDS.findall(section.text)))),
        (_KEY, (f"`{key}" for key in keys)),
        (_HEADING, [*_stems(section.heading), f"{section.page}.md"]),
    )
    weights: dict[str, float] = {}
    for weight, words in found:
        weights |= {word: max(weight, weights.get(word, 0.0)) for word in words}
    return weights


def _stems(text: str) -> Iterable[str]:
    """The words of a text as stems, and their parts where they are joined."""
    return (_stem(part) for word in _WORD.findall(text.lower()) for part in (word, *re.split("[_-]", word)))


def _stem(word: str) -> str:
    """A word without its ending: ``log`` of ``logs`` and ``logged``, ``silenc`` of ``silences``."""
    short = _ENDING.sub("", word)
    return short[:-1] if len(short) > 3 and short[-1] == short[-2] else short
