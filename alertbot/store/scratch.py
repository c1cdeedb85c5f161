"""Scratch: room for a grid that does not fit into a small machine's memory.

Each day's block is a mapped file without a name, beside the database. The operating system keeps it in memory or on the
disk; ``rest`` gives back the memory that this process holds of it. Nothing of it outlives the process.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import tempfile
import weakref
from pathlib import Path

import numpy as np

from alertbot.rules.base import Array

log = logging.getLogger(__name__)

LARGE = 64_000_000
"""Bytes from which on a grid is kept in scratch."""


def room_for(folder: Path, series: int, slots: int) -> Scratch | None:
    """Room for a grid of so many series and slots; ``None`` where it fits into memory."""
    return Scratch(folder) if 8 * series * slots > LARGE else None


class Scratch:
    """Makes arrays in files under ``folder``, or in memory where there is no room."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._maps: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
        self._full = False

    def __call__(self, rows: int, columns: int) -> Array:
        """An array of rows x columns, of any content."""
        self.rest()
        size = rows * columns * np.dtype(np.float64).itemsize
        try:
            with tempfile.TemporaryFile(dir=self._folder) as file:
                # Taken now: where the disk is full later, writing to what has no place on it would end the process.
                os.posix_fallocate(file.fileno(), 0, size)
                mapped = mmap.mmap(file.fileno(), size)
        except OSError as error:
            if not self._full:
                log.warning("%s: %s: the history is kept in memory, which may take much", self._folder, error.strerror)
            self._full = True
            return np.empty((rows, columns))
        self._maps.add(mapped)
        return np.frombuffer(mapped, dtype=np.float64).reshape(rows, columns)

    def rest(self) -> None:
        """Give back the memory that the files take, until they are used again."""
        for mapped in list(self._maps):
            with contextlib.suppress(OSError):
                mapped.madvise(mmap.MADV_DONTNEED)
