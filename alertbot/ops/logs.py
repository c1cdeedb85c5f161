"""The log: one line an event on standard error, with a second layer that keeps secrets out of it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection

_JOURNAL_PRIORITY = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
_CHATTY = ("httpx", "httpcore", "aiohttp", "asyncio", "sqlite_utils")


class RedactingFormatter(logging.Formatter):
    """Formats a record, traceback included, and blots out every secret that slipped through.

    For the journal (``journal=True``) a line starts with its priority, as systemd reads it, and carries no time.
    """

    def __init__(self, secrets: Collection[str], *, journal: bool) -> None:
        super().__init__("%(message)s" if journal else "%(asctime)s %(levelname)-7s %(message)s")
        self._secrets = sorted(secrets, key=len, reverse=True)
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        if not self._journal:
            return text
        priority = f"<{_JOURNAL_PRIORITY.get(record.levelname, 6)}>"
        return "\n".join(priority + line for line in text.splitlines())


def set_up(secrets: Collection[str], *, journal: bool, level: str = "INFO") -> None:
    """Send the log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(secrets, journal=journal))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    if level == "DEBUG":  # a line for each call of the API; the token is added below it
        logging.getLogger("httpx").setLevel(logging.INFO)
    # A look at the feed that takes longer than the next one's turn is no news; that a job failed is.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
