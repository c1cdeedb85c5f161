"""The first turns on a database of 0.1.0: they post what changed in the slots judged since, and nothing else."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.rigs.house import House, database
from fakes.rigs.night import config_for, dark, fell
from sqlite_utils import Database

from alertbot.config import SlackSettings
from alertbot.rules.base import Rule, Severity
from alertbot.rules.day_over_day import DayOverDay
from alertbot.store import tables
from alertbot.units import DAY_SLOTS

OLD = 6
"""How many migrations 0.1.0 knew."""

TABLES = (Path(__file__).parents[1] / "store" / "versions" / f"{OLD}.sql").read_text(encoding="utf-8")
with closing(Database(memory=True)) as _empty:
    NAMES = [migration.name for migration in tables.migrations.pending(_empty)]

CALM, DARK, ACKED, HUSHED, FLAPS, PENDING, EMPTY, GONE = (
    f"{name}.example.com" for name in ("calm", "dark", "acked", "hushed", "flaps", "pending", "empty", "gone")
)
BUSY = tuple(f"busy{number}.example.com" for number in range(12))
DOMAINS = (CALM, DARK, ACKED, HUSHED, FLAPS, PENDING, EMPTY, GONE, *BUSY)
LEVEL = 200e6
HALF = Rule("half", "day_over_day", DayOverDay(0.5), Severity.CRITICAL, accept_slots=DAY_SLOTS)


def config(path):
    made = config_for(path, DOMAINS, [dark(), fell(), HALF])
    slack = SlackSettings(**made.slack.model_dump(include={"base_url", "channel"}), mention={"critical": "@here"})
    return replace(made, slack=slack)


async def judged(house, slots, **shares):
    """So many slots in which these domains carried that share of their level."""
    for _ in range(slots):
        now = {name: LEVEL * shares.get(name.split(".")[0], 1) for name in DOMAINS}
        await house.judge({**now, "total": sum(now.values())})


async def told(path):
    """A database with alerts in every state, as the newest version wrote it."""
    house = House(config(path), DOMAINS)
    await house.begin({**dict.fromkeys(DOMAINS, LEVEL), EMPTY: 0.0, "total": LEVEL * (len(DOMAINS) - 1)})
    await judged(house, 6, gone=0, empty=0)  # #1, of which 0.1.0 knew nothing: it was dark before the first start
    await judged(house, 4, acked=0, hushed=0, gone=0, empty=0)
    await house.say("silence hushed.example.com 20h")
    for row in house.rows("SELECT id FROM incidents WHERE closed IS NULL"):
        await house.say(f"ack #{row['id']}")
    long = {"acked": 0, "hushed": 0, "gone": 0, "empty": 0}
    for _ in range(6):
        await judged(house, 3, **long)
        await judged(house, 2, flaps=0, **long)
    await judged(house, 3, dark=0, **long)
    await judged(house, 1, dark=0, pending=0, **long)
    await house.end()
    return house


def as_of_0_1_0(path, target):
    """What 0.1.0 would have written: its tables, with what of the rows it knew; two messages not delivered yet."""
    with closing(sqlite3.connect(target)) as old, old:
        for statement in sorted(TABLES.splitlines(), key=lambda line: not line.startswith("CREATE TABLE")):
            old.execute(statement)
        done = [("alertbot", name, "2026-01-01") for name in NAMES[:OLD]]
        old.executemany("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, ?, ?)", done)
        old.execute("ATTACH ? AS new", (str(path),))
        for table in re.findall(r"CREATE TABLE (\w+)", TABLES):
            if not table.startswith("_"):
                columns = ", ".join(f'"{row[1]}"' for row in old.execute(f"PRAGMA table_info({table})"))
                old.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table}")
        for table, where in (("outbox", "subject = 'incident:1'"), ("alerts", "incident = 1"), ("incidents", "id = 1")):
            old.execute(f"DELETE FROM {table} WHERE {where}")
        old.executemany("INSERT INTO rules VALUES (?, 0)", [("went-dark",), ("sharp-fall",), ("half",)])
        old.execute("UPDATE outbox SET state = 'sent'")
        old.execute("UPDATE outbox SET state = 'queued' WHERE number = (SELECT max(number) FROM outbox)")
        old.execute("UPDATE outbox SET state = 'unknown' WHERE number = (SELECT max(number) - 1 FROM outbox)")


def messages(house):
    return [(row.subject, row.action, row.text) for row in house.outbox()]


@pytest.fixture
async def upgraded(tmp_path):
    """A house on a database of 0.1.0, and how it stood before."""
    (tmp_path / "new").mkdir()
    before = await told(database(tmp_path / "new"))
    as_of_0_1_0(database(tmp_path / "new"), database(tmp_path))
    house = House(config(database(tmp_path)), DOMAINS)
    house.slot, house.now = before.slot, before.now + 60
    yield house, before
    await house.end()


async def test_there_is_something_of_every_kind(upgraded):
    house, _ = upgraded
    await house.begin()
    phases = {(row["phase"], row["series"].split(".")[0]) for row in house.rows("SELECT phase, series FROM alerts")}
    assert {("pending", "pending"), ("firing", "dark"), ("firing", "acked"), ("firing", "hushed")} <= phases
    assert [row["series"] for row in house.rows("SELECT DISTINCT series FROM flapping")] == [FLAPS]
    assert {row["state"] for row in house.rows("SELECT state FROM outbox")} == {"sent", "queued", "unknown"}


async def test_nothing_is_posted_resolved_or_mentioned_by_the_upgrade_alone(upgraded):
    house, _ = upgraded
    before = messages(house)
    states = house.rows("SELECT id, phase, since, fired, resolved FROM alerts ORDER BY id")
    await house.begin()
    await house.look()
    await house.look(60)
    assert messages(house) == before
    assert house.rows("SELECT id, phase, since, fired, resolved FROM alerts ORDER BY id") == states


def about(house, *others):
    """What the outbox holds but for messages about these incidents, in order."""
    return [each for each in messages(house) if each[0] not in {f"incident:{number}" for number in others}]


async def test_what_follows_is_what_would_have_followed(upgraded, tmp_path):
    house, before = upgraded
    await house.begin()
    same = House(config(database(tmp_path / "new")), DOMAINS)
    same.slot, same.now = before.slot, before.now + 60
    await same.begin()
    count = len(about(same, 1))
    for each in (house, same):
        await judged(each, 3, acked=0, hushed=0, dark=0, pending=0, empty=0)
        await judged(each, 3, acked=0.9, hushed=0, dark=0, empty=0)
        await judged(each, 3, hushed=0, empty=0)
    assert len(about(same, 1)) > count
    assert about(house, 1)[count:] == about(same, 1)[count:]
    await same.end()


async def test_what_only_the_new_rules_see_in_older_slots_is_one_summary_that_mentions_nobody(upgraded):
    house, _ = upgraded
    await house.begin()
    count = len(messages(house))
    await judged(house, 3, acked=0, hushed=0, dark=0, pending=0, calm=0, empty=0, gone=0)
    posts = [(text, subject) for subject, action, text in messages(house)[count:] if action == "post"]
    (found, subject), *others = sorted(posts, key=lambda each: "Found by" not in each[0])
    assert found == "Found by this version's rules, not by those before the upgrade: 2 alerts, all firing."
    rows = house.rows("SELECT DISTINCT series FROM alerts WHERE incident = ?", int(subject.split(":")[1]))
    assert [row["series"] for row in rows] == [GONE]
    assert others == []
    grown = [text for _, action, text in messages(house)[count:] if action == "reply" and CALM in text]
    assert grown  # what went dark since is told of as ever
