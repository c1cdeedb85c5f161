"""Orders as people at 3 a.m. give them: what is silenced, what still is, who acknowledged what, and how to undo it."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from fakes.rigs.house import House, database
from fakes.rigs.inquired import Inquired
from fakes.rigs.night import CHANNEL, ceiling, config_for, dark

from alertbot.errors import UsageError
from alertbot.incidents.orders import Person, Preview, Requester
from alertbot.messages.slack import plain
from alertbot.service.order_executor import OrderExecutor
from alertbot.slack.buttons import Buttons
from alertbot.slack.client import Posted
from alertbot.slack.commands import Commands

MANY = tuple(f"shop-{number:03}.example.com" for number in range(40))
DOMAINS = ("a.example.com", "b.example.com", *MANY)
USUAL = dict.fromkeys(DOMAINS, 1e8)
BOB = Person("U0BOB", "Bob")
SHELL = Person(None, "ann (shell)")


@pytest.fixture
async def home(tmp_path):
    house = House(config_for(database(tmp_path), DOMAINS, [dark(repeat=1800)]), DOMAINS)
    await house.begin({**USUAL, "total": sum(USUAL.values())})
    yield house
    await house.end()


async def carried(home, slots=1, **changed):
    for _ in range(slots):
        now = USUAL | {f"{name}.example.com": value for name, value in changed.items()}
        await home.judge({**now, "total": sum(now.values())})


def thread(home, number=1):
    return [row.text for row in home.outbox() if row.subject == f"incident:{number}" and row.action == "reply"]


def declared(home):
    return [row for row in home.outbox() if row.subject.startswith("silenced:")]


async def refused(home, words, channels=frozenset()):
    with pytest.raises(UsageError) as caught:
        await home.say(words, channels=channels)
    return str(caught.value)


async def test_a_silence_says_what_it_covers_and_how_it_is_undone(home):
    assert await home.say("silence a.example.com 2h") == (
        "Silenced `a.example.com` until 02:00 (s1). Undo: `/bandwidth unsilence s1`"
    )
    assert "Silenced `shop-00?.*` (10 domains) until 02:00 (s2)" in await home.say("silence shop-00?.* 2h")
    assert "Undo: `alertbot unsilence s3`" in await home.say("silence b.* 2h", SHELL)


async def test_of_a_rule_on_the_total_alone_no_domains_are_counted(tmp_path):
    rule = ceiling(1e12, domains=("total",))
    house = House(config_for(database(tmp_path), DOMAINS, [rule]), DOMAINS)
    await house.begin({**USUAL, "total": sum(USUAL.values())})
    try:
        said = await house.say("silence rule:ceiling 2h")
    finally:
        await house.end()
    assert said == "Silenced the rule `ceiling` until 02:00 (s1). Undo: `/bandwidth unsilence s1`"


async def test_a_number_with_a_mark_is_an_incident_and_one_with_an_s_a_silence(home):
    await carried(home, 2, a=0.0)
    await home.say("silence b.* 2h")
    await home.say("silence #1 2h")
    assert await home.say("unsilence #1") == "Ended the silence of `#1` by Ada (s2)."
    assert await refused(home, "unsilence #1") == '"#1" is not silenced: silenced are s1 (b.* until 02:20 by Ada)'
    assert await home.say("unsilence 1") == "Ended the silence of `b.*` by Ada (s1)."
    assert await refused(home, "unsilence s1") == "there is no silence s1 to end"
    assert "there is no incident #9" in await refused(home, "unsilence #9")


async def test_what_still_silences_the_same_is_said(home):
    await carried(home, 2, a=0.0)
    await home.say("silence a.* 2h")
    await home.say("silence * 1h", BOB)
    assert await home.say("unsilence #1") == (
        "Ended the silence of `a.*` by Ada (s1). Still silenced by s2 (* until 01:20 by Bob)."
    )
    assert '"#1" is silenced by s2 (* until 01:20 by Bob), which covers more' in await refused(home, "unsilence #1")
    assert "ended the silence" not in " ".join(thread(home))
    await home.say("unsilence s2", BOB)
    assert "Bob ended the silence; still dark: `a.example.com` went dark" in " ".join(thread(home))


@pytest.mark.parametrize("target", ["a.*", "a.example.com", "shop-001.example.com"])
async def test_a_silence_ends_by_what_it_covers(home, target):
    await home.say(f"silence {target} 2h")
    words = {"a.*": "a.example.com", "a.example.com": "a.*"}.get(target, target)
    assert await home.say(f"unsilence {words}") == f"Ended the silence of `{target}` by Ada (s1)."


async def test_a_second_silence_over_the_same_makes_the_first_last_longer_and_never_shorter(home):
    await home.say("silence a.* 2h")
    assert "until 04:00 (s1)" in await home.say("silence a.* 4h a long night")
    assert "until 04:00 already (s1), which stays" in await home.say("silence a.* 1h")
    rows = home.rows("SELECT ends - begins AS lasts, reason FROM silences")
    assert rows == [{"lasts": 4 * 3600.0, "reason": "a long night"}]


async def test_a_wide_silence_is_shown_first_and_begins_nothing(home):
    preview = await home.ask("silence * 1h")
    assert isinstance(preview, Preview)
    assert (preview.domains, preview.watched) == (42, 42)
    assert home.rows("SELECT * FROM silences") == []
    assert isinstance(await home.ask("silence rule:went-dark 1h"), Preview)
    assert isinstance(await home.ask("silence shop-0* 1h"), Preview)
    assert not isinstance(await home.ask("silence shop-00* 1h"), Preview)


async def test_a_wide_silence_is_said_in_the_channel_with_its_undo_and_its_end(home):
    await home.say("silence * 1h a <big> move")
    (said,) = declared(home)
    assert (said.action, said.channel) == ("post", CHANNEL)
    assert said.text == "Ada silenced `*` (42 domains) until 01:00 (s1): a &lt;big&gt; move"
    assert '"Undo"' in home.rows("SELECT body FROM outbox WHERE number = ?", said.number)[0]["body"]
    await home.say("silence * 2h")
    assert declared(home)[-1].text.startswith("Ada silenced `*` (42 domains) until 02:00")
    await home.say("unsilence s1", BOB)
    assert declared(home)[-1].action == "update"
    assert declared(home)[-1].text.endswith("Bob ended it at 00:00.")
    await home.say("silence a.* 2h")
    assert len(declared(home)) == 3


class _Clicks:
    """What a user types and clicks, answered by the house."""

    def __init__(self, home):
        executor = OrderExecutor(lambda: home.dispatcher, home._keeper)
        self.commands = Commands(lambda: Inquired(home).scope, executor)
        self._buttons = Buttons(self.commands, cast("Any", None))
        self._ada = Requester(Person("U0ADA", "Ada"), CHANNEL, frozenset({CHANNEL}))

    async def type(self, text):
        return (await self.commands.answer(text, self._ada)).message

    async def click(self, message, action):
        (row,) = [block for block in message.blocks if block["type"] == "actions"]
        (value,) = [button["value"] for button in row["elements"] if button["action_id"] == action]
        return plain(await self._buttons.press(action, value, self._ada, Posted("C1", "1.0")))


async def test_a_preview_is_confirmed_once_and_not_after_five_minutes(home):
    clicks = _Clicks(home)
    asked = await clicks.type("silence * 1h a move")
    assert "Silence * (42 domains) until 01:00? That is 42 of 42 watched domains" in plain(asked)
    for _ in range(2):
        assert "Silenced * (42 domains) until 01:00 (s1)" in await clicks.click(asked, "confirm")
    assert home.rows("SELECT target, reason FROM silences") == [{"target": "*", "reason": "a move"}]
    again = await clicks.type("silence shop-* 1h")
    assert await clicks.click(again, "dismiss") == "Cancelled: nothing is silenced."
    home.now += 301
    assert "has expired, and nothing is silenced" in await clicks.click(again, "confirm")
    assert len(home.rows("SELECT * FROM silences")) == 1


async def test_the_undo_in_the_channel_ends_the_silence(home):
    clicks = _Clicks(home)
    await home.say("silence * 1h")
    body = json.loads(home.rows("SELECT body FROM outbox WHERE subject = 'silenced:1'")[0]["body"])
    (row,) = [block for block in body["blocks"] if block["type"] == "actions"]
    (undo,) = row["elements"]
    requester = Requester(Person("U0ADA", "Ada"))
    answer = await clicks._buttons.press(undo["action_id"], undo["value"], requester, Posted("C1", "1.0"))
    assert answer is not None
    assert "Ended the silence of * by Ada (s1)." in plain(answer)


async def test_a_note_on_an_acknowledgement_stands_in_the_thread_and_in_the_message(home):
    await carried(home, 2, a=0.0)
    answer = await home.say("ack #1 looking into it")
    assert answer.startswith("Acknowledged #1. ")
    assert answer.endswith("Undo: `/bandwidth unack #1`")
    assert "Acknowledged by Ada: looking into it. Reminders stopped" in thread(home)[-1]
    assert "Acknowledged by Ada at 00:20: looking into it" in home.outbox()[-1].shown
    assert await home.say("ack #1", BOB) == "#1 is already acknowledged, by Ada."
    assert await home.say("ack #1 the disk is full", BOB) == "Noted in the thread of #1."
    assert thread(home)[-1] == "Bob: the disk is full"
    await carried(home, 1, a=0.0)
    assert "Acknowledged by Ada at 00:20: looking into it" in home.outbox()[-1].shown


async def test_the_incident_of_a_domain_is_acknowledged_by_its_name(home):
    await carried(home, 2, a=0.0)
    assert "Acknowledged #1." in await home.say("ack a.example.com on it")
    assert thread(home)[-1].startswith("Acknowledged by Ada: on it.")


async def test_in_slack_what_is_not_posted_yet_is_acknowledged_by_nobody_who_does_not_name_it(home):
    """A storm waits for its domains: who acknowledges what is open, the minute before, has read of another."""
    here = frozenset({CHANNEL})
    await carried(home, 2, a=0.0)
    assert await refused(home, "ack", here) == ("#1 is being posted: read it first, then acknowledge it by its number")
    await home.post()
    await carried(home, 4)
    await carried(home, 2, b=0.0)
    assert "#2 is being posted" in await refused(home, "ack", here)
    assert "Acknowledged #2." in await home.say("ack b.example.com", channels=here)


async def test_an_acknowledgement_is_taken_back_and_reminders_go_on(home):
    await carried(home, 2, a=0.0)
    await home.say("ack")
    assert await home.say("unack", BOB) == "#1 is open again: reminders go on."
    assert "Bob handed this back" in thread(home)[-1]
    assert "#1 is not acknowledged" in await refused(home, "unack #1")
    await carried(home, 7, a=0.0)
    assert any("Still so" in text or "Still" in text for text in thread(home))


async def test_of_what_nobody_is_reminded_of_no_reminders_are_said_to_stop_or_to_go_on(tmp_path):
    house = House(config_for(database(tmp_path), DOMAINS, [ceiling(1e6)]), DOMAINS)
    await house.begin({**USUAL, "total": sum(USUAL.values())})
    house.dispatcher.series_begun |= dict.fromkeys(DOMAINS, house.slot + 10 * 300)  # it fired before that
    await carried(house, 3)
    (kind,) = (row["kind"] for row in house.rows("SELECT kind FROM incidents"))
    assert kind == "summary"
    assert await house.say("ack #1") == "Acknowledged #1. Undo: `/bandwidth unack #1`"
    assert thread(house)[-1] == "Acknowledged by Ada."
    assert await house.say("unack #1") == "#1 is open again."
    assert thread(house)[-1] == "Ada handed this back: no longer acknowledged."
    await house.end()


async def test_the_log_has_an_order_in_full(home, caplog):
    caplog.set_level("INFO")
    executor = OrderExecutor(lambda: home.dispatcher, home._keeper)
    await Commands(lambda: Inquired(home).scope, executor).answer("silence a.* 2h image work", Requester(BOB))
    assert 'Bob: "silence a.* 2h image work": Silenced a.* (1 domain) until 02:00 (s1).' in caplog.text
