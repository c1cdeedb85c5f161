"""``[feed]`` where there is no file yet."""

from __future__ import annotations

from pydantic import ValidationError

from alertbot.config.models import FeedModel


def feed_at(base_url: str, timezone: str) -> FeedModel:
    """The section with these two keys; ``ValueError`` says what to write instead of one that is wrong."""
    try:
        return FeedModel.model_validate({"base_url": base_url, "timezone": timezone})
    except ValidationError as error:
        words = [each["msg"].removeprefix("Value error, ") for each in error.errors(include_url=False)]
        raise ValueError("; ".join(words)) from None
