"""A database that cannot be had, at start or later: a clear error, one word in Slack, and nothing lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest
from fakes.rigs.needs import needs
from fakes.rigs.scheduler import scheduled_by
from fakes.rigs.until import until
from fakes.wire.slack import BOT_TOKEN, SCOPES, FakeSlack
from fakes.wire.systemd import Systemd
from fakes.worlds.virtual import VirtualClock

from alertbot.config import load
from alertbot.config.credentials import Credentials
from alertbot.errors import StoreError, StoreUnusable
from alertbot.feed.simulator.scenario import Event, Scenario, Shape
from alertbot.feed.simulator.server import Simulator
from alertbot.ops.systemd import Notifier
from alertbot.service.service import Service
from alertbot.store.schema import PAGE_SIZE
from alertbot.store.store import Store

START = 1_793_613_600
MINUTE = 60


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


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program has the file for itself: it cannot even be read."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing can be written in its file system."""
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    yield
    subprocess.run(["mount", "-o", "remount,rw", folder], check=True)


# Opening it


@needs("root")
def test_a_new_database_on_a_full_disk_says_so(disk):
    with full(disk), pytest.raises(StoreError, match=r"alertbot\.db: .*full: check .* the space left"):
        Store(disk / "alertbot.db")


@needs("root")
def test_a_database_on_a_full_disk_says_so(disk):
    Store(disk / "alertbot.db").close()
    with full(disk), pytest.raises(StoreError, match=r"alertbot\.db: .*: check .* the space left"):
        Store(disk / "alertbot.db")


@needs("root")
def test_a_read_only_file_system_says_so(disk):
    Store(disk / "alertbot.db").close()
    with read_only(disk), pytest.raises(StoreError, match=r"alertbot\.db: .*Read-only file system.*: check the file"):
        Store(disk / "alertbot.db")


@pytest.mark.parametrize("damage", [b"not a database at all" * 1000, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_corrupt_file_says_so_and_is_left_as_it_is(tmp_path, damage):
    path = tmp_path / "alertbot.db"
    path.write_bytes(damage)
    with pytest.raises(StoreUnusable, match="put a backup in its place, or move it away"):
        Store(path)
    assert path.read_bytes() == damage


def test_a_newer_schema_says_which_and_is_left_as_it_is(tmp_path):
    path = tmp_path / "alertbot.db"
    _written_by_a_newer_one(path)
    with pytest.raises(StoreUnusable, match=r"newer alertbot \(from_the_future\): install that version again"):
        Store(path)


def test_a_locked_file_says_so_after_some_seconds(tmp_path, monkeypatch):
    monkeypatch.setattr("alertbot.store.schema.LOCK_WAIT_MS", 1)
    path = tmp_path / "alertbot.db"
    with locked(path), pytest.raises(StoreError, match="locked: another program holds it"):
        Store(path)


def _written_by_a_newer_one(path):
    Store(path).close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('alertbot', 'from_the_future', '2099-01-01')"
        )


# The service

RULES = """
[feed]
base_url = "{feed}"

[watch]
domains = ["a.example.com", "b.example.com"]

[slack]
base_url = "{slack}"

[store]
path = "{store}"

[[rule]]
name = "ceiling"
kind = "threshold"
above = "1 Gbps"
"""


@pytest.fixture
async def systemd(tmp_path) -> AsyncIterator[Systemd]:
    listening = Systemd(tmp_path / "notify")
    yield listening
    listening.close()


@asynccontextmanager
async def watcher(tmp_path: Path, store: Path, *, start: float = START, notify: str | None = None):
    """The service at work on a database; ``a`` is over its limit from the 30th minute on."""
    clock = VirtualClock(start)
    domains = {name: Shape(level=1e8) for name in ("a.example.com", "b.example.com")}
    over = Event("a.example.com", START + 30 * MINUTE, START + 900 * MINUTE, 20.0)
    simulator, slack = Simulator(Scenario(token="t", domains=domains, events=(over,)), clock), FakeSlack(now=clock.time)
    path = tmp_path / "rules.toml"
    path.write_text(RULES.format(feed=await simulator.start(), slack=await slack.start(), store=store))
    service = Service(
        load(path),
        Credentials(api_token="t", slack_bot_token=BOT_TOKEN),
        clock,
        notifier=Notifier(notify),
        progress=lambda _done, _total: None,
    )
    with scheduled_by(clock):
        running = asyncio.create_task(service.run())
        try:
            yield clock, slack
        finally:
            service.stop()
            await running
            await simulator.stop()
            await slack.stop()


async def _fails_and_is_mended(tmp_path, store, failing, cause, caplog):
    caplog.set_level("INFO", "alertbot")
    async with watcher(tmp_path, store) as (clock, slack):
        await until(lambda: _judged(store))
        with failing:
            await _is_told(slack, cause)
            await clock.sleep(START + 65 * MINUTE - clock.time())
        await _is_mended(slack, caplog)


async def _fails_at_start_and_is_mended(tmp_path, store, failing, cause, caplog, systemd, told=""):
    caplog.set_level("INFO", "alertbot")
    with contextlib.ExitStack() as trouble:
        trouble.enter_context(failing)
        async with watcher(tmp_path, store, start=START + 12 * MINUTE, notify=systemd.address) as (clock, slack):
            await _is_told(slack, cause)
            assert "READY=1" in systemd.heard
            assert systemd.heard[-1].startswith("STATUS=nothing can be stored: ")
            assert cause in systemd.heard[-1]
            await clock.sleep(START + 65 * MINUTE - clock.time())
            trouble.close()
            await _is_mended(slack, caplog, told)
            await until(lambda: systemd.status.startswith("data until "))


def _judged(store):
    """Whether something of each series was judged and stored."""
    if not store.exists():
        return False
    with closing(sqlite3.connect(store)) as reading, contextlib.suppress(sqlite3.OperationalError):
        return reading.execute("SELECT count(cursor) > 2 FROM series").fetchone()[0]
    return False


async def _is_told(slack, cause):
    await until(lambda: slack.posts)
    (message,) = slack.posts
    assert message.text.startswith("alertbot cannot store anything, so no rule is judged")
    assert cause in message.text


async def _is_mended(slack, caplog, first=""):
    await until(lambda: len(slack.posts) == 2 and slack.posts[0].edits)
    told, alert = slack.posts
    assert "it can again, and what it missed is judged" in told.text
    assert alert.text == f"{first}`a.example.com` went above 1 Gbps at 10:30: 2 Gbps."
    causes = [record.message for record in caplog.records if "nothing can be stored" in record.message]
    assert len(causes) == len(set(causes)) <= 2
    assert caplog.text.count("the database works again after") == 1
    assert "Traceback" not in caplog.text


@needs("root")
async def test_a_disk_that_is_full_is_told_once_in_slack_and_what_was_missed_once_it_has_room(tmp_path, disk, caplog):
    await _fails_and_is_mended(tmp_path, disk / "alertbot.db", full(disk), "database or disk is full", caplog)


@pytest.mark.slow
async def test_a_database_that_is_held_for_long_is_told_once_in_slack_and_what_was_missed_later(
    tmp_path, caplog, monkeypatch
):
    monkeypatch.setattr("alertbot.store.schema.LOCK_WAIT_MS", 1)
    store = tmp_path / "alertbot.db"
    await _fails_and_is_mended(tmp_path, store, held(store), "database is locked", caplog)


@pytest.mark.slow
async def test_a_database_that_is_damaged_meanwhile_is_told_once_in_slack_and_ends_the_next_start(tmp_path):
    store = tmp_path / "alertbot.db"
    async with watcher(tmp_path, store) as (clock, slack):
        await until(lambda: _judged(store))
        with closing(sqlite3.connect(store)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with store.open("r+b") as file:
            file.seek(PAGE_SIZE)
            file.write(b"\xff" * (store.stat().st_size - PAGE_SIZE))
        await _is_told(slack, "alertbot.db: database disk image is malformed: put a backup in its place")
        await clock.sleep(20 * MINUTE)
        assert len(slack.posts) == 1
    code, printed = await asyncio.to_thread(_run, tmp_path, "http://127.0.0.1:9/api/", {})
    assert code == 1
    assert "alertbot.db: database disk image is malformed: put a backup in its place" in printed


@needs("root")
@pytest.mark.parametrize(("failing", "cause"), [(full, "the space left"), (read_only, "Read-only file system")])
@pytest.mark.parametrize("new", [True, False])
async def test_a_disk_that_cannot_be_written_at_start_is_told_once_and_the_service_goes_on_once_it_can(
    tmp_path, disk, caplog, systemd, failing, cause, new
):
    store = disk / "alertbot.db"
    if not new:
        async with watcher(tmp_path, store):
            await until(lambda: _judged(store))
    told = "When watching began: " if new else ""
    await _fails_at_start_and_is_mended(tmp_path, store, failing(disk), cause, caplog, systemd, told)


async def test_a_database_that_is_locked_at_start_is_told_once_and_the_service_goes_on_once_it_is_free(
    tmp_path, caplog, systemd, monkeypatch
):
    monkeypatch.setattr("alertbot.store.schema.LOCK_WAIT_MS", 1)
    store, told = tmp_path / "alertbot.db", "When watching began: "
    await _fails_at_start_and_is_mended(tmp_path, store, locked(store), "database is locked", caplog, systemd, told)


def _damaged(path):
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "mend"),
    [(_damaged, "put a backup in its place"), (_written_by_a_newer_one, "install that version again")],
)
async def test_what_does_not_mend_itself_ends_each_start_with_1_and_one_line_and_is_told_once_in_slack(
    tmp_path, spoil, mend
):
    slack = FakeSlack()
    spoil(tmp_path / "alertbot.db")
    slack_url = await slack.start()
    for _ in range(2):
        code, printed = await asyncio.to_thread(_run, tmp_path, slack_url, {"ALERTBOT_SLACK_BOT_TOKEN": BOT_TOKEN})
        assert code == 1
        assert printed.count(mend) == 1
    (told,) = slack.posts
    await slack.stop()
    assert told.text.startswith("alertbot cannot start, so nothing is watched and no alert comes until that is mended:")
    assert mend in told.text


@pytest.mark.slow
async def test_where_slacks_history_cannot_be_read_the_end_is_told_all_the_same(tmp_path):
    slack = FakeSlack(scopes=SCOPES - {"channels:history", "groups:history"})
    _damaged(tmp_path / "alertbot.db")
    slack_url = await slack.start()
    await asyncio.to_thread(_run, tmp_path, slack_url, {"ALERTBOT_SLACK_BOT_TOKEN": BOT_TOKEN})
    assert len(slack.posts) == 1
    await slack.stop()


@pytest.mark.slow
@pytest.mark.parametrize("tokens", [{}, {"ALERTBOT_SLACK_BOT_TOKEN": BOT_TOKEN}])
def test_a_damaged_database_ends_the_start_without_slack_too(tmp_path, tokens):
    (tmp_path / "alertbot.db").write_bytes(b"not a database at all" * 1000)
    code, printed = _run(tmp_path, "http://127.0.0.1:9/api/", tokens)
    assert code == 1
    assert "alertbot.db: file is not a database: put a backup in its place" in printed
    assert ("Slack did not take a message about the service itself (unreachable)" in printed) is bool(tokens)


def _run(folder, slack, tokens):
    """The real process; its exit code and what it printed."""
    rules = folder / "rules.toml"
    rules.write_text(RULES.format(feed="http://127.0.0.1:9/v2/", slack=slack, store="alertbot.db"))
    ended = subprocess.run(
        [Path(sys.executable).with_name("alertbot"), "run", "-c", rules],
        env={**os.environ, "ALERTBOT_API_TOKEN": "s3cret", **tokens},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stderr
