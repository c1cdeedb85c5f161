"""A wall clock of their own for Go programs such as Prometheus, which take no notice of libfaketime."""

from __future__ import annotations

import ctypes
import mmap
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

_SOURCE = Path(__file__).with_name("wall.c")


class Wall:
    """Programs that are started with ``environment`` see the time that it was last ``put`` to, and later.

    Their timers run on by the machine's.
    """

    def __init__(self, folder: Path) -> None:
        library, ahead = folder / "wall.so", folder / "ahead"
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE)], check=True)
        ahead.write_bytes(bytes(mmap.PAGESIZE))
        with ahead.open("r+b") as file:
            # One store, unlike struct's, which others see half done: a glimpse of the true time would be kept for ever.
            self._ahead = ctypes.c_int64.from_buffer(mmap.mmap(file.fileno(), 0))
        self.environment: Mapping[str, str] = {"LD_PRELOAD": str(library), "WALL_AHEAD": str(ahead)}

    def put(self, moment: float) -> None:
        """Let it be ``moment``, in epoch seconds."""
        self._ahead.value = int(moment * 1e9) - time.time_ns()
