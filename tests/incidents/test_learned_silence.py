"""A domain that is dark night after night is usually silent in the end: announced once, and kept posted on demand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from fakes.rigs.house import House, database
from fakes.rigs.inquired import Inquired
from fakes.rigs.night import config_for, dark

from alertbot.config import SlackSettings
from alertbot.errors import UsageError
from alertbot.units import DAY, DAY_SLOTS, SLOT

A, B = "a.example.com", "b.example.com"
LEVEL = 50e6
FROM, TO = 250, 274  # 20:50 to 22:50 UTC


@pytest.fixture
async def house(tmp_path):
    config = config_for(database(tmp_path), (A, B), [dark()])
    slack = SlackSettings(**config.slack.model_dump(include={"base_url", "channel"}), mention={"critical": "@here"})
    opened = House(replace(config, slack=slack), (A, B))
    await opened.begin({A: LEVEL, B: LEVEL, "total": 2 * LEVEL})
    yield opened
    await opened.end()


def a_day(begin=FROM, end=TO):
    """What A carries in a day on which it is dark in the evening."""
    values = np.full(DAY_SLOTS, LEVEL)
    values[begin:end] = 0
    return values


async def days(house, *each):
    """So many days, each judged in four parts."""
    values = np.concatenate(each)
    part = DAY_SLOTS // 4
    for start in range(0, len(values), part):
        some = values[start : start + part]
        first, house.slot = house.slot + SLOT, house.slot + len(some) * SLOT
        for name, carried in ((A, some), (B, np.full(len(some), LEVEL)), ("total", some + LEVEL)):
            house.ledger.take(name, first, carried)
        house.now = max(house.now, house.slot + 900)
        await house.dispatcher.commit(house.ledger.judge(house.slot), house.slot)
        await house.dispatcher.post_due()


def announced(house):
    return [row for row in house.outbox() if row.subject.startswith("learned:")]


def outages(house):
    return [row["since"] for row in house.rows("SELECT since FROM alerts WHERE rule = 'went-dark' ORDER BY since")]


async def test_the_first_night_that_is_taken_as_usual_is_announced_once(house):
    await days(house, *[a_day()] * 5)
    assert (len(outages(house)), announced(house)) == (5, [])

    await days(house, a_day())

    assert len(outages(house)) == 5
    (row,) = announced(house)
    assert (row.action, row.channel) == ("post", house.config.slack.channel)
    assert f"`{A}` went to 0 at about " in row.text
    assert "on 5 of the last 7 nights and came back by itself. From tonight this is taken as usual and not posted." in (
        row.text
    )
    body = json.loads(house.rows("SELECT body FROM outbox WHERE subject = ?", row.subject)[0]["body"])
    assert body["text"].startswith("<!here> ")  # as loud as the alerts were
    assert body["color"] == "#d40e0d"
    (button,) = body["blocks"][-1]["elements"]
    assert (button["text"]["text"], button["action_id"], button["value"]) == ("Keep posting", "keep_posting", A)

    await house.restart()
    await days(house, *[a_day()] * 3)
    assert (len(outages(house)), len(announced(house))) == (5, 1)


async def test_a_night_that_was_silent_before_any_alert_is_not_announced(house):
    house.ledger.take(A, house.slot - 9 * DAY + SLOT, np.concatenate([a_day()] * 9))
    await days(house, *[a_day()] * 2)
    assert (outages(house), announced(house)) == ([], [])


async def test_still_dark_fifteen_minutes_after_the_usual_end_is_an_alert(house):
    await days(house, *[a_day()] * 5)
    begun = house.slot + SLOT
    await days(house, a_day(end=TO + 12))
    (row,) = house.rows("SELECT fired FROM alerts WHERE rule = 'went-dark' AND since >= ?", begun)
    assert row["fired"] + SLOT - (begun + TO * SLOT) == 900


@pytest.mark.parametrize(("row", "said"), [(FROM + 6, True), (FROM - 24, False)])
async def test_alerts_lists_what_is_silent_as_usual(house, row, said):
    await days(house, *[a_day()] * 5)
    await days(house, a_day()[:row])
    assert (f"Silent as usual now: {A} (20:50-22:50)." in await Inquired(house).ask("alerts")) == said


@pytest.mark.parametrize("restarts", [False, True])
async def test_who_clicks_keep_posting_has_each_night_posted_until_somebody_takes_it_back(house, restarts):
    await days(house, *[a_day()] * 6)
    assert "Undo: `/bandwidth learn-silence a.example.com`" in await house.say("keep-posting a.ex")
    assert "always posted already" in await house.say("keep-posting a.example.com")
    edit = house.outbox()[-1]
    assert (edit.action, edit.subject) == ("update", announced(house)[0].subject)
    assert "Ada keeps its silence posted, however usual it is." in edit.text
    if restarts:
        await house.restart()

    await days(house, a_day())
    assert len(outages(house)) == 6

    await house.say("learn-silence a.example.com")
    await days(house, a_day())
    assert len(outages(house)) == 6
    assert [row.action for row in announced(house)] == ["post", "update", "post"]
    rows = house.rows("SELECT kind, who FROM changes ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [("keeps posting", "Ada"), ("learns silence", "Ada")]


@pytest.mark.parametrize("earlier", [False, True])
async def test_keep_posting_holds_for_nights_that_no_alert_taught_as_well(house, earlier):
    if earlier:  # before the first start
        house.ledger.take(A, house.slot - 9 * DAY + SLOT, np.concatenate([a_day()] * 9))
        await days(house, a_day())
    else:  # nights that were not posted, after those that were
        await days(house, *[a_day()] * 9)
    before = len(outages(house))
    await house.say("keep-posting a.example.com")
    await days(house, a_day()[: FROM + 6])
    assert len(outages(house)) == before + 1
    assert "Silent as usual now" not in await Inquired(house).ask("alerts")


async def test_a_domain_that_is_not_watched_has_no_silence_to_be_posted(house):
    with pytest.raises(UsageError, match=r'no watched domain is named "x.example.com"'):
        await house.say("keep-posting x.example.com")
    with pytest.raises(UsageError, match=r'"example" could be a.example.com, b.example.com: write more of it'):
        await house.say("keep-posting example")


async def test_a_rule_may_be_told_to_learn_no_silence(tmp_path):
    rule = dark()
    stubborn = replace(rule, kind=replace(rule.kind, learn_silence=False))
    opened = House(config_for(database(tmp_path), (A, B), [stubborn]), (A, B))
    await opened.begin({A: LEVEL, B: LEVEL, "total": 2 * LEVEL})
    await days(opened, *[a_day()] * 7)
    assert (len(outages(opened)), announced(opened)) == (7, [])
    await opened.end()


async def test_what_is_silenced_is_announced_once_that_is_over(house):
    await days(house, *[a_day()] * 5)
    await house.say("silence a.example.com 24h")
    await days(house, a_day()[: FROM + 12])
    assert announced(house) == []
    await days(house, a_day()[FROM + 12 :], a_day())
    assert (len(announced(house)), len(outages(house))) == (1, 5)


async def test_a_night_that_somebody_took_care_of_teaches_nothing(house):
    await days(house, *[a_day()] * 4)
    await days(house, a_day()[: FROM + 12])
    await house.say("ack")
    await days(house, a_day()[FROM + 12 :], a_day())
    assert (len(announced(house)), len(outages(house))) == (0, 6)
