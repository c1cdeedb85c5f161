"""Votes under a resolved message: the two buttons, and who voted what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from alertbot.incidents.incident import NOISE, USEFUL, Vote
from alertbot.messages.blocks import Block, Message, button, context_line, escape
from alertbot.words import listed

_MOST_NAMED = 10


def vote_buttons(number: int) -> Iterator[Block]:
    """The buttons that ask whether an incident was useful to know of."""
    yield button("Useful", USEFUL, str(number))
    yield button("Noise", NOISE, str(number))


def with_votes(message: Message, votes: Sequence[Vote]) -> Message:
    """A message whose small print ends with who voted what, in the place of earlier votes."""
    words = "; ".join(_words(votes))
    blocks = (
        {**block, "elements": [block["elements"][0], *([context_line(words)] if words else [])]}
        if block["type"] == "context"
        else block
        for block in message.blocks
    )
    return replace(message, blocks=tuple(blocks))


def _words(votes: Sequence[Vote]) -> Iterator[str]:
    for word in (USEFUL, NOISE):
        if names := [escape(vote.who) for vote in votes if vote.word == word]:
            yield f"{word}: {listed(names, _MOST_NAMED)}"
