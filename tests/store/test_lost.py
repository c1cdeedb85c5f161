"""A database that is deleted, emptied or replaced under the running service, and a lock that holds by any name."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import asynccontextmanager, closing

import pytest

from alertbot.errors import StoreLost, StoreTaken
from alertbot.store.checkup import is_in_use
from alertbot.store.keeper import Storekeeper
from alertbot.store.schema import Lock, reading
from alertbot.store.store import Store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "alertbot.db"


def remember(db, name):
    db.conn.execute("INSERT INTO rules (name, begun) VALUES (?, 1)", (name,))


def remembered(path):
    """What a process that starts now finds there."""
    script = (
        "import sys; from pathlib import Path; from alertbot.store.store import Store;"
        "print(*(Store(Path(sys.argv[1])).do(lambda db: [n for (n,) in db.conn.execute('SELECT name FROM rules')])))"
    )
    found = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    return found.stdout.split()


@asynccontextmanager
async def at_work(path, *names):
    """A keeper that has stored these names, as in the service."""
    keeper, lock = Storekeeper(), Lock(path)
    await keeper.open(path, lock)
    for name in names:
        await keeper.do(remember, name)
    yield keeper
    await keeper.close()
    lock.release()


def beside(path, suffix):
    return path.with_name(path.name + suffix)


def deleted(path):
    path.unlink()


def emptied(path):
    path.write_bytes(b"")


def replaced(path):
    other = path.with_name("other.db")
    store = Store(other)
    store.do(remember, "of-the-other")
    store.close()
    other.rename(path)


def folder_deleted(path):
    shutil.rmtree(path.parent)


def link_turned(path):
    path.rename(path.with_name("first.db"))
    path.symlink_to("second.db")
    Store(path).close()


def log_deleted(path):
    beside(path, "-wal").unlink()


def index_deleted(path):
    beside(path, "-shm").unlink()


@pytest.mark.parametrize(
    ("happens", "words", "left"),
    [
        (deleted, "alertbot.db was deleted while alertbot ran", []),
        (folder_deleted, "alertbot.db was deleted while alertbot ran", []),
        (emptied, "alertbot.db was emptied while alertbot ran", []),
        (replaced, "alertbot.db was replaced by another file while alertbot ran", ["of-the-other"]),
        (link_turned, "alertbot.db was replaced by another file while alertbot ran", []),
        # All that was committed is still to be had, and stays.
        (log_deleted, "alertbot.db-wal was deleted while alertbot ran", ["kept"]),
        (index_deleted, "alertbot.db-shm was deleted while alertbot ran", ["kept"]),
    ],
)
async def test_a_database_that_is_lost_is_written_no_more_and_what_lies_there_now_is_left_as_it_is(
    path, happens, words, left
):
    async with at_work(path, "kept") as keeper:
        happens(path)
        for _ in range(2):
            with pytest.raises(StoreLost, match=words):
                await keeper.do(remember, "lost")
    assert remembered(path) == left


async def test_a_database_that_others_read_back_up_and_tidy_is_not_lost(path, tmp_path):
    async with at_work(path, "kept") as keeper:
        with reading(path):
            await keeper.do(remember, "more")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("DELETE FROM lateness")
            other.execute("VACUUM")
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            other.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
        await keeper.do(remember, "most")
    assert remembered(path) == ["kept", "more", "most"]


# The lock


def test_a_link_to_the_database_starts_no_second_writer(path):
    path.parent.mkdir()
    link = path.parent.parent / "link.db"
    link.symlink_to(path)
    Store(path).close()
    one = Lock(path)
    one.take()
    assert is_in_use(link)
    with pytest.raises(StoreTaken, match="another alertbot runs on this database"):
        Lock(link).take()
    one.release()


async def test_a_lock_that_was_deleted_is_taken_again(path):
    async with at_work(path) as keeper:
        beside(path, ".lock").unlink()
        await keeper.do(remember, "one")
        with pytest.raises(StoreTaken):
            Lock(path).take()


async def test_who_lost_the_lock_to_another_writes_no_more(path):
    async with at_work(path, "one") as keeper:
        beside(path, ".lock").unlink()
        other = Lock(path)
        other.take()
        with pytest.raises(StoreTaken):
            await keeper.do(remember, "two")
        other.release()
    assert remembered(path) == ["one"]


def test_two_links_and_a_folder_that_is_one_are_one_database(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "folder").symlink_to("real")
    one, other = Lock(tmp_path / "folder" / "alertbot.db"), Lock(tmp_path / "real" / "alertbot.db")
    one.take()
    with pytest.raises(StoreTaken):
        other.take()
    one.release()
