"""A consistent copy of the database while a service writes it: whole and looked through, or not there at all."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from alertbot.errors import StoreError
from alertbot.store import schema
from alertbot.store.checkup import is_held

_MAGIC = b"SQLite format 3\0"
PART = ".part"


def back_up(source: Path, target: Path) -> int:
    """Copy the database ``source`` to the file ``target``, its owner's alone; how many bytes that is.

    ``StoreError`` where there is nothing to copy, no room for it, or something stands at ``target`` that is no copy.
    Tables of another version are copied as they are.
    """
    try:
        if not source.exists():
            raise StoreError(f"{source}: there is no database yet, so nothing to back up")
        _refuse(source, target)
    except OSError as error:
        raise StoreError(f"{error.filename}: {error.strerror}: run this as the service's user, or with sudo") from error
    try:
        number, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=PART, dir=target.parent)
        os.close(number)
    except OSError as error:
        raise StoreError(f"{target.parent}: {error.strerror}: name a folder that can be written") from error
    part = Path(name)
    try:
        _copy(source, part)
        _look_through(part)
        _settle(part)
        part.replace(target)
        _settle(target.parent)
        return target.stat().st_size
    except OSError as error:
        raise StoreError(f"{target}: {error.strerror}: no backup is made") from error
    finally:
        for left in (part, part.with_name(f"{part.name}-journal")):
            left.unlink(missing_ok=True)


def _refuse(source: Path, target: Path) -> None:
    """``StoreError`` where ``target`` is anything but a place for a copy."""
    if target.is_dir() or not target.name:
        raise StoreError(f"{target}: is a folder: name a file in it")
    if not target.exists():
        return
    if target.samefile(source):
        raise StoreError(f"{target}: is the database itself: name another file")
    if is_held(target) or target.with_name(f"{target.name}-wal").exists():
        raise StoreError(f"{target}: is a database in use: name another file")
    if not _is_copy(target):
        raise StoreError(f"{target}: is there and is no copy of a database: name another file, or move it away")


def _is_copy(target: Path) -> bool:
    """Whether it is one of ours, whole or not."""
    try:
        with target.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return False
        with closing(sqlite3.connect(f"{target.resolve().as_uri()}?mode=ro", uri=True)) as held:
            tables = {name for (name,) in held.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except (OSError, sqlite3.Error):
        return False
    return {"series", "samples", "outbox"} <= tables


def _copy(source: Path, part: Path) -> None:
    """In one read transaction, which holds up no writer; free pages are left out."""
    try:
        with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=rw", uri=True)) as held:
            held.execute(f"PRAGMA busy_timeout = {schema.LOCK_WAIT_MS}")
            held.execute("VACUUM INTO ?", (str(part),))
    except sqlite3.Error as error:
        if schema.is_damage(error):
            raise schema.damaged(source, error) from error
        raise StoreError(f"{source}: {error}: no backup is made; see the space left where it is to be") from error


def _look_through(part: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{part.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            (said,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        raise StoreError(f"the copy is not sound ({said}): no backup is made; `alertbot doctor` looks at the database")


def _settle(path: Path) -> None:
    """What was written there outlasts a power cut."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
