"""A review in words: a line a rule, the noisiest first, and the edits that would have spared noise, as TOML."""

from __future__ import annotations

import json
from collections.abc import Iterator

from alertbot.messages.blocks import Message, code, context_block, cut, escape, paragraphs, section
from alertbot.query.edit_search import SuggestedEdit
from alertbot.query.edits import MUTE
from alertbot.query.review import Review, RuleReview
from alertbot.units import format_duration
from alertbot.words import counted, listed

_SMALL_PRINT = (
    "noise: voted so, or without a vote over by itself within 10m and not acknowledged; over soon: within 10m"
)

_MOST_NAMED = 5
_LONGEST = 2_000
"""Characters of an edit that are shown in a message."""


def review_message(review: Review) -> Message:
    """What each rule posted, and what people made of it."""
    posts = counted(review.incidents, "post") if review.incidents else "No posts"
    noisy = f", {review.noisy:,} of them noise" if review.noisy else ""
    headline = f"{posts} in the last {format_duration(review.span)}{noisy}."
    posting = [each for each in review.rules if each.posts]
    idle = [escape(each.rule) for each in review.rules if not each.posts]
    rest = [f"Posted nothing: {listed(idle, 20)}"] if idle else []
    lines = [headline, *map(_line, posting), *rest]
    edits = [block for each in review.edits for block in (section(edit_sentence(each)), section(_fenced(each)))]
    in_doubt = map(section, map(doubt_sentence, review.in_doubt))
    return Message(headline, (*paragraphs(lines), *edits, *in_doubt, context_block(_SMALL_PRINT)))


def edit_sentence(edit: SuggestedEdit) -> str:
    """What an edit would have changed."""
    later = f", up to {format_duration(edit.later)} later" if edit.later else ""
    kept = f"All {edit.kept:,} that were" if edit.kept > 1 else "The one that was"
    kept = (
        f" {kept} useful or acknowledged would have been posted{later}."
        if edit.kept
        else " None was useful or acknowledged."
    )
    return (
        f"In {counted(edit.days, 'day')} of history *{escape(edit.rule)}* would not have fired in {edit.spared:,} of"
        f" {counted(edit.noise, 'incident')} that {'was' if edit.noise == 1 else 'were'} noise.{kept}"
    )


def doubt_sentence(edit: SuggestedEdit) -> str:
    """Which votes keep an edit from being suggested."""
    lost = listed((f"#{number}" for number in edit.loses), _MOST_NAMED)
    change = cut(f"{edit.key} {edit.value}" if edit.key == MUTE else f"{edit.key} = {edit.value}", _LONGEST)
    return (
        f"Not suggested: {code(change)} for *{escape(edit.rule)}*. It would spare {edit.spared:,} of"
        f" {edit.noise:,} incidents that were noise, but lose {lost}, found useful by one person. If that was a slip,"
        " vote noise."
    )


def edit_toml(edit: SuggestedEdit) -> Iterator[str]:
    """The edit as it stands in the file."""
    if edit.key != MUTE:
        yield "[[rule]]"
        yield f"name = {_quoted(edit.rule)}"
        yield f"{edit.key} = {edit.value}{f'   # was {edit.was}' if edit.was else ''}"
        return
    yield "[[mute]]"
    if edit.domains:
        yield f"domains = [{', '.join(map(_quoted, edit.domains))}]"
    yield f"rules = [{_quoted(edit.rule)}]"
    yield f"when = [{_quoted(edit.value)}]"
    yield 'reason = "noise at that time"'


def _fenced(edit: SuggestedEdit) -> str:
    text = "\n".join(edit_toml(edit))
    return f"```{escape(text if len(text) <= _LONGEST else f'{text[:_LONGEST]}…')}```"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _line(rule: RuleReview) -> str:
    return f"*{escape(rule.rule)}*: {', '.join(_facts(rule))}"


def _facts(rule: RuleReview) -> Iterator[str]:
    yield counted(rule.posts, "post")
    if rule.noisy:
        yield f"{rule.noisy:,} noise"
    if rule.mentions:
        yield counted(rule.mentions, "mention")
    if rule.ack_seconds is not None:
        yield f"{rule.acknowledged:,} acknowledged after {format_duration(rule.ack_seconds)}"
    if rule.over_soon:
        yield f"{rule.over_soon / rule.ended:.0%} over soon"
    if rule.silenced >= 60:
        yield f"silenced for {format_duration(rule.silenced)}"
    if rule.useful or rule.noise:
        yield f"votes: {rule.useful:,} useful, {rule.noise:,} noise"
