"""What follows a post is looked for a moment after messages, and not all the time."""

from __future__ import annotations

import asyncio

import pytest
from fakes.rigs.deliverer import deliverer
from fakes.rigs.until import until
from fakes.worlds.virtual import VirtualClock, passes

from alertbot.errors import StoreError
from alertbot.service.after_posts import MOMENT, after_posts

DAY = 86_400


class Looks:
    """Notes when it was asked to look; leaves something, or fails, as often as it is told to."""

    def __init__(self, *outcomes):
        self.clock = VirtualClock()
        self.at = []
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self._outcomes = list(outcomes)

    async def look(self):
        self.at.append(self.clock.monotonic())
        await self.goes_on.wait()
        outcome = self._outcomes.pop(0) if self._outcomes else False
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
async def bot(tmp_path):
    async with deliverer(tmp_path) as one:
        yield one


@pytest.fixture
async def following(bot):
    tasks = []

    def follow(*outcomes):
        looks = Looks(*outcomes)
        tasks.append(asyncio.create_task(after_posts(bot.delivery, looks.clock, looks.look)))
        return looks

    yield follow
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_it_looks_once_at_the_start_and_then_only_after_messages(bot, following):
    looks = following()
    await passes(DAY)
    assert len(looks.at) == 1
    await bot.owe(bot.post("a", "down"), bot.post("b", "down", "#ops"))
    await bot.deliver()
    sent = looks.clock.monotonic()
    await passes(DAY)
    assert len(looks.at) == 2
    assert looks.at[1] - sent == pytest.approx(MOMENT, abs=1)


async def test_a_message_whose_answer_was_lost_is_followed_once_it_is_found(bot, following):
    looks = following()
    await passes(DAY)
    bot.slack.fault("chat.postMessage", "drop_after")
    await bot.owe(bot.post("a", "down"))
    await bot.deliver()
    assert await bot.states() == [("post", "sent")]
    found = looks.clock.monotonic()
    await passes(DAY)
    assert looks.at[-1] >= found + MOMENT


@pytest.mark.parametrize("outcome", [True, StoreError("disk I/O error"), RuntimeError("a bug")])
async def test_what_was_left_or_failed_is_looked_at_again_in_a_moment(following, outcome):
    looks = following(outcome)
    await passes(DAY)
    first, second = looks.at
    assert second - first == MOMENT


async def test_what_is_sent_while_it_looks_is_followed_too(bot, following):
    looks = following()
    looks.goes_on.clear()
    await until(lambda: looks.at)
    await bot.owe(bot.post("a", "down"))
    await bot.deliver()
    looks.goes_on.set()
    await passes(DAY)
    assert len(looks.at) == 2
