"""Examines a database from outside: whether it is sound, whether a service uses it, what it knows of some days."""

from __future__ import annotations

import fcntl
import re
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from alertbot.errors import StoreError
from alertbot.rules.base import Array
from alertbot.store import samples, schema
from alertbot.units import DAY_SLOTS

_NETWORK = {
    *("9p", "afs", "beegfs", "ceph", "cifs", "davfs", "davfs2", "gfs2", "glusterfs", "lustre"),
    *("nfs", "nfs4", "ocfs2", "rclone", "s3fs", "smb3", "smbfs", "sshfs"),
}
_OCTAL = re.compile(r"\\([0-7]{3})")

_STEPS = 100_000
"""How many of SQLite's own steps lie between two looks at the time."""


def is_in_use(path: Path) -> bool:
    """Whether a service runs on this database; the lock is only tried, and never made."""
    return _is_locked(path) is True


def is_free(path: Path) -> bool:
    """Whether it is certain that no service runs on this database: one did, and its lock is free."""
    return _is_locked(path) is False


def _is_locked(path: Path) -> bool | None:
    """Whether somebody holds the lock; ``None`` where there is none that can be read."""
    try:
        with schema.lock_path(path).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def network_file_system(path: Path, mounts: str) -> str | None:
    """The network file system on which a path lies, by its type; ``mounts`` is what ``/proc/self/mountinfo`` says.

    SQLite's locks and its shared memory do not hold there.
    """
    place, kind = "", ""
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        mounted = _OCTAL.sub(lambda code: chr(int(code[1], 8)), fields.split(" ")[4])
        if len(mounted) >= len(place) and path.resolve().is_relative_to(mounted):
            place, kind = mounted, rest.split(" ")[0]
    return kind if kind.removeprefix("fuse.") in _NETWORK else None


def find_fault(path: Path, seconds: float) -> str | None:
    """What SQLite finds wrong with a database's structure, if anything; ``StoreError`` where it cannot be read.

    ``""`` where ``seconds`` were not enough to look through all of it.
    """
    deadline = time.monotonic() + seconds
    with closing(schema.open_for_reading(path)) as db:
        db.conn.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        try:
            (verdict,) = db.conn.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                return ""
            raise StoreError(f"{path}: {error}") from error
        except sqlite3.Error as error:
            return str(error)
    return None if verdict == "ok" else str(verdict)


def stored_values(path: Path, names: Sequence[str], first: int, last: int) -> Mapping[str, Array]:
    """The stored values of these series between two slots, by name; without those of which less than a day is known."""
    with schema.reading(path) as db:
        values = samples.matrix(db, names, first, last)
    enough = (~np.isnan(values)).sum(axis=0) >= DAY_SLOTS
    return {name: values[:, column] for column, name in enumerate(names) if enough[column]}
