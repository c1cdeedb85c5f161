"""The arguments of questions, each read strictly; ``UsageError`` says what would be right."""

from __future__ import annotations

from typing import TypeAlias

from alertbot.config.watch import Watch
from alertbot.errors import UsageError
from alertbot.incidents.spans import take_span
from alertbot.query.bandwidth import By
from alertbot.query.names import Meant, meant
from alertbot.rules.base import Rule
from alertbot.units import DAY
from alertbot.words import did_you_mean

LONGEST_SPAN = 35 * DAY
MOST_TOP = 50
WEEK = 7 * DAY

Words: TypeAlias = list[str]


def one_series(word: str, watch: Watch) -> str:
    """The series that a word means: of a group its sum, where that is watched."""
    found = meant(word, watch.series, watch.groups)
    if len(found.series) == 1:
        return found.series[0]
    raise UsageError(
        f"the sum of {found.name} is not watched: ask why of one of its domains, such as {found.series[0]}"
    )


def rule_and_span(rest: Words, watch: Watch) -> tuple[Rule, int]:
    """The rule and the seconds of history to replay."""
    if not rest:
        raise UsageError("which rule?")
    name = rest.pop(0)
    span = take_seconds(rest) if rest else WEEK
    no_more(rest)
    found = [each for each in watch.rules if each.lower() == name.lower()]
    if not found:
        off = any(each.lower() == name.lower() for each in watch.disabled)
        if off:
            raise UsageError(f'the rule "{name[:80]}" is switched off: `enabled = true` brings it back')
        raise UsageError(f'there is no rule "{name[:80]}"{did_you_mean(name, tuple(watch.rules))}')
    return watch.rules[name if name in watch.rules else found[0]], span


def series_meant(rest: Words, watch: Watch) -> Meant:
    """The series that the first word means; takes it."""
    if not rest:
        raise UsageError("which domain?")
    return meant(rest.pop(0), watch.series, watch.groups)


def how_many(word: str) -> int:
    """How many lines a word asks for."""
    if not 1 <= int(word) <= MOST_TOP:
        raise UsageError(f"{word} is not between 1 and {MOST_TOP}")
    return int(word)


def ranked_by(word: str) -> By:
    """What a word ranks domains by."""
    try:
        return By(word.lower())
    except ValueError:
        hint = did_you_mean(word, tuple(By)) or ": use now, peak, p95 or change"
        raise UsageError(f'cannot rank by "{word[:40]}"{hint}') from None


def take_seconds(rest: Words) -> int:
    """The seconds that the first words say; takes them."""
    word = rest[0]
    rest[:1] = ["1", word] if word.lower() in {"hour", "day", "week"} else [word]
    if (span := take_span(rest)) is None:
        raise UsageError(f'"{word[:40]}" is not a duration: write 24h or 7d')
    if not 0 < span <= LONGEST_SPAN:
        raise UsageError(f"{word[:20]} is not between 5m and 35d")
    return span


def only_seconds(rest: Words, usual: int) -> int:
    """The seconds that the words say, and nothing else; as ``usual`` without any."""
    span = take_seconds(rest) if rest else usual
    no_more(rest)
    return span


def takes_nothing(name: str, rest: Words) -> None:
    """Refuse any word."""
    if rest:
        raise UsageError(f'{name} takes no argument: "{" ".join(rest)[:40]}"')


def no_more(rest: Words, instead: str = "") -> None:
    """Refuse words that are left; ``instead`` ends the complaint with what would be right."""
    if rest:
        raise UsageError(f'"{" ".join(rest)[:40]}" is more than this takes{instead}')
