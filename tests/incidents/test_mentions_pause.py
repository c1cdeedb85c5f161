"""More than ten mentions of the same people in an hour: the next one says that mentions pause; all is posted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.rigs.night import ceiling
from fakes.worlds.storm import LEVEL, names, storm

from alertbot.messages.blocks import Message, section
from alertbot.messages.slack import from_json, mentions_in, to_json, without_mentions
from alertbot.rules.base import Severity

HOUR = 3600.0
DOMAINS = names(16)


def own_rules():
    """A rule of its own for each domain, so that each alert is an incident of its own."""
    return [
        replace(ceiling(2 * LEVEL), name=f"ceiling-{index}", domains=(domain,), severity=Severity.CRITICAL, repeat=1800)
        for index, domain in enumerate(DOMAINS)
    ]


async def rise(it, already, count, *, per_slot=3):
    """So many domains are above their ceilings after a few slots, in each of which some more rise."""
    for up in range(already + per_slot, count + per_slot, per_slot):
        values = {name: (5 if index < min(up, count) else 1) * LEVEL for index, name in enumerate(DOMAINS)}
        await it.house.judge({**values, "total": sum(values.values())})
        await it.deliver(200.0)


def calls(it):
    """The texts that mention somebody, as they stand in Slack."""
    return [message.text for message in it.slack.posts if mentions_in(message.text)]


async def test_the_eleventh_mention_within_an_hour_says_that_they_pause_and_the_rest_is_posted_without(tmp_path):
    async with storm(tmp_path, DOMAINS, rules=own_rules()) as it:
        await rise(it, 0, 12)
        await rise(it, 12, 16)
        await rise(it, 15, 16)
        called, posts = calls(it), it.posts("cdn-alerts")
        assert len(posts) == 16 + 1
        assert len(called) == 10 + 1
        assert called[-1].startswith("<!here> You were mentioned here 10 times within an hour: no more mentions until ")
        assert len([each for each in posts if "went above" in each.text and not mentions_in(each.text)]) == 6


@pytest.mark.slow
async def test_an_hour_later_reminders_mention_people_again(tmp_path):
    async with storm(tmp_path, DOMAINS, rules=own_rules()) as it:
        await rise(it, 0, 16)
        paused = [message.ts for message in it.slack.posts if "no more mentions until" in message.text]
        for _ in range(15):
            await rise(it, 15, 16)
        stamps = sorted(float(message.ts) for message in it.slack.posts if mentions_in(message.text))
        first = float(paused[0])
        assert not [ts for ts in stamps if first < ts < first + HOUR - 10]
        again = [ts for ts in stamps if ts > first]
        assert len(again) >= 10
        assert all(later - ts > HOUR - 60 for ts, later in zip(again, again[11:], strict=False))


def test_a_mention_is_taken_out_of_the_paragraph_that_repeats_the_text_too():
    text = "<!here> <@U1> It grew"
    body = to_json(Message(text, (section(text), section("a, b"))))
    left = from_json(without_mentions(body, {"<!here>"}))
    assert left.text == "<@U1> It grew"
    assert left.blocks == (section("<@U1> It grew"), section("a, b"))
    assert from_json(without_mentions(body)).blocks[0] == section("It grew")
