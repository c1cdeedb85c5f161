"""The end of the socket at which systemd listens to what a service says of itself."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path


class Systemd:
    """Listens as systemd does to what a service says of itself; in an event loop as soon as it is said."""

    def __init__(self, address: Path) -> None:
        self.address = str(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(self.address)
        self._heard: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        with contextlib.suppress(RuntimeError):  # no loop is running: it is read when the test asks
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._socket, self._read)

    @property
    def heard(self) -> list[str]:
        """All it said so far."""
        self._read()
        return self._heard

    @property
    def status(self) -> str:
        """The line for ``systemctl status``."""
        lines = [said.removeprefix("STATUS=") for said in self.heard if said.startswith("STATUS=")]
        return lines[-1] if lines else ""

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._heard.append(self._socket.recv(4096).decode())
