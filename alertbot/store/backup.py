"""A consistent copy of the database while a service writes it: whole and verified, or not there at all."""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import signal
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from alertbot.errors import StoreError
from alertbot.store import schema
from alertbot.store.checkup import is_in_use

_MAGIC = b"SQLite format 3\0"
PART = ".part"
_LONGEST_PREFIX = 200  # bytes, of the 255 that a name may have
_STEPS = 10_000  # of SQLite's own between two looks at whether we are to end
_ENDING = (signal.SIGTERM, signal.SIGHUP)


def back_up(source: Path, target: Path) -> int:
    """Copy the database ``source`` to the file ``target``, its owner's alone; how many bytes that is.

    ``StoreError`` where there is nothing to copy, no room for it, or something stands at ``target`` that is no copy.
    Tables of another version are copied as they are.
    """
    try:
        if not source.exists():
            raise StoreError(f"{source}: there is no database yet, so nothing to back up")
        if not source.is_file():
            raise StoreError(f"{source}: is no file: see [store] path")
        _check_target(source, target)
    except OSError as error:
        raise StoreError(f"{error.filename}: {error.strerror}: {_remedy(error)}") from error
    with _part_of(target) as part, _until_terminated() as terminated:
        try:
            _copy(source, part, terminated)
            _verify(part)
            _sync(part)
            part.replace(target)
            _sync(target.parent)
            return target.stat().st_size
        except OSError as error:
            raise StoreError(f"{target}: {error.strerror}: no backup is made") from error


def _remedy(error: OSError) -> str:
    """What to do about it."""
    return "name a shorter one" if error.errno == errno.ENAMETOOLONG else "run this as the service's user, or with sudo"


@contextmanager
def _part_of(target: Path) -> Iterator[Path]:
    """A file beside the target to write the copy into; what killed copies to the same name left there goes.

    Each is locked by whoever writes it, so that one that is not locked is left over.
    """
    prefix = f".{os.fsencode(target.name)[:_LONGEST_PREFIX].decode(errors='ignore')}."
    try:
        _delete_left_over(target.parent, prefix)
        number, name = tempfile.mkstemp(prefix=prefix, suffix=PART, dir=target.parent)
    except OSError as error:
        raise StoreError(f"{target.parent}: {error.strerror}: name a folder that can be written") from error
    part = Path(name)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield part
    finally:
        for left in (part, part.with_name(f"{part.name}-journal")):
            left.unlink(missing_ok=True)
        os.close(number)


def _delete_left_over(folder: Path, prefix: str) -> None:
    for path in folder.glob(f"{glob.escape(prefix)}*{PART}"):
        if not path.is_file():
            continue
        with suppress(OSError), path.open("rb") as file:  # another's, or one that is being written
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            path.with_name(f"{path.name}-journal").unlink(missing_ok=True)


@contextmanager
def _until_terminated() -> Iterator[Callable[[], bool]]:
    """Say whether SIGTERM or SIGHUP came, which then end the process only once what was begun is cleared away."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    former = {number: signal.signal(number, lambda number, _: came.append(number)) for number in _ENDING}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _check_target(source: Path, target: Path) -> None:
    """``StoreError`` where ``target`` is anything but a place for a copy."""
    if target.is_dir() or not target.name:
        raise StoreError(f"{target}: is a folder: name a file in it")
    if not target.exists():
        return
    if not target.is_file():  # a pipe would be waited for, for ever
        raise StoreError(f"{target}: is there and is no file: name another")
    if target.samefile(source):
        raise StoreError(f"{target}: is the database itself: name another file")
    if is_in_use(target) or target.with_name(f"{target.name}-wal").exists():
        raise StoreError(f"{target}: is a database in use: name another file")
    if not _is_copy(target):
        raise StoreError(f"{target}: is there and is no copy of a database: name another file, or move it away")


def _is_copy(target: Path) -> bool:
    """Whether the file is a database of alertbot's, whole or not."""
    try:
        with target.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return False
        with closing(sqlite3.connect(f"{target.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except (OSError, sqlite3.Error):
        return False
    return {"series", "samples", "outbox"} <= tables


def _copy(source: Path, part: Path, terminated: Callable[[], bool]) -> None:
    """Copy in one read transaction, which holds up no writer; free pages are left out."""
    try:
        with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=rw", uri=True)) as connection:
            connection.execute(f"PRAGMA busy_timeout = {schema.LOCK_WAIT_MS}")
            connection.set_progress_handler(terminated, _STEPS)
            connection.execute("VACUUM INTO ?", (str(part),))
    except sqlite3.Error as error:
        if terminated():
            raise StoreError(f"{part.parent}: terminated: no backup is made") from error
        if schema.is_damage(error):
            raise schema.damaged(source, error) from error
        mend = schema.AS_THE_SERVICE if schema.is_denied(error) else "see the space left where it is to be"
        raise StoreError(f"{source}: {error}: no backup is made; {mend}") from error


def _verify(part: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{part.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        verdict = str(error)
    if verdict != "ok":
        raise StoreError(
            f"the copy is not sound ({verdict}): no backup is made; `alertbot doctor` looks at the database"
        )


def _sync(path: Path) -> None:
    """Make what was written there outlast a power cut."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
