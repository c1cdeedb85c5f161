"""A backup: a whole copy beside a running service, or a clear error and nothing in its place."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
from click.testing import CliRunner
from fakes.rigs.needs import needs
from fakes.worlds.stored import store as write_stored

from alertbot.cli.backup import clean_up
from alertbot.cli.main import main
from alertbot.errors import StoreError
from alertbot.store import feed, samples, schema
from alertbot.store.backup import back_up
from alertbot.store.schema import Lock
from alertbot.store.store import Store
from alertbot.units import DAY, DAY_SLOTS

START = 20_000 * DAY
CARRIED = {"a.example.com": [1e9] * DAY_SLOTS, "b.example.com": [0.0] * DAY_SLOTS}


@pytest.fixture
def path(tmp_path):
    return write_stored(tmp_path / "alertbot.db", START, CARRIED)


def series_of(path):
    with schema.reading(path) as db:
        return {name: samples.series_between(db, name, START, START + DAY - 300).tolist() for name in CARRIED}


def test_a_copy_holds_all_that_was_committed_in_one_file_of_its_owners_alone(path, tmp_path):
    running = Store(path)  # what it wrote last is still in its journal
    running.do(feed.write_live, '{"one": 1}', 17.0)
    target = tmp_path / "copy.db"
    size = back_up(path, target)

    assert size == target.stat().st_size > 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(each.name for each in tmp_path.iterdir() if "copy" in each.name) == ["copy.db"]
    assert series_of(target) == CARRIED
    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("SELECT written FROM live").fetchone() == (17.0,)
    running.close()


def test_a_copy_is_a_database_to_begin_from_again(path, tmp_path):
    target = tmp_path / "copy.db"
    back_up(path, target)
    Store(target).close()

    assert series_of(target) == CARRIED


def test_copies_made_while_a_service_writes_are_consistent(path, tmp_path):
    """Each commit writes the same number twice; no copy ever holds two different ones."""
    ended = threading.Event()

    def write():
        running = Store(path)
        number = 0
        while not ended.is_set():
            number += 1
            with running._db.atomic():
                running._db.conn.execute("INSERT OR REPLACE INTO rules (name, begun) VALUES ('one', ?)", (number,))
                running._db.conn.execute("INSERT OR REPLACE INTO rules (name, begun) VALUES ('two', ?)", (number,))
        running.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = set()
        for turn in range(8):
            back_up(path, tmp_path / "copy.db")
            with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
                held = {number for (number,) in copy.execute("SELECT begun FROM rules")}
            assert len(held) <= 1, turn
            seen |= held
    finally:
        ended.set()
        writer.join()
    assert len(seen) > 1


def test_an_older_copy_is_replaced(path, tmp_path):
    target = tmp_path / "copy.db"
    back_up(path, target)
    before = target.stat().st_ino
    back_up(path, target)

    assert target.stat().st_ino != before


def other_database(target):
    with closing(sqlite3.connect(target)) as db, db:
        db.execute("CREATE TABLE precious (thing)")


def in_use(target):
    Store(target).close()
    target.with_name(f"{target.name}-wal").touch()


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda target: target.write_text("a letter"), "is there and is no copy of a database"),
        (lambda target: target.touch(), "is there and is no copy of a database"),
        (lambda target: target.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000), "is no copy of a database"),
        (other_database, "is there and is no copy of a database"),
        (in_use, "is a database in use"),
        (lambda target: target.mkdir(), "is a folder: name a file in it"),
        (lambda target: target.symlink_to(target.with_name("alertbot.db")), "is the database itself"),
    ],
)
def test_what_is_no_copy_is_never_replaced(path, tmp_path, prepare, words):
    target = tmp_path / "target.db"
    prepare(target)
    before = None if target.is_dir() else target.read_bytes()
    with pytest.raises(StoreError, match=words):
        back_up(path, target)

    assert (None if target.is_dir() else target.read_bytes()) == before
    assert list(tmp_path.glob(".*.part*")) == []


def test_a_database_that_a_service_holds_is_never_replaced(path, tmp_path):
    target = tmp_path / "other.db"
    Store(target).close()
    lock = Lock(target)
    lock.take()
    with pytest.raises(StoreError, match="is a database in use"):
        back_up(path, target)
    lock.release()


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda path: path.unlink(), "there is no database yet, so nothing to back up"),
        (lambda path: path.write_bytes(b"no database" * 2000), "file is not a database: put a backup in its place"),
    ],
)
def test_nothing_to_copy_is_a_clear_error_and_makes_no_file(path, tmp_path, prepare, words):
    prepare(path)
    with pytest.raises(StoreError, match=words):
        back_up(path, tmp_path / "copy.db")

    assert not (tmp_path / "copy.db").exists()
    assert list(tmp_path.glob(".*.part*")) == []


def test_a_damaged_database_gives_no_copy_and_leaves_the_older_one(path, tmp_path):
    target = tmp_path / "copy.db"
    back_up(path, target)
    whole = target.read_bytes()
    with path.open("r+b") as file:
        file.seek(2 * schema.PAGE_SIZE)
        file.write(b"\xff" * (path.stat().st_size - 2 * schema.PAGE_SIZE))
    with pytest.raises(StoreError):
        back_up(path, target)

    assert target.read_bytes() == whole
    assert list(tmp_path.glob(".*.part*")) == []


def test_what_cannot_even_be_looked_for_is_a_clear_error(path, tmp_path):
    unreadable = tmp_path / ("x" * 300)
    for source, target in ((unreadable, tmp_path / "copy.db"), (path, unreadable)):
        with pytest.raises(StoreError, match="File name too long: name a shorter one"):
            back_up(source, target)
    with pytest.raises(StoreError, match="File name too long"):
        schema.open_for_reading(unreadable)


def test_a_folder_that_is_not_there_is_a_clear_error(path, tmp_path):
    with pytest.raises(StoreError, match="name a folder that can be written"):
        back_up(path, tmp_path / "none" / "copy.db")


@needs("root")
def test_a_full_disk_is_a_clear_error_and_leaves_nothing(path, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        with pytest.raises(StoreError, match=r"full.*no backup is made; see the space left"):
            back_up(path, disk / "copy.db")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


# The command


RULES = """
[watch]
domains = ["a.example.com"]

[[rule]]
name = "ceiling"
kind = "threshold"
above = "1 Gbps"
"""


@pytest.fixture
def folder(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    (tmp_path / "rules.toml").write_text(RULES)
    (tmp_path / "copies").mkdir()
    return tmp_path


def alertbot(*arguments):
    return CliRunner().invoke(main, arguments, prog_name="alertbot")


def test_the_command_copies_to_a_file_or_by_date_into_a_folder(folder):
    named, dated = alertbot("backup", "copy.db"), alertbot("backup", "copies", "--keep", "3")

    assert (named.exit_code, dated.exit_code) == (0, 0), named.output + dated.output
    assert named.stdout.startswith("copy.db: ")
    (copy,) = (folder / "copies").iterdir()
    assert copy.name == time.strftime("alertbot-%Y-%m-%d.db", time.gmtime())
    assert series_of(copy) == CARRIED


def test_only_dated_copies_beyond_those_to_keep_are_deleted(tmp_path):
    days = [f"alertbot-2026-11-{day:02}.db" for day in range(1, 11)]
    others = ["alertbot.db", "alertbot-2026-11-01.db.gz", "notes.txt", "old-alertbot-2026-11-01.db", "alertbot-1.db"]
    cut_off = [".alertbot-2026-11-02.db.x1y2.part", ".alertbot-2026-11-02.db.x1y2.part-journal"]
    for name in [*days, *others, *cut_off]:
        (tmp_path / name).write_text("x")
    now = 1_772_409_600.0
    for name in [*days, *others, *cut_off]:
        written = now if name == cut_off[1] else 0
        os.utime(tmp_path / name, (written, written))
    gone = clean_up(tmp_path, 3, now)

    assert sorted(path.name for path in gone) == sorted([*days[:7], cut_off[0]])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*days[7:], *others, cut_off[1]])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("backup",), 2, "Missing argument 'FILE'"),
        (("backup", "copy.db", "--keep", "3"), 2, "--keep goes with a folder"),
        (("backup", "copies", "--keep", "0"), 2, "0 is not in the range"),
        (("backup", "alertbot.db"), 1, "is the database itself"),
        (("backup", "rules.toml"), 1, "is there and is no copy of a database"),
        (("backup", "copy.db", "-c", "none.toml"), 2, "none.toml"),
    ],
)
def test_wrong_usage_is_told(folder, arguments, code, words):
    result = alertbot(*arguments)

    assert result.exit_code == code
    assert words in result.stderr


SLOW = (
    "import time; from alertbot.cli.main import main; from alertbot.store import backup;"
    "backup._verify = lambda part: time.sleep(60); main(['backup', 'copy.db'])"
)
COPYING = (
    "import sqlite3; from alertbot.cli.main import main; from alertbot.store import backup;"
    "db = sqlite3.connect('alertbot.db'); db.execute('CREATE TABLE ballast AS WITH RECURSIVE n (x) AS"
    " (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 1000000) SELECT x, hex(x) FROM n'); db.commit(); db.close();"
    "main(['backup', 'copy.db'])"
)


def backing_up(folder, code):
    """A copy that has begun, in a process of its own."""
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not any(part.stat().st_size for part in folder.glob(".copy.db.*.part")):
        time.sleep(0.01)
    return process


def test_a_copy_that_is_killed_leaves_nothing_in_its_place_and_the_next_clears_away_what_it_left(folder):
    with backing_up(folder, SLOW) as process:
        process.send_signal(signal.SIGKILL)

    assert process.returncode == -signal.SIGKILL
    assert not (folder / "copy.db").exists()
    assert len(list(folder.glob(".copy.db.*.part"))) == 1
    assert alertbot("backup", "copy.db").exit_code == 0
    assert list(folder.glob(".copy.db.*")) == []


@pytest.mark.slow
def test_what_another_copy_is_writing_is_not_cleared_away(folder):
    with backing_up(folder, SLOW) as process:
        assert alertbot("backup", "copy.db").exit_code == 0
        assert len(list(folder.glob(".copy.db.*.part"))) == 1
        process.send_signal(signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_copy_that_is_terminated_clears_away_what_it_wrote(folder, number):
    with backing_up(folder, COPYING) as process:
        process.send_signal(number)
        said = process.stderr.read()

    assert process.returncode == 1
    assert said == f"alertbot: {folder}: terminated: no backup is made\n"
    assert not (folder / "copy.db").exists()
    assert list(folder.glob(".copy.db.*")) == []


def test_who_may_not_write_beside_the_service_is_told_to_be_another(folder, monkeypatch):
    error = sqlite3.OperationalError("attempt to write a readonly database")
    error.sqlite_errorcode = sqlite3.SQLITE_READONLY_CANTINIT

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(sqlite3, "connect", refuse)
    said = "alertbot.db: attempt to write a readonly database: "
    result = alertbot("backup", "copy.db")
    assert result.exit_code == 1
    assert result.stderr.endswith(f"{said}no backup is made; run this as the service's user, or with sudo\n")
    result = alertbot("status")
    assert result.exit_code == 1
    assert result.stderr.endswith(f"{said}run this as the service's user, or with sudo\n")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/null")])
def test_a_pipe_or_a_device_is_refused_at_once(folder, make):
    make(folder / "pipe")
    result = alertbot("backup", "pipe")
    assert (result.exit_code, result.stderr) == (1, "alertbot: pipe: is there and is no file: name another\n")
    (folder / "alertbot.db").unlink()
    make(folder / "alertbot.db")
    result = alertbot("backup", "copy.db")
    assert result.exit_code == 2
    assert result.stderr.endswith('alertbot.db is no file: name another, such as "alertbot.db"\n')


def test_a_name_as_long_as_can_be_is_taken_and_a_longer_one_a_clear_error(folder):
    assert alertbot("backup", "\u00e9" * 127).exit_code == 0
    result = alertbot("backup", "x" * 256)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"alertbot: {'x' * 256}: File name too long: name a shorter one\n"
