"""Notifies systemd of how the service is, over the socket it names; does nothing where there is none.

Protocol: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Self

_PATIENCE = 1.0  # seconds for a systemd that is busy


class Notifier:
    """Sends states to ``$NOTIFY_SOCKET``, given as ``address``; a leading ``@`` means the abstract namespace.

    ``watchdog``: seconds within which systemd restarts a service it does not hear from; ``None``: never.
    """

    def __init__(self, address: str | None, watchdog: float | None = None) -> None:
        self.watchdog = watchdog
        self._address = "\0" + address[1:] if address and address.startswith("@") else address

    @classmethod
    def of(cls, environment: Mapping[str, str], pid: int) -> Self:
        """The notifier that systemd's environment asks of the process ``pid``."""
        usec, meant = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", str(pid))
        watched = meant == str(pid) and usec.isascii() and usec.isdigit() and int(usec) > 0
        return cls(environment.get("NOTIFY_SOCKET"), int(usec) / 1e6 if watched else None)

    def alive(self) -> None:
        """Keep the watchdog from restarting the service."""
        self._send("WATCHDOG=1")

    def ready(self) -> None:
        """Say that the start or a reload has ended."""
        self._send("READY=1")

    def reloading(self, monotonic: float) -> None:
        """Say that a reload begins, at these monotonic seconds of the machine; ``ready`` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={round(monotonic * 1e6)}")

    def stopping(self) -> None:
        """Say that the service stops."""
        self._send("STOPPING=1")

    def status(self, line: str) -> None:
        """Show one line in ``systemctl status``."""
        self._send(f"STATUS={' '.join(line.splitlines())}")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.settimeout(_PATIENCE)
            try:
                channel.connect(self._address)
                channel.sendall(state.encode())
            except OSError:
                # systemd that does not listen must not end the service it would restart.
                return
