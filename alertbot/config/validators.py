"""What the types of single values are made of: validators that say in plain words what would have been right.

Most are plain validators, so pydantic never coerces: ``probe = 20`` is an error, not 20 seconds by luck.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import TypeVar

from pydantic import AfterValidator, BeforeValidator, PlainValidator

from alertbot.config.words import did_you_mean, found, quoted, secret_in_value
from alertbot.units import parse_duration
from alertbot.words import one_of

T = TypeVar("T")


def typed(value: object, kind: type[T], due: str) -> T:
    """``value`` if it is of this TOML type (true is no number), else ``ValueError`` saying what is due."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"write {due}, not {found(value)}")
    return value


def text(value: object, example: str) -> str:
    """Text that can be shown and is no secret."""
    value = typed(value, str, f'text in quotes, such as "{example}"')
    if secret := secret_in_value(value):
        raise ValueError(secret)
    if not value.isprintable():
        raise ValueError(f'a control character stands in this text: write it on one line, such as "{example}"')
    return value


def between(least: str, most: str) -> PlainValidator:
    """A duration, in seconds, within these two."""
    low, high = parse_duration(least), parse_duration(most)

    def check(value: object) -> int:
        seconds = parse_duration(text(value, least))
        if not low <= seconds <= high:
            raise ValueError(f'{quoted(str(value))} is out of range: write "{least}" to "{most}"')
        return seconds

    return PlainValidator(check)


def count(least: int, most: int) -> PlainValidator:
    """A whole number within these two."""

    def check(value: object) -> int:
        number = typed(value, int, f"a whole number without quotes, {least} to {most}")
        if not least <= number <= most:
            raise ValueError(f"{number:.6g} is out of range: write {least} to {most}")
        return number

    return PlainValidator(check)


def chosen(value: object, choices: Iterable[str], what: str) -> str:
    """One of a few words."""
    words = tuple(choices)
    word = text(value, words[0])
    if word not in words:
        meant = did_you_mean(word, words) or f": write {one_of(words)}"
        raise ValueError(f"{quoted(word)} is no {what}{meant}")
    return word


def choice(choices: Iterable[str], what: str) -> PlainValidator:
    """Likewise, as a type."""
    return PlainValidator(lambda value: chosen(value, choices, what))


def matching(shape: re.Pattern[str], what: str, example: str) -> PlainValidator:
    """Text of this shape; the message does not repeat it."""

    def check(value: object) -> str:
        word = text(value, example)
        if not shape.fullmatch(word):
            raise ValueError(f'this is no {what}: write one such as "{example}"')
        return word

    return PlainValidator(check)


def parsed(parse: Callable[[str], T], example: str) -> PlainValidator:
    """What ``parse`` makes of a text; it raises ``ValueError``, saying what to write, for one that is wrong."""
    return PlainValidator(lambda value: parse(text(value, example)))


def listing(example: str) -> BeforeValidator:
    """A list's elements; the commonest mistake is a single text."""
    return BeforeValidator(lambda value: tuple(typed(value, list, f'a list in brackets, such as ["{example}"]')))


def tabled(example: str) -> BeforeValidator:
    """A table."""
    return BeforeValidator(lambda value: typed(value, dict, f"a table, such as {example}"))


FROZEN = AfterValidator(MappingProxyType)
"""A mapping that is no longer changed."""
