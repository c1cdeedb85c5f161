"""Votes on what is over: one a person and incident, seen in the message, kept in the audit, and nobody is woken."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from fakes.rigs.house import House, database
from fakes.rigs.night import config_for, dark

from alertbot.errors import UsageError
from alertbot.incidents.incident import Vote
from alertbot.incidents.orders import Person
from alertbot.messages.blocks import Message, actions, context_block
from alertbot.messages.votes import vote_buttons, with_votes
from alertbot.store.changes import ChangeKind

DOMAINS = ("a.example.com", "b.example.com", "c.example.com", "d.example.com")
USUAL = {**dict.fromkeys(DOMAINS, 1e8), "total": 4e8}
BOB = Person("U0BOB", "Bob <b>")
SHELL = Person(None, "ann (shell)")


@pytest.fixture
async def home(tmp_path):
    """A house in which incident 1 is over."""
    house = House(config_for(database(tmp_path), DOMAINS, [dark(repeat=1800)]), DOMAINS)
    await house.begin(USUAL)
    for value in (0.0, 0.0, 1e8, 1e8):
        await house.judge({**USUAL, "a.example.com": value})
    yield house
    await house.end()


async def refused(home, words):
    with pytest.raises(UsageError) as caught:
        await home.say(words)
    return str(caught.value)


def cast(home):
    return home.rows("SELECT incident, voter, useful FROM votes ORDER BY voter")


async def test_the_last_vote_of_a_person_counts_and_the_message_says_whose_it_is(home):
    before = home.outbox()
    assert await home.say("useful #1") == "Noted: #1 was useful."
    assert await home.say("noise 1") == "Noted: #1 was noise."
    await home.say("useful 1", BOB)
    await home.say("useful 1", SHELL)

    added = home.outbox()[len(before) :]
    assert [(row.action, row.subject, row.text) for row in added] == [("update", "incident:1", before[-1].text)] * 4
    assert added[0].shown == f"{before[-1].shown}\nuseful: Ada"
    assert added[-1].shown == f"{before[-1].shown}\nuseful: Bob <b>, ann (shell); noise: Ada"
    assert cast(home) == [
        {"incident": 1, "voter": "U0ADA", "useful": 0},
        {"incident": 1, "voter": "U0BOB", "useful": 1},
        {"incident": 1, "voter": "ann (shell)", "useful": 1},
    ]
    assert not any(row.pages for row in added)


async def test_the_same_vote_twice_changes_nothing(home):
    await home.say("useful 1")
    before = home.outbox()
    assert await home.say("useful 1") == "Noted: #1 was useful."
    assert home.outbox() == before


async def test_each_vote_is_kept_with_what_it_replaces(home):
    await home.say("useful 1")
    await home.say("noise 1")
    await home.say("noise 1")
    with closing(sqlite3.connect(home.config.store.path)) as db:
        kept = db.execute('SELECT kind, who, "before", "after" FROM changes ORDER BY id').fetchall()
    assert kept == [(ChangeKind.VOTED, "Ada", None, "#1 useful"), (ChangeKind.VOTED, "Ada", "#1 useful", "#1 noise")]


async def test_votes_outlive_a_relapse_and_are_asked_for_after_the_end_alone(home):
    await home.say("useful 1")
    for _ in range(2):
        await home.judge({**USUAL, "a.example.com": 0.0})
    assert "useful" not in home.outbox()[-1].shown
    assert await refused(home, "noise #1") == "#1 is still open: say whether it was useful once it is over"
    for _ in range(2):
        await home.judge(USUAL)
    assert home.outbox()[-1].shown.endswith("\nuseful: Ada")


async def test_an_incident_without_alerts_takes_no_votes(home):
    with closing(sqlite3.connect(home.config.store.path)) as db, db:
        db.execute("INSERT INTO incidents (kind, channel, since, opened, closed) VALUES ('feed', '#c', 0, 0, 1)")
    assert await refused(home, "noise 2") == "#2 is about no rule: votes are about rules"
    assert await refused(home, "useful 3") == "there is no incident #3"


async def test_where_slack_takes_no_edits_the_vote_counts_and_no_reply_is_written(home):
    with closing(sqlite3.connect(home.config.store.path)) as db, db:
        db.execute("UPDATE outbox SET state = 'sent', error = 'edit_window_closed' WHERE action = 'post'")
    before = home.outbox()
    await home.say("noise 1")
    assert home.outbox() == before
    assert [each["useful"] for each in cast(home)] == [0]


def test_many_voters_are_counted():
    message = Message("Resolved", (context_block("#1"), actions(*vote_buttons(1))), "#2eb67d")
    voters = [Vote(f"user{number}", useful=True) for number in range(12)]
    (small_print, _) = with_votes(message, voters).blocks
    assert small_print["elements"][1]["text"].endswith("user9 and 2 more")
    assert with_votes(with_votes(message, voters), ()) == message
