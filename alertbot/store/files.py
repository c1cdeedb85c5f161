"""Whether the files of an open database still lie where they were opened.

SQLite itself goes on with files whose names are gone, so that all it writes is lost once they are closed.
"""

from __future__ import annotations

import os
from pathlib import Path

_WAL, _SHM = "-wal", "-shm"

_Inode = tuple[int, int]


class OpenFiles:
    """The database ``path``, which may be a link, its write-ahead log and its index, as they are when it is opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._resolved = path.resolve()
        self._main = _inode(path)
        self._beside = {suffix: _inode(self._name(suffix)) for suffix in (_WAL, _SHM)}

    def loss(self) -> str | None:
        """What became of them, in words; ``None`` while all are there. ``OSError`` where that cannot be seen."""
        if (loss := self._loss_of_main()) is not None:
            return loss
        gone = [suffix for suffix, opened in self._beside.items() if opened and _inode(self._name(suffix)) != opened]
        return f"{self._path}{gone[0]} was deleted while alertbot ran" if gone else None

    def discard_log(self) -> None:
        """Empty our log where the database is another one by now: SQLite would write what it holds into that one."""
        log = self._name(_WAL)
        if self._loss_of_main() is not None and _inode(log) == self._beside[_WAL] is not None:
            os.truncate(log, 0)

    def _loss_of_main(self) -> str | None:
        now = _inode(self._path)
        if now is None:
            return f"{self._path} was deleted while alertbot ran"
        if now != self._main:
            return f"{self._path} was replaced by another file while alertbot ran"
        return None if self._path.stat().st_size else f"{self._path} was emptied while alertbot ran"

    def _name(self, suffix: str) -> Path:
        return self._resolved.with_name(self._resolved.name + suffix)


def _inode(path: Path) -> _Inode | None:
    """What tells a file from all others; ``None`` where there is none of that name."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
