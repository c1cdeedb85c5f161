"""The week's review, posted once to the default channel, mentioning nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.rigs.house import START, House, database
from fakes.rigs.inquired import Inquired
from fakes.rigs.night import CHANNEL, config_for, dark
from fakes.wire.blockkit import refuse_message

from alertbot.config import ReviewSettings
from alertbot.config.watch import Watch
from alertbot.messages.slack import from_json, mentions_in
from alertbot.service.review import WeeklyReview
from alertbot.units import DAY

DOMAINS = ("a.example.com", "b.example.com", "c.example.com", "d.example.com")
USUAL = {**dict.fromkeys(DOMAINS, 1e8), "total": 4e8}
NINE = START - DAY + 7 * DAY + 9 * 3600
"""A Monday morning, six days after the outage."""


@pytest.fixture
async def house(tmp_path):
    """A house with a review on Mondays at nine, and an outage in the week before."""
    config = config_for(database(tmp_path), DOMAINS, [dark()], mention={"critical": "@here"})
    house = House(replace(config, review=ReviewSettings(at="mon 09:00")), DOMAINS)
    await house.begin(USUAL)
    for value in (0.0, 0.0, 1e8, 1e8):
        await house.judge({**USUAL, "a.example.com": value})
    yield house
    await house.end()


def reviewing(house, **changes):
    scope = Inquired(house).scope
    return WeeklyReview(house.config, house._keeper, house.time, lambda: replace(scope, **changes))


def posted(house):
    return [row for row in house.outbox() if row.subject.startswith("review:")]


async def test_it_is_posted_once_a_week_and_not_again_after_a_restart(house):
    house.now = NINE - 60
    assert not await reviewing(house).post_if_due()
    house.now = NINE
    one = reviewing(house)
    assert await one.post_if_due()
    assert not await one.post_if_due()
    assert not await reviewing(house).post_if_due()
    house.now = NINE + DAY
    assert not await reviewing(house).post_if_due()
    house.now = NINE + 7 * DAY
    assert await reviewing(house).post_if_due()

    first, second = posted(house)
    assert (first.subject, first.channel, first.action) == ("review:2026-11-09", CHANNEL, "post")
    assert first.text == "1 post in the last 7d, 1 of them noise."
    assert second.text == "No posts in the last 7d."


async def test_it_mentions_nobody_and_slack_takes_it(house):
    house.now = NINE
    await reviewing(house).post_if_due()
    (row,) = house.rows("SELECT body FROM outbox WHERE subject GLOB 'review:*'")
    message = from_json(row["body"])
    refuse_message(message.payload())
    assert not mentions_in(message.text)


async def test_before_anything_is_watched_it_waits(house):
    house.now = NINE
    one = reviewing(house, watch=Watch(house.config.slack.zone))
    assert not await one.post_if_due()
    assert await reviewing(house).post_if_due()
