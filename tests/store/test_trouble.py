"""A database that cannot be had: a clear error at start, one word in Slack at run time, and nothing lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest
from fakes.slack import BOT_TOKEN, FakeSlack
from fakes.until import until

from alertbot.clock import FastClock
from alertbot.config import load
from alertbot.credentials import Credentials
from alertbot.errors import StoreError
from alertbot.feed.scenario import Event, Scenario, Shape
from alertbot.feed.simulator import Simulator
from alertbot.ops.systemd import Notifier
from alertbot.service import Service
from alertbot.store.store import Store

START = 1_793_613_600
SPEED = 400.0
MINUTE = 60

needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Not a byte is left in it."""
    fill = folder / "fill"
    with contextlib.suppress(OSError), fill.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    yield
    fill.unlink()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another program writes to the database and does not end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


# At start


@needs_mount
def test_a_new_database_on_a_full_disk_says_so(disk):
    with full(disk), pytest.raises(StoreError, match=r"alertbot\.db: .*full: check .* the space left"):
        Store(disk / "alertbot.db")


@needs_mount
def test_a_database_on_a_full_disk_says_so(disk):
    Store(disk / "alertbot.db").close()
    with full(disk), pytest.raises(StoreError, match=r"alertbot\.db: .*: check .* the space left"):
        Store(disk / "alertbot.db")


@needs_mount
def test_a_read_only_file_system_says_so(disk):
    Store(disk / "alertbot.db").close()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(StoreError, match=r"alertbot\.db: .*Read-only file system.*: check the file"):
        Store(disk / "alertbot.db")


@pytest.mark.parametrize("damage", [b"not a database at all" * 1000, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_corrupt_file_says_so_and_is_left_as_it_is(tmp_path, damage):
    path = tmp_path / "alertbot.db"
    path.write_bytes(damage)
    with pytest.raises(StoreError, match="put a backup in its place, or move it away"):
        Store(path)
    assert path.read_bytes() == damage


def test_a_newer_schema_says_which_and_is_left_as_it_is(tmp_path):
    path = tmp_path / "alertbot.db"
    Store(path).close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('alertbot', 'from_the_future', '2099-01-01')"
        )
    with pytest.raises(StoreError, match=r"newer alertbot \(from_the_future\): install that version again"):
        Store(path)


def test_a_locked_file_says_so_after_some_seconds(tmp_path, monkeypatch):
    monkeypatch.setattr("alertbot.store.schema.LOCK_WAIT_MS", 20)
    path = tmp_path / "alertbot.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked: another program holds it"):
            Store(path)


# At run time

RULES = """
[feed]
base_url = "{feed}"

[watch]
domains = ["a.example.com", "b.example.com"]

[slack]
base_url = "{slack}"

[[rule]]
name = "ceiling"
kind = "threshold"
above = "1 Gbps"
"""


@asynccontextmanager
async def watching(folder: Path):
    """The service at work on a database in ``folder``; ``a`` is over its limit from the 15th minute on."""
    clock = FastClock(START, SPEED)
    domains = {name: Shape(level=1e8) for name in ("a.example.com", "b.example.com")}
    over = Event("a.example.com", START + 15 * MINUTE, START + 900 * MINUTE, 20.0)
    simulator, slack = Simulator(Scenario(token="t", domains=domains, events=(over,)), clock), FakeSlack(now=clock.time)
    path = folder / "rules.toml"
    path.write_text(RULES.format(feed=await simulator.start(), slack=await slack.start()))
    service = Service(
        load(path),
        Credentials(api_token="t", slack_bot_token=BOT_TOKEN),
        clock,
        notifier=Notifier(None),
        progress=lambda _done, _total: None,
        speed=SPEED,
    )
    running = asyncio.create_task(service.run())
    try:
        yield clock, slack
    finally:
        service.stop()
        await running
        await simulator.stop()
        await slack.stop()


async def _fails_and_is_mended(folder, failing, cause, caplog):
    caplog.set_level("INFO", "alertbot")
    async with watching(folder) as (clock, slack):
        await clock.sleep(START + 5 * MINUTE - clock.time())
        with failing:
            await until(lambda: slack.posts)
            (message,) = slack.posts
            assert message.text.startswith("alertbot cannot store anything, so no rule is judged")
            assert cause in message.text
            await clock.sleep(START + 50 * MINUTE - clock.time())
        await until(lambda: len(slack.posts) == 2 and slack.posts[0].edits, patience=20)
        told, alert = slack.posts
        assert "it can again, and what it missed is judged" in told.text
        assert alert.text == "`a.example.com` is above 1 Gbps since 10:15: 2 Gbps."
    causes = [record.message for record in caplog.records if "nothing can be stored" in record.message]
    assert len(causes) == len(set(causes)) <= 2
    assert caplog.text.count("the database works again after") == 1
    assert "Traceback" not in caplog.text


@needs_mount
async def test_a_disk_that_is_full_is_told_once_in_slack_and_what_was_missed_once_it_has_room(disk, caplog):
    await _fails_and_is_mended(disk, full(disk), "database or disk is full", caplog)


async def test_a_database_that_is_held_for_long_is_told_once_in_slack_and_what_was_missed_later(
    tmp_path, caplog, monkeypatch
):
    monkeypatch.setattr("alertbot.store.schema.LOCK_WAIT_MS", 20)
    await _fails_and_is_mended(tmp_path, held(tmp_path / "alertbot.db"), "database is locked", caplog)


@pytest.mark.parametrize("content", [b"not a database at all" * 1000, b"SQLite format 3\0" + b"\xff" * 8000])
def test_the_process_ends_with_1_and_one_line(tmp_path, content):
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.format(feed="http://127.0.0.1:9/v2/", slack="http://127.0.0.1:9/api/"))
    (tmp_path / "alertbot.db").write_bytes(content)
    ended = subprocess.run(
        [Path(sys.executable).with_name("alertbot"), "run", "-c", rules],
        env={**os.environ, "ALERTBOT_API_TOKEN": "t"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "alertbot.db: " in ended.stderr
    assert "put a backup in its place" in ended.stderr
    assert "Traceback" not in ended.stderr
