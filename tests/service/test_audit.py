"""Who changed what: kept in the transaction that changes it, and listed by ``alertbot audit``."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from fakes.rigs.until import until
from fakes.rigs.working import CEILING, MINUTE, START, WATCH, working

from alertbot.cli.main import main
from alertbot.feed.simulator.scenario import Event
from alertbot.incidents.orders import Person, Requester
from alertbot.store import changes, requests
from alertbot.store.changes import ChangeKind, RecordedChange
from alertbot.store.store import Store
from alertbot.units import DAY

OVER = Event("a.example.com", START - 60 * MINUTE, START + 900 * MINUTE, 20.0)
ADA = Requester(Person("U0ADA", "Ada"), "#cdn-alerts", frozenset({"#cdn-alerts"}))


def audit(path, *arguments):
    result = CliRunner().invoke(main, ["audit", "-c", str(path), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def now(monkeypatch):
    """The shell's clock is that of the story."""
    monkeypatch.setattr("alertbot.cli.audit.time.time", lambda: START + 100 * MINUTE)


@pytest.mark.usefixtures("now")
async def test_what_people_change_is_kept_with_who_where_and_in_which_words(tmp_path):
    async with working(tmp_path, WATCH + CEILING, events=[OVER]) as house:
        await until(lambda: house.slack.posts)
        for words in ("ack #1", "ack #1", "silence a.* 2h image work", "silence a.* 2h", "unsilence 1", "ack #9"):
            await house.service.commands.answer(words, ADA)
        number = requests.leave(house.store, "bob (shell)", ("silence", "b.*", "1h"), house.clock.time())
        await until(lambda: house.rows("SELECT 1 FROM requests WHERE done IS NOT NULL AND id = ?", number))
        house.write(WATCH + CEILING.replace("1 Gbps", "2 Gbps"))
        await house.reload()
        house.write(WATCH + CEILING.replace("1 Gbps", "2 GB"))
        await house.reload()
        house.write(WATCH + CEILING)
        kept, shown = [json.loads(line) for line in audit(house.path, "--json").splitlines()], audit(house.path)

    assert [(each["who"], each["place"], each["kind"], each["words"]) for each in kept] == [
        ("Ada", "#cdn-alerts", "acknowledged", "ack #1"),
        ("Ada", "#cdn-alerts", "silenced", "silence a.* 2h image work"),
        ("Ada", "#cdn-alerts", "unsilenced", "unsilence 1"),
        ("Ada", "#cdn-alerts", "refused", "ack #9"),
        ("bob (shell)", "the shell", "silenced", "silence b.* 1h"),
        ("SIGHUP", str(house.path), "reloaded", "reload"),
        ("SIGHUP", str(house.path), "refused", "reload"),
    ]
    assert (kept[0]["who_id"], kept[0]["before"], kept[0]["after"]) == ("U0ADA", "#1 open", "#1 acknowledged")
    assert kept[2]["before"].startswith("s1: a.* from ")
    assert kept[2]["before"].endswith("Z (image work), by Ada")
    assert kept[3]["after"] == "there is no incident #9"
    assert kept[5]["after"] == "rule changed: ceiling"
    assert "above" in kept[6]["after"]
    assert all(START <= each["at"] <= START + 100 * MINUTE for each in kept)
    lines = shown.splitlines()
    assert lines[0].endswith("  Ada, #cdn-alerts: ack #1")
    assert lines[1] == "    acknowledged: #1 open -> #1 acknowledged"
    assert lines[-1] == "7 changes in the last 7d; times in UTC."


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.toml").write_text(WATCH + CEILING)
    return tmp_path / "rules.toml"


def keep(path, at, words="ack"):
    store = Store(path.with_name("alertbot.db"))
    store.do(changes.record, RecordedChange(at, "Ada", None, "Slack", ChangeKind.REFUSED, words, None, "no"))
    store.close()


@pytest.mark.usefixtures("now")
def test_only_the_last_days_are_listed_and_no_control_characters(path):
    keep(path, START - 8 * DAY)
    assert audit(path) == "No changes in the last 7d.\n"
    assert "1 change in the last 30d" in audit(path, "30d")
    keep(path, START, "ack \x1b[2J\n\u202e#1")
    assert "ack \\x1b[2J\\n\\u202e#1\n" in audit(path)


@pytest.mark.parametrize(("span", "words"), [("week", "alertbot audit 7d"), ("401d", "kept for 400d"), ("0d", "")])
def test_a_span_that_cannot_be_is_exit_code_2(path, span, words):
    keep(path, START)
    result = CliRunner().invoke(main, ["audit", span])
    assert result.exit_code == 2
    assert words in result.stderr


def test_changes_are_kept_for_400_days(tmp_path):
    store = Store(tmp_path / "alertbot.db")
    for days in (401, 399):
        change = RecordedChange(START - days * DAY, "Ada", None, "Slack", ChangeKind.REFUSED, f"{days}", None, "no")
        store.do(changes.record, change)
    assert store.do(changes.forget, START - changes.KEPT) == 1
    assert [each.words for each in store.do(changes.since, 0)] == ["399"]
    store.close()
