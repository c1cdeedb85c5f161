"""The log: one line an event on standard error, with a second layer that keeps secrets out of it."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from types import TracebackType
from urllib.parse import quote, quote_plus

from alertbot.words import printable

log = logging.getLogger(__name__)

_JOURNAL_PRIORITY = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
CHATTY = ("httpx", "httpcore", "aiohttp", "asyncio", "sqlite_utils")
_STDERR = 2


class Secrets:
    """Hides what must not stand in the log, as it is and as a URL holds it; more may be added at any time."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        self._forms: list[str] = []
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Hide these too."""
        forms = {form for secret in secrets for form in (secret, quote(secret, safe=""), quote_plus(secret)) if form}
        # The longest first: a secret may hold another.
        self._forms = sorted(forms.union(self._forms), key=len, reverse=True)

    def hide(self, text: str) -> str:
        """The text without them."""
        for form in self._forms:
            text = text.replace(form, "***")
        return text


class RedactingFormatter(logging.Formatter):
    """Formats a record, traceback included, and blots out every secret that slipped through.

    As ``text`` a message is one line, whatever is in it, and a traceback stands below; as ``json`` both are one object.
    For the journal (``journal=True``) a line starts with its priority, as systemd reads it, and text carries no time.
    """

    def __init__(self, secrets: Secrets, *, journal: bool, json_lines: bool = False) -> None:
        super().__init__("%(message)s" if journal else "%(asctime)s %(levelname)-7s %(message)s")
        self._secrets = secrets
        self._journal = journal
        self._json_lines = json_lines

    def format(self, record: logging.LogRecord) -> str:
        text = self._object(record) if self._json_lines else self._secrets.hide(super().format(record))
        if not self._journal:
            return text
        priority = f"<{_JOURNAL_PRIORITY.get(record.levelname, 6)}>"
        return "\n".join(priority + line for line in text.splitlines())

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = printable(record.message)
        return super().formatMessage(record)

    def _object(self, record: logging.LogRecord) -> str:
        facts = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._secrets.hide(record.getMessage()),
        }
        if record.exc_info:
            facts["exception"] = self._secrets.hide(self.formatException(record.exc_info))
        return json.dumps(facts, ensure_ascii=False)


def set_up(secrets: Secrets, *, journal: bool, level: str = "INFO", log_format: str = "text") -> None:
    """Send the log to standard error from now on, and what would be printed there by Python itself."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(secrets, journal=journal, json_lines=log_format == "json"))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    if level == "DEBUG":  # a line for each call of the API; the token is added below it
        logging.getLogger("httpx").setLevel(logging.INFO)
    # That a poll of the feed takes longer than until the next is no news; that a job failed is.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)
    sys.excepthook = _ended
    threading.excepthook = lambda what: log.error(
        "a thread ended by a mistake", exc_info=(what.exc_type, what.exc_value or what.exc_type(), what.exc_traceback)
    )


def is_journal(environment: Mapping[str, str]) -> bool:
    """Whether standard error is the journal: ``$JOURNAL_STREAM`` says which device and inode that has."""
    try:
        here = os.fstat(_STDERR)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{here.st_dev}:{here.st_ino}"


def _ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("alertbot crashed", exc_info=(kind, error, trace))
