"""Orders typed into Slack: who gives them, what is answered, and what stands in the list of silences."""

import logging
import sqlite3
from datetime import UTC

import pytest
from fakes.rigs.night import dark
from fakes.rigs.obedience import Obedience

from alertbot.config.watch import Watch
from alertbot.errors import StoreError, UsageError
from alertbot.incidents.orders import Ack, Person, Requester, Silence, Unsilence
from alertbot.messages.slack import plain
from alertbot.messages.usages import USAGES
from alertbot.query.live import Live
from alertbot.query.scope import Scope
from alertbot.slack.commands import Commands
from alertbot.store.schema import open_database
from alertbot.units import parse_time

NOW = parse_time("2026-03-02T14:30:00Z")
ADA = Person("U0ADA", "ada")
IN_OPS = Requester(ADA, "#ops", frozenset({"#ops", "C0OPS"}))


def at(clock):
    return float(parse_time(f"2026-03-02T{clock}:00Z"))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "alertbot.db"
    open_database(path).close()
    return path


@pytest.fixture
def obedience():
    return Obedience()


@pytest.fixture
def commands(path, obedience):
    rule = dark()
    watch = Watch(UTC, ("video.example.com",), {rule.name: rule}, {rule.name: ()})
    scope = Scope("/bandwidth", path, watch, Live(NOW))
    return Commands(lambda: scope, obedience)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("ack", Ack(None)),
        ("Ack `#412`", Ack(412)),
        ("ack <#C0412|412>", Ack(412)),
        ("silence video.* 2h", Silence("video.*", NOW, at("16:30"))),
        (
            "silence <http://video.example.com|video.example.com> until 18:00 a &amp; b",
            Silence("video.example.com", NOW, at("18:00"), "a & b"),
        ),
        ("silence rule:\u201cmy rule\u201d 1h", Silence("rule:my rule", NOW, at("15:30"))),
        ("unsilence s3", Unsilence(3)),
    ],
)
async def test_an_order_is_carried_out_for_who_gave_it_where(commands, obedience, text, order):
    reply = await commands.answer(text, IN_OPS)
    assert obedience.obeyed == [(order, IN_OPS)]
    assert (reply.message.text, reply.public) == ("done", False)


async def test_an_order_can_be_given_in_public(commands, obedience):
    assert (await commands.answer("silence video.* 2h image work public", IN_OPS)).public
    assert obedience.obeyed[0][0].reason == "image work"


async def test_an_answer_of_several_lines_is_shown_whole(commands, obedience):
    obedience.answer = "Silence 3 begins.\nIt ends at 16:30."
    assert plain((await commands.answer("silence video.* 2h", IN_OPS)).message) == obedience.answer


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("silence video.*", 'Say until when: "silence video.* 2h"'),
        ("silence <b> 2h", '"&lt;b&gt;" cannot be silenced'),
        ("ack #this public", '"#this" is no number'),
    ],
)
async def test_an_order_that_is_not_understood_is_explained_to_its_giver_alone(commands, obedience, text, says):
    reply = await commands.answer(text, IN_OPS)
    assert reply.message.text.startswith(says)
    assert not reply.public
    assert obedience.obeyed == []


async def test_a_refusal_is_told_as_it_is_and_to_its_giver_alone(commands, obedience):
    obedience.refusal = UsageError("there is no incident #412")
    reply = await commands.answer("ack 412 public", IN_OPS)
    assert (reply.message.text, reply.public) == ("There is no incident #412", False)


async def test_an_order_that_fails_is_told_and_logged(commands, obedience, caplog):
    obedience.refusal = StoreError("the disk is full")
    with caplog.at_level(logging.ERROR):
        reply = await commands.answer("ack 412", IN_OPS)
    assert reply.message.text == "That cannot be answered now: the disk is full"
    assert "the command 'ack 412' could not be answered" in caplog.text


async def test_every_command_has_its_example_which_is_understood(commands):
    for name, usage in USAGES.items():
        assert usage.example.split()[0] == name
        if name != "status":  # which needs what the service knows
            assert "for example" not in (await commands.answer(usage.example, IN_OPS)).message.text


async def test_a_mistyped_order_gets_the_nearest_one(commands):
    assert "did you mean silence?" in (await commands.answer("silnce video.* 2h")).message.text


def silenced(path, *rows):
    with sqlite3.connect(path) as connection:
        connection.executemany(
            "INSERT INTO silences (target, begins, ends, author, reason, cancelled, cancelled_by, channel, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, '#ops', 0)",
            rows,
        )
    connection.close()


async def listed(commands):
    return plain((await commands.answer("silences")).message)


async def test_without_silences_the_list_says_so(commands):
    assert await listed(commands) == "Nothing is silenced."


async def test_silences_are_listed_by_where_they_stand(commands, path):
    silenced(
        path,
        ("over.*", at("12:00"), at("13:00"), "ada", "", None, None),
        ("video.*", at("14:00"), at("18:00"), "ada", "image <work>", None, None),
        ("@downloads", at("22:00"), at("22:00") + 3 * 3600, "bob (shell)", "", None, None),
        ("rule:went-dark", at("14:00"), at("15:00"), "bob", "", None, None),
        ("#412", at("12:00"), at("20:00"), "ada", "", at("14:15"), "bob"),
        ("old.*", at("12:00") - 90_000, at("13:00") - 90_000, "ada", "", None, None),
        ("older.*", at("12:00") - 90_000, at("20:00"), "ada", "", at("13:00") - 90_000, "ada"),
    )
    assert (await listed(commands)).splitlines() == [
        "2 silences in force.",
        "s4 rule:went-dark until 15:00, silenced by bob",
        "s2 video.* until 18:00, silenced by ada: image <work>",
        "s3 @downloads from 22:00 until Tue 3 Mar 01:00, silenced by bob (shell)",
        "Ended within a day:",
        "s5 #412 ended 14:15 by bob, silenced by ada",
        "s1 over.* ended 13:00, silenced by ada",
    ]


async def test_a_long_list_of_silences_is_cut_and_counted(commands, path):
    silenced(path, *((f"d{n}.*", at("14:00"), at("18:00"), "ada", "", None, None) for n in range(25)))
    lines = (await listed(commands)).splitlines()
    assert (len(lines), lines[-1]) == (22, "and 5 more")


async def test_status_says_what_cannot_be_read_once_for_each_reason(path, obedience):
    busy = {f"d{number}.example.com": "no answer within 20 s" for number in range(1, 8)}
    live = Live(NOW, unreadable=busy | {"old.example.com": "HTTP 400, code 400699"})
    scope = Scope("/bandwidth", path, Watch(UTC, (), {}, {}), live)
    lines = plain((await Commands(lambda: scope, obedience).answer("status")).message).splitlines()
    assert [line.replace(".example.com", "") for line in lines if line.startswith("unreadable")] == [
        "unreadable: d1, d2, d3, d4, d5 and 2 more: no answer within 20 s",
        "unreadable: old: HTTP 400, code 400699",
    ]
