"""Every message kind as it is read, in ``tests/golden``: compared letter by letter, refused by nothing Slack refuses.

After a change of words, ``ALERTBOT_GOLDEN=write pytest tests/messages/test_golden.py`` writes the files anew: read them
in the review as someone woken at 3 a.m. would.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fakes.wire.blockkit import refuse_message

from alertbot.alerts.lifecycle import Alert, Phase
from alertbot.incidents.incident import AccountFall, FiredAlert, Incident, IncidentKind, Progress
from alertbot.incidents.moved import Moved
from alertbot.incidents.notes import Note, NoteKind
from alertbot.incidents.silences import StoredSilence
from alertbot.messages.incident_parts import Context
from alertbot.messages.silences import silence_ends
from alertbot.messages.slack import incident_message, note_messages
from alertbot.rules.base import Direction, Rule, Severity
from alertbot.rules.baseline import Baseline
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.threshold import Threshold
from alertbot.units import SLOT, parse_time

GOLDEN = Path(__file__).parents[1] / "golden"
WRITE = os.environ.get("ALERTBOT_GOLDEN") == "write"

SINCE = parse_time("2026-03-02T12:05:00Z")
NOW = SINCE + 22 * 60
MENTION = {"critical": "@here", "warning": "S0ONCALL"}
VIDEO = "video.example.com"
NASTY = "*_~`&<!channel>.example.com"
LONG = ".".join(["x" * 63, "y" * 63, "z" * 63, "w" * 45, "example.com"])
IDN = "xn--bcher-kva.example.com"

RULES = {
    "went-dark": Rule(
        "went-dark", "drop", Drop(to=0.0), Severity.CRITICAL, runbook="https://wiki.example.com/dark?a=1&b=2"
    ),
    "sharp-fall": Rule("sharp-fall", "drop", Drop(by=0.8), Severity.WARNING),
    "ceiling": Rule("ceiling", "threshold", Threshold(above=8e9), Severity.WARNING),
    "doubled <b>": Rule("doubled <b>", "day_over_day", DayOverDay(2.0), Severity.INFO),
    "far-off": Rule("far-off", "baseline", Baseline(), Severity.WARNING),
}


def told(
    number,
    series=VIDEO,
    rule="went-dark",
    value=0.0,
    reference=1.84e9,
    *,
    since=SINCE,
    ended=None,
    usual=None,
    by_usual=False,
    **more,
):
    """An alert; ``ended`` is (slots after it began, reason, value at the end)."""
    rising = rule in {"ceiling", "doubled <b>"} or value > reference
    alert = Alert(
        rule=rule,
        series=series,
        phase=Phase.FIRING,
        since=since,
        slot=since + SLOT,
        value=value,
        reference=None if rule == "ceiling" else reference,
        worst=value,
        direction=Direction.RISE if rising else Direction.FALL,
        fired=since + SLOT,
        fired_on=reference,
        usual=usual,
        by_usual=by_usual,
    )
    reason = None
    if ended is not None:
        slots, reason, level = ended
        alert = replace(alert, slot=since + slots * SLOT, value=level, clear_run=2 if reason == "cleared" else 0)
    resolved = None if ended is None else alert.slot
    return FiredAlert(number, alert, RULES[rule].severity.value, resolved, reason, 412, 1, **more)


def one(*alerts, kind=IncidentKind.ALERT, closed=None, progress=None, **facts):
    return Incident(412, kind, "#cdn-alerts", SINCE, float(SINCE + 900), closed, alerts, facts, progress or Progress())


SILENCE = StoredSilence(3, "video.*", SINCE, SINCE + 7200.0, "Ada <@U1>", "a deploy & more", "#cdn-alerts")
SETTING = Context(
    NOW,
    SINCE + 2 * SLOT,
    300,
    frozenset({VIDEO}),
    RULES,
    ZoneInfo("UTC"),
    silences={3: SILENCE},
    shortfall={1: 4.83e11, 2: 1.2e10},
    total=(1.2e9, 8.4e10),
)
BEFORE = replace(SETTING, data_to=SINCE - SLOT)
LATER = replace(SETTING, now=SINCE + 3600.0, data_to=SINCE + 2700, firing=frozenset())
NIGHT = replace(LATER, now=SINCE + 7500.0, data_to=SINCE + 22 * SLOT)
NEXT_DAY = replace(LATER, now=SINCE + 88200.0, data_to=SINCE + 290 * SLOT)
CLOSED = float(SINCE + 3500)
WELL = (8, "cleared", 1.79e9)
MANY = [told(number, f"d{number:02}.example.com", reference=1e9 - number * 1e6) for number in range(1, 26)]
SOME = [told(1), told(2, "img.example.com", reference=3.2e8), told(3, VIDEO, "sharp-fall")]
WIDE = AccountFall(SINCE, 212, 300)
SHIFT = Moved(SINCE, ((VIDEO, 1.84e9),), (("img.example.com", 1.2e9), ("dl1.example.com", 6e8)), "total", 4e7, 9e7)
LEFT = replace(SHIFT, rose=(), changed=-1.8e9)
EARLIER = SINCE - 55 * 60
AGAIN = [
    told(1, since=EARLIER, ended=(4, "cleared", 1.79e9)),
    told(2, "img.example.com", reference=3.2e8, since=EARLIER, ended=(4, "cleared", 3e8)),
    told(3, reference=3.19e8),
]

MESSAGES = {
    "dark": (one(told(1)), SETTING),
    "dark, others below the floor": (
        one(told(1)),
        replace(SETTING, firing=frozenset(), at_zero=frozenset({"a.example.com", "b.example.com"}), floor=12e6),
    ),
    "fallen": (one(told(1, rule="sharp-fall", value=3.1e8)), SETTING),
    "above": (one(told(1, rule="ceiling", value=8.4e9)), SETTING),
    "far above the usual": (one(told(1, rule="far-off", value=4.1e9)), SETTING),
    "far below the usual": (one(told(1, rule="far-off", value=5e8)), SETTING),
    "doubled": (one(told(1, rule="doubled <b>", value=4.2e9)), SETTING),
    "one domain under two rules": (one(told(1), told(2, rule="sharp-fall")), SETTING),
    "several": (one(*SOME), SETTING),
    "several, one of them well again": (one(SOME[0], told(2, "img.example.com", reference=3.2e8, ended=WELL)), SETTING),
    "twenty-five": (one(*MANY), SETTING),
    "a group's sum": (one(told(1, "sum:downloads")), SETTING),
    "a long name": (one(told(1, LONG), told(2, IDN)), SETTING),
    "a nasty name": (one(told(1, NASTY, rule="doubled <b>", value=4e9), told(2, "b`c.example.com")), SETTING),
    "acknowledged": (one(told(1), progress=Progress(acked_at=NOW - 120.0, acked_by="Ada <!here>")), SETTING),
    "silenced": (one(told(1), progress=Progress(silences=(3,))), replace(SETTING, suppressed=frozenset({1}))),
    "silenced in part": (one(*SOME, progress=Progress(silences=(3,))), replace(SETTING, suppressed=frozenset({1, 3}))),
    "muted": (one(told(1), progress=Progress(muted=True)), replace(SETTING, suppressed=frozenset({1}))),
    "flapping": (one(told(1, fires=5)), replace(SETTING, flapping=frozenset({("went-dark", VIDEO)}))),
    "moved": (
        one(told(1), told(2, "img.example.com", "doubled <b>", 2.4e9, 1.2e9), progress=Progress(moved=SHIFT)),
        SETTING,
    ),
    "moved, by a group's sum, one to one": (
        one(told(1), progress=Progress(moved=replace(SHIFT, rose=SHIFT.rose[:1], of="sum:downloads"))),
        SETTING,
    ),
    "moved, by nothing but its size": (one(told(1), progress=Progress(moved=replace(SHIFT, noise=2e9))), SETTING),
    "moved, over": (one(told(1, ended=WELL), closed=CLOSED, progress=Progress(moved=SHIFT)), LATER),
    "moved away from the account": (one(told(1), progress=Progress(moved=LEFT)), SETTING),
    "moved away from the account, over": (
        one(told(1, ended=WELL), closed=CLOSED, progress=Progress(moved=LEFT)),
        LATER,
    ),
    "the other side of a fall": (one(told(1, rule="ceiling", value=8.4e9), progress=Progress(parent=411)), SETTING),
    "the whole account, by its domains": (one(*MANY[:4], progress=Progress(wide=WIDE, moved=LEFT)), SETTING),
    "the whole account, by its total": (
        one(told(1, "total", reference=8.4e10), *MANY[1:4], progress=Progress(wide=WIDE)),
        SETTING,
    ),
    "the whole account, while domains are asked for": (
        one(*MANY[1:3], progress=Progress(wide=WIDE, checking=True)),
        replace(SETTING, total=(4.4e9, 1.12e10)),
    ),
    "the whole account, told elsewhere": (one(progress=Progress(wide=WIDE)), SETTING),
    "a part of it": (one(*SOME, progress=Progress(parent=411)), SETTING),
    "resolved": (one(told(1, ended=WELL), closed=CLOSED), LATER),
    "resolved, high": (
        one(told(1, rule="ceiling", value=9e9, ended=(8, "cleared", 6.9e9)), closed=CLOSED),
        replace(LATER, shortfall={}),
    ),
    "resolved, several": (
        one(told(1, ended=WELL), told(2, "img.example.com", reference=3.2e8, ended=(6, "cleared", 3e8)), closed=CLOSED),
        LATER,
    ),
    "over, silent as usual": (one(told(1, ended=(20, "cleared", 0.0), usual=5.91e8), closed=CLOSED), NIGHT),
    "over, silent as usual, of two domains": (
        one(
            told(1, ended=(20, "cleared", 0.0), usual=0.0),
            told(2, "img.example.com", ended=(20, "cleared", 0.0), usual=0.0),
            closed=CLOSED,
        ),
        NIGHT,
    ),
    "resolved, new normal": (
        one(told(1, rule="sharp-fall", value=3e8, ended=(288, "new normal", 3e8)), closed=CLOSED),
        NEXT_DAY,
    ),
    "resolved, not at the usual level": (
        one(told(1, ended=(21, "cleared", 8e8), usual=1.84e9), closed=CLOSED),
        NIGHT,
    ),
    "resolved, one of two not at the usual level": (
        one(told(1, ended=(8, "cleared", 8e8), usual=1.84e9), told(2, "img.example.com", ended=WELL), closed=CLOSED),
        LATER,
    ),
    "resolved, new normal under two rules": (
        one(
            told(1, rule="sharp-fall", value=3e8, ended=(288, "new normal", 3e8)),
            told(2, rule="far-off", value=3e8, ended=(289, "new normal", 3e8)),
            closed=CLOSED,
        ),
        NEXT_DAY,
    ),
    "unknown for half an hour": (
        one(told(1), told(2, "img.example.com", reference=3.2e8)),
        replace(SETTING, data_to=SINCE + 2 * SLOT + 1800),
    ),
    "dark before the first start": (one(told(1, by_usual=True)), SETTING),
    "resolved, revised": (one(told(1, ended=(3, "revised", 0.0)), closed=CLOSED), LATER),
    "resolved, rule changed": (one(told(1, ended=(3, "rule changed", 0.0)), closed=CLOSED), LATER),
    "resolved, each otherwise": (
        one(told(1, ended=WELL), told(2, "img.example.com", ended=(3, "revised", 0.0)), closed=CLOSED),
        LATER,
    ),
    "dark again": (one(*AGAIN), SETTING),
    "dark again, two of them": (one(*AGAIN, told(4, "img.example.com", reference=3.1e8)), SETTING),
    "above again": (
        one(
            told(1, rule="ceiling", value=9e9, since=EARLIER, ended=(4, "cleared", 6.9e9)),
            told(2, rule="ceiling", value=8.4e9),
        ),
        SETTING,
    ),
    "resolved, the second time": (one(*AGAIN[:2], told(3, ended=WELL), closed=CLOSED), LATER),
    "dark feed": (one(kind=IncidentKind.DARK, account_wide=False), SETTING),
    "dark feed, counted as nothing": (one(*SOME, kind=IncidentKind.DARK, account_wide=True), SETTING),
    "dark feed, over": (one(*SOME, kind=IncidentKind.DARK, account_wide=True, closed=CLOSED), LATER),
    "dark feed, over, an outage": (
        one(kind=IncidentKind.DARK, dark_until=SINCE + 35 * 60, closed=CLOSED),
        replace(LATER, lost=1.2e12),
    ),
    "no traffic at all": (one(kind=IncidentKind.DARK, unseen=True), replace(SETTING, data_to=None)),
    "no traffic at all, over": (one(kind=IncidentKind.DARK, unseen=True, closed=CLOSED), LATER),
    "failing feed": (one(kind=IncidentKind.FEED, cause="HTTP 401, code 401006: no permission <b>"), BEFORE),
    "unreadable domains": (
        one(kind=IncidentKind.FEED, series=["a.example.com", "b.example.com"], causes=["HTTP 400, code 400699"]),
        SETTING,
    ),
    "unreadable domains and their list": (
        one(kind=IncidentKind.FEED, series=["a.example.com", "domain/list"], causes=["HTTP 400, code 400699"]),
        SETTING,
    ),
    "unreadable list of domains": (
        one(kind=IncidentKind.FEED, series=["domain/list"], causes=["HTTP 401, code 401006"]),
        SETTING,
    ),
    "unreadable domains, over": (
        one(kind=IncidentKind.FEED, series=["a.example.com"], causes=["HTTP 400, code 400699"], closed=CLOSED),
        LATER,
    ),
    "a sum that one member keeps unknown": (
        one(
            kind=IncidentKind.FEED,
            series=["a.example.com", "sum:downloads"],
            causes=["HTTP 400, code 400699"],
            alone={"sum:downloads": "a.example.com"},
        ),
        SETTING,
    ),
    "failing feed, over": (one(kind=IncidentKind.FEED, cause="HTTP 500", closed=CLOSED), LATER),
    "vanished": (one(kind=IncidentKind.VANISHED, series=["a.example.com"]), SETTING),
    "vanished, back": (one(kind=IncidentKind.VANISHED, series=["a.example.com"], closed=CLOSED), LATER),
    "when watching began": (one(*SOME, kind=IncidentKind.SUMMARY), SETTING),
    "when watching began, one": (one(told(1), kind=IncidentKind.SUMMARY), SETTING),
    "came and went": (
        one(told(1, ended=WELL), told(2, "img.example.com", ended=WELL), kind=IncidentKind.PASSED, closed=CLOSED),
        LATER,
    ),
}

NOTES = {
    NoteKind.AGAIN: (Note(NoteKind.AGAIN, page=True, alerts=(3,)), one(*AGAIN[::2], told(4, "img.example.com"))),
    NoteKind.REOPENED: (Note(NoteKind.REOPENED, page=True, alerts=(3,)), one(*AGAIN)),
    NoteKind.JOINED: (Note(NoteKind.JOINED, alerts=(2,)), one(*SOME)),
    NoteKind.LISTED: (Note(NoteKind.LISTED, alerts=tuple(range(1, 26))), one(*MANY)),
    NoteKind.GREW: (Note(NoteKind.GREW, page=True, alerts=(1, 2)), one(*SOME)),
    NoteKind.FLAPS: (Note(NoteKind.FLAPS, page=True, alerts=(1,)), one(told(1, fires=5))),
    NoteKind.STEADY: (Note(NoteKind.STEADY, page=True, alerts=(1,)), one(told(1, fires=5))),
    NoteKind.SURVIVED: (
        Note(NoteKind.SURVIVED, page=True, alerts=(1,)),
        one(told(1), progress=Progress(moved=LEFT)),
    ),
    NoteKind.STILL: (Note(NoteKind.STILL, page=True, alerts=(1,)), one(told(1))),
    NoteKind.ESCALATED: (
        Note(NoteKind.ESCALATED, page=True, alerts=(1,), mentions=("U0BOSS", "#ops")),
        one(told(1), progress=Progress(unacked_since=NOW - 900.0)),
    ),
    NoteKind.SILENCED: (
        Note(NoteKind.SILENCED, by="Ada <@U1>", until=SINCE + 7200.0, reason="a deploy & <!channel>"),
        one(told(1)),
    ),
    NoteKind.SILENCE_OVER: (Note(NoteKind.SILENCE_OVER, by="Ada", until=NOW), one(told(1))),
    NoteKind.MUTED: (Note(NoteKind.MUTED, until=SINCE + 7200.0, reason="image pipeline"), one(told(1))),
    NoteKind.MUTE_OVER: (Note(NoteKind.MUTE_OVER), one(told(1))),
    NoteKind.INHIBITED: (Note(NoteKind.INHIBITED), one(told(1), progress=Progress(parent=411))),
    NoteKind.ACKED: (Note(NoteKind.ACKED, by="Ada", reason="looking into it"), one(told(1))),
    NoteKind.NOTED: (Note(NoteKind.NOTED, by="Ada", reason="the origin's <b> disk is full"), one(told(1))),
    NoteKind.ASKED: (
        Note(NoteKind.ASKED, by="Ada", mentions=("U0ADA",)),
        one(told(1), progress=Progress(acked_at=SETTING.now - 7200, acked_by="Ada")),
    ),
    NoteKind.STILL_ON_IT: (Note(NoteKind.STILL_ON_IT, by="Ada", until=SETTING.now + 7200), one(told(1))),
    NoteKind.LAPSED: (Note(NoteKind.LAPSED, page=True, by="Ada"), one(told(1))),
    NoteKind.UNACKED: (Note(NoteKind.UNACKED, by="Ada"), one(told(1))),
    NoteKind.ENDED: (Note(NoteKind.ENDED, alerts=(2,)), one(SOME[0], told(2, "img.example.com", ended=WELL))),
    NoteKind.RESOLVED: (Note(NoteKind.RESOLVED), one(told(1, ended=WELL), closed=CLOSED)),
}


def compare(name, text):
    path = GOLDEN / f"{name.replace(' ', '-').replace(',', '')}.txt".replace("'", "")
    if WRITE:
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def rendered(message):
    """A message as it stands in a review: colour, Slack's own markup, buttons."""
    lines = [f"[{message.color or 'no colour'}]", message.text]
    for block in message.blocks:
        lines += [f"  {part}" for part in _parts(block)]
    return "\n".join(lines) + "\n"


def _parts(block):
    if block["type"] == "actions":
        return ["(" + ") (".join(_label(each) for each in block["elements"]) + ")"]
    texts = [block["text"]] if "text" in block else block["elements"]
    return [line for text in texts for line in text["text"].split("\n")]


def _label(element):
    return element["placeholder"]["text"] + " v" if "placeholder" in element else element["text"]["text"]


def accepted(message):
    refuse_message(message.payload())
    refuse_message({"blocks": [], "attachments": [], **message.content()}, edit=True)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_reads_so(name):
    incident, context = MESSAGES[name]
    message = incident_message(incident, context, MENTION)
    accepted(message)
    compare(name, rendered(message))


@pytest.mark.parametrize("kind", NoteKind)
def test_a_note_in_a_thread_reads_so(kind):
    note, incident = NOTES[kind]
    context = LATER if incident.closed is not None else SETTING
    replies = list(note_messages(note, incident, context, MENTION))
    for message, _ in replies:
        accepted(message)
    shown = ["[shown in the channel] " * broadcast + rendered(message) for message, broadcast in replies]
    compare(f"note {kind.value}", "".join(shown))


@pytest.mark.parametrize(
    ("alerts", "text"),
    [
        ((1,), "In between `video.example.com` was not in alert."),
        ((1, 2), "In between 2 domains were not in alert."),
    ],
)
def test_of_an_end_that_the_next_outage_overtook_no_other_rule_is_said_to_remain(alerts, text):
    again = one(*AGAIN, told(4, "img.example.com", reference=3.1e8))
    ((message, _),) = note_messages(Note(NoteKind.ENDED, alerts=alerts), again, SETTING, MENTION)
    assert message.text == text


def test_that_a_silence_ends_soon_reads_so():
    message = silence_ends(SILENCE, SETTING, "/bandwidth")
    accepted(message)
    compare("note a silence ends", rendered(message))


def test_no_golden_file_is_left_over():
    names = {*MESSAGES, *(f"note {kind.value}" for kind in NoteKind), "note a silence ends"}
    expected = {name.replace(" ", "-").replace(",", "").replace("'", "") for name in names}
    assert {path.stem for path in GOLDEN.glob("*.txt")} == expected


def test_nothing_pings_or_links_that_is_not_meant_to():
    for incident, context in MESSAGES.values():
        text = rendered(incident_message(incident, context, {}))
        assert "<!" not in text
        assert "<@" not in text
