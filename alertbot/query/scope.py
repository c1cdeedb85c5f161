"""What questions are asked about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from alertbot.config import Config
from alertbot.config.watch import Watch
from alertbot.query.live import Live


@dataclass(frozen=True)
class Scope:
    """The database at ``path``, what is watched, the feed as it stands; ``command`` is what questions begin with."""

    command: str
    path: Path
    watch: Watch
    live: Live

    @property
    def now(self) -> float:
        """Epoch seconds by the API's clock."""
        return self.live.now

    @property
    def zone(self) -> tzinfo:
        """The readers' zone."""
        return self.watch.zone


def scope_of(config: Config, watch: Watch | None, live: Live, command: str) -> Scope:
    """What can be asked about under a configuration; before anything is watched, about nothing."""
    return Scope(command, config.store.path, watch or Watch(config.slack.zone), live)
