"""A review in words: a line a rule, the noisiest first."""

from __future__ import annotations

from collections.abc import Iterator

from alertbot.messages.blocks import Message, context_block, escape, paragraphs
from alertbot.query.review import Review, RuleReview
from alertbot.units import format_duration
from alertbot.words import counted, listed

_SMALL_PRINT = (
    "noise: voted so, or without a vote over by itself within 10m and not acknowledged; over soon: within 10m"
)


def review_message(review: Review) -> Message:
    """What each rule posted, and what people made of it."""
    posts = counted(review.incidents, "post") if review.incidents else "No posts"
    noisy = f", {review.noisy:,} of them noise" if review.noisy else ""
    headline = f"{posts} in the last {format_duration(review.span)}{noisy}."
    posting = [each for each in review.rules if each.posts]
    idle = [escape(each.rule) for each in review.rules if not each.posts]
    rest = [f"Posted nothing: {listed(idle, 20)}"] if idle else []
    lines = [headline, *map(_line, posting), *rest]
    return Message(headline, (*paragraphs(lines), context_block(_SMALL_PRINT)))


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
