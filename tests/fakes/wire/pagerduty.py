"""PagerDuty's Events API v2 on loopback: it takes what the real one takes, and refuses the rest with its reasons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fakes.wire.loopback import Notified

LONGEST_SUMMARY = 1024
ACTIONS = {"trigger", "acknowledge", "resolve"}
SEVERITIES = {"critical", "error", "warning", "info"}


def problems(event: Mapping[str, Any]) -> list[str]:
    """What is wrong with an event, as its documentation has it."""
    payload, found = event.get("payload", {}), []
    if not event.get("routing_key"):
        found.append("'routing_key' is missing or blank")
    if event.get("event_action") not in ACTIONS:
        found.append("'event_action' is invalid")
    if event.get("event_action") != "trigger":
        return found if event.get("dedup_key") else [*found, "'dedup_key' is missing"]
    if not 0 < len(payload.get("summary", "").strip()) <= LONGEST_SUMMARY:
        found.append("'payload.summary' is missing, blank or too long")
    if not payload.get("source"):
        found.append("'payload.source' is missing or blank")
    if payload.get("severity") not in SEVERITIES:
        found.append("'payload.severity' is invalid (must be one of the following: critical, warning, error or info)")
    return found


class PagerDuty(Notified):
    """Serves while it is entered. ``events``: what it took; ``refused``: why it did not take what."""

    def __init__(self) -> None:
        super().__init__("/v2/enqueue")
        self.events: list[Mapping[str, Any]] = []
        self.refused: list[str] = []

    def answer(self, told: Any) -> tuple[int, bytes]:
        """Take an event, or refuse it with its reasons."""
        wrong = problems(told)
        self.refused += wrong
        if not wrong:
            self.events.append(told)
        said = {"status": "invalid event", "errors": wrong} if wrong else {"status": "success"}
        return HTTPStatus.BAD_REQUEST if wrong else HTTPStatus.ACCEPTED, json.dumps(said).encode()

    @property
    def open(self) -> dict[str, str]:
        """The incidents that are open, with what each says."""
        found: dict[str, str] = {}
        for event in self.events:
            if event["event_action"] == "resolve":
                found.pop(event["dedup_key"], None)
            else:
                found[event["dedup_key"]] = event["payload"]["summary"]
        return found
