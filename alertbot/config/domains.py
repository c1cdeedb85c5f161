"""Domain names and globs as they are written, turned into what the API speaks: lower-case ASCII."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress

from alertbot.config.words import quoted
from alertbot.rules.selection import SUM_PREFIX

GROUP_MARK = "@"

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+(?!\d+\Z){_LABEL}")
_GLOB = re.compile(r"[\w.*?!\[\]-]+")
_PREFIXED = re.compile(r"\w+:(\w[\w.-]*)")
_WILD = frozenset("*?[")


def domain_name(text: str) -> str:
    """A domain in lower-case ASCII; ``ValueError`` with what to write where it is none."""
    name = normalised(text)
    if is_glob(name):
        raise ValueError(
            f'{quoted(text)} is a glob: list domains by name, or write ["*"] alone for all of the account\'s'
        )
    if not name.isascii():
        raise ValueError(
            f'{quoted(text)} has no sure ASCII form: write the one the CDN knows, which begins with "xn--"'
        )
    if not _DOMAIN.fullmatch(name):
        raise ValueError(f'{quoted(text)} is no domain name: write the bare name, such as "video.example.com"')
    return name


def usable(names: Iterable[str]) -> tuple[str, ...]:
    """Those that are domain names, each once, as the API writes them.

    The others can be neither asked for nor shown: a name such as ``total``, ``=cmd`` or one that moves the cursor.
    """
    found: dict[str, None] = {}
    for name in names:
        with suppress(ValueError):
            found[domain_name(name)] = None
    return tuple(found)


def normalised(text: str) -> str:
    """A domain's name as the API writes it, as far as that can be said; it is not checked."""
    return _ascii(text.strip().removesuffix("."))


def pattern(text: str) -> str:
    """What a rule may list: a domain or glob in lower-case ASCII, ``@group``, ``sum:group`` or ``total`` as it is."""
    if text.startswith((GROUP_MARK, SUM_PREFIX)):
        return text
    if prefixed := _PREFIXED.fullmatch(text):
        raise ValueError(f'{quoted(text)} begins with no word that is known: write "{SUM_PREFIX}{prefixed[1]}"')
    if not _GLOB.fullmatch(text):
        raise ValueError(
            f'{quoted(text)} is neither a domain name nor a glob: write one a text, such as "*.example.com"'
        )
    return ".".join(_ascii(label) for label in text.split("."))


def is_glob(text: str) -> bool:
    """Whether the text stands for more than itself."""
    return not _WILD.isdisjoint(text)


def _ascii(name: str) -> str:
    """The API speaks ASCII, so a Unicode name becomes its A-label form (``xn--...``).

    Python's codec knows the rules of 2003, which turn some letters into others (ß into ss): a name that does not come
    back as it was is left alone, and refused by whoever checks its shape.
    """
    lower = unicodedata.normalize("NFC", name).lower()
    if lower.isascii():
        return lower
    try:
        encoded = lower.encode("idna")
        return encoded.decode("ascii") if encoded.decode("idna") == lower else lower
    except UnicodeError:
        return lower
