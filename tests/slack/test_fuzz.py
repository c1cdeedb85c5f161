"""Whatever is typed, clicked or called a name: it is answered, Slack takes the answer, and nothing in it is mark-up.

A hundred tries each in the quick suite, a few hundred in the slow one; ALERTBOT_FUZZ=100000 tries that many.
"""

from __future__ import annotations

import logging
import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC
from functools import reduce

import numpy as np
import pytest
from fakes.rigs.effort import tries
from fakes.rigs.night import ceiling, dark, doubled, fell
from fakes.rigs.obedience import Obedience
from fakes.wire.blockkit import refuse_message
from fakes.worlds.stored import store

from alertbot.alerts.lifecycle import Alert, Phase
from alertbot.charts import plots
from alertbot.charts.chart import Picture
from alertbot.clock import SystemClock
from alertbot.config.watch import Watch
from alertbot.errors import ChartError
from alertbot.incidents.incident import FiredAlert, Incident, IncidentKind
from alertbot.incidents.notes import Note, NoteKind
from alertbot.incidents.orders import Person, Requester
from alertbot.messages.blocks import Message
from alertbot.messages.incident_parts import Context
from alertbot.messages.slack import incident_message, note_messages, to_json
from alertbot.messages.usages import USAGES
from alertbot.query.live import Live
from alertbot.query.scope import Scope
from alertbot.rules.base import Direction
from alertbot.rules.selection import Group
from alertbot.slack.buttons import Buttons
from alertbot.slack.charts import ChartReplies
from alertbot.slack.client import Posted
from alertbot.slack.commands import FAILED, Commands
from alertbot.units import DAY, DAY_SLOTS, SLOT, parse_time

TRIES = tries(100, 400, "ALERTBOT_FUZZ")
START = parse_time("2026-11-02")
LAST = START + 3 * DAY - SLOT
NOW = LAST + 900.0
EVIL = "<!channel> <@U1> <https://evil.example|bank> & `*_~ @here"
ODD_NAMES = (
    "video.example.com",
    f"{'x' * 60}.{'y' * 60}.{'z' * 60}.{'w' * 60}.example",
    "<!channel>.example.com",
    "a`b*c_d~e&f.example.com",
    "<https://evil.example|video.example.org>",
    "\u202egnp.example.com",
)
ODD_RULES = ("went-dark", "<!here|rule> & `x`", "*bold* " + "r" * 70, "fell")
PIECES = (
    *USAGES,
    *(usage.example for usage in USAGES.values()),
    *ODD_NAMES,
    *ODD_RULES,
    "@group",
    "@<!subteam^S1>",
    "total",
    "sum:group",
    "#1",
    "#2",
    "1",
    "0",
    "-1",
    "50",
    "51",
    "99999999999999999999",
    "7d",
    "35d",
    "0m",
    "5m",
    "1h30m",
    "now",
    "peak",
    "p95",
    "change",
    "2026-11",
    "2026-99",
    "9999-12",
    "0000-01",
    "public",
    "until",
    "06:00",
    "from",
    "for",
    "rule:went-dark",
    "rule:",
    EVIL,
    "<!everyone>",
    "&lt;!here&gt;",
    "\u201cquoted\u201d",
    '"',
    "`",
    "\x00\x1b[31m",
    "\ud83d",
    "\N{PILE OF POO}",
    "\u0130\u0131\u00df",
    "\uff11\uff12",
    "\u0661\u0662",
    "%s{}$(x)",
    "' OR 1=1 --",
    "x" * 5000,
    "\n",
    "\t",
    "",
)


def texts(seed: int, count: int):
    dice = random.Random(seed)
    for _ in range(count):
        words = [dice.choice(PIECES) for _ in range(dice.randint(0, 5))]
        if dice.random() < 0.6:
            words.insert(0, dice.choice(tuple(USAGES)))
        if dice.random() < 0.2:
            words.append("".join(chr(dice.choice((dice.randint(0, 127), dice.randint(0, 0x10FFFF)))) for _ in range(9)))
        text = dice.choice((" ", " ", "  ", "")).join(words)
        if dice.random() < 0.1:
            cut = dice.randint(0, len(text))
            text = text[:cut] + dice.choice(PIECES) + text[cut + 1 :]
        yield text


def marked_up(part):
    """Every text in a payload that Slack reads as mark-up."""
    if isinstance(part, list):
        for item in part:
            yield from marked_up(item)
    elif isinstance(part, dict):
        if part.get("type") == "mrkdwn" or ("text" in part and "type" not in part):
            yield part["text"]
        for item in part.values():
            yield from marked_up(item)


def is_harmless(message: Message, allowed=()):
    """Slack takes it, and nothing but what is ``allowed`` in it is a mention or a link."""
    payload = message.payload()
    refuse_message(payload)
    for text in marked_up(payload):
        if isinstance(text, str):
            rest = reduce(lambda left, each: left.replace(each, ""), allowed, text)
            assert not {"<", ">"} & set(rest), text
    return True


@pytest.fixture(scope="module")
def scope(tmp_path_factory):
    """A database of odd names, reasons and people, with an open incident in it and one that is over."""
    rng = np.random.default_rng(1)
    values = {name: rng.uniform(1e8, 1e9, 3 * DAY_SLOTS) for name in (*ODD_NAMES, "sum:group", "total")}
    values[ODD_NAMES[0]][-4:] = 0.0
    path = store(tmp_path_factory.mktemp("fuzz") / "alertbot.db", START, values)
    kinds = (dark(), fell(), ceiling(2e9), doubled())
    rules = {name: replace(rule, name=name, runbook=None) for name, rule in zip(ODD_RULES, kinds, strict=True)}
    series = (*ODD_NAMES, "sum:group", "total")
    with closing(sqlite3.connect(path)) as db, db:
        _fill(db)
    groups = (Group("group", ODD_NAMES[:2], sum=True), Group("odd<!here>", ODD_NAMES))
    watch = Watch(UTC, series, rules, dict.fromkeys(rules, series), groups, (), ("<off>",))
    live = Live(
        NOW,
        LAST,
        LAST + SLOT,
        trouble=EVIL,
        last_failure=EVIL,
        unreadable=dict.fromkeys(ODD_NAMES, EVIL),
        held=dict.fromkeys(ODD_NAMES, 2),
        gone=ODD_NAMES,
        channels={"<!here>": EVIL},
    )
    return Scope("/bandwidth", path, watch, live)


def _fill(db):
    message = to_json(Message(f"<!channel> {EVIL}"))
    for number, closed in ((1, None), (2, NOW)):
        progress = '{"acked_at": 1.0, "acked_by": "<!channel>"}' if number == 1 else "{}"
        db.execute(
            "INSERT INTO incidents (id, kind, channel, since, opened, closed, standing) VALUES (?,?,?,?,?,?,?)",
            (number, "alert", "#<!here>", LAST - 900, NOW - 600, closed, progress),
        )
        for place in range(20):
            db.execute(
                "INSERT INTO outbox (id, subject, action, channel, body, created, error) VALUES (?,?,?,?,?,?,?)",
                (f"{number}-{place}", f"incident:{number}", "reply", "#<!here>", message, NOW, EVIL),
            )
        for name in ODD_NAMES:
            for rule in ODD_RULES[:2]:
                db.execute(
                    "INSERT INTO alerts (rule, series, phase, severity, direction, since, slot, fired, resolved,"
                    " reason, value, reference, worst, window, clear_run, bars, incident) VALUES"
                    " (?, ?, ?, 'critical', 'fall', ?, ?, ?, ?, ?, 0, 1e9, 0, '0x3', 0, 1, ?)",
                    (
                        rule,
                        name,
                        "firing" if number == 1 else "resolved",
                        LAST - 900,
                        LAST,
                        LAST - 600,
                        None if number == 1 else LAST,
                        None if number == 1 else "cleared",
                        number,
                    ),
                )
    for target in ("video.*", "rule:<!here>", "#1"):
        db.execute(
            "INSERT INTO silences (target, begins, ends, author, reason, channel, created) VALUES (?,?,?,?,?,?,0)",
            (target, NOW - 60, NOW + 3600, "<!channel>", EVIL, "#ops"),
        )


@pytest.fixture
def commands(scope):
    return Commands(lambda: scope, Obedience())


ASKER = Requester(Person("U0ADA", "<!channel>"), "#ops", frozenset({"#ops"}))


async def test_any_text_is_answered_with_what_slack_takes_and_nobody_can_be_called_by(commands, caplog):
    with caplog.at_level(logging.ERROR):
        for text in texts(1, TRIES):
            reply = await commands.answer(text, ASKER)
            assert reply.message != FAILED, text
            assert is_harmless(reply.message), text
            assert commands.answer_at_once(text) is None, text
    assert caplog.records == []


async def test_every_example_is_answered_about_odd_names_too(commands):
    for name in (*ODD_NAMES, "total", "sum:group", "@group"):
        for text in (f'show "{name}" 7d', f'p95 "{name}"', f'why "{name}"', f'rules "{name}"'):
            assert is_harmless((await commands.answer(text, ASKER)).message)
    for rule in ODD_RULES:
        assert is_harmless((await commands.answer(f'replay "{rule}" 2d', ASKER)).message)
    for text in ("why #1", "why #2", "alerts", "rules", "silences", "status", "top 50 change"):
        message = (await commands.answer(text, ASKER)).message
        assert is_harmless(message)
        assert message.blocks


class Sketches:
    """Charts of the stored history that nobody draws."""

    def __init__(self, scope):
        self._scope = scope

    async def of_incident(self, number):
        if (chart := plots.of_incident(self._scope, number)) is None:
            raise ChartError(f"#{number} is about nothing that could be drawn")
        return Picture("alertbot.png", chart.title, chart.alt, b"")


async def taken(*_):
    """Slack takes the picture."""


async def test_any_click_is_answered_or_carried_out(commands, scope, caplog):
    buttons, dice = Buttons(commands, ChartReplies(Sketches(scope), taken, SystemClock())), random.Random(2)
    with caplog.at_level(logging.ERROR):
        for text in texts(3, TRIES):
            action = dice.choice(("ack", "silence", "why", "runbook", "chart", text[:255]))
            value = dice.choice((text[:2000], f"{dice.randint(0, 3)}", f"{dice.randint(0, 3)} {text[:9]}", "1 4h"))
            answer = await buttons.press(action, value, ASKER, Posted("C1", f"{dice.random()}"))
            assert answer is None or (answer != FAILED and is_harmless(answer))
    assert caplog.records == []


def told(number, name, rule, dice):
    resolved = dice.choice((None, LAST))
    reason = None if resolved is None else dice.choice(("cleared", "revised", "rule changed", "new normal"))
    alert = Alert(
        rule,
        name,
        Phase.FIRING,
        LAST - 900,
        LAST,
        0.0,
        1e9,
        0.0,
        dice.choice(tuple(Direction)),
        LAST - 600,
        3,
        int(resolved is not None),
    )
    return FiredAlert(number, alert, dice.choice(("critical", "warning", "info")), resolved, reason)


def test_no_name_reason_or_person_forges_mark_up_in_a_message_or_its_thread(scope):
    dice = random.Random(4)
    mentions = {"critical": "@here", "warning": "U0ADA", "info": "S0GROUP"}
    allowed = ("<!here>", "<@U0ADA>", "<!subteam^S0GROUP>")
    for text in texts(5, TRIES):
        name = (text or "x")[:253]
        alerts = tuple(
            told(number, dice.choice((name, *ODD_NAMES, f"sum:{name}", "total")), dice.choice(ODD_RULES), dice)
            for number in range(dice.choice((1, 3, 30)))
        )
        kind = dice.choice(tuple(IncidentKind))
        closed = NOW if all(each.resolved for each in alerts) else None
        facts = {"series": [name, *ODD_NAMES], "cause": text, "causes": [text]}
        incident = Incident(1, kind, "#ops", LAST - 900, NOW - 600, closed, alerts, facts)
        context = Context(NOW, LAST, 6, frozenset(), scope.watch.rules, UTC)
        assert is_harmless(incident_message(incident, context, mentions), allowed)
        note = Note(
            dice.choice(tuple(NoteKind)),
            alerts=tuple(range(len(alerts))),
            by=text,
            until=NOW,
            reason=text,
            page=dice.random() < 0.5,
        )
        if kind is IncidentKind.ALERT:
            for message, _ in note_messages(note, incident, context, mentions):
                assert is_harmless(message, allowed)
