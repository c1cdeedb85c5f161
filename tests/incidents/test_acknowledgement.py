"""An acknowledgement holds for a time: whoever gave it may have gone back to sleep."""

from __future__ import annotations

import json
from datetime import UTC

import pytest
from fakes.rigs.house import ADA, House, database
from fakes.rigs.night import config_for, dark, night_folder
from fakes.worlds.cases import incident, rule, told
from hypothesis import given
from hypothesis import strategies as st

from alertbot.incidents.acknowledgement import expires
from alertbot.incidents.incident import IncidentKind
from alertbot.incidents.orders import Person
from alertbot.rules.base import Severity
from alertbot.rules.schedule import Schedule, parse_window

DOMAINS = ("a.example.com", "b.example.com")
HOUR = 3600
SHELL = Person(None, "ann (shell)")


@pytest.fixture
async def house():
    """Opens houses over a rule whose acknowledgements hold for two hours, with reminders every half an hour."""
    opened = []
    with night_folder() as folder:

        async def begun(**changes):
            rules = [dark(**{"repeat": 1800, "ack_expires": 2 * HOUR} | changes)]
            home = House(config_for(database(folder), DOMAINS, rules), DOMAINS)
            await home.begin({"a.example.com": 1e9, "b.example.com": 1e9, "total": 2e9})
            opened.append(home)
            await carried(home, 2)
            return home

        yield begun
        for home in opened:
            await home.end()


async def carried(home, slots, a=0.0):
    for _ in range(slots):
        await home.judge({"a.example.com": a, "b.example.com": 1e9, "total": a + 1e9})


def replies(home):
    return [row for row in home.outbox() if row.action == "reply"]


def asked(home):
    return [row for row in replies(home) if ", acknowledged by" in row.text]


async def test_who_acknowledged_is_asked_in_the_thread_and_nobody_else(house):
    home = await house()
    answer = await home.say("ack")
    assert "Reminders stopped until 02:20, or until it resolves or gets worse." in answer
    await carried(home, 23)
    assert asked(home) == []
    await carried(home, 1)
    (row,) = asked(home)
    assert row.text.startswith(f"<@{ADA.id}> Still dark, acknowledged by Ada 2h ago: `a.example.com` went dark")
    assert not row.broadcast
    (buttons,) = [
        block
        for block in json.loads(home.rows("SELECT body FROM outbox WHERE number = ?", row.number)[0]["body"])["blocks"]
        if block["type"] == "actions"
    ]
    assert [(each["text"]["text"], each["action_id"], each["value"]) for each in buttons["elements"]] == [
        ("Still on it", "ack", "1"),
        ("Hand back", "unack", "1"),
    ]
    await carried(home, 4)
    assert len(asked(home)) == 1


async def test_without_an_answer_it_is_open_again_and_the_channel_is_called(house):
    home = await house()
    await home.say("ack")
    await carried(home, 24 + 6)
    last = replies(home)[-1]
    assert last.broadcast
    assert "Open again: Ada acknowledged this and has not answered since. `a.example.com` went dark" in last.text
    before = len(replies(home))
    await carried(home, 6)
    assert [row.broadcast for row in replies(home)[before:]] == [True], "reminders go on"


async def test_who_is_still_on_it_is_asked_again_after_as_long(house):
    home = await house()
    await home.say("ack")
    await carried(home, 24)
    await home.say("ack #1")
    assert "Ada is still on it. Reminders stopped until 04:20" in replies(home)[-1].text
    await carried(home, 23)
    assert len(asked(home)) == 1
    await carried(home, 1)
    assert len(asked(home)) == 2
    await home.say("unack #1")
    await carried(home, 7)
    assert replies(home)[-1].broadcast


async def test_from_the_shell_nobody_can_be_mentioned(house):
    home = await house()
    await home.say("ack", SHELL)
    await carried(home, 24)
    assert asked(home)[0].text.startswith("Still dark, acknowledged by ann (shell) 2h ago")


async def test_nobody_is_asked_while_it_recovers(house):
    home = await house(clear_slots=5)
    await home.say("ack")
    await carried(home, 22)
    await carried(home, 4, a=1e9)
    assert asked(home) == []
    await carried(home, 1, a=0.0)
    assert len(asked(home)) == 1


async def test_nobody_is_asked_outside_the_rules_hours(house):
    home = await house(active=Schedule((parse_window("daily 00:00-02:00"),), UTC))
    await home.say("ack")
    await carried(home, 40)
    assert asked(home) == []


async def test_never_means_until_it_resolves(house):
    home = await house(ack_expires=None)
    assert "Reminders stopped until it resolves or gets worse." in await home.say("ack")
    await carried(home, 60)
    assert asked(home) == []


@pytest.mark.parametrize(
    ("found", "after"),
    [
        (incident(1, told(1)), 8 * HOUR),
        (incident(1, told(1), told(2, rule="fell")), 2 * HOUR),
        (incident(1, told(1, rule="gone")), None),
        (incident(1, kind=IncidentKind.DARK), 2 * HOUR),
        (incident(1, kind=IncidentKind.FEED), 8 * HOUR),
    ],
)
def test_the_strictest_of_its_rules_says_how_long(found, after):
    rules = {"dark": rule(ack_expires=8 * HOUR), "fell": rule("fell", ack_expires=2 * HOUR, severity=Severity.CRITICAL)}
    assert expires(found, rules, 100.0) == (None if after is None else 100.0 + after)


@given(st.floats(0, 2e9), st.integers(300, 30 * 86_400))
def test_it_holds_for_as_long_as_the_rule_says(now, seconds):
    assert expires(incident(1, told(1)), {"dark": rule(ack_expires=seconds)}, now) == now + seconds
