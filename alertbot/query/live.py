"""What only the running service knows: how far the feed is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Live:
    """The feed as it stands.

    ``frontier`` is the last slot that is known, ``newest`` the newest slot in which the total showed traffic, ``now``
    epoch seconds by the API's clock. ``trouble`` says why the feed gives no answers; ``unreadable`` does of single
    series. ``calls_left`` counts the calls of this minute; ``behind`` the series that wait for data.
    """

    now: float
    frontier: int | None = None
    newest: int | None = None
    trouble: str | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)
    calls_left: int = 0
    calls_per_minute: int = 0
    domains: int = 0
    series: int = 0
    behind: int = 0
