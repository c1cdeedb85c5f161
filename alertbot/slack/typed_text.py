"""What people type into Slack as words: without what Slack, or the app it was copied from, put around them."""

from __future__ import annotations

import re

_QUOTES = str.maketrans(
    dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"') | dict.fromkeys("\u2018\u2019", "'")
)
_MARKUP = re.compile(r"<(?P<kind>[#@!]|[a-z][a-z.+-]*:)(?P<what>[^<>|]*)(?:\|(?P<label>[^<>|]*))?>", re.IGNORECASE)
_WORD = re.compile(r'(?:"[^"]*"|\S)+')


def words_of(text: str) -> list[str]:
    """The words of a text: double quotes hold several together, links and mentions are as they were typed."""
    bare = _MARKUP.sub(_unwrapped, text.translate(_QUOTES))
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        bare = bare.replace(entity, character)
    words = (word.strip("`'").replace('"', "") for word in _WORD.findall(bare))
    return [word for word in words if word]


def _unwrapped(match: re.Match[str]) -> str:
    """``<http://a.b|a.b>`` as ``a.b``, ``<#C1|ops>`` as ``#ops``, ``<!subteam^S1|@dl>`` as ``@dl``."""
    kind, what, label = match["kind"], match["what"], match["label"]
    if kind in {"#", "@"}:
        return kind + (label or what).removeprefix(kind)
    if kind == "!":
        return label or f"@{what}"
    return label or kind + what
