"""What bots tell an Alertmanager, as stories: each is told to one in virtual time, and to a real one.

``place`` is the Alertmanager: its ``urls``, the ``pages`` it notified, the ``alerts()`` it shows, ``kill``, ``start``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager

from fakes.rigs.relay import NAMES, Bot
from fakes.rigs.until import until

from alertbot.errors import StoreError

DARK, WELL = {NAMES[0]: 0.0, "total": 1e9}, {NAMES[0]: 1e9}
FIRED, RESOLVED = ("firing", [f"went-dark {NAMES[0]}"]), ("resolved", [f"went-dark {NAMES[0]}"])

STORIES: dict[str, Callable] = {}


def story(function):
    """One of those that are told to both."""
    STORIES[function.__name__.replace("_", " ")] = function
    return function


@asynccontextmanager
async def bots(folder, place, clock, count=1, **settings):
    made = []
    try:
        for number in range(count):
            (folder / str(number)).mkdir()
            made.append(Bot(folder / str(number), place.urls, clock, **settings))
            await made[-1].begin()
        yield made
    finally:
        for bot in made:
            await bot.die()


def series(place):
    return sorted(each["labels"]["series"] for each in place.alerts())


def told(place):
    return [(page.status, page.names) for page in place.pages]


def says_its_end(page):
    """Whether it was told, and the alert did not just end by itself: its words are those of an end."""
    return "is back to normal" in page.alerts[0]["annotations"]["summary"]


@story
async def an_alert_burns_for_longer_than_one_telling_lasts_until_its_end_is_told(folder, place, clock, _):
    async with bots(folder, place, clock) as (bot,):
        await bot.judge(DARK)
        await until(lambda: place.pages)
        (alert,) = place.alerts()
        assert alert["labels"]["alertname"] == "went-dark"
        assert alert["annotations"]["summary"].startswith("a.example.com went dark ")
        await bot.sends(7)
        (later,) = place.alerts()
        assert later["endsAt"] > alert["endsAt"]
        assert later["startsAt"] == alert["startsAt"]
        await bot.judge(WELL)
        await until(lambda: len(place.pages) == 2)
        assert says_its_end(place.pages[1])

    assert told(place) == [FIRED, RESOLVED]


@story
async def what_is_over_for_one_bot_goes_on_while_the_other_says_that_it_burns(folder, place, clock, _):
    async with bots(folder, place, clock, 2) as (one, other):
        await one.judge(DARK)
        await other.judge(DARK)
        await until(lambda: place.pages)
        await one.judge(WELL)
        await other.sends(5)
        assert series(place) == [NAMES[0]]
        await other.judge(WELL)
        await until(lambda: len(place.pages) == 2)
        await other.sends(3)

    assert told(place) == [FIRED, RESOLVED]


@story
async def what_ended_while_the_bot_was_down_is_told_as_over(folder, place, clock, _):
    async with bots(folder, place, clock) as (bot,):
        await bot.judge(DARK)
        await until(lambda: place.pages)
        await bot.die()
        await bot.house.begin()
        await bot.house.judge({NAMES[0]: 1e9, NAMES[1]: 1e9, "total": 2e9})
        await bot.house.judge({NAMES[0]: 1e9, NAMES[1]: 1e9, "total": 2e9})
        bot.relay()
        await until(lambda: len(place.pages) == 2)
        assert says_its_end(place.pages[1])

    assert told(place) == [FIRED, RESOLVED]


@story
async def a_bot_that_comes_back_does_not_call_up_what_ended_meanwhile(folder, place, clock, _):
    async with bots(folder, place, clock, 2) as (one, other):
        await one.judge(DARK)
        await other.judge(DARK)
        await until(lambda: place.pages)
        await one.die()
        await other.judge(WELL)
        await until(lambda: len(place.pages) == 2)
        one.awaited = frozenset(one.house.watch.series)  # it knows no better than what is stored
        await one.begin_again()
        await one.sends(2)
        await one.judge(WELL)
        one.awaited = frozenset()
        await one.sends(3)
        assert place.alerts() == []

    assert told(place) == [FIRED, RESOLVED]


@story
async def what_still_burns_is_told_by_a_bot_that_comes_back_though_it_can_read_nothing(folder, place, clock, _):
    async with bots(folder, place, clock) as (bot,):
        await bot.judge(DARK)
        await until(lambda: place.pages)
        await bot.die()
        bot.awaited = frozenset(bot.house.watch.series)
        await bot.begin_again()
        await bot.sends(9)
        assert series(place) == [NAMES[0]]

    assert told(place) == [FIRED]


@story
async def an_alertmanager_that_was_away_is_told_all_of_it(folder, place, clock, patches):
    async with bots(folder, place, clock) as (bot,):
        await place.kill(0)
        await bot.judge(DARK)
        await until(lambda: bot.relaying.problems)
        (name,) = bot.relaying.problems
        assert name == f"Alertmanager {place.urls[0]}"
        await until(lambda: bot.failures > 2)
        await place.start(0)
        await until(lambda: place.pages)
        await until(lambda: not bot.relaying.problems)

    assert told(place) == [FIRED]
    said = [record.message for record in patches.caplog.records if "Alertmanager" in record.message]
    assert len(said) == 2
    assert "takes no alerts: cannot connect" in said[0]
    assert "takes alerts again, after " in said[1]


@story
async def what_is_silenced_ends_by_itself_and_comes_again_when_it_outlives_that(folder, place, clock, _):
    async with bots(folder, place, clock) as (bot,):
        await bot.judge(DARK)
        await until(lambda: place.pages)
        bot.house.now = clock.time()
        await bot.house.say("silence a.example.com 1h")
        await until(lambda: len(place.pages) == 2)
        assert place.alerts() == []
        await bot.house.say("unsilence 1")
        bot.relaying.wake()
        await until(lambda: len(place.pages) == 3)

    assert told(place) == [FIRED, RESOLVED, FIRED]


@story
async def all_that_went_dark_at_once_is_one_notification_after_its_time_to_gather(folder, place, clock, _):
    async with bots(folder, place, clock) as (bot,):
        await bot.judge(dict.fromkeys((*NAMES, "total"), 0.0))
        await until(lambda: place.of("went-dark"))

    assert [page.names for page in place.of("went-dark")] == [[f"went-dark {name}" for name in NAMES]]
    assert place.of("AlertbotAccountFell") == []  # two domains are no account


@story
async def what_burns_goes_on_while_the_database_fails(folder, place, clock, patches):
    async with bots(folder, place, clock) as (bot,):
        await bot.judge(DARK)
        await until(lambda: place.pages)

        def fails(*_):
            raise StoreError("disk I/O error")

        patches.monkeypatch.setattr("alertbot.store.alertmanager.to_relay", fails)
        await bot.sends(8)
        assert series(place) == [NAMES[0]]

    assert told(place) == [FIRED]


@story
async def one_that_never_answers_holds_up_no_other(folder, place, clock, _):
    calls = []

    async def hang(reader, writer):
        calls.append(reader)
        await reader.read()
        writer.close()

    hung = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{hung.sockets[0].getsockname()[1]}"
    (folder / "bot").mkdir()
    bot = Bot(folder / "bot", [url, *place.urls], clock)
    try:
        await bot.begin()
        await until(lambda: calls)  # it is being told already
        await bot.judge(DARK)
        await until(lambda: place.pages)
        assert len(calls) == 1
    finally:
        await bot.die()
        hung.close()
        await hung.wait_closed()
