"""Files as Slack takes them: a URL is asked for, the bytes are posted there, and completing shares the file.

Strictly: a file that was not issued, not uploaded, of another length than announced or completed before is refused.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fakes.wire.blockkit import Refused

MOST_ALT = 1000


@dataclass
class File:
    """A file on its way: what was announced of it, and its bytes once they are there."""

    id: str
    name: str
    length: int
    alt: str
    content: bytes | None = None
    title: str = ""
    completed: bool = False


@dataclass(frozen=True)
class Shared:
    """A file as people see it: in a channel, in a thread or not."""

    channel: str
    thread_ts: str | None
    name: str
    title: str
    alt: str
    content: bytes = field(repr=False)


class Files:
    """The files of a workspace; with ``sharing`` off, Slack answers ok and shares nothing."""

    def __init__(self) -> None:
        self.sharing = True
        self.shared: list[Shared] = []
        self._held: dict[str, File] = {}
        self._keys: dict[str, str] = {}

    def issue(self, given: Mapping[str, Any]) -> tuple[str, str]:
        """A new file's id, and the key of the URL its bytes are to be posted to."""
        length, alt = str(given["length"]), str(given.get("alt_txt") or "")
        if not length.isdigit() or length == "0" or not given["filename"]:
            raise Refused("invalid_arguments", "[ERROR] length must be a positive integer, filename a name")
        if len(alt) > MOST_ALT:
            raise Refused("alt_txt_too_large")
        file = File(f"F0{len(self._held):06d}", str(given["filename"]), int(length), alt)
        key = secrets.token_hex(8)
        self._held[file.id], self._keys[key] = file, file.id
        return file.id, key

    def receive(self, key: str, content: bytes) -> bool:
        """Bytes posted to an issued URL; whether they are what was announced. A URL works once."""
        file = self._held.get(self._keys.pop(key, ""))
        if file is None or len(content) != file.length:
            return False
        file.content = content
        return True

    def complete(self, given: Mapping[str, Any], channel: str | None) -> list[dict[str, Any]]:
        """Share files in a channel, already known to be one where that is allowed."""
        for each in _listed(given["files"]):
            file = self._held.get(each["id"])
            if file is None or file.content is None or file.completed:
                raise Refused("file_not_found")
            file.completed, file.title = True, each.get("title") or file.name
            if channel is not None and self.sharing:
                thread_ts = given.get("thread_ts")
                self.shared.append(Shared(channel, thread_ts, file.name, file.title, file.alt, file.content))
        return [{"id": each["id"], "title": each.get("title")} for each in _listed(given["files"])]


def _listed(files: Any) -> list[dict[str, Any]]:
    listed = json.loads(files) if isinstance(files, str) else files
    if (
        not isinstance(listed, list)
        or not listed
        or not all(isinstance(each, dict) and "id" in each for each in listed)
    ):
        raise Refused("invalid_arguments", "[ERROR] files must be a list of objects with an id")
    if any(set(each) - {"id", "title", "highlight_type"} for each in listed):
        raise Refused("invalid_arguments", "[ERROR] unknown key in files")
    return listed
